//! A mesh was recovered without this node: the operator gave the ledger to another one, and what this voter holds counts no
//! more.
//!
//! It hears of it like a worker, by whoever leads, and checks it from the genesis on. From then on it neither votes nor
//! leads, and hears nobody but the voters that came of the recovery: they may bring it a checkpoint, which makes it one of
//! theirs. A ledger that went on without the recovery cannot become that of the mesh: the node stops and says so.

use std::sync::Arc;

use hms_protocol::id::{Index, NodeId};
use hms_protocol::trust::VoterSet;

use super::Supervisor;
use crate::effect::Effect;
use crate::outbox::Outbox;
use crate::raft::RaftRole;

/// A recovery that this voter's ledger does not hold.
#[derive(Clone, Debug)]
pub(super) struct Overruled {
    at: Index,
    voters: Arc<VoterSet>,
}

impl Supervisor {
    /// The mesh was recovered at an entry, and these vote by now.
    pub fn recovered(&mut self, at: Index, voters: &VoterSet, outbox: &mut Outbox) {
        if at.0 <= self.driver.members().epoch().0 {
            self.overruled = None;
            return;
        }
        let held = self.driver.committed();
        if at <= held {
            let reason = format!(
                "the operator recovered the mesh at entry {at}, and the ledger here went on without that up to entry {held}: \
                 move the folder `ledger` out of the data directory, start the node again, and promote it"
            );
            outbox.push(Effect::Halt { reason });
        }
        if self.overruled.is_none() {
            tracing::warn!(%at, "the mesh was recovered without this node: it neither votes nor leads");
            self.driver.step_down();
        }
        let voters = Arc::new(voters.clone());
        self.overruled = Some(Overruled { at, voters });
    }

    /// Whether Raft tells this node who leads: it votes or listens, as far as its ledger goes, and that counts.
    pub fn takes_part(&self) -> bool {
        !self.is_overruled() && self.driver.role() != RaftRole::Outsider
    }

    /// Whether what this voter holds counts no more.
    pub(super) fn is_overruled(&self) -> bool {
        let epoch = self.driver.members().epoch();
        let newer = |it: &Overruled| epoch.0 < it.at.0;
        self.overruled.as_ref().is_some_and(newer)
    }

    /// Whether a node is of the voters before the recovery, and of no other.
    pub(super) fn is_outdated(&self, from: NodeId) -> bool {
        let overruled = self.overruled.as_ref().filter(|_| self.is_overruled());
        overruled.is_some_and(|it| !it.voters.has(from))
    }
}
