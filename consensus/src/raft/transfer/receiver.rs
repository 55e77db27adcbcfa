//! The follower's half of a transfer: what has come, and of what.
//!
//! A leader's later snapshot takes the place of an earlier one, and nothing takes the place of a later one but silence. It
//! holds at most [`SNAPSHOT_BYTES_MAX`] bytes, whatever it is told.

use hms_protocol::frame::Chunk;
use hms_protocol::id::{NodeId, Term};
use hms_protocol::limits::{CHUNK_BYTES_MAX, SNAPSHOT_BYTES_MAX};

use super::{Parcel, digest};
use crate::raft::limits;
use crate::raft::refusal::RaftRefusal;

/// What has come of snapshots: of one at a time.
#[derive(Debug, Default)]
pub(in crate::raft) struct Receiver {
    incoming: Option<Incoming>,
}

#[derive(Debug)]
struct Incoming {
    parcel: Parcel,
    // Invariant: the first bytes of the snapshot, fewer than all.
    bytes: Vec<u8>,
    // Ticks since the last of them came.
    stuck: u64,
}

impl Incoming {
    /// Appends the next bytes. Room doubles, as far as the snapshot goes: not a byte is reserved that is not announced, and
    /// no more than what has come.
    fn extend(&mut self, bytes: &[u8]) {
        let (here, count) = (self.bytes.len(), bytes.len());
        if self.bytes.capacity() < here + count {
            let total = usize::try_from(self.parcel.total).unwrap_or(usize::MAX);
            self.bytes.reserve_exact(here.max(count).min(total - here));
        }
        self.bytes.extend_from_slice(bytes);
        self.stuck = 0;
    }
}

/// What came of a chunk.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::raft) enum Taken {
    /// So many of the first bytes are here.
    Part(u64),
    /// All are here, and the digest is right.
    Whole(Vec<u8>),
}

impl Receiver {
    /// Takes a chunk of a snapshot. A chunk that is not the next one changes nothing and is answered like one that is.
    pub(in crate::raft) fn take(
        &mut self,
        parcel: Parcel,
        chunk: &Chunk,
    ) -> Result<Taken, RaftRefusal> {
        check(&parcel, chunk)?;
        self.turn_to(parcel)?;
        let incoming = self.incoming.get_or_insert_with(|| Incoming {
            parcel,
            bytes: Vec::new(),
            stuck: 0,
        });
        if chunk.offset == incoming.bytes.len() as u64 {
            incoming.extend(&chunk.bytes);
        }
        let arrived = incoming.bytes.len() as u64;
        if arrived < parcel.total {
            return Ok(Taken::Part(arrived));
        }
        let whole = self.incoming.take().expect("it was just looked at");
        if digest(&whole.bytes) == parcel.digest {
            Ok(Taken::Whole(whole.bytes))
        } else {
            Err(RaftRefusal::BadSnapshot {
                reason: "its digest is not the one that was announced",
            })
        }
    }

    /// Whether this chunk is the last one that is missing.
    pub(in crate::raft) fn is_completed_by(&self, parcel: &Parcel, chunk: &Chunk) -> bool {
        let incoming = self.incoming.as_ref().filter(|it| it.parcel == *parcel);
        let here = incoming.map_or(0, |it| it.bytes.len() as u64);
        chunk.offset == here && here.saturating_add(chunk.bytes.len() as u64) == parcel.total
    }

    /// Forgets what nobody will complete: it is of an earlier term, of a node that does not lead any more, or does not go on.
    /// Gives what was forgotten.
    pub(in crate::raft) fn tick(&mut self, term: Term, leader: Option<NodeId>) -> Option<Parcel> {
        let incoming = self.incoming.as_mut()?;
        incoming.stuck += 1;
        let (from, of) = (incoming.parcel.leader, incoming.parcel.term);
        let over = of < term || (of == term && leader.is_some_and(|leader| leader != from));
        if over || limits::INCOMING_PATIENCE_TICKS <= incoming.stuck {
            return self.incoming.take().map(|it| it.parcel);
        }
        None
    }

    /// Bytes that are held.
    pub(in crate::raft) fn held(&self) -> usize {
        self.incoming.as_ref().map_or(0, |it| it.bytes.capacity())
    }

    /// Makes room for a snapshot, if it is later than the one that is under way.
    fn turn_to(&mut self, parcel: Parcel) -> Result<(), RaftRefusal> {
        let Some(incoming) = &self.incoming else {
            return Ok(());
        };
        let rank = |parcel: &Parcel| (parcel.term, parcel.index);
        if incoming.parcel == parcel {
            return Ok(());
        }
        if rank(&parcel) <= rank(&incoming.parcel) {
            return Err(RaftRefusal::BadChunk {
                reason: "it is of another snapshot than the one that is under way",
            });
        }
        self.incoming = None;
        Ok(())
    }
}

fn check(parcel: &Parcel, chunk: &Chunk) -> Result<(), RaftRefusal> {
    let count = chunk.bytes.len();
    let most = SNAPSHOT_BYTES_MAX as u64;
    if most < parcel.total {
        return Err(RaftRefusal::SnapshotTooLarge {
            bytes: parcel.total,
            max: most,
        });
    }
    let reason = if count == 0 {
        "it is empty"
    } else if CHUNK_BYTES_MAX < count {
        "it is too large"
    } else if chunk
        .offset
        .checked_add(count as u64)
        .is_none_or(|end| parcel.total < end)
    {
        "it is beyond the end of its snapshot"
    } else {
        return Ok(());
    };
    Err(RaftRefusal::BadChunk { reason })
}
