//! The program `hms-node` with what it must refuse: every refusal has a code and a hint, and nothing is lost.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const NODE: &str = env!("CARGO_BIN_EXE_hms-node");

fn run(arguments: &[&str]) -> Output {
    Command::new(NODE)
        .args(arguments)
        .output()
        .expect("the program can be run")
}

fn check(output: &Output, exit: i32, needles: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{text}");
    for needle in needles {
        assert!(text.contains(needle), "{needle:?} is not in:\n{text}");
    }
}

/// Starts a node, waits until it serves, and kills it.
fn live_once(data_dir: &Path) {
    let mut child = Command::new(NODE)
        .arg("--data-dir")
        .arg(data_dir)
        .spawn()
        .expect("the program can be run");
    while !data_dir.join("ready.json").exists() {
        assert!(
            child.try_wait().expect("the program can be run").is_none(),
            "the node stopped by itself"
        );
        std::thread::yield_now();
    }
    child.kill().expect("the program can be run");
    child.wait().expect("the program can be run");
    fs::remove_file(data_dir.join("ready.json")).expect("the program can be run");
}

#[test]
fn an_unknown_key_in_the_file_names_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("node.toml");
    fs::write(&file, "data_dir = 'x'\ngatway = '127.0.0.1:0'\n").unwrap();
    let output = run(&["--config", file.to_str().unwrap()]);
    check(
        &output,
        64,
        &["HMS-CONFIG-MALFORMED", "line 2", "gatway", "hint:"],
    );
}

#[test]
fn a_bad_address_is_named() {
    let output = run(&["--data-dir", "x", "--listen", "tcp://1.2.3.4"]);
    check(
        &output,
        64,
        &["HMS-CONFIG-INVALID", "listen is \"tcp://1.2.3.4\"", "hint:"],
    );
}

#[test]
fn a_port_in_use_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data_dir = dir.path().join("n1");
    let output = run(&[
        "--data-dir",
        data_dir.to_str().unwrap(),
        "--gateway",
        &address,
    ]);
    check(&output, 1, &["HMS-NODE-PORT", &address, "hint:"]);
}

#[test]
fn a_gateway_beyond_loopback_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("n1");
    let output = run(&[
        "--data-dir",
        data_dir.to_str().unwrap(),
        "--gateway",
        "0.0.0.0:0",
    ]);
    check(&output, 1, &["HMS-GATEWAY-NOT-LOOPBACK", "hint:"]);
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("n1");
    live_once(&data_dir);
    fs::set_permissions(data_dir.join("node.key"), fs::Permissions::from_mode(0o640)).unwrap();
    let output = run(&["--data-dir", data_dir.to_str().unwrap()]);
    check(&output, 1, &["HMS-IDENTITY-EXPOSED", "hint:"]);
}

#[test]
fn the_data_of_another_node_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (dir.path().join("n1"), dir.path().join("n2"));
    live_once(&one);
    live_once(&other);
    fs::copy(one.join("node.key"), other.join("node.key")).unwrap();
    let output = run(&["--data-dir", other.to_str().unwrap()]);
    check(&output, 1, &["HMS-FACTS-OTHER-NODE", "hint:"]);
}

#[test]
fn the_ledger_of_another_mesh_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (dir.path().join("n1"), dir.path().join("n2"));
    live_once(&one);
    live_once(&other);
    fs::remove_dir_all(other.join("ledger")).unwrap();
    fs::rename(one.join("ledger"), other.join("ledger")).unwrap();
    let output = run(&["--data-dir", other.to_str().unwrap()]);
    check(&output, 1, &["hint:"]);
}

/// MSH-10: a flipped byte in the ledger is found at start, and nothing is changed on disk.
#[test]
fn a_flipped_byte_in_the_ledger_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("n1");
    live_once(&data_dir);
    let ledger = data_dir.join("ledger");
    let wal = fs::read_dir(&ledger)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .max_by_key(|path| fs::metadata(path).unwrap().len())
        .unwrap();
    let mut bytes = fs::read(&wal).unwrap();
    // In the middle of the first record: behind it stand others, so it is no torn tail.
    bytes[64] ^= 1;
    fs::write(&wal, &bytes).unwrap();
    let output = run(&["--data-dir", data_dir.to_str().unwrap()]);
    check(&output, 1, &["HMS-STORE", "hint:"]);
    assert_eq!(fs::read(&wal).unwrap(), bytes);
}

/// Flips a bit in the middle of a file.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).expect("the file is there");
    // Not the line's end, if there is but one line.
    let middle = (bytes.len() - 1) / 2;
    // Of a digit that makes a letter, and not the digit of an older format.
    bytes[middle] ^= 64;
    fs::write(path, bytes).expect("the file may be written");
}

/// The file that fits, of those in a folder.
fn file_with(folder: &Path, extension: &str) -> PathBuf {
    let mut entries = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("the folder can be read").path());
    let found = entries.find(|path| path.extension().is_some_and(|found| found == extension));
    found.expect("the folder has such a file")
}

/// MSH-10: whichever file of a node is damaged, the start is refused with a code, and the file is named.
#[test]
fn a_flipped_bit_in_any_file_is_refused_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("n1");
    live_once(&data_dir);
    // The second life moves what the first has logged into a table.
    live_once(&data_dir);
    let ledger = data_dir.join("ledger");
    for (path, code) in [
        (data_dir.join("facts.json"), "HMS-FACTS-DAMAGED"),
        // Any 32 bytes are a key; the facts say whose it should be.
        (data_dir.join("node.key"), "HMS-FACTS-OTHER-NODE"),
        (file_with(&ledger, "sst"), "HMS-STORE-DAMAGED"),
        (ledger.join("CURRENT"), "HMS-STORE"),
        (ledger.join("FORMAT"), "HMS-STORE-VERSION"),
    ] {
        let sound = fs::read(&path).unwrap();
        flip(&path);
        let output = run(&["--data-dir", data_dir.to_str().unwrap()]);
        // A key is named by the facts that contradict it, a format by its folder.
        let named = match path.file_name().unwrap().to_str().unwrap() {
            "node.key" => "facts.json",
            "FORMAT" | "CURRENT" => "ledger",
            other => other,
        };
        check(&output, 1, &[code, named, "hint:"]);
        fs::write(&path, sound).unwrap();
    }
    live_once(&data_dir);
}

#[test]
fn a_text_that_is_no_token_is_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("n1");
    let place = data_dir.to_str().unwrap();
    let address = "/ip4/127.0.0.1/tcp/1";
    let output = run(&[
        "--data-dir",
        place,
        "--join",
        address,
        "--token",
        "00112233",
    ]);
    check(&output, 64, &["HMS-TOKEN-MALFORMED", "***", "hint:"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!text.contains("00112233"), "a secret is repeated:\n{text}");
    assert!(!data_dir.exists());
}

/// A genesis that lies in a data directory is the mesh's own, whole and signed, or the node does not start; nothing is
/// changed by that.
#[test]
fn a_genesis_that_was_swapped_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (dir.path().join("n1"), dir.path().join("n2"));
    live_once(&one);
    live_once(&other);
    let genesis = one.join("genesis.hms");
    let sound = fs::read(&genesis).unwrap();
    let facts = fs::read(one.join("facts.json")).unwrap();
    let foreign = fs::read(other.join("genesis.hms")).unwrap();
    let mut forged = sound.clone();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    for (bytes, code) in [
        (foreign, "HMS-GENESIS-SWAPPED"),
        (forged, "HMS-GENESIS-FORGED"),
        (b"genesis".to_vec(), "HMS-GENESIS-MALFORMED"),
    ] {
        fs::write(&genesis, bytes).unwrap();
        let output = run(&["--data-dir", one.to_str().unwrap()]);
        check(&output, 1, &[code, "hint:"]);
        assert_eq!(fs::read(one.join("facts.json")).unwrap(), facts);
    }
    fs::write(&genesis, sound).unwrap();
    live_once(&one);
    // The genesis of one node in the empty data directory of another founds nothing.
    let stolen = dir.path().join("n3");
    fs::create_dir(&stolen).unwrap();
    fs::copy(&genesis, stolen.join("genesis.hms")).unwrap();
    let output = run(&["--data-dir", stolen.to_str().unwrap()]);
    check(&output, 1, &["HMS-GENESIS-OTHER-FOUNDER", "hint:"]);
    assert!(!stolen.join("facts.json").exists());
}
