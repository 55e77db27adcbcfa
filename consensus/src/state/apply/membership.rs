//! Members come, beat, and are lost.

use hms_protocol::id::{Incarnation, NodeId};
use hms_protocol::limits;
use hms_protocol::member::{Member, Presence, Role, Seat};
use hms_protocol::peer::Run;
use hms_protocol::refusal::{Refusal, check_bytes};
use hms_protocol::task::AttemptEnd;
use hms_protocol::token::TokenRefusal;

use super::Turn;
use crate::input::Admission;
use crate::state::Change;
use crate::state::authority::SpentPermit;
use crate::state::event::Event;

impl Turn<'_> {
    /// Admits a node, or refreshes what is known of one that was admitted before: its key, which the transport proved, is
    /// its ticket then.
    pub(super) fn admit(&mut self, admission: &Admission) -> Result<Change, Refusal> {
        self.state.roster.check_standing(admission.id)?;
        self.check_admission(admission)?;
        let former = self.state.roster.member(admission.id).cloned();
        let mut addresses = admission.addresses.clone();
        addresses.truncate(limits::ADDRESSES_MAX);
        let member = match &former {
            Some(former) => Member {
                name: admission.name.clone(),
                addresses,
                gateway: admission.gateway.clone(),
                ..former.clone()
            },
            None => Member {
                addresses,
                gateway: admission.gateway.clone(),
                seat: self.first_seat(settle(admission)),
                ..Member::new(
                    admission.id,
                    admission.name.clone(),
                    settle(admission),
                    self.state.now,
                )
            },
        };
        if let (None, Some(proof)) = (&former, &admission.proof) {
            let (permit, expires_at) = (proof.token.id(), proof.token.expires_at);
            let spent = SpentPermit { permit, expires_at };
            self.state.authority.spend(spent, self.state.now);
        }
        if former.as_ref() != Some(&member) {
            self.state.roster.put_member(member.clone(), true);
            self.tell(Event::RosterChanged);
        }
        Ok(Change::Admitted(member))
    }

    /// The seat of a node that comes in: a voter's while the mesh lacks one, else a spare's. Workers have none.
    fn first_seat(&self, role: Role) -> Seat {
        let wanted = usize::try_from(self.state.charter.voters_wanted).unwrap_or(usize::MAX);
        match role {
            Role::Worker => Seat::None,
            Role::Voter if self.state.roster.seated() < wanted => Seat::Voter,
            Role::Voter => Seat::Spare,
        }
    }

    fn check_admission(&self, admission: &Admission) -> Result<(), Refusal> {
        for address in &admission.addresses {
            check_bytes("address", address.len(), limits::ADDRESS_BYTES_MAX)?;
        }
        check_bytes(
            "gateway",
            admission.gateway.len(),
            limits::ADDRESS_BYTES_MAX,
        )?;
        let roster = &self.state.roster;
        roster.check_newcomer(admission.id, &admission.name)?;
        if roster.member(admission.id).is_some() {
            return Ok(());
        }
        self.check_token(admission)?;
        if limits::MEMBERS_MAX <= roster.len() {
            return Err(Refusal::Busy {
                what: "the mesh",
                max: limits::MEMBERS_MAX as u64,
            });
        }
        Ok(())
    }

    /// Whether the operator has invited a node that is no member yet.
    fn check_token(&self, admission: &Admission) -> Result<(), Refusal> {
        let refused = |why| Err(Refusal::Token(why));
        let Some(proof) = &admission.proof else {
            return refused(TokenRefusal::Missing);
        };
        let (state, authority) = (&*self.state, &self.state.authority);
        proof
            .check(authority.operator(), state.mesh(), admission.id, state.now)
            .map_err(Refusal::Token)?;
        if authority.is_spent(proof.token.id()) {
            return refused(TokenRefusal::Used);
        }
        if admission.role == Some(Role::Voter) && proof.token.role == Role::Worker {
            return refused(TokenRefusal::Role);
        }
        authority.check_room(state.now)
    }

    /// A member beats. In a new life it has none of the work of the former; what it is to check it gets again.
    pub(super) fn greet(
        &mut self,
        node: NodeId,
        incarnation: Incarnation,
    ) -> Result<Change, Refusal> {
        let member = self.state.roster.known(node)?.clone();
        self.state.roster.check_standing(node)?;
        let reborn = member.incarnation < incarnation;
        let returned = !self.state.roster.is_present(node) && member.incarnation <= incarnation;
        if !reborn && !returned {
            return Ok(Change::Done);
        }
        let greeted = Member {
            incarnation,
            presence: Presence::Present,
            presence_since: match member.presence {
                Presence::Present => member.presence_since,
                Presence::Lost => self.state.now,
            },
            ..member
        };
        self.state.roster.put_member(greeted, false);
        if returned {
            self.tell(Event::PresenceChanged {
                node,
                presence: Presence::Present,
            });
        }
        // A node that was given up and is back in the same life has no attempts left, but its fence has stopped its checks.
        self.end_runs_on(node);
        self.fill_services(node);
        Ok(Change::Done)
    }

    /// A member was not heard for too long.
    pub(super) fn lose(
        &mut self,
        node: NodeId,
        incarnation: Incarnation,
    ) -> Result<Change, Refusal> {
        let member = self.state.roster.known(node)?.clone();
        if member.presence == Presence::Lost || incarnation < member.incarnation {
            return Ok(Change::Done);
        }
        let lost = Member {
            presence: Presence::Lost,
            presence_since: self.state.now,
            ..member
        };
        self.state.roster.put_member(lost, false);
        self.tell(Event::PresenceChanged {
            node,
            presence: Presence::Lost,
        });
        self.end_runs_on(node);
        self.redraw_services(node);
        Ok(Change::Done)
    }

    /// Ends the attempts that a node held. Its checks are drawn again if the others cannot decide without it; if they can,
    /// a node that has come back is told of its checks once more.
    pub(super) fn end_runs_on(&mut self, node: NodeId) {
        let runs: Vec<Run> = self.state.crew.runs_on(node).map(|(_, run)| run).collect();
        for run in runs {
            match run {
                Run::Attempt { task, .. } => self.lose_attempt(task, AttemptEnd::NodeLost),
                Run::Check { task, round, .. } => self.miss_check(task, round),
            }
        }
    }
}

/// What a node that was invited becomes: what its token says, or less if it asks for less.
fn settle(admission: &Admission) -> Role {
    let invited = admission.proof.as_ref().map(|proof| proof.token.role);
    match (invited, admission.role) {
        (Some(Role::Voter), None | Some(Role::Voter)) => Role::Voter,
        (Some(Role::Voter), Some(Role::Worker)) | (Some(Role::Worker) | None, _) => Role::Worker,
    }
}
