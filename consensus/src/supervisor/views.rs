//! Questions about the state, answered; what people are told of it.
//!
//! Nothing here decides anything. The caller has made sure that the state is not out of date.

use std::collections::{BTreeMap, BTreeSet};

use hms_protocol::agent::{Agent, AgentStanding};
use hms_protocol::id::{AgentId, NodeId, SkillName, TaskId};
use hms_protocol::limits::PAGE_MAX;
use hms_protocol::member::Presence;
use hms_protocol::peer::{Happening, Run};
use hms_protocol::refusal::Refusal;
use hms_protocol::service::Health;
use hms_protocol::task::AttemptEnd;

use crate::effect::{AgentView, Answer, EvidenceView, NodeView, Notice, SkillView, StatusView};
use crate::input::Question;
use crate::liveness::{Condition, Liveness};
use crate::outline::Outline;
use crate::schedule;
use crate::state::State;
use crate::state::event::Event;
use crate::supervisor::Supervisor;

impl Supervisor {
    /// Answers a question from the state as it is now.
    pub(super) fn view(&self, question: Question, liveness: &Liveness) -> Result<Answer, Refusal> {
        let state = self.replica.state();
        let ledger = state.ledger();
        Ok(match question {
            Question::Task(task) => Answer::Task(Box::new(ledger.known(task)?.clone())),
            Question::Tasks {
                filter,
                after,
                limit,
            } => {
                let (tasks, total) = ledger.page(&filter, after, limit);
                Answer::Tasks { tasks, total }
            }
            Question::Why(task) => self.explain(task, liveness)?,
            Question::Agents { node, after, limit } => self.agents(node, after, limit),
            Question::Agent(agent) => {
                let known = state.roster().enrolled(agent)?;
                let mut reported = self.reported_by(&BTreeSet::from([agent]));
                let reported = reported.remove(&agent).unwrap_or_default();
                Answer::Agent(Box::new(agent_view(known, reported, state)))
            }
            Question::Nodes => Answer::Nodes(self.nodes(liveness)),
            Question::Services { after, limit } => {
                let services = state.services().iter();
                let next = services.filter(|service| {
                    after
                        .as_ref()
                        .is_none_or(|after| *after < service.spec.name)
                });
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                Answer::Services(next.take(limit).cloned().collect())
            }
            Question::Service(name) => {
                Answer::Service(Box::new(state.services().known(&name)?.clone()))
            }
            Question::Skills => Answer::Skills(self.skills()),
            Question::Status => Answer::Status(self.overview(liveness)),
            Question::Outline(task) => {
                let outline = Outline::of(state, self.driver.handovers(), task)?;
                Answer::Outline(Box::new(outline))
            }
            Question::Extent => Answer::Extent {
                applied: self.replica.index(),
                handovers: self.driver.handovers(),
            },
            Question::Snapshot => Answer::Snapshot(self.replica.draw(&self.driver).map(Box::new)),
            Question::Genesis => Answer::Genesis(state.charter().genesis.clone()),
            Question::EvidenceList { before, limit } => evidence_list(state, before, limit),
            Question::Evidence(number) => {
                let piece = state.archive().piece(number);
                let piece = piece.ok_or(Refusal::UnknownEvidence { number })?;
                Answer::Evidence(Box::new(piece.clone()))
            }
        })
    }

    fn explain(&self, task: TaskId, liveness: &Liveness) -> Result<Answer, Refusal> {
        let explanation = schedule::explain(self.replica.state(), liveness, self.now, task)?;
        Ok(Answer::Why(Box::new(explanation)))
    }

    fn agents(&self, node: Option<NodeId>, after: Option<AgentId>, limit: u32) -> Answer {
        let state = self.replica.state();
        let roster = state.roster();
        let after = after.unwrap_or(AgentId::from_bytes([0; 16]));
        let on_node = |agent: &&Agent| node.is_none_or(|node| agent.certificate.node == node);
        let page: Vec<&Agent> = match node {
            Some(node) => roster
                .agents_of(node)
                .filter(|agent| after < agent.certificate.agent)
                .take(limit.min(PAGE_MAX) as usize)
                .collect(),
            None => roster
                .agents_after(after)
                .take(limit.min(PAGE_MAX) as usize)
                .collect(),
        };
        let ids = page.iter().map(|agent| agent.certificate.agent).collect();
        let reported = self.reported_by(&ids);
        let view = |agent: &&Agent| {
            let reported = reported.get(&agent.certificate.agent);
            agent_view(agent, reported.copied().unwrap_or_default(), state)
        };
        Answer::Agents {
            agents: page.iter().map(view).collect(),
            total: roster.agents().filter(on_node).count() as u64,
        }
    }

    /// How many attempts each of these agents has ended with a report, in the tasks that are kept. Looks at every task:
    /// a list for people may cost that.
    fn reported_by(&self, agents: &BTreeSet<AgentId>) -> BTreeMap<AgentId, u64> {
        let mut reported = BTreeMap::new();
        let tasks = self.replica.state().ledger().tasks();
        for attempt in tasks.flat_map(|task| &task.attempts) {
            let by_report = matches!(attempt.ended, Some((_, AttemptEnd::Reported)));
            if by_report && agents.contains(&attempt.agent) {
                *reported.entry(attempt.agent).or_default() += 1;
            }
        }
        reported
    }

    fn nodes(&self, liveness: &Liveness) -> Vec<NodeView> {
        let members = self.replica.state().roster().members();
        members
            .map(|member| NodeView {
                member: member.clone(),
                condition: liveness.condition(member.id, self.now),
                silent_ms: liveness.silent_ms(member.id, self.now),
                heartbeat: liveness.heartbeat(member.id).cloned(),
                leads: self.driver.leader() == Some(member.id),
            })
            .collect()
    }

    fn skills(&self) -> Vec<SkillView> {
        let state = self.replica.state();
        let skills = state.crew().skills();
        skills
            .map(|(skill, classes)| {
                let mut agents = 0;
                let mut nodes = BTreeSet::new();
                for (node, hands) in classes.flatten() {
                    agents += hands.len() as u64;
                    nodes.insert(*node);
                }
                self.skill_view(skill, agents, nodes)
            })
            .collect()
    }

    fn skill_view(&self, skill: &SkillName, agents: u64, nodes: BTreeSet<NodeId>) -> SkillView {
        let versions: BTreeSet<&str> = self
            .adverts
            .of(skill)
            .map(|advert| advert.version.as_str())
            .collect();
        let newest = self.adverts.of(skill).max_by_key(|advert| &advert.version);
        SkillView {
            skill: skill.clone(),
            versions: versions.into_iter().map(str::to_owned).collect(),
            summary: newest
                .map(|advert| advert.summary.clone())
                .unwrap_or_default(),
            input: newest
                .map(|advert| advert.input.clone())
                .unwrap_or_default(),
            agents,
            nodes: nodes.into_iter().collect(),
        }
    }

    fn overview(&self, liveness: &Liveness) -> StatusView {
        let state = self.replica.state();
        let status = self.driver.status();
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let reached = |voter: &&NodeId| {
            **voter == self.me || liveness.condition(**voter, self.now) == Condition::Alive
        };
        let ready = state.roster().agents().filter(|agent| {
            agent.standing == AgentStanding::Ready
                && state.roster().is_present(agent.certificate.node)
        });
        let services = state.services();
        let health = [
            Health::Healthy,
            Health::Disputed,
            Health::Down,
            Health::Unknown,
        ];
        let tasks = state.ledger().index().counts();
        StatusView {
            mesh: state.mesh(),
            leader: self.driver.leader(),
            term: status.term,
            committed: status.committed,
            applied: self.replica.index(),
            state_digest: state.digest(),
            chain: self.replica.chain(),
            voters: (
                count(status.voters.iter().filter(reached).count()),
                count(status.voters.len()),
            ),
            members: count(state.roster().len()),
            agents: ready.count() as u64,
            tasks: tasks.iter().map(|(name, count)| (*name, *count)).collect(),
            services: health.map(|health| services.count(health)),
            head: self.driver.head().cloned(),
            evidence: state.archive().len() as u64,
            excluded: state
                .roster()
                .members()
                .filter(|member| !member.takes_part())
                .map(|member| member.id)
                .collect(),
        }
    }
}

fn evidence_list(state: &State, before: u64, limit: u32) -> Answer {
    let before = if before == 0 { u64::MAX } else { before };
    let pieces = state.archive().pieces_before(before);
    Answer::EvidenceList {
        pieces: pieces
            .take(limit.min(PAGE_MAX) as usize)
            .map(EvidenceView::from)
            .collect(),
        total: state.archive().len() as u64,
    }
}

fn agent_view(agent: &Agent, reported: u64, state: &State) -> AgentView {
    let node = agent.certificate.node;
    let runs = state.crew().runs_of(node, agent.certificate.agent);
    AgentView {
        agent: agent.clone(),
        present: state.roster().is_present(node),
        running: runs
            .map(|run| match run {
                Run::Attempt { task, .. } | Run::Check { task, .. } => task,
            })
            .collect(),
        reported,
    }
}

/// What is gossiped of an event: what people want to hear of, and not every step of every task.
pub(super) fn happening(notice: &Notice, state: &State) -> Option<Happening> {
    let name = |node: NodeId| state.roster().name_of(node);
    let (subject, text) = match &notice.event {
        Event::PresenceChanged { node, presence } => {
            let text = match presence {
                Presence::Present => "is present",
                Presence::Lost => "is lost",
            };
            (name(*node), text.to_owned())
        }
        Event::HealthChanged { service, health } => {
            let text = match health {
                Health::Unknown => "is unknown",
                Health::Healthy => "is healthy",
                Health::Disputed => "is disputed",
                Health::Down => "is down",
            };
            (service.to_string(), text.to_owned())
        }
        Event::Convicted { agent, task } => {
            let text = format!("was caught with a false result of task {task}");
            (agent.to_string(), text)
        }
        Event::NodeConvicted { node, number } => {
            let text = format!("is quarantined: evidence {number} convicts it");
            (name(*node), text)
        }
        Event::RosterChanged
        | Event::AgentsChanged { .. }
        | Event::TaskMoved { .. }
        | Event::Assigned { .. }
        | Event::Drawn { .. }
        | Event::Revoked { .. }
        | Event::ProbersChanged { .. } => return None,
    };
    Some(Happening {
        position: notice.position,
        at: notice.at,
        subject,
        text,
    })
}
