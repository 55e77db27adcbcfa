//! Every byte of a receipt, changed in turn: nothing that was changed is believed, and nothing that it holds can panic.

use hms_protocol::codec;
use hms_protocol::receipt::{Origin, Proven, Receipt};
use hms_protocol::trust::Trust;
use proptest::prelude::*;

use crate::ledger::genesis;
use crate::work::{receipt, verified, worked};

fn believe(bytes: &[u8], origin: &Origin) -> Option<Proven> {
    let receipt: Receipt = codec::decode_exact(bytes).ok()?;
    receipt.verify(origin).ok()
}

/// Flips one bit of every byte, the lowest of the first, the next of the second, and so on.
fn check(bytes: &[u8], origin: &Origin) {
    assert!(believe(bytes, origin).is_some());
    for at in 0..bytes.len() {
        let mut changed = bytes.to_vec();
        changed[at] ^= 1 << (at % 8);
        assert_eq!(believe(&changed, origin), None, "byte {at} does not matter");
    }
}

#[test]
fn every_byte_of_a_receipt_of_work_matters() {
    let ledger = worked(Trust::Byzantine, 3);
    check(&codec::encode(&receipt(&ledger)), &ledger.origin);
}

#[test]
fn every_byte_of_a_receipt_of_a_proof_matters() {
    let ledger = verified(Trust::Byzantine, 1);
    check(&codec::encode(&receipt(&ledger)), &ledger.origin);
}

#[test]
fn a_receipt_that_was_cut_is_no_receipt() {
    let ledger = worked(Trust::Byzantine, 3);
    let bytes = codec::encode(&receipt(&ledger));
    for cut in 0..bytes.len() {
        assert_eq!(believe(&bytes[..cut], &ledger.origin), None, "up to {cut}");
    }
}

#[test]
fn every_byte_of_a_genesis_matters() {
    let ledger = worked(Trust::Byzantine, 1);
    let receipt = receipt(&ledger);
    let bytes = genesis(Trust::Byzantine, 7);
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let origin = codec::origin::read(&changed);
        let believed = origin.is_ok_and(|origin| receipt.verify(&origin).is_ok());
        assert!(!believed, "byte {at} does not matter");
    }
}

/// A field with a message in it.
fn wrap(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    prost::encoding::encode_varint(content.len() as u64, &mut bytes);
    [bytes, content.to_vec()].concat()
}

/// Two bytes in the file, and a hundred in memory, were it decoded.
#[test]
fn a_small_file_does_not_swell() {
    let check = |bytes: &[u8]| {
        let error = codec::decode_exact::<Receipt>(bytes).unwrap_err();
        assert_eq!(error.code(), "HMS-CODEC-TOO-MANY");
    };
    let empty = |number: u8| [number << 3 | 2, 0].repeat(200_000);
    let [entry, handover, stretch] = [4, 5, 1];
    check(&empty(entry));
    check(&wrap(entry, &empty(4)));
    let links = wrap(stretch, &empty(4));
    check(&wrap(entry, &links));
    check(&wrap(handover, &links));
    let signers = wrap(stretch, &wrap(5, &empty(2)));
    check(&wrap(handover, &signers));
    let siblings = wrap(4, &wrap(2, &empty(3)));
    check(&wrap(entry, &siblings));
    check(&wrap(6, &empty(4)));
    let error = codec::decode_exact::<Receipt>(&vec![0; 9 * 1024 * 1024]).unwrap_err();
    assert_eq!(error.code(), "HMS-CODEC-TOO-LONG");
}

proptest! {
    #[test]
    fn noise_is_refused_and_nothing_worse(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let ledger = crate::ledger::Ledger::found(Trust::Crash);
        prop_assert_eq!(believe(&bytes, &ledger.origin), None);
        let _ = codec::origin::read(&bytes);
    }
}
