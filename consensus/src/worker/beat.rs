//! This node's heartbeat: what it says of itself once a second, whoever leads.

use hms_protocol::heartbeat::{HEARTBEAT_EVERY_MS, Heartbeat};
use hms_protocol::id::{Incarnation, NodeId, Sequence};
use hms_protocol::time::Moment;

use crate::input::Vitals;

/// When the node beats, and what it says.
#[derive(Debug)]
pub struct Pulse {
    me: NodeId,
    incarnation: Incarnation,
    version: String,
    vitals: Vitals,
    sequence: Sequence,
    due_at: Moment,
}

impl Pulse {
    /// A node that has not beaten in this life. Its first beat is due at once.
    pub fn new(me: NodeId, incarnation: Incarnation, version: String) -> Self {
        Self {
            me,
            incarnation,
            version,
            vitals: Vitals::default(),
            sequence: Sequence::default(),
            due_at: Moment::default(),
        }
    }

    /// Takes what the hands measured. The worst lag since the last beat counts.
    pub fn measured(&mut self, vitals: Vitals) {
        let lag_ms = self.vitals.lag_ms.max(vitals.lag_ms);
        self.vitals = Vitals { lag_ms, ..vitals };
    }

    /// A beat, if one is due: what the node itself knows; the caller fills in the rest.
    pub fn beat(&mut self, now: Moment) -> Option<Heartbeat> {
        if now < self.due_at {
            return None;
        }
        self.due_at = now.plus_ms(HEARTBEAT_EVERY_MS);
        self.sequence = self.sequence.next();
        let vitals = std::mem::take(&mut self.vitals);
        self.vitals = Vitals {
            lag_ms: 0,
            ..vitals
        };
        Some(Heartbeat {
            node: self.me,
            incarnation: self.incarnation,
            sequence: self.sequence,
            version: self.version.clone(),
            load_permille: vitals.load_permille,
            lag_ms: vitals.lag_ms,
            memory_bytes: vitals.memory_bytes,
            agents: 0,
            running: 0,
            agents_version: 0,
            changed: Vec::new(),
            term: hms_protocol::id::Term::default(),
            leader: None,
            applied: hms_protocol::id::Index::default(),
        })
    }
}
