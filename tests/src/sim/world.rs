//! The simulated world: it lets things happen in order of time, carries out what the minds want, and shows everything to
//! the oracle.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hms_consensus::input::{Input, Request, TICK_MS, Ticket};
use hms_consensus::mind::CheckpointPace;
use hms_protocol::id::{Incarnation, Index, MeshId, NodeId, ServiceName};
use hms_protocol::peer::Run;
use hms_protocol::service::Sight;
use hms_protocol::vetting::Vetter;
use hms_testnet::attack::Adversary;

mod accusation;
mod ailments;
mod blows;
mod found;
mod hands;
mod people;
mod receipts;
mod rest;

use crate::sim::chronicle::Chronicle;
use crate::sim::clock::{Agenda, Millis};
use crate::sim::crowd::{Caller, Crowd};
use crate::sim::directory::Directory;
use crate::sim::disk::Disk;
use crate::sim::fate::{Blow, Fate};
use crate::sim::harvest::Harvest;
use crate::sim::host::{Host, HostId};
use crate::sim::links::Links;
use crate::sim::oracle::Oracle;
use crate::sim::story::Story;
use crate::sim::trace::Trace;
use hms_testnet::attack::Dice;

/// Something that happens.
#[derive(Debug)]
pub enum Occurrence {
    /// To a host in one of its lives; to a later life it does not happen.
    Host(HostId, Incarnation, Event),
    /// To many hosts, each in one of its lives: they hear the same.
    Spread(Vec<(HostId, Incarnation)>, Arc<Input>),
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
    /// Its mind learns what others learn, too.
    News(Arc<Input>),
    /// The disk says that a write is durable.
    Synced(u64),
    /// The disk says that there is no space left for a write.
    Full,
    /// What a dishonest disk said is true at last.
    TrulySynced(u64),
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
    /// How long before the end of a sync the disk says that it is done: zero, unless it is flawed.
    pub early_ms: Millis,
}

/// The world.
#[derive(Debug)]
pub struct World {
    pub(crate) mesh: MeshId,
    pub(crate) hosts: Vec<Host>,
    /// The hosts that run with a node's key: one, unless there are twins.
    pub(crate) by_node: BTreeMap<NodeId, Vec<HostId>>,
    /// The rosters that hosts keep.
    pub(crate) directory: Directory,
    pub(crate) agenda: Agenda<Occurrence>,
    pub(crate) links: Links,
    pub(crate) crowd: Crowd,
    pub(crate) fate: Option<Fate>,
    /// Copies of disks that somebody has made.
    pub(crate) copies: BTreeMap<HostId, Disk>,
    /// Verifies what voters have signed for all hosts; none, and every host does so for itself.
    pub(crate) notary: Option<Vetter>,
    /// What stands between minds and the network, where somebody is no honest host.
    pub(crate) adversaries: BTreeMap<HostId, Adversary>,
    pub(crate) dice: Dice,
    pub(crate) pace: CheckpointPace,
    pub(crate) disks: DiskPace,
    /// Hosts from which the watched services do not answer.
    pub(crate) blind: BTreeSet<HostId>,
    /// Hosts whose orders carry a warrant that was changed.
    pub(crate) forgers: BTreeSet<HostId>,
    /// What is broken, if anything.
    pub oracle: Oracle,
    /// What has happened.
    pub trace: Trace,
    /// Who is who, and what is worth telling.
    pub(crate) story: Story,
    /// What a run is told by afterwards.
    pub(crate) chronicle: Chronicle,
    /// What is gathered, if anybody wants it.
    pub(crate) harvest: Option<Harvest>,
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

    /// Lets everything happen for a while.
    pub fn run_for(&mut self, span: Millis) {
        self.run_until(self.agenda.now() + span);
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
                Occurrence::Spread(hearers, news) => {
                    for (host, life) in hearers {
                        let event = Event::News(Arc::clone(&news));
                        if self.is_awake(host, life) {
                            bursts.entry(host).or_default().push(event);
                        } else {
                            self.postpone(host, life, event);
                        }
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
        self.ponder(host);
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
            Event::News(news) => Some(Arc::unwrap_or_clone(news)),
            Event::Synced(number) => {
                if 0 < self.disks.early_ms {
                    self.plan(self.disks.early_ms, host, Event::TrulySynced(number));
                } else {
                    self.hosts[host.0].disk.sync(number);
                }
                Some(Input::Persisted { number })
            }
            Event::Full => {
                self.run_out_of_space(host);
                None
            }
            Event::TrulySynced(number) => {
                self.hosts[host.0].disk.sync(number);
                None
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

    /// The hosts that run with a node's key: one, unless there are twins.
    pub(crate) fn hosts_of(&self, node: NodeId) -> Vec<HostId> {
        self.by_node.get(&node).cloned().unwrap_or_default()
    }

    /// The host of a node.
    pub(crate) fn host_of(&self, node: NodeId) -> Option<HostId> {
        self.by_node.get(&node)?.first().copied()
    }

    /// Opens a call.
    pub(crate) fn call(&mut self, caller: Caller, request: Request, target: HostId) -> u64 {
        let number = self.crowd.open(caller, request, target);
        self.agenda.plan(1, Occurrence::Ask(number));
        number
    }
}
