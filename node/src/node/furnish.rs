//! Puts the rooms of a node together: every channel between two rooms is made here.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use hms_consensus::input::Admission;
use hms_consensus::mind::Mind;
use hms_keystore::{OPERATOR_KEY_FILE, invite, load_key};
use hms_protocol::id::{Index, NodeId};
use hms_protocol::member::{Role, RosterView};
use hms_protocol::token::{Invitation, TOKEN_TTL_MS};
use hms_protocol::vetting::Need;
use tokio::sync::{mpsc, watch};

use super::NodeError;
use super::chores::{
    announce_addresses, host_agents, keep_memory, remember_members, serve_calls, serve_pages,
};
use super::open::{Opened, admission};
use super::rooms::Rooms;
use super::sorting::{Sorting, sort};
use crate::agent::{Order, Registry, Runtime, Voice};
use crate::clock::Clock;
use crate::facts::Facts;
use crate::gateway::{Gateway, Profile, Tools};
use crate::limits::GOSSIP_CAPACITY;
use crate::mailbox::{self, Inbox, Mailbox};
use crate::metrics::Metrics;
use crate::net::Net;
use crate::perform::Hands;
use crate::post::{GossipRoom, Inbound, Memory, Outbound, Seal, open_gossip};
use crate::ready::Ready;
use crate::store::{SeenWindow, Store};
use crate::vitals::Thermometer;

/// A node with every room open, about to think its first thought.
pub(super) struct House {
    pub(super) rooms: Rooms,
    pub(super) mind: Mind,
    pub(super) inbox: Inbox,
    pub(super) hands: Hands,
    pub(super) net: Net,
    pub(super) ready: Ready,
}

/// What several rooms share.
struct Shared {
    facts: Facts,
    clock: Clock,
    net: Net,
    mailbox: Mailbox,
    metrics: Metrics,
    seal: Arc<Seal>,
    need: watch::Sender<Need>,
}

impl Shared {
    fn of(opened: &Opened, mailbox: Mailbox) -> Self {
        let (facts, clock) = (opened.facts.clone(), opened.clock);
        let key = Arc::clone(&opened.key);
        let seal = Arc::new(Seal::new(key, facts.mesh, facts.incarnation, clock));
        let (net, metrics) = (opened.net.clone(), Metrics::new());
        Self {
            facts,
            clock,
            net,
            mailbox,
            metrics,
            seal,
            need: watch::Sender::new(opened.mind.need()),
        }
    }

    fn outbound(&self, rooms: &Rooms) -> Outbound {
        Outbound::new(
            Arc::clone(&self.seal),
            self.net.clone(),
            self.metrics.clone(),
            rooms.tasks.clone(),
        )
    }
}

/// Who may speak.
type Members = watch::Receiver<Arc<BTreeSet<NodeId>>>;

/// Opens every room.
pub(super) fn furnish(opened: Opened) -> Result<House, NodeError> {
    let ready = ready(&opened)?;
    let admission = admission(&opened.config, &opened.net, &opened.gateway);
    let (mailbox, inbox) = mailbox::open();
    let shared = Shared::of(&opened, mailbox);
    let mut rooms = Rooms::default();

    let (members, may_speak) = watch::channel(Arc::new(BTreeSet::new()));
    let (roster, known) = watch::channel(Arc::new(RosterView::default()));
    let gateway = open_gateway(&shared, &opened.store, opened.restored_to);
    let sorting = open_post(&shared, &opened.store, &gateway, may_speak, &mut rooms)?;

    let registry = Registry::new(
        opened.store.agents(),
        opened.key,
        shared.facts.mesh,
        shared.clock,
    );
    let ((runtime, inbox_of_agents), orders) = open_runtime(&shared, registry, opened.skills);
    let wishes = opened.config.first_agents();
    let stops = rooms.stops.clone();
    rooms.open(host_agents(runtime, wishes, inbox_of_agents, stops.agents));
    rooms.open(sort(sorting, opened.net_events, stops.post.clone()));
    rooms.open(serve_calls(gateway.clone(), opened.gateway, stops.gateway));
    rooms.open(serve_pages(
        opened.metrics,
        shared.metrics.clone(),
        stops.post.clone(),
    ));
    let notes = (opened.config.data_dir, shared.facts.clone());
    open_chores(&mut rooms, &gateway, admission, notes, known);

    let outbound = shared.outbound(&rooms);
    let Shared {
        clock,
        net,
        metrics,
        seal,
        need,
        ..
    } = shared;
    let hands = Hands {
        clock,
        store: opened.store,
        stored: opened.stored,
        outbound,
        seal,
        net: net.clone(),
        gateway,
        orders,
        members,
        roster,
        metrics,
        thermometer: Thermometer::default(),
        lag_ms: 0,
        need,
        ticked_at: clock.now(),
    };
    Ok(House {
        rooms,
        mind: opened.mind,
        inbox,
        hands,
        net,
        ready,
    })
}

/// What is remembered of the others, and told to them.
fn open_chores(
    rooms: &mut Rooms,
    gateway: &Gateway,
    admission: Admission,
    notes: (PathBuf, Facts),
    roster: watch::Receiver<Arc<RosterView>>,
) {
    let stop = &rooms.stops.post.clone();
    rooms.open(announce_addresses(
        gateway.clone(),
        admission,
        roster.clone(),
        stop.clone(),
    ));
    rooms.open(remember_members(notes, roster, stop.clone()));
}

fn open_gateway(shared: &Shared, store: &Store, restored_to: Index) -> Gateway {
    let profile = Profile {
        node: shared.facts.node,
        name: shared.facts.name.clone(),
        role: shared.facts.role,
        mesh: shared.facts.mesh,
        restored_to,
    };
    let tools = Tools {
        mailbox: shared.mailbox.clone(),
        net: shared.net.clone(),
        clock: shared.clock,
        metrics: shared.metrics.clone(),
        agents: store.agents(),
        history: store.history(),
    };
    Gateway::new(profile, tools)
}

fn open_post(
    shared: &Shared,
    store: &Store,
    gateway: &Gateway,
    members: Members,
    rooms: &mut Rooms,
) -> Result<Sorting, NodeError> {
    let direct = Arc::new(Memory::restore(
        store.seen(SeenWindow::Direct),
        shared.clock,
    )?);
    let gossip = Arc::new(Memory::restore(
        store.seen(SeenWindow::Gossip),
        shared.clock,
    )?);
    for memory in [&direct, &gossip] {
        rooms.open(keep_memory(Arc::clone(memory), rooms.stops.post.clone()));
    }
    let (gossip_lane, messages) = mpsc::channel(GOSSIP_CAPACITY);
    let room = GossipRoom {
        seal: Arc::clone(&shared.seal),
        members,
        mailbox: shared.mailbox.clone(),
        net: shared.net.clone(),
        metrics: shared.metrics.clone(),
        memory: gossip,
    };
    rooms.tasks.spawn(open_gossip(room, messages));
    let inbound = Inbound::new(
        Arc::clone(&shared.seal),
        shared.mailbox.clone(),
        shared.metrics.clone(),
        (direct, shared.need.subscribe()),
        rooms.tasks.clone(),
    );
    Ok(Sorting {
        inbound,
        gossip: gossip_lane,
        gateway: gateway.clone(),
        mailbox: shared.mailbox.clone(),
        metrics: shared.metrics.clone(),
        net: shared.net.clone(),
        tasks: rooms.tasks.clone(),
    })
}

type Hosting = (Runtime, mpsc::Receiver<Order>);

fn open_runtime(
    shared: &Shared,
    registry: Registry,
    skills: crate::agent::SkillSet,
) -> (Hosting, mpsc::Sender<Order>) {
    let voice = Voice {
        mesh: shared.facts.mesh,
        incarnation: shared.facts.incarnation,
        clock: shared.clock,
    };
    let (mailbox, metrics) = (shared.mailbox.clone(), shared.metrics.clone());
    let (runtime, orders, inbox) = Runtime::new(registry, skills, voice, mailbox, metrics);
    ((runtime, inbox), orders)
}

fn ready(opened: &Opened) -> Result<Ready, NodeError> {
    let facts = &opened.facts;
    let peer = opened.net.peer_id();
    let addresses = opened.net.addresses();
    let missing = || std::net::SocketAddr::from(([0, 0, 0, 0], 0));
    Ok(Ready {
        node: facts.node,
        name: facts.name.clone(),
        role: facts.role,
        mesh: facts.mesh,
        addresses: addresses
            .iter()
            .map(|address| format!("{address}/p2p/{peer}"))
            .collect(),
        gateway: opened.gateway.local_addr().unwrap_or_else(|_| missing()),
        metrics: opened.metrics.local_addr().unwrap_or_else(|_| missing()),
        data_dir: opened.config.data_dir.clone(),
        token: next_token(opened)?,
        began: opened.began,
    })
}

/// A token for the next node, if the operator's key lies in the data directory.
fn next_token(opened: &Opened) -> Result<Option<Invitation>, NodeError> {
    let Some(operator) = load_key(&opened.config.data_dir.join(OPERATOR_KEY_FILE))? else {
        return Ok(None);
    };
    let voter = opened.mind.supervisor();
    let known = voter.map(|voter| *voter.state().authority().operator());
    if known.is_some_and(|known| known != operator.public()) {
        return Ok(None);
    }
    let token = invite(&operator, opened.facts.mesh, Role::Voter, TOKEN_TTL_MS)?;
    Ok(Some(token))
}
