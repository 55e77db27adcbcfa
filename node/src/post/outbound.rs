//! Outgoing direct messages: one lane per peer, several messages per envelope when they queue up.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hms_protocol::codec;
use hms_protocol::codec::peer::Bundle;
use hms_protocol::envelope::{Audience, BodyKind};
use hms_protocol::id::NodeId;
use hms_protocol::limits::BUNDLE_MESSAGES_MAX;
use hms_protocol::peer::PeerMessage;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::Seal;
use crate::limits::OUTBOUND_CAPACITY;
use crate::metrics::Metrics;
use crate::net::Net;

/// Every outgoing lane of a node.
pub struct Outbound {
    seal: Arc<Seal>,
    net: Net,
    metrics: Metrics,
    tasks: TaskTracker,
    lanes: BTreeMap<NodeId, mpsc::Sender<PeerMessage>>,
}

impl Outbound {
    /// No lanes yet; each is opened by its first message and lives as long as this value.
    pub fn new(seal: Arc<Seal>, net: Net, metrics: Metrics, tasks: TaskTracker) -> Self {
        Self {
            seal,
            net,
            metrics,
            tasks,
            lanes: BTreeMap::new(),
        }
    }

    /// Hands a message to the peer's lane. When the lane is full the message is dropped and counted.
    pub fn send(&mut self, to: NodeId, message: PeerMessage) {
        let lane = self.lanes.entry(to).or_insert_with(|| {
            let (sender, receiver) = mpsc::channel(OUTBOUND_CAPACITY);
            let lane = Lane {
                to,
                seal: self.seal.clone(),
                net: self.net.clone(),
            };
            self.tasks.spawn(lane.run(receiver, self.metrics.clone()));
            sender
        });
        if lane.try_send(message).is_err() {
            self.metrics.post_dropped_total.inc();
        }
    }

    /// Closes the lanes of everybody who is not a member any more.
    pub fn keep_only(&mut self, is_member: impl Fn(NodeId) -> bool) {
        self.lanes.retain(|node, _| is_member(*node));
    }
}

struct Lane {
    to: NodeId,
    seal: Arc<Seal>,
    net: Net,
}

impl Lane {
    async fn run(self, mut messages: mpsc::Receiver<PeerMessage>, metrics: Metrics) {
        loop {
            let mut bundle = Vec::new();
            if messages.recv_many(&mut bundle, BUNDLE_MESSAGES_MAX).await == 0 {
                return;
            }
            let body = codec::encode(&Bundle(bundle));
            let sealed = self
                .seal
                .seal(Audience::Node(self.to), BodyKind::Peer, body);
            let frame = Bytes::from(codec::envelope::encode(&sealed));
            if let Err(refusal) = self.net.send(self.to, frame) {
                metrics.post_dropped_total.inc();
                tracing::trace!(to = %self.to.short(), %refusal, "frame dropped");
            }
        }
    }
}
