//! How Raft's members come to be those that the ledger wants: one change at a time, learners first.
//!
//! Which change is next is computed anew each time from what the ledger wants, what Raft has and who is heard, so a new
//! leader goes on where the last one stopped. A voter is taken out or in only while those who remain can decide without
//! waiting for anybody who is not heard.

use std::collections::BTreeMap;

use hms_protocol::id::NodeId;
use hms_protocol::member::{Member, Presence, Seat};

use crate::liveness::{Condition, Liveness};
use crate::raft::{Members, MembershipChange};
use crate::state::State;
use crate::state::command::Command;
use crate::supervisor::Supervisor;
use crate::supervisor::proposals::Errand;

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Listen(NodeId),
    Promote(NodeId),
    Remove(NodeId),
    HandOver(NodeId),
}

/// What the next step follows from.
struct Seating<'a> {
    me: NodeId,
    /// The seats that the ledger gives, of whoever takes part and holds a ledger.
    seats: BTreeMap<NodeId, Seat>,
    members: &'a Members,
    alive: &'a dyn Fn(NodeId) -> bool,
    caught_up: &'a dyn Fn(NodeId) -> bool,
}

impl Supervisor {
    /// Brings Raft's members one step nearer to what the ledger wants.
    pub(super) fn settle_seats(&mut self, liveness: &Liveness) {
        if !self.acting() {
            return;
        }
        let now = self.now;
        let me = self.me;
        let seating = Seating {
            me,
            seats: seats(self.replica.state()),
            members: self.driver.members(),
            alive: &|node| node == me || liveness.condition(node, now) == Condition::Alive,
            caught_up: &|node| self.driver.caught_up(node),
        };
        let Some(step) = seating.next() else { return };
        match step {
            Step::Listen(node) => self.change_members(node, MembershipChange::Learner),
            Step::Promote(node) => self.change_members(node, MembershipChange::Voter),
            Step::Remove(node) => self.change_members(node, MembershipChange::Removed),
            Step::HandOver(node) => {
                if let Err(refusal) = self.driver.transfer(node) {
                    tracing::debug!(%node, %refusal, "the office is not handed over yet");
                }
            }
        }
    }

    /// Proposes a change of members, once everything before it is applied: only then does this leader know, and whoever
    /// gets the change, that the ledger calls for it there. Until then no commands are proposed.
    pub(super) fn change_members(&mut self, node: NodeId, change: MembershipChange) {
        if self.driver.is_changing() {
            return;
        }
        if self.replica.index() < self.driver.last() {
            self.hushed = true;
            return;
        }
        if let Some(reason) = self.replica.state().objection_to(node, change) {
            tracing::debug!(%node, ?change, reason, "the ledger does not call for a change of members");
            return;
        }
        let proposed = match change {
            MembershipChange::Learner => self.driver.add_learner(node),
            MembershipChange::Voter => self.driver.promote(node),
            MembershipChange::Removed => self.driver.remove(node),
        };
        if let Err(refusal) = proposed {
            tracing::debug!(%node, ?change, %refusal, "a change of members has to wait");
        }
    }

    /// Goes on with the change of members for which everything was held back.
    pub(super) fn resume_seats(&mut self, liveness: &Liveness) {
        if self.hushed && self.driver.last() <= self.replica.index() {
            self.hushed = false;
            if self.acting() {
                self.expel();
            }
            self.settle_seats(liveness);
        }
    }

    /// Proposes that spares take the seats of voters that have been lost for too long.
    pub(super) fn watch_seats(&mut self) {
        if !self.acting() {
            return;
        }
        let state = self.replica.state();
        let after_ms = state.charter().replace_voter_after_ms;
        let mut spares = state.roster().spares().map(|member| member.id);
        let due = |member: &&Member| {
            after_ms != 0
                && member.seat == Seat::Voter
                && member.presence == Presence::Lost
                && after_ms <= self.now.since_ms(member.presence_since)
        };
        let lost = state.roster().members().filter(due);
        let commands: Vec<_> = lost
            .map_while(|member| {
                Some(Command::ReplaceLost {
                    lost: member.id,
                    incarnation: member.incarnation,
                    spare: spares.next()?,
                })
            })
            .collect();
        for command in commands {
            if let Command::ReplaceLost { lost, .. } = command {
                self.proposals.run(command, Errand::Replace(lost));
            }
        }
    }
}

/// The seats that the ledger gives.
fn seats(state: &State) -> BTreeMap<NodeId, Seat> {
    let members = state.roster().members();
    let seats = members.map(|member| (member.id, state.seat_of(member.id)));
    seats.filter(|(_, seat)| *seat != Seat::None).collect()
}

impl Seating<'_> {
    fn next(&self) -> Option<Step> {
        self.take_out_silent()
            .or_else(|| self.promote())
            .or_else(|| self.let_listen())
            .or_else(|| self.take_out_heard())
            .or_else(|| self.dismiss())
    }

    /// Which part of Raft the ledger wants a node to have.
    fn wanted(&self, node: NodeId) -> Seat {
        self.seats.get(&node).copied().unwrap_or_default()
    }

    /// Whether so many voters, of whom so many are heard, can decide.
    fn decides(&self, voters: usize, heard: usize) -> bool {
        self.members.trust().quorum(voters) <= heard
    }

    fn heard(&self, voters: &[NodeId]) -> usize {
        voters.iter().filter(|voter| (self.alive)(**voter)).count()
    }

    fn can_go(&self, node: NodeId) -> bool {
        let rest = self.members.voters();
        let rest: Vec<NodeId> = rest.into_iter().filter(|voter| *voter != node).collect();
        !rest.is_empty() && self.decides(rest.len(), self.heard(&rest))
    }

    /// A voter that is not heard and has no seat goes first: it counts against every quorum.
    fn take_out_silent(&self) -> Option<Step> {
        let voters = self.members.voters().into_iter();
        let mut unseated = voters.filter(|voter| self.wanted(*voter) != Seat::Voter);
        let gone = unseated.find(|voter| !(self.alive)(*voter) && self.can_go(*voter));
        gone.map(Step::Remove)
    }

    fn promote(&self) -> Option<Step> {
        let voters = self.members.voters();
        let mut learners = self.members.learners().into_iter();
        let next = learners.find(|learner| {
            self.wanted(*learner) == Seat::Voter
                && (self.alive)(*learner)
                && (self.caught_up)(*learner)
        })?;
        let safe = self.decides(voters.len() + 1, self.heard(&voters) + 1);
        safe.then_some(Step::Promote(next))
    }

    fn let_listen(&self) -> Option<Step> {
        let (voters, learners) = (self.members.voters(), self.members.learners());
        let next = self.seats.keys().find(|node| {
            self.wanted(**node) != Seat::None
                && (self.alive)(**node)
                && !voters.contains(node)
                && !learners.contains(node)
        });
        next.map(|node| Step::Listen(*node))
    }

    /// A voter that is heard and has no seat goes when whoever is to follow it votes. The leader hands over first.
    fn take_out_heard(&self) -> Option<Step> {
        let voters = self.members.voters();
        let follows = |node: &NodeId| {
            self.wanted(*node) == Seat::Voter && !voters.contains(node) && (self.alive)(*node)
        };
        if self.seats.keys().any(follows) {
            return None;
        }
        let mut unseated = voters
            .iter()
            .filter(|voter| self.wanted(**voter) != Seat::Voter);
        let goes = unseated.find(|voter| (self.alive)(**voter) && self.can_go(**voter))?;
        if *goes != self.me {
            return Some(Step::Remove(*goes));
        }
        let heir = voters.iter().find(|voter| {
            self.wanted(**voter) == Seat::Voter
                && **voter != self.me
                && (self.alive)(**voter)
                && (self.caught_up)(**voter)
        });
        heir.map(|heir| Step::HandOver(*heir))
    }

    fn dismiss(&self) -> Option<Step> {
        let mut learners = self.members.learners().into_iter();
        let gone = learners.find(|learner| self.wanted(*learner) == Seat::None);
        gone.map(Step::Remove)
    }
}

#[cfg(test)]
mod tests {
    use hms_protocol::id::Epoch;
    use hms_protocol::trust::Trust;

    use super::*;

    fn node(number: u8) -> NodeId {
        NodeId::from_bytes([number; 32])
    }

    /// The next step of node 1, which leads: the seats that the ledger gives to nodes 1, 2, …, who votes and listens in
    /// Raft, and who is not heard. Everybody who listens has caught up.
    fn check(seats: &[Seat], voters: &[u8], (listens, silent): (&[u8], &[u8]), step: Option<Step>) {
        let nodes = |numbers: &[u8]| numbers.iter().map(|number| node(*number)).collect();
        let (votes, learns): (Vec<_>, Vec<_>) = (nodes(voters), nodes(listens));
        let silent: Vec<NodeId> = nodes(silent);
        let members = Members::new(Trust::Byzantine, Epoch(1), &votes, &learns);
        let seating = Seating {
            me: node(1),
            seats: (1..).map(node).zip(seats.iter().copied()).collect(),
            members: &members.expect("nobody is there twice"),
            alive: &|node| !silent.contains(&node),
            caught_up: &|_| true,
        };
        assert_eq!(seating.next(), step, "{seats:?} {voters:?} {listens:?}");
    }

    const V: Seat = Seat::Voter;
    const S: Seat = Seat::Spare;
    const N: Seat = Seat::None;

    #[test]
    fn whoever_has_a_seat_listens_before_it_votes() {
        check(&[V, V, V], &[1], (&[], &[]), Some(Step::Listen(node(2))));
        check(&[V, V, V], &[1], (&[2], &[]), Some(Step::Promote(node(2))));
        check(
            &[V, V, V, S],
            &[1, 2, 3],
            (&[], &[]),
            Some(Step::Listen(node(4))),
        );
        check(&[V, V, V, S], &[1, 2, 3], (&[4], &[]), None);
        check(&[V, V, V], &[1, 2], (&[], &[3]), None);
    }

    #[test]
    fn a_silent_voter_goes_before_another_comes_and_a_heard_one_after() {
        let seats = [V, V, N, V];
        check(
            &seats,
            &[1, 2, 3],
            (&[4], &[3]),
            Some(Step::Remove(node(3))),
        );
        check(&seats, &[1, 2], (&[4], &[3]), Some(Step::Promote(node(4))));
        check(
            &seats,
            &[1, 2, 3],
            (&[4], &[]),
            Some(Step::Promote(node(4))),
        );
        check(
            &seats,
            &[1, 2, 3, 4],
            (&[], &[]),
            Some(Step::Remove(node(3))),
        );
        check(&seats, &[1, 2, 4], (&[], &[]), None);
    }

    #[test]
    fn nobody_goes_or_comes_where_the_rest_could_not_decide() {
        // Two of four are silent: without the one the other three still need two, with a fifth four are needed.
        check(
            &[V, V, N, V],
            &[1, 2, 3, 4],
            (&[], &[3, 4]),
            Some(Step::Remove(node(3))),
        );
        check(&[V, N, N], &[1, 2, 3], (&[], &[2, 3]), None);
        check(&[V, V, V, V], &[1, 2, 3], (&[4], &[2, 3]), None);
    }

    #[test]
    fn a_leader_without_a_seat_hands_over_first() {
        let heir = Some(Step::HandOver(node(2)));
        check(&[N, V], &[1, 2], (&[], &[]), heir);
        // Not where the rest could not decide without it.
        check(&[N, V, V], &[1, 2, 3], (&[], &[3]), None);
        let next = Some(Step::Promote(node(4)));
        check(&[N, V, V, V], &[1, 2, 3], (&[4], &[]), next);
    }

    #[test]
    fn whoever_has_no_seat_stops_listening() {
        check(&[V, N], &[1], (&[2], &[]), Some(Step::Remove(node(2))));
        check(&[V], &[1], (&[9], &[9]), Some(Step::Remove(node(9))));
    }
}
