//! The audit log is read from a mesh, exported, and checked without it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::mesh::{Mesh, Said, hms};

/// The lines of an answer, each an object.
fn objects(said: &str) -> Vec<Value> {
    let lines = said.lines();
    let read = lines.map(|line| serde_json::from_str(line).expect("every line is an object"));
    read.collect()
}

fn verify(ledger: &Path, genesis: &Path, options: &[&str]) -> Said {
    let [ledger, genesis] = [ledger, genesis].map(|path| path.to_str().expect("UTF-8"));
    let verify = ["audit", "verify", ledger, "--genesis", genesis];
    hms(&[&verify[..], options].concat())
}

/// DAT-2: who did what, when and why is read from the mesh; its ledger is exported, checked with the genesis alone, and any
/// edit is noticed and named.
#[test]
fn the_audit_log_is_read_exported_and_checked() {
    let mesh = Mesh::up(3, &[]);
    let submit = ["task", "submit", "--skill", "echo", "--input", "hello"];
    let done = mesh.json(&[&submit[..], &["--wait"]].concat());
    let task = done["task"].as_str().expect("it has an id");

    let found = mesh.hms(&["audit", "search", "--task", task, "-o", "json"]);
    let verbs: Vec<Value> = objects(&found.done())
        .into_iter()
        .map(|act| act["what"].clone())
        .collect();
    assert_eq!(verbs, ["submitted", "assigned", "reported"]);
    let joined = mesh.hms(&["audit", "search", "--what", "joined", "-o", "json"]);
    let joined: BTreeSet<String> = objects(&joined.done())
        .iter()
        .map(|act| act["note"].to_string())
        .collect();
    let names = ["n1", "n2", "n3"].map(|name| format!("\"as {name}\""));
    assert_eq!(joined, BTreeSet::from(names));
    let told = mesh.hms(&["audit", "tail", "-n", "3"]).done();
    assert_eq!(told.lines().count(), 3, "{told}");
    let by_node = mesh
        .hms(&["audit", "search", "--node", "n2", "promoted"])
        .done();
    assert!(by_node.contains("node n2  it votes"), "{by_node}");

    let folder = tempfile::tempdir().expect("a folder");
    let (ledger, genesis) = (folder.path().join("l"), folder.path().join("g"));
    let [ledger_name, genesis_name] = [&ledger, &genesis].map(|path| path.to_str().expect("UTF-8"));
    mesh.json(&["mesh", "genesis", "--out", genesis_name]);
    let exported = mesh.json(&["audit", "export", "--out", ledger_name]);
    assert_eq!(exported["first"], 2, "from the first entry on");
    drop(mesh);

    let good = verify(&ledger, &genesis, &["-o", "json"]).json();
    assert_eq!(good["entries"], exported["entries"]);
    assert_eq!(good["head"]["signers"].as_array().map(Vec::len), Some(2));
    let offline = ["audit", "search", "--task", task, "--file", ledger_name];
    assert!(hms(&offline).done().contains("attempt 1: success"));

    // One letter of what was asked.
    let mut forged = fs::read(&ledger).expect("it was written");
    let place = forged.windows(5).position(|it| it == b"hello");
    forged[place.expect("the input stands in the ledger")] ^= 1;
    fs::write(&ledger, &forged).expect("it can be changed");
    verify(&ledger, &genesis, &[]).expect_fault(5, "HMS-TRANSCRIPT-CHANGED");
    fs::write(&ledger, &forged[..forged.len() - 7]).expect("it can be cut");
    verify(&ledger, &genesis, &[]).expect_fault(5, "HMS-TRANSCRIPT-CHANGED");
}

/// What is no ledger, or not all of one, is an error and not a verdict.
#[test]
fn what_is_no_exported_ledger_is_refused() {
    let mesh = Mesh::up(1, &[]);
    let folder = tempfile::tempdir().expect("a folder");
    let (ledger, genesis) = (folder.path().join("l"), folder.path().join("g"));
    let [ledger_name, genesis_name] = [&ledger, &genesis].map(|path| path.to_str().expect("UTF-8"));
    mesh.json(&["mesh", "genesis", "--out", genesis_name]);
    mesh.json(&["audit", "export", "--out", ledger_name]);
    mesh.hms(&["audit", "export", "--out", ledger_name])
        .expect_fault(1, "HMS-FILE-EXISTS");
    let whole = fs::read(&ledger).expect("it was written");
    let check = |bytes: &[u8], exit: i32, code: &str| {
        fs::write(&ledger, bytes).expect("a small file");
        verify(&ledger, &genesis, &[]).expect_fault(exit, code);
    };
    check(&whole[..whole.len() - 1], 1, "HMS-FILE-CUT-OFF");
    check(&[b'x'; 200], 1, "HMS-FILE-TRANSCRIPT");
    check(b"", 5, "HMS-TRANSCRIPT-OPENING");
    let other = Mesh::up(1, &[]);
    other.json(&["mesh", "genesis", "--out", genesis_name, "--force"]);
    fs::write(&ledger, &whole).expect("a small file");
    verify(&ledger, &genesis, &[]).expect_fault(5, "HMS-TRANSCRIPT-MESH");
}
