//! Why the network says no: at start, to a sender, to a publisher, to a caller.
//!
//! Each has a stable code for machines and a hint for people.

use std::io;

use hms_protocol::id::NodeId;

/// Why the network does not start.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// An address to listen on makes no sense.
    #[error("{address:?} is no address to listen on: {reason}")]
    BadAddress {
        /// What was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Another process listens there.
    #[error("{address} is in use by another process")]
    PortInUse {
        /// The address.
        address: String,
    },
    /// The system does not let us listen there.
    #[error("{address} cannot be listened on")]
    CannotListen {
        /// The address.
        address: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Listening did not begin in time.
    #[error("{address} did not come up within {within_ms} ms")]
    SlowListener {
        /// The address.
        address: String,
        /// How long was waited.
        within_ms: u64,
    },
    /// Looking for peers on this host does not work.
    #[error("mDNS does not start")]
    Mdns(#[source] io::Error),
}

impl NetError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadAddress { .. } => "HMS-NET-BAD-ADDRESS",
            Self::PortInUse { .. } => "HMS-NET-PORT-IN-USE",
            Self::CannotListen { .. } => "HMS-NET-CANNOT-LISTEN",
            Self::SlowListener { .. } => "HMS-NET-SLOW-LISTENER",
            Self::Mdns(_) => "HMS-NET-MDNS",
        }
    }

    /// What the operator can do.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::BadAddress { .. } => {
                "write /ip4/127.0.0.1/tcp/7401 or /ip4/127.0.0.1/udp/7401/quic-v1"
            }
            Self::PortInUse { .. } => {
                "stop the other process, or listen on another port; 0 takes a free one"
            }
            Self::CannotListen { .. } => {
                "listen on an address of this machine, and on a port above 1023"
            }
            Self::SlowListener { .. } => "check that the address's interface is up",
            Self::Mdns(_) => "start without mDNS and give the address of a member",
        }
    }
}

/// Why a frame is not taken for a member.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendRefusal {
    /// The node is not a member, or is this node.
    #[error("{node} is not a member")]
    NotAMember {
        /// The node.
        node: NodeId,
    },
    /// There is no connection at the moment.
    #[error("the member is not connected")]
    NotConnected,
    /// Too much is waiting already.
    #[error("the member's wire is full")]
    Full,
    /// The frame is larger than a peer takes.
    #[error("the frame has {bytes} bytes: at most {max} are allowed")]
    TooLarge {
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        max: usize,
    },
}

impl SendRefusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAMember { .. } => "HMS-NET-NOT-A-MEMBER",
            Self::NotConnected => "HMS-NET-NOT-CONNECTED",
            Self::Full => "HMS-NET-WIRE-FULL",
            Self::TooLarge { .. } => "HMS-NET-TOO-LARGE",
        }
    }
}

/// Why a frame is not taken for gossip.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishRefusal {
    /// This node is in no mesh yet.
    #[error("this node is in no mesh yet")]
    NoMesh,
    /// The network's task is behind.
    #[error("the network is busy")]
    Busy,
    /// The frame is larger than gossip carries.
    #[error("the frame has {bytes} bytes: gossip carries at most {max}")]
    TooLarge {
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        max: usize,
    },
}

impl PublishRefusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoMesh => "HMS-NET-NO-MESH",
            Self::Busy => "HMS-NET-BUSY",
            Self::TooLarge { .. } => "HMS-NET-TOO-LARGE",
        }
    }
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The address makes no sense.
    #[error("{address:?} is no address: {reason}")]
    BadAddress {
        /// What was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The request is larger than a callee takes.
    #[error("the request has {bytes} bytes: at most {max} are allowed")]
    TooLarge {
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        max: usize,
    },
    /// There is no connection to the node.
    #[error("{node} is not connected")]
    NotConnected {
        /// The node.
        node: NodeId,
    },
    /// Nobody answers there.
    #[error("{address} cannot be reached: {reason}")]
    Unreachable {
        /// Where.
        address: String,
        /// What the transport says.
        reason: String,
    },
    /// Somebody else answers there.
    #[error("{found} answers at {address}: another node was expected")]
    OtherNode {
        /// Where.
        address: String,
        /// Who answers, as a libp2p peer id.
        found: String,
    },
    /// The call did not end in its time.
    #[error("the call did not end within {within_ms} ms")]
    TooSlow {
        /// How long it had.
        within_ms: u64,
    },
    /// The connection broke before the last reply. What the call did is not known.
    #[error("the connection broke before the last reply")]
    Cut,
    /// This node's network is closed.
    #[error("the network is closed")]
    Closed,
}

impl CallError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadAddress { .. } => "HMS-NET-BAD-ADDRESS",
            Self::TooLarge { .. } => "HMS-NET-TOO-LARGE",
            Self::NotConnected { .. } => "HMS-NET-NOT-CONNECTED",
            Self::Unreachable { .. } => "HMS-NET-UNREACHABLE",
            Self::OtherNode { .. } => "HMS-NET-OTHER-NODE",
            Self::TooSlow { .. } => "HMS-NET-TOO-SLOW",
            Self::Cut => "HMS-NET-CUT",
            Self::Closed => "HMS-NET-CLOSED",
        }
    }

    /// What the caller can do.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::BadAddress { .. } => {
                "write /ip4/127.0.0.1/tcp/7401, with or without /p2p/<peer id>"
            }
            Self::TooLarge { .. } => "send less",
            Self::NotConnected { .. } | Self::Unreachable { .. } => {
                "check that the node runs and that its address is right"
            }
            Self::OtherNode { .. } => "copy the join command that the node printed when it started",
            Self::TooSlow { .. } => "ask again; the node may be busy, or may not know this one yet",
            Self::Cut => "ask again with the same ids: what was done counts once",
            Self::Closed => "this node is stopping",
        }
    }
}
