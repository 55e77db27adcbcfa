//! A snapshot on its way, in chunks: who sends what when, and what the receiver keeps of it.
//!
//! The [`Sender`] has a bounded number of bytes under way and goes on as the receiver says how far it has come; silence is
//! answered with one chunk, again and again. The [`Receiver`] takes chunks in order, of one snapshot at a time, keeps no
//! more than the snapshot's announced size, and gives the whole back only if its digest is the announced one. Both are
//! functions of what they are told; ticks are their only time.
//!
//! Neither knows what a snapshot says, whether it is worth having, or who may send one.

mod receiver;
mod sender;

use hms_protocol::digest::{Domain, Hash, hash_fields};
use hms_protocol::id::{Index, NodeId, Term};

pub(super) use receiver::{Receiver, Taken};
pub(super) use sender::{Sender, Span};

/// Which snapshot, from whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parcel {
    /// The leader that sends it.
    pub(super) leader: NodeId,
    /// The leader's term.
    pub(super) term: Term,
    /// The last entry that it covers.
    pub(super) index: Index,
    /// The digest of its bytes.
    pub(super) digest: Hash,
    /// How many bytes it has.
    pub(super) total: u64,
}

/// The digest of a snapshot's bytes.
pub(super) fn digest(bytes: &[u8]) -> Hash {
    hash_fields(Domain::Snapshot, &[bytes])
}
