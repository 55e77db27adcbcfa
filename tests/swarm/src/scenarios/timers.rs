//! Timers of libp2p fire when virtual time says so, and the clocks of the process show that time.
//!
//! Without this, a run would be deterministic and prove nothing: pings would never be sent, and no silence noticed.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use futures_timer::Delay;
use hms_node::clock::Clock;
use turmoil::Builder;

use super::Remarks;
use crate::scene::Scene;

/// Timers that are set one after the other.
const ROUNDS: u64 = 60;

/// What each waits for.
const ROUND: Duration = Duration::from_secs(1);

/// Time is cut into milliseconds: each timer may be one late.
const LATE_MS_MAX: u64 = ROUNDS;

pub(super) fn play(_: &mut Scene) -> anyhow::Result<Remarks> {
    let mut sim = Builder::new().simulation_duration(2 * ROUND * 60).build();
    let took_ms = Rc::new(Cell::new(0));
    let noted = took_ms.clone();
    sim.client("sleeper", async move {
        let clock = Clock::start();
        for _ in 0..ROUNDS {
            Delay::new(ROUND).await;
        }
        noted.set(clock.uptime_ms());
        Ok(())
    });
    sim.run().map_err(|error| anyhow::anyhow!("{error}"))?;

    let (took_ms, due_ms) = (took_ms.get(), ROUNDS * 1_000);
    anyhow::ensure!(
        (due_ms..=due_ms + LATE_MS_MAX).contains(&took_ms),
        "{ROUNDS} timers of {ROUND:?} took {took_ms} ms by the node's clock"
    );
    Ok(vec![format!("{ROUNDS} timers took {took_ms} ms")])
}
