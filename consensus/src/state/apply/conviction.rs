//! A node is convicted by what it has signed itself, and takes no part any more.
//!
//! Every replica checks the evidence again: neither who brings it nor who proposes it is believed. One piece against a
//! node is enough, so a second one changes nothing and is not kept.

use hms_protocol::evidence::{Exhibit, Guilty, VoterEvidence};
use hms_protocol::id::NodeId;
use hms_protocol::member::{Member, MemberStanding};
use hms_protocol::refusal::Refusal;

use super::Turn;
use crate::state::Change;
use crate::state::event::Event;
use crate::state::evidence::Evidence;

impl Turn<'_> {
    /// Quarantines a member because of what it has signed.
    pub(super) fn convict_node(&mut self, evidence: &VoterEvidence) -> Result<Change, Refusal> {
        let member = self.state.roster.known(evidence.accused())?;
        if member.standing == MemberStanding::Quarantined {
            return Ok(Change::Done);
        }
        let node = evidence
            .verify(self.state.mesh())
            .map_err(Refusal::NoEvidence)?;
        let exhibit = Exhibit::Voter(Box::new(*evidence));
        let number = self.keep_evidence(Guilty::Node(node), exhibit);
        self.exclude(node, MemberStanding::Quarantined);
        self.tell(Event::NodeConvicted { node, number });
        Ok(Change::Done)
    }

    /// Ends a member's part in the mesh: what it was at is given to others. Whether it still votes in Raft is the leader's
    /// next concern.
    pub(super) fn exclude(&mut self, node: NodeId, standing: MemberStanding) {
        let Some(member) = self.state.roster.member(node) else {
            return;
        };
        let excluded = Member {
            standing,
            ..member.clone()
        };
        self.state.roster.put_member(excluded, true);
        self.tell(Event::RosterChanged);
        self.vacate(node);
        self.end_runs_on(node);
        self.redraw_services(node);
    }

    /// Keeps what convicts somebody, and gives its number.
    pub(super) fn keep_evidence(&mut self, guilty: Guilty, exhibit: Exhibit) -> u64 {
        self.state.archive.keep(Evidence {
            number: 0,
            position: self.position,
            at: self.state.now,
            guilty,
            exhibit,
        });
        self.state.archive.newest()
    }
}
