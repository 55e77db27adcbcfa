//! The operator has given the ledger to one node: it votes alone, and every other seat is empty.
//!
//! Members stay members, and their tasks stay tasks: whoever lives comes back and goes on. Those that voted hold ledgers
//! that may have gone on elsewhere, so they get a seat again only by an order.

use hms_protocol::id::{NodeId, NodeName, Position};
use hms_protocol::member::{Member, Presence, Role, Seat};
use hms_protocol::order::Recover;
use hms_protocol::refusal::Refusal;
use hms_protocol::time::Moment;

use super::State;
use super::event::Event;

impl State {
    /// Applies a recovery that the operator has ordered. A survivor that is no member becomes one, under this name.
    pub fn recover(
        &mut self,
        recover: Recover,
        ordered_at: Moment,
        name: &NodeName,
    ) -> Result<Vec<(Position, Event)>, Refusal> {
        let survivor = self.survivor(recover.survivor, name)?;
        self.proceed(recover.index);
        self.now = self.now.max(ordered_at);
        let others = self.roster.members().filter(|it| it.id != survivor.id);
        let unseated = others.map(|member| Member {
            votes: false,
            listens: false,
            seat: Seat::None,
            ..member.clone()
        });
        let unseated: Vec<Member> = unseated.collect();
        let seated = Member {
            role: Role::Voter,
            votes: true,
            listens: false,
            seat: Seat::Voter,
            presence: Presence::Present,
            presence_since: self.now,
            ..survivor
        };
        for member in unseated.into_iter().chain([seated]) {
            if self.roster.member(member.id) != Some(&member) {
                self.roster.put_member(member, true);
            }
        }
        let Recover { index, .. } = recover;
        Ok(vec![(Position { index, offset: 0 }, Event::RosterChanged)])
    }

    /// The node that goes on, if it may.
    fn survivor(&self, node: NodeId, name: &NodeName) -> Result<Member, Refusal> {
        if let Some(member) = self.roster.member(node) {
            self.roster.check_standing(node)?;
            return Ok(member.clone());
        }
        self.roster.check_newcomer(node, name)?;
        Ok(Member::new(node, name.clone(), Role::Voter, self.now))
    }
}
