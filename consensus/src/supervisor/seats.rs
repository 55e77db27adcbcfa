//! How Raft's members come to be those that the ledger wants: one change at a time, learners first.
//!
//! Which change is next is computed anew each time from what the ledger wants, what Raft has and who is heard, so a new
//! leader goes on where the last one stopped. A voter is taken out or in only while those who remain can decide without
//! waiting for anybody who is not heard.

use hms_protocol::id::NodeId;
use hms_protocol::member::{Member, Presence, Role, Seat};

use crate::liveness::{Condition, Liveness};
use crate::raft::{Members, RaftRefusal};
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
    state: &'a State,
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
            state: self.replica.state(),
            members: self.driver.members(),
            alive: &|node| node == me || liveness.condition(node, now) == Condition::Alive,
            caught_up: &|node| self.driver.caught_up(node),
        };
        let Some(step) = seating.next() else { return };
        let refused = |refusal: RaftRefusal| {
            tracing::debug!(?step, %refusal, "a change of members has to wait");
        };
        let taken = match step {
            Step::Listen(node) => self.driver.add_learner(node),
            Step::Promote(node) => self.driver.promote(node),
            Step::Remove(node) => self.driver.remove(node),
            Step::HandOver(node) => self.driver.transfer(node),
        };
        taken.unwrap_or_else(refused);
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
        let member = self.state.roster().member(node);
        let seated = member.filter(|member| member.takes_part() && member.role == Role::Voter);
        seated.map_or(Seat::None, |member| member.seat)
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
        let mut members = self.state.roster().members().map(|member| member.id);
        let next = members.find(|node| {
            self.wanted(*node) != Seat::None
                && (self.alive)(*node)
                && !voters.contains(node)
                && !learners.contains(node)
        });
        next.map(Step::Listen)
    }

    /// A voter that is heard and has no seat goes when whoever is to follow it votes. The leader hands over first.
    fn take_out_heard(&self) -> Option<Step> {
        let voters = self.members.voters();
        let mut members = self.state.roster().members().map(|member| member.id);
        let follows = |node: NodeId| {
            self.wanted(node) == Seat::Voter && !voters.contains(&node) && (self.alive)(node)
        };
        if members.any(follows) {
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
