//! Elections: to whom this voter gives its vote, whom the votes of a quorum have made the leader, and whom it obeys
//! (clauses I, J and K of the commit rule).
//!
//! The raft crate counts unsigned answers of a majority. It gets none before enough signed votes are here for a mandate, so
//! whoever leads by its reckoning can show one. A mandate goes with every heartbeat, and with appends and checkpoints until
//! the follower has answered; a voter keeps it in memory only, because the next heartbeat brings it again.
//!
//! A mandate of voters that this node does not know yet can be neither believed nor refused: the node lets itself be brought
//! up, and signs nothing in that term until it has come to know them.

use std::collections::{BTreeMap, BTreeSet};

use hms_protocol::ballot::{Ballot, Mandate, Vote};
use hms_protocol::certificate::{Certificate, Mark};
use hms_protocol::frame::Frame;
use hms_protocol::id::{Epoch, NodeId, Term};
use hms_protocol::receipt::{Handover, Succession};
use hms_protocol::trust::VoterSet;
use raft::StateRole;
use raft::eraftpb::{Message, MessageType};

use super::bridge::Kind;
use super::driver::Driver;
use super::members::raft_id;
use super::refusal::RaftRefusal;

/// What this node knows of elections in the present term.
#[derive(Debug, Default)]
pub(super) struct Election {
    /// To whom Raft gives this voter's vote.
    choice: Option<Choice>,
    /// Votes for this node as a candidate, and the answers that they came with, until there are enough.
    grants: BTreeMap<NodeId, (Vote, Message)>,
    /// Who leads by the votes of a quorum.
    office: Option<Office>,
    /// Peers that have answered this leader, and so have its mandate.
    acquainted: BTreeSet<u64>,
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

/// The office of a leader, for one term.
#[derive(Debug)]
struct Office {
    term: u64,
    leader: NodeId,
    mandate: Mandate,
    /// Whether the mandate is known to be good. If not, it is of voters that are not known yet.
    judged: bool,
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

    fn leader(&self, term: u64) -> Option<NodeId> {
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

    /// Whether a node may speak as the leader of a message's term (clause K).
    pub(super) fn check_mandate(
        &mut self,
        from: NodeId,
        message: &Message,
        mandate: Option<Mandate>,
    ) -> Result<(), RaftRefusal> {
        let term = message.term;
        if term < self.node.raft.term {
            return Ok(());
        }
        if let Some(mandate) = &mandate {
            self.witness_mandate(mandate);
        }
        let refusal = |reason| RaftRefusal::NoMandate {
            node: from,
            term: Term(term),
            reason,
        };
        match self.election.leader(term) {
            Some(leader) if leader == from => return Ok(()),
            Some(_) => return Err(refusal("another node has one")),
            None => {}
        }
        let Some(mandate) = mandate else {
            // A node that was never brought up believes a checkpoint by its certificate.
            let blank = self.members.is_empty();
            return blank.then_some(()).ok_or(refusal("there is none"));
        };
        let judged = self.judge_mandate(&mandate);
        match judged {
            Some(Ok(given)) if given == (Term(term), from) => {}
            Some(Ok(_)) => return Err(refusal("it is another's, or of another term")),
            Some(Err(())) => return Err(refusal("it is no quorum's")),
            None if self.is_ahead(&mandate) => {}
            None => return Err(refusal("it is of voters that nobody knows any more")),
        }
        self.election.office = Some(Office {
            term,
            leader: from,
            mandate,
            judged: judged.is_some(),
        });
        Ok(())
    }

    /// Whether a mandate holds, and what it gives to whom; `None` when the voters that gave it are not known here.
    fn judge_mandate(&self, mandate: &Mandate) -> Option<Result<(Term, NodeId), ()>> {
        let Some(first) = mandate.votes.first() else {
            return Some(Err(()));
        };
        let set = self.voters_of(first.ballot.epoch)?;
        Some(mandate.verify(&set).map_err(drop))
    }

    /// Whether a mandate is of voters that this node has yet to hear of.
    fn is_ahead(&self, mandate: &Mandate) -> bool {
        let epoch = mandate.votes.first().map(|vote| vote.ballot.epoch);
        epoch.is_some_and(|epoch| self.vouch.voters().is_none_or(|set| set.epoch() < epoch))
    }

    /// The voters have changed: a mandate of theirs can be judged now.
    pub(super) fn review_office(&mut self) {
        let Some(office) = self.election.office.take_if(|office| !office.judged) else {
            return;
        };
        let given = (Term(office.term), office.leader);
        let judged = self.judge_mandate(&office.mandate);
        match judged {
            None => self.election.office = Some(office),
            Some(Ok(found)) if found == given => {
                self.election.office = Some(Office {
                    judged: true,
                    ..office
                });
            }
            Some(_) => {
                tracing::warn!(leader = %office.leader, "a leader's mandate is no quorum's");
                self.resign();
            }
        }
    }

    /// Follows nobody any more, in the same term.
    fn resign(&mut self) {
        let term = self.node.raft.term;
        if self.node.raft.leader_id != raft::INVALID_ID && !self.leads() {
            self.node.raft.become_follower(term, raft::INVALID_ID);
        }
    }

    /// The voters of an epoch, if it is this one or one before it.
    pub(super) fn voters_of(&self, epoch: Epoch) -> Option<VoterSet> {
        let current = self.vouch.voters()?;
        let mut set = VoterSet::clone(&current);
        while epoch < set.epoch() {
            set = self.vouch.handover(set.epoch())?.precede(&set)?;
        }
        (set.epoch() == epoch).then_some(set)
    }

    /// The mandate that goes with a message of this leader.
    pub(super) fn mandate_for(&mut self, message: &Message) -> Option<Mandate> {
        let kind = MessageType::from_i32(message.msg_type)?;
        let beats = kind == MessageType::MsgHeartbeat;
        let leads = beats || matches!(kind, MessageType::MsgAppend | MessageType::MsgSnapshot);
        // A round of reads asks everybody again and again: those who have answered know who leads.
        let known = self.election.acquainted.contains(&message.to);
        if !leads || (known && !(beats && message.context.is_empty())) {
            return None;
        }
        self.claim_office();
        let office = self.election.office.as_ref()?;
        let mine = office.term == message.term && office.leader == self.me;
        mine.then(|| office.mandate.clone())
    }

    /// A peer has answered this leader: it has the mandate.
    pub(super) fn note_answer(&mut self, message: &Message) {
        if self.leads() && message.term == self.node.raft.term {
            self.election.acquainted.insert(message.from);
        }
    }

    /// Takes note that a voter still follows this node, as of a round of reads.
    pub(super) fn note_round(&mut self, from: NodeId, message: &Message) {
        let votes = self.vouch.voters().is_some_and(|set| set.has(from));
        if votes && self.leads() && message.term == self.node.raft.term {
            self.reads.note(from, &message.context);
        }
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
