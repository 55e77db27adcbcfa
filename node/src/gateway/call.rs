//! What is asked: from the wire's word for it to a request that the mind, or a watch, understands.
//!
//! A call is read once, at the node that answers it; the gateways on its way pass the bytes on as they are. Nothing that
//! a client or a peer sends passes this page unchecked, and nothing here decides whether the answer is yes.

mod question;

use std::collections::BTreeSet;

use hms_consensus::input::{Admission, Request};
use hms_proto::v1::{self as wire, call};
use hms_protocol::codec::{CodecError, Wire as _, field};
use hms_protocol::id::{AgentId, Cursor, Index, TaskId};
use hms_protocol::limits;
use hms_protocol::refusal::Refusal;

use self::question::question;

/// A call, read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Has one answer, by the mind.
    Once(Box<Request>),
    /// Has many, until it ends.
    Watch(Watch),
    /// Has one answer, by the agents' room of the node that is asked: how large an agent's memory is.
    Weigh(AgentId),
}

/// Something to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Watch {
    /// One task, to its end.
    Task {
        /// Which.
        task: TaskId,
        /// The last step that was seen.
        after: Option<Cursor>,
    },
    /// The ledger.
    Events {
        /// The last event that was seen; `None` for those from now on.
        after: Option<Cursor>,
        /// Which kinds; empty for all.
        kinds: BTreeSet<wire::EventKind>,
    },
    /// The entries of the ledger themselves.
    Ledger(LedgerPart),
    /// The state as it is now.
    Snapshot,
}

/// Which entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LedgerPart {
    /// The first one; 0 for the oldest that is kept.
    pub(super) from: Index,
    /// Only so many of the newest; 0 for all.
    pub(super) last: u64,
    /// Whether to go on with those to come.
    pub(super) follow: bool,
}

/// Reads a call.
pub(super) fn read(ask: call::Ask) -> Result<Ask, Refusal> {
    let request = match ask {
        call::Ask::Join(request) => Request::Admit(admission(request)?),
        call::Ask::Submit(request) => Request::Submit {
            task: field::task_id("submit.task", &request.task)?,
            spec: field::part("submit.spec", request.spec)?,
            via: field::node_id("submit.via", &request.via)?,
        },
        call::Ask::Cancel(request) => Request::Cancel {
            task: field::task_id("cancel.task", &request.task)?,
        },
        call::Ask::Spawn(request) => spawn(request)?,
        call::Ask::Stop(request) => Request::Stop {
            agent: field::agent_id("stop.agent", &request.agent)?,
        },
        call::Ask::Operate(request) => {
            Request::Operate(field::part("operate.order", request.order)?)
        }
        call::Ask::Declare(request) => {
            Request::Declare(field::part("declare.service", request.service)?)
        }
        call::Ask::Withdraw(request) => Request::Withdraw {
            service: field::name("withdraw.service", &request.service)?,
        },
        call::Ask::WatchTask(request) => {
            let task = field::task_id("watch.task", &request.task)?;
            let after = request.after.map(cursor).transpose()?;
            return Ok(Ask::Watch(Watch::Task { task, after }));
        }
        call::Ask::WatchEvents(request) => return events(request).map(Ask::Watch),
        call::Ask::ReadLedger(request) => {
            return Ok(Ask::Watch(Watch::Ledger(LedgerPart {
                from: Index(request.from),
                last: request.last,
                follow: request.follow,
            })));
        }
        call::Ask::SaveSnapshot(wire::SaveSnapshotRequest {}) => {
            return Ok(Ask::Watch(Watch::Snapshot));
        }
        call::Ask::WeighMemory(request) => {
            let agent = field::agent_id("weigh_memory.agent", &request.agent)?;
            return Ok(Ask::Weigh(agent));
        }
        call::Ask::GetTask(_)
        | call::Ask::ListTasks(_)
        | call::Ask::Explain(_)
        | call::Ask::ListAgents(_)
        | call::Ask::GetAgent(_)
        | call::Ask::ListNodes(_)
        | call::Ask::ListServices(_)
        | call::Ask::GetService(_)
        | call::Ask::ListSkills(_)
        | call::Ask::Status(_)
        | call::Ask::GetReceipt(_)
        | call::Ask::GetGenesis(_)
        | call::Ask::ListEvidence(_)
        | call::Ask::GetEvidence(_) => Request::Read(question(ask)?),
    };
    Ok(Ask::Once(Box::new(request)))
}

fn spawn(request: wire::SpawnAgentRequest) -> Result<Request, Refusal> {
    Ok(Request::Spawn {
        agent: field::agent_id("spawn.agent", &request.agent)?,
        node: given(&request.node, |node| field::node_id("spawn.node", node))?,
        skills: field::set(
            "spawn.skills",
            request.skills,
            limits::SKILLS_PER_AGENT_MAX,
            |skill| field::name("spawn.skills", &skill),
        )?,
        slots: request.slots.max(1),
    })
}

fn events(request: wire::WatchEventsRequest) -> Result<Watch, Refusal> {
    let after = request.after.map(cursor).transpose()?;
    let mut kinds = BTreeSet::new();
    for number in request.kinds {
        match wire::EventKind::try_from(number) {
            Ok(kind) if kind != wire::EventKind::Unspecified => kinds.insert(kind),
            Ok(_) | Err(_) => {
                let field = "watch_events.kinds";
                return Err(CodecError::UnknownValue {
                    field,
                    value: number,
                }
                .into());
            }
        };
    }
    Ok(Watch::Events { after, kinds })
}

/// Reads a node's wish to join.
pub(super) fn admission(request: wire::JoinRequest) -> Result<Admission, CodecError> {
    field::part("join.admission", request.admission)
}

/// Reads where a watcher stands.
pub(super) fn cursor(cursor: wire::Cursor) -> Result<Cursor, CodecError> {
    let position = field::part("cursor.position", cursor.position)?;
    Ok(Cursor {
        position,
        part: cursor.part,
    })
}

/// Writes where a watcher stands.
pub(super) fn cursor_to_wire(cursor: Cursor) -> wire::Cursor {
    wire::Cursor {
        position: Some(cursor.position.to_wire()),
        part: cursor.part,
    }
}

/// A field that may be left empty.
fn given<T>(
    bytes: &[u8],
    read: impl FnOnce(&[u8]) -> Result<T, CodecError>,
) -> Result<Option<T>, CodecError> {
    if bytes.is_empty() {
        Ok(None)
    } else {
        read(bytes).map(Some)
    }
}

/// The method's name in logs and metrics.
pub(super) const fn method(ask: &call::Ask) -> &'static str {
    match ask {
        call::Ask::Join(_) => "join",
        call::Ask::Submit(_) => "submit_task",
        call::Ask::Cancel(_) => "cancel_task",
        call::Ask::Spawn(_) => "spawn_agent",
        call::Ask::Stop(_) => "stop_agent",
        call::Ask::Declare(_) => "declare_service",
        call::Ask::Withdraw(_) => "withdraw_service",
        call::Ask::GetTask(_) => "get_task",
        call::Ask::ListTasks(_) => "list_tasks",
        call::Ask::Explain(_) => "explain_task",
        call::Ask::ListAgents(_) => "list_agents",
        call::Ask::GetAgent(_) => "get_agent",
        call::Ask::ListNodes(_) => "list_nodes",
        call::Ask::ListServices(_) => "list_services",
        call::Ask::GetService(_) => "get_service",
        call::Ask::ListSkills(_) => "list_skills",
        call::Ask::Status(_) => "status",
        call::Ask::GetReceipt(_) => "get_receipt",
        call::Ask::GetGenesis(_) => "get_genesis",
        call::Ask::ListEvidence(_) => "list_evidence",
        call::Ask::GetEvidence(_) => "get_evidence",
        call::Ask::Operate(_) => "operate",
        call::Ask::WatchTask(_) => "watch_task",
        call::Ask::WatchEvents(_) => "watch_events",
        call::Ask::ReadLedger(_) => "read_ledger",
        call::Ask::SaveSnapshot(_) => "save_snapshot",
        call::Ask::WeighMemory(_) => "weigh_memory",
    }
}

/// The task that a call is about, for logs.
pub(super) fn task_of(ask: &call::Ask) -> Option<TaskId> {
    let bytes = match ask {
        call::Ask::Submit(request) => &request.task,
        call::Ask::Cancel(request) => &request.task,
        call::Ask::GetTask(request) => &request.task,
        call::Ask::Explain(request) => &request.task,
        call::Ask::GetReceipt(request) => &request.task,
        call::Ask::WatchTask(request) => &request.task,
        call::Ask::Join(_)
        | call::Ask::Spawn(_)
        | call::Ask::Stop(_)
        | call::Ask::Declare(_)
        | call::Ask::Withdraw(_)
        | call::Ask::ListTasks(_)
        | call::Ask::ListAgents(_)
        | call::Ask::GetAgent(_)
        | call::Ask::ListNodes(_)
        | call::Ask::ListServices(_)
        | call::Ask::GetService(_)
        | call::Ask::ListSkills(_)
        | call::Ask::Status(_)
        | call::Ask::GetGenesis(_)
        | call::Ask::ListEvidence(_)
        | call::Ask::GetEvidence(_)
        | call::Ask::Operate(_)
        | call::Ask::WatchEvents(_)
        | call::Ask::ReadLedger(_)
        | call::Ask::SaveSnapshot(_)
        | call::Ask::WeighMemory(_) => return None,
    };
    TaskId::from_slice(bytes)
}

#[cfg(test)]
mod tests {
    use hms_protocol::id::{Index, Position};

    use super::*;

    const TASK: [u8; 16] = [1; 16];

    #[test]
    fn a_watch_keeps_its_cursor() {
        let position = Position {
            index: Index(7),
            offset: 1,
        };
        let cursor = Cursor { position, part: 2 };
        let request = wire::WatchTaskRequest {
            task: TASK.to_vec(),
            after: Some(cursor_to_wire(cursor)),
        };
        let watch = Watch::Task {
            task: TaskId::from_bytes(TASK),
            after: Some(cursor),
        };
        assert_eq!(read(call::Ask::WatchTask(request)), Ok(Ask::Watch(watch)));
    }

    #[test]
    fn a_malformed_call_names_its_field() {
        let short = vec![1; 15];
        let cases = [
            (
                call::Ask::GetTask(wire::GetTaskRequest {
                    task: short.clone(),
                }),
                "get_task.task",
            ),
            (
                call::Ask::ListAgents(wire::ListAgentsRequest {
                    page_token: short,
                    ..wire::ListAgentsRequest::default()
                }),
                "list_agents.page_token",
            ),
            (
                call::Ask::Join(wire::JoinRequest::default()),
                "join.admission",
            ),
            (
                call::Ask::Submit(wire::Submit {
                    task: TASK.to_vec(),
                    ..Default::default()
                }),
                "submit.spec",
            ),
            (
                call::Ask::WatchEvents(wire::WatchEventsRequest {
                    kinds: vec![0],
                    after: None,
                }),
                "watch_events.kinds",
            ),
            (
                call::Ask::Withdraw(wire::WithdrawServiceRequest {
                    service: "A B".to_owned(),
                }),
                "withdraw.service",
            ),
        ];
        for (ask, field) in cases {
            let Err(Refusal::Invalid { field: named, .. }) = read(ask) else {
                panic!("{field} was accepted")
            };
            assert_eq!(named, field);
        }
    }
}
