//! Elections: to whom this voter gives its vote, and whom the votes of a quorum have made the leader (clauses I and J of the
//! commit rule). Whom it obeys is for [`office`](super::office) to say.
//!
//! The raft crate counts unsigned answers of a majority. It gets none before enough signed votes are here for a mandate, so
//! whoever leads by its reckoning can show one. A mandate goes with every heartbeat, and with appends and checkpoints until
//! the follower has answered; a voter keeps it in memory only, because the next heartbeat brings it again.

use std::collections::{BTreeMap, BTreeSet};

use hms_protocol::ballot::{Ballot, Mandate, Vote};
use hms_protocol::certificate::{Certificate, Mark};
use hms_protocol::frame::Frame;
use hms_protocol::id::{Index, NodeId, Term};
use hms_protocol::receipt::{Handover, Succession};
use hms_protocol::trust::VoterSet;
use raft::StateRole;
use raft::eraftpb::Message;

use super::bridge::Kind;
use super::driver::Driver;
use super::members::raft_id;
use super::office::Office;
use super::refusal::RaftRefusal;

/// What this node knows of elections in the present term.
#[derive(Debug, Default)]
pub(super) struct Election {
    /// To whom Raft gives this voter's vote.
    choice: Option<Choice>,
    /// Votes for this node as a candidate, and the answers that they came with, until there are enough.
    grants: BTreeMap<NodeId, (Vote, Message)>,
    /// Who leads by the votes of a quorum.
    pub(super) office: Option<Office>,
    /// Peers that have answered this leader, and so have its mandate.
    pub(super) acquainted: BTreeSet<u64>,
    /// The leader whose mandate cannot be judged, what it has brought this node, and when that was last more.
    pub(super) doubt: Option<((NodeId, Index, usize), u64)>,
    /// Who has brought nothing like that, and until when it counts for nothing, in ticks.
    pub(super) distrusted: BTreeMap<NodeId, u64>,
}

/// To whom Raft gives this voter's vote in a term, and what it has shown.
#[derive(Debug)]
struct Choice {
    term: u64,
    candidate: NodeId,
    shown: Option<Mark>,
    /// Among whom the vote is given.
    set: VoterSet,
}

impl Election {
    /// A new term has begun.
    pub(super) fn enter_term(&mut self, term: u64) {
        self.grants.clear();
        self.acquainted.clear();
        if self.office.as_ref().is_some_and(|it| it.term < term) {
            self.office = None;
        }
    }

    /// Whether somebody leads this term by a mandate that was found good.
    pub(super) fn is_decided(&self, term: u64) -> bool {
        let office = self.office.as_ref();
        office.is_some_and(|it| it.term == term && it.judged)
    }

    pub(super) fn leader(&self, term: u64) -> Option<NodeId> {
        let office = self.office.as_ref().filter(|it| it.term == term);
        office.map(|it| it.leader)
    }
}

impl Driver {
    /// Whether a candidate may be voted for: it shows a certificate at or above this voter's lock (clause I). If not, it
    /// gets the lock, so that the next candidate has it.
    pub(super) fn check_candidate(
        &mut self,
        from: NodeId,
        message: &Message,
        certificates: &[Certificate],
    ) -> Result<Option<Mark>, RaftRefusal> {
        let shown = self.highest_shown(certificates);
        if message.term < self.node.raft.term {
            return Ok(shown);
        }
        let lock = self.vouch.lock_mark();
        let rank = |mark: Option<Mark>| mark.map(|mark| mark.rank());
        if let Some(lock) = lock
            && rank(shown) < Some(lock.rank())
        {
            self.answer_with_lock(from);
            return Err(RaftRefusal::BelowLock {
                node: from,
                lock: lock.index,
            });
        }
        Ok(shown)
    }

    /// The highest certificate that is good. A certificate that this node keeps itself needs no second look.
    fn highest_shown(&self, certificates: &[Certificate]) -> Option<Mark> {
        let mut shown: Vec<&Certificate> = certificates.iter().collect();
        shown.sort_by_key(|it| std::cmp::Reverse(it.statement.mark().rank()));
        let good = |it: &&&Certificate| {
            let set = || self.voters_of(it.statement.epoch);
            self.vouch.keeps(it) || set().is_some_and(|set| it.verify(&set).is_ok())
        };
        shown.iter().find(good).map(|it| it.statement.mark())
    }

    /// Remembers what the candidate has shown to whom Raft gives the vote.
    pub(super) fn note_choice(
        &mut self,
        candidate: NodeId,
        message: &Message,
        (shown, handovers): (Option<Mark>, &[Handover]),
    ) {
        let raft = &self.node.raft;
        let chosen = raft.vote == message.from && raft.term == message.term;
        let Some(known) = self.vouch.voters().filter(|_| chosen) else {
            return;
        };
        // A voter that has missed a change is shown that it is final, and votes among the voters after it (clause L).
        let mut succession = Succession::after(VoterSet::clone(&known));
        for handover in handovers {
            if let Err(refusal) = succession.take(handover) {
                tracing::debug!(%refusal, "a change of voters is not news, or not shown");
            }
        }
        self.election.choice = Some(Choice {
            term: message.term,
            candidate,
            shown,
            set: succession.voters().clone(),
        });
    }

    /// This voter's signed vote, when Raft's answer that grants it leaves. Nothing is signed that was not asked for in this
    /// life, of an earlier term, or below a lock that has risen since.
    pub(super) fn cast(&self, granted: &Message) -> Option<Vote> {
        let choice = self.election.choice.as_ref()?;
        let current = (granted.term, self.node.raft.term) == (choice.term, choice.term);
        let asked = current && granted.to == raft_id(choice.candidate);
        let set = asked.then_some(&choice.set)?;
        self.sign(set, (choice.term, choice.candidate), choice.shown)
    }

    fn sign(
        &self,
        set: &VoterSet,
        (term, candidate): (u64, NodeId),
        shown: Option<Mark>,
    ) -> Option<Vote> {
        let ballot = Ballot {
            group: set.group(),
            epoch: set.epoch(),
            term: Term(term),
            candidate,
            shown,
            lock: self.vouch.lock_mark(),
        };
        let may = set.has(self.me) && !ballot.is_below_its_lock();
        may.then(|| ballot.cast(self.vouch.key()))
    }

    /// Takes a vote for this node. Raft hears of it with the one that completes a quorum.
    pub(super) fn take_vote(
        &mut self,
        from: NodeId,
        message: Message,
        vote: Option<&Vote>,
    ) -> Result<(), RaftRefusal> {
        self.enter_term();
        let raft = &self.node.raft;
        if raft.state != StateRole::Candidate || message.term != raft.term {
            // It answers an earlier candidacy: Raft drops it.
            return self.take(from, message, Kind::VoteAnswer);
        }
        let uncounted = |reason| RaftRefusal::VoteUncounted { node: from, reason };
        let vote = *vote.ok_or(uncounted("it is not signed"))?;
        let Ballot {
            term, candidate, ..
        } = vote.ballot;
        if (vote.voter, term.0, candidate) != (from, message.term, self.me) {
            return Err(uncounted("it is another's, or for another"));
        }
        self.witness_vote(&vote);
        let set = self.vouch.voters().ok_or(RaftRefusal::NotReady)?;
        if vote.verify(&set).is_err() {
            return Err(uncounted("it does not hold"));
        }
        self.note(message.from, from);
        self.election.grants.insert(from, (vote, message));
        self.claim_office();
        Ok(())
    }

    /// Takes office when a quorum has voted for this node, itself included. Its own vote is durable: it asks for others only
    /// then, and a leader without others says nothing before.
    pub(super) fn claim_office(&mut self) {
        let term = self.node.raft.term;
        let stands = matches!(
            self.node.raft.state,
            StateRole::Candidate | StateRole::Leader
        );
        let durable = self.durable_term == term && self.is_settled_or_leads();
        if !stands || !durable {
            return;
        }
        if self.election.leader(term).is_none() {
            let Some(mandate) = self.seek_mandate() else {
                return;
            };
            self.election.office = Some(Office {
                term,
                leader: self.me,
                mandate,
                judged: true,
            });
        }
        for (_, message) in std::mem::take(&mut self.election.grants).into_values() {
            if self.node.step(message).is_err() {
                tracing::debug!("a vote of somebody who takes no part any more");
            }
        }
    }

    /// The votes of a quorum, if there are enough with this node's own.
    fn seek_mandate(&self) -> Option<Mandate> {
        let (term, set) = (self.node.raft.term, self.vouch.voters()?);
        let own = self.sign(&set, (term, self.me), self.vouch.highest())?;
        let given = self.election.grants.values().map(|(vote, _)| vote);
        Mandate::gather(&set, (Term(term), self.me), given.chain([&own]))
    }

    /// A candidate's log stays as it is; one that is not on disk makes no leader.
    fn is_settled_or_leads(&self) -> bool {
        self.leads() || self.is_settled()
    }

    /// Tells a peer what this voter is locked on.
    pub(super) fn answer_with_lock(&mut self, to: NodeId) {
        let Some(lock) = self.vouch.lock_certificate() else {
            return;
        };
        let words = Frame {
            certified: self.vouch.certified(),
            certificates: vec![lock],
            ..Frame::default()
        };
        let bytes = hms_protocol::codec::encode(&words);
        self.released.push((to, bytes));
    }
}
