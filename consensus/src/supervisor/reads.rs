//! Questions that wait until it is certain that the answer is not out of date.
//!
//! Raft's `ReadIndex` (Raft dissertation, section 6.4): a quorum confirms the leader, then the state is read once it has
//! reached what was committed when the question came. Questions of one burst share one round. The leader's word to the
//! nodes goes the same way, because leases hang on it.

use std::collections::BTreeMap;

use hms_protocol::id::Index;
use hms_protocol::refusal::Refusal;

use crate::input::{Question, Ticket};
use crate::limits::READS_WAITING_MAX;
use crate::raft::Driver;

/// Questions on their way.
#[derive(Debug, Default)]
pub struct Reads {
    next_round: u64,
    /// Not yet put to the quorum.
    new: Vec<(Ticket, Question)>,
    /// Whether the leader wants its leadership confirmed for a round of `Lead` messages.
    word_wanted: bool,
    /// Put to the quorum, by round.
    asked: BTreeMap<u64, Round>,
    /// Confirmed, waiting for the state to reach an index.
    confirmed: Vec<(Index, Round)>,
}

/// What one round of confirmation is for.
#[derive(Debug, Default)]
pub struct Round {
    /// Questions to be answered.
    pub questions: Vec<(Ticket, Question)>,
    /// Whether the leader's word was asked for.
    pub word: bool,
}

impl Reads {
    /// Takes a question.
    pub fn ask(&mut self, ticket: Ticket, question: Question) -> Result<(), Refusal> {
        let waiting = |rounds: usize, round: &Round| rounds + round.questions.len();
        let asked = self.asked.values().fold(self.new.len(), waiting);
        if asked >= READS_WAITING_MAX {
            return Err(Refusal::Busy {
                what: "the queue of reads",
                max: READS_WAITING_MAX as u64,
            });
        }
        self.new.push((ticket, question));
        Ok(())
    }

    /// Asks for a confirmation of the leadership.
    pub fn ask_word(&mut self) {
        self.word_wanted = true;
    }

    /// Puts what is new to the quorum.
    pub fn issue(&mut self, driver: &mut Driver) {
        if self.new.is_empty() && !self.word_wanted {
            return;
        }
        self.next_round += 1;
        let round = Round {
            questions: std::mem::take(&mut self.new),
            word: std::mem::take(&mut self.word_wanted),
        };
        // A full queue passes: what was asked is asked again with the next burst.
        if driver.read(self.next_round).is_ok() {
            self.asked.insert(self.next_round, round);
        } else {
            self.new = round.questions;
            self.word_wanted = round.word;
        }
    }

    /// A round will not be confirmed any more: returns who waited.
    pub fn lose(&mut self, round: u64) -> Vec<Ticket> {
        let lost = self.asked.remove(&round).unwrap_or_default();
        lost.questions
            .into_iter()
            .map(|(ticket, _)| ticket)
            .collect()
    }

    /// A quorum has confirmed a round: everything committed before it is at or below `index`.
    pub fn confirm(&mut self, round: u64, index: Index) {
        if let Some(round) = self.asked.remove(&round) {
            self.confirmed.push((index, round));
        }
    }

    /// Rounds whose index the state has reached.
    pub fn take_ready(&mut self, applied: Index) -> Vec<Round> {
        let (ready, waiting) = std::mem::take(&mut self.confirmed)
            .into_iter()
            .partition(|(index, _)| *index <= applied);
        self.confirmed = waiting;
        let ready: Vec<(Index, Round)> = ready;
        ready.into_iter().map(|(_, round)| round).collect()
    }

    /// Gives everything up and returns who waited. Numbers of rounds go on, so that a late confirmation finds nothing.
    pub fn abandon(&mut self) -> Vec<Ticket> {
        let next_round = self.next_round;
        let given_up = std::mem::take(self);
        self.next_round = next_round;
        let rounds = given_up.asked.into_values();
        let confirmed = given_up.confirmed.into_iter().map(|(_, round)| round);
        rounds
            .chain(confirmed)
            .flat_map(|round| round.questions)
            .chain(given_up.new)
            .map(|(ticket, _)| ticket)
            .collect()
    }
}
