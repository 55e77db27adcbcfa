//! A task to try the screen with.

use std::collections::{BTreeMap, BTreeSet};

use hms_client::domain::digest::Hash;
use hms_client::domain::id::{AgentId, Incarnation, Index, NodeId, Position, TaskId};
use hms_client::domain::task::{
    Attempt, AttemptEnd, Outcome, Report, Task, TaskKind, TaskResult, TaskSpec, TaskState,
    Transition,
};
use hms_client::domain::time::Moment;
use hms_client::domain::verdict::Verification;

/// A task that has succeeded at its first attempt.
pub(crate) fn task() -> Task {
    let agent = AgentId::from_bytes([2; 16]);
    let id = TaskId::from_bytes([7; 16]);
    let step = |index, at, state, note: &str| Transition {
        position: Position {
            index: Index(index),
            offset: 0,
        },
        at: Moment(at),
        state,
        note: note.to_owned(),
    };
    let result = TaskResult {
        outcome: Outcome::Success,
        output: b"hello".to_vec(),
        stdout: String::new(),
        stderr: "odd \u{1b}[2J".to_owned(),
        trace: String::new(),
        duration_ms: 12,
    };
    Task {
        id,
        spec: TaskSpec {
            kind: TaskKind::Work,
            skill: "echo".parse().unwrap(),
            input: b"hello".to_vec(),
            deadline: Moment(9_000),
            attempt_ms: 1_000,
            attempts_max: 3,
            priority: 100,
            idempotency_key: None,
            needs: BTreeSet::new(),
            labels: BTreeMap::from([("run".to_owned(), "nightly".to_owned())]),
            verification: Verification::Reported,
        },
        input_digest: Hash::from_bytes([9; 32]),
        via: NodeId::from_bytes([1; 32]),
        state: TaskState::Succeeded,
        attempts: vec![Attempt {
            number: 1,
            agent,
            node: NodeId::from_bytes([3; 32]),
            incarnation: Incarnation(1),
            assigned_at: Moment(1_100),
            lease_until: Moment(2_100),
            ended: Some((Moment(1_900), AttemptEnd::Reported)),
        }],
        result: Some(Report {
            task: id,
            attempt: 1,
            agent,
            result,
        }),
        round: None,
        history: vec![
            step(4, 1_000, TaskState::Submitted, "taken"),
            step(5, 1_100, TaskState::Assigned, "least loaded"),
            step(6, 1_900, TaskState::Succeeded, "reported"),
        ],
    }
}
