//! The operator's orders take effect, and seats go from voters that are lost to spares.
//!
//! An order counts once, whoever brings it. What it says of seats is a wish: the leader brings it about in Raft, one change
//! at a time, and whoever leads next goes on with it.

use hms_protocol::agent::AgentStanding;
use hms_protocol::id::{AgentId, Incarnation, NodeId};
use hms_protocol::limits::VOTERS_MAX;
use hms_protocol::member::{Member, MemberStanding, Presence, Role, Seat};
use hms_protocol::order::{Order, OrderRefusal, SignedOrder};
use hms_protocol::refusal::Refusal;

use super::Turn;
use crate::state::Change;
use crate::state::authority::SpentPermit;
use crate::state::event::Event;

fn impossible(reason: &'static str) -> Refusal {
    Refusal::Order(OrderRefusal::Impossible { reason })
}

impl Turn<'_> {
    /// Carries out an order of the operator.
    pub(super) fn operate(&mut self, signed: &SignedOrder) -> Result<Change, Refusal> {
        let (now, mesh) = (self.state.now, self.state.mesh());
        let authority = &self.state.authority;
        let draft = signed
            .open(authority.operator(), mesh, now)
            .map_err(Refusal::Order)?;
        if authority.is_spent(signed.id()) {
            return Err(Refusal::Order(OrderRefusal::Repeated));
        }
        authority.check_room(now)?;
        self.carry_out(&draft.order, signed)?;
        let spent = SpentPermit {
            permit: signed.id(),
            expires_at: draft.expires_at(),
        };
        self.state.authority.spend(spent, now);
        Ok(Change::Ordered(draft.order))
    }

    fn carry_out(&mut self, order: &Order, signed: &SignedOrder) -> Result<(), Refusal> {
        match order {
            Order::Rotate { to, consent } => {
                let (mesh, old) = (self.state.mesh(), *self.state.authority.operator());
                if !Order::consents(mesh, &old, to, consent) {
                    return Err(Refusal::Order(OrderRefusal::NoConsent));
                }
                if !self.state.authority.may_rotate() {
                    return Err(impossible("the key was rotated as often as it may be"));
                }
                self.state.authority.rotate(*to, signed.clone());
                Ok(())
            }
            Order::RevokeNode(node) => self.revoke_node(*node),
            Order::RevokeAgent(agent) => self.revoke_agent(*agent),
            Order::AddSpare(node) => {
                if self.seatable(*node)?.seat != Seat::None {
                    return Err(impossible("the node receives the ledger already"));
                }
                self.seat(*node, Seat::Spare);
                Ok(())
            }
            Order::Promote(node) => self.promote(*node),
            Order::Remove(node) => self.unseat(*node),
            Order::Replace { old, new } => self.replace(*old, *new),
            Order::Transfer(node) => {
                if self.seatable(*node)?.votes {
                    return Ok(());
                }
                Err(impossible("the node does not vote"))
            }
            Order::Cordon(node) => self.cordon(*node, true),
            Order::Uncordon(node) => self.cordon(*node, false),
            Order::Recover(_) => Err(impossible(
                "the mesh has a quorum: a recovery is for a ledger without one",
            )),
        }
    }

    /// Whether a member gets new work. Repeating it changes nothing.
    fn cordon(&mut self, node: NodeId, cordoned: bool) -> Result<(), Refusal> {
        let member = self.state.roster.known(node)?;
        self.state.roster.check_standing(node)?;
        if member.cordoned != cordoned {
            let member = Member {
                cordoned,
                ..member.clone()
            };
            self.state.roster.put_member(member, true);
            self.tell(Event::RosterChanged);
        }
        Ok(())
    }

    /// A member that may have a seat.
    fn seatable(&self, node: NodeId) -> Result<&Member, Refusal> {
        let member = self.state.roster.known(node)?;
        self.state.roster.check_standing(node)?;
        match member.role {
            Role::Voter => Ok(member),
            Role::Worker => Err(impossible(
                "the node was admitted as a worker: let another one join with a voter's token",
            )),
        }
    }

    fn seat(&mut self, node: NodeId, seat: Seat) {
        let Some(member) = self.state.roster.member(node) else {
            return;
        };
        let seated = Member {
            seat,
            ..member.clone()
        };
        self.state.roster.put_member(seated, true);
        self.tell(Event::RosterChanged);
    }

    fn promote(&mut self, node: NodeId) -> Result<(), Refusal> {
        if self.seatable(node)?.seat == Seat::Voter {
            return Err(impossible("the node has a voter's seat already"));
        }
        if VOTERS_MAX <= self.state.roster.seated() {
            return Err(impossible("the mesh has as many voters as it may have"));
        }
        self.seat(node, Seat::Voter);
        Ok(())
    }

    fn unseat(&mut self, node: NodeId) -> Result<(), Refusal> {
        let member = self.state.roster.known(node)?;
        match member.seat {
            Seat::None => return Err(impossible("the node has no seat")),
            Seat::Voter if self.state.roster.seated() == 1 => {
                return Err(impossible("the node has the only voter's seat"));
            }
            Seat::Voter | Seat::Spare => {}
        }
        self.seat(node, Seat::None);
        Ok(())
    }

    fn replace(&mut self, old: NodeId, new: NodeId) -> Result<(), Refusal> {
        if self.state.roster.known(old)?.seat != Seat::Voter {
            return Err(impossible("the node to be replaced has no voter's seat"));
        }
        if self.seatable(new)?.seat == Seat::Voter {
            return Err(impossible(
                "the node that is to replace it has a voter's seat already",
            ));
        }
        self.seat(old, Seat::None);
        self.seat(new, Seat::Voter);
        Ok(())
    }

    fn revoke_node(&mut self, node: NodeId) -> Result<(), Refusal> {
        let member = self.state.roster.known(node)?;
        if member.standing == MemberStanding::Revoked {
            return Err(impossible("the node is revoked already"));
        }
        if member.seat == Seat::Voter && self.state.roster.seated() == 1 {
            return Err(impossible("the node has the only voter's seat"));
        }
        self.exclude(node, MemberStanding::Revoked);
        Ok(())
    }

    fn revoke_agent(&mut self, agent: AgentId) -> Result<(), Refusal> {
        let known = self.state.roster.enrolled(agent)?;
        let node = known.certificate.node;
        if known.standing == AgentStanding::Revoked {
            return Err(impossible("the agent is revoked already"));
        }
        self.dismiss(agent, AgentStanding::Revoked);
        self.tell(Event::AgentsChanged {
            node,
            agents: vec![agent],
        });
        self.redraw_services(node);
        Ok(())
    }

    /// Whoever is excluded loses its seat; if that was a voter's, the first spare that is present takes it.
    pub(super) fn vacate(&mut self, node: NodeId) {
        let seat = self.state.roster.member(node).map(|member| member.seat);
        let Some(seat) = seat.filter(|seat| *seat != Seat::None) else {
            return;
        };
        self.seat(node, Seat::None);
        let spare = self.state.roster.spares().next().map(|member| member.id);
        if let (Seat::Voter, Some(spare)) = (seat, spare) {
            self.seat(spare, Seat::Voter);
        }
    }

    /// A voter was lost for too long: a spare takes its seat, and when it comes back it is a spare itself.
    pub(super) fn replace_lost(
        &mut self,
        lost: NodeId,
        incarnation: Incarnation,
        spare: NodeId,
    ) -> Result<Change, Refusal> {
        let roster = &self.state.roster;
        let voter = roster.known(lost)?;
        let after_ms = self.state.charter.replace_voter_after_ms;
        let lost_ms = self.state.now.since_ms(voter.presence_since);
        let due = after_ms != 0
            && voter.seat == Seat::Voter
            && voter.presence == Presence::Lost
            && voter.incarnation == incarnation
            && after_ms <= lost_ms;
        let ready = roster.spares().any(|member| member.id == spare);
        if due && ready {
            self.seat(lost, Seat::Spare);
            self.seat(spare, Seat::Voter);
        }
        Ok(Change::Done)
    }
}
