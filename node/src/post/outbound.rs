//! Outgoing direct messages: one lane per peer, several messages per envelope when they queue up.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hms_protocol::codec;
use hms_protocol::codec::bundle::{Bundle, bundled_bytes};
use hms_protocol::envelope::{Audience, BodyKind};
use hms_protocol::id::NodeId;
use hms_protocol::limits::{BUNDLE_BYTES_MAX, BUNDLE_MESSAGES_MAX};
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
        let mut waiting = Vec::new();
        loop {
            if waiting.is_empty()
                && messages.recv_many(&mut waiting, BUNDLE_MESSAGES_MAX).await == 0
            {
                return;
            }
            let body = codec::encode(&take_bundle(&mut waiting));
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

/// Takes off the first messages: as many as go into one envelope, one at least.
fn take_bundle(waiting: &mut Vec<PeerMessage>) -> Bundle {
    let mut bytes = 0;
    let fitting = waiting.iter().take_while(|message| {
        let first = bytes == 0;
        bytes += bundled_bytes(message);
        first || bytes <= BUNDLE_BYTES_MAX
    });
    let fitting = fitting.count();
    Bundle(waiting.drain(..fitting).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_holds_so_many_bytes_or_a_single_message() {
        let large = |mebibytes: usize| PeerMessage::Raft(vec![0; mebibytes * 1024 * 1024]);
        let mut waiting = vec![
            large(3),
            large(4),
            large(2),
            large(9),
            PeerMessage::AskWatch,
        ];
        let mut counts = Vec::new();
        while !waiting.is_empty() {
            counts.push(take_bundle(&mut waiting).0.len());
        }
        assert_eq!(counts, [2, 1, 1, 1]);
    }
}
