//! AGT-2: agents remember: durably, boundedly, each for itself and to its end.

use std::collections::BTreeSet;
use std::sync::Arc;

use hms_consensus::input::Input;
use hms_protocol::agent::AgentCertificate;
use hms_protocol::task::{Outcome, TaskResult};
use tempfile::TempDir;

use super::stage::{Stage, agent_id, dispatch, wish};
use crate::agent::skills::built_in;
use crate::agent::{Memory, MemoryError, Order, Wish};
use crate::limits::AGENT_MEMORY_BYTES_MAX;
use crate::store::{Retention, Store};

/// An agent with a notebook.
fn scribe(number: u64, slots: u32) -> Wish {
    Wish {
        skills: BTreeSet::from(["notes".parse().unwrap()]),
        ..wish(number, slots)
    }
}

async fn raise(folder: &TempDir, wishes: Vec<Wish>) -> (Stage, Vec<AgentCertificate>) {
    let count = wishes.len();
    let mut stage = Stage::open(folder, built_in(&[]).unwrap(), wishes);
    let mut raised = Vec::new();
    for _ in 0..count {
        raised.push(stage.hear_raised().await);
    }
    (stage, raised)
}

/// What a run said, or its code.
fn said(result: &TaskResult) -> String {
    match result.outcome {
        Outcome::Success => String::from_utf8(result.output.clone()).unwrap(),
        Outcome::Failure => result.stderr.split(':').next().unwrap().to_owned(),
        Outcome::Timeout | Outcome::Cancelled | Outcome::Unavailable => panic!("{result:?}"),
    }
}

/// AGT-2: notes survive a restart, and each agent has its own.
#[tokio::test]
async fn an_agent_remembers_across_restarts_and_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (mut stage, raised) = raise(&folder, vec![scribe(1, 1), scribe(2, 1)]).await;
    let told = stage
        .run(
            &raised[0],
            "notes",
            b"put door  4711 left\nput key under the mat",
        )
        .await;
    assert_eq!(said(&told), "");
    stage.close().await;

    let (mut stage, again) = raise(&folder, vec![scribe(8, 1), scribe(9, 1)]).await;
    assert_eq!(again, raised);
    let asked = stage
        .run(&again[0], "notes", b"list\nget key\n\nget door\n")
        .await;
    assert_eq!(said(&asked), "door\nkey\nunder the mat\n4711 left");
    let other = stage.run(&again[1], "notes", b"get door").await;
    assert_eq!(said(&other), "HMS-NOTES-UNKNOWN");
    stage.close().await;
}

/// All lines of an input are done, or none.
#[tokio::test]
async fn notes_that_cannot_be_kept_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut stage, raised) = raise(&folder, vec![scribe(1, 1)]).await;
    let agent = &raised[0];
    stage.run(agent, "notes", b"put a 1").await;
    for (input, code) in [
        ("put a 2\nget b", "HMS-NOTES-UNKNOWN"),
        ("put a 2\nput b", "HMS-NOTES-LINE"),
        ("put a 2\nget a b", "HMS-NOTES-LINE"),
    ] {
        let refused = stage.run(agent, "notes", input.as_bytes()).await;
        assert_eq!(said(&refused), code, "{input}");
    }
    let large = format!("put a 2\nput b {}", "x".repeat(AGENT_MEMORY_BYTES_MAX));
    let refused = stage.run(agent, "notes", large.as_bytes()).await;
    assert_eq!(said(&refused), "HMS-AGENT-MEMORY-FULL");

    let kept = stage.run(agent, "notes", b"list\nget a").await;
    assert_eq!(said(&kept), "a\n1");
    stage.run(agent, "notes", b"drop a").await;
    let dropped = stage.run(agent, "notes", b"list").await;
    assert_eq!(said(&dropped), "");
    stage.close().await;
}

/// Runs of one agent at a time do not undo each other's changes.
#[tokio::test(flavor = "multi_thread")]
async fn every_run_of_an_agent_adds_its_note() {
    const NOTES: u32 = 32;
    let folder = tempfile::tempdir().unwrap();
    let (mut stage, raised) = raise(&folder, vec![scribe(1, NOTES)]).await;
    let agent = &raised[0];
    for number in 0..NOTES {
        let input = format!("put {number} here");
        let order = Order::Start(dispatch(agent.agent, "notes", input.as_bytes()));
        stage.order(order).await;
    }
    for _ in 0..NOTES {
        assert_eq!(said(&stage.hear_report(agent).await.result), "");
    }
    let listed = said(&stage.run(agent, "notes", b"list").await);
    assert_eq!(listed.lines().count(), NOTES as usize);
    stage.close().await;
}

/// An agent that may do everything has no notebook: nobody would know whom to ask for a note.
#[tokio::test]
async fn only_who_is_spawned_for_notes_keeps_them() {
    let folder = tempfile::tempdir().unwrap();
    let (stage, raised) = raise(&folder, vec![wish(1, 1), scribe(2, 1)]).await;
    let notes = "notes".parse().unwrap();
    let keeps: Vec<bool> = raised
        .iter()
        .map(|agent| agent.skills.contains(&notes))
        .collect();
    assert_eq!(keeps, [false, true]);
    assert!(raised[0].skills.contains(&"echo".parse().unwrap()));
    stage.close().await;
}

/// AGT-2: the memory ends with its agent. An agent of the same id begins without.
#[tokio::test]
async fn a_dismissed_agent_leaves_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let (mut stage, raised) = raise(&folder, vec![scribe(1, 1)]).await;
    stage.run(&raised[0], "notes", b"put a 1").await;
    stage.order(Order::Dismiss(agent_id(1))).await;
    let heard = stage.hear().await;
    assert!(matches!(heard, Input::Dismissed(_)), "{heard:?}");
    stage.order(Order::Raise(scribe(1, 1))).await;
    let anew = stage.hear_raised().await;
    let asked = stage.run(&anew, "notes", b"list\nget a").await;
    assert_eq!(said(&asked), "HMS-NOTES-UNKNOWN");
    stage.close().await;
}

/// AGT-2: what is too much is refused and what was kept stays; after the end nothing is written.
#[tokio::test]
async fn a_memory_is_bounded_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _reports) = Store::open(folder.path(), Retention::default()).unwrap();
    let shelf = Arc::new(store.agents());
    let memory = Memory::new(agent_id(1), &shelf);
    assert_eq!(memory.read().await.unwrap(), b"");
    let whole = vec![7; AGENT_MEMORY_BYTES_MAX];
    memory.write(whole.clone()).await.unwrap();
    let refused = memory.update(|kept| kept.push(7)).await.unwrap_err();
    assert!(matches!(refused, MemoryError::Full { bytes } if bytes == AGENT_MEMORY_BYTES_MAX + 1));
    assert_eq!(refused.code(), "HMS-AGENT-MEMORY-FULL");
    assert_eq!(memory.read().await.unwrap(), whole);

    let broken = memory.update(|_| panic!("as ordered")).await;
    assert_eq!(broken.unwrap_err().code(), "HMS-AGENT-MEMORY-BROKEN");
    memory.close();
    let late = memory.write(b"late".to_vec()).await.unwrap_err();
    assert_eq!(late.code(), "HMS-AGENT-GONE");
    assert_eq!(memory.read().await.unwrap(), whole);
    // A run that outlives the node's stop does not keep its disk.
    drop(shelf);
    let stopped = memory.read().await.unwrap_err();
    assert_eq!(stopped.code(), "HMS-AGENT-MEMORY-BROKEN");
}

/// A memory that another skill has written is not overwritten.
#[tokio::test]
async fn notes_leave_a_foreign_memory_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (stage, _) = raise(&folder, vec![scribe(1, 1)]).await;
    stage.close().await;
    let (store, _reports) = Store::open(folder.path(), Retention::default()).unwrap();
    let shelf = store.agents();
    shelf.write_memory(agent_id(1), b"something else").unwrap();
    drop(shelf);
    store.close().await;

    let (mut stage, raised) = raise(&folder, vec![scribe(1, 1)]).await;
    let refused = stage.run(&raised[0], "notes", b"put a 1").await;
    assert_eq!(said(&refused), "HMS-NOTES-FOREIGN");
    stage.close().await;
}
