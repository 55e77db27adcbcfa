//! An honest voter: what it keeps on its disk, and what it does when something is put before it.
//!
//! Every function either changes the voter as the rule demands or leaves it as it is and says `false`.

use crate::log::Log;
use crate::rule::{Clause, Rule};

/// Terms of the largest model.
pub const TERMS_MAX: usize = 3;

/// Conflicting chains that a voter of a broken rule can attest in one term: two are enough to do harm.
const CHAINS_MAX: usize = 2;

/// A node: one of the honest voters by its place, or the liar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// The honest voter at this place.
    Honest(u8),
    /// The one that lies.
    Liar,
}

impl Node {
    /// The bit that stands for it where nodes are a set.
    pub fn bit(self) -> u8 {
        match self {
            Self::Honest(place) => 1 << place,
            Self::Liar => 1 << 7,
        }
    }
}

/// What a quorum has signed: that it holds this log, in this term.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Certificate {
    /// The term in which they signed it.
    pub term: u8,
    /// The log.
    pub log: Log,
}

impl Certificate {
    /// Certificates are ordered by term, then by length.
    pub fn rank(self) -> (u8, u16) {
        (self.term, self.log.length())
    }
}

/// What a voter has signed in one term: nested logs, each attested for itself. An attestation of a log says nothing of its
/// prefixes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Chain {
    longest: Log,
    /// Bit `i` stands for the prefix of `i` entries.
    lengths: u8,
}

impl Chain {
    fn covers(self, log: Log) -> bool {
        self.lengths & (1 << log.length()) != 0 && self.longest.extends(log)
    }
}

/// All that a voter has signed in one term. An honest voter has one chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chains([Chain; CHAINS_MAX]);

impl Chains {
    /// Every log that was attested.
    pub fn iter(&self) -> impl Iterator<Item = Log> {
        let chains = self.0.into_iter();
        chains.flat_map(|chain| {
            chain
                .longest
                .prefixes()
                .filter(move |log| chain.covers(*log))
        })
    }

    /// The longest logs that were attested.
    pub fn longest(&self) -> impl Iterator<Item = Log> {
        let all = self.0.into_iter().map(|chain| chain.longest);
        all.filter(|log| *log != Log::EMPTY)
    }

    /// Whether a log was attested.
    pub fn covers(&self, log: Log) -> bool {
        self.0.iter().any(|chain| chain.covers(log))
    }

    /// Whether something was attested that the log conflicts with.
    pub fn conflicts(&self, log: Log) -> bool {
        self.0.iter().any(|chain| chain.longest.conflicts(log))
    }

    /// Adds a log; `false` if it opens one more chain than there is room for.
    pub fn add(&mut self, log: Log) -> bool {
        let fits = |chain: &&mut Chain| !chain.longest.conflicts(log);
        let Some(chain) = self.0.iter_mut().find(fits) else {
            return false;
        };
        if log.extends(chain.longest) {
            chain.longest = log;
        }
        chain.lengths |= 1 << log.length();
        true
    }

    /// The same with other logs of the same lengths.
    #[must_use]
    pub fn map(self, mut change: impl FnMut(Log) -> Log) -> Self {
        Self(self.0.map(|chain| Chain {
            longest: change(chain.longest),
            ..chain
        }))
    }
}

/// An honest voter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Voter {
    /// The newest term in which it voted or followed.
    pub term: u8,
    /// Its log.
    pub log: Log,
    /// The highest certificate that it has kept.
    pub lock: Certificate,
    /// By term: whose log it took, as bits.
    pub followed: [u8; TERMS_MAX],
    /// By term: what it attested as held.
    pub held: [Chains; TERMS_MAX],
    /// By term: what it attested as locked.
    pub locked: [Chains; TERMS_MAX],
}

/// Where a term's record stands.
pub fn slot(term: u8) -> usize {
    usize::from(term)
        .checked_sub(1)
        .expect("the first term is 1")
}

impl Voter {
    /// Clause G and Raft's own condition (section 5.4.1): whether a candidate with this lock and log gets the vote.
    pub fn would_elect(&self, candidate: &Self, rule: Rule) -> bool {
        let last = |voter: &Self| (voter.log.last_term(), voter.log.length());
        let by_lock = self.lock.rank() <= candidate.lock.rank() || !rule.has(Clause::VoteByLock);
        by_lock && last(self) <= last(candidate)
    }

    /// Clause H: whether it is free to vote in a term. A voter is in a term because it voted or follows in it.
    pub fn may_vote(&self, term: u8, rule: Rule) -> bool {
        let may_repeat = !rule.has(Clause::OneVote) && self.followed[slot(term)] == 0;
        self.term < term || (self.term == term && may_repeat)
    }

    /// Takes a log from the leader of a term, makes it durable and attests it.
    pub fn accept(&mut self, term: u8, leader: Node, log: Log, rule: Rule) -> bool {
        let slot = slot(term);
        let follows_another = self.followed[slot] & !leader.bit() != 0;
        let attested_another = rule.has(Clause::OneChain) && self.held[slot].conflicts(log);
        if term < self.term || follows_another || attested_another {
            return false;
        }
        if rule.has(Clause::HoldLock) && self.lock.log.conflicts(log) {
            return false;
        }
        let contains_lock = log.extends(self.lock.log) || !rule.has(Clause::AttestLock);
        if contains_lock && !self.held[slot].add(log) {
            return false;
        }
        if !self.log.extends(log) {
            self.log = log;
        }
        self.term = term;
        self.followed[slot] |= leader.bit();
        true
    }

    /// Takes note of a certificate, with the entries that it covers.
    pub fn learn(&mut self, certificate: Certificate, rule: Rule) -> bool {
        let against_lock = certificate.log.conflicts(self.lock.log);
        let is_higher = self.lock.rank() < certificate.rank();
        let releases = match (
            rule.has(Clause::Release),
            rule.has(Clause::ReleaseByHigherTerm),
        ) {
            (false, _) => false,
            (true, true) => self.lock.term < certificate.term,
            (true, false) => true,
        };
        let may_lock = if against_lock { releases } else { is_higher };
        let against_log = certificate.log.conflicts(self.log);
        let may_drop = against_lock || rule.has(Clause::DropSuffix);
        if !may_lock || (against_log && !may_drop) {
            return false;
        }
        let in_term = certificate.term == self.term || !rule.has(Clause::LockInTerm);
        if in_term && !self.locked[slot(certificate.term)].add(certificate.log) {
            return false;
        }
        self.lock = certificate;
        if !self.log.extends(certificate.log) {
            self.log = certificate.log;
        }
        true
    }
}
