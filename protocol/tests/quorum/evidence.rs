//! Evidence: what convicts, and what only looks as if it did.

use hms_protocol::certificate::{Phase, Statement};
use hms_protocol::digest::Hash;
use hms_protocol::evidence::VoterEvidence;
use hms_protocol::id::{Epoch, Index, Term};

use crate::{GROUP, OTHER_GROUP, ballot, key, mark, node, statement};

const CONVICTS: &str = "convicts node 1";

/// What a stranger makes of it: the code of the refusal, or who is guilty.
fn judge(evidence: &VoterEvidence) -> &'static str {
    match evidence.verify(GROUP) {
        Ok(guilty) => {
            assert_eq!(guilty, node(1));
            CONVICTS
        }
        Err(refusal) => refusal.code(),
    }
}

fn two_attestations(change: impl FnOnce(&mut Statement)) -> VoterEvidence {
    let mut other = statement();
    change(&mut other);
    VoterEvidence::TwoAttestations {
        first: statement().attest(&key(1)),
        second: other.attest(&key(1)),
    }
}

#[test]
fn two_hashes_under_one_term_and_index_convict() {
    let hash = Hash::from_bytes([6; 32]);
    assert_eq!(judge(&two_attestations(|it| it.hash = hash)), CONVICTS);
    // A change of voters allows the same entry again, not another one.
    let evidence = two_attestations(|it| (it.hash, it.epoch) = (hash, Epoch(3)));
    assert_eq!(judge(&evidence), CONVICTS);
}

#[test]
fn what_an_honest_voter_may_sign_does_not_convict() {
    let hash = Hash::from_bytes([6; 32]);
    let innocent = |change: &dyn Fn(&mut Statement)| {
        let evidence = two_attestations(|it| {
            it.hash = hash;
            change(it);
        });
        assert_eq!(judge(&evidence), "HMS-EVID-INNOCENT");
    };
    innocent(&|it| it.hash = statement().hash);
    innocent(&|it| it.term = Term(8));
    innocent(&|it| it.index = Index(301));
    innocent(&|it| it.phase = Phase::Locked);
}

#[test]
fn statements_of_two_voters_or_of_another_mesh_convict_nobody() {
    let mut other = statement();
    other.hash = Hash::default();
    let (first, second) = (statement().attest(&key(1)), other.attest(&key(2)));
    let evidence = VoterEvidence::TwoAttestations { first, second };
    assert_eq!(judge(&evidence), "HMS-EVID-VOTERS");
    other.group = OTHER_GROUP;
    let second = other.attest(&key(1));
    let evidence = VoterEvidence::TwoAttestations { first, second };
    assert_eq!(judge(&evidence), "HMS-EVID-GROUP");
}

#[test]
fn nobody_is_convicted_by_what_another_signed() {
    let mut other = statement();
    other.hash = Hash::default();
    let first = statement().attest(&key(1));
    let mut second = other.attest(&key(2));
    second.voter = node(1);
    let evidence = VoterEvidence::TwoAttestations { first, second };
    assert_eq!(judge(&evidence), "HMS-EVID-SIGNATURE");
    let mut vote = ballot();
    vote.lock = Some(mark(7, 301));
    let mut vote = vote.cast(&key(2));
    vote.voter = node(1);
    let evidence = VoterEvidence::VoteBelowItself { vote };
    assert_eq!(judge(&evidence), "HMS-EVID-SIGNATURE");
}

#[test]
fn two_votes_in_a_term_convict_unless_they_are_for_one_candidate() {
    let two_votes = |candidate: u8, term: u64| {
        let mut other = ballot();
        other.candidate = node(candidate);
        (other.term, other.lock) = (Term(term), Some(mark(7, 300)));
        judge(&VoterEvidence::TwoVotes {
            first: ballot().cast(&key(1)),
            second: other.cast(&key(1)),
        })
    };
    assert_eq!(two_votes(2, 8), CONVICTS);
    assert_eq!(two_votes(1, 8), "HMS-EVID-INNOCENT");
    assert_eq!(two_votes(2, 9), "HMS-EVID-INNOCENT");
}

#[test]
fn a_vote_below_an_earlier_lock_convicts() {
    let judge_lock = |phase, term: u64, index: u64, named| {
        let lock = Statement {
            phase,
            term: Term(term),
            index: Index(index),
            ..statement()
        };
        let mut vote = ballot();
        vote.lock = named;
        judge(&VoterEvidence::VoteBelowLock {
            lock: lock.attest(&key(1)),
            vote: vote.cast(&key(1)),
        })
    };
    let named = Some(mark(7, 300));
    // The candidate showed less than the lock.
    assert_eq!(judge_lock(Phase::Locked, 7, 301, named), CONVICTS);
    // The candidate showed enough, but the voter named less than it had.
    assert_eq!(judge_lock(Phase::Locked, 7, 300, None), CONVICTS);
    assert_eq!(
        judge_lock(Phase::Locked, 7, 300, named),
        "HMS-EVID-INNOCENT"
    );
    assert_eq!(judge_lock(Phase::Held, 7, 301, named), "HMS-EVID-INNOCENT");
    // The lock came after the vote, in the term of the vote.
    assert_eq!(
        judge_lock(Phase::Locked, 8, 301, named),
        "HMS-EVID-INNOCENT"
    );
}

#[test]
fn a_vote_below_the_lock_that_it_names_convicts() {
    let judge_named = |lock| {
        let mut vote = ballot();
        vote.lock = lock;
        let vote = vote.cast(&key(1));
        judge(&VoterEvidence::VoteBelowItself { vote })
    };
    assert_eq!(judge_named(Some(mark(7, 301))), CONVICTS);
    assert_eq!(judge_named(Some(mark(7, 300))), "HMS-EVID-INNOCENT");
    assert_eq!(judge_named(None), "HMS-EVID-INNOCENT");
}
