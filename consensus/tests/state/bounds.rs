//! The ledger stays within its bounds, and says so to whoever meets them.

use hms_consensus::state::command::Command;
use hms_protocol::id::{NodeId, TaskId};
use hms_protocol::limits;
use hms_protocol::task::{Blockage, Outcome, TaskSpec};

use super::stage::{Stage, assign, greet, lose, node_id, spec, submit, task_id};

fn numbered(number: u32) -> TaskId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    TaskId::from_bytes(bytes)
}

fn submit_numbered(number: u32, spec: TaskSpec) -> Command {
    Command::Submit {
        task: numbered(number),
        spec,
        via: NodeId::from_bytes([0; 32]),
    }
}

#[test]
fn finished_tasks_are_forgotten_by_size_the_first_finished_first() {
    let mut stage = Stage::new(1);
    let mut large = spec("echo");
    large.input = vec![1; limits::TASK_INPUT_BYTES_MAX];
    let fit =
        u32::try_from(limits::TASKS_FINISHED_BYTES_MAX / limits::TASK_INPUT_BYTES_MAX).unwrap();
    for number in 0..=fit {
        large.idempotency_key = Some(number.to_string());
        stage.must(submit_numbered(number, large.clone()));
    }
    // The second is finished before the first, and is forgotten before it.
    for number in [1, 0].into_iter().chain(2..=fit) {
        let task = numbered(number);
        stage.must(Command::Cancel { task });
    }
    let index = stage.state.ledger().index();
    assert_eq!((index.finished(), index.open()), (fit as usize, 0));
    assert!(stage.state.ledger().task(numbered(1)).is_none());
    assert!(stage.state.ledger().task(numbered(0)).is_some());
    assert_eq!(
        (index.by_key("1"), index.by_key("0")),
        (None, Some(numbered(0)))
    );
}

#[test]
fn too_many_open_tasks_are_refused_and_room_is_made_by_finishing() {
    let mut stage = Stage::new(1);
    let mut small = spec("echo");
    small.input = Vec::new();
    let most = u32::try_from(limits::TASKS_OPEN_MAX).unwrap();
    let all: Vec<u32> = (0..most).collect();
    for chunk in all.chunks(limits::BATCH_COMMANDS_MAX) {
        let batch = chunk
            .iter()
            .map(|number| submit_numbered(*number, small.clone()));
        let applied = stage.apply(batch.collect());
        assert!(applied.outcomes.iter().all(Result::is_ok));
    }
    let one_more = || submit_numbered(most, spec("echo"));
    assert_eq!(stage.decide(one_more()).unwrap_err().code(), "HMS-BUSY");
    // What is there already is no further task.
    stage.must(submit_numbered(7, small));
    stage.must(Command::Cancel { task: numbered(9) });
    stage.must(one_more());
}

#[test]
fn a_long_history_keeps_its_ends() {
    let mut stage = Stage::new(2);
    let agent = stage.enrol(2, 1, &["echo"], 1);
    stage.must(submit(1, spec("echo")));
    for life in 2..60 {
        stage.must(lose(2, life - 1));
        stage.must(Command::Block {
            task: task_id(1),
            blockage: Blockage::NobodyPresent,
        });
        stage.must(greet(2, life));
        stage.must(Command::Unblock { task: task_id(1) });
    }
    stage.must(assign(1, 1, agent));
    let done = stage.report(1, 1, agent, Outcome::Success);
    stage.must(done);
    let history = stage.history(1);
    assert_eq!(history.len(), limits::TASK_HISTORY_MAX);
    assert_eq!(history[..3], ["submitted", "queued", "blocked"]);
    assert_eq!(
        history[limits::TASK_HISTORY_MAX - 3..],
        ["queued", "assigned", "succeeded"]
    );
    assert!(stage.state.roster().is_present(node_id(2)));
}
