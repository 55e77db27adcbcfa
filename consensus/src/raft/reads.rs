//! Linearizable reads (Raft thesis section 6.4): all that wait share one round of heartbeats.
//!
//! Raft confirms a round when a majority has answered. Where liars are to be stood a quorum must: any two quorums share an honest
//! voter, so no other leader was elected before the round began.
//!
//! A read is answered or lost, never both and never neither. It does not apply anything: whoever
//! asked waits for the index.

use std::collections::{BTreeSet, VecDeque};

use hms_protocol::id::{Index, NodeId};
use raft::{RawNode, ReadState, StateRole};

use super::limits;
use super::log::Log;

/// Reads that are not answered yet.
#[derive(Debug, Default)]
pub(super) struct Reads {
    waiting: Vec<u64>,
    // Invariant: empty unless this node has led without a break since `term` began.
    rounds: VecDeque<Round>,
    term: u64,
    /// The newest round of heartbeats, and the newest that a majority has answered.
    number: u64,
    confirmed: u64,
    /// Whether a tick has passed since a round began.
    late: bool,
}

#[derive(Debug)]
struct Round {
    number: u64,
    reads: Vec<u64>,
    /// How far a read has to wait, once Raft says so.
    index: Option<Index>,
    /// Voters beside this one that have answered this round or a later one.
    agreed: BTreeSet<NodeId>,
}

impl Reads {
    /// Takes a read; it goes with the next round.
    pub(super) fn push(&mut self, read: u64) {
        self.waiting.push(read);
    }

    /// Time has passed: who has not answered is asked again.
    pub(super) fn tick(&mut self) {
        self.late = true;
    }

    /// Whether no more may be taken.
    pub(super) fn is_full(&self) -> bool {
        limits::READS_WAITING_MAX <= self.waiting.len()
    }

    /// Starts a round if this node may, and gives back the reads that are lost if it does not lead
    /// any more.
    pub(super) fn advance(&mut self, node: &mut RawNode<Log>) -> Vec<u64> {
        let leads = node.raft.state == StateRole::Leader;
        let mut lost = Vec::new();
        if !leads || node.raft.term != self.term {
            lost.extend(self.rounds.drain(..).flat_map(|round| round.reads));
            self.term = node.raft.term;
            self.confirmed = self.number;
        }
        if !leads {
            lost.append(&mut self.waiting);
            return lost;
        }
        // Before the first entry of its own term is committed, a leader does not know what is
        // (thesis section 6.4).
        let ready = node.raft.commit_to_current_term();
        if ready && !self.waiting.is_empty() && self.rounds.len() < limits::READ_ROUNDS_MAX {
            self.ask(node);
            self.rounds.push_back(Round {
                number: self.number,
                reads: std::mem::take(&mut self.waiting),
                index: None,
                agreed: BTreeSet::new(),
            });
        } else if ready && self.is_stuck() {
            self.ask(node);
        }
        lost
    }

    /// Whether a majority's answers were not enough and no more come: Raft asks nobody again then. An answer to a later
    /// question counts for all before, so asking anew is all that it takes.
    fn is_stuck(&self) -> bool {
        let lacks = self.rounds.front().is_some_and(|it| it.index.is_some());
        lacks && self.late && self.confirmed == self.number
    }

    fn ask(&mut self, node: &mut RawNode<Log>) {
        self.late = false;
        self.number += 1;
        node.read_index(self.context(self.number));
    }

    /// A voter has answered a round of this term, and with it all before.
    pub(super) fn note(&mut self, voter: NodeId, context: &[u8]) {
        for round in self.up_to(context) {
            round.agreed.insert(voter);
        }
    }

    /// A majority has answered a round, and with it all before.
    pub(super) fn confirm(&mut self, state: &ReadState) {
        self.confirmed = self.confirmed.max(self.number_of(&state.request_ctx));
        for round in self.up_to(&state.request_ctx) {
            round.index.get_or_insert(Index(state.index));
        }
    }

    /// The reads that are answered, now that this needs the answers of so many other voters.
    pub(super) fn release(&mut self, others: usize) -> Vec<(u64, Index)> {
        let mut answered = Vec::new();
        while let Some(round) = self.rounds.front()
            && let Some(index) = round.index
            && others <= round.agreed.len()
        {
            let round = self.rounds.pop_front();
            let reads = round.into_iter().flat_map(|round| round.reads);
            answered.extend(reads.map(|read| (read, index)));
        }
        answered
    }

    /// The rounds up to the one that a context is of.
    fn up_to(&mut self, context: &[u8]) -> impl Iterator<Item = &mut Round> {
        let number = self.number_of(context);
        let rounds = self.rounds.iter_mut();
        rounds.take_while(move |round| round.number <= number)
    }

    /// The number in a context of this term; 0 if it is none that was asked with.
    fn number_of(&self, context: &[u8]) -> u64 {
        let number = context.strip_prefix(&self.term.to_le_bytes());
        let number = number.and_then(|number| number.try_into().ok());
        let number = number.map_or(0, u64::from_le_bytes);
        if number <= self.number { number } else { 0 }
    }

    fn context(&self, number: u64) -> Vec<u8> {
        [self.term.to_le_bytes(), number.to_le_bytes()].concat()
    }
}
