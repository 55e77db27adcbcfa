//! Commands: what stands in the log, and what it does to the state.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use bolero::check;
use hms_consensus::state::State;
use hms_consensus::state::checkpoint::Checkpoint;
use hms_consensus::state::command::Batch;
use hms_protocol::codec;

use crate::spoil::{FOR, HARVEST, Spoilt};

static BATCHES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let logged = HARVEST.logged.iter();
    let batches = logged
        .filter(|data| codec::decode::<Batch>(data).is_ok_and(|batch| !batch.commands.is_empty()));
    batches.cloned().collect()
});

static STATES: LazyLock<Vec<State>> = LazyLock::new(|| {
    let read = |bytes: &Vec<u8>| Checkpoint::decode(bytes).map(|checkpoint| checkpoint.state);
    let states: Result<Vec<State>, _> = HARVEST.checkpoints.iter().map(read).collect();
    states.expect("what a mesh has written can be read")
});

/// DAT-1: what is accepted as a batch has one meaning, and whatever it orders, the state takes it without a panic, and goes
/// on to take what is right.
#[test]
fn a_spoilt_batch_is_refused_or_decided_alike_by_everybody() {
    let (read, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    LazyLock::force(&BATCHES);
    LazyLock::force(&STATES);
    check!()
        .with_type::<Spoilt>()
        .with_test_time(FOR)
        .for_each(|spoilt| {
            let Ok(batch) = codec::decode::<Batch>(&spoilt.make(&BATCHES)) else {
                refused.fetch_add(1, Ordering::Relaxed);
                return;
            };
            read.fetch_add(1, Ordering::Relaxed);
            let again = codec::decode::<Batch>(&codec::encode(&batch));
            assert_eq!(again.as_ref(), Ok(&batch));

            let before = &STATES[spoilt.also as usize % STATES.len()];
            let good = codec::decode::<Batch>(spoilt.choose::<Vec<u8>>(&BATCHES))
                .expect("it is a real one");
            let [one, other] = [&batch, &again.expect("compared above")].map(|batch| {
                let mut state = before.clone();
                state.apply(state.applied().next(), batch);
                state.apply(state.applied().next(), &good);
                state.digest()
            });
            assert_eq!(one, other);
        });
    assert!(0 < read.into_inner() && 0 < refused.into_inner());
}
