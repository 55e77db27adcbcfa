//! How a simulated world begins: a founder with a genesis, and others that ask to join.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hms_consensus::input::{Admission, Request};
use hms_consensus::state::State;
use hms_consensus::state::checkpoint::Checkpoint;
use hms_consensus::state::command::{Batch, Command};
use hms_protocol::codec;
use hms_protocol::genesis::{Founding, Genesis};
use hms_protocol::id::{AgentId, MeshId, NodeId};
use hms_protocol::keyring::SecretKey;
use hms_protocol::member::Role;
use hms_protocol::order::{Order, OrderDraft};
use hms_protocol::time::Moment;
use hms_protocol::token::{Invitation, TOKEN_TTL_MS_MAX};
use hms_protocol::trust::Trust;
use hms_protocol::vetting::Vetter;
use hms_testnet::attack::adversary::Misdeed;
use hms_testnet::attack::coup::forged_order;
use hms_testnet::attack::{Adversary, Arms, Attack, Dice};

use super::{Occurrence, World};
use crate::sim::agents::{Agent, Crew, SKILLS};
use crate::sim::chronicle::Chronicle;
use crate::sim::clock::Agenda;
use crate::sim::crowd::{Caller, Crowd, service};
use crate::sim::dial::Dial;
use crate::sim::directory::Directory;
use crate::sim::disk::Disk;
use crate::sim::fate::Fate;
use crate::sim::host::{EPOCH, Host, HostId};
use crate::sim::links::Links;
use crate::sim::oracle::Oracle;
use crate::sim::plan::{Extra, Plan};
use crate::sim::story::Story;
use crate::sim::trace::Trace;

/// Time between two hosts that ask to join, in milliseconds.
const JOIN_EVERY_MS: u64 = 100;

/// Orders that nobody has given, for each adversary: as many as there may be coups in a run.
const FORGERIES: u8 = 3;

/// Hosts that join one after the other; those after them come all at once.
const JOIN_ONE_BY_ONE: usize = 15;

/// When the clients begin.
const CLIENTS_BEGIN_MS: u64 = 2_000;

/// In one of so many seeds every host verifies for itself what voters have signed. In the others one notary does it for
/// all: a signature is good or bad for everybody alike, and to look at it once saves half of a run's time.
const NOTARY_NOT_IN: u64 = 4;

impl World {
    /// Founds a mesh. Everything that is left to chance comes from the seed.
    pub fn found(seed: u64, plan: &Plan) -> Self {
        Self::found_under(seed, plan, Fate::draw(seed, plan))
    }

    /// Founds a mesh with a fate that was written down.
    pub fn found_under(seed: u64, plan: &Plan, fate: Fate) -> Self {
        let mut dice = Dice::new(seed, "world");
        let twins = usize::from(plan.extra == Some(Extra::Twin));
        let count = plan.voters + plan.workers + plan.spare + twins;
        let hosts: Vec<Host> = (0..count)
            .map(|id| host(id, seed, plan, &mut dice))
            .collect();
        let genesis = genesis(&hosts[0], plan);
        let state = State::genesis(&genesis);
        let mut world = Self {
            mesh: state.mesh(),
            by_node: BTreeMap::new(),
            hosts,
            directory: Directory::default(),
            agenda: Agenda::default(),
            links: Links::new(plan.weather, Dice::new(seed, "links")),
            crowd: Crowd::new(Dice::new(seed, "crowd"), plan.requests),
            fate: None,
            copies: BTreeMap::new(),
            notary: (!seed.is_multiple_of(NOTARY_NOT_IN)).then(Vetter::default),
            adversaries: BTreeMap::new(),
            dice,
            pace: plan.pace,
            disks: plan.disks,
            blind: BTreeSet::new(),
            forgers: BTreeSet::new(),
            oracle: Oracle::default(),
            trace: Trace::default(),
            story: Story::default(),
            chronicle: Chronicle::default(),
            harvest: None,
        };
        if plan.liar {
            world.corrupt_voter(seed, plan);
        }
        if 0 < twins {
            world.double(HostId(plan.voters - 1));
        }
        world.introduce();
        world.begin_founder(&genesis, &state);
        world.invite(plan.voters + plan.workers);
        world.unleash(plan, fate);
        world
    }

    /// One of the voters is a liar: the last one, or the founder.
    fn corrupt_voter(&mut self, seed: u64, plan: &Plan) {
        let [founder, victim, .., last] = &self.hosts[..plan.voters] else {
            return;
        };
        // With a stolen key it is the one that leads first.
        let host = if plan.stolen_key { founder } else { last };
        let (id, node, arms) = (host.id, host.node, self.arms(host));
        let (stolen, victim, deceived) = (Arc::clone(&victim.key), victim.node, last.node);
        self.oracle.liars.insert(node);
        let adversary = if plan.stolen_key {
            self.oracle.liars.insert(victim);
            Adversary::conspiring(arms, seed, stolen, deceived)
        } else {
            Adversary::new(arms, seed, vec![Misdeed::always(Attack::Lie)])
        };
        self.adversaries.insert(id, adversary);
    }

    /// What an adversary on a host has to do its work with.
    pub(crate) fn arms(&self, host: &Host) -> Arms {
        let forged = (0..FORGERIES).map(|number| Batch {
            stamped_at: Moment(0),
            commands: vec![Command::Operate(forged_order(self.mesh, number))],
        });
        Arms {
            key: Arc::clone(&host.key),
            mesh: self.mesh,
            forgeries: forged.map(|batch| codec::encode(&batch)).collect(),
        }
    }

    /// The last host is the twin of a voter.
    fn double(&mut self, victim: HostId) {
        let twin = self.hosts.pop();
        let original = &self.hosts[victim.0];
        self.hosts.extend(twin.map(|mut twin| {
            twin.impersonate(original);
            twin
        }));
    }

    /// Gives everybody a short name.
    fn introduce(&mut self) {
        for host in &self.hosts {
            self.by_node.entry(host.node).or_default().push(host.id);
        }
        for host in self.hosts.iter().rev() {
            self.story.name_node(host.node, host.name.to_string());
            for (number, agent) in host.crew.agents().enumerate() {
                self.story
                    .name_agent(agent.id, format!("a{}.{}", host.id.0 + 1, number + 1));
            }
        }
    }

    fn begin_founder(&mut self, genesis: &Genesis, state: &State) {
        let checkpoint = Checkpoint::genesis(genesis);
        let members = self.directory.share(state.roster().view());
        let founder = &mut self.hosts[0];
        founder.disk = Disk::founded(checkpoint.encode(), checkpoint.index);
        founder.disk.role = Some(Role::Voter);
        founder.disk.members = members;
        founder.invited = true;
        self.start(HostId(0));
    }

    /// Lets the others ask to join, one after the other.
    fn invite(&mut self, count: usize) {
        for id in 1..count {
            self.join(HostId(id), JOIN_EVERY_MS * id.min(JOIN_ONE_BY_ONE) as u64);
        }
    }

    /// Lets a host ask to join after a while.
    pub(crate) fn join(&mut self, host: HostId, delay: u64) {
        self.hosts[host.0].invited = true;
        let request = Request::Admit(admission(&self.hosts[host.0], self.mesh, &operator()));
        let call = self.crowd.open(Caller::Joiner(host), request, HostId(0));
        self.agenda.plan(delay, Occurrence::Ask(call));
    }

    /// Lets clients and fate begin.
    fn unleash(&mut self, plan: &Plan, fate: Fate) {
        for client in 0..plan.clients {
            self.agenda
                .plan(CLIENTS_BEGIN_MS, Occurrence::Client(client));
        }
        if 0 < plan.clients {
            let probers = (plan.voters + plan.workers).min(3);
            let probers = u32::try_from(probers).expect("at most three");
            let call = self.crowd.open(
                Caller::Script,
                Request::Declare(service("web", probers)),
                HostId(0),
            );
            self.agenda.plan(CLIENTS_BEGIN_MS, Occurrence::Ask(call));
        }
        for (at, blow) in &fate.blows {
            self.agenda.plan(*at, Occurrence::Fate(*blow));
        }
        self.fate = Some(fate);
    }
}

fn host(id: usize, seed: u64, plan: &Plan, dice: &mut Dice) -> Host {
    let mut crew = Crew::new(Dice::new(seed, &format!("crew {id}")), plan.temper);
    let twin = id == plan.voters + plan.workers + plan.spare;
    let agents = if twin { 0 } else { plan.agents };
    for _ in 0..agents {
        let agent = AgentId::from_bytes(dice.bytes());
        crew.add(Agent::new(agent, skills(&SKILLS), 2));
    }
    let wish = if id < plan.voters {
        Some(Role::Voter)
    } else if id < plan.voters + plan.workers {
        Some(Role::Worker)
    } else {
        None
    };
    let ahead_ms = dice.between(0, plan.skew_ms);
    Host::new(HostId(id), wish, Dial::ahead(ahead_ms), crew)
}

/// Skills by their names.
pub(crate) fn skills(names: &[&str]) -> BTreeSet<hms_protocol::id::SkillName> {
    let named = names.iter().map(|name| name.parse());
    named
        .map(|name| name.expect("the names of simulated skills are valid"))
        .collect()
}

pub(super) fn operator() -> SecretKey {
    SecretKey::from_seed(&[200; 32])
}

/// A host's wish to join, with a token that was made for it by an operator.
fn admission(host: &Host, mesh: MeshId, operator: &SecretKey) -> Admission {
    let mut salt = [0; 32];
    salt[..8].copy_from_slice(&(host.id.0 as u64).to_le_bytes());
    let role = host.wish.unwrap_or(Role::Voter);
    let ends = EPOCH.plus_ms(TOKEN_TTL_MS_MAX);
    let invitation = Invitation::new(operator, mesh, role, ends, &salt);
    Admission {
        id: host.node,
        name: host.name.clone(),
        role: host.wish,
        addresses: vec![format!("/memory/{}", host.id.0)],
        gateway: format!("127.0.0.1:{}", 7_000 + host.id.0),
        proof: Some(invitation.prove(host.node)),
    }
}

impl World {
    /// The wish of somebody to join who was invited by nobody.
    pub(crate) fn stranger(&mut self) -> Admission {
        let key = SecretKey::from_seed(&self.dice.bytes());
        let invited = admission(&self.hosts[0], self.mesh, &key);
        let id: NodeId = key.public().into();
        let name = format!("stranger-{}", NodeId::short(&id));
        Admission {
            id,
            name: name.parse().expect("letters and digits"),
            ..invited
        }
    }

    /// An order of the operator, given now.
    pub(crate) fn order(&mut self, order: Order) -> Request {
        let draft = OrderDraft {
            mesh: self.mesh,
            issued_at: EPOCH.plus_ms(self.agenda.now()),
            nonce: self.dice.bytes(),
            order,
        };
        Request::Operate(draft.sign(&operator()))
    }
}

fn genesis(founder: &Host, plan: &Plan) -> Genesis {
    let founding = Founding {
        operator: operator().public(),
        founder: founder.node,
        name: founder.name.clone(),
        voters_wanted: u32::try_from(plan.wanted).expect("a mesh has a handful of voters"),
        replace_voter_after_ms: plan.replace_after_ms,
        trust: Trust::Byzantine,
        founded_at: EPOCH,
        salt: [7; 32],
    };
    let signed = founding.sign(&operator());
    signed.expect("the key is the operator's")
}
