//! One node's mind: a worker, and on a voter a supervisor. Inputs go in, effects come out.
//!
//! The hands give it a burst of inputs and then let it [`settle`](Mind::settle) once: what came in one burst becomes one
//! log entry. What one half says to the other travels as it would between two nodes, only not through the network.

use std::sync::Arc;

use hms_protocol::codec;
use hms_protocol::heartbeat::Heartbeat;
use hms_protocol::id::{Index, NodeId, Term};
use hms_protocol::limits::PETITION_BYTES_MAX;
use hms_protocol::member::{Role, RosterView};
use hms_protocol::peer::{Announcement, PeerMessage};
use hms_protocol::time::Moment;
use hms_protocol::vetting::Need;

pub use crate::birth::{Birth, CheckpointPace};
use crate::effect::{Effect, Recovered};
use crate::input::{Input, Request, TICK_MS, Ticket};
use crate::liveness::Liveness;
use crate::outbox::Outbox;
use crate::raft::RestoreError;
use crate::state::command::Command;
use crate::supervisor::Supervisor;
use crate::supervisor::audit::Stand;
use crate::worker::Worker;
use crate::worker::probes::Seen;

/// A gap between two ticks beyond which the node slept: what it knows of when things happened is worth nothing.
const SLEPT_MS: u64 = 4 * TICK_MS;

/// One node's mind.
#[derive(Debug)]
pub struct Mind {
    me: NodeId,
    now: Moment,
    /// When Raft's next tick is due.
    tick_at: Moment,
    liveness: Liveness,
    worker: Worker,
    supervisor: Option<Supervisor>,
    followed: (Option<NodeId>, Term),
    outbox: Outbox,
}

impl Mind {
    /// Begins a life. A voter checks what its store held; an error names the first thing that is wrong.
    pub fn restore(birth: &Birth, recovered: Recovered) -> Result<Self, RestoreError> {
        let supervisor = match birth.role {
            Role::Voter => Some(Supervisor::restore(birth, recovered)?),
            Role::Worker => None,
        };
        tracing::info!(name = %birth.name, mesh = %birth.mesh, life = %birth.incarnation, "begins");
        let roster = newest_roster(birth, supervisor.as_ref());
        let mut outbox = Outbox::new(birth.me);
        if !roster.members.is_empty() {
            outbox.push(Effect::Enrol(roster.clone()));
        }
        outbox.extend(roster.exclusion_of(birth.me).map(Effect::excluded));
        Ok(Self {
            me: birth.me,
            now: Moment::default(),
            tick_at: Moment::default(),
            liveness: Liveness::new(birth.me, Moment::default()),
            worker: Worker::new(birth, roster),
            supervisor,
            followed: (None, Term::default()),
            outbox,
        })
    }

    /// Takes one input. What follows from it comes with the next [`settle`](Self::settle).
    pub fn handle(&mut self, input: Input) {
        let outbox = &mut self.outbox;
        match input {
            Input::Tick { now } => self.advance(now),
            Input::Measured(vitals) => self.worker.measured(vitals),
            Input::Received { from, message } => self.receive(from, message),
            Input::Framed { from, frame } => {
                self.liveness.touch(from, self.now);
                self.voter(|voter| voter.framed(from, *frame));
            }
            Input::Heard(heartbeat) => self.hear(&heartbeat),
            Input::Announced { from, announcement } => self.learn(from, &announcement),
            Input::Linked { node, up } => self.link(node, up),
            Input::Asked { ticket, request } => self.ask(ticket, request),
            Input::Unanswered(request) => self.petition(request),
            Input::Persisted { number } => self.voter(|voter| voter.persisted(number)),
            Input::Checkpointed { index, bytes } => {
                self.voter(|voter| voter.checkpointed(index, bytes));
            }
            Input::Raised(certificate) => self.worker.raised(certificate),
            Input::Dismissed(agent) => self.worker.dismissed(agent),
            Input::Ended { run, sealed } => self.worker.ended(run, sealed, outbox),
            Input::Probed {
                service,
                revision,
                sight,
                latency_ms,
                detail,
            } => {
                let seen = Seen {
                    revision,
                    sight,
                    latency_ms,
                    detail,
                };
                self.worker.probed(&service, seen);
            }
        }
    }

    /// Does everything that the inputs so far call for, and hands over what the hands have to do, in order.
    pub fn settle(&mut self, effects: &mut Vec<Effect>) {
        loop {
            if let Some(supervisor) = &mut self.supervisor {
                supervisor.settle(&self.liveness, &mut self.outbox);
            }
            let Some(message) = self.outbox.take_own() else {
                break;
            };
            self.receive(self.me, message);
            while let Some(message) = self.outbox.take_own() {
                self.receive(self.me, message);
            }
        }
        self.follow();
        self.outbox.deliver(effects);
    }

    /// Reads the clock, and when a tick is due does what is due with it. However late it is, it is one tick: Raft counts
    /// chances to hear somebody, and a node that slept had none.
    fn advance(&mut self, now: Moment) {
        assert!(self.now <= now, "time went backwards");
        let slept = self.now != Moment::default() && SLEPT_MS < now.since_ms(self.now);
        self.now = now;
        self.liveness.tick(now);
        self.worker.set_clock(now);
        self.voter(|voter| voter.set_clock(now, slept));
        if self.tick_at <= now {
            self.tick_at = self.tick_at.plus_ms(TICK_MS).max(now.plus_ms(TICK_MS / 2));
            self.tick();
        }
    }

    fn tick(&mut self) {
        self.worker.tick(&mut self.outbox);
        if let Some(beat) = self.worker.beat(self.applied()) {
            self.hear(&Arc::new(beat.clone()));
            self.outbox.push(Effect::Beat(beat));
        }
        if let Some(supervisor) = &mut self.supervisor {
            supervisor.tick(&self.liveness, &mut self.outbox);
        }
    }

    fn hear(&mut self, heartbeat: &Arc<Heartbeat>) {
        self.liveness.hear(heartbeat, self.now);
        self.voter(|voter| voter.heard(heartbeat));
    }

    fn learn(&mut self, from: NodeId, announcement: &Announcement) {
        match announcement {
            Announcement::Membership {
                roster_revision,
                leader,
                ..
            } => self
                .worker
                .roster_announced(*leader, *roster_revision, &mut self.outbox),
            Announcement::Capabilities(skills) => {
                self.voter(|voter| voter.advertised(from, skills.clone()));
            }
            Announcement::Head(certificate) => self.worker.take_head(certificate),
            // For people: the gateway shows it.
            Announcement::Happened(_) => {}
        }
    }

    fn link(&mut self, node: NodeId, up: bool) {
        self.liveness.link(node, up, self.now);
        if !up {
            self.voter(|voter| voter.unreachable(node));
        }
    }

    fn ask(&mut self, ticket: Ticket, request: Request) {
        // A ledger that is blank, or counts no more, answers nobody.
        let voter = self.supervisor.as_mut().filter(|it| it.takes_part());
        if let Some(supervisor) = voter {
            supervisor.ask(ticket, request, &self.liveness, &mut self.outbox);
        } else {
            let answer = Err(self.worker.not_leading(&self.liveness));
            self.outbox.push(Effect::Answer { ticket, answer });
        }
    }

    /// The leader leaves a client's request unanswered: every voter is told. What would not go into the ledger is for the
    /// client to ask again.
    fn petition(&mut self, request: Request) {
        let Ok(command) = Command::of(request) else {
            return;
        };
        let command = codec::encode(&command);
        if command.len() <= PETITION_BYTES_MAX {
            for voter in self.worker.voters() {
                let command = command.clone();
                self.outbox.send(voter, PeerMessage::Petition { command });
            }
        }
    }

    /// Reads a message, from a peer or from this node's other half.
    fn receive(&mut self, from: NodeId, message: PeerMessage) {
        self.liveness.touch(from, self.now);
        let outbox = &mut self.outbox;
        match message {
            PeerMessage::Lead(lead) => self.worker.heed(from, &lead, outbox),
            PeerMessage::Roster(roster) => self.worker.take_roster(from, roster, outbox),
            PeerMessage::Succession(shown) => {
                self.worker.take_succession(&shown, outbox);
                self.heed_recovery();
            }
            PeerMessage::Dispatch(order) => self.worker.dispatched(from, order, outbox),
            PeerMessage::Withdraw { run } => self.worker.withdrawn(from, run, outbox),
            PeerMessage::Taken { run } => self.worker.taken(from, run),
            PeerMessage::Spawn {
                agent,
                skills,
                slots,
            } => {
                let raise = Effect::Raise {
                    agent,
                    skills,
                    slots,
                };
                self.worker.ordered(from, raise, outbox);
            }
            PeerMessage::Stop { agent } => {
                self.worker.ordered(from, Effect::Dismiss(agent), outbox);
            }
            PeerMessage::Enrolled { agents } => self.worker.enrolled(from, &agents),
            PeerMessage::Watch { services } => self.worker.watch(from, services),
            PeerMessage::Raft(_)
            | PeerMessage::AskRoster { .. }
            | PeerMessage::AskSuccession { .. }
            | PeerMessage::Started { .. }
            | PeerMessage::Report(_)
            | PeerMessage::Verdict(_)
            | PeerMessage::Enrol(_)
            | PeerMessage::Retire(_)
            | PeerMessage::AskWatch
            | PeerMessage::Observed(_)
            | PeerMessage::Evidence(_)
            | PeerMessage::Petition { .. }
            | PeerMessage::Digest { .. } => self.report(from, message),
        }
    }

    /// A voter whose ledger does not hold the newest recovery has no word any more.
    fn heed_recovery(&mut self) {
        if let (Some((at, voters)), Some(voter)) =
            (self.worker.warrants().recovery(), &mut self.supervisor)
        {
            voter.recovered(at, voters, &mut self.outbox);
        }
    }

    /// Reads a message that only a voter has use for.
    fn report(&mut self, from: NodeId, message: PeerMessage) {
        let (Some(voter), outbox) = (&mut self.supervisor, &mut self.outbox) else {
            return;
        };
        match message {
            PeerMessage::Raft(bytes) => voter.raft(from, &bytes),
            PeerMessage::AskRoster { have_revision } => {
                voter.asked_roster(from, have_revision, outbox);
            }
            PeerMessage::AskSuccession { have } => voter.asked_succession(from, have, outbox),
            PeerMessage::Started { run, agent } => voter.started(from, run, agent, outbox),
            PeerMessage::Report(sealed) | PeerMessage::Verdict(sealed) => {
                voter.reported(from, sealed, outbox);
            }
            PeerMessage::Enrol(certificates) => voter.enrol(from, certificates, outbox),
            PeerMessage::Retire(agents) => voter.retire(from, agents, outbox),
            PeerMessage::AskWatch => voter.asked_watch(from, outbox),
            PeerMessage::Observed(observation) => voter.observed(from, observation),
            PeerMessage::Evidence(evidence) => voter.told(from, &evidence),
            PeerMessage::Petition { command } => voter.petitioned(from, command, outbox),
            PeerMessage::Digest {
                index,
                state,
                chain,
            } => voter.hold_against(from, index, Stand { state, chain }, outbox),
            PeerMessage::Lead(_)
            | PeerMessage::Roster(_)
            | PeerMessage::Succession(_)
            | PeerMessage::Dispatch(_)
            | PeerMessage::Withdraw { .. }
            | PeerMessage::Taken { .. }
            | PeerMessage::Spawn { .. }
            | PeerMessage::Stop { .. }
            | PeerMessage::Enrolled { .. }
            | PeerMessage::Watch { .. } => {}
        }
    }

    fn voter(&mut self, act: impl FnOnce(&mut Supervisor)) {
        if let Some(supervisor) = &mut self.supervisor {
            act(supervisor);
        }
    }

    /// Tells the hands when the leader is another one. Who takes part in Raft goes by it, and everybody else by whose word it
    /// heard last.
    fn follow(&mut self) {
        let voter = self.supervisor.as_ref().filter(|it| it.takes_part());
        let known = match voter {
            Some(supervisor) => supervisor.leader(),
            None => self.worker.leader(),
        };
        if known != self.followed {
            self.followed = known;
            let (leader, term) = known;
            self.outbox.push(Effect::Follow { leader, term });
        }
    }

    /// The newest entry that this node has applied; zero on a worker.
    pub fn applied(&self) -> Index {
        self.supervisor
            .as_ref()
            .map_or(Index::default(), |voter| voter.replica().index())
    }

    /// Which words of voters this node has use for.
    pub fn need(&self) -> Need {
        let voter = self.supervisor.as_ref();
        Need {
            me: self.me,
            applied: self.applied(),
            others: voter.map_or(0, Supervisor::others_needed),
        }
    }

    /// The working half.
    pub fn worker(&self) -> &Worker {
        &self.worker
    }

    /// The deciding half, if this node is a voter.
    pub fn supervisor(&self) -> Option<&Supervisor> {
        self.supervisor.as_ref()
    }
}

/// The members as the ledger on disk has them, or as the node was told, whichever is newer.
fn newest_roster(birth: &Birth, supervisor: Option<&Supervisor>) -> RosterView {
    let kept = supervisor.map(|voter| voter.state().roster().view());
    match kept {
        Some(kept) if birth.roster.revision < kept.revision => kept,
        Some(_) | None => birth.roster.clone(),
    }
}
