//! The heartbeat: one signed digest per node, once a second or quicker, from which every node knows every other.
//!
//! It carries what placement and suspicion need and nothing that grows with the number of agents, except the short list
//! of what changed since the beat before.

use crate::id::{AgentId, Incarnation, Index, NodeId, Sequence, Term};

/// What a node says of itself. The envelope around it says when and signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Who.
    pub node: NodeId,
    /// Which life.
    pub incarnation: Incarnation,
    /// Counts the beats of this life.
    pub sequence: Sequence,
    /// The software's version, for example `0.1.0`.
    pub version: String,
    /// Share of its processors in use, in thousandths.
    pub load_permille: u32,
    /// How late its loop ran at worst since the last beat, in milliseconds.
    pub lag_ms: u32,
    /// Resident memory, in bytes.
    pub memory_bytes: u64,
    /// Agents hosted.
    pub agents: u32,
    /// Agent slots in use.
    pub running: u32,
    /// Grows with every change among its agents; a listener that missed one asks.
    pub agents_version: u64,
    /// Agents that changed since the last beat, at most `HEARTBEAT_CHANGES_MAX`.
    pub changed: Vec<AgentId>,
    /// The term that it knows.
    pub term: Term,
    /// The leader that it knows.
    pub leader: Option<NodeId>,
    /// How far it has applied the ledger; zero for a worker.
    pub applied: Index,
}

/// Changes listed in one heartbeat. With more, the list is empty and only `agents_version` tells.
pub const HEARTBEAT_CHANGES_MAX: usize = 32;

/// How often a node beats unless it is told otherwise, in milliseconds, and the slowest that it may be told. The
/// silences below are the mesh's and are counted against this pace: a slower node would look ill while it is well.
pub const HEARTBEAT_EVERY_MS: u64 = 1_000;

/// The quickest that a node may beat, in milliseconds. Every beat is a signed message to every member, and silence is
/// judged in seconds: a quicker pace would only cost.
pub const HEARTBEAT_EVERY_MS_MIN: u64 = 100;

/// How often one node beats: between [`HEARTBEAT_EVERY_MS_MIN`] and [`HEARTBEAT_EVERY_MS`]. Nodes of one mesh may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeartbeatPace {
    every_ms: u64,
}

impl HeartbeatPace {
    /// A beat every so many milliseconds; `None` if that is outside the bounds.
    pub fn every_ms(every_ms: u64) -> Option<Self> {
        let allowed = HEARTBEAT_EVERY_MS_MIN..=HEARTBEAT_EVERY_MS;
        allowed.contains(&every_ms).then_some(Self { every_ms })
    }

    /// Time between two beats, in milliseconds.
    pub const fn ms(self) -> u64 {
        self.every_ms
    }
}

impl Default for HeartbeatPace {
    fn default() -> Self {
        Self {
            every_ms: HEARTBEAT_EVERY_MS,
        }
    }
}

/// A node that has not been heard for this long is suspected: nothing new is placed on it. Reversible.
pub const SUSPECT_AFTER_MS: u64 = 2_500;

/// A node that has not heard its leader for this long stops the work that it holds leases for. Less than
/// [`DEAD_AFTER_MS`] by more than the time that a message may take, so that no task runs twice under a valid lease.
pub const FENCE_AFTER_MS: u64 = 4_000;

/// A node that has not been heard for this long is declared lost: its work goes to others.
pub const DEAD_AFTER_MS: u64 = 6_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_a_second_or_quicker_but_not_too_quick() {
        for (every_ms, allowed) in [
            (0, false),
            (HEARTBEAT_EVERY_MS_MIN - 1, false),
            (HEARTBEAT_EVERY_MS_MIN, true),
            (HEARTBEAT_EVERY_MS, true),
            (HEARTBEAT_EVERY_MS + 1, false),
        ] {
            let pace = HeartbeatPace::every_ms(every_ms);
            assert_eq!(
                pace.map(HeartbeatPace::ms),
                allowed.then_some(every_ms),
                "{every_ms}"
            );
        }
        assert_eq!(HeartbeatPace::default().ms(), HEARTBEAT_EVERY_MS);
    }
}
