//! What nodes tell their leader, and the commands that it makes of it.
//!
//! Nodes repeat themselves until they are told that the ledger knows, so every message is first held against the state:
//! what is there already, or can never get there, is answered at once and costs no entry. These checks save work, and that of
//! signatures the office: voters give up a leader that wants a forged one in the log. `apply` believes none of them.

use hms_protocol::agent::{AgentCertificate, AgentStanding};
use hms_protocol::codec;
use hms_protocol::envelope::{Audience, BodyKind, Sealed};
use hms_protocol::id::{AgentId, Epoch, NodeId};
use hms_protocol::peer::{PeerMessage, Run, SuccessionShown};
use hms_protocol::service::{OBSERVE_EVERY_MS, Observation};
use hms_protocol::task::{Report, TaskState};
use hms_protocol::verdict::Verdict;

use crate::outbox::Outbox;
use crate::state::command::Command;
use crate::supervisor::Supervisor;
use crate::supervisor::proposals::Errand;

impl Supervisor {
    /// A report or verdict has come, sealed by an agent. To a voter that does not lead it is a petition: the leader leaves it
    /// lying.
    pub fn reported(&mut self, from: NodeId, sealed: Sealed, outbox: &mut Outbox) {
        let Some(run) = run_of(&sealed) else {
            return;
        };
        let acting = self.acting();
        if !self.is_wanted(run) {
            if acting {
                outbox.send(from, PeerMessage::Taken { run });
            }
            return;
        }
        let errand = Errand::Take { run, from };
        if self.proposals.is_under_way(&errand) || !self.forgeries.has_left(from, self.now) {
            return;
        }
        let command = match run {
            Run::Attempt { .. } => Command::Report(sealed),
            Run::Check { .. } => Command::Judge(sealed),
        };
        if let Err(refusal) = self.replica.state().check_author(&command) {
            self.forgeries.spend(from, self.now);
            tracing::warn!(%from, ?run, %refusal, "what an agent is said to have sealed is dropped");
            if acting {
                outbox.send(from, PeerMessage::Taken { run });
            }
        } else if acting {
            self.proposals.run(command, errand);
        } else {
            self.petitions.follow(from, command, Some(run), self.now);
        }
    }

    /// Whether the ledger waits for this run. One that is not dispatched yet may be waited for too, so a run of the
    /// future is wanted.
    pub(super) fn is_wanted(&self, run: Run) -> bool {
        let (Run::Attempt { task, attempt } | Run::Check { task, attempt, .. }) = run;
        let Some(task) = self.replica.state().ledger().task(task) else {
            return false;
        };
        let current = task.attempts.last().map_or(0, |attempt| attempt.number);
        match run {
            Run::Attempt { .. } => {
                let open = matches!(task.state, TaskState::Assigned | TaskState::Running);
                open && attempt == current
            }
            Run::Check { round, .. } => {
                let drawn = task.round.as_ref().map_or(0, |drawn| drawn.number);
                task.state == TaskState::Verifying && attempt == current && round == drawn
            }
        }
    }

    /// A node says that it is at a run. If it should not be, it is told to stop.
    pub fn started(&mut self, from: NodeId, run: Run, agent: AgentId, outbox: &mut Outbox) {
        let now = self.now;
        let Some(tenure) = self.tenure.as_mut().filter(|tenure| tenure.is_settled()) else {
            return;
        };
        if !tenure.confirm_run(run, from, now) {
            outbox.send(from, PeerMessage::Withdraw { run });
            return;
        }
        if let Run::Attempt { task, attempt } = run
            && let Some(known) = self.replica.state().ledger().task(task)
            && known.state == TaskState::Assigned
        {
            let command = Command::Start {
                task,
                attempt,
                agent,
            };
            self.proposals.run(command, Errand::Confirm(run));
        }
    }

    /// A node names its agents. What the ledger knows is confirmed, the rest goes into the log.
    pub fn enrol(
        &mut self,
        from: NodeId,
        certificates: Vec<AgentCertificate>,
        outbox: &mut Outbox,
    ) {
        if !self.acting() {
            return;
        }
        let roster = self.replica.state().roster();
        let (mut known, mut new) = (Vec::new(), Vec::new());
        for certificate in certificates {
            let agent = certificate.agent;
            match roster.agent(agent) {
                Some(held) if held.standing.is_over() => {
                    outbox.send(from, PeerMessage::Stop { agent });
                }
                Some(held) if held.certificate == certificate => {
                    known.push((agent, held.standing == AgentStanding::Ready));
                }
                Some(_) | None => new.push(certificate),
            }
        }
        if !known.is_empty() {
            outbox.send(from, PeerMessage::Enrolled { agents: known });
        }
        let mesh = self.replica.state().mesh();
        let (new, forged): (Vec<_>, Vec<_>) = new.into_iter().partition(|it| it.verify(mesh));
        if !forged.is_empty() {
            let count = forged.len();
            tracing::warn!(%from, count, "certificates that their node has not signed are dropped");
            let agents = forged.iter().map(|it| (it.agent, false)).collect();
            outbox.send(from, PeerMessage::Enrolled { agents });
        }
        if !new.is_empty() {
            self.proposals.run(Command::Enrol(new), Errand::Enrol(from));
        }
    }

    /// A node names agents that are gone.
    pub fn retire(&mut self, from: NodeId, agents: Vec<AgentId>, outbox: &mut Outbox) {
        if !self.acting() {
            return;
        }
        let roster = self.replica.state().roster();
        let is_open = |agent: &AgentId| {
            let known = roster.agent(*agent);
            known.is_some_and(|held| held.certificate.node == from && !held.standing.is_over())
        };
        let (open, over): (Vec<AgentId>, Vec<AgentId>) = agents.into_iter().partition(is_open);
        if !over.is_empty() {
            let agents = over.into_iter().map(|agent| (agent, false)).collect();
            outbox.send(from, PeerMessage::Enrolled { agents });
        }
        if !open.is_empty() {
            let command = Command::Retire {
                node: from,
                agents: open,
            };
            self.proposals.run(command, Errand::Retire(from));
        }
    }

    /// A prober tells what it thinks of a service. A repetition of what the ledger has from it is dropped.
    pub fn observed(&mut self, from: NodeId, observation: Observation) {
        if !self.acting() || observation.node != from {
            return;
        }
        let service = self
            .replica
            .state()
            .services()
            .service(&observation.service);
        let Some(service) = service.filter(|service| service.revision == observation.revision)
        else {
            return;
        };
        let repeated = service.observations.get(&from).is_some_and(|known| {
            let age_ms = observation.at.since_ms(known.at);
            known.revision == observation.revision
                && known.sight == observation.sight
                && age_ms < OBSERVE_EVERY_MS / 2
        });
        if !repeated {
            let errand = Errand::Observe(from, observation.service.clone());
            self.proposals.run(Command::Observe(observation), errand);
        }
    }

    /// A prober asks for the list of what it is to probe.
    pub fn asked_watch(&self, from: NodeId, outbox: &mut Outbox) {
        if self.acting() {
            let services = self.watch_list(from);
            outbox.send(from, PeerMessage::Watch { services });
        }
    }

    /// A node asks how the voters came about. Every voter answers: whoever asks checks it for itself.
    pub fn asked_succession(&self, from: NodeId, have: Epoch, outbox: &mut Outbox) {
        let genesis = self.replica.state().charter().genesis.clone();
        if genesis.is_empty() {
            return;
        }
        let handovers = self.driver.handovers().into_iter();
        let newer = handovers.filter(|handover| have.0 < handover.stretch.index.0);
        let shown = SuccessionShown {
            genesis,
            handovers: newer.map(|handover| codec::encode(&handover)).collect(),
        };
        outbox.send(from, PeerMessage::Succession(shown));
    }

    /// A node asks for the roster. Every voter answers: what it has applied is true, if perhaps not the newest.
    pub fn asked_roster(&mut self, from: NodeId, have_revision: u64, outbox: &mut Outbox) {
        let roster = self.replica.state().roster();
        if roster.revision() > have_revision {
            outbox.send(from, PeerMessage::Roster(self.bulletin.of(roster)));
        }
    }
}

/// Which run a sealed report or verdict is about, as it claims. `None` if it is neither, or not for the ledger.
fn run_of(sealed: &Sealed) -> Option<Run> {
    let claimed = sealed.claimed();
    if claimed.audience != Audience::Ledger {
        return None;
    }
    let (_, body, _) = sealed.parts();
    match claimed.kind {
        BodyKind::Report => codec::decode::<Report>(body)
            .ok()
            .map(|report| Run::Attempt {
                task: report.task,
                attempt: report.attempt,
            }),
        BodyKind::Verdict => codec::decode::<Verdict>(body)
            .ok()
            .map(|verdict| Run::Check {
                task: verdict.task,
                attempt: verdict.attempt,
                round: verdict.round,
                verifier: verdict.verifier,
            }),
        BodyKind::Peer | BodyKind::Heartbeat | BodyKind::Announcement => None,
    }
}
