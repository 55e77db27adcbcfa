//! The driver: what happens to Raft goes in here.
//!
//! What follows from it comes out in [`settle`](super::settle). Persistence is asynchronous: the
//! driver goes on while its writes are on their way, and holds back exactly the messages that
//! depend on them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use hms_protocol::ballot::Release;
use hms_protocol::id::{Index, NodeId, Term};
use hms_protocol::limits::CHUNK_BYTES_MAX;
use hms_protocol::time::Moment;
use raft::eraftpb::{Entry, Message};
use raft::{RawNode, StateRole};

use super::claims::Claims;
use super::delivery::Deliveries;
use super::election::Election;
use super::log::{Anchor, Kept, Log};
use super::members::{Members, raft_id};
use super::progress::Progress;
use super::reads::Reads;
use super::refusal::RaftRefusal;
use super::restore::{self, ReadAnchor, RestoreError};
use super::scrutiny::Scrutiny;
use super::vouch::{Seat, Vouching};
use super::{bridge, limits};
use crate::effect::Recovered;

/// How patient Raft is, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RaftSettings {
    /// A follower that hears no leader for a time drawn from this range (its end excluded) asks for
    /// votes; a leader that does not hear a quorum for the lower bound steps down. Too short and a
    /// busy node loses its office, too long and a lost leader is missed for that long. Equal votes
    /// are only broken by a range.
    pub election_ticks: (usize, usize),
    /// How often a leader makes itself heard. Must be well below the election timeout.
    pub heartbeat_ticks: usize,
    /// Bytes of one chunk of a checkpoint on its way to a peer; at most
    /// [`CHUNK_BYTES_MAX`](hms_protocol::limits::CHUNK_BYTES_MAX), which larger ones are cut to. Smaller ones cost a
    /// signature and a round trip each.
    pub chunk_bytes: usize,
}

impl Default for RaftSettings {
    fn default() -> Self {
        Self {
            election_ticks: (10, 20),
            heartbeat_ticks: 2,
            chunk_bytes: CHUNK_BYTES_MAX,
        }
    }
}

/// What a restored driver stands on.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The checkpoint to take the state from. Entries after it come out of `settle` as they prove
    /// committed.
    pub checkpoint: Option<(Index, Arc<[u8]>)>,
    /// The newest entry of the log.
    pub last: Index,
}

/// Raft on one node.
pub struct Driver {
    pub(super) node: RawNode<Log>,
    pub(super) me: NodeId,
    pub(super) members: Members,
    // The configuration from each index on; needed to say what a checkpoint's configuration was.
    // Invariant: never empty, the first is at or before the newest checkpoint.
    pub(super) history: BTreeMap<Index, Members>,
    pub(super) peers: BTreeMap<u64, Peer>,
    pub(super) pending: VecDeque<Pending>,
    pub(super) released: Vec<(NodeId, Vec<u8>)>,
    // A checkpoint that Raft has accepted and `settle` has not seen yet.
    pub(super) arrived: Option<Kept>,
    pub(super) deliveries: Deliveries,
    pub(super) reads: Reads,
    pub(super) writes: u64,
    // The term that is on stable storage.
    pub(super) durable_term: u64,
    // The commit index in the newest hard state that was written.
    pub(super) written_commit: u64,
    // When a commit index was last written for its own sake.
    pub(super) flushed: u64,
    pub(super) compact_to: Option<Index>,
    pub(super) ticks: u64,
    // This node's clock, once it was told.
    pub(super) now: Option<Moment>,
    pub(super) read_anchor: ReadAnchor,
    pub(super) settings: RaftSettings,
    // Term, role and leader when the election timeout was drawn, and how often it was drawn.
    pub(super) posture: (u64, StateRole, u64),
    pub(super) draws: u64,
    pub(super) timeout: usize,
    pub(super) vouch: Vouching,
    // Entries that Raft says are committed and no certificate covers yet.
    pub(super) held_back: VecDeque<Entry>,
    pub(super) election: Election,
    // Changes of members that a leader wants, and what this node thinks of them.
    pub(super) scrutiny: Scrutiny,
    // Entries from here on were cut from the log and are still on disk.
    pub(super) cut: Option<Index>,
    // Who has named a higher term, and shown nothing of it.
    pub(super) claims: Claims,
    // The word of the leader that has last called on this voter to stand for election.
    pub(super) release: Option<Release>,
    // Whether this term is to be left once Raft can be told so.
    pub(super) leaves: bool,
    // Term and certified index, and since when they are the same while entries wait.
    pub(super) standstill: ((u64, Index), u64),
    // What has come of it all since `settle` gave it out.
    pub(super) progress: Progress,
}

/// A peer as it was last heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) node: NodeId,
    pub(super) heard: u64,
    // How far it says that its log is certified.
    pub(super) certified: Index,
}

/// A write on its way to stable storage, and what waits for it.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) number: u64,
    // The newest of Raft's own numbers that is durable with this write.
    pub(super) covers: u64,
    pub(super) term: u64,
    // Whether it holds entries or a checkpoint, and not only a term or vote.
    pub(super) extends: bool,
    pub(super) install: Option<Index>,
    pub(super) messages: Vec<Message>,
}

impl Driver {
    /// Starts Raft from what the store held, after checking it.
    pub fn restore(
        seat: Seat,
        settings: RaftSettings,
        mut recovered: Recovered,
        read_anchor: ReadAnchor,
    ) -> Result<(Self, Restored), RestoreError> {
        let me = NodeId::from(seat.key.public());
        let (certificates, lock) = restore::read_certificates(&mut recovered)?;
        let log = restore::restore(recovered, read_anchor)?;
        let kept = log.checkpoint().cloned();
        let restored = Restored {
            checkpoint: kept
                .as_ref()
                .map(|kept| (kept.anchor.point.index, Arc::clone(&kept.bytes))),
            last: log.last().index,
        };
        let anchor = kept.as_ref().map(|kept| kept.anchor.clone());
        let (applied, members) = kept.map_or_else(Default::default, |kept| {
            (kept.anchor.point.index, kept.anchor.members)
        });
        let node = RawNode::new(&settings.config(me, applied), log, &bridge::logger()).map_err(
            |error| RestoreError::Refused {
                reason: error.to_string(),
            },
        )?;
        let mut vouch = Vouching::new(seat, Index(node.raft.raft_log.committed));
        if let Some(lock) = lock {
            vouch.resume(lock);
        }
        if let Some(anchor) = &anchor {
            vouch.inherit(anchor);
        }
        let mut driver = Self {
            durable_term: node.raft.term,
            written_commit: node.raft.raft_log.committed,
            // No driver stands like this: the first timeout is drawn, too.
            posture: (u64::MAX, StateRole::Leader, 0),
            node,
            me,
            history: BTreeMap::from([(applied, members.clone())]),
            members,
            peers: BTreeMap::new(),
            pending: VecDeque::new(),
            released: Vec::new(),
            arrived: None,
            deliveries: Deliveries::default(),
            reads: Reads::default(),
            writes: 0,
            flushed: 0,
            compact_to: None,
            ticks: 0,
            now: None,
            read_anchor,
            settings,
            draws: 0,
            timeout: settings.election_ticks.0,
            vouch,
            held_back: VecDeque::new(),
            election: Election::default(),
            claims: Claims::default(),
            release: None,
            scrutiny: Scrutiny::default(),
            cut: None,
            leaves: false,
            standstill: ((0, Index(0)), 0),
            progress: Progress::default(),
        };
        driver.recall(certificates);
        driver.enter_epoch();
        driver.draw_timeout();
        Ok((driver, restored))
    }

    /// Tells the time: no batch of a later one comes into the log, but for what clocks may differ.
    pub fn look_at(&mut self, now: Moment) {
        self.now = Some(now);
    }

    /// Lets one tick pass.
    pub fn tick(&mut self) {
        self.ticks += 1;
        if self.may_tick() {
            self.node.tick();
            self.lose_patience();
            self.doubt_office();
            self.draw_timeout();
        }
        self.reads.tick();
        self.tick_deliveries();
    }

    /// Proposes a batch; tells where it will stand if this leader stays in office.
    pub fn propose(&mut self, data: Vec<u8>) -> Result<(Term, Index), RaftRefusal> {
        self.check_leads()?;
        if limits::ENTRY_BYTES_MAX < data.len() {
            return Err(RaftRefusal::TooLarge {
                bytes: data.len(),
                max: limits::ENTRY_BYTES_MAX,
            });
        }
        if data.is_empty() {
            return Err(RaftRefusal::Malformed {
                reason: "a batch is never empty",
            });
        }
        if self.room() == 0 {
            return Err(RaftRefusal::Busy {
                what: "batches in flight",
                max: limits::PROPOSALS_IN_FLIGHT_MAX,
            });
        }
        let proposed = self.node.propose(Vec::new(), data);
        proposed.map_err(|_| RaftRefusal::Busy {
            what: "bytes in flight",
            max: limits::UNCOMMITTED_BYTES_MAX,
        })?;
        Ok((self.term(), self.last()))
    }

    /// How many more batches may be proposed now. With none, commands are better held back: they
    /// make a larger batch.
    pub fn room(&self) -> u64 {
        let uncommitted = self.last().0.saturating_sub(self.committed().0);
        if self.leads() && self.node.raft.lead_transferee.is_none() {
            limits::PROPOSALS_IN_FLIGHT_MAX.saturating_sub(uncommitted)
        } else {
            0
        }
    }

    /// Asks for the index that a linearizable read must wait for. It comes as `Progress::reads`, or
    /// the read is lost and comes as `Progress::reads_lost`.
    pub fn read(&mut self, context: u64) -> Result<(), RaftRefusal> {
        self.check_leads()?;
        if self.reads.is_full() {
            return Err(RaftRefusal::Busy {
                what: "reads",
                max: limits::READS_WAITING_MAX as u64,
            });
        }
        self.reads.push(context);
        Ok(())
    }

    /// Takes note that a write and every one before it are on stable storage.
    pub fn persisted(&mut self, number: u64) {
        let (mut covered, mut installed, mut messages) = (None, None, Vec::new());
        while let Some(pending) = self.pending.pop_front_if(|write| write.number <= number) {
            covered = Some(pending.covers);
            installed = pending.install.or(installed);
            self.durable_term = self.durable_term.max(pending.term);
            messages.extend(pending.messages);
        }
        if let Some(covered) = covered {
            self.node.on_persist_ready(covered);
        }
        if let Some(index) = installed {
            self.node.advance_apply_to(index.0);
        }
        for message in messages {
            self.release(message);
        }
        self.lock_written(number);
        self.review();
        self.gather();
    }

    /// Takes note that a checkpoint of this node's own state is on stable storage. The log is
    /// compacted up to a margin behind it; one that is older than the newest is ignored.
    pub fn checkpointed(&mut self, index: Index, bytes: Arc<[u8]>) {
        let log = self.node.store();
        let newest = log.checkpoint().map(|kept| kept.anchor.point.index);
        if newest.is_some_and(|newest| index <= newest) {
            return;
        }
        let members = self.history.range(..=index).next_back();
        let (Some(point), Some((_, members))) = (log.point(index), members) else {
            return;
        };
        let members = members.clone();
        self.history = self.history.split_off(&index);
        self.history.insert(index, members.clone());
        let handovers = self.vouch.handovers_up_to(members.epoch());
        let anchor = Anchor {
            mesh: self.vouch.group(),
            point,
            members,
            handovers,
            certificate: self.certificate_at(index),
        };
        let gone = self.node.mut_store().keep(Kept { anchor, bytes });
        if let Some(gone) = gone {
            self.vouch.compact(gone);
        }
        self.compact_to = gone.or(self.compact_to);
    }

    /// Takes note that a peer cannot be reached: what was on its way to it is sent again when it
    /// answers.
    pub fn unreachable(&mut self, peer: NodeId) {
        let id = raft_id(peer);
        self.node.report_unreachable(id);
        self.halt_delivery(id);
    }
}
