//! Offices: whom this node obeys in a term, and what a leader shows for that (clause K of the commit rule).
//!
//! A mandate goes with every heartbeat, and with appends and checkpoints until the follower has answered; a voter keeps it in
//! memory only, because the next heartbeat brings it again.
//!
//! A mandate of voters that this node does not know yet can be neither believed nor refused. A node that has no leader lets
//! itself be brought up by it, as long as that brings it anything, and signs nothing in that term until it has come to know
//! them.

use hms_protocol::ballot::Mandate;
use hms_protocol::id::{Epoch, NodeId, Term};
use hms_protocol::trust::VoterSet;
use raft::eraftpb::{Message, MessageType};

use super::driver::Driver;
use super::limits;
use super::refusal::RaftRefusal;

/// The office of a leader, for one term.
#[derive(Debug)]
pub(super) struct Office {
    pub(super) term: u64,
    pub(super) leader: NodeId,
    pub(super) mandate: Mandate,
    /// Whether the mandate is known to be good. If not, it is of voters that are not known yet.
    pub(super) judged: bool,
}

impl Driver {
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
            None if self.is_ahead(&mandate) && self.may_follow_unjudged(from) => {}
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

    /// Whether a node whose mandate cannot be judged may bring this one up: it has no leader that could, and that node has not
    /// been followed for nothing.
    fn may_follow_unjudged(&self, from: NodeId) -> bool {
        let distrusted = self.election.distrusted.get(&from);
        let unled = self.node.raft.leader_id == raft::INVALID_ID;
        unled && distrusted.is_none_or(|until| *until <= self.ticks)
    }

    /// Gives up a leader whose mandate cannot be judged, when it brings nothing by which it could be.
    pub(super) fn doubt_office(&mut self) {
        let office = self.election.office.as_ref();
        let Some(unjudged) = office.filter(|it| !it.judged && it.term == self.node.raft.term)
        else {
            self.election.doubt = None;
            return;
        };
        let (leader, held) = (unjudged.leader, self.held_of_checkpoints());
        let brought = (leader, self.last(), held);
        let since = match self.election.doubt {
            Some((before, since)) if before == brought => since,
            Some(_) | None => self.ticks,
        };
        self.election.doubt = Some((brought, since));
        let longest = self.settings.election_ticks.1 as u64;
        if self.ticks - since < limits::STANDSTILL_TIMEOUTS * longest {
            return;
        }
        tracing::warn!(%leader, "whoever says to be the leader shows nothing of it, and is not followed");
        let until = self.ticks + limits::DISTRUST_TIMEOUTS * longest;
        self.election
            .distrusted
            .retain(|_, until| self.ticks < *until);
        self.election.distrusted.insert(leader, until);
        self.election.office = None;
        self.resign();
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
}
