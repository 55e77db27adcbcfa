//! Heartbeats on the wire.

use hms_proto::v1;

use super::{CodecError, Wire, field};
use crate::heartbeat::{HEARTBEAT_CHANGES_MAX, Heartbeat};
use crate::id::{Incarnation, Index, Sequence, Term};
use crate::limits;

impl Wire for Heartbeat {
    type Message = v1::Heartbeat;
    const NAME: &'static str = "heartbeat";

    fn to_wire(&self) -> v1::Heartbeat {
        v1::Heartbeat {
            node: self.node.as_bytes().to_vec(),
            incarnation: self.incarnation.0,
            sequence: self.sequence.0,
            version: self.version.clone(),
            load_permille: self.load_permille,
            lag_ms: self.lag_ms,
            memory_bytes: self.memory_bytes,
            agents: self.agents,
            running: self.running,
            agents_version: self.agents_version,
            changed: self
                .changed
                .iter()
                .map(|agent| agent.as_bytes().to_vec())
                .collect(),
            term: self.term.0,
            leader: self.leader.map(|leader| leader.as_bytes().to_vec()),
            applied: self.applied.0,
        }
    }

    fn from_wire(message: v1::Heartbeat) -> Result<Self, CodecError> {
        let leader = message
            .leader
            .map(|leader| field::node_id("heartbeat.leader", &leader));
        let version_max = limits::VERSION_BYTES_MAX;
        Ok(Self {
            node: field::node_id("heartbeat.node", &message.node)?,
            incarnation: Incarnation(message.incarnation),
            sequence: Sequence(message.sequence),
            version: field::text("heartbeat.version", message.version, version_max)?,
            load_permille: message.load_permille,
            lag_ms: message.lag_ms,
            memory_bytes: message.memory_bytes,
            agents: message.agents,
            running: message.running,
            agents_version: message.agents_version,
            changed: field::list(
                "heartbeat.changed",
                message.changed,
                HEARTBEAT_CHANGES_MAX,
                |agent| field::agent_id("heartbeat.changed", &agent),
            )?,
            term: Term(message.term),
            leader: leader.transpose()?,
            applied: Index(message.applied),
        })
    }
}
