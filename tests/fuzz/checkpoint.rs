//! Checkpoints: what a disk gives back and what a leader sends, honest or not.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use bolero::check;
use hms_consensus::mind::CheckpointPace;
use hms_consensus::state::checkpoint::{Checkpoint, CheckpointError};
use hms_consensus::state::command::Batch;
use hms_consensus::supervisor::replica::Replica;
use hms_proto::v1;
use hms_protocol::codec;
use hms_protocol::digest::{Domain, Hash, hash_fields};
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint};

use crate::spoil::{FOR, HARVEST, Spoilt};

/// A checkpoint taken apart.
#[derive(Clone)]
pub(crate) struct Parts {
    version: u32,
    head: v1::CheckpointHead,
    state: Vec<u8>,
}

impl Parts {
    /// Takes a real one apart.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let frame = v1::Checkpoint::decode(bytes).expect("it is a real one");
        let content = v1::CheckpointContent::decode(&*frame.content).expect("it is a real one");
        Self {
            version: frame.version,
            head: v1::CheckpointHead::decode(&*frame.content).expect("it is a real one"),
            state: content.state.unwrap_or_default().encode_to_vec(),
        }
    }

    /// Puts it together with a right checksum, around this state, claiming this digest.
    pub(crate) fn forge(&self, state: &[u8], digest: Hash) -> Vec<u8> {
        let mut content = self.head.encode_to_vec();
        for (number, part) in [(6, state), (7, &digest.as_bytes()[..])] {
            encode_key(number, WireType::LengthDelimited, &mut content);
            encode_varint(part.len() as u64, &mut content);
            content.extend_from_slice(part);
        }
        let checksum = hash_fields(Domain::Checkpoint, &[&content]);
        let frame = v1::Checkpoint {
            version: self.version,
            content,
            checksum: checksum.as_bytes().to_vec(),
        };
        frame.encode_to_vec()
    }
}

static PARTS: LazyLock<Vec<Parts>> = LazyLock::new(|| {
    let all = HARVEST.checkpoints.iter();
    all.map(|bytes| Parts::of(bytes)).collect()
});

static STATES: LazyLock<Vec<Vec<u8>>> =
    LazyLock::new(|| PARTS.iter().map(|parts| parts.state.clone()).collect());

static BATCHES: LazyLock<Vec<Batch>> = LazyLock::new(|| {
    let logged = HARVEST.logged.iter();
    logged.filter_map(|data| codec::decode(data).ok()).collect()
});

/// MSH-10: damage on a disk or on the way is noticed, and a replica that refuses stays as it was.
#[test]
fn a_spoilt_checkpoint_is_refused_and_changes_nothing() {
    let (read, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    LazyLock::force(&HARVEST);
    check!()
        .with_type::<Spoilt>()
        .with_test_time(FOR)
        .for_each(|spoilt| {
            let mut replica = Replica::blank(CheckpointPace::default());
            let before = replica.stand();
            let bytes = spoilt.make(&HARVEST.checkpoints);
            if replica.install(&bytes).is_err() {
                refused.fetch_add(1, Ordering::Relaxed);
                assert_eq!(replica.stand(), before);
                return;
            }
            read.fetch_add(1, Ordering::Relaxed);
            // Only a frame around the same content is let through.
            let checkpoint = Checkpoint::decode(&bytes).expect("it was installed");
            let real = HARVEST.checkpoints.iter();
            let real: Vec<_> = real.filter(|real| **real == checkpoint.encode()).collect();
            assert!(!real.is_empty(), "a forgery was installed");
        });
    assert!(0 < read.into_inner() && 0 < refused.into_inner());
}

/// A leader that lies gets its checksum and its digest right. What is installed then is read the same by everybody, and
/// the state goes on to take commands without a panic.
#[test]
fn a_forged_checkpoint_is_refused_or_is_a_state_like_any_other() {
    let (read, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    LazyLock::force(&STATES);
    LazyLock::force(&BATCHES);
    check!()
        .with_type::<Spoilt>()
        .with_test_time(FOR)
        .for_each(|spoilt| {
            let parts = spoilt.choose(&PARTS);
            let state = spoilt.make(&STATES);
            let claimed = parts.forge(&state, Hash::default());
            let Err(CheckpointError::OtherState { found, .. }) = Checkpoint::decode(&claimed)
            else {
                refused.fetch_add(1, Ordering::Relaxed);
                return;
            };
            read.fetch_add(1, Ordering::Relaxed);
            let bytes = parts.forge(&state, found);
            let one = Checkpoint::decode(&bytes).expect("now the digest is right");
            let other = Checkpoint::decode(&one.encode()).expect("a node reads what it wrote");
            assert!(one == other, "two readings of one checkpoint");

            let mut state = one.state;
            let batch = &BATCHES[spoilt.also as usize % BATCHES.len()];
            state.apply(state.applied().next(), batch);
        });
    assert!(0 < read.into_inner() && 0 < refused.into_inner());
}
