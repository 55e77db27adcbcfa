//! What is answered: from the mind's word for it to the wire's.
//!
//! The replies of a foreign leader are passed on as they came; only a node's own answers are written here.

use hms_consensus::effect::{
    AgentView, Answer, Candidate, Explanation, NodeView, SkillView, StatusView,
};
use hms_consensus::input::{Question, Request};
use hms_consensus::liveness::Condition;
use hms_proto::v1::{self as wire, reply};
use hms_protocol::codec::Wire;
use hms_protocol::id::{MeshId, NodeId};
use hms_protocol::task::Task;

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
        Answer::Tasks { tasks, total } => tasks_page(&tasks, total, page_of(request)),
        Answer::Why(explanation) => reply::Reply::Explain(explanation_to_wire(&explanation)),
        Answer::Agents { agents, total } => agents_page(&agents, total, page_of(request)),
        Answer::Agent(agent) => reply::Reply::GetAgent(wire::GetAgentReply {
            agent: Some(agent_to_wire(&agent)),
        }),
        Answer::Nodes(nodes) => {
            let nodes = nodes.iter().map(node_to_wire).collect();
            reply::Reply::ListNodes(wire::ListNodesReply { nodes })
        }
        Answer::Services(services) => {
            let services = services.iter().map(Wire::to_wire).collect();
            reply::Reply::ListServices(wire::ListServicesReply { services })
        }
        Answer::Service(service) => reply::Reply::GetService(wire::GetServiceReply {
            service: Some(service.to_wire()),
        }),
        Answer::Skills(skills) => {
            let skills = skills.into_iter().map(skill_to_wire).collect();
            reply::Reply::ListSkills(wire::ListSkillsReply { skills })
        }
        Answer::Status(status) => reply::Reply::Status(status_to_wire(&status)),
    }
}

/// How long the page that was asked for may be.
fn page_of(request: &Request) -> usize {
    match request {
        Request::Read(Question::Tasks { limit, .. } | Question::Agents { limit, .. }) => {
            usize::try_from(*limit).unwrap_or(usize::MAX)
        }
        Request::Read(
            Question::Task(_)
            | Question::Why(_)
            | Question::Agent(_)
            | Question::Nodes
            | Question::Services
            | Question::Service(_)
            | Question::Skills
            | Question::Status,
        )
        | Request::Admit(_)
        | Request::Submit { .. }
        | Request::Cancel { .. }
        | Request::Spawn { .. }
        | Request::Stop { .. }
        | Request::Declare(_)
        | Request::Withdraw { .. } => usize::MAX,
    }
}

fn tasks_page(tasks: &[Task], total: u64, limit: usize) -> reply::Reply {
    let last = tasks.last().filter(|_| limit <= tasks.len());
    reply::Reply::ListTasks(wire::ListTasksReply {
        tasks: tasks.iter().map(Wire::to_wire).collect(),
        total,
        next_page_token: last
            .map(|task| task.id.as_bytes().to_vec())
            .unwrap_or_default(),
    })
}

fn agents_page(agents: &[AgentView], total: u64, limit: usize) -> reply::Reply {
    let last = agents.last().filter(|_| limit <= agents.len());
    let token = last.map(|view| view.agent.certificate.agent.as_bytes().to_vec());
    reply::Reply::ListAgents(wire::ListAgentsReply {
        agents: agents.iter().map(agent_to_wire).collect(),
        total,
        next_page_token: token.unwrap_or_default(),
    })
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
        leader: node_bytes(&status.leader),
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
    }
}

/// A node's id as a wire field.
pub(super) fn node_bytes(node: &NodeId) -> Vec<u8> {
    node.as_bytes().to_vec()
}
