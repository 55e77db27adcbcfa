//! Which messages of a peer may reach Raft.
//!
//! The raft crate trusts its peers: it panics on messages that a correct peer would not send, and
//! believes what a lying one says. Whatever passes here cannot make it panic, and does not
//! contradict what this node knows for certain. A message with an older term than ours passes
//! unjudged: Raft answers or drops it without acting on it.
//!
//! It does not find out a lie that is consistent with everything this node knows.

use hms_protocol::id::{Index, NodeId, Term};
use raft::eraftpb::{Entry, EntryType, Message, Snapshot};
use raft::{Raft, StateRole};

use super::bridge::Kind;
use super::limits;
use super::log::Log;
use super::members::{Members, raft_id, read_conf_change};
use super::refusal::RaftRefusal;

/// What a message is judged by.
pub(super) struct Sentry<'a> {
    pub(super) raft: &'a Raft<Log>,
    pub(super) members: &'a Members,
    /// The node that sealed the message.
    pub(super) from: NodeId,
    /// Whether everything in the log is on stable storage.
    pub(super) settled: bool,
    /// Whether a checkpoint is on its way to stable storage.
    pub(super) installing: bool,
}

type Verdict = Result<(), RaftRefusal>;

impl Sentry<'_> {
    /// Judges a message of this kind.
    pub(super) fn judge(&self, message: &Message, kind: Kind) -> Verdict {
        self.check_address(message)?;
        check_form(message, kind)?;
        self.check_sender(message, kind)?;
        self.check_counters(message)?;
        if message.term < self.raft.term {
            return Ok(());
        }
        match kind {
            Kind::Append => {
                self.check_leader(message)?;
                self.check_prefix(message)
            }
            Kind::Heartbeat => {
                self.check_leader(message)?;
                self.check_within_log(message.commit)
            }
            Kind::Snapshot => {
                self.check_leader(message)?;
                self.check_snapshot(message.get_snapshot())
            }
            Kind::AppendAnswer => self.check_acknowledgement(message),
            Kind::VoteAnswer => self.check_vote(message, StateRole::Candidate),
            Kind::PreVoteAnswer => self.check_vote(message, StateRole::PreCandidate),
            Kind::TimeoutNow => self.check_call_to_elect(message),
            Kind::Vote | Kind::PreVote | Kind::HeartbeatAnswer => Ok(()),
        }
    }

    fn check_address(&self, message: &Message) -> Verdict {
        let right = message.from == raft_id(self.from)
            && message.to == self.raft.id
            && message.from != self.raft.id;
        // Another node with the sender's raft id takes part: the sender is somebody else.
        let known = self.members.node(message.from);
        if right && known.is_none_or(|known| known == self.from) {
            Ok(())
        } else {
            Err(RaftRefusal::Misaddressed {
                from: message.from,
                to: message.to,
            })
        }
    }

    /// Answers count only from nodes that take part. A leader or candidate may be one that this
    /// node has not heard of yet, because its log is behind; then a candidate's log is ahead.
    fn check_sender(&self, message: &Message, kind: Kind) -> Verdict {
        if self.members.node(message.from).is_some() {
            return Ok(());
        }
        match kind {
            Kind::Append | Kind::Heartbeat | Kind::Snapshot => Ok(()),
            Kind::Vote | Kind::PreVote if self.members.is_empty() => Err(RaftRefusal::NotReady),
            Kind::Vote | Kind::PreVote if self.raft.raft_log.committed < message.index => Ok(()),
            Kind::Vote
            | Kind::PreVote
            | Kind::AppendAnswer
            | Kind::HeartbeatAnswer
            | Kind::VoteAnswer
            | Kind::PreVoteAnswer
            | Kind::TimeoutNow => Err(RaftRefusal::UnknownPeer { node: self.from }),
        }
    }

    fn check_counters(&self, message: &Message) -> Verdict {
        let ours = self.raft.term;
        // A node without a log knows nothing about terms.
        let ahead = message.term.saturating_sub(ours);
        if !self.members.is_empty() && limits::TERM_AHEAD_MAX < ahead {
            return absurd("term", message.term);
        }
        Ok(())
    }

    /// A term has one leader (Raft section 5.2).
    fn check_leader(&self, message: &Message) -> Verdict {
        let raft = self.raft;
        let rival = raft.leader_id != 0 && raft.leader_id != message.from;
        if message.term == raft.term && (rival || raft.state == StateRole::Leader) {
            return Err(RaftRefusal::TwoLeaders {
                claimant: self.from,
                term: Term(message.term),
            });
        }
        Ok(())
    }

    /// A leader has every committed entry (Raft section 5.4): it cannot contradict one of ours.
    fn check_prefix(&self, message: &Message) -> Verdict {
        self.check_committed(message.index, message.log_term)?;
        for entry in &message.entries {
            if self.raft.raft_log.committed < entry.index {
                break;
            }
            self.check_committed(entry.index, entry.term)?;
        }
        Ok(())
    }

    fn check_committed(&self, index: u64, theirs: u64) -> Verdict {
        let log = &self.raft.raft_log;
        let oldest = log.first_index() - 1;
        if index < oldest || log.committed < index {
            return Ok(());
        }
        let ours = log.term(index).unwrap_or_default();
        if ours == theirs {
            return Ok(());
        }
        Err(RaftRefusal::CommittedConflict {
            index: Index(index),
            ours: Term(ours),
            theirs: Term(theirs),
        })
    }

    fn check_within_log(&self, index: u64) -> Verdict {
        let last = self.raft.raft_log.last_index();
        if index <= last {
            return Ok(());
        }
        Err(RaftRefusal::BeyondLog {
            index: Index(index),
            last: Index(last),
        })
    }

    fn check_snapshot(&self, snapshot: &Snapshot) -> Verdict {
        let bad = |reason| Err(RaftRefusal::BadSnapshot { reason });
        let log = &self.raft.raft_log;
        let metadata = snapshot.get_metadata();
        self.check_committed(metadata.index, metadata.term)?;
        let oldest = log.term(log.committed).unwrap_or_default();
        if log.committed < metadata.index && metadata.term < oldest {
            return bad("its term is older than what is committed here");
        }
        let members = metadata.get_conf_state();
        let me = self.raft.id;
        if !members.voters.contains(&me) && !members.learners.contains(&me) {
            return bad("this node has no part in it");
        }
        Ok(())
    }

    fn check_acknowledgement(&self, message: &Message) -> Verdict {
        let counts = self.raft.state == StateRole::Leader && message.term == self.raft.term;
        if counts && !message.reject {
            self.check_within_log(message.index)
        } else {
            Ok(())
        }
    }

    /// Raft asks for votes only when its whole log is on stable storage, and takes that for granted
    /// when it has won. An answer to an earlier candidacy may come before that.
    fn check_vote(&self, message: &Message, asking: StateRole) -> Verdict {
        if message.reject || self.settled || self.raft.state != asking {
            Ok(())
        } else {
            Err(RaftRefusal::VoteUnasked)
        }
    }

    fn check_call_to_elect(&self, message: &Message) -> Verdict {
        if self.raft.leader_id != message.from || message.term != self.raft.term {
            return Err(RaftRefusal::NotTheLeader { node: self.from });
        }
        let alone = self.members.votes_alone(self.raft.id);
        if self.installing || (alone && !self.settled) {
            return Err(RaftRefusal::NotReady);
        }
        Ok(())
    }
}

/// What can be said of a message without knowing anything else.
fn check_form(message: &Message, kind: Kind) -> Verdict {
    let malformed = |reason| Err(RaftRefusal::Malformed { reason });
    match kind {
        Kind::Append => check_entries(message)?,
        Kind::Snapshot => check_snapshot_form(message)?,
        Kind::AppendAnswer
        | Kind::Heartbeat
        | Kind::HeartbeatAnswer
        | Kind::Vote
        | Kind::VoteAnswer
        | Kind::PreVote
        | Kind::PreVoteAnswer
        | Kind::TimeoutNow => {}
    }
    if kind != Kind::Append && !message.entries.is_empty() {
        return malformed("only an append carries entries");
    }
    if kind != Kind::Snapshot && message.snapshot.is_some() {
        return malformed("only a snapshot message carries a snapshot");
    }
    if limits::CONTEXT_BYTES_MAX < message.context.len() {
        return malformed("its context is too long");
    }
    if message.priority != 0 || message.deprecated_priority != 0 || message.request_snapshot != 0 {
        return malformed("it uses what this mesh does not");
    }
    if message.term == 0 {
        return absurd("term", 0);
    }
    for (field, value) in [
        ("term", message.term),
        ("log term", message.log_term),
        ("index", message.index),
        ("commit", message.commit),
        ("commit term", message.commit_term),
        ("hint", message.reject_hint),
    ] {
        if limits::COUNTER_MAX < value {
            return absurd(field, value);
        }
    }
    Ok(())
}

fn check_entries(message: &Message) -> Verdict {
    if limits::ENTRIES_PER_MESSAGE_MAX < message.entries.len() {
        return absurd("number of entries", message.entries.len() as u64);
    }
    if limits::COUNTER_MAX < message.index {
        return absurd("index", message.index);
    }
    // Term zero is "no entry" to Raft, which believes it to match wherever it has none.
    if (message.index == 0) != (message.log_term == 0) {
        return absurd("log term", message.log_term);
    }
    let (mut index, mut term) = (message.index, message.log_term.max(1));
    for entry in &message.entries {
        index += 1;
        let broken = |reason| {
            Err(RaftRefusal::BrokenEntries {
                index: Index(index),
                reason,
            })
        };
        if entry.index != index {
            return broken("the index is another one");
        }
        if entry.term < term || message.term < entry.term {
            return broken("the term is out of order");
        }
        if let Some(reason) = objection(entry) {
            return broken(reason);
        }
        term = entry.term;
    }
    Ok(())
}

fn objection(entry: &Entry) -> Option<&'static str> {
    if !entry.context.is_empty() || entry.sync_log {
        return Some("it uses what this mesh does not");
    }
    if limits::ENTRY_BYTES_MAX < entry.data.len() {
        return Some("it is too large");
    }
    match entry.get_entry_type() {
        EntryType::EntryNormal => None,
        EntryType::EntryConfChange if read_conf_change(&entry.data).is_some() => None,
        EntryType::EntryConfChange => Some("its change of members cannot be read"),
        EntryType::EntryConfChangeV2 => Some("it changes several members at once"),
    }
}

fn check_snapshot_form(message: &Message) -> Verdict {
    let bad = |reason| Err(RaftRefusal::BadSnapshot { reason });
    let snapshot = message.get_snapshot();
    let metadata = snapshot.get_metadata();
    let members = metadata.get_conf_state();
    if !snapshot.data.is_empty() {
        return bad("its bytes travel in chunks only");
    }
    if metadata.index == 0 || metadata.term == 0 || message.term < metadata.term {
        return bad("its index or term cannot be");
    }
    if limits::COUNTER_MAX < metadata.index {
        return absurd("index", metadata.index);
    }
    if !members.voters_outgoing.is_empty()
        || !members.learners_next.is_empty()
        || members.auto_leave
    {
        return bad("it changes several members at once");
    }
    let count = members.voters.len() + members.learners.len();
    if members.voters.is_empty() || limits::CONFIGURATION_MAX < count {
        return bad("its number of members cannot be");
    }
    Ok(())
}

fn absurd(field: &'static str, value: u64) -> Verdict {
    Err(RaftRefusal::Absurd { field, value })
}
