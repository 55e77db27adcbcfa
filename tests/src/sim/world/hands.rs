//! What the hands of simulated hosts do: they write, send, gossip, run agents and probe.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hms_consensus::effect::{Answer, Effect};
use hms_consensus::input::Input;
use hms_consensus::mind::Mind;
use hms_consensus::supervisor::Supervisor;
use hms_protocol::codec;
use hms_protocol::codec::bundle::Bundle;
use hms_protocol::heartbeat::Heartbeat;
use hms_protocol::id::{Incarnation, Index, NodeId};
use hms_protocol::peer::{Dispatch, PeerMessage, Run};
use hms_protocol::vetting::Need;
use hms_testnet::attack::{Adversary, Attack, Parcel, Scene};

use super::{Event, Occurrence, World};
use crate::sim::agents::Agent;
use crate::sim::clock::Millis;
use crate::sim::host::HostId;

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
        self.chronicle
            .take(self.agenda.now(), &self.hosts[host.0], &effect);
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
            Effect::Beat(beat) => self.beat(host, beat),
            Effect::Announce(announcement) => {
                let from = self.hosts[host.0].node;
                let announcement = Arc::new(announcement);
                self.gossip(host, Input::Announced { from, announcement });
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
            Effect::Enrol(roster) => {
                self.hosts[host.0].disk.members = self.directory.share(roster);
            }
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
            // What everybody knows in the end is told by its number.
            Effect::Enrol(roster) => (4, roster.revision.to_le_bytes().to_vec()),
            Effect::Answer {
                ticket,
                answer: Ok(Answer::Admitted { roster, .. }),
            } => (
                5,
                [ticket.0, roster.revision].map(u64::to_le_bytes).concat(),
            ),
            Effect::Checkpoint(_)
            | Effect::Announce(_)
            | Effect::Answer { .. }
            | Effect::Start(_)
            | Effect::Stop(_)
            | Effect::Raise { .. }
            | Effect::Dismiss(_)
            | Effect::Probe { .. }
            | Effect::Publish(_)
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
            self.send_to((from, receiver), message.clone());
        }
    }

    fn send_to(&mut self, (from, receiver): (HostId, HostId), message: PeerMessage) {
        let to = self.hosts[receiver.0].node;
        for (after_ms, message) in self.say(from, to, message) {
            let (heard, answers) = self.overhear(from, receiver, &message);
            for answer in answers {
                self.post(receiver, answer);
            }
            if heard {
                self.carry(after_ms, from, receiver, &message);
            }
        }
    }

    /// What is sent in the place of a message, each with its delay: the same, unless an adversary sends.
    fn say(
        &mut self,
        from: HostId,
        to: NodeId,
        message: PeerMessage,
    ) -> Vec<(Millis, PeerMessage)> {
        let Some((adversary, scene)) = self.adversary(from) else {
            return vec![(0, message)];
        };
        let parcels = adversary.say(&scene, to, message);
        let own = parcels.into_iter().filter(|parcel| parcel.to == to);
        own.map(|parcel| (parcel.after_ms, parcel.message))
            .collect()
    }

    /// Whether the receiver's mind hears a message, and what is answered besides: nothing, unless it is an adversary.
    fn overhear(&mut self, from: HostId, to: HostId, message: &PeerMessage) -> (bool, Vec<Parcel>) {
        let sender = self.hosts[from.0].node;
        match self.adversary(to) {
            Some((adversary, scene)) => adversary.hear(&scene, sender, message),
            None => (true, Vec::new()),
        }
    }

    /// The heartbeat that a host gossips: its own, unless it is an adversary.
    fn beat(&mut self, host: HostId, beat: Heartbeat) {
        let shown = match self.adversary(host) {
            Some((adversary, scene)) => adversary.beat(&scene, beat),
            None => Some(beat),
        };
        if let Some(beat) = shown {
            self.gossip(host, Input::Heard(Arc::new(beat)));
        }
    }

    /// Sends what nobody's mind has said.
    fn post(&mut self, from: HostId, parcel: Parcel) {
        if let Some(receiver) = self.host_of(parcel.to) {
            self.carry(parcel.after_ms, from, receiver, &parcel.message);
        }
    }

    /// The adversary on a host, and how things stand there. One begins when the mesh can stand it.
    pub(crate) fn adversary(&mut self, host: HostId) -> Option<(&mut Adversary, Scene)> {
        let ready = !self.adversaries.get(&host)?.waits() || self.can_stand_a_liar();
        let now_ms = self.agenda.now();
        let mind = self.hosts[host.0].mind.as_ref();
        let scene = scene(now_ms, mind);
        let adversary = self.adversaries.get_mut(&host)?;
        if ready && self.fate.is_some() {
            adversary.begin(now_ms);
        }
        Some((adversary, scene))
    }

    /// Whether every mind knows of four voters, of which one may lie.
    fn can_stand_a_liar(&self) -> bool {
        let minds = self.hosts.iter().filter_map(|host| host.mind.as_ref());
        let mut voters = minds.filter_map(Mind::supervisor).peekable();
        voters.peek().is_some() && voters.all(|voter| 4 <= voter.status().voters.len())
    }

    fn carry(&mut self, after_ms: Millis, from: HostId, receiver: HostId, message: &PeerMessage) {
        let sender = self.hosts[from.0].node;
        if let PeerMessage::Roster(roster) = message {
            let news = self.directory.post(sender, roster);
            for delay in self.links.carry(from, receiver) {
                self.deliver(
                    after_ms + delay,
                    from,
                    receiver,
                    Event::News(Arc::clone(&news)),
                );
            }
            return;
        }
        // What arrives is what was on the wire, not the value that was sent.
        let bytes = if self.forgers.contains(&from) {
            wire(&forged(message))
        } else {
            wire(message)
        };
        for delay in self.links.carry(from, receiver) {
            let bundle: Bundle = codec::decode(&bytes).expect("a mind sends what it can read");
            for message in bundle.0 {
                let input = self.vet(receiver, sender, message);
                self.deliver(
                    after_ms + delay,
                    from,
                    receiver,
                    Event::Input(Box::new(input)),
                );
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

    /// Brings something to all others. What arrives at one time is one occurrence, and one value for all.
    fn gossip(&mut self, from: HostId, input: Input) {
        let news = Arc::new(input);
        let mut arrivals: BTreeMap<Millis, Vec<(HostId, Incarnation)>> = BTreeMap::new();
        let sender = self.hosts[from.0].node;
        for to in &self.hosts {
            if to.id == from || !to.knows(sender) {
                continue;
            }
            for delay in self.links.carry(from, to.id) {
                let hearers = arrivals.entry(delay).or_default();
                hearers.push((to.id, to.life()));
            }
        }
        for (delay, hearers) in arrivals {
            let spread = Occurrence::Spread(hearers, Arc::clone(&news));
            self.agenda.plan(delay, spread);
        }
    }

    /// The hands of a host hear members only.
    fn deliver(&mut self, delay: Millis, from: HostId, to: HostId, event: Event) {
        if self.hosts[to.0].knows(self.hosts[from.0].node) {
            self.plan(delay, to, event);
        }
    }

    fn begin(&mut self, host: HostId, order: Dispatch) {
        let run = order.run;
        let now = self.agenda.now();
        self.tempt_agents(host, &order);
        self.oracle.begins(host, &order, &self.hosts, now);
        if let Some(duration) = self.hosts[host.0].crew.begin(order) {
            self.plan(duration, host, Event::Finished(run));
        }
    }

    /// Lets an adversary decide whether an agent of its host does its next work well.
    fn tempt_agents(&mut self, host: HostId, order: &Dispatch) {
        let Some((adversary, scene)) = self.adversary(host) else {
            return;
        };
        let proves = order.skill.as_str().starts_with("prove.");
        let checks = matches!(order.run, Run::Check { .. });
        let lies = proves && adversary.does(&scene, Attack::FalseResults);
        let idles = checks && adversary.does(&scene, Attack::LazyVerdicts);
        let crew = &mut self.hosts[host.0].crew;
        if lies {
            crew.corrupt(order.agent);
        }
        if idles {
            crew.slacken(order.agent);
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
        if let Some(part) = machine.disk.rotten.take() {
            let refused = started.map_err(|refusal| refusal.to_string()).err();
            if !self.take_stock(host, part, refused) {
                return;
            }
        } else if let Err(refusal) = started {
            self.oracle.halted(host, refusal.to_string());
            return;
        }
        let machine = &self.hosts[host.0];
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

/// How things stand with a node, as its mind sees it.
fn scene(now_ms: Millis, mind: Option<&Mind>) -> Scene {
    let voter = mind.and_then(Mind::supervisor);
    let status = voter.map(Supervisor::status);
    Scene {
        now_ms,
        voters: status.as_ref().map_or_else(BTreeSet::new, |status| {
            status.voters.iter().copied().collect()
        }),
        applied: mind.map(Mind::applied).unwrap_or_default(),
        term: status.map(|status| status.term).unwrap_or_default(),
        leads: voter.is_some_and(|voter| voter.leads_in().is_some()),
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
    } else if let PeerMessage::Roster(roster) = message {
        roster.revision.to_le_bytes().to_vec()
    } else {
        wire(message)
    }
}

/// A message as it travels.
fn wire(message: &PeerMessage) -> Vec<u8> {
    codec::encode(&Bundle(vec![message.clone()]))
}
