//! What is worth telling of a run, in words: one line per decision, order or answer.
//!
//! Tasks, agents and hosts have short names here. A ledger line is told once, by the first voter that applies it.

use std::collections::{BTreeMap, BTreeSet};

use hms_consensus::effect::{Answer, Effect, Notice};
use hms_consensus::state::event::Event;
use hms_protocol::codec;
use hms_protocol::envelope::{BodyKind, Sealed};
use hms_protocol::id::{AgentId, NodeId, Position, TaskId, Term};
use hms_protocol::member::{Member, Presence};
use hms_protocol::peer::{PeerMessage, Run};
use hms_protocol::refusal::Refusal;
use hms_protocol::service::Health;
use hms_protocol::task::{Outcome, Report, TaskState};
use hms_protocol::verdict::{Finding, Verdict};

use crate::sim::host::Host;

/// Names, and how far the ledger has been told.
#[derive(Debug, Default)]
pub struct Story {
    nodes: BTreeMap<NodeId, String>,
    agents: BTreeMap<AgentId, String>,
    tasks: BTreeMap<TaskId, String>,
    /// The newest position told, and by whom: several events may share one.
    told: Option<(Position, NodeId)>,
    leaders: BTreeSet<NodeId>,
    voters: String,
}

impl Story {
    /// Names a node.
    pub fn name_node(&mut self, node: NodeId, name: String) {
        self.nodes.insert(node, name);
    }

    /// Names an agent.
    pub fn name_agent(&mut self, agent: AgentId, name: String) {
        self.agents.insert(agent, name);
    }

    /// Names a task.
    pub fn name_task(&mut self, task: TaskId, name: String) {
        self.tasks.insert(task, name);
    }

    /// A node's mind is gone: whatever it led, it does not know any more.
    pub fn forget(&mut self, node: NodeId) {
        self.leaders.remove(&node);
    }

    /// A node's name.
    pub fn node(&self, node: NodeId) -> String {
        self.nodes
            .get(&node)
            .cloned()
            .unwrap_or_else(|| node.short())
    }

    /// An agent's name.
    pub fn agent(&self, agent: AgentId) -> String {
        self.agents
            .get(&agent)
            .cloned()
            .unwrap_or_else(|| agent.short())
    }

    /// A task's name.
    pub fn task(&self, task: TaskId) -> String {
        self.tasks
            .get(&task)
            .cloned()
            .unwrap_or_else(|| task.short())
    }

    /// A run in words.
    pub fn run(&self, run: Run) -> String {
        match run {
            Run::Attempt { task, attempt } => format!("{} attempt {attempt}", self.task(task)),
            Run::Check {
                task,
                round,
                verifier,
                ..
            } => {
                let (task, verifier) = (self.task(task), self.agent(verifier));
                format!("{task} check {round} by {verifier}")
            }
        }
    }

    /// An agent has ended a run.
    pub fn finished(&self, host: &Host, run: Run, sealed: &Sealed) -> String {
        let (run, found) = (self.run(run), verdict_or_result(sealed));
        format!("{} ends {run}: {found}", host.name)
    }

    /// What an effect is in words, if it is worth telling.
    pub fn effect(&mut self, host: &Host, effect: &Effect) -> Option<String> {
        let name = &host.name;
        match effect {
            Effect::Send { to, message } => {
                let words = self.message(message)?;
                Some(format!("{name} to {}: {words}", self.node(*to)))
            }
            Effect::Start(order) => {
                let (agent, run) = (self.agent(order.agent), self.run(order.run));
                Some(format!("{name} {agent} starts {run}"))
            }
            Effect::Stop(run) => Some(format!("{name} stops {}", self.run(*run))),
            Effect::Raise { agent, .. } => Some(format!("{name} raises {}", self.agent(*agent))),
            Effect::Dismiss(agent) => Some(format!("{name} dismisses {}", self.agent(*agent))),
            Effect::Publish(notice) => self.ledger(host, notice),
            Effect::Follow { leader, term } => self.follows(host, *leader, *term),
            Effect::Halt { reason } => Some(format!("{name} halts: {reason}")),
            Effect::Persist(write) => {
                let (index, _) = write.install.as_ref()?;
                Some(format!("{name} installs a checkpoint of entry {index}"))
            }
            Effect::Checkpoint(_)
            | Effect::Beat(_)
            | Effect::Announce(_)
            | Effect::Answer { .. }
            | Effect::Probe { .. }
            | Effect::Enrol(_) => None,
        }
    }

    fn follows(&mut self, host: &Host, leader: Option<NodeId>, term: Term) -> Option<String> {
        let name = &host.name;
        if leader == Some(host.node) {
            self.leaders.insert(host.node);
            return Some(format!("{name} leads term {term}"));
        }
        let led = self.leaders.remove(&host.node);
        led.then(|| format!("{name} leads no more"))
    }

    fn message(&self, message: &PeerMessage) -> Option<String> {
        match message {
            PeerMessage::Dispatch(order) => {
                let (agent, run) = (self.agent(order.agent), self.run(order.run));
                Some(format!("{agent}, do {run}"))
            }
            PeerMessage::Withdraw { run } => Some(format!("drop {}", self.run(*run))),
            PeerMessage::Report(sealed) | PeerMessage::Verdict(sealed) => {
                let run = claimed_run(sealed)?;
                Some(format!("{} is done", self.run(run)))
            }
            PeerMessage::Taken { run } => Some(format!("{} is taken", self.run(*run))),
            PeerMessage::Spawn { agent, .. } => Some(format!("raise {}", self.agent(*agent))),
            PeerMessage::Stop { agent } => Some(format!("dismiss {}", self.agent(*agent))),
            PeerMessage::Raft(_)
            | PeerMessage::Lead(_)
            | PeerMessage::AskRoster { .. }
            | PeerMessage::Roster(_)
            | PeerMessage::Started { .. }
            | PeerMessage::Enrol(_)
            | PeerMessage::Retire(_)
            | PeerMessage::Enrolled { .. }
            | PeerMessage::AskWatch
            | PeerMessage::Watch { .. }
            | PeerMessage::Observed(_)
            | PeerMessage::Evidence(_)
            | PeerMessage::Petition { .. }
            | PeerMessage::AskSuccession { .. }
            | PeerMessage::Succession(_)
            | PeerMessage::Digest { .. } => None,
        }
    }

    fn ledger(&mut self, host: &Host, notice: &Notice) -> Option<String> {
        let told = self.told.is_some_and(|(position, by)| {
            notice.position < position || (notice.position == position && by != host.node)
        });
        if told {
            return None;
        }
        self.told = Some((notice.position, host.node));
        let words = if notice.event == Event::RosterChanged {
            self.voters(host)?
        } else {
            self.event(&notice.event)?
        };
        Some(format!("ledger: {words}"))
    }

    /// Who votes and who listens, if that has changed.
    fn voters(&mut self, host: &Host) -> Option<String> {
        let roster = host.state()?.roster();
        let names = |chosen: &dyn Fn(&Member) -> bool| {
            let chosen = roster.members().filter(|member| chosen(member));
            let mut names: Vec<String> = chosen.map(|member| self.node(member.id)).collect();
            names.sort();
            names.join(" ")
        };
        let (vote, listen) = (names(&|it| it.votes), names(&|it| it.listens));
        let words = if listen.is_empty() {
            format!("{vote} vote")
        } else {
            format!("{vote} vote, {listen} listen")
        };
        if words == self.voters {
            return None;
        }
        self.voters.clone_from(&words);
        Some(words)
    }

    fn event(&self, event: &Event) -> Option<String> {
        Some(match event {
            Event::TaskMoved { task, state } => format!("{} is {}", self.task(*task), moved(state)),
            Event::PresenceChanged { node, presence } => {
                let presence = match presence {
                    Presence::Present => "present",
                    Presence::Lost => "lost",
                };
                format!("{} is {presence}", self.node(*node))
            }
            Event::HealthChanged { service, health } => {
                let health = match health {
                    Health::Unknown => "unknown",
                    Health::Healthy => "healthy",
                    Health::Disputed => "disputed",
                    Health::Down => "down",
                };
                format!("{service} is {health}")
            }
            Event::Convicted { agent, task } => {
                format!(
                    "{} is convicted with {}",
                    self.agent(*agent),
                    self.task(*task)
                )
            }
            Event::NodeConvicted { node, .. } => format!("{} is convicted", self.node(*node)),
            Event::AgentsChanged { node, agents } => {
                let agents: Vec<String> = agents.iter().map(|agent| self.agent(*agent)).collect();
                format!("{} has news of {}", self.node(*node), agents.join(" "))
            }
            Event::RosterChanged
            | Event::Assigned { .. }
            | Event::Drawn { .. }
            | Event::Revoked { .. }
            | Event::ProbersChanged { .. } => return None,
        })
    }

    /// An answer in words.
    pub fn answer(&self, answer: &Result<Answer, Refusal>) -> String {
        match answer {
            Err(refusal) => format!("{} ({refusal})", refusal.code()),
            Ok(Answer::Submitted { task, fresh, .. }) => {
                let known = if *fresh { "" } else { ", known" };
                format!("{} submitted{known}", self.task(*task))
            }
            Ok(Answer::Stale { .. }) => "of the past".to_owned(),
            Ok(Answer::Ordered { position }) => format!("ordered at {position}"),
            Ok(Answer::Cancelled(task)) => format!("{} cancelled", self.task(*task)),
            Ok(Answer::Task(task)) => {
                let tries = task.attempts.len();
                format!(
                    "{} is {} after {tries} attempts",
                    self.task(task.id),
                    moved(&task.state)
                )
            }
            Ok(Answer::Why(why)) => why.summary.clone(),
            Ok(Answer::Spawned(certificate)) => format!("{} is up", self.agent(certificate.agent)),
            Ok(Answer::Stopped(agent)) => format!("{} is stopped", self.agent(*agent)),
            Ok(Answer::Admitted { member, .. }) => format!("{} is admitted", member.name),
            Ok(Answer::Declared { revision, .. }) => format!("declared as revision {revision}"),
            Ok(Answer::Withdrawn) => "forgotten".to_owned(),
            Ok(Answer::Service(service)) => {
                format!("{} is {:?}", service.spec.name, service.health)
            }
            Ok(
                Answer::Tasks { .. }
                | Answer::Agents { .. }
                | Answer::Agent(_)
                | Answer::Nodes(_)
                | Answer::Services(_)
                | Answer::Skills(_)
                | Answer::Status(_)
                | Answer::Outline(_)
                | Answer::Extent { .. }
                | Answer::Snapshot(_)
                | Answer::Genesis(_)
                | Answer::EvidenceList { .. }
                | Answer::Evidence(_),
            ) => "answered".to_owned(),
        }
    }
}

fn moved(state: &TaskState) -> String {
    match state {
        TaskState::Blocked(blockage) => format!("blocked: {blockage:?}"),
        TaskState::Submitted
        | TaskState::Queued
        | TaskState::Assigned
        | TaskState::Running
        | TaskState::Verifying
        | TaskState::AwaitingApproval
        | TaskState::Succeeded
        | TaskState::Failed
        | TaskState::TimedOut
        | TaskState::Cancelled
        | TaskState::Quarantined => state.name().to_owned(),
    }
}

fn claimed_run(sealed: &Sealed) -> Option<Run> {
    let (_, body, _) = sealed.parts();
    if sealed.claimed().kind == BodyKind::Report {
        let report: Report = codec::decode(body).ok()?;
        Some(Run::Attempt {
            task: report.task,
            attempt: report.attempt,
        })
    } else {
        let verdict: Verdict = codec::decode(body).ok()?;
        Some(Run::Check {
            task: verdict.task,
            attempt: verdict.attempt,
            round: verdict.round,
            verifier: verdict.verifier,
        })
    }
}

fn verdict_or_result(sealed: &Sealed) -> &'static str {
    let (_, body, _) = sealed.parts();
    if let Ok(verdict) = codec::decode::<Verdict>(body)
        && sealed.claimed().kind == BodyKind::Verdict
    {
        return match verdict.finding {
            Finding::Accepted => "accepted",
            Finding::Rejected(_) => "rejected",
            Finding::Unavailable(_) => "cannot say",
        };
    }
    let outcome = codec::decode::<Report>(body).map(|report| report.result.outcome);
    match outcome {
        Ok(Outcome::Success) => "success",
        Ok(Outcome::Failure) => "failure",
        Ok(Outcome::Timeout) => "timeout",
        Ok(Outcome::Cancelled) => "cancelled",
        Ok(Outcome::Unavailable) => "unavailable",
        Err(_) => "unreadable",
    }
}
