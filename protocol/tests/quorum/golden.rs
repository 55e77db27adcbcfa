//! What another implementation has encoded and signed is read, verified and encoded back to the same bytes. A change of a
//! digest's fields, their order or its domain makes these tests fail.

use hms_protocol::ballot::Mandate;
use hms_protocol::certificate::Certificate;
use hms_protocol::codec::{self, Wire};
use hms_protocol::evidence::VoterEvidence;
use hms_protocol::id::Term;

use crate::{GROUP, certificate, voters};

fn read<T: Wire>(bytes: &[u8]) -> T {
    let value = codec::decode_exact(bytes).expect("the golden bytes are exact");
    assert_eq!(codec::encode(&value), bytes);
    value
}

#[test]
fn a_certificate_signed_by_python_is_the_one_made_here() {
    let read: Certificate = read(include_bytes!("../../../proto/golden/certificate.bin"));
    assert_eq!(read.verify(&voters()), Ok(()));
    // Ed25519 signatures are deterministic.
    assert_eq!(read, certificate());
}

#[test]
fn a_mandate_signed_by_python_is_believed() {
    let read: Mandate = read(include_bytes!("../../../proto/golden/mandate.bin"));
    let first = read.votes[0].voter;
    assert_eq!(read.verify(&voters()), Ok((Term(8), first)));
    let locks: Vec<bool> = read
        .votes
        .iter()
        .map(|it| it.ballot.lock.is_some())
        .collect();
    assert_eq!(locks, [true, false, true]);
}

#[test]
fn evidence_signed_by_python_convicts() {
    let read: VoterEvidence = read(include_bytes!("../../../proto/golden/voter_evidence.bin"));
    let guilty = certificate().signers[1].0;
    assert_eq!(read.verify(GROUP), Ok(guilty));
}
