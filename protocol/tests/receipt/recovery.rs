//! MSH-12: where the voters are lost, the operator's order leads on, and nobody else's.

use std::collections::BTreeSet;

use hms_protocol::certificate::{Certificate, Phase};
use hms_protocol::chain::EntryKind;
use hms_protocol::codec;
use hms_protocol::id::{Epoch, Index};
use hms_protocol::keyring::SecretKey;
use hms_protocol::order::{Order, OrderDraft, Recover};
use hms_protocol::receipt::{Cause, Handover, ReceiptRefusal, Stretch, Succession};
use hms_protocol::recovery::Recovery;
use hms_protocol::trust::{Trust, VoterSet};

use crate::ledger::{Ledger, STAMP, TERM, key, node, operator};
use crate::work::{receipt, worked};

/// An order, signed, as the entry carries it.
fn recovery(ledger: &Ledger, recover: Recover, by: &SecretKey) -> Vec<u8> {
    let draft = OrderDraft {
        mesh: ledger.origin.mesh,
        issued_at: STAMP,
        nonce: [1; 16],
        order: Order::Recover(recover),
    };
    codec::encode(&Recovery {
        order: draft.sign(by),
        rotations: Vec::new(),
        name: "n9".parse().expect("it is a name"),
    })
}

/// Where the ledger ends, given to a node.
fn here(ledger: &Ledger, survivor: u8) -> Recover {
    let last = ledger.last();
    Recover {
        survivor: node(survivor),
        index: last.next(),
        before: ledger.entries[&last].chain,
    }
}

/// Takes the next entry for a recovery that somebody has signed, and that this node certifies alone.
fn recover(ledger: &mut Ledger, recover: Recover, by: &SecretKey, voter: u8) -> Handover {
    let before = ledger.entries[&ledger.last()].chain;
    let change = recovery(ledger, recover, by);
    let index = ledger.append(EntryKind::Recovery, change.clone());
    let (mesh, trust) = (ledger.origin.mesh, ledger.origin.trust);
    let alone = BTreeSet::from([node(voter)]);
    ledger.voters = VoterSet::new(mesh, Epoch(index.0), trust, alone).expect("there is one");
    ledger.numbers = BTreeSet::from([voter]);
    ledger.certify();
    Handover {
        stretch: Stretch {
            before,
            term: TERM,
            index,
            links: Vec::new(),
            certificate: ledger.certificates[&index].clone(),
        },
        cause: Cause::Operator,
        change,
    }
}

/// What somebody who knows four voters makes of a recovery.
fn take(
    given: impl FnOnce(&Ledger) -> Recover,
    by: &SecretKey,
    voter: u8,
) -> Result<Succession, ReceiptRefusal> {
    let mut ledger = Ledger::of(Trust::Byzantine, 4);
    let mut succession = Succession::found(&ledger.origin);
    for handover in &ledger.handovers {
        succession.take(handover)?;
    }
    let before = succession.clone();
    let given = given(&ledger);
    let handover = recover(&mut ledger, given, by, voter);
    let taken = succession.take(&handover).map(|_| ());
    if taken.is_err() {
        assert_eq!(succession, before);
    }
    taken.map(|()| succession)
}

#[track_caller]
fn refused(given: impl FnOnce(&Ledger) -> Recover, by: &SecretKey, voter: u8, code: &str) {
    let refusal = take(given, by, voter).expect_err("it is no recovery");
    assert_eq!(refusal.code(), code, "{refusal}");
}

#[test]
fn the_operator_gives_the_ledger_to_one_node() {
    let succession = take(|ledger| here(ledger, 2), &operator(), 2).expect("it is ordered");
    let voters = succession.voters();
    assert_eq!(voters.voters(), &BTreeSet::from([node(2)]));
    assert_eq!(succession.recoveries(), [Index(voters.epoch().0)]);
    // Also to one that never voted: a snapshot on a new machine.
    assert!(take(|ledger| here(ledger, 9), &operator(), 9).is_ok());
}

#[test]
fn nobody_else_does_and_not_elsewhere() {
    let place = "HMS-RECEIPT-RECOVERY-PLACE";
    refused(|it| here(it, 2), &key(2), 2, "HMS-RECEIPT-RECOVERY");
    refused(|it| here(it, 2), &operator(), 3, "HMS-RECEIPT-CERT-VOTER");
    let later = |ledger: &Ledger| Recover {
        index: ledger.last().next().next(),
        ..here(ledger, 2)
    };
    refused(later, &operator(), 2, place);
    let other_log = |ledger: &Ledger| Recover {
        before: ledger.entries[&Index(3)].chain,
        ..here(ledger, 2)
    };
    refused(other_log, &operator(), 2, place);
}

#[test]
fn whoever_does_not_know_the_operator_does_not_follow() {
    let mut ledger = Ledger::of(Trust::Crash, 3);
    let before = ledger.voters.clone();
    let given = here(&ledger, 2);
    let handover = recover(&mut ledger, given, &operator(), 2);
    let refusal = Succession::after(before).take(&handover).unwrap_err();
    assert_eq!(refusal.code(), "HMS-RECEIPT-RECOVERY-UNKNOWN");
    let mut change = handover.clone();
    change.cause = Cause::Voters;
    assert!(Succession::found(&ledger.origin).take(&change).is_err());
    let bytes = codec::encode(&handover);
    assert_eq!(codec::decode_exact(&bytes), Ok(handover));
}

/// A receipt of before is good after it; the voters of before certify nothing that comes after it.
#[test]
fn what_was_certified_stays_and_nothing_is_added_to_it() {
    let mut ledger = worked(Trust::Byzantine, 4);
    let before = receipt(&ledger);
    let (old, quorum) = (ledger.voters.clone(), [1, 2, 3]);
    let given = here(&ledger, 2);
    let handover = recover(&mut ledger, given, &operator(), 2);
    let at = handover.stretch.index;
    ledger.handovers.push(handover);
    let proven = before.verify(&ledger.origin).expect("it was good before");
    assert!(proven.recoveries.is_empty());

    let mut shown = receipt(&ledger);
    shown.handovers.clone_from(&ledger.handovers);
    let proven = shown.verify(&ledger.origin).expect("it is led to");
    assert_eq!(proven.recoveries, [at]);

    let mut succession = Succession::found(&ledger.origin);
    for handover in &ledger.handovers {
        succession.take(handover).expect("each is certified");
    }
    let mut statement = ledger.statement();
    (statement.epoch, statement.phase) = (old.epoch(), Phase::Locked);
    let words = quorum.map(|number| statement.attest(&key(number)));
    let late = Certificate::gather(&old, statement, &words).expect("they are a quorum of before");
    let refusal = succession.certified(at.next(), &late, None).unwrap_err();
    assert_eq!(refusal.code(), "HMS-RECEIPT-SUPERSEDED");
}
