//! THE LOOP: waits in one place, lets the mind think, carries out what it orders.
//!
//! Everything that reaches the mind comes through here, one input at a time; what arrives while the mind thinks is taken
//! together with the next input, so that a busy node makes larger batches instead of longer queues.

use std::time::Duration;

use hms_consensus::input::TICK_MS;
use hms_consensus::mind::Mind;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::limits::{BURST_MAX, MEASURE_EVERY};
use crate::mailbox::Inbox;
use crate::perform::{Fault, Hands};

/// Drives a mind until it is told to stop, or until going on would break a promise.
pub async fn drive(
    mut mind: Mind,
    mut inbox: Inbox,
    mut hands: Hands,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let mut ticker = interval(Duration::from_millis(TICK_MS));
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut measuring = interval(MEASURE_EVERY);
    let mut effects = Vec::new();

    loop {
        let input = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            _ = ticker.tick() => hands.tick(),
            input = hands.stored() => input?,
            _ = measuring.tick() => hands.measure(),
            Some(input) = inbox.recv() => input,
        };

        mind.handle(input);
        take_burst(&mut mind, &mut inbox, &hands);
        mind.settle(&mut effects);
        hands.need.send_replace(mind.need());
        for effect in effects.drain(..) {
            hands.perform(effect).await?;
        }
    }
}

/// Takes what else has arrived, up to a bound, so that ticks and storage are never starved.
fn take_burst(mind: &mut Mind, inbox: &mut Inbox, hands: &Hands) {
    let mut taken = 1;
    while taken < BURST_MAX {
        let Ok(input) = inbox.try_recv() else { break };
        mind.handle(input);
        taken += 1;
    }
    hands.count_inputs(taken);
}
