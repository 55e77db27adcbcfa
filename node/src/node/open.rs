//! Opens everything that a node needs before it can think.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use hms_consensus::effect::Recovered;
use hms_consensus::input::Admission;
use hms_consensus::mind::{Birth, CheckpointPace, Mind};
use hms_consensus::raft::RaftSettings;
use hms_keystore::{GENESIS_FILE, Plan, read_genesis};
use hms_protocol::genesis::{Genesis, REPLACE_VOTER_AFTER_MS};
use hms_protocol::heartbeat::HeartbeatPace;
use hms_protocol::id::{Index, MeshId};
use hms_protocol::keyring::SecretKey;
use hms_protocol::member::{Role, RosterView};
use hms_protocol::skill::SkillSpec;
use hms_protocol::token::TokenRefusal;
use hms_protocol::trust::Trust;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::{NodeError, bind, bind_gateway};
use crate::agent::skills::built_in;
use crate::agent::{AgentError, SkillSet};
use crate::clock::Clock;
use crate::config::{Config, Entry};
use crate::entry::{Admitted, EntryError, found, join};
use crate::facts::{Facts, Ports};
use crate::identity::Identity;
use crate::net::{self, Carrier, Net, NetEvent, NetSettings};
use crate::store::{LEDGER_FOLDER, Reports, Store};

/// A node whose parts are open and whose mind has not begun to think.
pub(super) struct Opened {
    pub(super) config: Config,
    pub(super) skills: SkillSet,
    pub(super) key: Arc<SecretKey>,
    pub(super) clock: Clock,
    pub(super) began: Instant,
    pub(super) facts: Facts,
    pub(super) net: Net,
    pub(super) net_events: mpsc::Receiver<NetEvent>,
    pub(super) store: Store,
    pub(super) stored: Reports,
    pub(super) mind: Mind,
    pub(super) restored_to: Index,
    pub(super) gateway: TcpListener,
    pub(super) metrics: TcpListener,
}

/// What is bound before the node speaks to anybody.
struct Doors {
    gateway: TcpListener,
    metrics: TcpListener,
    net: Net,
    net_events: mpsc::Receiver<NetEvent>,
}

/// Opens a node.
pub(super) async fn open(config: Config, skills: SkillSet) -> Result<Opened, NodeError> {
    let began = crate::clock::stopwatch();
    let clock = Clock::start();
    let skills = skills.or(built_in(&config.bases).map_err(AgentError::from)?);
    let identity = Identity::load_or_create(&config.data_dir)?;
    let remembered = Facts::read(&config.data_dir, identity.id())?;
    let (store, stored) = Store::open(&config.data_dir.join(LEDGER_FOLDER), config.retention)?;
    let mut doors = open_doors(&config, &identity, remembered.as_ref()).await?;

    let entered = enter(&config, &store, &mut doors, remembered, clock).await?;
    let Admitted { mut facts, roster } = entered;
    facts.incarnation = facts.incarnation.next();
    facts.ports = ports(&doors);
    // Durable before the first message of this life: no two lives may share a number.
    facts.write(&config.data_dir)?;

    store.claim(facts.node, facts.mesh)?;
    let recovered = match facts.role {
        Role::Voter => store.recover()?,
        Role::Worker => Recovered::default(),
    };
    let key = Arc::new(SecretKey::from_seed(&identity.key().seed()));
    let mind = Mind::restore(
        &birth(&facts, &key, roster, (skills.specs(), config.heartbeats)),
        recovered,
    )?;
    let Doors {
        gateway,
        metrics,
        net,
        net_events,
    } = doors;
    net.enter(facts.mesh);
    Ok(Opened {
        config,
        skills,
        key,
        clock,
        began,
        facts,
        net,
        net_events,
        store,
        stored,
        restored_to: mind.applied(),
        mind,
        gateway,
        metrics,
    })
}

async fn open_doors(
    config: &Config,
    identity: &Identity,
    remembered: Option<&Facts>,
) -> Result<Doors, NodeError> {
    let ports = remembered
        .map(|facts| facts.ports.clone())
        .unwrap_or_default();
    let gateway = bind_gateway(config.gateway, ports.gateway).await?;
    let metrics = bind("metrics", config.metrics, ports.metrics).await?;
    let settings = |listen| NetSettings {
        seed: zeroize::Zeroizing::new(identity.key().seed()),
        listen,
        mdns: config.mdns,
        carrier: Carrier::sockets(),
    };
    let free = config.listen.iter().any(|address| is_free_port(address));
    let (net, net_events) = if free && !ports.listen.is_empty() {
        // Members look for this node where it was. If somebody took the ports meanwhile, free ones will do.
        match net::start(settings(ports.listen)).await {
            Ok(started) => started,
            Err(_) => net::start(settings(config.listen.clone())).await?,
        }
    } else {
        net::start(settings(config.listen.clone())).await?
    };
    Ok(Doors {
        gateway,
        metrics,
        net,
        net_events,
    })
}

/// Whether an address leaves the port to the system.
fn is_free_port(address: &str) -> bool {
    let mut parts = address.split('/');
    parts.any(|part| part == "tcp" || part == "udp") && address.split('/').any(|part| part == "0")
}

/// What a node says of itself when it asks to be a member.
pub(super) fn admission(config: &Config, net: &Net, gateway: &TcpListener) -> Admission {
    let role = match &config.entry {
        Entry::Found { .. } => Some(Role::Voter),
        Entry::Join { role, .. } => *role,
    };
    Admission {
        id: net.node(),
        name: config.name.clone(),
        role,
        addresses: net.addresses(),
        gateway: local(gateway).map_or_else(String::new, |address| address.to_string()),
        proof: None,
    }
}

/// Founds, joins or goes back.
async fn enter(
    config: &Config,
    store: &Store,
    doors: &mut Doors,
    remembered: Option<Facts>,
    clock: Clock,
) -> Result<Admitted, NodeError> {
    let wish = admission(config, &doors.net, &doors.gateway);
    let told = match &config.entry {
        Entry::Found { .. } => Vec::new(),
        Entry::Join { addresses, .. } => addresses.clone(),
    };
    let Doors {
        net, net_events, ..
    } = doors;
    let genesis = read_genesis(&config.data_dir.join(GENESIS_FILE)).map_err(EntryError::from)?;
    let own_mesh = remembered.as_ref().map(|facts| facts.mesh);
    check_genesis(genesis.as_ref(), own_mesh)?;
    match (remembered, &config.entry) {
        // A voter finds everything in its ledger.
        (Some(facts), _) if facts.role == Role::Voter && store.has_ledger()? => Ok(Admitted {
            facts,
            roster: RosterView::default(),
        }),
        // Whoever has none asks the members that it knew, and those that it is told of.
        (Some(facts), _) => {
            let addresses = facts.members.iter().cloned().chain(told).collect();
            let role = Some(facts.role);
            let wish = Admission { role, ..wish };
            let admitted = join(net, net_events, &wish, addresses, own_mesh).await?;
            let mut members = admitted.roster.members.iter();
            if members.any(|member| member.id == facts.node && member.votes) {
                return Err(EntryError::LedgerLost.into());
            }
            Ok(Admitted { facts, ..admitted })
        }
        (
            None,
            Entry::Found {
                voters_wanted,
                trust,
            },
        ) => {
            let genesis = match genesis {
                Some(genesis) => genesis,
                None => make_genesis(config, (*voters_wanted, *trust), clock)?,
            };
            let (checkpoint, facts) = found(&genesis, wish.id)?;
            store.found(&checkpoint)?;
            Ok(Admitted {
                facts,
                roster: RosterView::default(),
            })
        }
        (None, Entry::Join { invitation, .. }) => {
            let missing = EntryError::Token(TokenRefusal::Missing);
            let invitation = invitation.as_deref().ok_or(missing)?;
            let mesh = invitation.token().mesh;
            check_genesis(genesis.as_ref(), Some(mesh))?;
            let proof = Some(invitation.prove(wish.id));
            let wish = Admission { proof, ..wish };
            Ok(join(net, net_events, &wish, told, Some(mesh)).await?)
        }
    }
}

/// A genesis that lies in the data directory is that of the node's mesh, or somebody has swapped it.
fn check_genesis(genesis: Option<&Genesis>, own: Option<MeshId>) -> Result<(), EntryError> {
    match (genesis.map(Genesis::mesh), own) {
        (Some(genesis), Some(own)) if genesis != own => {
            Err(EntryError::GenesisSwapped { genesis, own })
        }
        (Some(_) | None, _) => Ok(()),
    }
}

/// The operator is whoever starts the first node, unless somebody was it before.
fn make_genesis(
    config: &Config,
    (voters_wanted, trust): (u32, Trust),
    clock: Clock,
) -> Result<Genesis, EntryError> {
    let plan = Plan {
        name: config.name.clone(),
        voters_wanted,
        replace_voter_after_ms: REPLACE_VOTER_AFTER_MS,
        trust,
        founded_at: clock.now(),
        operator_key: None,
    };
    Ok(hms_keystore::found(&config.data_dir, plan)?.genesis)
}

fn birth(
    facts: &Facts,
    key: &Arc<SecretKey>,
    roster: RosterView,
    (skills, heartbeats): (Vec<SkillSpec>, HeartbeatPace),
) -> Birth {
    Birth {
        mesh: facts.mesh,
        me: facts.node,
        key: Arc::clone(key),
        name: facts.name.clone(),
        incarnation: facts.incarnation,
        role: facts.role,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        roster,
        skills,
        settings: RaftSettings::default(),
        checkpoints: CheckpointPace::default(),
        heartbeats,
    }
}

fn ports(doors: &Doors) -> Ports {
    Ports {
        listen: doors.net.addresses(),
        gateway: local(&doors.gateway),
        metrics: local(&doors.metrics),
    }
}

fn local(listener: &TcpListener) -> Option<SocketAddr> {
    listener.local_addr().ok()
}
