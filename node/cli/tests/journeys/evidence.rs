//! Evidence is listed, shown, taken as a file, and believed without the mesh; what is none convicts nobody.

use std::fs;
use std::path::Path;

use hms_client::domain::certificate::{Phase, Statement};
use hms_client::domain::codec;
use hms_client::domain::digest::Hash;
use hms_client::domain::evidence::{Exhibit, VoterEvidence};
use hms_client::domain::id::{Epoch, Index, MeshId, Term};
use hms_client::domain::keyring::SecretKey;
use serde_json::Value;
use tempfile::TempDir;

use crate::mesh::{Mesh, Said, hms};

const BASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../theorems/base.mm");
const WRONG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../theorems/wrong.mm");
const GENESIS: &[u8] = include_bytes!("../../../../proto/golden/genesis.bin");

/// A folder with the genesis of a mesh that somebody else has written.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("mesh.genesis"), GENESIS).expect("it can be written");
    folder
}

/// Two logs that a key has signed for one entry of a mesh; for two entries, if they are to be innocent.
fn two_words(mesh: MeshId, innocent: bool) -> Exhibit {
    let word = |index: u64, hash: u8| {
        let statement = Statement {
            group: mesh,
            epoch: Epoch(2),
            phase: Phase::Held,
            term: Term(3),
            index: Index(index),
            hash: Hash::from_bytes([hash; 32]),
        };
        statement.attest(&SecretKey::from_seed(&[4; 32]))
    };
    let (first, second) = (word(9, 1), word(9 + u64::from(innocent), 2));
    Exhibit::Voter(Box::new(VoterEvidence::TwoAttestations { first, second }))
}

/// Checks a file against the genesis beside it.
fn verify(folder: &Path, bytes: &[u8], options: &[&str]) -> Said {
    let [file, genesis] = ["x.evidence", "mesh.genesis"].map(|name| folder.join(name));
    fs::write(&file, bytes).expect("it can be written");
    let [file, genesis] = [&file, &genesis].map(|path| path.to_str().expect("UTF-8"));
    let verify = ["evidence", "verify", file, "--genesis", genesis];
    hms(&[&verify[..], options].concat())
}

/// BYZ-3: anybody can check evidence with two files; what an honest node can have said ends with 5 and the reason.
#[test]
fn evidence_is_checked_without_a_mesh_and_what_is_none_convicts_nobody() {
    let folder = folder();
    let mesh = codec::origin::read(GENESIS).expect("it is a genesis").mesh;
    let good = codec::encode(&two_words(mesh, false));
    let said = verify(folder.path(), &good, &[]).done();
    assert!(said.starts_with("evidence  good\n"), "{said}");
    assert!(
        said.contains("signed two logs for one term and index"),
        "{said}"
    );
    let said: Value = verify(folder.path(), &good, &["-o", "json"]).json();
    assert_eq!(said["guilty"]["kind"], "node");
    assert_eq!(said["exhibit"]["words"][1]["index"], 9);

    let innocent = codec::encode(&two_words(mesh, true));
    verify(folder.path(), &innocent, &[]).expect_fault(5, "HMS-EVID-INNOCENT");
    let other = codec::encode(&two_words(MeshId::from_bytes([7; 32]), false));
    verify(folder.path(), &other, &[]).expect_fault(5, "HMS-EVID-GROUP");
    let mut forged = good;
    let last = forged.len() - 1;
    forged[last] ^= 1;
    verify(folder.path(), &forged, &[]).expect_fault(5, "HMS-EVID-SIGNATURE");
    verify(folder.path(), b"nothing", &[]).expect_fault(1, "HMS-FILE-EVIDENCE");
}

/// BYZ-3: a refused proof that its agent did not claim convicts nobody; then there is nothing to show and no alarm.
#[test]
fn a_mesh_in_which_nobody_was_caught_shows_no_evidence() {
    let mesh = Mesh::up(2, &["--base", BASE]);
    assert_eq!(mesh.hms(&["prove", WRONG]).code, 5);
    assert_eq!(mesh.json(&["evidence", "list"]), Value::Array(Vec::new()));
    mesh.hms(&["evidence", "show", "1"])
        .expect_fault(1, "HMS-UNKNOWN-EVIDENCE");
    let status = mesh.hms(&["status"]).done();
    assert!(!status.contains("alarm"), "{status}");
    assert_eq!(mesh.json(&["status"])["evidence"], 0);
}
