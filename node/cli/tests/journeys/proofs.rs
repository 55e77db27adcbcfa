//! Theorems from a file, proved by agents and checked by kernels.

use crate::mesh::Mesh;

const BASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../theorems/base.mm");
const WRONG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../theorems/wrong.mm");

/// A theorem of one step: nobody has to search for long.
const EASY: &str = "\
${
  easy.1 $e |- p $.
  easy.2 $e |- ( p -> q ) $.
  easy $p |- q $= ? $.
$}
";

/// AGX-3, VER-4: what holds is proved with exit code 0, what does not is refused with 5; the database may be named by
/// its file, or be the only one that agents hold.
#[test]
fn a_file_of_theorems_is_proved_and_a_wrong_proof_refused() {
    let mesh = Mesh::up(2, &["--base", BASE]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("easy.mm");
    std::fs::write(&file, EASY).expect("the file can be written");
    let path = file.to_str().expect("a path in UTF-8");

    let proved = mesh.json(&["prove", path, "--db", BASE]);
    assert_eq!(
        (&proved["proved"], &proved["total"]),
        (&1.into(), &1.into())
    );
    assert_ne!(
        proved["theorems"][0]["proved_by"],
        proved["theorems"][0]["accepted_by"]
    );
    let shown = mesh.hms(&["prove", path, "--proofs"]).done();
    assert!(shown.contains("1 of 1 theorems proved"), "{shown}");
    assert!(shown.contains("$( easy $)"), "{shown}");

    let wrong = mesh.hms(&["prove", WRONG]);
    assert_eq!(wrong.code, 5, "{wrong:?}");
    assert!(wrong.out.contains("failed"), "{wrong:?}");
    let nothing = folder.path().join("nothing.mm");
    std::fs::write(&nothing, "$c a $.").expect("the file can be written");
    let nothing = nothing.to_str().expect("a path in UTF-8");
    assert_eq!(mesh.hms(&["prove", nothing]).code, 1);
    mesh.hms(&["prove", path, "--db", "nowhere"])
        .expect_fault(1, "HMS-BASE-UNKNOWN");
}

#[test]
fn nothing_is_proved_where_no_agent_holds_a_database() {
    let mesh = Mesh::up(1, &[]);
    mesh.hms(&["prove", WRONG]).expect_fault(1, "HMS-BASE-NONE");
}
