//! Every bit of everything that is signed, flipped in turn: nothing that was changed is believed.

use hms_protocol::ballot::Mandate;
use hms_protocol::certificate::{Certificate, Mark};
use hms_protocol::codec::{self, Wire};
use hms_protocol::digest::Hash;
use hms_protocol::evidence::VoterEvidence;
use hms_protocol::id::Term;
use hms_protocol::tree::{self, TreePath};
use proptest::prelude::*;

use crate::{GROUP, attest, ballot, certificate, key, node, statement, voters, votes};

fn check<T: Wire>(bytes: &[u8], is_believed: impl Fn(&T) -> bool) {
    let believed = |bytes: &[u8]| codec::decode_exact(bytes).is_ok_and(|value| is_believed(&value));
    assert!(believed(bytes));
    for at in 0..bytes.len() * 8 {
        let mut changed = bytes.to_vec();
        changed[at / 8] ^= 1 << (at % 8);
        assert!(!believed(&changed), "bit {at} does not matter");
    }
    for cut in 0..bytes.len() {
        assert!(
            !believed(&bytes[..cut]),
            "the last bytes from {cut} do not matter"
        );
    }
}

#[test]
fn every_bit_of_a_certificate_matters() {
    let bytes = codec::encode(&certificate());
    check(&bytes, |it: &Certificate| it.verify(&voters()).is_ok());
}

#[test]
fn every_bit_of_a_mandate_matters() {
    let given = (Term(8), node(1));
    let mandate = Mandate::gather(&voters(), given, &votes(&[2, 3, 4])).unwrap();
    check(&codec::encode(&mandate), |it: &Mandate| {
        it.verify(&voters()) == Ok(given)
    });
}

#[test]
fn every_bit_of_evidence_matters() {
    let mut other = statement();
    other.hash = Hash::default();
    let [first] = attest(&[1])[..] else {
        unreachable!("one was made")
    };
    let second = other.attest(&key(1));
    let mut below = ballot();
    below.shown = None;
    below.lock = Some(statement().mark());
    let vote = below.cast(&key(1));
    for evidence in [
        VoterEvidence::TwoAttestations { first, second },
        VoterEvidence::VoteBelowItself { vote },
    ] {
        let bytes = codec::encode(&evidence);
        check(&bytes, |it: &VoterEvidence| it.verify(GROUP).is_ok());
    }
}

#[test]
fn every_bit_of_a_path_matters() {
    let leaves: Vec<Hash> = (0..11_u8).map(|number| tree::leaf(&[number])).collect();
    let root = tree::root(&leaves);
    for index in [1, 9, 10] {
        let path = TreePath::to(&leaves, index).unwrap();
        check(&codec::encode(&path), |it: &TreePath| {
            it.leads(leaves[index as usize], root)
        });
    }
}

fn marks() -> impl Strategy<Value = Option<Mark>> {
    let mark = (any::<u64>(), any::<u64>(), any::<[u8; 32]>());
    prop::option::of(mark.prop_map(|(term, index, hash)| Mark {
        hash: Hash::from_bytes(hash),
        ..crate::mark(term, index)
    }))
}

proptest! {
    #[test]
    fn what_voters_sign_reads_back(shown in marks(), lock in marks(), term: u64, numbers in prop::collection::vec(1..=9_u8, 0..6)) {
        let mut changed = ballot();
        (changed.shown, changed.lock, changed.term) = (shown, lock, Term(term));
        let cast = numbers.iter().map(|number| changed.cast(&key(*number)));
        let mandate = Mandate { votes: cast.collect() };
        prop_assert_eq!(codec::decode_exact(&codec::encode(&mandate)), Ok(mandate));
        let signers = attest(&numbers).into_iter().map(|it| (it.voter, it.signature));
        let certificate = Certificate { statement: statement(), signers: signers.collect() };
        prop_assert_eq!(codec::decode_exact(&codec::encode(&certificate)), Ok(certificate));
    }

    #[test]
    fn hostile_bytes_are_refused_and_nothing_worse(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = codec::decode_exact::<Certificate>(&bytes).map(|it| it.verify(&voters()));
        let _ = codec::decode_exact::<Mandate>(&bytes).map(|it| it.verify(&voters()));
        let _ = codec::decode_exact::<VoterEvidence>(&bytes).map(|it| it.verify(GROUP));
    }
}
