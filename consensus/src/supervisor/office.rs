//! A voter's way into the leader's office, what it does there because of what the ledger decided, and its way out.
//!
//! A leadership begins with Raft's election, but its duties begin only once an entry of its own term is applied: before
//! that the state may lack what is already decided. When it ends, everybody who waits is told, and nothing of it is kept.

use hms_protocol::id::Term;
use hms_protocol::order::Order;
use hms_protocol::peer::{Announcement, PeerMessage};
use hms_protocol::refusal::Refusal;
use hms_protocol::service::watch_digest;
use hms_protocol::time::Moment;

use crate::effect::{Effect, Notice};
use crate::input::Ticket;
use crate::limits::HEAD_EVERY_MS;
use crate::liveness::Liveness;
use crate::outbox::Outbox;
use crate::quorum::Outlook;
use crate::state::Change;
use crate::state::event::Event;
use crate::supervisor::lead::{Desk, Tenure};
use crate::supervisor::proposals::Errand;
use crate::supervisor::replica::Outcome;
use crate::supervisor::{Supervisor, views};

impl Supervisor {
    /// Notices when this node's leadership begins or ends.
    pub(super) fn follow_office(&mut self, liveness: &Liveness, outbox: &mut Outbox) {
        let term = self.driver.leads().then(|| self.driver.term());
        if self.tenure.as_ref().map(Tenure::term) == term {
            return;
        }
        if self.tenure.take().is_some() {
            self.leave_office(liveness, outbox);
        }
        if let Some(term) = term {
            tracing::info!(%term, "leads");
            self.tenure = Some(Tenure::new(term, self.now));
        }
    }

    /// Tells everybody who waits that this node does not lead any more. What was proposed may yet be decided.
    pub(super) fn leave_office(&mut self, liveness: &Liveness, outbox: &mut Outbox) {
        let (waiting, proposed) = self.proposals.abandon();
        let asked = self.reads.abandon();
        let refused = |ticket: Ticket, refusal: Refusal| Effect::Answer {
            ticket,
            answer: Err(refusal),
        };
        let unheard = self.not_leading(liveness);
        for ticket in waiting.into_iter().chain(asked) {
            outbox.push(refused(ticket, unheard.clone()));
        }
        for ticket in proposed.into_iter().chain(self.raisings.abandon()) {
            outbox.push(refused(ticket, Refusal::OutcomeUnknown));
        }
    }

    /// Why this node cannot take a request: another one leads, or nobody does.
    pub(super) fn not_leading(&self, liveness: &Liveness) -> Refusal {
        let outlook = Outlook {
            me: self.me,
            leader: self.driver.leader(),
            led_at: self.led_at,
            now: self.now,
        };
        let members = self.driver.members();
        let voters = members.voters();
        let need = members.trust().quorum(voters.len());
        outlook.refusal((&voters, need), liveness)
    }

    /// The operator wants another voter to lead: this one hands over, if it can be done at once.
    pub(super) fn heed(&mut self, outcome: &Outcome) {
        if !self.acting() {
            return;
        }
        for (_, decided) in &outcome.decided {
            if let Ok(Change::Ordered(Order::Transfer(to))) = decided
                && *to != self.me
                && let Err(refusal) = self.driver.transfer(*to)
            {
                tracing::info!(%to, %refusal, "the office is not handed over");
            }
        }
    }

    /// The first entry of the own term is applied: the duties begin.
    pub(super) fn enter_office(&mut self, term: Term) {
        if let Some(tenure) = &mut self.tenure
            && tenure.term() == term
            && !tenure.is_settled()
        {
            tenure.settle(self.replica.state());
        }
    }

    /// Keeps the open runs in step with the ledger. Only a leader that acts has any.
    pub(super) fn follow(&mut self, event: &Event, outbox: &mut Outbox) {
        let Some(tenure) = self.tenure.as_mut().filter(|tenure| tenure.is_settled()) else {
            return;
        };
        match event {
            Event::TaskMoved { task, .. }
            | Event::Assigned { task, .. }
            | Event::Drawn { task, .. } => {
                if let Some(task) = self.replica.state().ledger().task(*task) {
                    tenure.follow(task);
                }
            }
            Event::Revoked { node, run } => {
                outbox.send(*node, PeerMessage::Withdraw { run: *run });
            }
            Event::RosterChanged
            | Event::PresenceChanged { .. }
            | Event::AgentsChanged { .. }
            | Event::HealthChanged { .. }
            | Event::ProbersChanged { .. }
            | Event::Convicted { .. }
            | Event::NodeConvicted { .. } => {}
        }
    }

    /// The leader gossips what everybody should hear of soon.
    pub(super) fn announce(&self, notice: &Notice, outbox: &mut Outbox) {
        let Some(tenure) = self.tenure.as_ref().filter(|tenure| tenure.is_settled()) else {
            return;
        };
        if notice.event == Event::RosterChanged {
            outbox.push(Effect::Announce(Announcement::Membership {
                roster_revision: self.replica.state().roster().revision(),
                leader: self.me,
                term: tenure.term(),
            }));
        }
        if let Some(happening) = views::happening(notice, self.replica.state()) {
            outbox.push(Effect::Announce(Announcement::Happened(happening)));
        }
    }

    /// The leader says now and then how far the ledger is certified, if it has grown.
    pub(super) fn announce_head(&mut self, outbox: &mut Outbox) {
        let head = self.driver.head().filter(|_| self.acting());
        let Some(head) = head.filter(|head| self.head_told < head.statement.index) else {
            return;
        };
        if self.now < self.head_due_at {
            return;
        }
        let head = head.clone();
        self.head_told = head.statement.index;
        self.head_due_at = self.now.plus_ms(HEAD_EVERY_MS);
        outbox.push(Effect::Announce(Announcement::Head(Box::new(head))));
    }

    /// The leadership is confirmed: tells every node that its leases hold.
    pub(super) fn give_word(&mut self, outbox: &mut Outbox) {
        let Some(tenure) = &mut self.tenure else {
            return;
        };
        tenure.confirm();
        let state = self.replica.state();
        let desk = Desk {
            state,
            proposals: &self.proposals,
            driver: &self.driver,
            now: self.now,
        };
        for member in state.roster().members() {
            let watched = state.services().watched_by(member.id);
            let names = watched.map(|(spec, revision)| (&spec.name, revision));
            let watch = watch_digest(names);
            let losing = Errand::Lose(member.id);
            if !self.proposals.is_under_way(&losing) {
                let word = tenure.word(member.id, watch, &desk);
                outbox.send(member.id, PeerMessage::Lead(word));
            }
        }
    }

    /// Whether this node leads and may act on its state.
    pub(super) fn acting(&self) -> bool {
        self.tenure.as_ref().is_some_and(Tenure::is_settled)
    }

    /// Since when this node leads, if it may act on its state.
    pub(super) fn acting_since(&self) -> Option<Moment> {
        let acting = self.tenure.as_ref().filter(|tenure| tenure.is_settled());
        acting.map(Tenure::began_at)
    }
}
