//! Vetting: what voters have signed of their log is verified before it gets to a voter's one thread of thought.
//!
//! To verify a signature takes longer than all else that a word costs. One signature of a voter covers an entry of any number
//! of commands, and a [`Vetter`] verifies it once, by however many ways it comes. Whoever gets a [`Vetted`] frame need not
//! verify what is [`Verified`]; what is not was not looked at, and may be good. Signatures are verified one by one: verifying
//! many at once accepts some that [strict verification](crate::keyring) refuses, and voters must not disagree.

use std::collections::{BTreeSet, VecDeque};

use crate::certificate::Statement;
use crate::frame::Frame;
use crate::id::{Index, NodeId};
use crate::keyring::Signature;
use crate::limits::WORDS_REMEMBERED_MAX;

type Word = (Statement, NodeId, Signature);

/// Words whose signatures were verified. Only verification adds one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified(Vec<Word>);

impl Verified {
    /// Whether a signature is known to be that node's over the statement.
    pub fn has(&self, statement: &Statement, node: NodeId, signature: &Signature) -> bool {
        self.0.contains(&(*statement, node, *signature))
    }
}

/// A frame, and what is known to be good of its attestations and certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vetted {
    /// The frame.
    pub frame: Frame,
    /// What is known.
    pub good: Verified,
}

impl From<Frame> for Vetted {
    /// As it came.
    fn from(frame: Frame) -> Self {
        let good = Verified::default();
        Self { frame, good }
    }
}

/// Which words a node has use for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// The node: it knows its own words.
    pub me: NodeId,
    /// What it has applied: it needs no words on that.
    pub applied: Index,
    /// How many voters beside itself make a quorum. None, if it has no ledger: it needs no words at all.
    pub others: usize,
}

/// Verifies words, and remembers the newest good ones.
#[derive(Clone, Debug, Default)]
pub struct Vetter {
    recent: VecDeque<Word>,
}

impl Vetter {
    /// Verifies what a node has use for in a frame. The first bad signature ends it: an honest voter sends none, and a liar
    /// shall not make work.
    pub fn vet(&mut self, frame: Frame, need: &Need) -> Vetted {
        let mut good = Verified::default();
        if need.others == 0 {
            return Vetted { frame, good };
        }
        let attested = frame.attestations.iter();
        let attested = attested.filter(|it| !self.has_enough(&it.statement, need.others));
        let mut words: Vec<Word> = attested
            .map(|it| (it.statement, it.voter, it.signature))
            .collect();
        for certificate in &frame.certificates {
            let signers = certificate.signers.iter();
            words.extend(
                signers.map(|(node, signature)| (certificate.statement, *node, *signature)),
            );
        }
        words.retain(|(statement, node, _)| need.applied < statement.index && *node != need.me);
        for word in words {
            if !self.is_good(word) {
                break;
            }
            good.0.push(word);
        }
        Vetted { frame, good }
    }

    /// Whether so many voters are known to have signed a statement.
    fn has_enough(&self, statement: &Statement, voters: usize) -> bool {
        let same = self.known(statement);
        let signed: BTreeSet<NodeId> = same.map(|(_, node, _)| *node).collect();
        voters <= signed.len()
    }

    /// The words on a statement, the newest first. Most words are on other entries, which is seen soonest.
    fn known(&self, statement: &Statement) -> impl Iterator<Item = &Word> {
        let newest = self.recent.iter().rev();
        newest.filter(move |(it, ..)| it.index == statement.index && it == statement)
    }

    fn is_good(&mut self, word: Word) -> bool {
        let (statement, node, signature) = word;
        if self.known(&statement).any(|known| *known == word) {
            return true;
        }
        let good = statement.check_signature(node, &signature).is_ok();
        if good {
            if WORDS_REMEMBERED_MAX <= self.recent.len() {
                self.recent.pop_front();
            }
            self.recent.push_back(word);
        }
        good
    }
}
