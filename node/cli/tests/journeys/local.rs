//! A mesh on one machine: brought up, hurt, measured and taken down.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::mesh::{Mesh, hms, prepare};

/// Nodes are paused, killed and started again by name, and nothing is hurt when a name is wrong.
#[test]
fn nodes_are_paused_killed_and_started_again() {
    let mesh = Mesh::up(2, &[]);
    let process = |order: &[&str]| {
        let nodes = mesh.local(&[order, &["-o", "json"]].concat()).json();
        [0, 1].map(|place: usize| nodes[place]["process"].as_str().map(str::to_owned))
    };
    let are = |first: &str, second: &str| [first, second].map(|word| Some(word.to_owned()));
    assert_eq!(process(&["pause", "n2"]), are("running", "paused"));
    assert_eq!(process(&["resume", "n2"]), are("running", "running"));
    assert_eq!(process(&["kill", "n2"]), are("running", "gone"));
    assert_eq!(process(&["restart", "n2"]), are("running", "running"));
    let wrong = mesh.local(&["kill", "n1", "n9"]);
    wrong.expect_fault(1, "HMS-TESTNET-UNKNOWN-NODE");
    assert_eq!(process(&["status"]), are("running", "running"));

    let table = mesh.local(&["status"]).done();
    assert!(table.contains("export HMS_ADDRESS=127.0.0.1:"), "{table}");
    let logs = mesh.local(&["logs", "n1", "--lines", "2"]).done();
    assert_eq!(logs.lines().count(), 2, "{logs}");
    assert!(
        logs.lines().all(|line| line.starts_with("  n1 | ")),
        "{logs}"
    );
    assert!(mesh.local(&["logs"]).done().contains("  n2 | "));

    mesh.local(&["up", "--nodes", "1"])
        .expect_fault(1, "HMS-TESTNET-RUNNING");
    let down = mesh.local(&["down"]);
    assert!(down.err.contains("2 nodes are down"), "{down:?}");
    let left = mesh.local(&["status", "-o", "json"]).json();
    assert_eq!(left, serde_json::json!([]));
    let nowhere = tempfile::tempdir().expect("a folder");
    let nowhere = nowhere.path().to_str().expect("a path in UTF-8");
    let unknown = hms(&["testnet", "--dir", nowhere, "status"]);
    unknown.expect_fault(1, "HMS-TESTNET-NO-MESH");
}

/// Each measurement gives its figures, and leaves nothing behind.
#[test]
fn a_mesh_is_measured_by_commits_by_tasks_and_by_agents() {
    for work in ["commit", "task"] {
        let load = ["--clients", "1,4", "--span", "500ms", "--nodes", "1"];
        let rows = hms(&[&["bench", work, "-o", "json"], &load[..]].concat()).json();
        let rows = rows.as_array().expect("a row per number of clients");
        assert_eq!(rows.len(), 2);
        for row in rows {
            assert!(
                row["per_second"].as_f64().is_some_and(|rate| 0.0 < rate),
                "{row}"
            );
            assert_eq!(row["failed"], 0);
        }
    }
    let weighed = hms(&["bench", "agents", "--agents", "3"]).done();
    assert!(weighed.contains("KB PER AGENT"), "{weighed}");
}

/// One command shows three nodes at work, and Ctrl-C ends all of them.
#[test]
fn a_developers_mesh_lives_until_it_is_interrupted() {
    let mut dev = prepare(&["dev"]);
    dev.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut dev = dev.spawn().expect("hms can be started");
    let mut told = BufReader::new(dev.stderr.take().expect("it was asked for")).lines();
    let address = told
        .by_ref()
        .map(|line| line.expect("it speaks UTF-8"))
        .find_map(|line| {
            line.trim()
                .strip_prefix("export HMS_ADDRESS=")
                .map(str::to_owned)
        })
        .expect("it says where the mesh is");
    let mut shown = dev.stdout.take().expect("it was asked for");
    assert_ne!(shown.read(&mut [0; 1]).expect("it shows the logs"), 0);
    let drain = std::thread::spawn(move || std::io::copy(&mut shown, &mut std::io::sink()));
    assert!(hms(&["-a", &address, "ping"]).done().starts_with("n1 ("));

    let pid = Pid::from_child(&dev);
    kill_process(pid, Signal::INT).expect("it lives");
    assert!(dev.wait().expect("it ends").success());
    let rest: Vec<String> = told.map_while(Result::ok).collect();
    assert!(
        rest.iter().any(|line| line == "the mesh is down"),
        "{rest:?}"
    );
    drain
        .join()
        .expect("it reads to the end")
        .expect("a pipe can be read");
    assert_eq!(hms(&["-a", &address, "-t", "1s", "ping"]).code, 6);
}
