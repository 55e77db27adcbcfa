//! How a checkpoint gets to a peer whose log is too far behind, and how this node gets one: transfers in Raft's life.
//!
//! Raft says who needs a checkpoint. Its bytes go in chunks beside the message that Raft would send, in as many frames as it
//! takes; each frame is judged like any message of a leader. When the last one is in, Raft hears of the snapshot for the
//! first time, with everything that it takes to verify it. A transfer ends when the leader does not lead any more, when
//! its log does not continue the checkpoint any more, or when the peer makes no progress; then Raft asks for another one.
//!
//! What is sent when, and what is kept, is for [`transfer`](super::transfer) to say.

use std::collections::BTreeMap;
use std::sync::Arc;

use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::frame::{Arrival, Chunk, Frame};
use hms_protocol::id::{Index, NodeId, Term};
use hms_protocol::limits::{CHUNK_BYTES_MAX, SNAPSHOT_BYTES_MAX};
use raft::eraftpb::{Message, Snapshot};
use raft::{ProgressState, SnapshotStatus};

use super::bridge::Kind;
use super::driver::Driver;
use super::limits;
use super::log::metadata;
use super::members::raft_id;
use super::refusal::RaftRefusal;
use super::transfer::{self, Parcel, Receiver, Sender, Span, Taken};

/// Checkpoints on their way, from this node and to it.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    // By raft id. Invariant: only members, of whom there are few.
    outgoing: BTreeMap<u64, Outgoing>,
    incoming: Receiver,
}

/// A checkpoint on its way to a peer.
#[derive(Debug)]
struct Outgoing {
    /// What Raft says to the peer, without the bytes.
    message: Message,
    bytes: Arc<[u8]>,
    digest: Hash,
    sender: Sender,
    /// How often Raft has asked for one since the peer was last with us.
    times: u64,
}

impl Outgoing {
    fn index(&self) -> u64 {
        self.message.get_snapshot().get_metadata().index
    }

    /// Ticks without progress after which it is given up.
    fn patience(&self) -> u64 {
        limits::SNAPSHOT_PATIENCE_TICKS * self.times.min(limits::SNAPSHOT_PATIENCE_MAX)
    }
}

/// What is to become of a transfer.
enum Fate {
    GoesOn,
    /// The peer does not need it any more.
    Over,
    /// It has no end; Raft is to ask for another one.
    GivenUp(&'static str),
}

impl Driver {
    /// Begins to bring a peer up, as Raft wants it; goes on where it was if it is the same checkpoint as before.
    pub(super) fn deliver(&mut self, mut message: Message) {
        let current = self.leads() && message.term == self.node.raft.term;
        // By now there may be a newer one: all the better.
        let Some(kept) = self.node.store().checkpoint().filter(|_| current) else {
            return;
        };
        let bytes = Arc::clone(&kept.bytes);
        message.snapshot = Some(Snapshot {
            data: Vec::new(),
            metadata: Some(metadata(&kept.anchor)),
        });
        let (to, term) = (message.to, message.term);
        let before = self.deliveries.outgoing.remove(&to);
        let times = before.as_ref().map_or(0, |it| it.times) + 1;
        let same = |it: &Outgoing| it.message.term == term && Arc::ptr_eq(&it.bytes, &bytes);
        let mut outgoing = before.filter(same).unwrap_or_else(|| Outgoing {
            message,
            digest: self.digest_of(&bytes),
            sender: Sender::new(bytes.len() as u64, self.chunk_bytes()),
            bytes,
            times,
        });
        outgoing.times = times;
        let bytes = outgoing.bytes.len();
        let span = (bytes <= SNAPSHOT_BYTES_MAX).then(|| outgoing.sender.begin());
        if span.is_none() {
            tracing::error!(
                bytes,
                "the checkpoint is too large: nobody can be brought up"
            );
            outgoing.sender.halt();
        }
        self.deliveries.outgoing.insert(to, outgoing);
        self.send_chunks(to, span);
    }

    /// Takes note of how far a checkpoint has come.
    pub(super) fn take_arrival(&mut self, from: NodeId, arrival: &Arrival) {
        let id = raft_id(from);
        let asked = self.leads() && arrival.term.0 == self.node.raft.term;
        let outgoing = self.deliveries.outgoing.get_mut(&id);
        let Some(outgoing) = outgoing.filter(|it| asked && it.digest == arrival.digest) else {
            return;
        };
        if let Some(code) = &arrival.refused {
            tracing::warn!(%from, code, "a peer refuses the checkpoint");
            outgoing.sender.halt();
            return;
        }
        let spans = outgoing.sender.hear(arrival.arrived);
        self.send_chunks(id, spans);
    }

    /// Lets time pass for whatever is on its way.
    pub(super) fn tick_deliveries(&mut self) {
        let (term, leader) = (self.term(), self.leader());
        if let Some(parcel) = self.deliveries.incoming.tick(term, leader) {
            tracing::debug!(from = %parcel.leader, index = %parcel.index, "a checkpoint is not waited for any more");
        }
        let ids: Vec<u64> = self.deliveries.outgoing.keys().copied().collect();
        for id in ids {
            self.tick_delivery(id);
        }
    }

    /// Takes note that a peer cannot be reached: the transfer goes on when Raft asks for it again.
    pub(super) fn halt_delivery(&mut self, id: u64) {
        if let Some(outgoing) = self.deliveries.outgoing.get_mut(&id) {
            outgoing.times = 0;
            outgoing.sender.halt();
        }
        self.node.report_snapshot(id, SnapshotStatus::Failure);
    }

    /// Takes a chunk that a leader may send. Raft hears of the snapshot when all of it is here.
    pub(super) fn take_chunk(
        &mut self,
        from: NodeId,
        mut message: Message,
        chunk: Option<Chunk>,
    ) -> Result<(), RaftRefusal> {
        let (term, index) = (message.term, message.get_snapshot().get_metadata().index);
        if term < self.node.raft.term {
            return Ok(());
        }
        if index <= self.node.raft.raft_log.committed {
            // Raft says how far it is.
            return self.take(from, message, Kind::Snapshot);
        }
        let chunk = chunk.ok_or(RaftRefusal::BadSnapshot {
            reason: "it does not come in chunks",
        })?;
        let parcel = Parcel {
            leader: from,
            term: Term(term),
            index: Index(index),
            digest: chunk.digest,
            total: chunk.total,
        };
        if self.deliveries.incoming.is_completed_by(&parcel, &chunk) {
            // What is still being written could be in the way, and all would have come for nothing.
            self.absorb();
            if !self.is_settled() {
                let index = self.last();
                return Err(RaftRefusal::Unsettled { index });
            }
        }
        let taken = match self.deliveries.incoming.take(parcel, &chunk) {
            Ok(Taken::Part(arrived)) => {
                self.note(message.from, from);
                self.answer_chunk(&parcel, arrived, None);
                return Ok(());
            }
            Ok(Taken::Whole(bytes)) => {
                message.mut_snapshot().data = bytes;
                self.take(from, message, Kind::Snapshot)
            }
            // It belongs to another transfer than the one that is under way, which goes on.
            Err(refusal @ RaftRefusal::BadChunk { .. }) => return Err(refusal),
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = &taken {
            tracing::warn!(%from, index, %refusal, "a checkpoint is refused");
        }
        let code = taken.as_ref().err().map(RaftRefusal::code);
        self.answer_chunk(&parcel, if code.is_none() { parcel.total } else { 0 }, code);
        taken
    }

    fn answer_chunk(&mut self, parcel: &Parcel, arrived: u64, refused: Option<&'static str>) {
        let words = Frame {
            certified: self.vouch.certified(),
            arrival: Some(Arrival {
                term: parcel.term,
                digest: parcel.digest,
                arrived,
                refused: refused.map(str::to_owned),
            }),
            ..Frame::default()
        };
        self.released.push((parcel.leader, codec::encode(&words)));
    }

    fn send_chunks(&mut self, to: u64, spans: impl IntoIterator<Item = Span>) {
        let node = self.name(to);
        let outgoing = self.deliveries.outgoing.get(&to);
        let (Some(node), Some(outgoing)) = (node, outgoing) else {
            return;
        };
        let (message, digest) = (outgoing.message.clone(), outgoing.digest);
        let bytes = Arc::clone(&outgoing.bytes);
        for span in spans {
            let place = |at: u64| usize::try_from(at).expect("the checkpoint is in memory");
            let chunk = Chunk {
                digest,
                total: bytes.len() as u64,
                offset: span.start,
                bytes: bytes[place(span.start)..place(span.end)].to_vec(),
            };
            if let Some(words) = self.words(&message) {
                let frame = Frame {
                    chunk: Some(chunk),
                    ..words
                };
                self.released.push((node, codec::encode(&frame)));
            }
        }
    }

    fn tick_delivery(&mut self, id: u64) {
        let fate = self.fate(id);
        let Some(outgoing) = self.deliveries.outgoing.get_mut(&id) else {
            return;
        };
        match fate {
            Fate::GoesOn => {
                let span = outgoing.sender.tick();
                self.send_chunks(id, span);
            }
            Fate::Over => {
                self.deliveries.outgoing.remove(&id);
            }
            Fate::GivenUp(reason) => {
                tracing::debug!(
                    to = id,
                    index = outgoing.index(),
                    reason,
                    "a transfer is given up"
                );
                outgoing.sender.halt();
                self.node.report_snapshot(id, SnapshotStatus::Failure);
            }
        }
    }

    fn fate(&self, id: u64) -> Fate {
        let progress = self.node.raft.prs().get(id);
        let outgoing = self.deliveries.outgoing.get(&id);
        let (Some(progress), Some(outgoing)) = (progress, outgoing) else {
            return Fate::Over;
        };
        if !self.leads() || outgoing.message.term != self.node.raft.term {
            return Fate::Over;
        }
        match progress.state {
            // It was given up, and Raft has not asked for another one yet.
            ProgressState::Probe | ProgressState::Replicate if progress.paused => Fate::GoesOn,
            ProgressState::Probe | ProgressState::Replicate => Fate::Over,
            ProgressState::Snapshot => {
                let log = &self.node.raft.raft_log;
                if outgoing.index() + 1 < log.first_index() {
                    Fate::GivenUp("the log does not continue it any more")
                } else if outgoing.patience() <= outgoing.sender.stuck() {
                    Fate::GivenUp("the peer makes no progress")
                } else {
                    Fate::GoesOn
                }
            }
        }
    }

    /// The digest of a checkpoint, which may be on its way to somebody else already.
    fn digest_of(&self, bytes: &Arc<[u8]>) -> Hash {
        let mut others = self.deliveries.outgoing.values();
        let known = others.find(|other| Arc::ptr_eq(&other.bytes, bytes));
        known.map_or_else(|| transfer::digest(bytes), |other| other.digest)
    }

    /// Bytes that are held of checkpoints that have not come whole.
    pub(super) fn held_of_checkpoints(&self) -> usize {
        self.deliveries.incoming.held()
    }

    fn chunk_bytes(&self) -> usize {
        self.settings.chunk_bytes.min(CHUNK_BYTES_MAX)
    }
}
