//! What is answered: from the mind's word for it to the wire's.
//!
//! The replies of a foreign leader are passed on as they came; only a node's own answers are written here.

use hms_consensus::effect::{
    AgentView, Answer, Candidate, EvidenceView, Explanation, NodeView, SkillView, StatusView,
};
use hms_consensus::input::{Question, Request};
use hms_consensus::liveness::Condition;
use hms_proto::v1::{self as wire, reply};
use hms_protocol::codec::{self, Wire};
use hms_protocol::id::{MeshId, NodeId, Position};
use hms_protocol::service::Service;
use hms_protocol::task::{Task, TaskResult};
use prost::Message;

use crate::limits::PAGE_BYTES;

/// Writes the answer to `request`, which says how long a page may be.
pub(super) fn write(answer: Answer, request: &Request, mesh: MeshId) -> reply::Reply {
    match answer {
        Answer::Admitted { member, roster } => reply::Reply::Join(wire::JoinReply {
            mesh: mesh.as_bytes().to_vec(),
            member: Some(member.to_wire()),
            roster: Some(roster.to_wire()),
        }),
        Answer::Submitted {
            task,
            position,
            fresh,
        } => {
            let (task, position) = (task.as_bytes().to_vec(), Some(position.to_wire()));
            reply::Reply::Submit(wire::SubmitTaskReply {
                task,
                position,
                fresh,
            })
        }
        Answer::Stale { answer, .. } => write(*answer, request, mesh),
        Answer::Ordered { position } => ordered(position),
        Answer::Cancelled(task) => reply::Reply::Cancel(wire::CancelTaskReply {
            task: task.as_bytes().to_vec(),
        }),
        Answer::Spawned(certificate) => reply::Reply::Spawn(wire::SpawnAgentReply {
            certificate: Some(certificate.to_wire()),
        }),
        Answer::Stopped(agent) => reply::Reply::Stop(wire::StopAgentReply {
            agent: agent.as_bytes().to_vec(),
        }),
        Answer::Declared { revision, changed } => {
            reply::Reply::Declare(wire::DeclareReply { revision, changed })
        }
        Answer::Withdrawn => reply::Reply::Withdraw(wire::WithdrawServiceReply {}),
        Answer::Task(task) => reply::Reply::GetTask(wire::GetTaskReply {
            task: Some(task.to_wire()),
        }),
        Answer::Tasks { tasks, total } => tasks_page(tasks, total, page_of(request)),
        Answer::Why(explanation) => reply::Reply::Explain(explanation_to_wire(&explanation)),
        Answer::Agents { agents, total } => agents_page(&agents, total, page_of(request)),
        Answer::Agent(agent) => reply::Reply::GetAgent(wire::GetAgentReply {
            agent: Some(agent_to_wire(&agent)),
        }),
        Answer::Nodes(nodes) => {
            let nodes = nodes.iter().map(node_to_wire).collect();
            reply::Reply::ListNodes(wire::ListNodesReply { nodes })
        }
        Answer::Services(services) => services_page(services, page_of(request)),
        Answer::Service(service) => reply::Reply::GetService(wire::GetServiceReply {
            service: Some(service.to_wire()),
        }),
        Answer::Skills(skills) => {
            let skills = skills.into_iter().map(skill_to_wire).collect();
            reply::Reply::ListSkills(wire::ListSkillsReply { skills })
        }
        Answer::Status(status) => reply::Reply::Status(status_to_wire(&status)),
        Answer::Outline(_) | Answer::Extent { .. } | Answer::Snapshot(_) => {
            unreachable!("whoever asks for these makes the reply of them")
        }
        Answer::Genesis(genesis) => reply::Reply::GetGenesis(wire::GetGenesisReply { genesis }),
        Answer::EvidenceList { pieces, total } => {
            let pieces = pieces.iter().map(evidence_to_wire).collect();
            reply::Reply::ListEvidence(wire::ListEvidenceReply { pieces, total })
        }
        Answer::Evidence(piece) => reply::Reply::GetEvidence(wire::GetEvidenceReply {
            view: Some(evidence_to_wire(&EvidenceView::from(&*piece))),
            exhibit: codec::encode(&piece.exhibit),
        }),
    }
}

fn ordered(position: Position) -> reply::Reply {
    let position = Some(position.to_wire());
    reply::Reply::Operate(wire::OperateReply { position })
}

/// How long the page that was asked for may be.
fn page_of(request: &Request) -> usize {
    match request {
        Request::Read(question) | Request::Glance(question) => page_of_question(question),
        Request::Admit(_)
        | Request::Submit { .. }
        | Request::Cancel { .. }
        | Request::Spawn { .. }
        | Request::Stop { .. }
        | Request::Declare(_)
        | Request::Operate(_)
        | Request::Withdraw { .. } => usize::MAX,
    }
}

fn page_of_question(question: &Question) -> usize {
    match question {
        Question::Tasks { limit, .. }
        | Question::Agents { limit, .. }
        | Question::Services { limit, .. } => usize::try_from(*limit).unwrap_or(usize::MAX),
        Question::Task(_)
        | Question::Why(_)
        | Question::Agent(_)
        | Question::Nodes
        | Question::Service(_)
        | Question::Skills
        | Question::Status
        | Question::Outline(_)
        | Question::Extent
        | Question::Snapshot
        | Question::Genesis
        | Question::EvidenceList { .. }
        | Question::Evidence(_) => usize::MAX,
    }
}

fn tasks_page(tasks: Vec<Task>, total: u64, limit: usize) -> reply::Reply {
    let full = limit <= tasks.len();
    let (tasks, last) = cut(tasks.into_iter().map(brief_task), full, |task| {
        task.id.clone()
    });
    let next_page_token = last.unwrap_or_default();
    reply::Reply::ListTasks(wire::ListTasksReply {
        tasks,
        total,
        next_page_token,
    })
}

fn agents_page(agents: &[AgentView], total: u64, limit: usize) -> reply::Reply {
    let full = limit <= agents.len();
    let id = |view: &wire::AgentView| {
        let certificate = view
            .agent
            .as_ref()
            .and_then(|agent| agent.certificate.as_ref());
        certificate
            .map(|certificate| certificate.agent.clone())
            .unwrap_or_default()
    };
    let (agents, last) = cut(agents.iter().map(agent_to_wire), full, id);
    let next_page_token = last.unwrap_or_default();
    reply::Reply::ListAgents(wire::ListAgentsReply {
        agents,
        total,
        next_page_token,
    })
}

fn services_page(services: Vec<Service>, limit: usize) -> reply::Reply {
    let full = limit <= services.len();
    let brief = services.into_iter().map(brief_service);
    let name = |service: &wire::Service| {
        service
            .spec
            .as_ref()
            .map(|spec| spec.name.clone())
            .unwrap_or_default()
    };
    let (services, last) = cut(brief, full, name);
    let next_page_token = last.unwrap_or_default();
    reply::Reply::ListServices(wire::ListServicesReply {
        services,
        next_page_token,
    })
}

/// A task in a list: what it is and how it went, without what went in and what came out.
fn brief_task(mut task: Task) -> wire::Task {
    task.spec.input.clear();
    if let Some(report) = &mut task.result {
        let TaskResult {
            output,
            stdout,
            stderr,
            trace,
            ..
        } = &mut report.result;
        output.clear();
        for text in [stdout, stderr, trace] {
            text.clear();
        }
    }
    task.to_wire()
}

/// A service in a list: how it is, not how it has been.
fn brief_service(mut service: Service) -> wire::Service {
    service.history.clear();
    service.latencies_ms.clear();
    service.to_wire()
}

/// Cuts a page at [`PAGE_BYTES`], at least one entry kept, and names its last entry if more may follow: a page that is
/// `full` may not be the last.
fn cut<T: Message, N>(
    entries: impl Iterator<Item = T>,
    full: bool,
    name: impl Fn(&T) -> N,
) -> (Vec<T>, Option<N>) {
    let mut bytes = 0;
    let mut more = full;
    let mut page = Vec::new();
    for entry in entries {
        bytes += entry.encoded_len();
        if PAGE_BYTES < bytes && !page.is_empty() {
            more = true;
            break;
        }
        page.push(entry);
    }
    let last = page.last().filter(|_| more).map(name);
    (page, last)
}

fn explanation_to_wire(explanation: &Explanation) -> wire::ExplainTaskReply {
    wire::ExplainTaskReply {
        task: Some(explanation.task.to_wire()),
        summary: explanation.summary.clone(),
        candidates: explanation
            .candidates
            .iter()
            .map(candidate_to_wire)
            .collect(),
    }
}

fn candidate_to_wire(candidate: &Candidate) -> wire::Candidate {
    let (slots_used, slots) = candidate.slots;
    wire::Candidate {
        agent: candidate.agent.as_bytes().to_vec(),
        node: candidate.node.as_bytes().to_vec(),
        fit: candidate.fit,
        reason: candidate.reason.clone(),
        slots_used,
        slots,
    }
}

fn agent_to_wire(view: &AgentView) -> wire::AgentView {
    wire::AgentView {
        agent: Some(view.agent.to_wire()),
        present: view.present,
        running: view
            .running
            .iter()
            .map(|task| task.as_bytes().to_vec())
            .collect(),
        reported: view.reported,
        // Known to its node alone.
        memory_bytes: None,
    }
}

fn node_to_wire(view: &NodeView) -> wire::NodeView {
    let condition = match view.condition {
        Condition::Alive => wire::Condition::Alive,
        Condition::Suspect => wire::Condition::Suspect,
        Condition::Dead => wire::Condition::Dead,
    };
    wire::NodeView {
        member: Some(view.member.to_wire()),
        condition: condition.into(),
        silent_ms: view.silent_ms,
        heartbeat: view.heartbeat.as_ref().map(Wire::to_wire),
        leads: view.leads,
    }
}

fn skill_to_wire(view: SkillView) -> wire::SkillView {
    wire::SkillView {
        skill: view.skill.to_string(),
        versions: view.versions,
        summary: view.summary,
        input: view.input,
        agents: view.agents,
        nodes: view.nodes.iter().map(node_bytes).collect(),
    }
}

fn status_to_wire(status: &StatusView) -> wire::StatusReply {
    let [healthy, disputed, down, unknown] = status.services;
    let (voters_reached, voters) = status.voters;
    let tasks = status.tasks.iter();
    wire::StatusReply {
        mesh: status.mesh.as_bytes().to_vec(),
        leader: status.leader.as_ref().map(node_bytes).unwrap_or_default(),
        term: status.term.0,
        committed: status.committed.0,
        applied: status.applied.0,
        state_digest: status.state_digest.as_bytes().to_vec(),
        chain: status.chain.as_bytes().to_vec(),
        voters_reached,
        voters,
        members: status.members,
        agents: status.agents,
        tasks: tasks
            .map(|(state, tasks)| wire::StateCount {
                state: (*state).to_owned(),
                tasks: *tasks,
            })
            .collect(),
        services_healthy: healthy,
        services_disputed: disputed,
        services_down: down,
        services_unknown: unknown,
        head: status.head.as_ref().map(Wire::to_wire),
        evidence: status.evidence,
        excluded: status.excluded.iter().map(node_bytes).collect(),
    }
}

fn evidence_to_wire(piece: &EvidenceView) -> wire::EvidenceView {
    wire::EvidenceView {
        number: piece.number,
        position: Some(piece.position.to_wire()),
        at_ms: piece.at.0,
        guilty: Some(piece.guilty.to_wire()),
        what: piece.what.to_owned(),
    }
}

/// A node's id as a wire field.
pub(super) fn node_bytes(node: &NodeId) -> Vec<u8> {
    node.as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(bytes: usize) -> wire::GetTaskRequest {
        wire::GetTaskRequest {
            task: vec![7; bytes],
        }
    }

    #[test]
    fn a_page_that_grows_too_large_is_cut_and_says_where_to_go_on() {
        let entries = [1, PAGE_BYTES / 2, PAGE_BYTES / 2].map(entry);
        let (page, last) = cut(entries.into_iter(), false, |entry| entry.task.len());
        assert_eq!((page.len(), last), (2, Some(PAGE_BYTES / 2)));
    }

    #[test]
    fn one_entry_always_fits_and_only_a_full_page_may_have_a_successor() {
        let (page, last) = cut([entry(PAGE_BYTES)].into_iter(), false, |_| ());
        assert_eq!((page.len(), last), (1, None));
        let (_, last) = cut([entry(1)].into_iter(), true, |_| ());
        assert_eq!(last, Some(()));
    }
}
