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

#[cfg(test)]
mod tests {
    use hms_protocol::agent::AgentDraft;
    use hms_protocol::id::MeshId;
    use hms_protocol::keyring::SecretKey;

    use super::*;
    use crate::effect::Effect;

    const LEADER: NodeId = NodeId::from_bytes([9; 32]);

    fn agent(number: u32) -> AgentId {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        AgentId::from_bytes(bytes)
    }

    fn certificate(number: u32) -> AgentCertificate {
        let key = SecretKey::from_seed(&[1; 32]);
        let draft = AgentDraft {
            agent: agent(number),
            key: key.public(),
            skills: BTreeSet::new(),
            offers: BTreeSet::new(),
            slots: 1,
            issued_at: Moment(1),
        };
        draft.sign(MeshId::from_bytes([3; 32]), &key)
    }

    /// What goes up at a time: how many are enrolled, how many retired.
    fn sent(enrolment: &mut Enrolment, now: u64) -> (usize, usize) {
        let mut outbox = Outbox::new(NodeId::from_bytes([1; 32]));
        enrolment.repeat(LEADER, Moment(now), &mut outbox);
        let mut effects = Vec::new();
        outbox.deliver(&mut effects);
        let mut counts = (0, 0);
        for effect in effects {
            let Effect::Send { message, .. } = effect else {
                panic!("an enrolment does not order {effect:?}");
            };
            if let PeerMessage::Enrol(certificates) = message {
                counts.0 += certificates.len();
            } else if let PeerMessage::Retire(agents) = message {
                counts.1 += agents.len();
            } else {
                panic!("an enrolment does not say {message:?}");
            }
        }
        counts
    }

    #[test]
    fn an_agent_is_repeated_each_second_until_the_leader_knows_it() {
        let mut enrolment = Enrolment::default();
        enrolment.raise(certificate(1), Moment(0));
        assert_eq!(sent(&mut enrolment, 0), (1, 0));
        assert_eq!(sent(&mut enrolment, 999), (0, 0));
        assert_eq!(sent(&mut enrolment, 1_000), (1, 0));
        enrolment.enrolled(&[(agent(1), true)], Moment(1_100));
        assert_eq!(sent(&mut enrolment, 9_000), (0, 0));
    }

    #[test]
    fn many_agents_go_up_in_parts_one_after_the_other() {
        let part = AGENTS_PER_ENROLMENT_MAX;
        let mut enrolment = Enrolment::default();
        for number in 0..u32::try_from(part).unwrap() + 3 {
            enrolment.raise(certificate(number), Moment(0));
        }
        assert_eq!(sent(&mut enrolment, 0), (part, 0));
        // News does not hurry a part that is not answered yet.
        enrolment.raise(certificate(100_000), Moment(10));
        assert_eq!(sent(&mut enrolment, 10), (0, 0));
        let known: Vec<(AgentId, bool)> = (0..u32::try_from(part).unwrap())
            .map(|number| (agent(number), true))
            .collect();
        enrolment.enrolled(&known, Moment(20));
        assert_eq!(sent(&mut enrolment, 20), (4, 0));
    }

    #[test]
    fn an_agent_that_is_gone_is_retired_until_the_leader_says_so_too() {
        let mut enrolment = Enrolment::default();
        enrolment.raise(certificate(1), Moment(0));
        enrolment.dismiss(agent(1), Moment(0));
        assert!(!enrolment.hosts(agent(1)));
        assert_eq!(sent(&mut enrolment, 0), (0, 1));
        assert_eq!(sent(&mut enrolment, 1_000), (0, 1));
        enrolment.enrolled(&[(agent(1), false)], Moment(1_001));
        assert_eq!(sent(&mut enrolment, 9_000), (0, 0));
    }

    #[test]
    fn a_refused_agent_is_not_repeated_before_the_next_leader() {
        let mut enrolment = Enrolment::default();
        enrolment.raise(certificate(1), Moment(0));
        assert_eq!(sent(&mut enrolment, 0), (1, 0));
        enrolment.enrolled(&[(agent(1), false)], Moment(1));
        assert_eq!(sent(&mut enrolment, 9_000), (0, 0));
        assert_eq!(enrolment.take_changes(), (1, vec![agent(1)]));
        assert_eq!(enrolment.take_changes(), (1, Vec::new()));
    }
}
