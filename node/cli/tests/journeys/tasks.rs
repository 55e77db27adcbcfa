//! Work is given, followed, explained and called off.

use crate::mesh::Mesh;

#[test]
fn a_task_is_submitted_shown_and_listed() {
    let mesh = Mesh::up(1, &[]);
    let submit = ["task", "submit", "--skill", "echo"];
    let hello = [&submit[..], &["--input", "hello", "--label", "run=nightly"]].concat();
    let done = mesh.json(&[&hello[..], &["--wait"]].concat());
    assert_eq!(done["state"], "succeeded");
    assert_eq!(done["result"]["output"], "hello");
    let task = done["task"].as_str().expect("it has an id");

    let story = mesh.hms(&["task", "show", task]).done();
    assert!(story.contains("run=nightly") && story.contains("--- output\nhello"));
    assert_eq!(mesh.hms(&["task", "show", task, "--raw"]).done(), "hello");
    let listed = mesh.json(&["task", "list", "--skill", "echo", "--state", "succeeded"]);
    assert_eq!(
        (&listed["total"], &listed["tasks"][0]["task"]),
        (&1.into(), &task.into())
    );
    assert!(
        mesh.hms(&["task", "list", "--since", "1h"])
            .done()
            .contains(task)
    );
    assert_eq!(
        mesh.json(&["task", "list", "--state", "running"])["total"],
        0
    );

    let from_stdin = [&submit[..], &["--input-file", "-", "--wait"]].concat();
    assert!(
        mesh.hms_reading(&from_stdin, "piped")
            .done()
            .contains("--- output\npiped")
    );
}

/// The same key is the same task, and the second caller is told.
#[test]
fn a_key_makes_two_submissions_one_task() {
    let mesh = Mesh::up(1, &[]);
    let submit = ["task", "submit", "--skill", "echo", "--key", "once"];
    let first = mesh.json(&submit);
    assert_eq!(first["fresh"], true);
    let again = mesh.hms(&submit).done();
    let expected = format!("{} (was there already)", first["task"].as_str().unwrap());
    assert_eq!(again.trim_end(), expected);
}

#[test]
fn a_task_that_nobody_can_do_is_blocked_explained_and_called_off() {
    let mesh = Mesh::up(1, &[]);
    let said = mesh.hms(&["task", "submit", "--skill", "alchemy"]);
    assert_eq!(said.code, 2, "{said:?}");
    let (task, why) = said
        .out
        .trim_end()
        .split_once(" blocked: ")
        .expect("it says so");
    assert_eq!(why, "no agent has the skill");
    let explained = mesh.json(&["task", "why", task]);
    assert_eq!(explained["state"], "blocked");
    assert_eq!(explained["candidates"][0]["fit"], false);
    assert!(
        mesh.hms(&["task", "why", task])
            .done()
            .contains("is blocked")
    );

    // Called off twice is called off once.
    for _ in 0..2 {
        assert_eq!(mesh.json(&["task", "cancel", task])["state"], "cancelled");
    }
    assert_eq!(mesh.hms(&["task", "wait", task]).code, 1);
}

#[test]
fn waiting_ends_when_the_callers_patience_does() {
    let mesh = Mesh::up(1, &[]);
    let slow = mesh.json(&["task", "submit", "--skill", "sleep", "--input", "30000"]);
    let slow = slow["task"].as_str().expect("it has an id");
    let late = mesh.hms(&["task", "wait", slow, "-t", "300ms"]);
    assert_eq!(late.code, 7, "{late:?}");
    let nobody = "00000000-0000-4000-8000-000000000000";
    mesh.hms(&["task", "show", nobody]).expect_fault(1, "HMS-");
}
