//! Changes of members, and the office handed over: one change at a time, learners first.
//!
//! Who should take part is decided elsewhere; here a change that makes no sense is refused before it is proposed. One is
//! proposed where the log ends with what is certified, so that whoever gets it can judge it at once.

use hms_protocol::id::NodeId;

use super::driver::Driver;
use super::limits;
use super::members::{MembershipChange, conf_change, raft_id};
use super::refusal::RaftRefusal;

impl Driver {
    /// Proposes that a node receives the log, without a vote.
    pub fn add_learner(&mut self, node: NodeId) -> Result<(), RaftRefusal> {
        self.propose_change(node, MembershipChange::Learner)
    }

    /// Proposes that a learner that has caught up gets a vote.
    pub fn promote(&mut self, node: NodeId) -> Result<(), RaftRefusal> {
        let learns = self.members.learns(raft_id(node));
        if self.leads() && learns && !self.caught_up(node) {
            return Err(RaftRefusal::MembershipWrong {
                node,
                reason: "it has not caught up yet",
            });
        }
        self.propose_change(node, MembershipChange::Voter)
    }

    /// Proposes that a voter or learner takes no part any more. A leader cannot remove itself: it
    /// hands over first.
    pub fn remove(&mut self, node: NodeId) -> Result<(), RaftRefusal> {
        if node == self.me {
            return Err(RaftRefusal::MembershipWrong {
                node,
                reason: "it leads: hand over first",
            });
        }
        self.propose_change(node, MembershipChange::Removed)
    }

    /// Whether a change of members may be under way: another one has to wait.
    pub fn is_changing(&self) -> bool {
        self.node.raft.has_pending_conf()
    }

    fn propose_change(
        &mut self,
        node: NodeId,
        change: MembershipChange,
    ) -> Result<(), RaftRefusal> {
        self.check_leads()?;
        // Whoever judges it must know everything before it.
        if self.is_changing() || self.committed() < self.last() {
            return Err(RaftRefusal::MembershipBusy);
        }
        if limits::HANDOVERS_MAX <= self.handovers().len() {
            return Err(RaftRefusal::MembershipWrong {
                node,
                reason: "the voters have changed as often as the mesh can show",
            });
        }
        if let Some(reason) = self.members.objection(node, change) {
            return Err(RaftRefusal::MembershipWrong { node, reason });
        }
        let proposed = self
            .node
            .propose_conf_change(Vec::new(), conf_change(node, change));
        proposed.map_err(|_| RaftRefusal::Busy {
            what: "bytes in flight",
            max: limits::UNCOMMITTED_BYTES_MAX,
        })
    }
}
