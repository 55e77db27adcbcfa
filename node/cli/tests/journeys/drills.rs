//! BYZ-1: a person attacks a mesh that is made for it, and reads in a signed report what held.

use std::fs;
use std::process::Stdio;

use serde_json::Value;

use crate::mesh::{Mesh, hms, prepare};

/// A real mesh of processes: a voter that signs two logs is convicted by what it has signed. The report is signed, shown
/// in every form, and not believed once a letter of it is another one.
#[test]
fn a_drill_with_real_nodes_catches_a_liar_and_signs_what_it_saw() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_str().expect("a path in UTF-8");
    let run = [
        "drill",
        "run",
        "equivocate",
        "--world",
        "testnet",
        "--out",
        out,
        "-o",
        "json",
    ];
    let told = hms(&run);
    for stage in ["steady", "injected", "detected", "recovered"] {
        assert!(told.err.contains(stage), "{told:?}");
    }
    let report = &told.json()["report"];
    assert_eq!(report["verdict"], "caught", "{report}");
    let totals = &report["totals"];
    for count in ["lost", "accepted_lies", "wrongly_convicted"] {
        assert_eq!(totals[count], 0, "{count}");
    }
    assert!(
        totals["acknowledged"]
            .as_u64()
            .is_some_and(|count| 0 < count)
    );
    assert_eq!(report["runs"][0]["convicted"], serde_json::json!(["n4"]));

    let json = folder.path().join("equivocate-testnet-1.json");
    let html = folder.path().join("equivocate-testnet-1.html");
    for file in [&json, &html] {
        let file = file.to_str().expect("a path in UTF-8");
        let said = hms(&["drill", "verify", file]).done();
        assert!(
            said.contains("the signature is good: equivocate was caught"),
            "{said}"
        );
        let text = hms(&["drill", "report", file]).done();
        assert!(text.contains("verdict    caught"), "{text}");
        let edited = fs::read_to_string(file).expect("it was written");
        let edited = edited.replace("\"lost\":0", "\"lost\":7");
        fs::write(file, edited).expect("the folder is the test's own");
        hms(&["drill", "verify", file]).expect_fault(5, "HMS-REPORT-EDITED");
        hms(&["drill", "report", file]).expect_fault(5, "HMS-REPORT-EDITED");
    }
}

/// The simulated world, by the same command: several seeds, percentiles, and exit code 8 when a drill fails.
#[test]
fn a_drill_in_the_simulation_is_repeated_and_can_fail() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_str().expect("a path in UTF-8");
    let run = [
        "drill",
        "run",
        "equivocate",
        "--world",
        "sim",
        "--repeat",
        "3",
        "--seed",
        "9",
    ];
    let report = hms(&[&run[..], &["--out", out, "-o", "json"]].concat()).json()["report"].clone();
    assert_eq!(report["verdict"], "caught", "{report}");
    assert_eq!(report["detection"]["runs"], 3);
    let replay = "hms drill run equivocate --world sim --nodes 5 --seed 9 --repeat 3";
    assert_eq!(report["replay"], replay);

    // Nobody can notice within no time at all.
    let shown = hms(&["drill", "show", "equivocate"]).done();
    let strict = shown.replace("detect_within_ms = 1000", "detect_within_ms = 0");
    let file = folder.path().join("strict.toml");
    fs::write(&file, strict).expect("the folder is the test's own");
    let file = file.to_str().expect("a path in UTF-8");
    let failed = hms(&["drill", "run", file, "--world", "sim", "--out", out]);
    assert_eq!(failed.code, 8, "{failed:?}");
    assert!(
        failed.out.contains("FINDING    seed 1: noticed after"),
        "{failed:?}"
    );
}

/// A mesh that was there before is touched only with permission, within a radius, and is left as it was.
#[test]
fn a_live_mesh_is_drilled_with_permission_and_left_as_it_was() {
    let mesh = Mesh::up(3, &[]);
    let dir = &mesh.place("");
    let out = tempfile::tempdir().expect("a folder");
    let out = out.path().to_str().expect("a path in UTF-8");
    let run = |name: &str, more: &[&str]| {
        hms(&[&["drill", "run", name, "--live", dir, "--out", out], more].concat())
    };
    run("pause-leader", &[]).expect_fault(64, "HMS-DRILL-NOT-LIVE");
    run("equivocate", &["--allow-live"]).expect_fault(64, "HMS-DRILL-NOT-LIVE");
    let narrow = ["--allow-live", "--blast-radius", "0"];
    run("pause-leader", &narrow).expect_fault(64, "HMS-DRILL-NOT-LIVE");

    let told = run("pause-leader", &["--allow-live", "-o", "json"]);
    assert_eq!(told.code, 0, "{told:?}");
    let report = &told.json()["report"];
    assert_eq!(report["verdict"], "masked", "{report}");
    let nodes = mesh.local(&["status", "-o", "json"]).json();
    let nodes = nodes.as_array().expect("a row for each node");
    assert!(
        nodes.iter().all(|node| node["process"] == "running"),
        "{nodes:?}"
    );
}

/// A drill that is killed in the middle leaves no node of a live mesh paused.
#[test]
fn a_drill_that_is_killed_lets_go_of_what_it_has_paused() {
    let mesh = Mesh::up(3, &[]);
    let (dir, out) = (&mesh.place(""), tempfile::tempdir().expect("a folder"));
    let out = out.path().to_str().expect("a path in UTF-8");
    let asked = ["--live", dir, "--allow-live", "--out", out];
    let mut drill = prepare(&[&["drill", "run", "pause-leader"], &asked[..]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("hms runs");
    let processes = |mesh: &Mesh| {
        let nodes = mesh.local(&["status", "-o", "json"]).json();
        let nodes = nodes.as_array().expect("a row for each node").clone();
        let process = |node: &Value| node["process"].as_str().map(str::to_owned);
        nodes.iter().filter_map(process).collect::<Vec<_>>()
    };
    mesh.until("a node is paused", |mesh| {
        processes(mesh).iter().any(|process| process == "paused")
    });
    drill.kill().expect("it is ours");
    drill.wait().expect("it ends");
    mesh.until("every node runs", |mesh| processes(mesh) == ["running"; 3]);
}

/// Whatever is wrong with what was asked for is said before anything is started.
#[test]
fn a_drill_that_makes_no_sense_is_refused_before_anything_starts() {
    hms(&["drill", "run", "equivocat"]).expect_fault(64, "HMS-DRILL-UNKNOWN");
    hms(&["drill", "run", "flood", "--world", "sim"]).expect_fault(64, "HMS-DRILL-OTHER-WORLD");
    hms(&["drill", "run", "equivocate", "--nodes", "2"])
        .expect_fault(64, "HMS-DRILL-CONTRADICTION");
    let seedless = hms(&["drill", "run", "equivocate", "--seed", "many"]);
    assert_eq!(seedless.code, 64, "{seedless:?}");
    let list: Value = hms(&["drill", "list", "-o", "json"]).json();
    assert!(list.as_array().is_some_and(|drills| 27 <= drills.len()));
    hms(&["drill", "verify", "/nowhere.json"]).expect_fault(1, "HMS-FILE-UNREADABLE");
}
