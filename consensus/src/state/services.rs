//! The watched services: who probes each, what the probers say, and what the mesh makes of it.
//!
//! Probers are drawn by hash among the present nodes that can probe. A prober is replaced only when it is lost or cannot
//! probe any more: a draw never moves a healthy one. One opinion decides nothing; `quorum` of them do.

use std::collections::{BTreeMap, BTreeSet};

use hms_protocol::digest::Hash;
use hms_protocol::id::{NodeId, ServiceName, SkillName};
use hms_protocol::limits;
use hms_protocol::member::Member;
use hms_protocol::refusal::Refusal;
use hms_protocol::service::{Health, HealthChange, Observation, Service, ServiceSpec, Sight};
use hms_protocol::text;

use super::crew::Crew;
use super::ledger::Stamp;
use super::roster::Roster;
use super::table::Table;
use crate::verdicts::draw::draw;

/// Bytes of the reason kept with a change of health. A longer one is cut: the history of a service is for people.
const REASON_BYTES_MAX: usize = 512;

/// Every declared service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    table: Table<Service>,
    revision: u64,
    // The rest follows from the table.
    by_prober: BTreeMap<NodeId, BTreeSet<ServiceName>>,
    /// Services with fewer probers than they want, by the skill that is wanted.
    short: BTreeMap<SkillName, BTreeSet<ServiceName>>,
    counts: BTreeMap<Health, u64>,
}

/// Who may probe: the members, and what their agents can do.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// The members.
    pub roster: &'a Roster,
    /// Their agents' abilities.
    pub crew: &'a Crew,
}

/// What has changed about one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turnout {
    /// Nodes whose watch list is another now.
    pub nodes: BTreeSet<NodeId>,
    /// The health, if it is another now.
    pub health: Option<Health>,
}

impl Services {
    /// One service.
    pub fn service(&self, name: &ServiceName) -> Option<&Service> {
        self.table.get(name)
    }

    /// One service, or the refusal that says that there is none.
    pub fn known(&self, name: &ServiceName) -> Result<&Service, Refusal> {
        let unknown = || Refusal::UnknownService {
            service: name.clone(),
        };
        self.service(name).ok_or_else(unknown)
    }

    /// Every service, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Service> {
        self.table.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// How many services have this health.
    pub fn count(&self, health: Health) -> u64 {
        self.counts.get(&health).copied().unwrap_or_default()
    }

    /// What a node is to probe, with the revision of each, by name.
    pub fn watched_by(&self, node: NodeId) -> impl Iterator<Item = (&ServiceSpec, u64)> {
        let names = self.by_prober.get(&node).into_iter().flatten();
        let services = names.filter_map(|name| self.service(name));
        services.map(|service| (&service.spec, service.revision))
    }

    /// The newest revision given out.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Digest of the table, for the digest of the whole state.
    pub fn digest(&self) -> Hash {
        self.table.digest()
    }

    /// Adds a service or replaces its declaration, and draws its probers. The spec is checked.
    pub(super) fn declare(&mut self, spec: ServiceSpec, stamp: Stamp, field: Field) -> Turnout {
        self.revision += 1;
        let former = self.take(&spec.name);
        let mut turnout = Turnout::default();
        turnout
            .nodes
            .extend(former.iter().flat_map(|former| former.probers.clone()));
        let (before, since) = former
            .as_ref()
            .map_or((Health::Unknown, stamp.at), |was| (was.health, was.since));
        let mut service = Service {
            spec,
            revision: self.revision,
            probers: Vec::new(),
            observations: BTreeMap::new(),
            health: before,
            since,
            history: former.map(|former| former.history).unwrap_or_default(),
            latencies_ms: Vec::new(),
        };
        draw_probers(&mut service, field);
        turnout.nodes.extend(&service.probers);
        turnout.health = settle(&mut service, stamp, field.roster);
        self.put(service);
        turnout
    }

    /// Forgets a service.
    pub(super) fn withdraw(&mut self, name: &ServiceName) -> Turnout {
        let former = self.take(name);
        Turnout {
            nodes: former
                .into_iter()
                .flat_map(|former| former.probers)
                .collect(),
            health: None,
        }
    }

    /// Takes a prober's opinion. The service is declared, the node probes it, the revision is the current one.
    pub(super) fn observe(
        &mut self,
        observation: Observation,
        stamp: Stamp,
        roster: &Roster,
    ) -> Turnout {
        let name = observation.service.clone();
        let Some(mut service) = self.take(&name) else {
            return Turnout::default();
        };
        if service.latencies_ms.len() >= limits::SERVICE_HISTORY_MAX {
            service.latencies_ms.remove(0);
        }
        service.latencies_ms.push(observation.latency_ms);
        service.observations.insert(observation.node, observation);
        let health = settle(&mut service, stamp, roster);
        self.put(service);
        Turnout {
            nodes: BTreeSet::new(),
            health,
        }
    }

    /// Services that a node probes.
    pub(super) fn probed_by(&self, node: NodeId) -> Vec<ServiceName> {
        self.by_prober
            .get(&node)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// Services that want more probers and that this member could probe, but does not.
    pub(super) fn short_of(&self, member: &Member, crew: &Crew) -> Vec<ServiceName> {
        let wanted = self
            .short
            .iter()
            .filter(|(skill, _)| crew.node_has(member.id, skill));
        let services = wanted
            .flat_map(|(_, names)| names)
            .filter_map(|name| self.service(name));
        services
            .filter(|service| !service.probers.contains(&member.id))
            .filter(|service| may_probe(&service.spec, member))
            .map(|service| service.spec.name.clone())
            .collect()
    }

    /// Replaces the probers of a service that cannot probe any more, and fills up.
    pub(super) fn redraw(&mut self, name: &ServiceName, stamp: Stamp, field: Field) -> Turnout {
        let Some(mut service) = self.take(name) else {
            return Turnout::default();
        };
        let before: BTreeSet<NodeId> = service.probers.iter().copied().collect();
        draw_probers(&mut service, field);
        let after: BTreeSet<NodeId> = service.probers.iter().copied().collect();
        service.observations.retain(|node, _| after.contains(node));
        let health = settle(&mut service, stamp, field.roster);
        self.put(service);
        Turnout {
            nodes: before.symmetric_difference(&after).copied().collect(),
            health,
        }
    }

    /// Takes a service from a checkpoint as it is.
    pub(super) fn restore(&mut self, service: Service) {
        self.put(service);
    }

    /// Sets the revision that a checkpoint names.
    pub(super) fn resume(&mut self, revision: u64) {
        self.revision = revision;
    }

    fn put(&mut self, service: Service) {
        let name = service.spec.name.clone();
        for node in &service.probers {
            self.by_prober
                .entry(*node)
                .or_default()
                .insert(name.clone());
        }
        if service.probers.len() < service.spec.probers as usize {
            let short = self.short.entry(service.spec.probe.clone()).or_default();
            short.insert(name);
        }
        *self.counts.entry(service.health).or_default() += 1;
        self.table.put(service);
    }

    fn take(&mut self, name: &ServiceName) -> Option<Service> {
        let service = self.table.remove(name)?;
        for node in &service.probers {
            remove_from(&mut self.by_prober, node, name);
        }
        remove_from(&mut self.short, &service.spec.probe, name);
        if let Some(count) = self.counts.get_mut(&service.health) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&service.health);
            }
        }
        Some(std::sync::Arc::unwrap_or_clone(service))
    }
}

/// Removes a name from its set, and the set with it when it was the last.
fn remove_from<K: Ord>(sets: &mut BTreeMap<K, BTreeSet<ServiceName>>, key: &K, name: &ServiceName) {
    if let Some(names) = sets.get_mut(key) {
        names.remove(name);
        if names.is_empty() {
            sets.remove(key);
        }
    }
}

/// Keeps the probers that can still probe, and draws others for the empty places.
fn draw_probers(service: &mut Service, field: Field) {
    let spec = &service.spec;
    let mut eligible: BTreeSet<NodeId> = field.crew.nodes_with(&spec.probe);
    eligible.retain(|node| {
        let member = field.roster.member(*node);
        field.roster.is_present(*node) && member.is_some_and(|member| may_probe(spec, member))
    });
    service.probers.retain(|node| eligible.contains(node));
    let vacant = (spec.probers as usize).saturating_sub(service.probers.len());
    let others = eligible
        .into_iter()
        .filter(|node| !service.probers.contains(node));
    let subject: [&[u8]; 2] = [b"probe", spec.name.as_str().as_bytes()];
    let drawn = draw(&subject, others, vacant);
    service.probers.extend(drawn);
}

/// Whether the declaration lets a member probe.
fn may_probe(spec: &ServiceSpec, member: &Member) -> bool {
    spec.nodes.is_empty() || spec.nodes.contains(&member.name)
}

/// Brings the health in line with the opinions; tells if that changed it.
fn settle(service: &mut Service, stamp: Stamp, roster: &Roster) -> Option<Health> {
    let health = health(service);
    if health == service.health {
        return None;
    }
    service.health = health;
    service.since = stamp.at;
    if service.history.len() >= limits::SERVICE_HISTORY_MAX {
        service.history.remove(0);
    }
    service.history.push(HealthChange {
        position: stamp.position,
        at: stamp.at,
        health,
        reason: reason(service, roster),
    });
    Some(health)
}

/// What the opinions of the present probers amount to.
fn health(service: &Service) -> Health {
    let sights = service
        .observations
        .values()
        .map(|observation| observation.sight);
    let down = sights.filter(|sight| *sight == Sight::Down).count();
    let open = service
        .probers
        .len()
        .saturating_sub(service.observations.len());
    let quorum = service.spec.quorum as usize;
    if quorum <= down {
        Health::Down
    } else if 0 < down {
        Health::Disputed
    } else if !service.observations.is_empty() && open < quorum {
        Health::Healthy
    } else {
        Health::Unknown
    }
}

/// The opinions, those that say down first.
fn reason(service: &Service, roster: &Roster) -> String {
    let told = |sight: Sight, word: &str| {
        let said = service
            .observations
            .values()
            .filter(move |said| said.sight == sight);
        let said = said.map(|said| {
            let name = roster.name_of(said.node);
            if said.detail.is_empty() {
                format!("{name} {word}")
            } else {
                format!("{name} {word}: {}", said.detail)
            }
        });
        said.collect::<Vec<_>>()
    };
    let mut parts = told(Sight::Down, "down");
    parts.extend(told(Sight::Up, "up"));
    if parts.is_empty() {
        parts.push("no opinions yet".to_owned());
    }
    text::cut(parts.join("; "), REASON_BYTES_MAX)
}
