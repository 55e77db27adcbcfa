//! Incoming direct frames: one lane per peer, each opened, checked, decoded and posted to the mind in order. What voters
//! have signed of their log is verified here too, before the mind sees it. A peer that keeps sending what only it can be
//! blamed for is not listened to for a while.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hms_consensus::input::Input;
use hms_protocol::codec::envelope::{Content, decode, read};
use hms_protocol::envelope::{Audience, EnvelopeRefusal, Sender};
use hms_protocol::id::NodeId;
use hms_protocol::peer::PeerMessage;
use hms_protocol::vetting::{Need, Vetter};
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;

use super::patience::Patience;
use super::{Memory, PostRefusal, Seal};
use crate::limits::{DEAF_FOR, INBOUND_CAPACITY};
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
    memory: Arc<Memory>,
    /// One at a time: it remembers what it has verified.
    vetter: Mutex<Vetter>,
    need: watch::Receiver<Need>,
}

impl Inbound {
    /// No lanes yet; each is opened by its peer's first frame.
    pub fn new(
        seal: Arc<Seal>,
        mailbox: Mailbox,
        metrics: Metrics,
        (memory, need): (Arc<Memory>, watch::Receiver<Need>),
        tasks: TaskTracker,
    ) -> Self {
        let desk = Arc::new(Desk {
            seal,
            mailbox,
            metrics,
            memory,
            vetter: Mutex::default(),
            need,
        });
        Self {
            desk,
            tasks,
            lanes: BTreeMap::new(),
        }
    }

    /// Hands a frame to its peer's lane. When the lane is full the frame is dropped and counted: no peer waits for another.
    pub fn receive(&mut self, from: NodeId, frame: Bytes) {
        let lane = self.lanes.entry(from).or_insert_with(|| {
            let (sender, receiver) = mpsc::channel(INBOUND_CAPACITY);
            self.tasks
                .spawn(open_all(self.desk.clone(), from, receiver));
            sender
        });
        if lane.try_send(frame).is_err() {
            self.desk.metrics.post_dropped_total.inc();
        }
    }
}

async fn open_all(desk: Arc<Desk>, from: NodeId, mut frames: mpsc::Receiver<Bytes>) {
    let mut patience = Patience::default();
    while let Some(frame) = frames.recv().await {
        if !patience.listens(desk.uptime_ms()) {
            desk.metrics.post_unheard_total.inc();
            continue;
        }
        match desk.open(from, &frame).await {
            Ok(messages) => {
                for message in messages {
                    let input = desk.vet(from, message);
                    if desk.mailbox.send(input).await.is_err() {
                        return;
                    }
                }
            }
            Err(refusal) => desk.blame(from, &refusal, &mut patience),
        }
    }
}

impl Desk {
    fn uptime_ms(&self) -> u64 {
        self.seal.clock().uptime_ms()
    }

    /// Counts a refusal, and stops listening to a peer that was refused too often for its own fault.
    fn blame(&self, from: NodeId, refusal: &PostRefusal, patience: &mut Patience) {
        let code = refusal.code();
        let refused = &self.metrics.post_refused_total;
        refused.with_label_values(&[code]).inc();
        tracing::warn!(from = %from.short(), code, %refusal, "frame refused");
        if refusal.blames_peer() && patience.fault(self.uptime_ms()) {
            self.metrics.post_deaf_total.inc();
            let for_seconds = DEAF_FOR.as_secs();
            tracing::warn!(from = %from.short(), code, for_seconds, "peer is not listened to");
        }
    }

    /// Verifies what the mind would have to. What was remembered when a lane fell over is still true.
    fn vet(&self, from: NodeId, message: PeerMessage) -> Input {
        let need = *self.need.borrow();
        let mut vetter = self.vetter.lock().unwrap_or_else(PoisonError::into_inner);
        Input::arrived(from, message, (&mut vetter, &need))
    }

    /// From bytes to messages: signature, address, time, replay, in that order.
    async fn open(&self, from: NodeId, frame: &[u8]) -> Result<Vec<PeerMessage>, PostRefusal> {
        let sealed = decode(frame)?;
        let sender = sealed.claimed().sender;
        if sender != Sender::Node(from) {
            // Direct frames are never relayed: the transport has proved who is at the other end.
            return Err(EnvelopeRefusal::UnknownSender { sender }.into());
        }
        let opened = sealed.open(from.into())?;
        opened.check_address(self.seal.mesh(), self.seal.node(), self.seal.clock().now())?;
        let audience = opened.header().audience;
        if audience != Audience::Node(self.seal.node()) {
            return Err(EnvelopeRefusal::OtherAudience { audience }.into());
        }
        self.memory.admit(&opened).await?;
        match read(&opened)? {
            Content::Peer(messages) => Ok(messages),
            Content::Heartbeat(_)
            | Content::Announcement(_)
            | Content::Report(_)
            | Content::Verdict(_) => Err(PostRefusal::WrongWay),
        }
    }
}

#[cfg(test)]
mod tests;
