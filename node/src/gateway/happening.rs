//! What happened: from the ledger's word for it to the wire's, and the kind that a watcher may ask for.

use hms_consensus::effect::Notice;
use hms_consensus::state::event::Event;
use hms_proto::v1::{self as wire, EventKind, event};
use hms_protocol::codec::{Wire as _, WireEnum as _};
use hms_protocol::id::Cursor;

use super::call::cursor_to_wire;
use super::reply::node_bytes;

/// The kind of an event.
pub(super) const fn kind_of(event: &Event) -> EventKind {
    match event {
        Event::RosterChanged | Event::PresenceChanged { .. } | Event::NodeConvicted { .. } => {
            EventKind::Members
        }
        Event::AgentsChanged { .. } | Event::Convicted { .. } => EventKind::Agents,
        Event::TaskMoved { .. }
        | Event::Assigned { .. }
        | Event::Drawn { .. }
        | Event::Revoked { .. } => EventKind::Tasks,
        Event::HealthChanged { .. } | Event::ProbersChanged { .. } => EventKind::Services,
    }
}

/// Writes a notice.
pub(super) fn write(cursor: Cursor, notice: &Notice) -> wire::Event {
    wire::Event {
        cursor: Some(cursor_to_wire(cursor)),
        at_ms: notice.at.0,
        what: Some(what(&notice.event)),
    }
}

fn what(event: &Event) -> event::What {
    match event {
        Event::RosterChanged => event::What::RosterChanged(wire::RosterChanged {}),
        Event::PresenceChanged { node, presence } => {
            let (node, presence) = (node_bytes(node), presence.to_number());
            event::What::PresenceChanged(wire::PresenceChanged { node, presence })
        }
        Event::AgentsChanged { node, agents } => {
            let agents = agents
                .iter()
                .map(|agent| agent.as_bytes().to_vec())
                .collect();
            event::What::AgentsChanged(wire::AgentsChanged {
                node: node_bytes(node),
                agents,
            })
        }
        Event::TaskMoved { task, state } => event::What::TaskMoved(wire::TaskMoved {
            task: task.as_bytes().to_vec(),
            state: Some(state.to_wire()),
        }),
        Event::Assigned { task, attempt } => event::What::TaskAssigned(wire::TaskAssigned {
            task: task.as_bytes().to_vec(),
            attempt: *attempt,
        }),
        Event::Drawn { task, round } => event::What::VerifiersDrawn(wire::VerifiersDrawn {
            task: task.as_bytes().to_vec(),
            round: *round,
        }),
        Event::Revoked { node, run } => event::What::RunRevoked(wire::RunRevoked {
            node: node_bytes(node),
            run: Some(run.to_wire()),
        }),
        Event::HealthChanged { service, health } => {
            let (service, health) = (service.to_string(), health.to_number());
            event::What::HealthChanged(wire::HealthChanged { service, health })
        }
        Event::ProbersChanged { nodes } => {
            let nodes = nodes.iter().map(node_bytes).collect();
            event::What::ProbersChanged(wire::ProbersChanged { nodes })
        }
        Event::Convicted { agent, task } => event::What::AgentConvicted(wire::AgentConvicted {
            agent: agent.as_bytes().to_vec(),
            task: task.as_bytes().to_vec(),
        }),
        Event::NodeConvicted { node, number } => event::What::NodeConvicted(wire::NodeConvicted {
            node: node_bytes(node),
            evidence: *number,
        }),
    }
}
