//! What the hands of simulated hosts do: they write, send, gossip, run agents and probe.

use std::sync::Arc;

use hms_consensus::effect::Effect;
use hms_consensus::input::Input;
use hms_consensus::mind::Mind;
use hms_protocol::codec;
use hms_protocol::codec::bundle::Bundle;
use hms_protocol::id::{Index, NodeId};
use hms_protocol::peer::{Dispatch, PeerMessage};
use hms_protocol::vetting::Need;

use super::{Event, World};
use crate::sim::agents::Agent;
use crate::sim::clock::Millis;
use crate::sim::host::HostId;
use crate::sim::liar::Liar;

/// What a notary needs to know: whether every word of a frame is its voter's.
const NOTARY_NEEDS: Need = Need {
    me: NodeId::from_bytes([0; NodeId::BYTES]),
    applied: Index(0),
    others: usize::MAX,
};

impl World {
    /// Carries out what a mind wants.
    pub(super) fn perform(&mut self, host: HostId, effect: Effect) {
        self.note(host, &effect);
        match effect {
            Effect::Persist(_) | Effect::Checkpoint(_) if self.hosts[host.0].disk.full => {
                self.plan(1, host, Event::Full);
            }
            Effect::Persist(write) => {
                let number = write.number;
                self.oracle.logged(&self.hosts[host.0], &write.rows);
                self.hosts[host.0].disk.write(write);
                let (low, high) = self.disks.sync_ms;
                let delay = self.dice.between(low, high);
                self.plan(delay, host, Event::Synced(number));
            }
            Effect::Checkpoint(checkpoint) => {
                let bytes: Arc<[u8]> = checkpoint.encode().into();
                let delay = self.dice.between(1, 50);
                self.plan(delay, host, Event::Written(checkpoint.index, bytes));
            }
            Effect::Send { to, message } => self.send(host, to, &message),
            Effect::Beat(beat) => self.gossip(host, &Input::Heard(beat)),
            Effect::Announce(announcement) => {
                let from = self.hosts[host.0].node;
                self.gossip(host, &Input::Announced { from, announcement });
            }
            Effect::Answer { ticket, answer } => self.answer(ticket, answer),
            Effect::Start(order) => self.begin(host, order),
            Effect::Stop(run) => {
                self.hosts[host.0].crew.stop(run);
                self.oracle.ends(host, run);
            }
            Effect::Raise {
                agent,
                skills,
                slots,
            } => self.raise(host, Agent::new(agent, skills, slots)),
            Effect::Dismiss(agent) => {
                self.hosts[host.0].crew.dismiss(agent);
                self.plan(1, host, Event::Input(Box::new(Input::Dismissed(agent))));
            }
            Effect::Probe { spec, revision } => {
                self.plan(3, host, Event::Probed(spec.name, revision));
            }
            Effect::Publish(notice) => self.oracle.notice(&notice),
            Effect::Enrol(roster) => self.hosts[host.0].disk.enrol(roster),
            Effect::Follow { leader, .. } => self.hosts[host.0].leader = leader,
            // Whoever is convicted stops when it hears of it.
            Effect::Halt { .. } if self.oracle.liars.contains(&self.hosts[host.0].node) => {
                self.crash(host);
            }
            Effect::Halt { reason } => self.oracle.halted(host, reason),
        }
    }

    /// Puts an effect into the trace.
    fn note(&mut self, host: HostId, effect: &Effect) {
        let now = self.agenda.now();
        if let Some(harvest) = &mut self.harvest {
            harvest.take(&self.hosts[host.0], effect);
        }
        let (kind, content) = match effect {
            Effect::Persist(write) => {
                let rows = write.rows.iter().flat_map(|(_, row)| row).copied();
                (
                    0,
                    write.number.to_le_bytes().into_iter().chain(rows).collect(),
                )
            }
            Effect::Send { to, message } => (1, [to.as_bytes().to_vec(), said(message)].concat()),
            Effect::Beat(beat) => (2, codec::encode(beat)),
            Effect::Checkpoint(_)
            | Effect::Announce(_)
            | Effect::Answer { .. }
            | Effect::Start(_)
            | Effect::Stop(_)
            | Effect::Raise { .. }
            | Effect::Dismiss(_)
            | Effect::Probe { .. }
            | Effect::Publish(_)
            | Effect::Enrol(_)
            | Effect::Follow { .. }
            | Effect::Halt { .. } => (3, format!("{effect:?}").into_bytes()),
        };
        self.trace.note(now, host.0, kind, &content);
        if let Some(words) = self.story.effect(&self.hosts[host.0], effect) {
            self.trace.say(now, words);
        }
    }

    fn send(&mut self, from: HostId, to: NodeId, message: &PeerMessage) {
        for receiver in self.hosts_of(to) {
            self.send_to((from, receiver), message);
        }
    }

    fn send_to(&mut self, (from, receiver): (HostId, HostId), message: &PeerMessage) {
        let PeerMessage::Raft(frame) = message else {
            self.carry(from, receiver, message);
            return;
        };
        for bent in self.bend(from, receiver, frame) {
            self.carry(from, receiver, &PeerMessage::Raft(bent));
        }
        for answer in self.overhear(from, receiver, frame) {
            self.carry(receiver, from, &PeerMessage::Raft(answer));
        }
    }

    /// What is sent in the place of a frame: the same, unless the sender lies.
    fn bend(&mut self, from: HostId, to: HostId, frame: &[u8]) -> Vec<Vec<u8>> {
        let (from, to) = (self.hosts[from.0].node, self.hosts[to.0].node);
        match self.lying().filter(|liar| liar.node() == from) {
            Some(liar) => liar.bend(to, frame),
            None => vec![frame.to_vec()],
        }
    }

    /// What the receiver answers besides what its mind does: nothing, unless it lies.
    fn overhear(&mut self, from: HostId, to: HostId, frame: &[u8]) -> Vec<Vec<u8>> {
        if self.liar.is_none() {
            return Vec::new();
        }
        let (sender, host) = (self.hosts[from.0].node, &self.hosts[to.0]);
        let voter = host.mind.as_ref().and_then(|mind| mind.supervisor());
        let (Some(voter), receiver) = (voter, host.node) else {
            return Vec::new();
        };
        let voters = voter.status().voters.into_iter().collect();
        let liar = self.lying().filter(|liar| liar.node() == receiver);
        liar.map_or_else(Vec::new, |liar| liar.overhear(sender, frame, &voters))
    }

    /// The voter that lies, while it does: not before there are so many voters that the mesh can stand it.
    fn lying(&mut self) -> Option<&mut Liar> {
        let now = self.agenda.now();
        let lasts = self.fate.as_ref().is_some_and(|fate| now < fate.ends_at);
        let tempted = self.liar.as_ref().is_some_and(|liar| liar.tempted);
        let tempted = tempted || (lasts && self.liar.is_some() && self.can_stand_a_liar());
        let liar = self.liar.as_mut().filter(|_| lasts && tempted)?;
        liar.tempted = true;
        Some(liar)
    }

    /// Whether every mind knows of four voters, of which one may lie.
    fn can_stand_a_liar(&self) -> bool {
        let minds = self.hosts.iter().filter_map(|host| host.mind.as_ref());
        let mut voters = minds.filter_map(Mind::supervisor).peekable();
        voters.peek().is_some() && voters.all(|voter| 4 <= voter.status().voters.len())
    }

    fn carry(&mut self, from: HostId, receiver: HostId, message: &PeerMessage) {
        // What arrives is what was on the wire, not the value that was sent.
        let bytes = if self.forgers.contains(&from) {
            wire(&forged(message))
        } else {
            wire(message)
        };
        let sender = self.hosts[from.0].node;
        for delay in self.links.carry(from, receiver) {
            let bundle: Bundle = codec::decode(&bytes).expect("a mind sends what it can read");
            for message in bundle.0 {
                let input = self.vet(receiver, sender, message);
                self.deliver(delay, from, receiver, input);
            }
        }
    }

    /// What the hands of a host make of a message before its mind gets it.
    fn vet(&mut self, receiver: HostId, from: NodeId, message: PeerMessage) -> Input {
        let to = &mut self.hosts[receiver.0];
        match (to.mind.as_ref().map(Mind::need), &mut self.notary) {
            (None, _) => Input::Received { from, message },
            (Some(need), None) => Input::arrived(from, message, (&mut to.vetter, &need)),
            (Some(_), Some(notary)) => Input::arrived(from, message, (notary, &NOTARY_NEEDS)),
        }
    }

    fn gossip(&mut self, from: HostId, input: &Input) {
        for to in (0..self.hosts.len()).map(HostId).filter(|to| *to != from) {
            for delay in self.links.carry(from, to) {
                self.deliver(delay, from, to, input.clone());
            }
        }
    }

    /// The hands of a host hear members only.
    fn deliver(&mut self, delay: Millis, from: HostId, to: HostId, input: Input) {
        if self.hosts[to.0].knows(self.hosts[from.0].node) {
            self.plan(delay, to, Event::Input(Box::new(input)));
        }
    }

    fn begin(&mut self, host: HostId, order: Dispatch) {
        let run = order.run;
        let now = self.agenda.now();
        self.oracle.begins(host, &order, &self.hosts, now);
        if let Some(duration) = self.hosts[host.0].crew.begin(order) {
            self.plan(duration, host, Event::Finished(run));
        }
    }

    /// Brings up an agent, or tells of one that is up.
    pub(crate) fn raise(&mut self, host: HostId, agent: Agent) {
        let id = agent.id;
        let mesh = self.mesh;
        let machine = &mut self.hosts[host.0];
        machine.crew.add(agent);
        if let Some(certificate) = machine.crew.certify(id, mesh, &machine.key) {
            self.plan(5, host, Event::Input(Box::new(Input::Raised(certificate))));
        }
    }

    /// Starts a host that was admitted.
    pub(crate) fn start(&mut self, host: HostId) {
        let now = self.agenda.now();
        let machine = &mut self.hosts[host.0];
        let started = machine.start(now, self.mesh, self.pace);
        if machine.disk.rotten.is_some() {
            self.take_stock(host, started.map_err(|refusal| refusal.to_string()));
            return;
        }
        if let Err(refusal) = started {
            self.oracle.halted(host, refusal.to_string());
            return;
        }
        let agents: Vec<_> = machine.crew.agents().map(|agent| agent.id).collect();
        let certificates = agents
            .into_iter()
            .filter_map(|agent| machine.crew.certify(agent, self.mesh, &machine.key));
        let raised: Vec<_> = certificates.map(Input::Raised).collect();
        self.plan(0, host, Event::Tick);
        for input in raised {
            self.plan(2, host, Event::Input(Box::new(input)));
        }
    }
}

/// What a lying leader makes of an order: it shows something else than what was decided.
fn forged(message: &PeerMessage) -> PeerMessage {
    let mut message = message.clone();
    if let PeerMessage::Dispatch(order) = &mut message
        && let Some(last) = order.warrant.last_mut()
    {
        *last ^= 1;
    }
    message
}

/// What the trace keeps of a message.
fn said(message: &PeerMessage) -> Vec<u8> {
    if let PeerMessage::Raft(frame) = message {
        frame.clone()
    } else {
        wire(message)
    }
}

/// A message as it travels.
fn wire(message: &PeerMessage) -> Vec<u8> {
    codec::encode(&Bundle(vec![message.clone()]))
}
