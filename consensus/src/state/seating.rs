//! Which changes of Raft's members the ledger calls for.
//!
//! The ledger gives seats; the leader brings them about in Raft, one change at a time. Every voter judges such a change by
//! the state as of the entries before it, so all of them come to the same verdict, and a leader cannot bring in or throw out
//! whom it likes. What is judged is where a change leads, not when: that nobody is taken out too early is the leader's care.

use hms_protocol::id::NodeId;
use hms_protocol::member::{Role, Seat};

use super::State;
use crate::raft::MembershipChange;

impl State {
    /// The seat that the ledger gives to a node: none to a stranger, a worker, or whoever takes no part any more.
    pub fn seat_of(&self, node: NodeId) -> Seat {
        let member = self.roster.member(node);
        let seated = member.filter(|member| member.takes_part() && member.role == Role::Voter);
        seated.map(|member| member.seat).unwrap_or_default()
    }

    /// Why the ledger does not call for a change of Raft's members as the next entry; `None` when it does.
    pub fn objection_to(&self, node: NodeId, change: MembershipChange) -> Option<&'static str> {
        let votes = self.roster.member(node).is_some_and(|member| member.votes);
        match (change, self.seat_of(node)) {
            (MembershipChange::Learner, Seat::None) => Some("it has no seat"),
            (MembershipChange::Voter, Seat::None | Seat::Spare) => Some("it has no voter's seat"),
            (MembershipChange::Removed, Seat::Voter) => Some("it has a voter's seat"),
            (MembershipChange::Removed, Seat::Spare) if !votes => Some("it has a spare's seat"),
            (MembershipChange::Learner, Seat::Spare | Seat::Voter)
            | (MembershipChange::Voter, Seat::Voter)
            | (MembershipChange::Removed, Seat::None | Seat::Spare) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use hms_protocol::member::{Member, MemberStanding};

    use super::*;
    use crate::state::trial::{genesis, key};

    const NODE: NodeId = NodeId::from_bytes([9; 32]);

    /// How a node stands: what it was admitted as, its seat, whether it votes, and whether it takes part.
    type Stands = (Role, Seat, bool, MemberStanding);

    /// A mesh with a founder and a node that stands like this; without one if it is a stranger.
    fn mesh(stands: Option<Stands>) -> State {
        let founder = key(1).public().into();
        let mut state = State::genesis(&genesis(3, 7));
        let pattern = state.roster.member(founder).cloned().unwrap();
        if let Some((role, seat, votes, standing)) = stands {
            let member = Member {
                id: NODE,
                name: "n9".parse().unwrap(),
                role,
                seat,
                votes,
                standing,
                ..pattern
            };
            state.roster.put_member(member, true);
        }
        state
    }

    /// Whether the ledger calls for the node to listen, to vote, to go.
    fn check(stands: Option<Stands>, expected: [bool; 3]) {
        let state = mesh(stands);
        let changes = [
            MembershipChange::Learner,
            MembershipChange::Voter,
            MembershipChange::Removed,
        ];
        let called_for = changes.map(|change| state.objection_to(NODE, change).is_none());
        assert_eq!(called_for, expected, "{stands:?}");
    }

    #[test]
    fn a_change_is_called_for_when_it_leads_to_the_seat_that_the_ledger_gives() {
        use MemberStanding::{Good, Quarantined, Revoked};

        let voter = |seat, votes, standing| Some((Role::Voter, seat, votes, standing));
        for votes in [false, true] {
            check(voter(Seat::Voter, votes, Good), [true, true, false]);
            check(voter(Seat::None, votes, Good), [false, false, true]);
            check(voter(Seat::Voter, votes, Revoked), [false, false, true]);
            check(voter(Seat::Spare, votes, Quarantined), [false, false, true]);
        }
        // A lost voter that has become a spare is taken out, and then listens again.
        check(voter(Seat::Spare, true, Good), [true, false, true]);
        check(voter(Seat::Spare, false, Good), [true, false, false]);
        let worker = Some((Role::Worker, Seat::None, false, Good));
        check(worker, [false, false, true]);
        check(None, [false, false, true]);
    }

    #[test]
    fn the_founder_cannot_be_thrown_out() {
        let state = mesh(None);
        let founder = state
            .roster
            .members()
            .next()
            .map(|member| member.id)
            .unwrap();
        let removed = state.objection_to(founder, MembershipChange::Removed);
        assert_eq!(removed, Some("it has a voter's seat"));
    }
}
