//! The simulated world: it lets things happen in order of time, carries out what the minds want, and shows everything to
//! the oracle.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hms_consensus::effect::Effect;
use hms_consensus::input::{Input, Request, TICK_MS, Ticket};
use hms_consensus::mind::CheckpointPace;
use hms_consensus::supervisor::Supervisor;
use hms_protocol::codec;
use hms_protocol::codec::peer::Bundle;
use hms_protocol::id::{Incarnation, Index, MeshId, NodeId, ServiceName, TaskId};
use hms_protocol::member::Presence;
use hms_protocol::peer::{PeerMessage, Run};
use hms_protocol::service::{Health, Sight};

mod blows;
mod found;
mod people;

use crate::sim::agents::Agent;
use crate::sim::clock::{Agenda, Millis};
use crate::sim::crowd::{Caller, Crowd};
use crate::sim::dice::Dice;
use crate::sim::fate::{Blow, Fate};
use crate::sim::host::{Host, HostId};
use crate::sim::links::Links;
use crate::sim::oracle::Oracle;
use crate::sim::story::Story;
use crate::sim::trace::Trace;

/// Something that happens.
#[derive(Debug)]
pub enum Occurrence {
    /// To a host in one of its lives; to a later life it does not happen.
    Host(HostId, Incarnation, Event),
    /// A sleeping host wakes, if it is still in that life.
    Wake(HostId, Incarnation),
    /// A call is put to its target.
    Ask(u64),
    /// Nobody has answered a call under this ticket.
    Impatience(u64, Ticket),
    /// A client asks the next thing.
    Client(usize),
    /// Fate strikes.
    Fate(Blow),
}

/// What happens to a host.
#[derive(Debug)]
pub enum Event {
    /// Its clock ticks.
    Tick,
    /// Its mind learns something.
    Input(Box<Input>),
    /// A write is durable.
    Synced(u64),
    /// A checkpoint is durable.
    Written(Index, Arc<[u8]>),
    /// An agent has done what it was at.
    Finished(Run),
    /// A probe comes back.
    Probed(ServiceName, u64),
}

/// How the disks behave: how long a sync takes, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct DiskPace {
    /// Least and most time of a sync.
    pub sync_ms: (Millis, Millis),
}

/// The world.
#[derive(Debug)]
pub struct World {
    pub(crate) mesh: MeshId,
    pub(crate) hosts: Vec<Host>,
    pub(crate) agenda: Agenda<Occurrence>,
    pub(crate) links: Links,
    pub(crate) crowd: Crowd,
    pub(crate) fate: Option<Fate>,
    pub(crate) dice: Dice,
    pub(crate) pace: CheckpointPace,
    pub(crate) disks: DiskPace,
    /// Hosts from which the watched services do not answer.
    pub(crate) blind: BTreeSet<HostId>,
    /// What is broken, if anything.
    pub oracle: Oracle,
    /// What has happened.
    pub trace: Trace,
    /// Who is who, and what is worth telling.
    pub(crate) story: Story,
}

impl World {
    /// Lets everything happen up to a time, or until a promise is broken.
    pub fn run_until(&mut self, until: Millis) {
        while self.oracle.broken.is_none() {
            let occurrences = self.agenda.next(until);
            if occurrences.is_empty() {
                return;
            }
            self.happen(occurrences);
        }
    }

    /// What happens at one moment. What happens to one host is one burst to its mind.
    fn happen(&mut self, occurrences: Vec<Occurrence>) {
        let mut bursts: BTreeMap<HostId, Vec<Event>> = BTreeMap::new();
        for occurrence in occurrences {
            match occurrence {
                Occurrence::Host(host, life, event) => {
                    if self.is_awake(host, life) {
                        bursts.entry(host).or_default().push(event);
                    } else {
                        self.postpone(host, life, event);
                    }
                }
                Occurrence::Wake(host, life) => self.wake(host, life),
                Occurrence::Ask(call) => self.ask(call),
                Occurrence::Impatience(call, ticket) => self.lose_patience(call, ticket),
                Occurrence::Client(client) => self.next_request(client),
                Occurrence::Fate(blow) => self.strike(blow),
            }
        }
        for (host, events) in bursts {
            self.burst(host, events);
        }
    }

    fn is_awake(&self, host: HostId, life: Incarnation) -> bool {
        let host = &self.hosts[host.0];
        host.mind.is_some() && host.life() == life && host.asleep_until.is_none()
    }

    /// A sleeping host gets what happened to it when it wakes; a dead one never does.
    fn postpone(&mut self, host: HostId, life: Incarnation, event: Event) {
        let sleeper = &self.hosts[host.0];
        if let Some(until) = sleeper.asleep_until
            && sleeper.life() == life
            && sleeper.mind.is_some()
        {
            let delay = until.saturating_sub(self.agenda.now()).max(1);
            self.agenda.plan(delay, Occurrence::Host(host, life, event));
        }
    }

    /// Plans that something happens to a host in its present life.
    pub(crate) fn plan(&mut self, delay: Millis, host: HostId, event: Event) {
        let life = self.hosts[host.0].life();
        self.agenda.plan(delay, Occurrence::Host(host, life, event));
    }

    fn burst(&mut self, host: HostId, events: Vec<Event>) {
        let inputs = events
            .into_iter()
            .filter_map(|event| self.input(host, event))
            .collect();
        let now = self.agenda.now();
        let effects = self.hosts[host.0].think(now, inputs);
        for effect in effects {
            self.perform(host, effect);
        }
        self.oracle.look(&self.hosts[host.0]);
    }

    /// What the hands of a host make of an event.
    fn input(&mut self, host: HostId, event: Event) -> Option<Input> {
        let now = self.agenda.now();
        match event {
            Event::Tick => {
                self.plan(TICK_MS, host, Event::Tick);
                None
            }
            Event::Input(input) => Some(*input),
            Event::Synced(number) => {
                self.hosts[host.0].disk.sync(number);
                Some(Input::Persisted { number })
            }
            Event::Written(index, bytes) => {
                let disk = &mut self.hosts[host.0].disk;
                disk.checkpoint(index, Arc::clone(&bytes));
                Some(Input::Checkpointed { index, bytes })
            }
            Event::Finished(run) => {
                let host = &mut self.hosts[host.0];
                let seal = host.seal(self.mesh, now);
                let sealed = host.crew.finish(run, seal)?;
                self.oracle.ends(host.id, run);
                let words = self.story.finished(host, run, &sealed);
                self.trace.say(now, words);
                Some(Input::Ended { run, sealed })
            }
            Event::Probed(service, revision) => {
                let down = self.blind.contains(&host);
                Some(Input::Probed {
                    service,
                    revision,
                    sight: if down { Sight::Down } else { Sight::Up },
                    latency_ms: 3,
                    detail: if down { "refused" } else { "200" }.to_owned(),
                })
            }
        }
    }

    /// Carries out what a mind wants.
    fn perform(&mut self, host: HostId, effect: Effect) {
        self.note(host, &effect);
        match effect {
            Effect::Persist(write) => {
                let number = write.number;
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
            Effect::Enrol(roster) => self.hosts[host.0].disk.roster = roster,
            Effect::Follow { leader, .. } => self.hosts[host.0].leader = leader,
            Effect::Halt { reason } => self.oracle.halted(host, reason),
        }
    }

    /// Puts an effect into the trace.
    fn note(&mut self, host: HostId, effect: &Effect) {
        let now = self.agenda.now();
        let (kind, content) = match effect {
            Effect::Persist(write) => {
                let rows = write.rows.iter().flat_map(|(_, row)| row).copied();
                (
                    0,
                    write.number.to_le_bytes().into_iter().chain(rows).collect(),
                )
            }
            Effect::Send { to, message } => (1, [to.as_bytes().to_vec(), wire(message)].concat()),
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
        let Some(receiver) = self.host_of(to) else {
            return;
        };
        // What arrives is what was on the wire, not the value that was sent.
        let bytes = wire(message);
        let sender = self.hosts[from.0].node;
        for delay in self.links.carry(from, receiver) {
            let bundle: Bundle = codec::decode(&bytes).expect("a mind sends what it can read");
            for message in bundle.0 {
                let input = Input::Received {
                    from: sender,
                    message,
                };
                self.deliver(delay, from, receiver, input);
            }
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

    /// The host of a node.
    pub(crate) fn host_of(&self, node: NodeId) -> Option<HostId> {
        let found = self.hosts.iter().find(|host| host.node == node);
        found.map(|host| host.id)
    }

    fn begin(&mut self, host: HostId, order: hms_protocol::peer::Dispatch) {
        let (run, lease_until) = (order.run, order.lease_until);
        let now = self.agenda.now();
        self.oracle.begins(host, run, lease_until, &self.hosts, now);
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
        let machine = &mut self.hosts[host.0];
        machine.start(self.mesh, self.pace);
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

    /// Opens a call.
    pub(crate) fn call(&mut self, caller: Caller, request: Request, target: HostId) -> u64 {
        let number = self.crowd.open(caller, request, target);
        self.agenda.plan(1, Occurrence::Ask(number));
        number
    }
}

impl World {
    /// The host that leads and may act, if there is one.
    pub(crate) fn leader(&self) -> Option<&Host> {
        self.hosts.iter().find(|host| {
            let voter = host.mind.as_ref().and_then(|mind| mind.supervisor());
            voter.is_some_and(Supervisor::acts)
        })
    }

    /// Whether everything that was asked is answered, and everything that was promised is decided.
    pub fn is_at_rest(&self) -> bool {
        self.unfinished().is_empty()
    }

    /// What is not at its end yet, in words; empty when the world is at rest.
    pub fn unfinished(&self) -> String {
        let Some(state) = self.leader().and_then(Host::state) else {
            return "nobody leads".to_owned();
        };
        let open = |task: &TaskId| {
            let known = state.ledger().task(*task);
            known.is_some_and(|task| !task.state.is_final())
        };
        let members = state.roster().members();
        let absent = members
            .filter(|member| member.presence == Presence::Lost)
            .count();
        let silent = state.roster().len() != self.hosts.len() || 0 < absent;
        let sick = state
            .services()
            .iter()
            .any(|service| service.health != Health::Healthy);
        if self.crowd.is_waiting() || 0 < self.crowd.budget {
            "a client waits".to_owned()
        } else if let Some(task) = self.oracle.promises().find(|task| open(task)) {
            format!("{} is open", self.story.task(task))
        } else if silent {
            "a node is missing".to_owned()
        } else if sick {
            "a service is not seen as healthy".to_owned()
        } else {
            String::new()
        }
    }

    /// Holds every promise against the leader's ledger once more.
    pub fn audit(&mut self) {
        let Some(leader) = self.leader().map(|host| host.id) else {
            return;
        };
        self.oracle.audit(&self.hosts[leader.0]);
    }
}

/// A message as it travels.
fn wire(message: &PeerMessage) -> Vec<u8> {
    codec::encode(&Bundle(vec![message.clone()]))
}
