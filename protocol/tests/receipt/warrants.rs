//! Warrants: an order is shown to be the certified ledger's, or refused with its own reason. (MSH-14, AGT-1, A2A-5)

use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::id::{Incarnation, Index, Sequence};
use hms_protocol::peer::{Dispatch, Run};
use hms_protocol::receipt::{BuildRefusal, Origin, Showcase, ShownEntry, Succession};
use hms_protocol::time::Moment;
use hms_protocol::trust::Trust;
use hms_protocol::warrant::{self, WarrantRefusal};

use crate::ledger::{Ledger, agent};
use crate::work::{OTHER_TASK, TASK, assign, report, submit, worked};

/// The order for the first attempt at [`TASK`], by agent 1.
fn attempt(warrant: Vec<u8>) -> Dispatch {
    Dispatch {
        run: Run::Attempt {
            task: TASK,
            attempt: 1,
        },
        agent: agent(1),
        incarnation: Incarnation(1),
        as_of: Sequence(1),
        skill: "echo".parse().expect("a name"),
        input: b"hello".to_vec(),
        report: None,
        limit_ms: 1_000,
        lease_until: Moment(2_000),
        warrant,
    }
}

/// The order for agent 2 to check that attempt's report.
fn check_of(warrant: Vec<u8>) -> Dispatch {
    Dispatch {
        run: Run::Check {
            task: TASK,
            attempt: 1,
            round: 1,
            verifier: agent(2),
        },
        agent: agent(2),
        report: Some(report(TASK, 1)),
        ..attempt(warrant)
    }
}

fn succession(ledger: &Ledger) -> Succession {
    let mut succession = Succession::found(&ledger.origin);
    for handover in &ledger.handovers {
        succession.take(handover).expect("it is certified");
    }
    succession
}

/// What shows the command of an entry that stands at an offset.
fn shown(ledger: &Ledger, index: Index, offset: u32) -> ShownEntry {
    let showcase = Showcase::build(index, &ledger.records()).expect("it is kept");
    showcase.show(offset).expect("there is such a command")
}

/// A ledger, and the entry that gives [`TASK`] to agent 1 with its second command.
fn given(trust: Trust, voters: u8) -> (Ledger, Index) {
    let ledger = worked(trust, voters);
    let is_given = |it: &&Index| {
        let showcase = Showcase::build(**it, &ledger.records());
        let entry = showcase.ok().and_then(|showcase| showcase.show(1));
        entry.is_some_and(|entry| {
            let order = attempt(codec::encode(&entry));
            warrant::check(&order, &succession(&ledger), None).is_ok()
        })
    };
    let index = *ledger.entries.keys().find(is_given).expect("it was given");
    (ledger, index)
}

#[test]
fn an_assignment_warrants_its_attempt_whatever_the_trust_and_a_known_certificate_counts() {
    for (trust, voters) in [
        (Trust::Byzantine, 1),
        (Trust::Byzantine, 4),
        (Trust::Crash, 3),
    ] {
        let (ledger, index) = given(trust, voters);
        let entry = shown(&ledger, index, 1);
        let order = attempt(codec::encode(&entry));
        let known = succession(&ledger);
        let warranted = warrant::check(&order, &known, None).expect("it is certified");
        assert_eq!(
            (warranted.position.index, warranted.position.offset),
            (index, 1)
        );
        let good = Some(&warranted.certificate);
        assert_eq!(
            warrant::check(&order, &known, good).as_ref(),
            Ok(&warranted)
        );
    }
}

#[test]
fn a_report_warrants_its_check_and_no_other() {
    let ledger = worked(Trust::Byzantine, 4);
    let entry = codec::encode(&shown(&ledger, ledger.last(), 1));
    let known = succession(&ledger);
    assert!(warrant::check(&check_of(entry.clone()), &known, None).is_ok());
    let mut other = check_of(entry);
    other.report = Some(report(OTHER_TASK, 1));
    let refused = warrant::check(&other, &known, None).unwrap_err();
    assert_eq!(refused.code(), "HMS-WARRANT-OTHER");
}

/// What becomes of an order whose warrant was changed.
fn refused(ledger: &Ledger, entry: &ShownEntry, known: &Succession) -> &'static str {
    let order = attempt(codec::encode(entry));
    let refused = warrant::check(&order, known, None);
    assert!(refused.is_err(), "of {} entries", ledger.entries.len());
    refused.map_or_else(|refusal| refusal.code(), |_| "good")
}

#[test]
fn a_warrant_that_is_forged_or_of_another_mesh_is_refused_with_its_own_reason() {
    let (ledger, index) = given(Trust::Byzantine, 4);
    let known = succession(&ledger);
    let good = shown(&ledger, index, 1);

    let mut forged = good.clone();
    forged.stretch.certificate.signers[0].1 = forged.stretch.certificate.signers[1].1;
    assert_eq!(
        refused(&ledger, &forged, &known),
        "HMS-RECEIPT-CERT-SIGNATURE"
    );
    let mut few = good.clone();
    few.stretch.certificate.signers.pop();
    assert_eq!(refused(&ledger, &few, &known), "HMS-RECEIPT-CERT-TOO-FEW");
    let mut moved = good.clone();
    moved.stretch.before = Hash::from_bytes([9; 32]);
    assert_eq!(refused(&ledger, &moved, &known), "HMS-RECEIPT-BROKEN");
    let mut invented = good.clone();
    invented.commands[0].field = shown(&ledger, index, 0).commands[0].field.clone();
    assert_eq!(refused(&ledger, &invented, &known), "HMS-RECEIPT-PATH");
    let mut none = good.clone();
    none.commands.clear();
    assert_eq!(refused(&ledger, &none, &known), "HMS-RECEIPT-NO-COMMAND");

    let elsewhere = Origin {
        mesh: hms_protocol::id::MeshId::from_bytes([8; 32]),
        ..ledger.origin
    };
    let (alone, at) = given(Trust::Byzantine, 1);
    let entry = shown(&alone, at, 1);
    let stranger = Succession::found(&elsewhere);
    assert_eq!(refused(&alone, &entry, &stranger), "HMS-RECEIPT-CERT-GROUP");
}

#[test]
fn an_order_without_a_warrant_or_with_that_of_another_command_is_refused() {
    let (ledger, index) = given(Trust::Byzantine, 4);
    let known = succession(&ledger);
    let refuse = |order: &Dispatch| warrant::check(order, &known, None).unwrap_err();
    assert_eq!(refuse(&attempt(Vec::new())), WarrantRefusal::Missing);
    let nonsense = refuse(&attempt(b"nonsense".to_vec()));
    assert_eq!(nonsense.code(), "HMS-WARRANT-MALFORMED");
    for offset in [0, 3] {
        let other = attempt(codec::encode(&shown(&ledger, index, offset)));
        assert_eq!(refuse(&other).code(), "HMS-WARRANT-OTHER");
    }
    let good = codec::encode(&shown(&ledger, index, 1));
    for other in [
        Dispatch {
            agent: agent(2),
            ..attempt(good.clone())
        },
        Dispatch {
            run: Run::Attempt {
                task: TASK,
                attempt: 2,
            },
            ..attempt(good.clone())
        },
        check_of(good),
    ] {
        assert_eq!(refuse(&other).code(), "HMS-WARRANT-OTHER");
    }
}

/// A leader that is cut off from its quorum has entries, and nothing that certifies them.
#[test]
fn what_no_quorum_has_certified_warrants_nothing() {
    let mut ledger = Ledger::of(Trust::Byzantine, 4);
    let index = ledger.batch(&[submit(TASK), assign(TASK, 1)]);
    let built = Showcase::build(index, &ledger.records()).map(|_| ());
    assert_eq!(built, Err(BuildRefusal::Uncertified { index }));
}

#[test]
fn an_order_under_voters_that_are_not_known_yet_is_early() {
    let (ledger, index) = given(Trust::Byzantine, 4);
    let founder = Succession::found(&ledger.origin);
    let order = attempt(codec::encode(&shown(&ledger, index, 1)));
    let early = warrant::check(&order, &founder, None).unwrap_err();
    assert_eq!(early.code(), "HMS-RECEIPT-EPOCH");
    assert!(early.is_early());
}
