//! What a receipt proves: of meshes of one, three and four voters, of work and of proofs, and what it costs.

use hms_protocol::codec;
use hms_protocol::id::{Index, Position};
use hms_protocol::receipt::{BuildRefusal, Deed, Proven, Receipt};
use hms_protocol::refusal::Refusal;
use hms_protocol::task::Outcome;
use hms_protocol::trust::Trust;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::ledger::{Ledger, agent, node};
use crate::work::{
    OTHER_TASK, TASK, assign, greet, receipt, report, reported, sealed_report, start, submit,
    verified, worked,
};

/// Takes the receipt of a ledger, carries it over the wire, and checks it with nothing but the genesis.
fn prove(ledger: &Ledger) -> Proven {
    let receipt = receipt(ledger);
    let read: Receipt = codec::decode_exact(&codec::encode(&receipt)).expect("it is exact");
    assert_eq!(read, receipt);
    read.verify(&ledger.origin).expect("it was not changed")
}

/// What the reports say came of it.
fn outcomes(proven: &Proven) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for command in &proven.commands {
        if let Deed::Reported { report, .. } = &command.deed {
            outcomes.push(report.result.outcome);
        }
    }
    outcomes
}

fn words(proven: &Proven) -> Vec<&'static str> {
    proven.commands.iter().map(|it| it.deed.name()).collect()
}

#[test]
fn work_is_proven_in_meshes_of_every_size() {
    for trust in [Trust::Crash, Trust::Byzantine] {
        for voters in [1, 3, 4] {
            let ledger = worked(trust, voters);
            let proven = prove(&ledger);
            let expected = ["submitted", "assigned", "started", "reported"];
            assert_eq!(words(&proven), expected, "{voters} voters");
            assert_eq!((proven.task, proven.via), (TASK, node(1)));
            assert_eq!(outcomes(&proven), [Outcome::Success]);
            assert_eq!(proven.head.index, ledger.last());
            assert_eq!(proven.head.signers.len(), ledger.voters.quorum());
        }
    }
}

#[test]
fn a_command_is_shown_where_it_stands() {
    let proven = prove(&worked(Trust::Crash, 3));
    let first = proven.commands[0].position.index.0;
    let places: Vec<_> = proven.commands.iter().map(|it| it.position).collect();
    let place = |index, offset| Position {
        index: Index(first + index),
        offset,
    };
    assert_eq!(places, [place(0, 1), place(3, 1), place(3, 3), place(5, 1)]);
}

#[test]
fn a_proof_is_shown_with_its_verdicts() {
    for voters in [1, 3, 4] {
        let proven = prove(&verified(Trust::Byzantine, voters));
        let expected = ["submitted", "assigned", "reported", "judged", "judged"];
        assert_eq!(words(&proven), expected);
        assert_eq!(outcomes(&proven), [Outcome::Success]);
        let Deed::Reported {
            digest, node: at, ..
        } = &proven.commands[2].deed
        else {
            panic!("the third is the report");
        };
        assert_eq!((*digest, *at), (report(TASK, 1).digest(), node(1)));
        let sealers: Vec<_> = proven
            .commands
            .iter()
            .filter_map(|it| it.deed.sealer())
            .collect();
        assert_eq!(sealers, [agent(1), agent(2), agent(3)]);
    }
}

#[test]
fn voters_may_change_while_a_task_is_done() {
    use hms_protocol::membership::Becomes;
    let mut ledger = Ledger::of(Trust::Byzantine, 3);
    ledger.enrol(1);
    ledger.certified(&[submit(TASK)]);
    ledger.hand_over(4, Becomes::Voter);
    ledger.batch(&[assign(TASK, 1)]);
    // Certified only by those who came after the next change, over which the links lead.
    ledger.hand_over(2, Becomes::Removed);
    let done = sealed_report(ledger.origin.mesh, &report(TASK, 1), 1);
    ledger.certified(&[reported(&done)]);
    let receipt = receipt(&ledger);
    assert_eq!(receipt.handovers.len(), 4);
    let proven = receipt.verify(&ledger.origin).unwrap();
    assert_eq!(outcomes(&proven), [Outcome::Success]);
    assert!(!proven.head.signers.contains(&node(2)));
}

#[test]
fn what_cannot_be_believed_is_left_out() {
    let mut ledger = Ledger::of(Trust::Crash, 1);
    ledger.enrol(1);
    let mesh = ledger.origin.mesh;
    let mut forged = report(TASK, 1);
    forged.agent = agent(2);
    // Of an agent that was given nothing and has no certificate; and before the task was submitted.
    let forged = reported(&sealed_report(mesh, &forged, 2));
    let early = assign(TASK, 1);
    ledger.certified(&[early, submit(TASK), submit(TASK), forged, assign(TASK, 1)]);
    let proven = prove(&ledger);
    assert_eq!(words(&proven), ["submitted", "assigned"]);
    assert_eq!(proven.commands[1].position.offset, 4);
}

#[test]
fn a_receipt_is_not_made_before_its_time_nor_after_it() {
    let mut ledger = worked(Trust::Crash, 3);
    let refusal = |ledger: &Ledger| Receipt::build(TASK, &ledger.records()).unwrap_err();
    let at = ledger.batch(&[start(TASK, 1)]);
    assert_eq!(refusal(&ledger), BuildRefusal::Uncertified { index: at });
    ledger.certify();
    let first = receipt(&ledger).entries[0].stretch.index;
    let before = Index(first.0 - 1);
    ledger.entries = ledger.entries.split_off(&first);
    assert_eq!(refusal(&ledger), BuildRefusal::Compacted { index: before });
    ledger.entries = ledger.entries.split_off(&first.next());
    assert_eq!(refusal(&ledger), BuildRefusal::NotKept { task: TASK });
}

/// F1: whoever asks in vain is told what is missing and what to do, by a code that scripts can rely on.
#[test]
fn a_task_without_a_receipt_is_refused_with_what_to_do() {
    let say = |why| {
        let refusal = Refusal::NoReceipt { task: TASK, why };
        (refusal.code(), refusal.hint())
    };
    let index = Index(7);
    let late = say(BuildRefusal::Compacted { index });
    assert_eq!(late.0, "HMS-RECEIPT-COMPACTED");
    assert!(late.1.starts_with("take receipts sooner"), "{late:?}");
    let early = say(BuildRefusal::Uncertified { index });
    assert_eq!(early, ("HMS-RECEIPT-UNCERTIFIED", "ask again in a moment"));
}

/// A client keeps thousands of them.
#[test]
fn the_receipt_of_a_simple_task_is_small() {
    let mut ledger = Ledger::of(Trust::Byzantine, 3);
    ledger.enrol(1);
    ledger.certified(&[submit(TASK)]);
    ledger.certified(&[assign(TASK, 1)]);
    ledger.certified(&[start(TASK, 1)]);
    let done = sealed_report(ledger.origin.mesh, &report(TASK, 1), 1);
    ledger.certified(&[reported(&done)]);
    let bytes = codec::encode(&receipt(&ledger)).len();
    assert!(bytes < 8 * 1024, "{bytes} bytes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Wherever the commands stand in their batches, and however far off the certificates are.
    #[test]
    fn whatever_is_kept_can_be_shown(
        places in vec((0..40_usize, 0..40_usize, 0..3_u8), 3), voters in 1..=4_u8,
    ) {
        let mut ledger = Ledger::of(Trust::Byzantine, voters);
        ledger.enrol(1);
        let done = sealed_report(ledger.origin.mesh, &report(TASK, 1), 1);
        let commands = [submit(TASK), assign(TASK, 1), reported(&done)];
        for (command, (before, after, links)) in commands.into_iter().zip(places) {
            let mut batch = vec![greet(); before];
            batch.push(command);
            batch.extend(vec![submit(OTHER_TASK); after]);
            ledger.batch(&batch);
            (0..links).for_each(|_| { ledger.batch(&[greet()]); });
            ledger.certify();
        }
        let proven = prove(&ledger);
        prop_assert_eq!(words(&proven), ["submitted", "assigned", "reported"]);
    }
}
