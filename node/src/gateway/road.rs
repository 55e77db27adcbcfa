//! The road to the gateways of other nodes: calls go out, streams of replies come back.
//!
//! The gateway puts a [`Trip`] on the road; whoever owns the network carries it out. The gateway knows no transport, and
//! the network knows no call: what travels is bytes.

use bytes::Bytes;
use hms_protocol::id::NodeId;
use tokio::sync::{mpsc, oneshot};

use super::failure::Failure;
use crate::limits::ROAD_CAPACITY;

/// One call on its way to another node.
#[derive(Debug)]
pub struct Trip {
    /// The node to call.
    pub to: NodeId,
    /// An encoded call.
    pub request: Bytes,
    /// Where the outcome goes: the replies, frame by frame until the sender is dropped; or why the node cannot be
    /// called, for people. A closed one means that the caller has given up.
    pub begun: oneshot::Sender<Result<mpsc::Receiver<Bytes>, String>>,
}

/// What a node's own part of the gossip mesh looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicReport {
    /// The topic's name.
    pub topic: String,
    /// Peers that are known to subscribe to it.
    pub subscribers: u32,
    /// Peers in this node's gossip mesh for it.
    pub peers: u32,
    /// Messages received since the node started, duplicates not counted.
    pub received: u64,
    /// Messages published by this node since it started.
    pub published: u64,
}

/// What the gateway wants of the network.
#[derive(Debug)]
pub enum Wish {
    /// A call to another node.
    Call(Trip),
    /// A report of this node's gossip topics.
    Topics(oneshot::Sender<Vec<TopicReport>>),
}

/// The gateway's end of the road. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Road {
    wishes: mpsc::Sender<Wish>,
}

/// Opens a road: the gateway's end, and the network's. Bounded by [`ROAD_CAPACITY`]: when it is full, a call waits for its
/// turn until its deadline.
pub fn open() -> (Road, mpsc::Receiver<Wish>) {
    let (wishes, carried_out) = mpsc::channel(ROAD_CAPACITY);
    (Road { wishes }, carried_out)
}

impl Road {
    /// Calls a node; the replies come as encoded frames.
    pub(super) async fn call(
        &self,
        to: NodeId,
        request: Bytes,
    ) -> Result<mpsc::Receiver<Bytes>, Failure> {
        let (begun, outcome) = oneshot::channel();
        let trip = Trip { to, request, begun };
        self.wishes
            .send(Wish::Call(trip))
            .await
            .map_err(|_| Failure::stopping())?;
        match outcome.await {
            Ok(Ok(replies)) => Ok(replies),
            Ok(Err(why)) => Err(Failure::unreachable(to, &why)),
            Err(_) => Err(Failure::unreachable(to, "the call was not carried out")),
        }
    }

    /// Reports this node's gossip topics.
    pub(super) async fn topics(&self) -> Result<Vec<TopicReport>, Failure> {
        let (asked, report) = oneshot::channel();
        self.wishes
            .send(Wish::Topics(asked))
            .await
            .map_err(|_| Failure::stopping())?;
        report.await.map_err(|_| Failure::stopping())
    }
}
