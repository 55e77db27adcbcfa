//! BYZ-3: a voter that keeps the commit rule cannot be convicted, whatever liars put before it, in whatever order; a voter
//! that breaks a clause is.
//!
//! The liars here are without number: certificates are shown that no quorum could have made.

use std::collections::BTreeMap;

use hms_protocol::ballot::{Ballot, Vote};
use hms_protocol::certificate::{Attestation, Mark, Phase, Statement};
use hms_protocol::digest::{Domain, Hash, hash_fields};
use hms_protocol::evidence::{EvidenceRefusal, VoterEvidence};
use hms_protocol::id::{Index, Term};
use hms_protocol::keyring::SecretKey;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{GROUP, ballot, key, node, statement};

/// A log, as its values.
type Log = Vec<u8>;

/// Something that is put before the voter.
#[derive(Clone, Debug)]
enum Lure {
    /// A leader's log.
    Append { term: u64, log: Log },
    /// A certificate, with its entries.
    Certificate { term: u64, log: Log },
    /// A candidate, with the certificate that it shows.
    Candidate {
        term: u64,
        node: u8,
        shown: Option<(u64, Log)>,
    },
}

/// A voter that keeps the rule.
struct Voter {
    key: SecretKey,
    term: u64,
    log: Log,
    lock: Option<(u64, Log)>,
    held: BTreeMap<u64, Log>,
    voted: BTreeMap<u64, u8>,
    attested: Vec<Attestation>,
    votes: Vec<Vote>,
}

fn conflict(one: &Log, other: &Log) -> bool {
    !one.starts_with(other) && !other.starts_with(one)
}

fn mark((term, log): &(u64, Log)) -> Mark {
    Mark {
        term: Term(*term),
        index: Index(log.len() as u64),
        hash: hash_of(log),
    }
}

fn hash_of(log: &Log) -> Hash {
    hash_fields(Domain::Chain, &[log])
}

fn rank(certificate: Option<&(u64, Log)>) -> Option<(u64, usize)> {
    certificate.map(|(term, log)| (*term, log.len()))
}

impl Voter {
    fn new() -> Self {
        Self {
            key: key(1),
            term: 0,
            log: Log::new(),
            lock: None,
            held: BTreeMap::new(),
            voted: BTreeMap::new(),
            attested: Vec::new(),
            votes: Vec::new(),
        }
    }

    fn meet(&mut self, lure: Lure) {
        match lure {
            Lure::Append { term, log } => self.append(term, log),
            Lure::Certificate { term, log } => self.learn((term, log)),
            Lure::Candidate { term, node, shown } => self.vote(term, node, shown),
        }
    }

    fn attest(&mut self, phase: Phase, term: u64, log: &Log) {
        let Mark { term, index, hash } = mark(&(term, log.clone()));
        let statement = Statement {
            phase,
            term,
            index,
            hash,
            ..statement()
        };
        self.attested.push(statement.attest(&self.key));
    }

    fn append(&mut self, term: u64, log: Log) {
        let attested = self.held.get(&term).cloned().unwrap_or_default();
        let lock = self
            .lock
            .as_ref()
            .map(|lock| lock.1.clone())
            .unwrap_or_default();
        if term < self.term || conflict(&attested, &log) || conflict(&lock, &log) {
            return;
        }
        self.term = term;
        if log.starts_with(&lock) {
            self.attest(Phase::Held, term, &log);
            if attested.len() < log.len() {
                self.held.insert(term, log.clone());
            }
        }
        if !self.log.starts_with(&log) {
            self.log = log;
        }
    }

    fn learn(&mut self, certificate: (u64, Log)) {
        let (term, log) = &certificate;
        let releases = self
            .lock
            .as_ref()
            .is_none_or(|lock| !conflict(&lock.1, log) || lock.0 < *term);
        if rank(Some(&certificate)) <= rank(self.lock.as_ref()) || !releases {
            return;
        }
        if *term == self.term {
            self.attest(Phase::Locked, *term, log);
        }
        if !self.log.starts_with(log) {
            self.log.clone_from(log);
        }
        self.lock = Some(certificate);
    }

    fn vote(&mut self, term: u64, candidate: u8, shown: Option<(u64, Log)>) {
        let voted = self
            .voted
            .get(&term)
            .is_some_and(|voted| *voted != candidate);
        if term < self.term || voted || rank(shown.as_ref()) < rank(self.lock.as_ref()) {
            return;
        }
        self.term = term;
        self.voted.insert(term, candidate);
        let ballot = Ballot {
            term: Term(term),
            candidate: node(candidate),
            shown: shown.as_ref().map(mark),
            lock: self.lock.as_ref().map(mark),
            ..ballot()
        };
        self.votes.push(ballot.cast(&self.key));
    }

    /// Everything that anybody could try to make of what it signed.
    fn charges(&self) -> Vec<VoterEvidence> {
        let pairs = |length: usize| (0..length).flat_map(|one| (0..one).map(move |two| (one, two)));
        let attested =
            pairs(self.attested.len()).map(|(one, two)| VoterEvidence::TwoAttestations {
                first: self.attested[one],
                second: self.attested[two],
            });
        let votes = pairs(self.votes.len()).map(|(one, two)| VoterEvidence::TwoVotes {
            first: self.votes[one],
            second: self.votes[two],
        });
        let below = self.attested.iter().flat_map(|lock| {
            let votes = self.votes.iter();
            votes.map(|vote| VoterEvidence::VoteBelowLock {
                lock: *lock,
                vote: *vote,
            })
        });
        let alone = self
            .votes
            .iter()
            .map(|vote| VoterEvidence::VoteBelowItself { vote: *vote });
        attested.chain(votes).chain(below).chain(alone).collect()
    }
}

fn term() -> impl Strategy<Value = u64> {
    1..=4_u64
}

fn log() -> impl Strategy<Value = Log> {
    vec(0..=1_u8, 1..=3)
}

fn lure() -> impl Strategy<Value = Lure> {
    let certificate = || (term(), log());
    prop_oneof![
        certificate().prop_map(|(term, log)| Lure::Append { term, log }),
        certificate().prop_map(|(term, log)| Lure::Certificate { term, log }),
        (term(), 2..=3_u8, prop::option::of(certificate()))
            .prop_map(|(term, node, shown)| { Lure::Candidate { term, node, shown } }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn who_keeps_the_rule_is_never_convicted(lures in vec(lure(), 1..30)) {
        let mut voter = Voter::new();
        for lure in lures {
            voter.meet(lure);
        }
        for charge in voter.charges() {
            let verdict = charge.verify(GROUP);
            let is_innocent = matches!(verdict, Err(EvidenceRefusal::Innocent { .. }));
            prop_assert!(is_innocent, "{verdict:?}: {charge:?}");
        }
    }
}

/// What is met, and what of the voter's memory is lost in between: a disk that forgets.
fn check_convicted(first: Lure, forget: impl FnOnce(&mut Voter), second: Lure) {
    let mut voter = Voter::new();
    voter.meet(first);
    forget(&mut voter);
    voter.meet(second);
    let charges = voter.charges();
    let convicts = |charge: &VoterEvidence| charge.verify(GROUP) == Ok(node(1));
    assert!(charges.iter().any(convicts), "{charges:?}");
}

#[test]
fn who_forgets_what_it_signed_is_convicted() {
    let append = |value| Lure::Append {
        term: 1,
        log: vec![value],
    };
    check_convicted(append(0), |voter| voter.held.clear(), append(1));
    let candidate = |node| Lure::Candidate {
        term: 1,
        node,
        shown: None,
    };
    check_convicted(candidate(2), |voter| voter.voted.clear(), candidate(3));
    let mut locked = Voter::new();
    locked.meet(append(0));
    locked.meet(Lure::Certificate {
        term: 1,
        log: vec![0],
    });
    locked.lock = None;
    locked.meet(Lure::Candidate {
        term: 2,
        node: 2,
        shown: None,
    });
    assert!(
        locked
            .charges()
            .iter()
            .any(|charge| charge.verify(GROUP) == Ok(node(1)))
    );
}
