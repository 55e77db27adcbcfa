//! Gossip: heartbeats and announcements, each checked once before it is forwarded.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use hms_consensus::input::Input;
use hms_protocol::codec;
use hms_protocol::envelope::{Audience, BodyKind, EnvelopeRefusal, Opened, Sender};
use hms_protocol::id::NodeId;
use hms_protocol::replay::ReplayWindow;
use tokio::sync::{mpsc, watch};

use super::Seal;
use crate::mailbox::Mailbox;
use crate::metrics::Metrics;
use crate::net::{Gossip, Judgement, Net};

/// What checking gossip needs.
pub struct GossipRoom {
    /// The node's seal: mesh, id and clock.
    pub seal: Arc<Seal>,
    /// Who may speak.
    pub members: watch::Receiver<Arc<BTreeSet<NodeId>>>,
    /// Where what was checked goes.
    pub mailbox: Mailbox,
    /// Where judgements go.
    pub net: Net,
    /// Where refusals are counted.
    pub metrics: Metrics,
    /// What was seen before. Held for the time of one look-up, never across an await.
    pub seen: Arc<Mutex<ReplayWindow>>,
}

/// Opens gossip until the network closes.
pub async fn open_gossip(room: GossipRoom, mut messages: mpsc::Receiver<Gossip>) {
    while let Some(gossip) = messages.recv().await {
        let judgement = match room.open(&gossip.frame) {
            Ok(input) => {
                // A mind that is behind loses a heartbeat, not the mesh: the message is forwarded all the same.
                if room.mailbox.try_send(input).is_err() {
                    room.metrics.post_dropped_total.inc();
                }
                Judgement::Accept
            }
            Err(refusal) => {
                room.metrics.post_refused_total.with_label_values(&[refusal.code()]).inc();
                tracing::debug!(code = refusal.code(), %refusal, "gossip refused");
                if refusal.blames_relay() { Judgement::Reject } else { Judgement::Ignore }
            }
        };
        room.net.judge(gossip.ticket, judgement);
    }
}

impl GossipRoom {
    fn open(&self, frame: &[u8]) -> Result<Input, EnvelopeRefusal> {
        let sealed = codec::envelope::decode(frame)?;
        let sender = sealed.claimed().sender;
        let Sender::Node(from) = sender else {
            return Err(EnvelopeRefusal::UnknownSender { sender });
        };
        if !self.members.borrow().contains(&from) {
            return Err(EnvelopeRefusal::UnknownSender { sender });
        }
        let opened = sealed.open(from.into())?;
        opened.check_address(self.seal.mesh(), self.seal.node(), self.seal.clock().now())?;
        if opened.header().audience != Audience::Mesh {
            return Err(EnvelopeRefusal::OtherAudience { audience: opened.header().audience });
        }
        self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner).admit(opened.header())?;
        decode(from, &opened)
    }
}

fn decode(from: NodeId, opened: &Opened) -> Result<Input, EnvelopeRefusal> {
    let malformed = EnvelopeRefusal::Malformed { what: "gossip body" };
    match opened.header().kind {
        BodyKind::Heartbeat => {
            let heartbeat = codec::heartbeat::decode(opened.body()).map_err(|_| malformed.clone())?;
            let honest = heartbeat.node == from
                && heartbeat.incarnation == opened.header().incarnation;
            if honest { Ok(Input::Heard(heartbeat)) } else { Err(malformed) }
        }
        BodyKind::Announcement => codec::peer::decode_announcement(opened.body())
            .map(|announcement| Input::Announced { from, announcement })
            .map_err(|_| malformed),
        BodyKind::Peer | BodyKind::Report | BodyKind::Verdict => Err(malformed),
    }
}
