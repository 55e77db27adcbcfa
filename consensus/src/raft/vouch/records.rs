//! What is shown of the ledger to somebody who was not there: changes of voters, checkpoints, and what a restart finds.

use std::collections::BTreeMap;

use hms_protocol::certificate::{Certificate, Statement};
use hms_protocol::id::{Epoch, Index};
use hms_protocol::receipt::{BuildRefusal, Handover, Records, Showcase};

use super::Vouching;
use crate::raft::driver::Driver;
use crate::raft::log::Anchor;

impl Driver {
    /// The certificate by the present voters of exactly this entry. A checkpoint is made only where there is one: who gets it
    /// must be able to check it.
    pub fn certificate_at(&self, index: Index) -> Option<Certificate> {
        let kept = self.vouch.kept.get(&index);
        let theirs = kept.filter(|it| it.statement.epoch == self.members.epoch());
        theirs.cloned()
    }

    /// The newest final certificate that is kept: how far the ledger is certified.
    pub fn head(&self) -> Option<&Certificate> {
        self.vouch.kept.last_key_value().map(|(_, newest)| newest)
    }

    /// Whether a checkpoint is of this mesh, and its own voters have certified the entry that it ends with.
    pub(in crate::raft) fn is_certified(&self, anchor: &Anchor) -> bool {
        let group = self.vouch.seat.group;
        let (Some(set), Some(certificate)) = (anchor.members.voter_set(group), &anchor.certificate)
        else {
            return false;
        };
        let Statement {
            index, hash, phase, ..
        } = certificate.statement;
        anchor.mesh == group
            && (index, hash) == (anchor.point.index, anchor.point.chain)
            && phase == Vouching::final_phase(&set)
            && certificate.verify(&set).is_ok()
    }

    /// A change of voters at an index comes into force: keeps what shows that the voters before it made it final.
    pub(in crate::raft) fn hand_over(&mut self, index: Index, before: Epoch) {
        let theirs = |it: &&Certificate| it.statement.epoch == before;
        let mut above = self.vouch.kept.range(index..).map(|(_, it)| it);
        let end = above.find(theirs).map(|it| it.statement.index);
        let shown = end.map(|end| {
            let entries = self.node.store().kept_between(index, end);
            let records = Records {
                mesh: self.vouch.seat.group,
                entries: &entries,
                certificates: &self.vouch.kept,
                handovers: &[],
                agents: BTreeMap::new(),
            };
            Handover::build(index, before, &records)
        });
        match shown {
            Some(Ok(handover)) => drop(self.vouch.handovers.insert(index, handover)),
            Some(Err(refusal)) => tracing::error!(%index, %refusal, "a handover cannot be shown"),
            None => tracing::error!(%index, "a change of voters is in force without a certificate"),
        }
    }

    /// Prepares an entry of which commands are to be shown; an error if it is not in memory any more, or not certified yet.
    pub fn showcase(&self, index: Index) -> Result<Showcase, BuildRefusal> {
        let handovers = self.handovers();
        let since = handovers.iter().map(|it| it.stretch.index);
        let since = since.filter(|since| *since < index).max();
        let counts = |it: &Certificate| since.is_none_or(|since| since.0 <= it.statement.epoch.0);
        let mut above = self.vouch.kept.range(index..);
        let end = above.find(|(_, certificate)| counts(certificate));
        let (end, _) = end.ok_or(BuildRefusal::Uncertified { index })?;
        let entries = self.node.store().kept_between(index, *end);
        Showcase::build(
            index,
            &Records {
                mesh: self.vouch.seat.group,
                entries: &entries,
                certificates: &self.vouch.kept,
                handovers: &handovers,
                agents: BTreeMap::new(),
            },
        )
    }

    /// Certificates that were on disk: those that are of this log are kept.
    pub(in crate::raft) fn recall(&mut self, certificates: Vec<Certificate>) {
        for certificate in certificates {
            let Statement { index, hash, .. } = certificate.statement;
            let point = self.node.store().point(index);
            if point.is_some_and(|point| point.chain == hash) {
                self.vouch.keep(certificate);
            }
        }
        let certified = self.vouch.certified.0;
        self.node.raft.raft_log.commit_to(certified);
    }
}
