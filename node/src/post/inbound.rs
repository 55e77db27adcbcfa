//! Incoming direct frames: one lane per peer, each opened, checked, decoded and posted to the mind in order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use hms_protocol::codec;
use hms_protocol::envelope::{Audience, BodyKind, EnvelopeRefusal, Opened, Sender};
use hms_protocol::id::NodeId;
use hms_protocol::peer::PeerMessage;
use hms_protocol::replay::ReplayWindow;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::Seal;
use crate::limits::INBOUND_CAPACITY;
use crate::mailbox::Mailbox;
use crate::metrics::Metrics;

/// Every incoming lane of a node.
pub struct Inbound {
    desk: Arc<Desk>,
    tasks: TaskTracker,
    lanes: BTreeMap<NodeId, mpsc::Sender<Bytes>>,
}

/// What every lane shares.
struct Desk {
    seal: Arc<Seal>,
    mailbox: Mailbox,
    metrics: Metrics,
    /// Held for the time of one look-up, never across an await.
    seen: Arc<Mutex<ReplayWindow>>,
}

impl Inbound {
    /// No lanes yet; each is opened by its peer's first frame.
    pub fn new(
        seal: Arc<Seal>,
        mailbox: Mailbox,
        metrics: Metrics,
        seen: Arc<Mutex<ReplayWindow>>,
        tasks: TaskTracker,
    ) -> Self {
        let desk = Arc::new(Desk { seal, mailbox, metrics, seen });
        Self { desk, tasks, lanes: BTreeMap::new() }
    }

    /// Hands a frame to its peer's lane, waiting when the lane is full: the network stops reading that peer meanwhile.
    pub async fn receive(&mut self, from: NodeId, frame: Bytes) {
        let lane = self.lanes.entry(from).or_insert_with(|| {
            let (sender, receiver) = mpsc::channel(INBOUND_CAPACITY);
            self.tasks.spawn(open_all(self.desk.clone(), from, receiver));
            sender
        });
        // A closed lane means that the node is stopping.
        let _ = lane.send(frame).await;
    }
}

async fn open_all(desk: Arc<Desk>, from: NodeId, mut frames: mpsc::Receiver<Bytes>) {
    while let Some(frame) = frames.recv().await {
        match desk.open(from, &frame) {
            Ok(messages) => {
                for message in messages {
                    let input = hms_consensus::input::Input::Received { from, message };
                    if desk.mailbox.send(input).await.is_err() {
                        return;
                    }
                }
            }
            Err(refusal) => {
                desk.metrics.post_refused_total.with_label_values(&[refusal.code()]).inc();
                tracing::warn!(from = %from.short(), code = refusal.code(), %refusal, "frame refused");
            }
        }
    }
}

impl Desk {
    /// From bytes to messages: signature, address, time, replay, in that order.
    fn open(&self, from: NodeId, frame: &[u8]) -> Result<Vec<PeerMessage>, EnvelopeRefusal> {
        let sealed = codec::envelope::decode(frame)?;
        let sender = sealed.claimed().sender;
        if sender != Sender::Node(from) {
            // Direct frames are never relayed: the transport has proved who is at the other end.
            return Err(EnvelopeRefusal::UnknownSender { sender });
        }
        let opened = sealed.open(from.into())?;
        opened.check_address(self.seal.mesh(), self.seal.node(), self.seal.clock().now())?;
        check_direct(&opened, self.seal.node())?;
        self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner).admit(opened.header())?;
        codec::peer::decode_bundle(opened.body())
            .map_err(|_| EnvelopeRefusal::Malformed { what: "peer messages" })
    }
}

/// A message to the whole mesh does not come by a direct stream: it would bypass the other replay window.
fn check_direct(opened: &Opened, me: NodeId) -> Result<(), EnvelopeRefusal> {
    let header = opened.header();
    if header.audience != Audience::Node(me) {
        return Err(EnvelopeRefusal::OtherAudience { audience: header.audience });
    }
    if header.kind != BodyKind::Peer {
        return Err(EnvelopeRefusal::Malformed { what: "kind" });
    }
    Ok(())
}
