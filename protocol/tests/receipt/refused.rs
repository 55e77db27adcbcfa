//! Every reason to refuse a receipt has a code of its own.

use hms_protocol::certificate::{Certificate, Phase, Statement};
use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::envelope::{Audience, BodyKind};
use hms_protocol::id::{Epoch, Index, Term};
use hms_protocol::receipt::{Receipt, ShownEntry};
use hms_protocol::trust::Trust;

use crate::ledger::{Ledger, TERM, agent_key, genesis, key};
use crate::work::{
    OTHER_TASK, TASK, assign, greet, header, judged, receipt, report, reported, sealed_report,
    submit, verified, worked,
};

fn check(change: impl FnOnce(&mut Receipt), code: &str) {
    check_in(&verified(Trust::Byzantine, 3), change, code);
}

fn check_in(ledger: &Ledger, change: impl FnOnce(&mut Receipt), code: &str) {
    let mut receipt = receipt(ledger);
    assert!(receipt.verify(&ledger.origin).is_ok());
    change(&mut receipt);
    let refusal = receipt.verify(&ledger.origin).expect_err("it was changed");
    assert_eq!(refusal.code(), code, "{refusal}");
}

/// Signs another statement for the first entry.
fn sign(receipt: &mut Receipt, signers: &[u8], change: impl FnOnce(&mut Statement)) {
    let certificate = &mut receipt.entries[0].stretch.certificate;
    let mut statement = certificate.statement;
    change(&mut statement);
    let signed = signers.iter().map(|number| statement.attest(&key(*number)));
    let mut signers: Vec<_> = signed.map(|it| (it.voter, it.signature)).collect();
    signers.sort_by_key(|(node, _)| *node);
    *certificate = Certificate { statement, signers };
}

#[test]
fn a_receipt_of_another_mesh_is_refused() {
    let ledger = verified(Trust::Byzantine, 3);
    let mut receipt = receipt(&ledger);
    let other = codec::origin::read(&genesis(Trust::Byzantine, 8)).unwrap();
    let refusal = receipt.verify(&other).unwrap_err();
    assert_eq!(refusal.code(), "HMS-RECEIPT-MESH");
    // Renaming the mesh does not help: the voters signed its name.
    receipt.mesh = other.mesh;
    let refusal = receipt.verify(&other).unwrap_err();
    assert_eq!(refusal.code(), "HMS-RECEIPT-CERT-GROUP");
    // A mesh that trusts its voters more has another genesis.
    let crash = codec::origin::read(&genesis(Trust::Crash, 7)).unwrap();
    assert_ne!(crash.mesh, ledger.origin.mesh);
}

#[test]
fn a_certificate_is_of_a_quorum_of_the_voters() {
    check(|it| sign(it, &[1, 9], |_| ()), "HMS-RECEIPT-CERT-VOTER");
    check(|it| sign(it, &[2], |_| ()), "HMS-RECEIPT-CERT-TOO-FEW");
    check(|it| sign(it, &[2, 2], |_| ()), "HMS-RECEIPT-CERT-DUPLICATE");
    check(
        |it| it.entries[0].stretch.certificate.signers.swap(0, 1),
        "HMS-RECEIPT-CERT-ORDER",
    );
    check(
        |it| {
            let signers = &mut it.entries[0].stretch.certificate.signers;
            signers[1].1 = signers[0].1;
        },
        "HMS-RECEIPT-CERT-SIGNATURE",
    );
    check(
        |it| sign(it, &[1, 2], |statement| statement.epoch = Epoch(77)),
        "HMS-RECEIPT-EPOCH",
    );
    check(
        |it| sign(it, &[1], |statement| statement.epoch = Epoch(1)),
        "HMS-RECEIPT-SUPERSEDED",
    );
}

#[test]
fn a_certificate_is_final_by_locks_where_somebody_may_lie() {
    let hold = |it: &mut Receipt| sign(it, &[1, 2, 3], |statement| statement.phase = Phase::Held);
    let lock = |it: &mut Receipt| sign(it, &[1, 2], |statement| statement.phase = Phase::Locked);
    let not_final = "HMS-RECEIPT-NOT-FINAL";
    check_in(&verified(Trust::Byzantine, 4), hold, not_final);
    check_in(&verified(Trust::Byzantine, 3), lock, not_final);
    check_in(&verified(Trust::Crash, 4), lock, not_final);
}

#[test]
fn no_link_can_be_cut_added_or_changed() {
    let check = |change: &dyn Fn(&mut Receipt), code| {
        check_in(&worked(Trust::Byzantine, 3), change, code);
    };
    let links = "HMS-RECEIPT-LINKS";
    check(&|it| it.entries[0].stretch.links.truncate(1), links);
    check(&|it| it.entries[0].stretch.links.clear(), links);
    check(
        &|it| {
            let links = &mut it.entries[0].stretch.links;
            links.push(links[0]);
        },
        links,
    );
    check(
        &|it| it.entries[0].stretch.index = Index(u64::MAX),
        "HMS-RECEIPT-ENTRY-ORDER",
    );
    let broken = "HMS-RECEIPT-BROKEN";
    check(&|it| it.entries[0].stretch.links.swap(0, 1), broken);
    check(&|it| it.entries[0].stretch.before = Hash::default(), broken);
    check(&|it| it.entries[0].stretch.term = Term(TERM.0 + 1), broken);
    check(&|it| it.entries[0].stretch.links[0].term = Term(0), broken);
    check(
        &|it| {
            let stretch = &mut it.entries[0].stretch;
            stretch.links[1].kind = stretch.links[0].kind;
        },
        broken,
    );
    check(
        &|it| sign(it, &[1, 2], |statement| statement.hash = Hash::default()),
        broken,
    );
}

#[test]
fn a_command_stays_where_it_stands() {
    let path = "HMS-RECEIPT-PATH";
    let moved = |it: &mut Receipt| {
        let command = it.entries[3].commands.pop();
        it.entries[2].commands.extend(command);
    };
    check(moved, path);
    check(|it| it.entries[3].commands[0].path.index = 3, path);
    check(|it| it.entries[3].commands[0].path.size = 9, path);
    check(|it| it.entries[0].stamp = it.entries[1].stamp.clone(), path);
    check(|it| it.entries[0].stamp.path.index = 0, path);
    check(
        |it| it.entries[0].version = it.entries[0].stamp.clone(),
        path,
    );
    check(
        |it| it.entries[3].commands.swap(0, 1),
        "HMS-RECEIPT-COMMAND-ORDER",
    );
    let head = |it: &mut Receipt| it.entries[0].commands[0] = it.entries[0].stamp.clone();
    check(head, "HMS-RECEIPT-COMMAND-ORDER");
    check(|it| it.entries.swap(0, 1), "HMS-RECEIPT-ENTRY-ORDER");
    check(
        |it| it.entries[1].commands.clear(),
        "HMS-RECEIPT-NO-COMMAND",
    );
}

#[test]
fn a_task_begins_with_its_submission() {
    check(|it| drop(it.entries.remove(0)), "HMS-RECEIPT-UNSUBMITTED");
    check(|it| it.entries.clear(), "HMS-RECEIPT-UNSUBMITTED");
    check(|it| it.task = OTHER_TASK, "HMS-RECEIPT-TASK");
}

#[test]
fn agents_are_certified_by_their_nodes() {
    check(|it| drop(it.agents.remove(1)), "HMS-RECEIPT-AGENT");
    check(|it| it.agents.swap(0, 1), "HMS-RECEIPT-AGENT-ORDER");
    check(
        |it| it.agents.push(it.agents[2].clone()),
        "HMS-RECEIPT-AGENT-ORDER",
    );
    let unsigned = "HMS-RECEIPT-AGENT-SIGNATURE";
    check(|it| it.agents[0].key = agent_key(2).public(), unsigned);
    check(|it| it.agents[0].slots = 9, unsigned);
}

/// A ledger of one voter that holds one batch, and the receipt that shows these of its commands.
fn check_batch(
    decisions: impl FnOnce(&Ledger) -> Vec<hms_proto::v1::command::Decide>,
    offsets: &[u32],
    code: &str,
) {
    let mut ledger = Ledger::found(Trust::Byzantine);
    (1..=3).for_each(|number| ledger.enrol(number));
    ledger.certified(&[greet()]);
    let decisions = decisions(&ledger);
    let index = ledger.certified(&decisions);
    let shown: ShownEntry = ledger.show(index, offsets);
    let receipt = Receipt {
        mesh: ledger.origin.mesh,
        task: TASK,
        entries: vec![shown],
        handovers: Vec::new(),
        agents: ledger.agents.values().cloned().collect(),
    };
    let outcome = receipt.verify(&ledger.origin);
    let outcome = outcome.map_or_else(|refusal| refusal.code(), |_| "believed");
    assert_eq!(outcome, code);
}

#[test]
fn what_stands_in_the_ledger_is_of_the_task_or_refused() {
    let others = |_: &Ledger| vec![submit(TASK), submit(OTHER_TASK), submit(TASK), greet()];
    check_batch(others, &[0], "believed");
    check_batch(others, &[0, 1], "HMS-RECEIPT-TASK");
    check_batch(others, &[0, 2], "HMS-RECEIPT-RESUBMITTED");
    check_batch(others, &[0, 3], "HMS-RECEIPT-COMMAND");
}

#[test]
fn what_is_sealed_opens_and_fits_what_came_before() {
    let begun = |last| vec![submit(TASK), assign(TASK, 1), last];
    let all = &[0, 1, 2][..];
    let believed = |it: &Ledger| {
        let sealed = sealed_report(it.origin.mesh, &report(TASK, 1), 1);
        begun(reported(&sealed))
    };
    check_batch(believed, all, "believed");
    check_batch(believed, &[0, 2], "HMS-RECEIPT-UNASSIGNED");

    let of_another = |it: &Ledger| {
        let sealed = sealed_report(it.origin.mesh, &report(OTHER_TASK, 1), 1);
        begun(reported(&sealed))
    };
    check_batch(of_another, all, "HMS-RECEIPT-TASK");
    let of_nobody = |it: &Ledger| {
        let sealed = sealed_report(it.origin.mesh, &report(TASK, 2), 2);
        begun(reported(&sealed))
    };
    check_batch(of_nobody, all, "HMS-RECEIPT-UNASSIGNED");
    let unseen = |it: &Ledger| begun(judged(it.origin.mesh, &report(TASK, 1), 2));
    check_batch(unseen, all, "HMS-RECEIPT-NO-REPORT");
    let for_another_mesh = |_: &Ledger| {
        let mesh = hms_protocol::id::MeshId::from_bytes([3; 32]);
        begun(reported(&sealed_report(mesh, &report(TASK, 1), 1)))
    };
    check_batch(for_another_mesh, all, "HMS-RECEIPT-SEALED");
    let for_another_agent = |it: &Ledger| {
        let sealed = sealed_report(it.origin.mesh, &report(TASK, 1), 2);
        begun(reported(&sealed))
    };
    check_batch(for_another_agent, all, "HMS-RECEIPT-COMMAND");
}

#[test]
fn what_is_sealed_with_another_key_or_for_others_is_refused() {
    let begun = |last| vec![submit(TASK), assign(TASK, 1), last];
    let all = &[0, 1, 2][..];
    let body = || codec::encode(&report(TASK, 1));
    let with_another_key = |it: &Ledger| {
        let header = header(it.origin.mesh, 1, BodyKind::Report);
        let sealed = codec::envelope::seal(header, body(), &agent_key(2));
        begun(reported(&sealed))
    };
    check_batch(with_another_key, all, "HMS-RECEIPT-SEALED");
    let for_everybody = |it: &Ledger| {
        let mut header = header(it.origin.mesh, 1, BodyKind::Report);
        header.audience = Audience::Mesh;
        let sealed = codec::envelope::seal(header, body(), &agent_key(1));
        begun(reported(&sealed))
    };
    check_batch(for_everybody, all, "HMS-RECEIPT-ADDRESS");
    let as_a_verdict = |it: &Ledger| {
        let header = header(it.origin.mesh, 1, BodyKind::Verdict);
        let sealed = codec::envelope::seal(header, body(), &agent_key(1));
        begun(reported(&sealed))
    };
    check_batch(as_a_verdict, all, "HMS-RECEIPT-ADDRESS");
}
