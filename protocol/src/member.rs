//! A member: a node that the mesh has admitted.

use crate::id::{Incarnation, NodeId, NodeName};
use crate::time::Moment;

/// Where a node serves clients if it can, and where a client looks unless it is told otherwise, as `host:port`.
pub const GATEWAY_USUAL: &str = "127.0.0.1:7400";

/// What a node does for the mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Holds the ledger and votes.
    Voter,
    /// Hosts agents only.
    Worker,
}

/// How the ledger sees a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Presence {
    /// It beats.
    Present,
    /// It has not been heard for `DEAD_AFTER_MS`; its work was taken away.
    Lost,
}

/// A member as the roster knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its key.
    pub id: NodeId,
    /// What people call it. Unique in the mesh.
    pub name: NodeName,
    /// What it was admitted as.
    pub role: Role,
    /// Where it listens, as libp2p multiaddresses without the peer id.
    pub addresses: Vec<String>,
    /// Its gateway, as `host:port`.
    pub gateway: String,
    /// Its newest life that the ledger has seen.
    pub incarnation: Incarnation,
    /// How the ledger sees it.
    pub presence: Presence,
    /// Whether Raft counts its vote: false for a voter that is still catching up.
    pub votes: bool,
    /// When it was admitted.
    pub admitted_at: Moment,
}

/// The members as a worker needs them: enough to know whom to believe and whom to ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RosterView {
    /// Grows with every change of membership.
    pub revision: u64,
    /// Everybody, by id.
    pub members: Vec<Member>,
}
