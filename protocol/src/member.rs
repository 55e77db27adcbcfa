//! A member: a node that the mesh has admitted.

use std::sync::Arc;

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

/// Whether a member takes part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemberStanding {
    /// It does.
    #[default]
    Good,
    /// Evidence convicts its key: it is not heard, gets no work and is never admitted again.
    Quarantined,
    /// The operator has revoked its key, with the same consequences.
    Revoked,
}

impl MemberStanding {
    /// The name, for people and for machines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Quarantined => "quarantined",
            Self::Revoked => "revoked",
        }
    }
}

/// Which part of Raft is meant for a member. The leader brings it about, one change at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seat {
    /// None: it does not receive the ledger.
    #[default]
    None,
    /// It receives the ledger without a vote, and may take the seat of a voter that is lost.
    Spare,
    /// It votes.
    Voter,
}

impl Seat {
    /// The name, for people and for machines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Spare => "spare",
            Self::Voter => "voter",
        }
    }
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
    /// Whether it takes part.
    pub standing: MemberStanding,
    /// Which part of Raft is meant for it.
    pub seat: Seat,
    /// Whether Raft gives it the log without counting its vote.
    pub listens: bool,
    /// Since when the ledger sees it as it does: present or lost.
    pub presence_since: Moment,
    /// Whether it gets no new work, because the operator says so. What it has, it goes on with.
    pub cordoned: bool,
}

/// The life of a member that has not beaten yet. The first life of a node is 1.
pub const NEVER_BEATEN: Incarnation = Incarnation(0);

impl Member {
    /// A member that comes in now: present, in good standing, without a seat, and not heard yet.
    pub fn new(id: NodeId, name: NodeName, role: Role, now: Moment) -> Self {
        Self {
            id,
            name,
            role,
            addresses: Vec::new(),
            gateway: String::new(),
            incarnation: NEVER_BEATEN,
            presence: Presence::Present,
            votes: false,
            admitted_at: now,
            standing: MemberStanding::Good,
            seat: Seat::None,
            listens: false,
            presence_since: now,
            cordoned: false,
        }
    }

    /// Whether it takes part: it may speak, vote, and be given work.
    pub fn takes_part(&self) -> bool {
        match self.standing {
            MemberStanding::Good => true,
            MemberStanding::Quarantined | MemberStanding::Revoked => false,
        }
    }
}

/// The members as a worker needs them: enough to know whom to believe and whom to ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RosterView {
    /// Grows with every change of membership.
    pub revision: u64,
    /// Everybody, by id. A mesh of a thousand passes its roster on many times: copies share what they hold.
    pub members: Arc<[Member]>,
}

impl RosterView {
    /// The members that take part: whom to hear, to dial and to ask.
    pub fn participants(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.takes_part())
    }

    /// The standing of a member that takes no part; `None` for one that does, and for a stranger.
    pub fn exclusion_of(&self, node: NodeId) -> Option<MemberStanding> {
        let mut excluded = self.members.iter().filter(|member| !member.takes_part());
        let found = excluded.find(|member| member.id == node);
        found.map(|member| member.standing)
    }
}
