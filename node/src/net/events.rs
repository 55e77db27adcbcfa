//! Everything that the network tells the node.

use bytes::Bytes;
use hms_protocol::id::NodeId;
use tokio::sync::mpsc;

use super::{GossipTicket, Topic};

/// Something happened on the network.
#[derive(Debug)]
pub enum NetEvent {
    /// A member's frame arrived on its direct stream.
    Frame {
        /// The member, proved by the transport.
        from: NodeId,
        /// What it sent. Counts against what the member may have lying here until it is dropped.
        frame: Bytes,
    },
    /// A gossip message arrived, for the first time.
    Gossip(Gossip),
    /// The connection to a member came up or went down. Only the newest state is told when news queue up.
    Link {
        /// The member.
        node: NodeId,
        /// Whether it is connected now.
        up: bool,
    },
    /// Somebody calls; a stranger may.
    Call(InboundCall),
    /// This node listens on a further address.
    Listening {
        /// The address, without the peer id.
        address: String,
    },
    /// mDNS has found a node on this host or network. It may be of another mesh.
    Discovered {
        /// The node.
        node: NodeId,
        /// Where it listens, without the peer id.
        address: String,
    },
}

/// A gossip message. It is forwarded only when its ticket is judged worth it.
#[derive(Debug)]
pub struct Gossip {
    /// Where it was published.
    pub topic: Topic,
    /// The member that it came from, which need not be its author.
    pub relay: NodeId,
    /// What was published.
    pub frame: Bytes,
    /// What to judge it by.
    pub ticket: GossipTicket,
}

/// A call from another node.
#[derive(Debug)]
pub struct InboundCall {
    /// Who calls, proved by the transport.
    pub from: NodeId,
    /// Whether it is a member.
    pub is_member: bool,
    /// What it asks.
    pub request: Bytes,
    /// Where replies go. Dropping it ends the call; it is closed when the caller has gone.
    pub replies: mpsc::Sender<Bytes>,
}
