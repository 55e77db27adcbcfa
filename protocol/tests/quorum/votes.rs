//! Votes and mandates: what makes a leader, and every reason to refuse one.

use hms_protocol::ballot::{Mandate, Vote};
use hms_protocol::certificate::CertificateRefusal;
use hms_protocol::digest::Hash;
use hms_protocol::id::{Epoch, Term};

use crate::{OTHER_GROUP, ballot, key, mark, node, voters, votes};

fn mandate() -> Mandate {
    Mandate::gather(&voters(), (Term(8), node(1)), &votes(&[1, 2, 3])).expect("three of four")
}

fn check(change: impl FnOnce(&mut Vec<Vote>), expected: CertificateRefusal) {
    let mut mandate = mandate();
    assert_eq!(mandate.verify(&voters()), Ok((Term(8), node(1))));
    change(&mut mandate.votes);
    assert_eq!(mandate.verify(&voters()), Err(expected));
}

#[test]
fn a_quorum_of_votes_makes_a_mandate_and_fewer_do_not() {
    let gather = |numbers: &[u8]| {
        let votes = votes(numbers);
        Mandate::gather(&voters(), (Term(8), node(1)), &votes)
    };
    assert_eq!(gather(&[1, 2]), None);
    assert_eq!(gather(&[1, 2, 2]), None);
    assert_eq!(gather(&[1, 2, 9]), None);
    assert_eq!(gather(&[3, 2, 1]), gather(&[1, 2, 3]));
    let others = Mandate::gather(&voters(), (Term(9), node(1)), &votes(&[1, 2, 3]));
    assert_eq!(others, None);
}

#[test]
fn each_fault_of_a_mandate_has_its_own_refusal() {
    use CertificateRefusal::{
        BadSignature, BelowLock, DuplicateSigner, NotAVoter, OtherBallot, OtherEpoch, OtherGroup,
        TooFew, Unordered,
    };
    let order: Vec<_> = mandate().votes.iter().map(|vote| vote.voter).collect();
    check(
        |votes| votes[0].ballot.group = OTHER_GROUP,
        OtherGroup { group: OTHER_GROUP },
    );
    let (epoch, expected) = (Epoch(3), Epoch(2));
    check(
        |votes| votes[0].ballot.epoch = epoch,
        OtherEpoch { epoch, expected },
    );
    check(
        |votes| votes[0].voter = node(9),
        NotAVoter { node: node(9) },
    );
    check(
        |votes| votes[1] = votes[0],
        DuplicateSigner { node: order[0] },
    );
    check(|votes| votes.swap(0, 1), Unordered { node: order[0] });
    check(|votes| votes.truncate(2), TooFew { have: 2, need: 3 });
    check(Vec::clear, TooFew { have: 0, need: 3 });
    check(
        |votes| votes[2].ballot.term = Term(9),
        OtherBallot { node: order[2] },
    );
    check(
        |votes| votes[2].ballot.candidate = node(2),
        OtherBallot { node: order[2] },
    );
    check(
        |votes| votes[1].ballot.lock = Some(mark(7, 301)),
        BelowLock { node: order[1] },
    );
    check(
        |votes| votes[1].signature = votes[0].signature,
        BadSignature { node: order[1] },
    );
}

#[test]
fn a_signature_covers_both_marks_and_that_they_are_there() {
    let signer = CertificateRefusal::BadSignature { node: node(2) };
    let refused = |change: &dyn Fn(&mut Vote)| {
        let mut vote = ballot().cast(&key(2));
        assert_eq!(vote.verify(&voters()), Ok(()));
        change(&mut vote);
        assert_eq!(vote.verify(&voters()), Err(signer));
    };
    refused(&|vote| vote.ballot.shown = None);
    refused(&|vote| vote.ballot.shown = Some(mark(7, 301)));
    refused(&|vote| vote.ballot.lock = Some(mark(7, 300)));
    let mut nothing = mark(0, 0);
    nothing.hash = Hash::default();
    refused(&|vote| vote.ballot.lock = Some(nothing));
    refused(&|vote| vote.ballot.candidate = node(3));
    refused(&|vote| vote.ballot.term = Term(9));
}
