//! Who is there, who does the work, and what happens.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::mesh::Mesh;

/// AGT-1, AGT-2: an agent is brought up on the node that is named, shown and stopped for good.
#[test]
fn an_agent_is_spawned_shown_and_stopped() {
    let mesh = Mesh::up(2, &[]);
    let spawn = [
        "agent", "spawn", "--node", "n2", "--skill", "echo", "--slots", "2",
    ];
    let agent = mesh.json(&spawn);
    assert_eq!(agent["node"]["name"], "n2");
    assert_eq!(
        (&agent["slots"], &agent["skills"]),
        (&2.into(), &serde_json::json!(["echo"]))
    );
    let id = agent["agent"].as_str().expect("it has an id");
    let shown = mesh.hms(&["agent", "show", id]).done();
    assert!(shown.contains("state    ready"), "{shown}");
    assert!(shown.contains("slots    0 of 2 in use"), "{shown}");

    let listed = |options: &[&str]| mesh.json(&[&["agent", "list"], options].concat());
    assert_eq!(listed(&[])["total"], 3);
    assert_eq!(listed(&["--node", "n2"])["total"], 2);
    assert_eq!(
        listed(&["--limit", "1"])["agents"].as_array().map(Vec::len),
        Some(1)
    );
    assert!(mesh.hms(&["agent", "list"]).done().contains(id));

    assert_eq!(mesh.json(&["agent", "stop", id])["stopped"], true);
    mesh.until("the agent is stopped", |mesh| {
        mesh.json(&["agent", "show", id])["state"] == "stopped"
    });
    let nowhere = mesh.hms(&["agent", "spawn", "--node", "nowhere"]);
    nowhere.expect_fault(1, "HMS-UNKNOWN-NODE");
    let spawned = mesh.hms(&["agent", "spawn"]).done();
    assert!(spawned.contains("with 1 slots"), "{spawned}");
}

#[test]
fn members_skills_and_topics_are_told_by_any_node() {
    let mesh = Mesh::up(2, &[]);
    let nodes = mesh.json(&["node", "list"]);
    let listed = nodes.as_array().expect("a list of nodes");
    let names: BTreeSet<&str> = listed
        .iter()
        .filter_map(|node| node["name"].as_str())
        .collect();
    assert_eq!(names, BTreeSet::from(["n1", "n2"]));
    assert!(mesh.hms(&["node", "list"]).done().contains("alive"));
    mesh.until("both vote and are reached", |mesh| {
        mesh.hms(&["status"]).done().contains("2 of 2")
    });
    let status = mesh.json(&["status"]);
    assert_eq!(
        (&status["members"], &status["voters"]),
        (&2.into(), &2.into())
    );
    assert_eq!(mesh.json(&["ping"])["name"], "n1");
    assert!(mesh.hms(&["ping"]).done().starts_with("n1 ("));

    let skills = mesh.json(&["skill", "list"]);
    let echo = skills
        .as_array()
        .unwrap()
        .iter()
        .find(|skill| skill["skill"] == "echo");
    assert!(echo.is_some(), "{skills}");
    assert!(mesh.hms(&["skill", "list"]).done().contains("probe.http"));
    mesh.until("each has the other as its peer on a topic", |mesh| {
        let topics = mesh.json(&["mesh", "topics"]);
        let topics = topics.as_array().expect("a list of topics");
        topics.iter().any(|topic| topic["peers"] == 1)
    });
    assert!(mesh.hms(&["mesh", "topics"]).done().contains("SUBSCRIBERS"));
}

/// UI-6: what has happened can be followed from any place that is still kept, as sentences or as objects.
#[test]
fn the_events_of_a_task_are_followed_from_a_cursor() {
    let mesh = Mesh::up(1, &[]);
    let task = mesh.json(&["task", "submit", "--skill", "echo", "--wait"]);
    let task = task["task"].as_str().expect("it has an id").to_owned();
    let follow = ["mesh", "events", "--after", "0.0.0", "-t", "2s"];
    let told = mesh.hms(&follow).done();
    assert!(
        told.contains(&format!("task {task} is succeeded")),
        "{told}"
    );
    let objects = mesh.hms(&[&follow[..], &["-o", "json"]].concat()).done();
    let mut objects = objects
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let moved = objects.find(|event: &Value| event["kind"] == "task_assigned");
    assert_eq!(moved.map(|event| event["task"].clone()), Some(task.into()));
}
