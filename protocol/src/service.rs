//! A watched service: what it is, who probes it, and how it has been.
//!
//! One node's opinion is an *observation*. A service is down when `quorum` of its probers say so, and only then.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::{Domain, Hash, hash_fields};
use crate::id::{NodeId, NodeName, Position, ServiceName, SkillName};
use crate::limits;
use crate::refusal::{Refusal, check_bytes, check_range};
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

impl ServiceSpec {
    /// Checks every bound. Whether the named nodes exist, and whether the skill understands the target, others check.
    pub fn check(&self) -> Result<(), Refusal> {
        if !self.probe.as_str().starts_with("probe.") {
            return Err(invalid("probe", "a service is watched by a skill probe.*"));
        }
        let targets_high = limits::LABELS_MAX as u64;
        check_range(
            "number of target fields",
            self.target.len() as u64,
            (0, targets_high),
        )?;
        for (key, value) in &self.target {
            check_bytes("target field", key.len(), limits::LABEL_BYTES_MAX)?;
            check_bytes("target value", value.len(), limits::TARGET_BYTES_MAX)?;
        }
        let interval = (limits::PROBE_INTERVAL_MS_MIN, limits::PROBE_INTERVAL_MS_MAX);
        check_range("interval_ms", self.interval_ms, interval)?;
        check_range("timeout_ms", self.timeout_ms, (1, self.interval_ms))?;
        check_range(
            "retries",
            self.retries.into(),
            (0, limits::PROBE_RETRIES_MAX.into()),
        )?;
        let probers_high = limits::PROBERS_MAX as u64;
        check_range("probers", self.probers.into(), (1, probers_high))?;
        check_range("quorum", self.quorum.into(), (1, self.probers.into()))?;
        self.check_nodes()
    }

    /// The nodes that are named must be able to reach the quorum.
    fn check_nodes(&self) -> Result<(), Refusal> {
        if self.nodes.is_empty() {
            return Ok(());
        }
        let distinct: BTreeSet<&NodeName> = self.nodes.iter().collect();
        if distinct.len() != self.nodes.len() {
            return Err(invalid("nodes", "a node is named twice"));
        }
        let nodes = self.nodes.len() as u64;
        check_range("number of nodes", nodes, (1, limits::MEMBERS_MAX as u64))?;
        if nodes < u64::from(self.quorum) {
            return Err(invalid("nodes", "fewer nodes than the quorum"));
        }
        Ok(())
    }
}

fn invalid(field: &'static str, reason: &str) -> Refusal {
    Refusal::Invalid {
        field,
        reason: reason.to_owned(),
    }
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
    /// Nobody says down, and so many say up that the rest cannot make a quorum.
    Healthy,
    /// Some say down, but fewer than `quorum`: the views disagree.
    Disputed,
    /// At least `quorum` probers say down.
    Down,
}

impl Health {
    /// The health's name on the screen and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
            Self::Disputed => "disputed",
            Self::Down => "down",
        }
    }
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
    /// Grows with every change of the declaration, and is never used again, even after the service is withdrawn.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut ServiceSpec), code: Option<&str>) {
        let mut spec = ServiceSpec {
            name: "web".parse().unwrap(),
            probe: "probe.http".parse().unwrap(),
            target: [("url".to_owned(), "http://127.0.0.1:8000/".to_owned())].into(),
            interval_ms: 1_000,
            timeout_ms: 500,
            retries: 1,
            probers: 3,
            quorum: 2,
            nodes: Vec::new(),
        };
        change(&mut spec);
        let refusal = spec.check().err();
        assert_eq!(refusal.as_ref().map(Refusal::code), code, "{refusal:?}");
    }

    #[test]
    fn a_service_is_declared_only_within_its_bounds() {
        check(|_| (), None);
        check(
            |spec| spec.probe = "echo".parse().unwrap(),
            Some("HMS-INVALID"),
        );
        check(|spec| spec.interval_ms = 99, Some("HMS-OUT-OF-RANGE"));
        check(|spec| spec.timeout_ms = 1_001, Some("HMS-OUT-OF-RANGE"));
        check(|spec| spec.timeout_ms = 0, Some("HMS-OUT-OF-RANGE"));
        check(|spec| spec.retries = 11, Some("HMS-OUT-OF-RANGE"));
        check(|spec| spec.probers = 17, Some("HMS-OUT-OF-RANGE"));
        check(|spec| spec.quorum = 4, Some("HMS-OUT-OF-RANGE"));
        check(|spec| spec.quorum = 0, Some("HMS-OUT-OF-RANGE"));
        let long = "x".repeat(limits::TARGET_BYTES_MAX + 1);
        check(
            |spec| spec.target = [("url".to_owned(), long)].into(),
            Some("HMS-TOO-LARGE"),
        );
    }

    #[test]
    fn the_nodes_that_are_named_can_reach_the_quorum() {
        let node = |name: &str| -> NodeName { name.parse().unwrap() };
        check(|spec| spec.nodes = vec![node("n1")], Some("HMS-INVALID"));
        check(
            |spec| spec.nodes = vec![node("n1"), node("n1")],
            Some("HMS-INVALID"),
        );
        check(|spec| spec.nodes = vec![node("n1"), node("n2")], None);
    }
}
