//! The network: who is connected, what is said to one, what is said to all.
//!
//! Promises: every connection is authenticated and encrypted, and a peer is who its key says. Only members of the circle
//! hear gossip and use direct streams; a stranger can make a call (to join) and nothing else. Frames to one peer arrive
//! in order or not at all; everything is bounded, and what is refused or dropped is counted. A member that went away is
//! dialled for ever.
//!
//! It does not read what it carries: envelopes are opened by the post room, off the network's task. Nothing that is
//! handed over here counts as delivered.

mod behaviour;
mod calls;
mod carrier;
mod circle;
mod direct;
mod error;
mod events;
mod frames;
mod gauges;
mod keys;
mod outbox;
mod peers;
mod settings;
mod streams;
mod swarm;
#[cfg(test)]
mod tests;
mod tickets;
mod topics;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hms_protocol::id::{MeshId, NodeId};
use hms_protocol::limits::{CALL_BYTES_MAX, GOSSIP_BYTES_MAX};
use libp2p::Multiaddr;
use tokio::sync::{mpsc, oneshot, watch};

pub use calls::Replies;
pub use carrier::Carrier;
pub use error::{CallError, NetError, PublishRefusal, SendRefusal};
pub use events::{Gossip, InboundCall, NetEvent};
pub use gauges::{LinkReport, TopicReport};
pub use settings::{NetSettings, check_address, is_loopback};
pub use tickets::{GossipTicket, Judgement};
pub use topics::Topic;

use circle::Circle;
use direct::Wires;
use gauges::Gauges;
use streams::Opener;
use swarm::Order;

/// Starts the network: listens, and returns when every address is known.
pub async fn start(settings: NetSettings) -> Result<(Net, mpsc::Receiver<NetEvent>), NetError> {
    swarm::start(settings).await
}

/// A handle on the network. Clones share it; when the last one is dropped, the network closes.
#[derive(Clone)]
pub struct Net {
    me: NodeId,
    orders: mpsc::Sender<Order>,
    circle: Arc<watch::Sender<Circle>>,
    wires: watch::Receiver<Arc<Wires>>,
    opener: Opener,
    addresses: watch::Receiver<Vec<String>>,
    gauges: Arc<Gauges>,
}

impl Net {
    /// This node.
    pub fn node(&self) -> NodeId {
        self.me
    }

    /// Goes into a mesh: its topics are joined. Only one mesh at a time; another one replaces it.
    pub fn enter(&self, mesh: MeshId) {
        self.circle.send_if_modified(|circle| circle.enter(mesh));
    }

    /// Says who the members are and where they listen. They are dialled until they answer; whoever is not among them any
    /// more is disconnected. Addresses that make no sense are passed over.
    pub fn enrol(&self, members: Vec<(NodeId, Vec<String>)>) {
        self.circle
            .send_modify(|circle| circle.enrol(self.me, members));
    }

    /// Hands a frame to a member's wire. Frames to one member keep their order; none is certain to arrive.
    pub fn send(&self, to: NodeId, frame: Bytes) -> Result<(), SendRefusal> {
        match self.wires.borrow().get(&to) {
            Some(wire) => wire.send(frame),
            None => Err(SendRefusal::NotAMember { node: to }),
        }
    }

    /// Hands a frame to everybody. Kept for a moment when nobody listens yet; never certain to arrive.
    pub fn publish(&self, topic: Topic, frame: Bytes) -> Result<(), PublishRefusal> {
        if GOSSIP_BYTES_MAX < frame.len() {
            return Err(PublishRefusal::TooLarge {
                bytes: frame.len(),
                max: GOSSIP_BYTES_MAX,
            });
        }
        if self.circle.borrow().mesh().is_none() {
            return Err(PublishRefusal::NoMesh);
        }
        self.orders
            .try_send(Order::Publish { topic, frame })
            .map_err(|_| PublishRefusal::Busy)
    }

    /// Says what a gossip message is worth: forwarded, blamed on its relay, or passed over. A ticket that is not judged
    /// within four seconds expires, and its message is passed over.
    pub fn judge(&self, ticket: GossipTicket, judgement: Judgement) {
        if self
            .orders
            .try_send(Order::Judge { ticket, judgement })
            .is_err()
        {
            self.gauges.count_lost_judgement();
        }
    }

    /// Calls a connected node. `within` bounds the whole call, replies included.
    pub async fn call(
        &self,
        to: NodeId,
        request: Bytes,
        within: Duration,
    ) -> Result<Replies, CallError> {
        check_request(&request)?;
        let peer = keys::peer_of(to).ok_or(CallError::NotConnected { node: to })?;
        if !self
            .wires
            .borrow()
            .get(&to)
            .is_some_and(direct::Wire::is_up)
        {
            return Err(CallError::NotConnected { node: to });
        }
        calls::ask(self.opener.clone(), peer, request, within).await
    }

    /// Calls whoever listens at an address, and says who it is. An address that ends in `/p2p/<peer id>` is answered by
    /// that node or by nobody. `within` bounds the whole call, replies included.
    pub async fn call_address(
        &self,
        address: &str,
        request: Bytes,
        within: Duration,
    ) -> Result<(NodeId, Replies), CallError> {
        check_request(&request)?;
        let target = settings::parse_address(address).map_err(|reason| CallError::BadAddress {
            address: address.to_owned(),
            reason,
        })?;
        let calling = async {
            let node = self.reach(target).await?;
            let peer = keys::peer_of(node).ok_or(CallError::NotConnected { node })?;
            let replies = calls::ask(self.opener.clone(), peer, request, within).await?;
            Ok((node, replies))
        };
        let late = || CallError::TooSlow {
            within_ms: calls::millis(within),
        };
        tokio::time::timeout(within, calling)
            .await
            .map_err(|_| late())?
    }

    /// The addresses that this node listens on, as libp2p multiaddresses without the peer id.
    pub fn addresses(&self) -> Vec<String> {
        self.addresses.borrow().clone()
    }

    /// The peer id that others may append to an address, as `/p2p/<peer id>`, to be sure whom they reach.
    pub fn peer_id(&self) -> String {
        keys::peer_of(self.me)
            .expect("our own key is a point of the curve")
            .to_string()
    }

    /// How the topics do.
    pub fn topics(&self) -> Vec<TopicReport> {
        self.gauges.topics(self.circle.borrow().mesh())
    }

    /// How the wires to the members do.
    pub fn links(&self) -> Vec<LinkReport> {
        self.wires
            .borrow()
            .iter()
            .map(|(node, wire)| wire.report(*node))
            .collect()
    }

    /// The worst lag of the network's task since this was asked last, in milliseconds. One reader only: asking resets it.
    pub fn lag_ms(&self) -> u64 {
        self.gauges.take_lag_ms()
    }

    /// Closes the network: every connection, every listener, every task. Returns when that is done.
    pub async fn stop(&self) {
        let (done, is_done) = oneshot::channel();
        if self.orders.send(Order::Stop { done }).await.is_ok() {
            // An error says that the task ended without us, which is as good.
            let _ = is_done.await;
        }
    }

    async fn reach(&self, address: Multiaddr) -> Result<NodeId, CallError> {
        let (answer, reached) = oneshot::channel();
        let order = Order::Reach { address, answer };
        self.orders
            .send(order)
            .await
            .map_err(|_| CallError::Closed)?;
        reached.await.map_err(|_| CallError::Closed)?
    }
}

fn check_request(request: &Bytes) -> Result<(), CallError> {
    if CALL_BYTES_MAX < request.len() {
        return Err(CallError::TooLarge {
            bytes: request.len(),
            max: CALL_BYTES_MAX,
        });
    }
    Ok(())
}
