//! What the ledger should know about this node's agents, repeated to the leader until it says so too.
//!
//! Agents go up in parts of `AGENTS_PER_ENROLMENT_MAX`, one part at a time: a node with thousands of agents does not
//! flood the leader.

use std::collections::{BTreeMap, BTreeSet};

use hms_protocol::agent::AgentCertificate;
use hms_protocol::heartbeat::HEARTBEAT_CHANGES_MAX;
use hms_protocol::id::{AgentId, NodeId};
use hms_protocol::limits::{AGENTS_PER_ENROLMENT_MAX, AGENTS_PER_NODE_MAX};
use hms_protocol::peer::PeerMessage;
use hms_protocol::time::Moment;

use crate::limits::REPEAT_EVERY_MS;
use crate::outbox::Outbox;

/// This node's agents.
#[derive(Debug, Default)]
pub struct Enrolment {
    hosted: BTreeMap<AgentId, AgentCertificate>,
    /// Hosted agents that the leader has not answered for. Invariant: each is hosted.
    unknown: BTreeSet<AgentId>,
    /// Agents that are gone, until the ledger knows.
    gone: BTreeSet<AgentId>,
    /// When the next part goes up.
    due_at: Moment,
    /// Whether a part went up that was not answered: what is new then waits for the answer, or for `due_at`.
    asked: bool,
    /// Counts the changes.
    version: u64,
    /// What changed since the last beat; cleared when it grows beyond what a beat lists.
    changed: BTreeSet<AgentId>,
}

impl Enrolment {
    /// An agent is up.
    pub fn raise(&mut self, certificate: AgentCertificate, now: Moment) {
        let agent = certificate.agent;
        let fits = self.hosted.len() < AGENTS_PER_NODE_MAX || self.hosted.contains_key(&agent);
        if fits {
            self.hosted.insert(agent, certificate);
            self.unknown.insert(agent);
            self.note(agent, now);
        }
    }

    /// An agent is gone for good.
    pub fn dismiss(&mut self, agent: AgentId, now: Moment) {
        self.hosted.remove(&agent);
        self.unknown.remove(&agent);
        self.gone.insert(agent);
        self.note(agent, now);
    }

    /// The leader says what the ledger holds.
    pub fn enrolled(&mut self, agents: &[(AgentId, bool)], now: Moment) {
        for (agent, ready) in agents {
            self.unknown.remove(agent);
            if !ready {
                self.gone.remove(agent);
            }
        }
        self.hasten(now);
    }

    /// Makes what is open due at once: a part was answered, or there is a new leader.
    pub fn hasten(&mut self, now: Moment) {
        self.asked = false;
        self.due_at = now;
    }

    fn note(&mut self, agent: AgentId, now: Moment) {
        self.version += 1;
        self.changed.insert(agent);
        if !self.asked {
            self.due_at = now;
        }
    }

    /// Sends the next part, if something is open and it is time.
    pub fn repeat(&mut self, leader: NodeId, now: Moment, outbox: &mut Outbox) {
        if now < self.due_at || (self.unknown.is_empty() && self.gone.is_empty()) {
            return;
        }
        self.asked = true;
        self.due_at = now.plus_ms(REPEAT_EVERY_MS);
        let part = self.unknown.iter().take(AGENTS_PER_ENROLMENT_MAX);
        let certificates: Vec<AgentCertificate> = part
            .filter_map(|agent| self.hosted.get(agent).cloned())
            .collect();
        if !certificates.is_empty() {
            outbox.send(leader, PeerMessage::Enrol(certificates));
        }
        let part = self.gone.iter().take(AGENTS_PER_ENROLMENT_MAX);
        let gone: Vec<AgentId> = part.copied().collect();
        if !gone.is_empty() {
            outbox.send(leader, PeerMessage::Retire(gone));
        }
    }

    /// Whether an agent is up here.
    pub fn hosts(&self, agent: AgentId) -> bool {
        self.hosted.contains_key(&agent)
    }

    /// How many agents are up here.
    pub fn count(&self) -> usize {
        self.hosted.len()
    }

    /// For the beat: how often something has changed, and what since the beat before.
    pub fn take_changes(&mut self) -> (u64, Vec<AgentId>) {
        let changed = std::mem::take(&mut self.changed);
        let listed = if changed.len() <= HEARTBEAT_CHANGES_MAX {
            changed.into_iter().collect()
        } else {
            Vec::new()
        };
        (self.version, listed)
    }
}
