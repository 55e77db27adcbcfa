//! A watched service: what it is, who probes it, and how it has been.
//!
//! One node's opinion is an *observation*. A service is down when `quorum` of its probers say so, and only then.

use std::collections::BTreeMap;

use crate::digest::{Domain, Hash, hash_fields};
use crate::id::{NodeId, NodeName, Position, ServiceName, SkillName};
use crate::time::Moment;

/// What a person declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceSpec {
    /// Its name, unique in the mesh.
    pub name: ServiceName,
    /// The probing skill, for example `probe.http`.
    pub probe: SkillName,
    /// The probe's parameters, for example `url`. The skill checks them.
    pub target: BTreeMap<String, String>,
    /// Time between two probes by one node, in milliseconds.
    pub interval_ms: u64,
    /// Time that one probe may take, in milliseconds; at most `interval_ms`.
    pub timeout_ms: u64,
    /// Further tries, one interval apart, before a node changes its opinion.
    pub retries: u32,
    /// How many nodes probe.
    pub probers: u32,
    /// How many of them must say down before the service is down. At most `probers`.
    pub quorum: u32,
    /// If not empty, only these nodes probe: for processes and commands that live on one machine.
    pub nodes: Vec<NodeName>,
}

/// What one probe saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// It answered as it should.
    Up,
    /// It did not.
    Down,
}

/// One node's opinion of a service. Sent when it changes, and every `OBSERVE_EVERY_MS` as a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The service.
    pub service: ServiceName,
    /// The revision of its declaration that was probed.
    pub revision: u64,
    /// Who probes.
    pub node: NodeId,
    /// What it saw, after retries.
    pub sight: Sight,
    /// How long the last probe took, in milliseconds.
    pub latency_ms: u64,
    /// What the probe says, for people: a status line, an error.
    pub detail: String,
    /// When the probing node saw it.
    pub at: Moment,
}

/// How often an unchanged opinion is repeated, so that latency has a history and a silent prober is noticed.
pub const OBSERVE_EVERY_MS: u64 = 15_000;

/// What the mesh holds of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// Too few opinions yet.
    Unknown,
    /// Fewer than `quorum` probers say down, and nobody says down.
    Healthy,
    /// Some say down, but fewer than `quorum`: the views disagree.
    Disputed,
    /// At least `quorum` probers say down.
    Down,
}

/// A change of health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthChange {
    /// The command that caused it.
    pub position: Position,
    /// The ledger's time.
    pub at: Moment,
    /// The health after it.
    pub health: Health,
    /// The opinions at that time, for example `n1 down: connection refused`.
    pub reason: String,
}

/// A service as the ledger knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The declaration.
    pub spec: ServiceSpec,
    /// Grows with every change of the declaration or of the probers.
    pub revision: u64,
    /// Who probes now.
    pub probers: Vec<NodeId>,
    /// Their newest opinions, by node.
    pub observations: BTreeMap<NodeId, Observation>,
    /// What the mesh holds.
    pub health: Health,
    /// When the health last changed.
    pub since: Moment,
    /// Changes of health, oldest first.
    pub history: Vec<HealthChange>,
    /// Probe latencies of the newest samples, in milliseconds, oldest first, at most `SERVICE_HISTORY_MAX`.
    pub latencies_ms: Vec<u64>,
}

/// Digest of what one node is to probe: the names, in order, with their revisions. Leader and prober compare it to see
/// whether they mean the same.
pub fn watch_digest<'list>(list: impl Iterator<Item = (&'list ServiceName, u64)>) -> Hash {
    let rows: Vec<(&[u8], [u8; 8])> = list
        .map(|(name, revision)| (name.as_str().as_bytes(), revision.to_le_bytes()))
        .collect();
    let fields: Vec<&[u8]> = rows
        .iter()
        .flat_map(|(name, revision)| [*name, revision.as_slice()])
        .collect();
    hash_fields(Domain::WatchList, &fields)
}
