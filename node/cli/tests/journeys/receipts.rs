//! Receipts are checked by the program alone: two files, no mesh.

use std::fs;
use std::path::Path;

use hms_client::domain::codec;
use hms_client::domain::genesis::Founding;
use hms_client::domain::keyring::SecretKey;
use hms_client::domain::time::Moment;
use hms_client::domain::trust::Trust;
use tempfile::TempDir;

use crate::mesh::{Said, hms};

const RECEIPT: &[u8] = include_bytes!("../../../../proto/golden/receipt.bin");
const GENESIS: &[u8] = include_bytes!("../../../../proto/golden/genesis.bin");

/// Puts a receipt and a genesis into files.
struct Files {
    folder: TempDir,
}

impl Files {
    fn of(receipt: &[u8], genesis: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes) in [("task.receipt", receipt), ("mesh.genesis", genesis)] {
            fs::write(folder.path().join(name), bytes).expect("room for a small file");
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        let path: &Path = &self.folder.path().join(name);
        path.to_str().expect("a path in UTF-8").to_owned()
    }

    fn verify(&self, options: &[&str]) -> Said {
        let (receipt, genesis) = (self.path("task.receipt"), self.path("mesh.genesis"));
        hms(&[
            &["receipt", "verify", &receipt, "--genesis", &genesis],
            options,
        ]
        .concat())
    }
}

/// One bit of the byte where this begins is another one.
fn change(bytes: &[u8], at: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let found = bytes.windows(at.len()).position(|bytes| bytes == at);
    changed[found.expect("it is in there")] ^= 1;
    changed
}

/// What another operator has signed.
fn another_genesis() -> Vec<u8> {
    let key = SecretKey::from_seed(&[8; 32]);
    let founding = Founding {
        operator: key.public(),
        founder: key.public().into(),
        name: "n1".parse().expect("it is a name"),
        voters_wanted: 1,
        replace_voter_after_ms: 0,
        trust: Trust::Crash,
        founded_at: Moment(0),
        salt: [8; 32],
    };
    codec::encode(&founding.sign(&key).expect("the operator signs"))
}

#[test]
fn a_good_receipt_is_proven_in_text_and_in_json() {
    let files = Files::of(RECEIPT, GENESIS);
    let text = files.verify(&[]).done();
    assert!(text.starts_with("receipt   good\n"), "{text}");
    let json = files.verify(&["-o", "json"]).json();
    assert_eq!(json["good"], true);
    assert_eq!(json["commands"][3]["result"]["output"], "hello");
    let shown = hms(&["receipt", "show", &files.path("task.receipt"), "-o", "json"]).json();
    assert_eq!(shown["task"], json["task"]);
}

#[test]
fn a_forged_receipt_ends_with_the_link_that_is_broken() {
    let result = Files::of(&change(RECEIPT, b"hello"), GENESIS).verify(&[]);
    result.expect_fault(5, "HMS-RECEIPT-PATH");
    assert_eq!(result.out, "");
    let unsigned = change(GENESIS, &[7; 32]);
    let changed = Files::of(RECEIPT, &unsigned).verify(&["-o", "json"]);
    changed.expect_fault(1, "HMS-FILE-GENESIS");
    let other = Files::of(RECEIPT, &another_genesis()).verify(&["-o", "json"]);
    other.expect_fault(5, "HMS-RECEIPT-MESH");
}

#[test]
fn what_is_no_receipt_is_an_error_and_not_a_verdict() {
    let cut = Files::of(&RECEIPT[..100], GENESIS).verify(&[]);
    cut.expect_fault(1, "HMS-FILE-RECEIPT");
    let mixed = Files::of(GENESIS, RECEIPT).verify(&[]);
    mixed.expect_fault(1, "HMS-FILE-GENESIS");
    let nothing = hms(&["receipt", "show", "/nowhere/task.receipt"]);
    nothing.expect_fault(1, "HMS-FILE-UNREADABLE");
    assert_eq!(hms(&["receipt", "verify"]).code, 64);
}
