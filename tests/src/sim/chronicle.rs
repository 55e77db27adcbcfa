//! What a run is told by afterwards: who led, who was convicted, what was asked and when it was answered.

use std::collections::{BTreeMap, BTreeSet};

use hms_consensus::effect::{Effect, Notice};
use hms_consensus::state::event::Event;
use hms_protocol::id::{AgentId, NodeId, TaskId, Term};
use hms_protocol::member::Presence;
use hms_protocol::peer::PeerMessage;

use crate::sim::clock::Millis;
use crate::sim::host::Host;

/// What happened, each with its first time.
#[derive(Debug, Default)]
pub struct Chronicle {
    /// When a node first showed another one evidence.
    pub accused_ms: Option<Millis>,
    /// Nodes that were convicted.
    pub nodes_convicted: BTreeMap<NodeId, Millis>,
    /// Agents that were convicted.
    pub agents_convicted: BTreeMap<AgentId, Millis>,
    /// Every time that the ledger counted a node as lost.
    pub lost: Vec<(Millis, NodeId)>,
    /// Every time that a node refused to start.
    pub refused_to_start: Vec<(Millis, NodeId)>,
    /// Who led, and since when.
    pub led: BTreeMap<Term, (Millis, NodeId)>,
    /// When a submit was first put to somebody, and how long its answer took.
    pub answered: Vec<(Millis, Millis)>,
    /// Tasks that a host has acknowledged and done nothing about.
    pub false_promises: BTreeSet<TaskId>,
    /// How often somebody was refused what only an attacker asks for.
    pub refused: u64,
}

impl Chronicle {
    /// Takes what a host does.
    pub fn take(&mut self, now: Millis, host: &Host, effect: &Effect) {
        match effect {
            Effect::Send {
                message: PeerMessage::Evidence(_),
                ..
            } => {
                self.accused_ms.get_or_insert(now);
            }
            Effect::Publish(notice) => self.notice(now, notice),
            Effect::Follow {
                leader: Some(leader),
                term,
            } if *leader == host.node => {
                self.led.entry(*term).or_insert((now, host.node));
            }
            Effect::Persist(_)
            | Effect::Checkpoint(_)
            | Effect::Send { .. }
            | Effect::Beat(_)
            | Effect::Announce(_)
            | Effect::Answer { .. }
            | Effect::Start(_)
            | Effect::Stop(_)
            | Effect::Raise { .. }
            | Effect::Dismiss(_)
            | Effect::Probe { .. }
            | Effect::Enrol(_)
            | Effect::Follow { .. }
            | Effect::Halt { .. } => {}
        }
    }

    fn notice(&mut self, now: Millis, notice: &Notice) {
        match &notice.event {
            Event::NodeConvicted { node, .. } => {
                self.nodes_convicted.entry(*node).or_insert(now);
            }
            Event::Convicted { agent, .. } => {
                self.agents_convicted.entry(*agent).or_insert(now);
            }
            Event::PresenceChanged {
                node,
                presence: Presence::Lost,
            } => self.lost.push((now, *node)),
            Event::PresenceChanged { .. }
            | Event::TaskMoved { .. }
            | Event::HealthChanged { .. }
            | Event::AgentsChanged { .. }
            | Event::RosterChanged
            | Event::Assigned { .. }
            | Event::Drawn { .. }
            | Event::Revoked { .. }
            | Event::ProbersChanged { .. } => {}
        }
    }

    /// How many terms were led that began between two times.
    pub fn changes(&self, from: Millis, to: Millis) -> u32 {
        let led = self.led.values();
        let count = led.filter(|(at, _)| from < *at && *at <= to).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}
