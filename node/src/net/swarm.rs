//! The network's task: owns the swarm and never waits for anything but the next thing to happen.
//!
//! What takes time (signatures, disks, slow peers) is done elsewhere: frames and calls have tasks of their own, and gossip
//! is handed out with a ticket. The task measures how late it runs.

mod gossip;
mod links;
mod listen;
mod news;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use hms_protocol::id::{MeshId, NodeId};
use libp2p::gossipsub::TopicHash;
use libp2p::swarm::{Config, ConnectionId, SwarmEvent};
use libp2p::{Multiaddr, Swarm, ping};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::behaviour::{Behaviour, BehaviourEvent};
use super::circle::Circle;
use super::direct::{self, WireKeeper, Wires};
use super::gauges::Gauges;
use super::outbox::Outbox;
use super::peers::Peers;
use super::streams::{Opener, Switchboard};
use super::tickets::Tickets;
use super::{
    CallError, GossipTicket, Judgement, Net, NetError, NetEvent, NetSettings, Topic, calls, keys,
    settings,
};
use crate::clock::Clock;
use crate::limits::{NET_EVENTS_CAPACITY, NET_ORDERS_CAPACITY};
use news::News;

/// How often the task looks at the clock.
const TICK: Duration = Duration::from_millis(25);

/// Ticks between two looks at who listens to what.
const TICKS_PER_CENSUS: u64 = 20;

/// When the task itself was this late, nobody else's silence is held against them.
const FORGIVE_LAG_MS: u64 = 1_000;

/// Connections are kept although nothing flows: whether a peer is alive is decided by its answers to pings.
const IDLE: Duration = Duration::from_hours(365 * 24);

/// An order to the network's task.
#[derive(Debug)]
pub(super) enum Order {
    /// Gossip something.
    Publish { topic: Topic, frame: Bytes },
    /// Forward a gossip message, or not.
    Judge {
        ticket: GossipTicket,
        judgement: Judgement,
    },
    /// Be connected to whoever listens at an address.
    Reach { address: Multiaddr, answer: Reached },
    /// Close everything.
    Stop { done: oneshot::Sender<()> },
}

/// Where the answer to `Order::Reach` goes.
pub(super) type Reached = oneshot::Sender<Result<NodeId, CallError>>;

/// The network's task.
struct Exchange {
    swarm: Swarm<Behaviour>,
    clock: Clock,
    orders: mpsc::Receiver<Order>,
    circle: watch::Receiver<Circle>,
    // Topics joined, by gossipsub's name; empty without a mesh.
    topics: Vec<(TopicHash, Topic)>,
    mesh: Option<MeshId>,
    news: News,
    peers: Peers,
    reaching: HashMap<ConnectionId, (Multiaddr, Reached)>,
    outbox: Outbox,
    tickets: Tickets,
    wires: watch::Sender<Arc<Wires>>,
    keepers: HashMap<NodeId, WireKeeper>,
    opener: Opener,
    addresses: watch::Sender<Vec<String>>,
    gauges: Arc<Gauges>,
    ticks: u64,
    ticked_at_ms: u64,
    tasks: JoinSet<()>,
}

/// Starts the network, and returns when every address is known.
pub(super) async fn start(
    settings: NetSettings,
) -> Result<(Net, mpsc::Receiver<NetEvent>), NetError> {
    let NetSettings {
        seed,
        listen,
        mdns,
        carrier,
    } = settings;
    let key = keys::keypair(&seed);
    let peer = key.public().to_peer_id();
    let me = keys::node_of(&peer).expect("our own key is Ed25519");
    let (streams, [direct, calls]) = Switchboard::new([direct::PROTOCOL, calls::PROTOCOL]);
    let opener = streams.opener();
    let behaviour = Behaviour::new(peer, mdns, streams)?;
    let config = Config::with_tokio_executor().with_idle_connection_timeout(IDLE);
    let probe = carrier.probe();
    let swarm = Swarm::new(carrier.secure(&key), behaviour, peer, config);

    let (order_sender, orders) = mpsc::channel(NET_ORDERS_CAPACITY);
    let (event_sender, events) = mpsc::channel(NET_EVENTS_CAPACITY);
    let (circle_sender, circle) = watch::channel(Circle::default());
    let (wires, wires_reader) = watch::channel(Arc::default());
    let (addresses, addresses_reader) = watch::channel(Vec::new());
    let gauges = Arc::new(Gauges::default());
    let net = Net {
        me,
        orders: order_sender,
        circle: Arc::new(circle_sender),
        wires: wires_reader,
        opener: opener.clone(),
        addresses: addresses_reader,
        gauges: gauges.clone(),
    };

    let mut tasks = JoinSet::new();
    tasks.spawn(direct::accept(direct, circle.clone(), event_sender.clone()));
    tasks.spawn(calls::accept(calls, circle.clone(), event_sender.clone()));

    let clock = Clock::start();
    let mut exchange = Exchange {
        swarm,
        clock,
        orders,
        circle,
        topics: Vec::new(),
        mesh: None,
        news: News::new(event_sender),
        peers: Peers::new(me),
        reaching: HashMap::new(),
        outbox: Outbox::default(),
        tickets: Tickets::default(),
        wires,
        keepers: HashMap::new(),
        opener,
        addresses,
        gauges,
        ticks: 0,
        ticked_at_ms: 0,
        tasks,
    };
    exchange.listen(&listen, probe).await?;
    tokio::spawn(exchange.run());
    Ok((net, events))
}

impl Exchange {
    /// Runs until it is told to stop, or until nobody is left who could tell it anything.
    async fn run(mut self) {
        let mut ticker = interval(TICK);
        ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.ticked_at_ms = self.now_ms();
        let stopped_by = loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.observe(event),
                order = self.orders.recv() => match order {
                    Some(Order::Publish { topic, frame }) => self.publish(topic, frame),
                    Some(Order::Judge { ticket, judgement }) => self.judge(ticket, judgement),
                    Some(Order::Reach { address, answer }) => self.reach(address, answer),
                    Some(Order::Stop { done }) => break Some(done),
                    None => break None,
                },
                Ok(()) = self.circle.changed() => self.follow_circle(),
                () = self.news.tell(), if self.news.is_waiting() => {}
                _ = ticker.tick() => self.tick(),
            }
            self.make_moves();
        };
        // Connections close when the swarm is dropped, tasks when their set is.
        self.tasks.shutdown().await;
        drop(self.swarm);
        if let Some(done) = stopped_by {
            // Whoever asked may have gone.
            let _ = done.send(());
        }
    }

    fn now_ms(&self) -> u64 {
        self.clock.uptime_ms()
    }

    fn observe(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.observe_behaviour(event),
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            } => {
                self.connected(peer_id, connection_id, endpoint.get_remote_address());
            }
            SwarmEvent::ConnectionClosed {
                peer_id,
                connection_id,
                cause,
                ..
            } => {
                self.disconnected(peer_id, connection_id, cause);
            }
            SwarmEvent::OutgoingConnectionError {
                connection_id,
                peer_id,
                error,
            } => {
                self.missed(connection_id, peer_id, &error);
            }
            SwarmEvent::IncomingConnectionError {
                send_back_addr,
                error,
                ..
            } => {
                tracing::debug!(from = %send_back_addr, %error, "connection refused");
            }
            SwarmEvent::NewListenAddr { address, .. } => self.listens(&address),
            SwarmEvent::ExpiredListenAddr { address, .. } => self.listens_no_more(&[address]),
            SwarmEvent::ListenerClosed { addresses, .. } => self.listens_no_more(&addresses),
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "listener failed"),
            SwarmEvent::IncomingConnection { .. }
            | SwarmEvent::Dialing { .. }
            | SwarmEvent::NewExternalAddrCandidate { .. }
            | SwarmEvent::ExternalAddrConfirmed { .. }
            | SwarmEvent::ExternalAddrExpired { .. }
            | SwarmEvent::NewExternalAddrOfPeer { .. } => {}
            unknown => tracing::debug!(?unknown, "unknown event"),
        }
    }

    fn observe_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Gossip(event) => self.hear(event),
            BehaviourEvent::Ping(event) => self.note_ping(&event),
            BehaviourEvent::Mdns(event) => self.note_discovery(event),
            BehaviourEvent::Limits(never) | BehaviourEvent::Streams(never) => match never {},
        }
    }

    fn tick(&mut self) {
        let now_ms = self.now_ms();
        let due_ms = self.ticked_at_ms + calls::millis(TICK);
        self.ticked_at_ms = now_ms;
        let lag_ms = now_ms.saturating_sub(due_ms);
        self.gauges.note_lag(lag_ms);
        if FORGIVE_LAG_MS <= lag_ms {
            self.peers.forgive(now_ms);
        }
        self.peers.tick(now_ms);
        self.expire_tickets(now_ms);
        self.publish_again(now_ms);
        self.ticks += 1;
        if self.ticks.is_multiple_of(TICKS_PER_CENSUS) {
            self.count_listeners();
        }
        // Tasks of members that have gone.
        while self.tasks.try_join_next().is_some() {}
    }

    fn note_ping(&mut self, event: &ping::Event) {
        if event.result.is_ok()
            && let Some(node) = keys::node_of(&event.peer)
        {
            let now_ms = self.now_ms();
            self.peers.heard(node, event.connection, now_ms);
        }
    }

    fn note_discovery(&mut self, event: libp2p::mdns::Event) {
        let found = match event {
            libp2p::mdns::Event::Discovered(found) => found,
            libp2p::mdns::Event::Expired(_) => return,
        };
        for (peer, address) in found {
            if let Some(node) = keys::node_of(&peer) {
                let address = settings::without_peer(&address).to_string();
                // mDNS repeats itself: what finds no room now comes again.
                self.news.mention(NetEvent::Discovered { node, address });
            }
        }
    }
}
