//! A mesh from its first key on: founded on paper, started by hand, joined by token.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::mesh::{SOON, Said, hms, prepare};

/// A node that was started by hand; it is killed when the test ends.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        self.0.kill().expect("it is the test's own process");
        self.0.wait().expect("it was killed");
    }
}

fn node_binary() -> PathBuf {
    let beside = Path::new(env!("CARGO_BIN_EXE_hms")).with_file_name("hms-node");
    std::env::var_os("HMS_NODE").map_or(beside, PathBuf::from)
}

fn command(data_dir: &Path, join: Option<(&str, &str)>) -> Command {
    let mut command = Command::new(node_binary());
    command.arg("--data-dir").arg(data_dir);
    command.args(["--gateway", "127.0.0.1:0", "--log", "warn"]);
    if let Some((address, token)) = join {
        command.args(["--join", address]).env("HMS_TOKEN", token);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// Starts a node, and waits until it says that it serves.
fn start(data_dir: &Path, join: Option<(&str, &str)>) -> (Node, Value) {
    let mut node = Node(command(data_dir, join).spawn().expect("hms-node is built"));
    let ready = data_dir.join("ready.json");
    let since = Instant::now();
    loop {
        if let Ok(bytes) = fs::read(&ready) {
            let told = serde_json::from_slice(&bytes).expect("it is written as a whole");
            return (node, told);
        }
        let ended = node.0.try_wait().expect("it is the test's own process");
        assert!(ended.is_none(), "the node stopped by itself: {ended:?}");
        assert!(since.elapsed() < SOON, "the node does not come up");
        std::thread::yield_now();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// The operator's key lies elsewhere than the node's data; the node founds by the genesis; a token lets one node in.
#[test]
fn a_mesh_is_founded_on_paper_and_joined_by_token() {
    let dir = tempfile::tempdir().expect("a folder");
    let (first, key) = (dir.path().join("n1"), dir.path().join("safe.key"));
    let init = |data_dir: &Path| {
        let place = ["--data-dir", text(data_dir), "--operator-key", text(&key)];
        hms(&[&["mesh", "init", "--voters", "1", "-o", "json"], &place[..]].concat())
    };
    let made = init(&first).json();
    assert_eq!(made["operator_key_made"], true);
    init(&first).expect_fault(1, "HMS-GENESIS-EXISTS");
    assert!(!first.join("operator.key").exists());

    let (_founder, told) = start(&first, None);
    assert_eq!(told["mesh"], made["mesh"]);
    assert!(
        told.get("token").is_none(),
        "a secret is written down: {told}"
    );
    let address = told["addresses"][0].as_str().expect("it listens");
    let genesis = first.join("genesis.hms");
    let create = |options: &[&str]| -> Said {
        let key = ["--operator-key", text(&key), "--genesis", text(&genesis)];
        hms(&[&["token", "create"], options, &key[..]].concat())
    };
    let said = create(&["--role", "worker", "-o", "json"]).json();
    let token = said["token"].as_str().expect("it is text");
    let (_worker, told) = start(&dir.path().join("n2"), Some((address, token)));
    assert_eq!(
        (&told["role"], &told["mesh"]),
        (&Value::from("worker"), &made["mesh"])
    );

    let third = dir.path().join("n3");
    let again = command(&third, Some((address, token)))
        .output()
        .expect("hms-node is built");
    let err = String::from_utf8_lossy(&again.stderr);
    assert_eq!(again.status.code(), Some(1), "{err}");
    assert!(
        err.contains("HMS-TOKEN-USED") && err.contains("hint:"),
        "{err}"
    );
    assert!(!third.join("facts.json").exists());

    create(&["--role", "worker", "--ttl", "31d"]).expect_fault(1, "HMS-TOKEN-TOO-LONG");
    create(&["--role", "emperor"]).expect_fault(64, "emperor");
}

/// Whoever has no operator's key makes no token, and is told where to look for it.
#[test]
fn a_token_takes_the_operators_key() {
    let dir = tempfile::tempdir().expect("a folder");
    let create = ["token", "create", "--role", "voter"];
    let unnamed = prepare(&create).env("HMS_TESTNET_DIR", dir.path()).output();
    let unnamed = unnamed.expect("hms can be started");
    let err = String::from_utf8_lossy(&unnamed.stderr);
    assert!(err.contains("HMS-OPERATOR-KEY-UNNAMED"), "{err}");
    let missing = dir.path().join("operator.key");
    let named = hms(&[&create[..], &["--operator-key", text(&missing)]].concat());
    named.expect_fault(1, "HMS-GENESIS-MISSING");
}
