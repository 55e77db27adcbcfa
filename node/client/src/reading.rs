//! From the wire to what a client sees. A reply that makes no sense is an error, never a guess.

use hms_proto::v1::{self as wire, event};
use hms_protocol::codec::{CodecError, Wire, WireEnum as _, field};
use hms_protocol::id::{Cursor, Index, NodeId, TaskId, Term};
use hms_protocol::limits::TEXT_BYTES_MAX;
use hms_protocol::member::{Presence, Role};
use hms_protocol::service::Health;
use hms_protocol::time::Moment;

use crate::view::{
    AgentView, Candidate, Condition, Declaration, Declared, Event, EvidenceView, Explanation,
    Happening, NodeView, Ping, SkillView, StatusView, Submitted, TopicView,
};

/// No bound: a reply as a whole is bounded, and the reader is not a voter.
const ANY: usize = usize::MAX;

pub(crate) fn ping(reply: wire::PingReply) -> Result<Ping, CodecError> {
    let leader = match reply.leader.as_slice() {
        [] => None,
        bytes => Some(field::node_id("ping.leader", bytes)?),
    };
    Ok(Ping {
        version: reply.version,
        node: field::node_id("ping.node", &reply.node)?,
        name: field::name("ping.name", &reply.name)?,
        role: Role::from_number("ping.role", reply.role)?,
        mesh: field::mesh_id("ping.mesh", &reply.mesh)?,
        leader,
        term: Term(reply.term),
        took: std::time::Duration::ZERO,
    })
}

/// Who leads, where the empty id is nobody's.
fn leader(field: &'static str, bytes: &[u8]) -> Result<Option<NodeId>, CodecError> {
    match bytes {
        [] => Ok(None),
        bytes => field::node_id(field, bytes).map(Some),
    }
}

pub(crate) fn status(reply: wire::StatusReply) -> Result<StatusView, CodecError> {
    Ok(StatusView {
        mesh: field::mesh_id("status.mesh", &reply.mesh)?,
        leader: leader("status.leader", &reply.leader)?,
        term: Term(reply.term),
        committed: Index(reply.committed),
        applied: Index(reply.applied),
        state_digest: field::hash("status.state_digest", &reply.state_digest)?,
        chain: field::hash("status.chain", &reply.chain)?,
        voters_reached: reply.voters_reached,
        voters: reply.voters,
        members: reply.members,
        agents: reply.agents,
        tasks: reply
            .tasks
            .into_iter()
            .map(|count| (count.state, count.tasks))
            .collect(),
        services_healthy: reply.services_healthy,
        services_disputed: reply.services_disputed,
        services_down: reply.services_down,
        services_unknown: reply.services_unknown,
        head: reply.head.map(Wire::from_wire).transpose()?,
        evidence: reply.evidence,
        excluded: nodes("status.excluded", reply.excluded)?,
    })
}

pub(crate) fn evidence(view: wire::EvidenceView) -> Result<EvidenceView, CodecError> {
    Ok(EvidenceView {
        number: view.number,
        position: field::part("evidence.position", view.position)?,
        at: Moment(view.at_ms),
        guilty: field::part("evidence.guilty", view.guilty)?,
        what: field::text("evidence.what", view.what, TEXT_BYTES_MAX)?,
    })
}

pub(crate) fn submitted(reply: wire::SubmitTaskReply) -> Result<Submitted, CodecError> {
    Ok(Submitted {
        task: field::task_id("submitted.task", &reply.task)?,
        position: field::part("submitted.position", reply.position)?,
        fresh: reply.fresh,
    })
}

pub(crate) fn explanation(reply: wire::ExplainTaskReply) -> Result<Explanation, CodecError> {
    let candidates = reply.candidates;
    Ok(Explanation {
        task: field::part("explanation.task", reply.task)?,
        summary: reply.summary,
        candidates: field::list("explanation.candidates", candidates, ANY, candidate)?,
    })
}

fn candidate(candidate: wire::Candidate) -> Result<Candidate, CodecError> {
    Ok(Candidate {
        agent: field::agent_id("candidate.agent", &candidate.agent)?,
        node: field::node_id("candidate.node", &candidate.node)?,
        fit: candidate.fit,
        reason: candidate.reason,
        slots_used: candidate.slots_used,
        slots: candidate.slots,
    })
}

pub(crate) fn agent(view: wire::AgentView) -> Result<AgentView, CodecError> {
    Ok(AgentView {
        agent: field::part("agent.agent", view.agent)?,
        present: view.present,
        running: field::list("agent.running", view.running, ANY, |task| {
            field::task_id("agent.running", &task)
        })?,
        reported: view.reported,
        memory_bytes: view.memory_bytes,
    })
}

pub(crate) fn node(view: wire::NodeView) -> Result<NodeView, CodecError> {
    let condition = match view.condition() {
        wire::Condition::Alive => Condition::Alive,
        wire::Condition::Suspect => Condition::Suspect,
        wire::Condition::Dead => Condition::Dead,
        wire::Condition::Unspecified => {
            let (field, value) = ("node.condition", view.condition);
            return Err(CodecError::UnknownValue { field, value });
        }
    };
    let heartbeat = view.heartbeat.map(Wire::from_wire);
    Ok(NodeView {
        member: field::part("node.member", view.member)?,
        condition,
        silent_ms: view.silent_ms,
        heartbeat: heartbeat.transpose()?,
        leads: view.leads,
    })
}

pub(crate) fn skill(view: wire::SkillView) -> Result<SkillView, CodecError> {
    Ok(SkillView {
        skill: field::name("skill.skill", &view.skill)?,
        versions: view.versions,
        summary: view.summary,
        input: view.input,
        agents: view.agents,
        nodes: nodes("skill.nodes", view.nodes)?,
    })
}

pub(crate) fn topic(view: wire::TopicView) -> TopicView {
    let wire::TopicView {
        topic,
        subscribers,
        peers,
        received,
        published,
    } = view;
    TopicView {
        topic,
        subscribers,
        peers,
        received,
        published,
    }
}

pub(crate) fn declared(declared: wire::Declared) -> Result<Declared, CodecError> {
    let what = match declared.what() {
        wire::Declaration::Added => Declaration::Added,
        wire::Declaration::Changed => Declaration::Changed,
        wire::Declaration::Unchanged => Declaration::Unchanged,
        wire::Declaration::Unspecified => {
            let (field, value) = ("declared.what", declared.what);
            return Err(CodecError::UnknownValue { field, value });
        }
    };
    Ok(Declared {
        service: field::name("declared.service", &declared.service)?,
        what,
        revision: declared.revision,
        differences: declared.differences,
    })
}

pub(crate) fn cursor(cursor: Option<wire::Cursor>) -> Result<Cursor, CodecError> {
    let cursor = field::required("cursor", cursor)?;
    let position = field::part("cursor.position", cursor.position)?;
    Ok(Cursor {
        position,
        part: cursor.part,
    })
}

pub(crate) fn cursor_to_wire(cursor: Cursor) -> wire::Cursor {
    use hms_protocol::codec::Wire as _;
    wire::Cursor {
        position: Some(cursor.position.to_wire()),
        part: cursor.part,
    }
}

pub(crate) fn event(event: wire::Event) -> Result<Event, CodecError> {
    let what = field::required("event.what", event.what)?;
    Ok(Event {
        cursor: cursor(event.cursor)?,
        at: Moment(event.at_ms),
        what: happening(what)?,
    })
}

fn happening(what: event::What) -> Result<Happening, CodecError> {
    Ok(match what {
        event::What::RosterChanged(_) => Happening::RosterChanged,
        event::What::PresenceChanged(what) => Happening::PresenceChanged {
            node: field::node_id("event.node", &what.node)?,
            presence: Presence::from_number("event.presence", what.presence)?,
        },
        event::What::AgentsChanged(what) => Happening::AgentsChanged {
            node: field::node_id("event.node", &what.node)?,
            agents: field::list("event.agents", what.agents, ANY, |agent| {
                field::agent_id("event.agents", &agent)
            })?,
        },
        event::What::TaskMoved(what) => Happening::TaskMoved {
            task: task(&what.task)?,
            state: field::part("event.state", what.state)?,
        },
        event::What::TaskAssigned(what) => Happening::TaskAssigned {
            task: task(&what.task)?,
            attempt: what.attempt,
        },
        event::What::VerifiersDrawn(what) => Happening::VerifiersDrawn {
            task: task(&what.task)?,
            round: what.round,
        },
        event::What::RunRevoked(what) => Happening::RunRevoked {
            node: field::node_id("event.node", &what.node)?,
            run: field::part("event.run", what.run)?,
        },
        event::What::HealthChanged(what) => Happening::HealthChanged {
            service: field::name("event.service", &what.service)?,
            health: Health::from_number("event.health", what.health)?,
        },
        event::What::ProbersChanged(what) => Happening::ProbersChanged {
            nodes: nodes("event.nodes", what.nodes)?,
        },
        event::What::AgentConvicted(what) => Happening::AgentConvicted {
            agent: field::agent_id("event.agent", &what.agent)?,
            task: task(&what.task)?,
        },
        event::What::NodeConvicted(what) => Happening::NodeConvicted {
            node: field::node_id("event.node", &what.node)?,
            evidence: what.evidence,
        },
    })
}

fn task(bytes: &[u8]) -> Result<TaskId, CodecError> {
    field::task_id("event.task", bytes)
}

fn nodes(field: &'static str, nodes: Vec<Vec<u8>>) -> Result<Vec<NodeId>, CodecError> {
    field::list(field, nodes, ANY, |node| field::node_id(field, &node))
}
