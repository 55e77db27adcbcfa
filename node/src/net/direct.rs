//! Direct streams: one long-lived stream to each member, and one from each.
//!
//! Frames to one member keep their order. A member that reads slowly fills its own wire, and a member that is away has
//! its frames refused: both are counted, and nobody else waits. A member that floods is not read while too much of it
//! lies here unread.

mod reader;
mod writer;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use hms_protocol::id::NodeId;
use hms_protocol::limits::PEER_MESSAGE_BYTES_MAX;
use libp2p::{PeerId, StreamProtocol};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::streams::Opener;
use super::{LinkReport, SendRefusal};
use crate::limits::{WIRE_BYTES_MAX, WIRE_FRAMES_MAX};

pub(super) use reader::accept;

/// The name of the protocol.
pub(super) const PROTOCOL: StreamProtocol = StreamProtocol::new("/hms/direct/1");

// Relaxed everywhere: each number stands for itself.
const RELAXED: Ordering = Ordering::Relaxed;

/// The wires to all members.
pub(super) type Wires = BTreeMap<NodeId, Wire>;

/// The near end of the stream to a member.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    frames: mpsc::Sender<Bytes>,
    up: watch::Receiver<bool>,
    load: Arc<Load>,
}

/// What a wire counts.
#[derive(Debug, Default)]
struct Load {
    waiting_bytes: AtomicUsize,
    frames_sent: AtomicU64,
    bytes_sent: AtomicU64,
    frames_dropped: AtomicU64,
}

/// What keeps a wire going. Dropping it cuts the wire.
#[derive(Debug)]
pub(super) struct WireKeeper {
    up: watch::Sender<bool>,
    task: AbortHandle,
}

impl WireKeeper {
    /// Says whether the member is connected.
    pub(super) fn set_up(&self, up: bool) {
        self.up.send_replace(up);
    }
}

impl Drop for WireKeeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Wire {
    /// A wire to a member that is not connected yet. Its stream is opened by the first frame.
    pub(super) fn lay(peer: PeerId, opener: Opener, tasks: &mut JoinSet<()>) -> (Self, WireKeeper) {
        let (frames, waiting) = mpsc::channel(WIRE_FRAMES_MAX);
        let (keeper, up) = watch::channel(false);
        let load = Arc::new(Load::default());
        let writer = writer::Writer::new(peer, opener, waiting, up.clone(), load.clone());
        let task = tasks.spawn(writer.run());
        (Self { frames, up, load }, WireKeeper { up: keeper, task })
    }

    /// Whether the member is connected.
    pub(super) fn is_up(&self) -> bool {
        *self.up.borrow()
    }

    /// Hands over a frame, or refuses it and counts that.
    pub(super) fn send(&self, frame: Bytes) -> Result<(), SendRefusal> {
        let sent = self.try_send(frame);
        if sent.is_err() {
            self.load.frames_dropped.fetch_add(1, RELAXED);
        }
        sent
    }

    /// How the wire does.
    pub(super) fn report(&self, node: NodeId) -> LinkReport {
        LinkReport {
            node,
            up: self.is_up(),
            waiting_bytes: self.load.waiting_bytes.load(RELAXED),
            frames_sent: self.load.frames_sent.load(RELAXED),
            bytes_sent: self.load.bytes_sent.load(RELAXED),
            frames_dropped: self.load.frames_dropped.load(RELAXED),
        }
    }

    fn try_send(&self, frame: Bytes) -> Result<(), SendRefusal> {
        let bytes = frame.len();
        if PEER_MESSAGE_BYTES_MAX < bytes {
            return Err(SendRefusal::TooLarge {
                bytes,
                max: PEER_MESSAGE_BYTES_MAX,
            });
        }
        if !self.is_up() {
            return Err(SendRefusal::NotConnected);
        }
        let waiting = self.load.waiting_bytes.fetch_add(bytes, RELAXED);
        let sent = if WIRE_BYTES_MAX < waiting + bytes {
            Err(SendRefusal::Full)
        } else {
            self.frames.try_send(frame).map_err(|_| SendRefusal::Full)
        };
        if sent.is_err() {
            self.load.waiting_bytes.fetch_sub(bytes, RELAXED);
        }
        sent
    }
}
