//! What a node is born with: who it is, what it was told, how patient it is to be.

use std::sync::Arc;

use hms_protocol::heartbeat::HeartbeatPace;
use hms_protocol::id::{Incarnation, MeshId, NodeId, NodeName};
use hms_protocol::keyring::SecretKey;
use hms_protocol::member::{Role, RosterView};
use hms_protocol::skill::SkillSpec;

use crate::limits::{CHECKPOINT_EVERY_BYTES, CHECKPOINT_EVERY_ENTRIES};
use crate::raft::RaftSettings;

/// What a node is born with.
#[derive(Clone, Debug)]
pub struct Birth {
    /// The mesh.
    pub mesh: MeshId,
    /// Its id.
    pub me: NodeId,
    /// Its key: a voter signs what it holds.
    pub key: Arc<SecretKey>,
    /// What people call it.
    pub name: NodeName,
    /// Which life this is.
    pub incarnation: Incarnation,
    /// What it was admitted as.
    pub role: Role,
    /// The software's version.
    pub version: String,
    /// The members, as far as it knew them when its last life ended, or when it was admitted.
    pub roster: RosterView,
    /// What its agents could do.
    pub skills: Vec<SkillSpec>,
    /// How patient Raft is.
    pub settings: RaftSettings,
    /// How often the state is written down.
    pub checkpoints: CheckpointPace,
    /// How often it beats.
    pub heartbeats: HeartbeatPace,
}

/// How often a voter writes its state down. Often costs disk bandwidth; seldom costs disk space, and time at the next
/// start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointPace {
    /// Applied entries after which a checkpoint is due.
    pub entries: u64,
    /// Applied bytes after which one is due.
    pub bytes: usize,
}

impl Default for CheckpointPace {
    fn default() -> Self {
        Self {
            entries: CHECKPOINT_EVERY_ENTRIES,
            bytes: CHECKPOINT_EVERY_BYTES,
        }
    }
}
