//! Receipts are taken from a mesh and believed without it.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::mesh::{Mesh, Said, hms};

/// A mesh with a task that is done, and a folder to keep what is taken.
fn with_a_task() -> (Mesh, String, TempDir) {
    let mesh = Mesh::up(1, &[]);
    let submit = ["task", "submit", "--skill", "echo", "--input", "hello"];
    let done = mesh.json(&[&submit[..], &["--wait"]].concat());
    let task = done["task"].as_str().expect("it has an id").to_owned();
    (mesh, task, tempfile::tempdir().expect("a folder"))
}

/// Checks a receipt, with nothing but two files.
fn verify(receipt: &Path, genesis: &Path, options: &[&str]) -> Said {
    let [receipt, genesis] = [receipt, genesis].map(|path| path.to_str().expect("UTF-8"));
    let verify = ["receipt", "verify", receipt, "--genesis", genesis];
    hms(&[&verify[..], options].concat())
}

/// F1, DAT-2: a receipt and the genesis, taken from a running mesh, show to anybody what was done, and the mesh may be gone.
#[test]
fn a_receipt_is_taken_from_a_mesh_and_believed_without_it() {
    let (mesh, task, folder) = with_a_task();
    let receipt = folder.path().join("my.receipt");
    let genesis = folder.path().join("my.genesis");
    let [receipt_name, genesis_name] =
        [&receipt, &genesis].map(|path| path.to_str().expect("UTF-8"));
    let said = mesh.hms(&["task", "receipt", &task, "--out", receipt_name]);
    let said = said.done();
    assert!(
        said.contains(&format!("hms receipt verify {receipt_name} --genesis")),
        "{said}"
    );
    let founded = mesh.json(&["mesh", "genesis", "--out", genesis_name]);
    assert_eq!(founded["mesh"], mesh.json(&["status"])["mesh"]);
    drop(mesh);

    let proven: Value = verify(&receipt, &genesis, &["-o", "json"]).json();
    assert_eq!(
        (&proven["task"], &proven["mesh"]),
        (&task.as_str().into(), &founded["mesh"])
    );
    let commands = proven["commands"].as_array().expect("a list");
    let last = commands.last().expect("what the task was about");
    assert_eq!(last["result"]["output"], "hello", "{proven}");
    let told = verify(&receipt, &genesis, &[]).done();
    assert!(told.contains("success, 5 B"), "{told}");

    // One byte of a signature is another signature.
    let mut forged = fs::read(&receipt).expect("it was written");
    let last = forged.len() - 1;
    forged[last] ^= 1;
    fs::write(&receipt, &forged).expect("it can be changed");
    verify(&receipt, &genesis, &[]).expect_fault(5, "HMS-RECEIPT-AGENT-SIGNATURE");
}

/// Files that are there already are safe, and what cannot be shown is refused.
#[test]
fn a_file_is_not_overwritten_and_an_unknown_task_has_no_receipt() {
    let (mesh, task, folder) = with_a_task();
    let path = folder.path().join("kept");
    fs::write(&path, "precious").expect("a small file");
    let name = path.to_str().expect("UTF-8");
    for take in [&["task", "receipt", &task][..], &["mesh", "genesis"]] {
        let take = [take, &["--out", name]].concat();
        mesh.hms(&take).expect_fault(1, "HMS-FILE-EXISTS");
        assert_eq!(fs::read(&path).expect("it is there"), b"precious");
    }
    let replaced = mesh.json(&["mesh", "genesis", "--out", name, "--force"]);
    let bytes = fs::read(&path).expect("it is there").len();
    assert_eq!(replaced["bytes"], bytes);

    let nobody = "00000000-0000-4000-8000-000000000000";
    let none = mesh.hms(&["task", "receipt", nobody]);
    none.expect_fault(1, "HMS-UNKNOWN-TASK");
    assert!(!Path::new(&format!("{nobody}.receipt")).exists());
}
