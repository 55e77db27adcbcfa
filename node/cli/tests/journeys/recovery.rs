//! MSH-12, DAT-6: a mesh that has lost its quorum goes on with one of its voters, and one that is gone with a snapshot on a
//! new machine; receipts of before stay good, and everybody sees what was done.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::mesh::{Mesh, SOON, Said, hms};

/// A mesh of three, with a task done, its receipt and the genesis.
fn mesh_with_a_receipt() -> (Mesh, String, String) {
    let mesh = Mesh::up(3, &[]);
    mesh.until("three vote", |mesh| votes(&list(mesh)).len() == 3);
    let (receipt, genesis) = (mesh.place("before.receipt"), mesh.place("genesis.hms"));
    take_receipt(&mesh, &receipt);
    mesh.hms(&["mesh", "genesis", "--out", &genesis]).done();
    (mesh, receipt, genesis)
}

/// Has a task done, and keeps its receipt.
fn take_receipt(mesh: &Mesh, file: &str) {
    let submit = [
        "task", "submit", "--skill", "echo", "--input", "hi", "--wait",
    ];
    let task = mesh.json(&submit);
    let task = task["task"].as_str().or(task["id"].as_str());
    let task = task.expect("it has an id").to_owned();
    mesh.hms(&["task", "receipt", &task, "--out", file]).done();
}

fn list(mesh: &Mesh) -> Value {
    let said = mesh.hms(&["operator", "raft", "list", "-o", "json"]);
    serde_json::from_str(&said.out).unwrap_or_default()
}

fn votes(nodes: &Value) -> Vec<String> {
    let nodes = nodes.as_array().map_or(&[][..], Vec::as_slice).iter();
    let voting = nodes.filter(|node| node["votes"] == true);
    voting
        .filter_map(|node| node["name"].as_str().map(str::to_owned))
        .collect()
}

fn verify(receipt: &str, genesis: &str) -> Value {
    let words = ["receipt", "verify", receipt, "--genesis", genesis];
    hms(&[&words[..], &["-o", "json"]].concat()).json()
}

fn recover(mesh: &Mesh, node: &str, key: &str, more: &[&str]) -> Said {
    let place = mesh.place(node);
    let words = ["operator", "raft", "recover", "--data-dir", &place];
    hms(&[&words[..], &["--operator-key", key, "-o", "json"], more].concat())
}

#[test]
fn the_operator_has_one_voter_go_on_where_the_others_are_lost() {
    let (mesh, before, genesis) = mesh_with_a_receipt();
    let key = mesh.place("n1/operator.key");
    mesh.local(&["kill", "n1", "n2"]).done();
    recover(&mesh, "n3", &key, &["--yes"]).expect_fault(1, "HMS-STORE-IN-USE");
    mesh.local(&["kill", "n3"]).done();

    // What would be done is only shown, and nobody but the operator does it.
    recover(&mesh, "n3", &key, &[]).expect_fault(1, "HMS-UNCONFIRMED");
    let stranger = mesh.place("n3/node.key");
    recover(&mesh, "n3", &stranger, &["--yes"]).expect_fault(1, "HMS-ORDER-FORGED");
    recover(&mesh, "none", &key, &["--yes"]).expect_fault(1, "HMS-SALVAGE-NO-MESH");
    let done = recover(&mesh, "n3", &key, &["--yes"]).json();
    assert_eq!(done["recovered"], true);
    assert_eq!(done["voters"].as_array().map(Vec::len), Some(3));

    mesh.local(&["restart", "n3"]).done();
    mesh.until("the third votes alone", |mesh| votes(&list(mesh)) == ["n3"]);
    let after = mesh.place("after.receipt");
    take_receipt(&mesh, &after);
    assert_eq!(
        verify(&before, &genesis)["recoveries"],
        serde_json::json!([])
    );
    assert_eq!(verify(&after, &genesis)["recoveries"][0], done["index"]);
    let shown = hms(&["receipt", "verify", &after, "--genesis", &genesis]).done();
    assert!(shown.contains("recovered by the operator"), "{shown}");
    let audit = mesh.hms(&["audit", "search", "--what", "recovered"]).done();
    assert!(audit.contains("operator"), "{audit}");
    let ledger = mesh.place("ledger.hms");
    mesh.hms(&["audit", "export", "--out", &ledger]).done();
    let words = [
        "audit",
        "verify",
        &ledger,
        "--genesis",
        &genesis,
        "-o",
        "json",
    ];
    assert_eq!(hms(&words).json()["recoveries"][0], done["index"]);

    // The voters that were lost come back with the ledgers that they had, and have no word before they are given a seat.
    for node in ["n1", "n2"] {
        mesh.local(&["restart", node]).done();
        mesh.until("it is alive, and does not vote", |mesh| {
            let nodes = list(mesh);
            let mut listed = nodes.as_array().into_iter().flatten();
            let back = listed.find(|it| it["name"] == node);
            back.is_some_and(|it| it["condition"] == "alive" && it["votes"] == false)
        });
        let words = ["operator", "raft", "promote", node, "--operator-key", &key];
        mesh.hms(&[&words[..], &["-t", "60s"]].concat()).done();
        take_receipt(&mesh, &mesh.place(&format!("{node}.receipt")));
    }
    assert_eq!(votes(&list(&mesh)).len(), 3);
    mesh.local(&["kill", "n3"]).done();
    let last = mesh.place("last.receipt");
    mesh.until("two of them decide without the third", |mesh| {
        let words = [
            "task", "submit", "--skill", "echo", "--input", "hi", "--wait",
        ];
        mesh.hms(&words).code == 0
    });
    take_receipt(&mesh, &last);
    for receipt in [&before, &after, &last] {
        assert_eq!(verify(receipt, &genesis)["good"], true);
    }
}

/// The one that goes on had missed what the other two decided without it: that is lost, and a ledger that holds it is not
/// the mesh's any more. Its node says so and stops, and comes back without it.
#[test]
fn a_ledger_that_went_on_elsewhere_is_not_taken_back() {
    let (mesh, before, genesis) = mesh_with_a_receipt();
    let key = mesh.place("n1/operator.key");
    mesh.local(&["kill", "n3"]).done();
    mesh.until("two of them decide without the third", |mesh| {
        let words = [
            "task", "submit", "--skill", "echo", "--input", "hi", "--wait",
        ];
        mesh.hms(&words).code == 0
    });
    let lost = mesh.place("lost.receipt");
    take_receipt(&mesh, &lost);
    mesh.local(&["kill", "n1", "n2"]).done();
    recover(&mesh, "n3", &key, &["--yes"]).done();
    mesh.local(&["restart", "n3"]).done();
    mesh.until("the third votes alone", |mesh| votes(&list(mesh)) == ["n3"]);

    // It may be ready before it hears of the recovery, or not.
    let _ = mesh.local(&["restart", "n1"]);
    let process = |place: usize| {
        let nodes = mesh.local(&["status", "-o", "json"]).json();
        nodes[place]["process"].as_str().map(str::to_owned)
    };
    mesh.until("the first stops", |_| process(0).as_deref() == Some("gone"));
    let log = std::fs::read_to_string(mesh.place("n1.log")).unwrap_or_default();
    assert!(log.contains("recovered the mesh at entry"), "{log}");
    let ledger = Path::new(&mesh.place("n1")).join("ledger");
    std::fs::rename(ledger, mesh.place("n1.ledger")).expect("it is there");
    mesh.local(&["restart", "n1"]).done();
    let words = ["operator", "raft", "promote", "n1", "--operator-key", &key];
    mesh.hms(&[&words[..], &["-t", "60s"]].concat()).done();
    assert_eq!(votes(&list(&mesh)).len(), 2);
    let after = mesh.place("after.receipt");
    take_receipt(&mesh, &after);
    for receipt in [&before, &after] {
        assert_eq!(verify(receipt, &genesis)["good"], true);
    }
}

/// A node of no `hms testnet`; it ends with the test.
struct Node(Child);

impl Node {
    fn start(data_dir: &str) -> (Self, String) {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_hms")).with_file_name("hms-node");
        let mut command = Command::new(program);
        command.args(["--data-dir", data_dir, "--gateway", "127.0.0.1:0"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let node = Self(command.spawn().expect("hms-node can be started"));
        let ready = Path::new(data_dir).join("ready.json");
        let deadline = Instant::now() + SOON;
        loop {
            let read = std::fs::read(&ready).unwrap_or_default();
            let ready: Value = serde_json::from_slice(&read).unwrap_or_default();
            if let Some(gateway) = ready["gateway"].as_str() {
                return (node, gateway.to_owned());
            }
            assert!(Instant::now() < deadline, "the node does not serve");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_snapshot_restores_the_mesh_on_a_new_machine_with_the_same_state() {
    let (mesh, before, genesis) = mesh_with_a_receipt();
    let (file, key) = (mesh.place("mesh.snapshot"), mesh.place("n1/operator.key"));
    let saved = mesh.json(&["snapshot", "save", "--out", &file]);
    mesh.hms(&["snapshot", "save", "--out", &file])
        .expect_fault(1, "HMS-FILE-EXISTS");
    let inspect = ["snapshot", "inspect", &file, "--genesis", &genesis];
    let inspected = hms(&[&inspect[..], &["-o", "json"]].concat()).json();
    assert_eq!(inspected, saved);
    mesh.local(&["kill", "n1", "n2", "n3"]).done();

    let place = mesh.place("r1");
    let restore = |name: &str| {
        let words = ["snapshot", "restore", &file, "--data-dir", &place];
        let more = [
            "--operator-key",
            &key,
            "--name",
            name,
            "--yes",
            "-o",
            "json",
        ];
        hms(&[&words[..], &more].concat())
    };
    restore("n2").expect_fault(1, "HMS-NAME-TAKEN");
    let restored = restore("r1").json();
    assert_eq!(restored["state_digest"], saved["state_digest"]);
    assert_eq!(restored["tasks"], saved["tasks"]);
    restore("r1").expect_fault(1, "HMS-STORE-LEDGER-EXISTS");

    let (_node, gateway) = Node::start(&place);
    let ask = |words: &[&str]| hms(&[words, &["--address", &gateway]].concat());
    mesh.until("the restored node leads", |_| {
        ask(&["task", "list"]).code == 0
    });
    let tasks = ask(&["task", "list", "-o", "json"]).json();
    assert_eq!(tasks["total"], saved["tasks"], "{tasks}");
    let submit = [
        "task", "submit", "--skill", "echo", "--input", "hi", "--wait",
    ];
    mesh.until("it works", |_| ask(&submit).code == 0);
    let task = ask(&[&submit[..], &["-o", "json"]].concat()).json();
    let task = task["task"].as_str().or(task["id"].as_str());
    let after = mesh.place("after.receipt");
    let receipt = [
        "task",
        "receipt",
        task.expect("it has an id"),
        "--out",
        &after,
    ];
    ask(&receipt).done();
    assert_eq!(verify(&before, &genesis)["good"], true);
    assert_eq!(verify(&after, &genesis)["recoveries"][0], restored["index"]);
}

#[test]
fn a_redacted_snapshot_tells_nothing_that_people_have_put_into_the_mesh() {
    let mesh = Mesh::up(1, &[]);
    let secrets = ["what we ask", "what it is about", "our own key"];
    let submit = ["task", "submit", "--skill", "echo", "--input", secrets[0]];
    let more = ["--label", "about=what it is about", "--key", secrets[2]];
    mesh.hms(&[&submit[..], &more, &["--wait"]].concat()).done();
    let (file, shown) = (mesh.place("mesh.snapshot"), mesh.place("shown.snapshot"));
    let saved = mesh.json(&["snapshot", "save", "--out", &file]);
    let redact = ["snapshot", "redact", &file, "--out", &shown, "-o", "json"];
    let redacted = hms(&redact).json();
    assert_eq!(redacted["redacted"], true);
    for same in ["mesh", "index", "chain", "voters", "signers", "tasks"] {
        assert_eq!(redacted[same], saved[same], "{same}");
    }
    assert_ne!(redacted["state_digest"], saved["state_digest"]);
    let tells = |file: &str, words: &str| {
        let bytes = std::fs::read(file).expect("it was written");
        bytes.windows(words.len()).any(|it| it == words.as_bytes())
    };
    for words in secrets {
        assert!(tells(&file, words) && !tells(&shown, words), "{words}");
    }
    let inspected = hms(&["snapshot", "inspect", &shown, "-o", "json"]).json();
    assert_eq!(inspected, redacted);
    let place = mesh.place("r1");
    let restore = ["snapshot", "restore", &shown, "--data-dir", &place];
    let key = mesh.place("n1/operator.key");
    let more = ["--operator-key", &key, "--name", "r1", "--yes"];
    hms(&[&restore[..], &more].concat()).expect_fault(1, "HMS-SNAPSHOT-REDACTED");
}

#[test]
fn a_snapshot_that_was_changed_or_cut_is_refused() {
    let mesh = Mesh::up(1, &[]);
    let (file, bad) = (mesh.place("mesh.snapshot"), mesh.place("bad.snapshot"));
    mesh.hms(&["snapshot", "save", "--out", &file]).done();
    let good = std::fs::read(&file).expect("it was written");
    let check = |bytes: &[u8], fault: &str| {
        std::fs::write(&bad, bytes).expect("the folder is there");
        hms(&["snapshot", "inspect", &bad]).expect_fault(5, fault);
        let place = mesh.place("r1");
        let words = ["snapshot", "restore", &bad, "--data-dir", &place];
        let key = mesh.place("n1/operator.key");
        let more = ["--operator-key", &key, "--name", "r1", "--yes"];
        hms(&[&words[..], &more].concat()).expect_fault(1, fault);
    };
    check(b"something else", "HMS-SNAPSHOT-OTHER");
    check(&good[..good.len() - 1], "HMS-SNAPSHOT-TRUNCATED");
    check(&[&good[..], b"x"].concat(), "HMS-SNAPSHOT-TOO-LONG");
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    check(&flipped, "HMS-SNAPSHOT-CORRUPT");
    hms(&["snapshot", "inspect", &mesh.place("n1")]).expect_fault(1, "HMS-FILE-UNREADABLE");
    let other = Mesh::up(1, &[]);
    let genesis = other.place("genesis.hms");
    other.hms(&["mesh", "genesis", "--out", &genesis]).done();
    hms(&["snapshot", "inspect", &file, "--genesis", &genesis])
        .expect_fault(5, "HMS-SNAPSHOT-OTHER-MESH");
}
