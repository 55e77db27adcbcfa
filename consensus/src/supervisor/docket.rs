//! Evidence against voters that this voter has checked for itself, until the ledger has it.
//!
//! Whoever notices evidence tells every voter, again and again, and whoever leads proposes it: so it survives a change of
//! leaders, and the guilty one cannot hold it back. Nothing is believed unchecked, and nobody is blamed for what it brings.
//! It is not on disk: a voter that starts anew is told again, as long as one of the others goes on running.
//!
//! What a conviction means for the mesh is for `apply` to decide.

use std::collections::BTreeMap;

use hms_protocol::evidence::VoterEvidence;
use hms_protocol::id::{MeshId, NodeId};
use hms_protocol::member::Member;
use hms_protocol::peer::PeerMessage;
use hms_protocol::time::Moment;

use crate::limits::{EVIDENCE_CHECKS_PER_NODE_MAX, EVIDENCE_TOLD_PER_ROUND_MAX, REPEAT_EVERY_MS};
use crate::outbox::Outbox;
use crate::raft::MembershipChange;
use crate::state::command::Command;
use crate::state::roster::Roster;
use crate::supervisor::Supervisor;
use crate::supervisor::allowance::Allowance;
use crate::supervisor::proposals::Errand;

/// Evidence that the ledger does not have yet.
#[derive(Debug)]
pub(super) struct Docket {
    /// By whom it convicts: one piece is enough. Bounded by the members.
    cases: BTreeMap<NodeId, Case>,
    /// Who may have evidence checked.
    checks: Allowance,
}

#[derive(Debug)]
struct Case {
    evidence: VoterEvidence,
    tell_at: Moment,
}

impl Default for Docket {
    fn default() -> Self {
        Self {
            cases: BTreeMap::new(),
            checks: Allowance::new(EVIDENCE_CHECKS_PER_NODE_MAX),
        }
    }
}

impl Docket {
    /// Takes evidence that convicts a member of this mesh, unless there is some against it already. Gives whom.
    fn take(
        &mut self,
        mesh: MeshId,
        evidence: &VoterEvidence,
        roster: &Roster,
        now: Moment,
    ) -> Option<NodeId> {
        let accused = evidence.accused();
        let guilty = evidence.verify(mesh).ok()?;
        assert_eq!(guilty, accused, "evidence convicts whom it accuses");
        let member = roster.member(guilty)?;
        if !member.takes_part() || self.accuses(guilty) {
            return None;
        }
        let case = Case {
            evidence: *evidence,
            tell_at: now,
        };
        self.cases.insert(guilty, case);
        Some(guilty)
    }

    /// Whether there is evidence against a node that the ledger does not have yet.
    fn accuses(&self, node: NodeId) -> bool {
        self.cases.contains_key(&node)
    }

    /// Forgets what the ledger has decided, and who is no member any more.
    fn settle(&mut self, roster: &Roster) {
        let is_open = |node: &NodeId| roster.member(*node).is_some_and(Member::takes_part);
        self.cases.retain(|node, _| is_open(node));
    }

    /// What the others are to be told now.
    fn due(&mut self, now: Moment) -> Vec<VoterEvidence> {
        let due = self.cases.values_mut().filter(|case| case.tell_at <= now);
        due.take(EVIDENCE_TOLD_PER_ROUND_MAX)
            .map(|case| {
                case.tell_at = now.plus_ms(REPEAT_EVERY_MS);
                case.evidence
            })
            .collect()
    }
}

impl Supervisor {
    /// This voter has noticed a contradiction itself.
    pub(super) fn accuse(&mut self, evidence: &VoterEvidence) {
        let state = self.replica.state();
        let taken = self
            .docket
            .take(state.mesh(), evidence, state.roster(), self.now);
        if let Some(node) = taken {
            let what = evidence.describe();
            tracing::error!(%node, what, "a voter is guilty: it is not heard any more");
        }
    }

    /// A member brings evidence. What is known already, or comes too often, costs nothing.
    pub fn told(&mut self, from: NodeId, evidence: &VoterEvidence) {
        let news = !self.is_excluded(evidence.accused());
        if news && self.docket.checks.spend(from, self.now) {
            self.accuse(evidence);
        }
    }

    /// Whether a node is not to be heard: the ledger says so, or evidence that is on its way there.
    pub(super) fn is_excluded(&self, node: NodeId) -> bool {
        let member = self.replica.state().roster().member(node);
        member.is_some_and(|member| !member.takes_part()) || self.docket.accuses(node)
    }

    /// Brings evidence to the other voters and, as the leader, into the ledger; takes the vote of whoever is convicted.
    pub(super) fn prosecute(&mut self, outbox: &mut Outbox) {
        self.docket.settle(self.replica.state().roster());
        let voters = self.driver.members().voters();
        for evidence in self.docket.due(self.now) {
            for voter in &voters {
                if *voter != self.me && *voter != evidence.accused() {
                    outbox.send(*voter, PeerMessage::Evidence(Box::new(evidence)));
                }
            }
        }
        if !self.acting() {
            return;
        }
        for (node, case) in &self.docket.cases {
            let command = Command::Convict(Box::new(case.evidence));
            self.proposals.run(command, Errand::Convict(*node));
        }
        self.expel();
    }

    /// Takes the vote of the next member that takes no part any more. One at a time: Raft refuses more.
    pub(super) fn expel(&mut self) {
        let roster = self.replica.state().roster();
        let is_out = |node: &NodeId| roster.member(*node).is_some_and(|it| !it.takes_part());
        let members = self.driver.members();
        let (voters, learners) = (members.voters(), members.learners());
        let mut takers = voters.iter().chain(&learners);
        let Some(node) = takers.find(|node| is_out(node)).copied() else {
            return;
        };
        self.change_members(node, MembershipChange::Removed);
    }
}

#[cfg(test)]
mod tests {
    use hms_protocol::certificate::{Attestation, Phase, Statement};
    use hms_protocol::digest::Hash;
    use hms_protocol::id::{Epoch, Index, Term};

    use super::*;
    use crate::state::State;
    use crate::state::command::Batch;
    use crate::state::trial::{genesis, key};

    const NOW: Moment = Moment(50_000);

    /// A mesh of node 1 alone.
    fn mesh() -> State {
        State::genesis(&genesis(1, 7))
    }

    /// The same, after node 1 was convicted.
    fn convicted() -> State {
        let mut state = mesh();
        let batch = Batch {
            stamped_at: NOW,
            commands: vec![Command::Convict(Box::new(evidence(1)))],
        };
        assert!(state.apply(Index(2), &batch).outcomes[0].is_ok());
        state
    }

    fn word(number: u8, hash: u8) -> Attestation {
        let statement = Statement {
            group: mesh().mesh(),
            epoch: Epoch(1),
            phase: Phase::Locked,
            term: Term(2),
            index: Index(5),
            hash: Hash::from_bytes([hash; 32]),
        };
        statement.attest(&key(number))
    }

    fn two(first: Attestation, second: Attestation) -> VoterEvidence {
        VoterEvidence::TwoAttestations { first, second }
    }

    fn evidence(number: u8) -> VoterEvidence {
        two(word(number, 1), word(number, 2))
    }

    /// Whether a docket takes a piece, twice.
    fn check(evidence: &VoterEvidence, state: &State, expected: [bool; 2]) {
        let mut docket = Docket::default();
        let mut take = || docket.take(state.mesh(), evidence, state.roster(), NOW);
        assert_eq!([take().is_some(), take().is_some()], expected);
    }

    #[test]
    fn only_what_convicts_a_member_in_good_standing_is_taken_and_once() {
        check(&evidence(1), &mesh(), [true, false]);
        check(&evidence(1), &convicted(), [false, false]);
        check(&evidence(2), &mesh(), [false, false]);
        check(&two(word(1, 1), word(1, 1)), &mesh(), [false, false]);
        let mut forged = word(1, 2);
        forged.signature = word(2, 2).signature;
        check(&two(word(1, 1), forged), &mesh(), [false, false]);
    }

    #[test]
    fn evidence_is_told_every_second_until_the_ledger_has_it() {
        let mut docket = Docket::default();
        let open = mesh();
        docket.take(open.mesh(), &evidence(1), open.roster(), NOW);
        assert_eq!(docket.due(NOW), [evidence(1)]);
        assert_eq!(docket.due(NOW.plus_ms(REPEAT_EVERY_MS - 1)), []);
        docket.settle(open.roster());
        assert_eq!(docket.due(NOW.plus_ms(REPEAT_EVERY_MS)), [evidence(1)]);
        docket.settle(convicted().roster());
        assert_eq!(docket.due(NOW.plus_ms(9 * REPEAT_EVERY_MS)), []);
        assert!(!docket.accuses(evidence(1).accused()));
    }
}
