//! Linearizable reads (Raft thesis section 6.4): all that wait share one round of heartbeats.
//!
//! A read is answered or lost, never both and never neither. It does not apply anything: whoever
//! asked waits for the index.

use std::collections::VecDeque;

use hms_protocol::id::Index;
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
    number: u64,
}

#[derive(Debug)]
struct Round {
    number: u64,
    reads: Vec<u64>,
}

impl Reads {
    /// Takes a read; it goes with the next round.
    pub(super) fn push(&mut self, read: u64) {
        self.waiting.push(read);
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
        }
        if !leads {
            lost.append(&mut self.waiting);
            return lost;
        }
        // Before the first entry of its own term is committed, a leader does not know what is
        // (thesis section 6.4).
        let ready = node.raft.commit_to_current_term();
        if ready && !self.waiting.is_empty() && self.rounds.len() < limits::READ_ROUNDS_MAX {
            self.number += 1;
            self.rounds.push_back(Round {
                number: self.number,
                reads: std::mem::take(&mut self.waiting),
            });
            node.read_index(self.context(self.number));
        }
        lost
    }

    /// The reads that a finished round answers.
    pub(super) fn answer(&mut self, state: &ReadState) -> Vec<(u64, Index)> {
        let mut answered = Vec::new();
        let known = |round: &&Round| self.context(round.number) == state.request_ctx;
        let Some(number) = self.rounds.iter().find(known).map(|round| round.number) else {
            return answered;
        };
        while let Some(round) = self.rounds.pop_front_if(|round| round.number <= number) {
            answered.extend(
                round
                    .reads
                    .into_iter()
                    .map(|read| (read, Index(state.index))),
            );
        }
        answered
    }

    fn context(&self, number: u64) -> Vec<u8> {
        [self.term.to_le_bytes(), number.to_le_bytes()].concat()
    }
}
