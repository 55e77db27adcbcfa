//! Frames on the wire: what one voter says to another, and no more words than a frame may have.

use hms_protocol::ballot::Mandate;
use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::frame::Frame;
use hms_protocol::id::Index;
use hms_protocol::limits::{VOTERS_MAX, WORDS_PER_FRAME_MAX};

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
