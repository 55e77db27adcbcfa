//! Certificates: what makes one, and every reason to refuse one.

use hms_protocol::certificate::{Certificate, CertificateRefusal, Phase};
use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::id::{Epoch, Index, Term};
use hms_protocol::keyring::Signature;
use hms_protocol::vetting::Verified;

use crate::{GROUP, OTHER_GROUP, attest, certificate, key, node, statement, voters};

fn check(change: impl FnOnce(&mut Certificate), expected: CertificateRefusal) {
    let mut certificate = certificate();
    assert_eq!(certificate.verify(&voters()), Ok(()));
    change(&mut certificate);
    assert_eq!(certificate.verify(&voters()), Err(expected));
}

#[test]
fn a_quorum_makes_a_certificate_and_fewer_do_not() {
    let gather = |numbers: &[u8]| Certificate::gather(&voters(), statement(), &attest(numbers));
    assert_eq!(gather(&[1, 2]), None);
    assert_eq!(gather(&[1, 2, 2, 1]), None);
    assert_eq!(gather(&[1, 2, 9]), None);
    assert_eq!(gather(&[3, 1, 2]), gather(&[1, 2, 3, 1]));
    let all = gather(&[4, 3, 2, 1]).unwrap();
    assert_eq!((all.signers.len(), all.verify(&voters())), (4, Ok(())));
}

#[test]
fn attestations_of_something_else_do_not_count() {
    let mut mixed = attest(&[1, 2]);
    let mut other = statement();
    other.hash = Hash::from_bytes([6; 32]);
    mixed.push(other.attest(&key(3)));
    assert_eq!(Certificate::gather(&voters(), statement(), &mixed), None);
    mixed.extend(attest(&[4]));
    let gathered = Certificate::gather(&voters(), statement(), &mixed).unwrap();
    assert_eq!(gathered.verify(&voters()), Ok(()));
}

#[test]
fn a_certificate_holds_after_the_wire() {
    let bytes = codec::encode(&certificate());
    let read_back: Certificate = codec::decode_exact(&bytes).unwrap();
    assert_eq!(read_back, certificate());
    assert_eq!(read_back.verify(&voters()), Ok(()));
}

/// A voter that finds its own word among the others believes that one, and nothing else unchecked.
#[test]
fn ones_own_word_is_known_and_only_as_it_was_given() {
    let own = statement().attest(&key(2));
    let beside = |certificate: &Certificate| {
        certificate.verify_beside(&voters(), Some(&own), &Verified::default())
    };
    assert_eq!(beside(&certificate()), Ok(()));
    for place in 0..3 {
        let mut forged = certificate();
        let (node, signature) = forged.signers[place];
        let mut bytes = *signature.as_bytes();
        bytes[0] ^= 1;
        forged.signers[place].1 = Signature::from_bytes(bytes);
        let refusal = CertificateRefusal::BadSignature { node };
        assert_eq!(beside(&forged), Err(refusal));
    }
    // The word was of another log: it says nothing of this one.
    let mut other = certificate();
    other.statement.hash = Hash::from_bytes([6; 32]);
    assert!(beside(&other).is_err());
    let mut few = certificate();
    few.signers.pop();
    assert!(beside(&few).is_err());
}

#[test]
fn each_fault_of_a_certificate_has_its_own_refusal() {
    use CertificateRefusal::{
        BadSignature, DuplicateSigner, NotAVoter, OtherEpoch, OtherGroup, TooFew, Unordered,
    };
    let order: Vec<_> = certificate()
        .signers
        .iter()
        .map(|(node, _)| *node)
        .collect();
    check(
        |it| it.statement.group = OTHER_GROUP,
        OtherGroup { group: OTHER_GROUP },
    );
    let (epoch, expected) = (Epoch(1), Epoch(2));
    check(
        |it| it.statement.epoch = epoch,
        OtherEpoch { epoch, expected },
    );
    check(|it| it.signers[1].0 = node(9), NotAVoter { node: node(9) });
    check(
        |it| it.signers[1] = it.signers[0],
        DuplicateSigner { node: order[0] },
    );
    check(|it| it.signers.swap(0, 2), Unordered { node: order[1] });
    check(|it| it.signers.truncate(2), TooFew { have: 2, need: 3 });
    check(|it| it.signers.clear(), TooFew { have: 0, need: 3 });
    check(
        |it| it.signers[2].1 = it.signers[1].1,
        BadSignature { node: order[2] },
    );
}

#[test]
fn a_signature_covers_every_field_of_the_statement() {
    let first = CertificateRefusal::BadSignature {
        node: certificate().signers[0].0,
    };
    check(|it| it.statement.phase = Phase::Locked, first);
    check(|it| it.statement.term = Term(8), first);
    check(|it| it.statement.index = Index(301), first);
    check(|it| it.statement.hash = Hash::default(), first);
}

#[test]
fn a_single_attestation_is_refused_for_the_same_reasons() {
    let [mut it] = attest(&[1])[..] else {
        unreachable!("one was made")
    };
    assert_eq!(it.verify(&voters()), Ok(()));
    it.voter = node(9);
    let refused = CertificateRefusal::NotAVoter { node: node(9) };
    assert_eq!(it.verify(&voters()), Err(refused));
    it.voter = node(2);
    let refused = CertificateRefusal::BadSignature { node: node(2) };
    assert_eq!(it.verify(&voters()), Err(refused));
    it.statement.epoch = Epoch(3);
    assert_eq!(it.verify(&voters()).unwrap_err().code(), "HMS-CERT-EPOCH");
    it.statement.group = OTHER_GROUP;
    assert_eq!(it.verify(&voters()).unwrap_err().code(), "HMS-CERT-GROUP");
    assert_ne!(GROUP, OTHER_GROUP);
}
