//! MSH-11, AGT-1: what only the operator may do, done by `hms operator` and its likes.

use serde_json::Value;

use crate::mesh::Mesh;

fn key_of(mesh: &Mesh) -> String {
    mesh.place("n1/operator.key")
}

/// The names of the nodes for which a field is true.
fn those(nodes: &Value, field: &str) -> Vec<String> {
    let nodes = nodes.as_array().expect("a list").iter();
    let those = nodes.filter(|node| node[field] == true);
    those
        .filter_map(|node| node["name"].as_str().map(str::to_owned))
        .collect()
}

#[test]
fn seats_are_moved_one_change_at_a_time_and_every_order_is_audited() {
    let mesh = Mesh::up(4, &["--voters", "3", "--spares", "1"]);
    let key = key_of(&mesh);
    let order = |words: &[&str]| {
        let signed = ["--operator-key", &key, "-t", "60s", "-o", "json"];
        mesh.hms(&[&["operator", "raft"], words, &signed[..]].concat())
    };
    let list = || mesh.hms(&["operator", "raft", "list", "-o", "json"]).json();
    mesh.until("the spare receives the ledger", |_| {
        those(&list(), "listens") == ["n4"]
    });
    mesh.until("three vote", |_| those(&list(), "votes").len() == 3);

    // The leader gives its seat away, and the office with it.
    let leader = those(&list(), "leads").remove(0);
    let told = order(&["replace", &leader, "--by", "n4"]).json();
    let mut voters: Vec<String> = ["n1", "n2", "n3", "n4"].map(str::to_owned).into();
    voters.retain(|name| *name != leader);
    let mut found = those(&told, "votes");
    found.sort();
    assert_eq!(found, voters);
    order(&["add", &leader]).json();
    order(&["promote", &leader]).json();
    assert_eq!(those(&list(), "votes").len(), 4);
    order(&["transfer", "n4"]).json();
    assert_eq!(those(&list(), "leads"), ["n4"]);
    order(&["remove", &leader]).json();
    order(&["remove", &leader]).expect_fault(1, "HMS-ORDER-IMPOSSIBLE");
    order(&["promote", "n9"]).expect_fault(1, "HMS-UNKNOWN-NODE");

    let text = mesh.hms(&["operator", "raft", "list"]).done();
    assert!(text.contains("leader") && text.contains("none"), "{text}");
    let audit = mesh.hms(&["audit", "search", "--what", "ordered"]).done();
    // Also the one that could not be carried out: it was given.
    assert_eq!(audit.matches("operator").count(), 6, "{audit}");
}

/// SUP-19: a node is drained before it is taken away: it finishes what it has, and gets work again when it is back.
#[test]
fn a_drained_node_finishes_its_work_and_gets_none() {
    let mesh = Mesh::up(2, &["--voters", "1"]);
    let key = key_of(&mesh);
    let signed = ["--operator-key", &key, "-o", "json"];
    let node = |verb, more: &[&str]| mesh.hms(&[&["node", verb, "n2"], &signed[..], more].concat());
    let submit = |skill, input| {
        let task = mesh.json(&["task", "submit", "--skill", skill, "--input", input]);
        task["task"].as_str().expect("it has an id").to_owned()
    };
    let place = |task: &str| mesh.json(&["task", "show", task])["attempts"][0]["node"].clone();
    let nodes = mesh.json(&["node", "list"]);
    let mut nodes = nodes.as_array().expect("a list of nodes").iter();
    let other = nodes.find(|node| node["name"] == "n1").expect("a member")["id"].clone();
    let state = || {
        let nodes = mesh.json(&["node", "list"]);
        let mut nodes = nodes.as_array().expect("a list of nodes").iter();
        nodes.find(|node| node["name"] == "n2").expect("a member")["cordoned"].clone()
    };
    assert_eq!(node("cordon", &[]).json()["cordoned"], true);
    assert_eq!((state(), node("uncordon", &[]).code), (true.into(), 0));

    // Each node has one agent: of two tasks, each gets one.
    let slow = [submit("sleep", "2000"), submit("sleep", "2000")];
    mesh.until("both are placed", |_| {
        slow.iter().all(|task| !place(task).is_null())
    });
    let early = node("drain", &["-t", "300ms"]);
    early.expect_fault(7, "HMS-NOT-YET");
    assert!(early.err.contains("tasks left: 1"), "{early:?}");
    assert_eq!(node("drain", &[]).json()["cordoned"], true);
    for task in slow {
        assert_eq!(mesh.json(&["task", "wait", &task])["state"], "succeeded");
    }
    let rest: Vec<String> = (0..4).map(|_| submit("echo", "x")).collect();
    for task in rest {
        assert_eq!(mesh.json(&["task", "wait", &task])["state"], "succeeded");
        assert_eq!(place(&task), other);
    }
    let why = submit("sleep", "1000");
    let why = mesh.hms(&["task", "why", &why]).done();
    assert!(why.contains("its node is cordoned"), "{why}");
    assert_eq!(node("uncordon", &[]).json()["cordoned"], false);
}

#[test]
fn a_revoked_node_and_a_revoked_agent_take_no_part_any_more() {
    let mesh = Mesh::up(3, &["--voters", "1"]);
    let key = key_of(&mesh);
    let signed = ["--operator-key", &key, "-o", "json"];
    let agents = mesh.json(&["agent", "list", "--node", "n2"]);
    let agent = agents["agents"][0]["agent"].as_str().expect("it has one");
    let revoked = mesh.hms(&[&["agent", "revoke", agent], &signed[..]].concat());
    assert_eq!(revoked.json()["revoked"], true);
    let shown = mesh.hms(&["agent", "show", agent]).done();
    assert!(shown.contains("revoked"), "{shown}");

    mesh.hms(&[&["node", "revoke", "n3"], &signed[..]].concat())
        .done();
    let nodes = mesh.json(&["node", "list"]);
    let mut nodes = nodes.as_array().expect("a list").iter();
    let third = nodes.find(|node| node["name"] == "n3");
    assert_eq!(third.expect("it is shown")["standing"], "revoked");
    mesh.hms(&[&["node", "revoke", "n1"], &signed[..]].concat())
        .expect_fault(1, "HMS-ORDER-IMPOSSIBLE");
    let stays = mesh.hms(&[
        "task", "submit", "--skill", "echo", "--input", "hi", "--wait",
    ]);
    stays.done();
}

#[test]
fn the_operators_key_is_rotated_and_a_stranger_orders_nothing() {
    let mesh = Mesh::up(1, &[]);
    let (old, new) = (key_of(&mesh), mesh.place("n1/new.key"));
    let rotate = |key: &str, new: &str| {
        mesh.hms(&[
            "operator",
            "key",
            "rotate",
            "--operator-key",
            key,
            "--new-key",
            new,
        ])
    };
    let stranger = mesh.place("n1/node.key");
    rotate(&stranger, &new).expect_fault(1, "HMS-ORDER-FORGED");
    rotate(&old, &new).done();
    rotate(&old, &new).expect_fault(1, "HMS-ORDER-FORGED");
    let remove = ["operator", "raft", "remove", "n1", "--operator-key", &new];
    mesh.hms(&remove).expect_fault(1, "HMS-ORDER-IMPOSSIBLE");
    let missing = mesh.place("n1/none.key");
    rotate(&missing, &new).expect_fault(1, "HMS-OPERATOR-KEY-MISSING");
}
