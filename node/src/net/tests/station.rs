//! A node's network with its events, as tests use it; and whole meshes of them.

use std::time::Duration;

use bytes::Bytes;
use hms_protocol::id::{MeshId, NodeId};
use tokio::sync::mpsc;

use crate::net::{Gossip, InboundCall, Judgement, Net, NetEvent, NetSettings, Topic, start};

/// How long anything may take on a busy machine before a test gives up on it.
pub(super) const WITHIN: Duration = Duration::from_secs(30);

/// The mesh that all tests use.
pub(super) const MESH: MeshId = MeshId::from_bytes([77; 32]);

/// A network and what it tells.
pub(super) struct Station {
    pub(super) net: Net,
    pub(super) events: mpsc::Receiver<NetEvent>,
}

impl Station {
    /// Starts node `number` on loopback, on free ports.
    pub(super) async fn start(number: u8) -> Self {
        Self::start_with(NetSettings::on_loopback([number; 32])).await
    }

    /// Starts node `number` where it is told.
    pub(super) async fn start_on(number: u8, listen: &[String]) -> Self {
        let settings = NetSettings::on_loopback([number; 32]);
        Self::start_with(NetSettings {
            listen: listen.to_vec(),
            ..settings
        })
        .await
    }

    async fn start_with(settings: NetSettings) -> Self {
        let (net, events) = start(settings).await.unwrap();
        Self { net, events }
    }

    pub(super) fn id(&self) -> NodeId {
        self.net.node()
    }

    /// Where it listens by TCP, or by QUIC if it does not.
    pub(super) fn address(&self) -> String {
        let addresses = self.net.addresses();
        let tcp = addresses.iter().find(|address| address.contains("/tcp/"));
        tcp.unwrap_or(&addresses[0]).clone()
    }

    /// It and where it listens, as others enrol it.
    pub(super) fn entry(&self) -> (NodeId, Vec<String>) {
        (self.id(), self.net.addresses())
    }

    /// Takes events until one is picked. The others are dropped, gossip among them is accepted.
    pub(super) async fn until<T>(
        &mut self,
        what: &str,
        mut pick: impl FnMut(NetEvent) -> Option<T>,
    ) -> T {
        let waiting = async {
            loop {
                let event = self.events.recv().await.expect("the network lives");
                let ticket = match &event {
                    NetEvent::Gossip(gossip) => Some(gossip.ticket),
                    NetEvent::Frame { .. }
                    | NetEvent::Link { .. }
                    | NetEvent::Call(_)
                    | NetEvent::Listening { .. }
                    | NetEvent::Discovered { .. } => None,
                };
                if let Some(picked) = pick(event) {
                    return picked;
                }
                if let Some(ticket) = ticket {
                    self.net.judge(ticket, Judgement::Accept);
                }
            }
        };
        let waited = tokio::time::timeout(WITHIN, waiting).await;
        waited.unwrap_or_else(|_| panic!("{:?} waits in vain for {what}", self.net.node()))
    }

    pub(super) async fn until_link(&mut self, other: NodeId, wanted: bool) {
        let what = format!(
            "the link to {other:?} to be {}",
            if wanted { "up" } else { "down" }
        );
        self.until(&what, |event| {
            let is_wanted = matches!(
                event,
                NetEvent::Link { node, up } if node == other && up == wanted
            );
            is_wanted.then_some(())
        })
        .await;
    }

    /// Waits until every member that it knows is connected.
    pub(super) async fn until_all_linked(&self) {
        self.wait_for("every link", |net| {
            let links = net.links();
            !links.is_empty() && links.iter().all(|link| link.up)
        })
        .await;
    }

    pub(super) async fn until_frame(&mut self, other: NodeId) -> Bytes {
        self.until("a frame", |event| {
            if let NetEvent::Frame { from, frame } = event
                && from == other
            {
                Some(frame)
            } else {
                None
            }
        })
        .await
    }

    /// The next gossip message of a topic; accepted.
    pub(super) async fn until_gossip(&mut self, wanted: Topic) -> Bytes {
        let gossip = self.until_unjudged(wanted).await;
        self.net.judge(gossip.ticket, Judgement::Accept);
        gossip.frame
    }

    /// The next gossip message of a topic; the caller judges it.
    pub(super) async fn until_unjudged(&mut self, wanted: Topic) -> Gossip {
        self.until("gossip", |event| {
            if let NetEvent::Gossip(gossip) = event
                && gossip.topic == wanted
            {
                Some(gossip)
            } else {
                None
            }
        })
        .await
    }

    pub(super) async fn until_call(&mut self) -> InboundCall {
        self.until("a call", |event| {
            if let NetEvent::Call(call) = event {
                Some(call)
            } else {
                None
            }
        })
        .await
    }

    /// Sends a frame as soon as the wire takes it.
    pub(super) async fn send(&self, to: NodeId, frame: Bytes) {
        let sending = async {
            while self.net.send(to, frame.clone()).is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(WITHIN, sending)
            .await
            .expect("the wire takes the frame in time");
    }

    /// Waits until something holds.
    pub(super) async fn wait_for(&self, what: &str, holds: impl Fn(&Net) -> bool) {
        let waiting = async {
            while !holds(&self.net) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(WITHIN, waiting).await;
        waited.unwrap_or_else(|_| panic!("{:?} waits in vain: {what}", self.id()));
    }
}

/// Enters the mesh and enrols everybody at everybody.
pub(super) fn introduce(stations: &[&Station]) {
    let everybody: Vec<_> = stations.iter().map(|station| station.entry()).collect();
    for station in stations {
        station.net.enter(MESH);
        station.net.enrol(everybody.clone());
    }
}

/// A mesh of `N` nodes, numbered from 1, all connected and listening to gossip.
pub(super) async fn mesh<const N: usize>() -> [Station; N] {
    let mut stations = Vec::new();
    for number in 1..=N {
        stations.push(Station::start(u8::try_from(number).unwrap()).await);
    }
    introduce(&stations.iter().collect::<Vec<_>>());
    for station in &stations {
        station.until_all_linked().await;
    }
    let others = u32::try_from(N - 1).unwrap();
    for station in &stations {
        station
            .wait_for("every listener", |net| {
                net.topics()
                    .iter()
                    .all(|report| report.subscribers == others)
            })
            .await;
    }
    stations
        .try_into()
        .unwrap_or_else(|_| unreachable!("N stations were started"))
}
