//! What receipts cost: to name the data of an entry, and to make, read and verify the receipt of a simple task.
//!
//! Run with `cargo bench -p hms-protocol --bench receipt`. The meshes are those of one, three, four and seven voters; the
//! task has four commands in four entries, each with its own certificate.

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/receipt/ledger.rs"]
mod ledger;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/receipt/work.rs"]
mod work;

use divan::{Bencher, black_box};
use hms_protocol::chain::{self, EntryKind};
use hms_protocol::codec;
use hms_protocol::limits::BATCH_COMMANDS_MAX;
use hms_protocol::receipt::Receipt;
use hms_protocol::trust::Trust;

use ledger::Ledger;
use work::{TASK, assign, greet, receipt, report, reported, sealed_report, start, submit};

const VOTERS: [u8; 4] = [1, 3, 4, 7];

fn main() {
    divan::main();
}

/// A ledger in which a task was done.
fn simple(voters: u8) -> Ledger {
    let mut ledger = Ledger::of(Trust::Byzantine, voters);
    ledger.enrol(1);
    ledger.certified(&[submit(TASK)]);
    ledger.certified(&[assign(TASK, 1)]);
    ledger.certified(&[start(TASK, 1)]);
    let done = sealed_report(ledger.origin.mesh, &report(TASK, 1), 1);
    ledger.certified(&[reported(&done)]);
    ledger
}

#[divan::bench(args = VOTERS)]
fn verify(bencher: Bencher, voters: u8) {
    let ledger = simple(voters);
    let receipt = receipt(&ledger);
    bencher.bench(|| black_box(&receipt).verify(&ledger.origin));
}

#[divan::bench(args = VOTERS)]
fn build(bencher: Bencher, voters: u8) {
    let ledger = simple(voters);
    bencher.bench(|| Receipt::build(TASK, black_box(&ledger.records())));
}

#[divan::bench(args = VOTERS)]
fn decode(bencher: Bencher, voters: u8) {
    let bytes = codec::encode(&receipt(&simple(voters)));
    bencher.bench(|| codec::decode_exact::<Receipt>(black_box(&bytes)));
}

/// Of a batch of one command, and of the largest.
#[divan::bench(args = [1, BATCH_COMMANDS_MAX])]
fn digest(bencher: Bencher, commands: usize) {
    let mut ledger = Ledger::found(Trust::Byzantine);
    let index = ledger.batch(&vec![greet(); commands]);
    let data = &ledger.entries[&index].data;
    bencher.bench(|| chain::digest(EntryKind::Batch, black_box(data)));
}

/// The same without the tree, to compare.
#[divan::bench(args = [1, BATCH_COMMANDS_MAX])]
fn digest_without_tree(bencher: Bencher, commands: usize) {
    let mut ledger = Ledger::found(Trust::Byzantine);
    let index = ledger.batch(&vec![greet(); commands]);
    let data = &ledger.entries[&index].data;
    bencher.bench(|| chain::digest(EntryKind::Membership, black_box(data)));
}
