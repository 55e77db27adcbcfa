//! How this node stands, and towards its peers and towards time: questions to the driver, and its
//! own book-keeping.
//!
//! Nothing here changes what is agreed on; it keeps Raft from moments in which it must not act, and
//! repeats what a lossy network may have swallowed.

use std::sync::Arc;

use hms_protocol::digest::{Domain, hash_fields};
use hms_protocol::id::{Index, NodeId, Term};
use hms_protocol::receipt::Handover;
use raft::eraftpb::Message;
use raft::{Config, ProgressState, ReadOnlyOption, StateRole};

use super::driver::{Driver, Peer, RaftSettings};
use super::limits;
use super::log::{Kept, metadata};
use super::members::{Members, raft_id};
use super::progress::{RaftRole, RaftStatus};
use super::refusal::RaftRefusal;

impl RaftSettings {
    pub(super) fn config(self, me: NodeId, applied: Index) -> Config {
        Config {
            id: raft_id(me),
            applied: applied.0,
            election_tick: self.election_ticks.0,
            min_election_tick: self.election_ticks.0,
            max_election_tick: self.election_ticks.1,
            heartbeat_tick: self.heartbeat_ticks,
            max_size_per_msg: limits::APPEND_BYTES_MAX,
            max_inflight_msgs: limits::APPENDS_IN_FLIGHT_MAX,
            max_uncommitted_size: limits::UNCOMMITTED_BYTES_MAX,
            max_committed_size_per_ready: limits::COMMITTED_BYTES_PER_SETTLE,
            check_quorum: true,
            pre_vote: true,
            batch_append: false,
            skip_bcast_commit: false,
            read_only_option: ReadOnlyOption::Safe,
            priority: 0,
        }
    }
}

impl Driver {
    /// Whether this node leads.
    pub fn leads(&self) -> bool {
        self.node.raft.state == StateRole::Leader
    }

    /// How many voters beside this one make a quorum; none, if this node does not know the voters.
    pub fn others_needed(&self) -> usize {
        let set = self.vouch.voters();
        set.map_or(0, |set| set.quorum() - usize::from(set.has(self.me)))
    }

    /// Who leads, as far as this node knows.
    pub fn leader(&self) -> Option<NodeId> {
        self.name(self.node.raft.leader_id)
    }

    /// The newest term that this node has heard of.
    pub fn term(&self) -> Term {
        Term(self.node.raft.term)
    }

    /// The newest entry that this node knows to be committed and certified.
    pub fn committed(&self) -> Index {
        Index(self.node.raft.raft_log.committed).min(self.vouch.certified())
    }

    /// The newest entry that this node has.
    pub fn last(&self) -> Index {
        Index(self.node.raft.raft_log.last_index())
    }

    /// The final certificates that are kept from an index on.
    #[cfg(test)]
    pub(super) fn certificates_from(
        &self,
        index: Index,
    ) -> Vec<hms_protocol::certificate::Certificate> {
        self.vouch.kept_from(index).cloned().collect()
    }

    /// A point of the log, while it is kept.
    #[cfg(test)]
    pub(super) fn point(&self, index: Index) -> Option<super::Point> {
        self.node.store().point(index)
    }

    /// Who takes part, after everything that `settle` has handed out. A checkpoint of the state
    /// that has applied it all carries this.
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// What ended the epochs before the present one, in order. A checkpoint of the state that has applied everything
    /// carries this.
    pub fn handovers(&self) -> Vec<Handover> {
        self.vouch.handovers_up_to(self.members.epoch())
    }

    /// Everything at once.
    pub fn status(&self) -> RaftStatus {
        RaftStatus {
            leader: self.leader(),
            term: self.term(),
            role: self.role(),
            committed: self.committed(),
            last: self.last(),
            voters: self.members.voters(),
            learners: self.members.learners(),
            reachable: self.reachable(),
        }
    }

    /// On the leader: whether a learner has nearly everything and answers, so that its vote would
    /// count at once.
    pub fn caught_up(&self, node: NodeId) -> bool {
        let id = raft_id(node);
        let progress = self.node.raft.prs().get(id);
        let nearly = progress.is_some_and(|progress| {
            progress.state != ProgressState::Snapshot
                && self.last().0 <= progress.matched + limits::CAUGHT_UP_ENTRIES
        });
        let brought_up = progress.is_some_and(|progress| 0 < progress.matched);
        self.leads() && brought_up && nearly && self.is_reachable(id)
    }

    /// Whether time may pass for Raft. While a checkpoint is being written, and for a lone voter
    /// while anything is, an election would begin from a log that is not there yet.
    pub(super) fn may_tick(&self) -> bool {
        let unsettled_alone = !self.is_settled() && self.members.votes_alone(self.node.raft.id);
        self.leads() || !(self.is_installing() || unsettled_alone)
    }

    /// Ends a term in which entries wait and nothing becomes final any more, where somebody may lie.
    pub(super) fn lose_patience(&mut self) {
        let certified = self.vouch.certified();
        let waits = certified < self.last() && self.node.raft.leader_id != raft::INVALID_ID;
        let posture = (self.node.raft.term, certified);
        if !waits || self.standstill.0 != posture {
            self.standstill = (posture, self.ticks);
            return;
        }
        let (_, longest) = self.settings.election_ticks;
        let patience = limits::STANDSTILL_TIMEOUTS * longest as u64;
        if self.may_leave_term() && patience <= self.ticks - self.standstill.1 {
            tracing::warn!(%certified, "nothing becomes final under this leader");
            self.leave_term();
        }
    }

    /// Whether this voter may end a term by itself: only where a voter may lie.
    fn may_leave_term(&self) -> bool {
        let may_lie = self.vouch.voters().is_some_and(|set| set.needs_locks());
        may_lie && self.members.votes(self.node.raft.id)
    }

    /// Gives up a leader that keeps from the ledger what it was asked for. Where nobody may lie it is kept: it does what it
    /// can. `false` when there is nobody to be given up.
    pub fn give_up_leader(&mut self) -> bool {
        let follows = self.node.raft.leader_id != raft::INVALID_ID && !self.leads();
        let gives_up = follows && self.may_leave_term();
        if gives_up {
            self.leave_term();
            self.draw_timeout();
        }
        gives_up
    }

    /// Whether the whole log is on stable storage.
    pub(super) fn is_settled(&self) -> bool {
        let log = &self.node.raft.raft_log;
        log.persisted == log.last_index() && self.pending.iter().all(|write| !write.extends)
    }

    /// Whether a checkpoint of the leader has arrived that is not on stable storage yet.
    pub(super) fn is_installing(&self) -> bool {
        self.arrived.is_some() || self.pending.iter().any(|write| write.install.is_some())
    }

    pub(super) fn check_leads(&self) -> Result<(), RaftRefusal> {
        if self.leads() {
            Ok(())
        } else {
            Err(RaftRefusal::NotLeader {
                leader: self.leader(),
            })
        }
    }

    /// Draws a new election timeout whenever term, role or leader have changed, and undoes the raft
    /// crate's own draw.
    pub(super) fn draw_timeout(&mut self) {
        let raft = &self.node.raft;
        let posture = (raft.term, raft.state, raft.leader_id);
        if posture != self.posture {
            self.posture = posture;
            self.draws += 1;
            let (low, high) = self.settings.election_ticks;
            let draw = hash_fields(
                Domain::Draw,
                &[self.me.as_bytes(), &self.draws.to_le_bytes()],
            );
            let spread = draw.as_bytes()[..4].iter();
            let spread = spread.fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
            self.timeout = low + spread % (high - low);
        }
        self.node.raft.set_randomized_election_timeout(self.timeout);
    }

    /// Takes the checkpoint, all of which is here, out of a message and checks it; `None` when there is none, or this node
    /// is beyond it already.
    pub(super) fn unpack(&self, message: &mut Message) -> Result<Option<Kept>, RaftRefusal> {
        let bad = |reason| RaftRefusal::BadSnapshot { reason };
        let Some(snapshot) = message.snapshot.as_mut() else {
            return Ok(None);
        };
        let bytes: Arc<[u8]> = Arc::from(std::mem::take(&mut snapshot.data));
        if snapshot.get_metadata().index <= self.node.raft.raft_log.committed {
            return Ok(None);
        }
        let anchor = (self.read_anchor)(&bytes).ok_or(bad("it cannot be read"))?;
        if snapshot.metadata.as_ref() != Some(&metadata(&anchor)) {
            return Err(bad("it is not what the message says"));
        }
        if !self.is_certified(&anchor) {
            return Err(bad("no quorum has certified where it ends"));
        }
        Ok(Some(Kept { anchor, bytes }))
    }

    /// Remembers who speaks under a raft id, and that it was heard.
    pub(super) fn note(&mut self, id: u64, node: NodeId) {
        let heard = self.ticks;
        let peer = self.peers.entry(id).or_insert(Peer {
            node,
            heard,
            certified: Index(0),
        });
        peer.heard = heard;
        if limits::PEERS_MAX < self.peers.len() {
            let silent = self.peers.iter().min_by_key(|(_, peer)| peer.heard);
            if let Some(id) = silent.map(|(id, _)| *id) {
                self.peers.remove(&id);
            }
        }
    }

    /// The node behind a raft id.
    pub(super) fn name(&self, id: u64) -> Option<NodeId> {
        if id == self.node.raft.id {
            return Some(self.me);
        }
        let heard = || self.peers.get(&id).map(|peer| peer.node);
        self.members.node(id).or_else(heard)
    }

    /// What this node is to Raft.
    pub fn role(&self) -> RaftRole {
        match self.node.raft.state {
            StateRole::Leader => RaftRole::Leader,
            StateRole::Candidate | StateRole::PreCandidate => RaftRole::Candidate,
            StateRole::Follower if self.members.votes(self.node.raft.id) => RaftRole::Follower,
            StateRole::Follower if self.members.learns(self.node.raft.id) => RaftRole::Learner,
            StateRole::Follower => RaftRole::Outsider,
        }
    }

    pub(super) fn reachable(&self) -> Vec<NodeId> {
        let ids = self.members.ids().filter(|id| self.is_reachable(*id));
        ids.filter_map(|id| self.members.node(id)).collect()
    }

    /// Whether a peer was heard within an election timeout.
    pub(super) fn is_reachable(&self, id: u64) -> bool {
        let patience = self.settings.election_ticks.0 as u64;
        let peer = self.peers.get(&id);
        id == self.node.raft.id || peer.is_some_and(|peer| self.ticks - peer.heard <= patience)
    }
}
