//! From the founder to whoever certified: every way in which a change of voters is not one.

use hms_protocol::certificate::Certificate;
use hms_protocol::chain::EntryKind;
use hms_protocol::codec;
use hms_protocol::id::Epoch;
use hms_protocol::membership::{Becomes, MemberChange};
use hms_protocol::receipt::{Handover, Receipt, Succession};
use hms_protocol::trust::Trust;

use crate::ledger::{Ledger, key, node};
use crate::work::{receipt, worked};

fn check(change: impl FnOnce(&mut Receipt), code: &str) {
    let ledger = worked(Trust::Byzantine, 4);
    let mut receipt = receipt(&ledger);
    assert!(receipt.verify(&ledger.origin).is_ok());
    change(&mut receipt);
    let refusal = receipt.verify(&ledger.origin).expect_err("it was changed");
    assert_eq!(refusal.code(), code, "{refusal}");
}

#[test]
fn no_change_of_voters_can_be_left_out_or_moved() {
    for left_out in 0..3 {
        check(
            |it| drop(it.handovers.remove(left_out)),
            "HMS-RECEIPT-EPOCH",
        );
    }
    check(|it| it.handovers.clear(), "HMS-RECEIPT-EPOCH");
    check(|it| it.handovers.swap(0, 1), "HMS-RECEIPT-HANDOVER-ORDER");
    check(
        |it| it.handovers.insert(1, it.handovers[0].clone()),
        "HMS-RECEIPT-HANDOVER-ORDER",
    );
}

#[test]
fn a_change_of_voters_is_certified_by_those_before_it() {
    let certificate = |it: &mut Receipt| it.handovers[1].stretch.certificate.clone();
    let later = |it: &mut Receipt| it.handovers[2].stretch.certificate.clone();
    // By the founder alone, who was not alone any more; by those who came with it.
    check(
        |it| it.handovers[1].stretch.certificate.statement.epoch = Epoch(1),
        "HMS-RECEIPT-EPOCH",
    );
    check(
        |it| it.handovers[1].stretch.certificate = later(it),
        "HMS-RECEIPT-EPOCH",
    );
    check(
        |it| {
            let mut few = certificate(it);
            few.signers.pop();
            it.handovers[1].stretch.certificate = few;
        },
        "HMS-RECEIPT-CERT-TOO-FEW",
    );
    check(
        |it| {
            let index = it.handovers[1].stretch.certificate.statement.index;
            it.handovers[1].stretch.certificate.statement.index = index.next();
        },
        "HMS-RECEIPT-LINKS",
    );
    check(
        |it| {
            let (node, becomes) = (node(9), Becomes::Voter);
            it.handovers[1].change = codec::encode(&MemberChange { node, becomes });
        },
        "HMS-RECEIPT-BROKEN",
    );
}

/// Takes a change that the founder alone has certified.
fn take(data: Vec<u8>) -> Result<usize, &'static str> {
    let mut ledger = Ledger::found(Trust::Byzantine);
    let index = ledger.append(EntryKind::Membership, data);
    ledger.certify();
    let handover = Handover::build(index, Epoch(1), &ledger.records()).expect("it is certified");
    let mut succession = Succession::found(&ledger.origin);
    match succession.take(&handover) {
        Ok(set) => {
            assert_eq!(set.epoch(), Epoch(index.0));
            Ok(set.voters().len())
        }
        Err(refusal) => {
            assert_eq!(succession, Succession::found(&ledger.origin));
            Err(refusal.code())
        }
    }
}

#[test]
fn only_a_change_of_voters_is_a_handover() {
    let change = |number, becomes| {
        let node = node(number);
        codec::encode(&MemberChange { node, becomes })
    };
    assert_eq!(take(change(2, Becomes::Voter)), Ok(2));
    let none = Err("HMS-RECEIPT-NO-HANDOVER");
    assert_eq!(take(change(2, Becomes::Learner)), none);
    assert_eq!(take(change(1, Becomes::Voter)), none);
    assert_eq!(take(change(2, Becomes::Removed)), none);
    let voters = Err("HMS-RECEIPT-VOTERS");
    assert_eq!(take(change(1, Becomes::Removed)), voters);
    let unread = Err("HMS-RECEIPT-CHANGE");
    assert_eq!(take(b"noise".to_vec()), unread);
    assert_eq!(take(Vec::new()), unread);
    // A node under the raft id of another: no replica acts on that.
    let mut forged = change(2, Becomes::Voter);
    let (at, other) = (1, change(3, Becomes::Voter));
    forged[at..8].copy_from_slice(&other[at..8]);
    assert_eq!(take(forged), unread);
}

#[test]
fn the_numbers_of_a_change_are_those_of_raft() {
    // Another implementation of Raft's ConfChange: 2 is the kind, 3 the id, 4 the context.
    let node = node(2);
    let encoded = codec::encode(&MemberChange {
        node,
        becomes: Becomes::Learner,
    });
    let fields: Vec<u32> = codec::shape::fields(&encoded).map(|it| it.number).collect();
    assert_eq!(fields, [2, 3, 4]);
    assert_eq!(encoded[..2], [0x10, 2]);
    assert_eq!(encoded[encoded.len() - 32..], *node.as_bytes());
}

#[test]
fn old_voters_do_not_certify_what_comes_after_them() {
    let ledger = worked(Trust::Byzantine, 4);
    let mut receipt = receipt(&ledger);
    let last = receipt.entries.len() - 1;
    let certificate = &mut receipt.entries[last].stretch.certificate;
    let mut statement = certificate.statement;
    statement.epoch = Epoch(receipt.handovers[1].stretch.index.0);
    statement.phase = hms_protocol::certificate::Phase::Held;
    let signed = [1, 2, 3].map(|number| statement.attest(&key(number)));
    let mut signers: Vec<_> = signed.map(|it| (it.voter, it.signature)).into();
    signers.sort_by_key(|(node, _)| *node);
    *certificate = Certificate { statement, signers };
    let refusal = receipt.verify(&ledger.origin).unwrap_err();
    assert_eq!(refusal.code(), "HMS-RECEIPT-SUPERSEDED");
}
