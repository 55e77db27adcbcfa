//! Who takes part in Raft, and how nodes and Raft's 64-bit ids name each other.
//!
//! A node's raft id is derived from its key, so no table of ids has to be agreed on. Admission
//! refuses a node whose raft id is taken; here a collision is refused again.
//!
//! Only simple changes exist: one node at a time becomes a learner, becomes a voter, or is removed.
//! It does not decide who should.

use std::collections::BTreeMap;

use hms_protocol::id::{Epoch, Index, MeshId, NodeId};
pub use hms_protocol::membership::raft_id;
use hms_protocol::trust::{Trust, VoterSet};
use prost_raft::Message as _;
use raft::eraftpb::{ConfChange, ConfChangeType, ConfState};

/// The voters and learners of one configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    trust: Trust,
    // The index of the entry that made these the voters.
    epoch: Epoch,
    // Invariant: every key is `raft_id` of its value, and no key is in both maps.
    voters: BTreeMap<u64, NodeId>,
    learners: BTreeMap<u64, NodeId>,
}

/// What becomes of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembershipChange {
    /// It receives the log and has no vote.
    Learner,
    /// It has a vote.
    Voter,
    /// It has no part any more.
    Removed,
}

impl Default for Members {
    /// Nobody: a node that was never brought up.
    fn default() -> Self {
        Self {
            trust: Trust::Byzantine,
            epoch: Epoch(0),
            voters: BTreeMap::new(),
            learners: BTreeMap::new(),
        }
    }
}

impl Members {
    /// A configuration; `None` when a node occurs twice or two nodes share a raft id.
    pub fn new(trust: Trust, epoch: Epoch, voters: &[NodeId], learners: &[NodeId]) -> Option<Self> {
        let mut members = Self {
            trust,
            epoch,
            ..Self::default()
        };
        for voter in voters {
            members.add(*voter, MembershipChange::Voter)?;
        }
        for learner in learners {
            members.add(*learner, MembershipChange::Learner)?;
        }
        Some(members)
    }

    fn add(&mut self, node: NodeId, change: MembershipChange) -> Option<()> {
        let id = raft_id(node);
        if self.node(id).is_some() {
            return None;
        }
        let place = match change {
            MembershipChange::Voter => &mut self.voters,
            MembershipChange::Learner => &mut self.learners,
            MembershipChange::Removed => return Some(()),
        };
        place.insert(id, node);
        Some(())
    }

    /// What the voters may do besides stopping.
    pub fn trust(&self) -> Trust {
        self.trust
    }

    /// Which set of voters it is: the index of the entry that made it.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The voters as a group's certificates are verified against them; `None` when there are none, or too many.
    pub(super) fn voter_set(&self, group: MeshId) -> Option<VoterSet> {
        let voters = self.voters.values().copied().collect();
        VoterSet::new(group, self.epoch, self.trust, voters).ok()
    }

    /// The voters, in the order of their raft ids.
    pub fn voters(&self) -> Vec<NodeId> {
        self.voters.values().copied().collect()
    }

    /// The learners, in the order of their raft ids.
    pub fn learners(&self) -> Vec<NodeId> {
        self.learners.values().copied().collect()
    }

    /// Whether there is nobody: the node was never brought up.
    pub fn is_empty(&self) -> bool {
        self.voters.is_empty() && self.learners.is_empty()
    }

    /// Whether this raft id has a vote.
    pub(super) fn votes(&self, id: u64) -> bool {
        self.voters.contains_key(&id)
    }

    /// Whether this raft id is the only voter.
    pub(super) fn votes_alone(&self, id: u64) -> bool {
        self.voters.len() == 1 && self.votes(id)
    }

    /// Whether this raft id is a learner.
    pub(super) fn learns(&self, id: u64) -> bool {
        self.learners.contains_key(&id)
    }

    /// The node with this raft id, if it takes part.
    pub(super) fn node(&self, id: u64) -> Option<NodeId> {
        self.voters
            .get(&id)
            .or_else(|| self.learners.get(&id))
            .copied()
    }

    /// Every raft id of the configuration.
    pub(super) fn ids(&self) -> impl Iterator<Item = u64> {
        self.voters.keys().chain(self.learners.keys()).copied()
    }

    /// Takes note of a change that Raft has applied, and where it stands.
    pub(super) fn apply(&mut self, index: Index, node: NodeId, change: MembershipChange) {
        let id = raft_id(node);
        if self.votes(id) != (change == MembershipChange::Voter) {
            self.epoch = Epoch(index.0);
        }
        self.voters.remove(&id);
        self.learners.remove(&id);
        match change {
            MembershipChange::Voter => {
                self.voters.insert(id, node);
            }
            MembershipChange::Learner => {
                self.learners.insert(id, node);
            }
            MembershipChange::Removed => {}
        }
    }

    /// Why this change cannot be made here; `None` when it can. The same on every replica at the
    /// same entry.
    pub(super) fn objection(&self, node: NodeId, change: MembershipChange) -> Option<&'static str> {
        let id = raft_id(node);
        let known = self.node(id);
        if known.is_some_and(|known| known != node) {
            return Some("another node has its raft id");
        }
        match change {
            MembershipChange::Learner if known.is_some() => Some("it takes part already"),
            MembershipChange::Voter if self.votes(id) => Some("it votes already"),
            MembershipChange::Voter if known.is_none() => Some("it is no learner yet"),
            MembershipChange::Removed if known.is_none() => Some("it takes no part"),
            MembershipChange::Removed if self.votes_alone(id) => Some("it is the only voter"),
            MembershipChange::Learner | MembershipChange::Voter | MembershipChange::Removed => None,
        }
    }

    pub(super) fn conf_state(&self) -> ConfState {
        ConfState {
            voters: self.voters.keys().copied().collect(),
            learners: self.learners.keys().copied().collect(),
            ..ConfState::default()
        }
    }
}

/// Raft's form of a change. The node's key travels in the context.
pub(super) fn conf_change(node: NodeId, change: MembershipChange) -> ConfChange {
    let kind = match change {
        MembershipChange::Learner => ConfChangeType::AddLearnerNode,
        MembershipChange::Voter => ConfChangeType::AddNode,
        MembershipChange::Removed => ConfChangeType::RemoveNode,
    };
    ConfChange {
        change_type: kind.into(),
        node_id: raft_id(node),
        context: node.as_bytes().to_vec(),
        ..ConfChange::default()
    }
}

/// Reads a change back; `None` when it is not one that [`conf_change`] made.
pub(super) fn read_conf_change(data: &[u8]) -> Option<(NodeId, MembershipChange)> {
    let change = ConfChange::decode(data).ok()?;
    let node = NodeId::from_slice(&change.context)?;
    let kind = match ConfChangeType::from_i32(change.change_type)? {
        ConfChangeType::AddLearnerNode => MembershipChange::Learner,
        ConfChangeType::AddNode => MembershipChange::Voter,
        ConfChangeType::RemoveNode => MembershipChange::Removed,
    };
    (change == conf_change(node, kind)).then_some((node, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: u8) -> NodeId {
        NodeId::from_bytes([number; 32])
    }

    fn members(voters: &[u8], learners: &[u8]) -> Option<Members> {
        let nodes = |numbers: &[u8]| numbers.iter().map(|number| node(*number)).collect();
        let (voters, learners): (Vec<_>, Vec<_>) = (nodes(voters), nodes(learners));
        Members::new(Trust::Byzantine, Epoch(1), &voters, &learners)
    }

    #[test]
    fn a_change_reads_back_and_a_forged_one_does_not() {
        for kind in [
            MembershipChange::Learner,
            MembershipChange::Voter,
            MembershipChange::Removed,
        ] {
            let bytes = conf_change(node(1), kind).encode_to_vec();
            assert_eq!(read_conf_change(&bytes), Some((node(1), kind)));
        }
        let mut forged = conf_change(node(1), MembershipChange::Voter);
        forged.node_id = raft_id(node(2));
        assert_eq!(read_conf_change(&forged.encode_to_vec()), None);
        forged.change_type = 17;
        assert_eq!(read_conf_change(&forged.encode_to_vec()), None);
        assert_eq!(read_conf_change(b"\xff\xff"), None);
    }

    #[test]
    fn whoever_has_no_raft_reads_the_same() {
        use hms_protocol::codec;
        use hms_protocol::membership::{Becomes, MemberChange};

        for (change, becomes) in [
            (MembershipChange::Learner, Becomes::Learner),
            (MembershipChange::Voter, Becomes::Voter),
            (MembershipChange::Removed, Becomes::Removed),
        ] {
            let bytes = conf_change(node(1), change).encode_to_vec();
            let node = node(1);
            let read = codec::decode_exact(&bytes);
            assert_eq!(read, Ok(MemberChange { node, becomes }));
        }
    }

    #[test]
    fn the_same_node_cannot_take_part_twice() {
        assert!(members(&[1, 2], &[3]).is_some());
        assert!(members(&[1, 1], &[]).is_none());
        assert!(members(&[1], &[1]).is_none());
    }

    #[test]
    fn only_a_change_of_the_voters_begins_an_epoch() {
        let mut members = members(&[1], &[]).unwrap();
        let mut epoch_after = |index, change| {
            members.apply(Index(index), node(2), change);
            members.epoch()
        };
        assert_eq!(epoch_after(5, MembershipChange::Learner), Epoch(1));
        assert_eq!(epoch_after(6, MembershipChange::Voter), Epoch(6));
        assert_eq!(epoch_after(7, MembershipChange::Removed), Epoch(7));
        assert_eq!(epoch_after(8, MembershipChange::Learner), Epoch(7));
        assert_eq!(epoch_after(9, MembershipChange::Removed), Epoch(7));
    }

    #[test]
    fn a_change_that_makes_no_sense_meets_an_objection() {
        let members = members(&[1], &[2]).unwrap();
        let object = |number, change| members.objection(node(number), change).is_some();
        assert!(object(1, MembershipChange::Removed), "the only voter");
        assert!(object(1, MembershipChange::Learner), "a demotion");
        assert!(object(3, MembershipChange::Voter), "not a learner before");
        assert!(!object(2, MembershipChange::Voter));
        assert!(!object(3, MembershipChange::Learner));
    }
}
