//! The gateway: where clients and other nodes come in with their calls.
//!
//! Any node takes any call. What the mind of this node cannot decide goes on to the leader's gateway, which asks its own;
//! the first gateway waits out a change of leader within the caller's deadline and repeats what is safe to repeat, with
//! the same ids. A call ends in an answer or in a failure with a stable code; none is dropped in silence, and every
//! queue on its way is bounded.
//!
//! It decides nothing: it bounds, decodes, passes on and encodes. It spawns no task: whoever owns the node runs the
//! futures that it gives.
//!
//! ```text
//! client ─► doorway ─► rpc, plan ─► submit, declare ─► redirect ─► turnstile ─► desk ─► mind
//!                                                       │   ▲
//! other node ─► passage ────────────────────────────────┘   └─ answers, compass, notices ◄─ perform
//! ```

mod answers;
mod asker;
mod call;
mod compass;
mod declare;
mod desk;
mod doorway;
mod failure;
mod follow;
mod happening;
mod join;
mod life;
mod memory;
mod notices;
mod pace;
mod passage;
mod plan;
mod receipt;
mod redirect;
mod reply;
mod road;
mod roster;
mod rpc;
mod snapshot;
mod staleness;
mod status;
mod step;
mod submit;
mod transcript;
mod turnstile;
mod visit;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hms_consensus::effect::{Answer, Notice};
use hms_consensus::input::Ticket;
use hms_consensus::turns::{Bounds, Turns};
use hms_protocol::id::{Index, MeshId, NodeId, NodeName, Term};
use hms_protocol::member::{Role, RosterView};
use hms_protocol::refusal::Refusal;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub use self::doorway::DoorwayError;
pub use self::failure::Failure;
pub use self::join::{Joined, ask_to_join, read_join_reply};

use self::compass::Compass;
use self::desk::Desk;
use self::notices::Notices;
use self::roster::Roster;
use self::turnstile::Turnstile;
use crate::clock::Clock;
use crate::limits::{CALLS_LEAVING_PAUSING_MAX, CALLS_LEAVING_PRESSING_MAX, WATCHES_MAX};
use crate::mailbox::Mailbox;
use crate::metrics::Metrics;
use crate::net::Net;
use crate::store::{History, Shelf};

/// Who answers.
#[derive(Clone, Debug)]
pub struct Profile {
    /// This node.
    pub node: NodeId,
    /// What people call it.
    pub name: NodeName,
    /// What it does for the mesh.
    pub role: Role,
    /// The mesh that it belongs to.
    pub mesh: MeshId,
    /// The entry up to which the mind was restored: what happened before is not known to watchers here.
    pub restored_to: Index,
}

/// What the gateway works with.
#[derive(Clone)]
pub struct Tools {
    /// The way to the mind.
    pub mailbox: Mailbox,
    /// The way to other nodes.
    pub net: Net,
    /// The node's clock, for deadlines that a client leaves to the node.
    pub clock: Clock,
    /// Where calls are counted.
    pub metrics: Metrics,
    /// What this node keeps of its agents.
    pub agents: Shelf,
    /// What this node keeps of the ledger.
    pub history: History,
}

/// The gateway of one node. Cloning shares it.
#[derive(Clone)]
pub struct Gateway {
    hall: Arc<Hall>,
}

/// How many calls leave for the leader at a time. Who goes first there is decided there.
const EXIT: Bounds = Bounds {
    pausing_max: CALLS_LEAVING_PAUSING_MAX,
    pressing_max: CALLS_LEAVING_PRESSING_MAX,
    courteous: false,
};

/// Everything that the rooms of the gateway share.
struct Hall {
    profile: Profile,
    desk: Desk,
    // Before the mind of this node, and before the way to another's.
    entrance: Turnstile,
    exit: Turnstile,
    compass: Compass,
    roster: Roster,
    notices: Notices,
    net: Net,
    clock: Clock,
    metrics: Metrics,
    agents: Shelf,
    history: History,
    // One permit per watch under way.
    watches: Semaphore,
    calls: AtomicU64,
    // Cancelled when the doorway closes: watches would keep it open for ever.
    stopping: CancellationToken,
}

impl Gateway {
    /// Opens the gateway of a node. Nobody comes in before [`serve`](Self::serve) runs and calls of other nodes are handed to
    /// [`serve_call`](Self::serve_call).
    pub fn new(profile: Profile, tools: Tools) -> Self {
        let hall = Hall {
            desk: Desk::new(tools.mailbox),
            entrance: Turnstile::new(Turns::default()),
            exit: Turnstile::new(Turns::new(EXIT)),
            compass: Compass::default(),
            roster: Roster::default(),
            notices: Notices::since(profile.restored_to),
            net: tools.net,
            clock: tools.clock,
            metrics: tools.metrics,
            agents: tools.agents,
            history: tools.history,
            watches: Semaphore::new(WATCHES_MAX),
            calls: AtomicU64::new(1),
            stopping: CancellationToken::new(),
            profile,
        };
        Self {
            hall: Arc::new(hall),
        }
    }

    /// Carries out `Effect::Answer`. Never blocks.
    pub fn deliver(&self, ticket: Ticket, answer: Result<Answer, Refusal>) {
        self.hall.desk.deliver(ticket, answer);
    }

    /// Carries out `Effect::Publish`. Never blocks.
    pub fn publish(&self, notice: Notice) {
        self.hall.notices.publish(notice);
    }

    /// The state was replaced by a checkpoint that covers `index` (a `LogWrite::install`): what happened up to there was
    /// not published here, and watchers are told so. Never blocks.
    pub fn skip_to(&self, index: Index) {
        self.hall.notices.skip_to(index);
    }

    /// Carries out `Effect::Follow`. Never blocks.
    pub fn follow(&self, leader: Option<NodeId>, term: Term) {
        self.hall.compass.point(leader, term);
    }

    /// Carries out its part of `Effect::Enrol`: these nodes may pass calls on to this one. Never blocks.
    pub fn enrol(&self, roster: &RosterView) {
        self.hall.roster.replace(roster);
    }
}

impl Hall {
    /// This node.
    fn me(&self) -> NodeId {
        self.profile.node
    }

    /// A name for a call in the logs of every node that it visits.
    fn name_call(&self) -> String {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number:x}", self.profile.name)
    }
}
