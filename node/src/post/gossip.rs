//! Gossip: heartbeats and announcements, each checked once before it is forwarded.

use std::collections::BTreeSet;
use std::sync::Arc;

use hms_consensus::input::Input;
use hms_protocol::codec::envelope::{Content, decode, read};
use hms_protocol::envelope::{Audience, EnvelopeRefusal, Sender};
use hms_protocol::id::NodeId;
use tokio::sync::{mpsc, watch};

use super::{Memory, PostRefusal, Seal};
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
    /// What was let in before.
    pub memory: Arc<Memory>,
}

/// Opens gossip until the network closes.
pub async fn open_gossip(room: GossipRoom, mut messages: mpsc::Receiver<Gossip>) {
    while let Some(gossip) = messages.recv().await {
        let judgement = match room.open(&gossip.frame).await {
            Ok(input) => {
                // A mind that is behind loses a heartbeat, not the mesh: the message is forwarded all the same.
                if room.mailbox.try_send(input).is_err() {
                    room.metrics.post_dropped_total.inc();
                }
                Judgement::Accept
            }
            Err(refusal) => {
                room.metrics
                    .post_refused_total
                    .with_label_values(&[refusal.code()])
                    .inc();
                tracing::debug!(code = refusal.code(), %refusal, "gossip refused");
                if refusal.blames_relay() {
                    Judgement::Reject
                } else {
                    Judgement::Ignore
                }
            }
        };
        room.net.judge(gossip.ticket, judgement);
    }
}

impl GossipRoom {
    async fn open(&self, frame: &[u8]) -> Result<Input, PostRefusal> {
        let sealed = decode(frame)?;
        let sender = sealed.claimed().sender;
        let Sender::Node(from) = sender else {
            return Err(EnvelopeRefusal::UnknownSender { sender }.into());
        };
        if !self.members.borrow().contains(&from) {
            return Err(EnvelopeRefusal::UnknownSender { sender }.into());
        }
        let opened = sealed.open(from.into())?;
        opened.check_address(self.seal.mesh(), self.seal.node(), self.seal.clock().now())?;
        if opened.header().audience != Audience::Mesh {
            let audience = opened.header().audience;
            return Err(EnvelopeRefusal::OtherAudience { audience }.into());
        }
        self.memory.admit(&opened).await?;
        to_input(from, read(&opened)?)
    }
}

fn to_input(from: NodeId, content: Content) -> Result<Input, PostRefusal> {
    match content {
        Content::Heartbeat(heartbeat) => Ok(Input::Heard(Arc::new(heartbeat))),
        Content::Announcement(announcement) => Ok(Input::Announced {
            from,
            announcement: Arc::new(announcement),
        }),
        Content::Peer(_) | Content::Report(_) | Content::Verdict(_) => Err(PostRefusal::WrongWay),
    }
}
