//! What clients ask for, ask again, and ask to see.

use hms_consensus::state::Change;
use hms_consensus::state::command::Command;
use hms_protocol::id::{AgentId, TaskId};

use super::stage::{Stage, proof_spec, spec, submit, task_id};

/// A submit that is repeated is one task: by its id, or by its key.
#[test]
fn a_repeated_submit_is_one_task() {
    let mut keyed = spec("echo");
    keyed.idempotency_key = Some("order-7".to_owned());
    let mut other = keyed.clone();
    other.priority = 9;

    let mut stage = Stage::new(1);
    let fresh = |task: u8, fresh| Change::Submitted {
        task: task_id(task),
        fresh,
    };
    assert_eq!(stage.must(submit(1, keyed.clone())), fresh(1, true));
    assert_eq!(stage.must(submit(1, keyed.clone())), fresh(1, false));
    assert_eq!(stage.must(submit(2, keyed.clone())), fresh(1, false));
    assert_eq!(stage.must(submit(2, other.clone())), fresh(1, false));
    let refusal = stage.decide(submit(1, other)).unwrap_err();
    assert_eq!(refusal.code(), "HMS-TASK-EXISTS");
    // A repetition is recognised even when the task would not be taken any more.
    stage.now = keyed.deadline;
    assert_eq!(stage.must(submit(1, keyed)), fresh(1, false));
    assert_eq!(stage.state.ledger().index().len(), 1);
}

#[test]
fn what_is_asked_for_is_checked() {
    let mut stage = Stage::new(1);
    let mut late = spec("echo");
    late.deadline = stage.now;
    let mut unverified = proof_spec();
    unverified.verification = hms_protocol::verdict::Verification::Reported;
    for (spec, code) in [(late, "HMS-DEADLINE-PASSED"), (unverified, "HMS-INVALID")] {
        assert_eq!(stage.decide(submit(1, spec)).unwrap_err().code(), code);
    }
    let unknown = stage
        .decide(Command::Cancel { task: task_id(9) })
        .unwrap_err();
    assert_eq!(unknown.code(), "HMS-UNKNOWN-TASK");
}

#[test]
fn lists_are_newest_first_and_go_on_where_they_stopped() {
    use hms_consensus::input::TaskFilter;
    let mut stage = Stage::new(1);
    for number in 1..=5 {
        let skill = if number % 2 == 0 { "sleep" } else { "echo" };
        stage.must(submit(number, spec(skill)));
    }
    stage.must(Command::Cancel { task: task_id(4) });
    let page = |filter: &TaskFilter, after: Option<TaskId>, limit| -> (Vec<u8>, u64) {
        let (tasks, total) = stage.state.ledger().page(filter, after, limit);
        (
            tasks.iter().map(|task| task.id.as_bytes()[0]).collect(),
            total,
        )
    };
    let all = TaskFilter::default();
    assert_eq!(page(&all, None, 2), (vec![5, 4], 5));
    assert_eq!(page(&all, Some(task_id(4)), 9), (vec![3, 2, 1], 5));
    let queued = TaskFilter {
        state: Some("queued".to_owned()),
        ..TaskFilter::default()
    };
    assert_eq!(page(&queued, None, 9), (vec![5, 3, 2, 1], 4));
    let sleeping = TaskFilter {
        skill: Some("sleep".parse().unwrap()),
        ..queued
    };
    assert_eq!(page(&sleeping, None, 9), (vec![2], 1));
    let tried = TaskFilter {
        agent: Some(AgentId::from_bytes([9; 16])),
        ..TaskFilter::default()
    };
    assert_eq!(page(&tried, None, 9), (vec![], 0));
}
