//! The working half of a mind, which every node has: it holds leases, runs agents and probes services.
//!
//! It follows whoever leads, stops what it runs when it cannot be sure that its leases hold, and repeats what the ledger
//! must know until the leader says that it does. It decides nothing for anybody else and needs no ledger of its own.

use hms_protocol::agent::AgentCertificate;
use hms_protocol::certificate::Certificate;
use hms_protocol::envelope::Sealed;
use hms_protocol::heartbeat::Heartbeat;
use hms_protocol::id::{AgentId, Epoch, Incarnation, Index, NodeId, ServiceName, Term};
use hms_protocol::member::{Role, RosterView};
use hms_protocol::peer::{Announcement, Dispatch, Lead, PeerMessage, Run, SuccessionShown};
use hms_protocol::refusal::Refusal;
use hms_protocol::skill::SkillSpec;
use hms_protocol::time::Moment;
use hms_protocol::warrant::WarrantRefusal;

use crate::birth::Birth;
use crate::effect::Effect;
use crate::input::Vitals;
use crate::limits::{ADVERTISE_EVERY_MS, AGENTS_UP_WITHIN_MS, REPEAT_EVERY_MS};
use crate::liveness::Liveness;
use crate::outbox::Outbox;
use crate::quorum::Outlook;

pub mod beat;
pub mod enrolment;
pub mod fence;
pub mod probes;
pub mod runs;
pub mod warrants;

#[cfg(test)]
mod tests;

use beat::Pulse;
use enrolment::Enrolment;
use fence::{Fence, Heed};
use probes::{Probes, Seen};
use runs::Runs;
use warrants::Warrants;

/// What a node does for the mesh.
#[derive(Debug)]
pub struct Worker {
    me: NodeId,
    incarnation: Incarnation,
    now: Moment,
    /// When this life began: the first moment that it was told.
    born_at: Moment,
    roster: RosterView,
    /// The newest roster that was asked for, and when: a leader tells of one once for every member that has changed.
    wanted: (u64, Moment),
    skills: Vec<SkillSpec>,
    advertise_at: Moment,
    /// Counts the voters asked for a roster while nobody leads.
    asked: usize,
    ask_at: Moment,
    fence: Fence,
    warrants: Warrants,
    runs: Runs,
    enrolment: Enrolment,
    probes: Probes,
    pulse: Pulse,
}

impl Worker {
    /// A node at the start of a life.
    pub fn new(birth: &Birth, roster: RosterView) -> Self {
        Self {
            me: birth.me,
            incarnation: birth.incarnation,
            now: Moment::default(),
            born_at: Moment::default(),
            roster,
            wanted: (0, Moment::default()),
            skills: birth.skills.clone(),
            advertise_at: Moment::default(),
            asked: 0,
            ask_at: Moment::default(),
            fence: Fence::default(),
            warrants: Warrants::new(birth.mesh),
            runs: Runs::default(),
            enrolment: Enrolment::default(),
            probes: Probes::new(birth.me),
            pulse: Pulse::new(birth),
        }
    }

    /// Time has passed.
    pub fn set_clock(&mut self, now: Moment) {
        if self.born_at == Moment::default() {
            self.born_at = now;
        }
        self.now = now;
    }

    /// What is overdue stops, what is due is done.
    pub fn tick(&mut self, outbox: &mut Outbox) {
        let now = self.now;
        self.fence_off(outbox);
        self.fence.forget_silent(now);
        self.probes.start_due(now, outbox);
        if let Some(leader) = self.fence.leader() {
            for report in self.runs.repeat(leader, now, outbox) {
                for voter in self.voters().filter(|voter| *voter != leader) {
                    outbox.send(voter, report.clone());
                }
            }
            self.enrolment.repeat(leader, now, outbox);
            self.probes.send_due(leader, now, outbox);
        } else {
            self.ask_around(outbox);
        }
        if self.advertise_at <= now && !self.skills.is_empty() {
            self.advertise_at = now.plus_ms(ADVERTISE_EVERY_MS);
            outbox.push(Effect::Announce(Announcement::Capabilities(
                self.skills.clone(),
            )));
        }
    }

    /// Stops every run for which the leases may not hold any more.
    fn fence_off(&mut self, outbox: &mut Outbox) {
        let (fence, now) = (&self.fence, self.now);
        let holds = fence.holds(now);
        self.runs
            .fence_off(|until| !holds || fence.may_have_ended(until, now), outbox);
    }

    /// Who votes, as far as this node knows.
    pub fn voters(&self) -> impl Iterator<Item = NodeId> {
        let members = self.roster.members.iter();
        members
            .filter(|member| member.votes)
            .map(|member| member.id)
    }

    /// Without a leader, asks one voter after the other for the roster: the leader may be one that this node was never
    /// told of.
    fn ask_around(&mut self, outbox: &mut Outbox) {
        if self.now < self.ask_at {
            return;
        }
        self.ask_at = self.now.plus_ms(REPEAT_EVERY_MS);
        let voters: Vec<NodeId> = self
            .roster
            .participants()
            .filter(|member| member.role == Role::Voter && member.id != self.me)
            .map(|member| member.id)
            .collect();
        if voters.is_empty() {
            return;
        }
        self.asked = (self.asked + 1) % voters.len();
        self.ask_roster(voters[self.asked], outbox);
    }

    fn ask_roster(&self, to: NodeId, outbox: &mut Outbox) {
        let have_revision = self.roster.revision;
        outbox.send(to, PeerMessage::AskRoster { have_revision });
    }

    /// The node's heartbeat, if one is due.
    pub fn beat(&mut self, applied: Index) -> Option<Heartbeat> {
        let beat = self.pulse.beat(self.now)?;
        self.fence.sent(beat.sequence, self.now);
        let (agents_version, changed) = self.enrolment.take_changes();
        Some(Heartbeat {
            agents: u32::try_from(self.enrolment.count()).unwrap_or(u32::MAX),
            running: u32::try_from(self.runs.count()).unwrap_or(u32::MAX),
            agents_version,
            changed,
            term: self.fence.term(),
            leader: self.fence.leader(),
            applied,
            ..beat
        })
    }

    /// The hands measured how the node does.
    pub fn measured(&mut self, vitals: Vitals) {
        self.pulse.measured(vitals);
    }

    /// A leader's word.
    pub fn heed(&mut self, from: NodeId, lead: &Lead, outbox: &mut Outbox) {
        match self.fence.hear(from, lead, self.now) {
            Heed::Outdated => return,
            Heed::Known => {}
            Heed::New => {
                self.runs.hasten(self.now);
                self.enrolment.hasten(self.now);
                self.probes.hasten(self.now);
            }
        }
        self.roster_announced(from, lead.roster_revision, outbox);
        if self.warrants.is_due(Some(lead.epoch), self.now) {
            self.ask_succession(from, outbox);
        }
        if self.probes.differs(lead.watch) {
            outbox.send(from, PeerMessage::AskWatch);
        }
    }

    /// Somebody says that there is a newer roster.
    pub fn roster_announced(&mut self, leader: NodeId, revision: u64, outbox: &mut Outbox) {
        let (wanted, asked_at) = self.wanted;
        let overdue = asked_at.plus_ms(REPEAT_EVERY_MS) <= self.now;
        if self.roster.revision < revision && (wanted < revision || overdue) {
            self.wanted = (revision, self.now);
            self.ask_roster(leader, outbox);
        }
    }

    /// Takes a roster, if it is news and comes from a voter.
    pub fn take_roster(&mut self, from: NodeId, roster: RosterView, outbox: &mut Outbox) {
        let is_voter =
            |member: &hms_protocol::member::Member| member.id == from && member.role == Role::Voter;
        let vouched = self.roster.participants().any(is_voter);
        if vouched && roster.revision > self.roster.revision {
            self.roster = roster;
            outbox.push(Effect::Enrol(self.roster.clone()));
            outbox.extend(self.roster.exclusion_of(self.me).map(Effect::excluded));
        }
    }

    fn ask_succession(&self, to: NodeId, outbox: &mut Outbox) {
        let have = self.warrants.epoch();
        outbox.send(to, PeerMessage::AskSuccession { have });
    }

    /// Takes what shows how the voters came about, whoever brings it, and looks again at the orders that waited for it.
    pub fn take_succession(&mut self, shown: &SuccessionShown, outbox: &mut Outbox) {
        if self.warrants.learn(shown) {
            for (from, order) in self.warrants.release() {
                self.dispatched(from, order, outbox);
            }
        }
    }

    /// Somebody says how far the ledger is certified.
    pub fn take_head(&mut self, certificate: &Certificate) {
        self.warrants.see(certificate, self.now);
    }

    /// The leader orders a run. An order to a former life, for an agent that is not here, that was under way for too long, or
    /// that the ledger is not shown to hold is dropped: the leader repeats what still counts.
    pub fn dispatched(&mut self, from: NodeId, order: Dispatch, outbox: &mut Outbox) {
        let obeys = self.obeys(from)
            && order.incarnation == self.incarnation
            && self.fence.is_fresh(order.as_of, self.now)
            && !self.fence.may_have_ended(order.lease_until, self.now);
        if !obeys {
            return;
        }
        if self.enrolment.hosts(order.agent) {
            match self.warrants.check(&order) {
                Ok(()) => self.runs.start(from, order, self.now, outbox),
                Err(refusal) => self.disobey(from, order, &refusal, outbox),
            }
        } else if AGENTS_UP_WITHIN_MS < self.now.since_ms(self.born_at) {
            // The ledger believes in an agent that did not survive this node's former life.
            self.enrolment.dismiss(order.agent, self.now);
        }
    }

    /// An order is not shown to be the ledger's. One under voters that are not known yet waits until they are.
    fn disobey(
        &mut self,
        from: NodeId,
        order: Dispatch,
        refusal: &WarrantRefusal,
        outbox: &mut Outbox,
    ) {
        if !refusal.is_early() {
            let (run, code) = (order.run, refusal.code());
            tracing::warn!(%from, ?run, code, %refusal, "an order is not obeyed");
            return;
        }
        self.warrants.hold(from, order);
        if self.warrants.is_due(Some(Epoch(u64::MAX)), self.now) {
            self.ask_succession(from, outbox);
        }
    }

    /// The leader withdraws a run.
    pub fn withdrawn(&mut self, from: NodeId, run: Run, outbox: &mut Outbox) {
        if self.obeys(from) {
            self.runs.withdraw(run, outbox);
        }
    }

    /// The leader has taken a report.
    pub fn taken(&mut self, from: NodeId, run: Run) {
        if self.obeys(from) {
            self.runs.taken(run);
        }
    }

    /// The leader orders an agent to be brought up, or stopped.
    pub fn ordered(&self, from: NodeId, effect: Effect, outbox: &mut Outbox) {
        if self.obeys(from) {
            outbox.push(effect);
        }
    }

    /// The leader says which of this node's agents the ledger holds.
    pub fn enrolled(&mut self, from: NodeId, agents: &[(AgentId, bool)]) {
        if self.obeys(from) {
            self.enrolment.enrolled(agents, self.now);
        }
    }

    /// The leader says what to probe.
    pub fn watch(&mut self, from: NodeId, list: Vec<(hms_protocol::service::ServiceSpec, u64)>) {
        if self.obeys(from) {
            self.probes.watch(list, self.now);
        }
    }

    fn obeys(&self, from: NodeId) -> bool {
        self.fence.leader() == Some(from)
    }

    /// An agent is up.
    pub fn raised(&mut self, certificate: AgentCertificate) {
        self.enrolment.raise(certificate, self.now);
    }

    /// An agent is gone for good.
    pub fn dismissed(&mut self, agent: AgentId) {
        self.enrolment.dismiss(agent, self.now);
        self.runs.dismiss(agent);
    }

    /// A run has ended.
    pub fn ended(&mut self, run: Run, sealed: Sealed, outbox: &mut Outbox) {
        let message = self.runs.end(run, sealed, self.now);
        if let (Some(message), Some(leader)) = (message, self.fence.leader()) {
            outbox.send(leader, message);
        }
    }

    /// A probe came back.
    pub fn probed(&mut self, service: &ServiceName, seen: Seen) {
        self.probes.see(service, seen, self.now);
    }

    /// Why a node without a ledger cannot take a request.
    pub fn not_leading(&self, liveness: &Liveness) -> Refusal {
        let outlook = Outlook {
            me: self.me,
            leader: self.fence.leader(),
            led_at: self.fence.heard_at(),
            now: self.now,
        };
        let voters: Vec<NodeId> = self.voters().collect();
        // What the voters may do is not known here: it takes a majority at least.
        let need = voters.len() / 2 + 1;
        outlook.refusal((&voters, need), liveness)
    }

    /// The leader that this node follows, and the newest term that it knows.
    pub fn leader(&self) -> (Option<NodeId>, Term) {
        (self.fence.leader(), self.fence.term())
    }

    /// Whether this node, were its clock at `now`, would go on with a run.
    pub fn goes_on_with(&self, run: Run, now: Moment) -> bool {
        let ended = |stop_at| self.fence.may_have_ended(stop_at, now);
        let in_time = self
            .runs
            .stop_at(run)
            .is_some_and(|stop_at| !ended(stop_at));
        in_time && self.fence.holds(now)
    }

    /// Runs under way and who is at them.
    pub fn runs(&self) -> impl Iterator<Item = (Run, AgentId)> {
        self.runs.under_way()
    }

    /// What this node was shown of the ledger.
    pub fn warrants(&self) -> &Warrants {
        &self.warrants
    }

    /// The roster as this node knows it.
    pub fn roster(&self) -> &RosterView {
        &self.roster
    }
}
