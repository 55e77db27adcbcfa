//! Hurts nodes of a local mesh, from outside: kill, pause, resume.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::TestnetFault;
use crate::manifest::NodeEntry;
use crate::process::Pulse;

/// How long a signal may take to show.
const SHOWS_WITHIN: Duration = Duration::from_secs(10);

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// `kill -9`: no goodbye, no flush.
pub fn kill(node: &NodeEntry) -> Result<(), TestnetFault> {
    signal(node, Signal::KILL, Pulse::Gone)
}

/// Asks the node to stop, and kills it if it does not in time.
pub fn stop(node: &NodeEntry) -> Result<(), TestnetFault> {
    // A paused process cannot hear a request to stop.
    if node.process.pulse() == Pulse::Paused {
        signal(node, Signal::CONT, Pulse::Running)?;
    }
    signal(node, Signal::TERM, Pulse::Gone).or_else(|_| kill(node))
}

/// Stops the node's processor time: it holds its connections and does nothing.
pub fn pause(node: &NodeEntry) -> Result<(), TestnetFault> {
    signal(node, Signal::STOP, Pulse::Paused)
}

/// Lets a paused node go on.
pub fn resume(node: &NodeEntry) -> Result<(), TestnetFault> {
    signal(node, Signal::CONT, Pulse::Running)
}

/// Sends a signal and waits until the kernel shows its effect.
fn signal(node: &NodeEntry, signal: Signal, wanted: Pulse) -> Result<(), TestnetFault> {
    node.process
        .signal(signal)
        .map_err(|source| TestnetFault::Io {
            verb: "signalled",
            path: node.data_dir.clone(),
            source,
        })?;
    let since = Instant::now();
    loop {
        let pulse = node.process.pulse();
        if pulse == wanted || pulse == Pulse::Gone {
            return Ok(());
        }
        if SHOWS_WITHIN < since.elapsed() {
            return Err(TestnetFault::Unkillable {
                name: node.name.clone(),
                pid: node.process.pid,
                within_ms: u64::try_from(SHOWS_WITHIN.as_millis()).unwrap_or(u64::MAX),
            });
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
