//! Frames on the wire: what one voter says to another, and no more words than a frame may have.

use hms_protocol::ballot::Mandate;
use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::frame::{Arrival, Chunk, Frame};
use hms_protocol::id::{Index, Term};
use hms_protocol::limits::{CHUNK_BYTES_MAX, CODE_BYTES_MAX, VOTERS_MAX, WORDS_PER_FRAME_MAX};

use super::{attest, certificate, votes};

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
