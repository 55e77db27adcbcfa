//! Frames on the wire: what one voter says to another, and no more words than a frame may have.

use hms_protocol::ballot::Mandate;
use hms_protocol::certificate::{Attestation, Certificate};
use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::frame::{Arrival, Chunk, Frame};
use hms_protocol::id::{Index, Term};
use hms_protocol::keyring::Signature;
use hms_protocol::limits::{CHUNK_BYTES_MAX, CODE_BYTES_MAX, VOTERS_MAX, WORDS_PER_FRAME_MAX};
use hms_protocol::vetting::{Need, Verified, Vetter};

use super::{attest, certificate, node, statement, voters, votes};

fn frame(attestations: usize, certificates: usize) -> Frame {
    Frame {
        message: b"opaque".to_vec(),
        certified: Index(7),
        attestations: vec![attest(&[1])[0]; attestations],
        certificates: vec![certificate(); certificates],
        ..Frame::default()
    }
}

/// What a leader sends, with so many votes for it.
fn from_leader(count: usize) -> Frame {
    Frame {
        vote: Some(votes(&[1])[0]),
        mandate: Some(Mandate {
            votes: vec![votes(&[1])[0]; count],
        }),
        before: Some(Hash::from_bytes([7; 32])),
        ..frame(0, 1)
    }
}

#[test]
fn a_frame_reads_back() {
    for written in [frame(0, 0), frame(1, 2), from_leader(3), Frame::default()] {
        assert_eq!(
            codec::decode::<Frame>(&codec::encode(&written)),
            Ok(written)
        );
    }
}

#[test]
fn a_frame_with_too_many_words_is_refused() {
    let most = WORDS_PER_FRAME_MAX;
    let read = |frame: &Frame| codec::decode::<Frame>(&codec::encode(frame));
    assert!(read(&frame(most, most)).is_ok());
    for (attestations, certificates) in [(most + 1, 0), (0, most + 1)] {
        let refused = read(&frame(attestations, certificates)).unwrap_err();
        assert_eq!(refused.code(), "HMS-CODEC-TOO-MANY", "{refused}");
    }
    assert!(read(&from_leader(VOTERS_MAX)).is_ok());
    let refused = read(&from_leader(VOTERS_MAX + 1)).unwrap_err();
    assert_eq!(refused.code(), "HMS-CODEC-TOO-MANY", "{refused}");
}

/// With a snapshot: so much of it, and what the receiver says.
fn in_chunks(bytes: usize, code: usize) -> Frame {
    Frame {
        chunk: Some(Chunk {
            digest: Hash::from_bytes([5; 32]),
            total: u64::MAX,
            offset: u64::MAX,
            bytes: vec![1; bytes],
        }),
        arrival: Some(Arrival {
            term: Term(3),
            digest: Hash::from_bytes([5; 32]),
            arrived: u64::MAX,
            refused: Some("x".repeat(code)).filter(|code| !code.is_empty()),
        }),
        ..Frame::default()
    }
}

#[test]
fn a_chunk_and_a_code_have_their_bounds() {
    let read = |frame: &Frame| codec::decode::<Frame>(&codec::encode(frame));
    for (bytes, code) in [(0, 0), (CHUNK_BYTES_MAX, CODE_BYTES_MAX)] {
        let written = in_chunks(bytes, code);
        assert_eq!(read(&written), Ok(written));
    }
    for (bytes, code, field) in [
        (CHUNK_BYTES_MAX + 1, 0, "chunk.bytes"),
        // Before it is decoded.
        (2 * CHUNK_BYTES_MAX, 0, "frame.chunk"),
        (0, CODE_BYTES_MAX + 1, "arrival.refused"),
    ] {
        let refused = read(&in_chunks(bytes, code)).unwrap_err();
        assert_eq!(
            (refused.code(), refused.field()),
            ("HMS-CODEC-TOO-LONG", field)
        );
    }
}

fn forge(signature: &mut Signature) {
    let mut bytes = *signature.as_bytes();
    bytes[0] ^= 1;
    *signature = Signature::from_bytes(bytes);
}

/// Vetting says what it has verified and nothing else: whoever asks it about another word has to verify that.
#[test]
fn what_is_vetted_is_known_to_be_good_and_nothing_else_is() {
    let index = statement().index;
    let need = Need {
        me: node(9),
        applied: Index(index.0 - 1),
        others: 4,
    };
    let vet = |frame: &Frame, need: Need| Vetter::default().vet(frame.clone(), &need).good;
    let knows = |good: &Verified, word: &Attestation| {
        good.has(&word.statement, word.voter, &word.signature)
    };
    let mut frame = Frame {
        attestations: attest(&[1, 2]),
        certificates: vec![certificate()],
        ..Frame::default()
    };
    let good = vet(&frame, need);
    assert!(frame.attestations.iter().all(|word| knows(&good, word)));
    assert!(!knows(&good, &attest(&[4])[0]), "it was not there");
    let verify = |certificate: &Certificate, known: &Verified| {
        certificate.verify_beside(&voters(), None, known)
    };
    let mut forged = certificate();
    forge(&mut forged.signers[1].1);
    assert!(verify(&certificate(), &good).is_ok());
    assert!(verify(&forged, &good).is_err());
    let mut other = certificate();
    other.statement.index = index.next();
    assert!(verify(&other, &good).is_err());
    // Nobody has use for what was applied, or for a word when nobody else is needed; its own word a node knows.
    for (applied, others) in [(index, 4), (need.applied, 0)] {
        let idle = Need {
            applied,
            others,
            ..need
        };
        assert_eq!(vet(&frame, idle), Verified::default());
    }
    let own = vet(
        &frame,
        Need {
            me: node(1),
            ..need
        },
    );
    assert!(!knows(&own, &frame.attestations[0]) && knows(&own, &frame.attestations[1]));
    // The first forgery ends it.
    forge(&mut frame.attestations[1].signature);
    let good = vet(&frame, need);
    assert!(knows(&good, &frame.attestations[0]) && !knows(&good, &frame.attestations[1]));
    assert!(
        verify(&certificate(), &good).is_ok(),
        "it is verified by whoever asks"
    );
}

/// What was good once is known when it comes again, and words beyond a quorum's are left to whoever wants them.
#[test]
fn a_vetter_remembers_and_verifies_no_more_than_is_needed() {
    let need = Need {
        me: node(9),
        applied: Index(0),
        others: 2,
    };
    let mut vetter = Vetter::default();
    let mut vet = |number: u8| {
        let attestations = attest(&[number]);
        let word = attestations[0];
        let frame = Frame {
            attestations,
            ..Frame::default()
        };
        let good = vetter.vet(frame, &need).good;
        good.has(&word.statement, word.voter, &word.signature)
    };
    assert_eq!([1, 2, 3].map(&mut vet), [true, true, false]);
    let frame = Frame {
        certificates: vec![certificate()],
        ..Frame::default()
    };
    let good = vetter.vet(frame, &need).good;
    let (node, signature) = certificate().signers[0];
    assert!(good.has(&statement(), node, &signature));
}
