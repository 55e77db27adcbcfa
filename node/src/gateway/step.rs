//! The steps of a task's history, each with its cursor and its attempt.

use hms_protocol::id::Cursor;
use hms_protocol::limits::TASK_HISTORY_MAX;
use hms_protocol::task::{Attempt, Task, TaskState, Transition};

/// One step of a task, seen from the whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'a> {
    pub(super) cursor: Cursor,
    pub(super) transition: &'a Transition,
    /// The attempt that it belongs to; `None` before the first.
    pub(super) attempt: Option<&'a Attempt>,
}

/// The steps of a task after a cursor, each with its own cursor and the attempt that it belongs to.
pub(super) fn steps_after(task: &Task, after: Option<Cursor>) -> Vec<Step<'_>> {
    let mut newest: Option<Cursor> = None;
    let mut steps = Vec::new();
    for (place, transition) in task.history.iter().enumerate() {
        let part = match newest {
            Some(newest) if newest.position == transition.position => newest.part.saturating_add(1),
            Some(_) | None => 0,
        };
        let cursor = Cursor {
            position: transition.position,
            part,
        };
        newest = Some(cursor);
        if after.is_none_or(|after| after < cursor) {
            let attempt = attempt_at(task, place);
            steps.push(Step {
                cursor,
                transition,
                attempt,
            });
        }
    }
    steps
}

/// The attempt that a step of the history belongs to. Every attempt begins with one step into `Assigned`; a history that
/// is full may lack some of its middle, so there the attempts are counted from its end.
fn attempt_at(task: &Task, place: usize) -> Option<&Attempt> {
    let assigned = |steps: &[Transition]| {
        steps
            .iter()
            .filter(|step| step.state == TaskState::Assigned)
            .count()
    };
    let begun = if task.history.len() < TASK_HISTORY_MAX {
        assigned(&task.history[..=place])
    } else {
        task.attempts
            .len()
            .saturating_sub(assigned(&task.history[place + 1..]))
    };
    task.attempts.get(begun.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use hms_protocol::digest::Hash;
    use hms_protocol::id::{AgentId, Incarnation, Index, NodeId, Position, TaskId};
    use hms_protocol::task::{TaskKind, TaskSpec};
    use hms_protocol::time::Moment;
    use hms_protocol::verdict::Verification;

    use super::*;

    const NODE: NodeId = NodeId::from_bytes([1; 32]);

    fn task(history: &[(u64, TaskState)], attempts: u32) -> Task {
        let transition = |(index, state): &(u64, TaskState)| Transition {
            position: Position {
                index: Index(*index),
                offset: 0,
            },
            at: Moment(*index),
            state: state.clone(),
            note: String::new(),
        };
        let attempt = |number| Attempt {
            number,
            agent: AgentId::from_bytes([u8::try_from(number).unwrap(); 16]),
            node: NODE,
            incarnation: Incarnation(1),
            assigned_at: Moment(1),
            lease_until: Moment(2),
            ended: None,
        };
        Task {
            id: TaskId::from_bytes([1; 16]),
            spec: TaskSpec {
                kind: TaskKind::Work,
                skill: "echo".parse().unwrap(),
                input: Vec::new(),
                deadline: Moment(9),
                attempt_ms: 1,
                attempts_max: 3,
                priority: 0,
                idempotency_key: None,
                needs: BTreeSet::new(),
                labels: BTreeMap::new(),
                verification: Verification::Reported,
            },
            input_digest: Hash::default(),
            via: NODE,
            state: TaskState::Queued,
            attempts: (1..=attempts).map(attempt).collect(),
            result: None,
            round: None,
            history: history.iter().map(transition).collect(),
        }
    }

    #[test]
    fn two_steps_of_one_command_are_told_apart() {
        use TaskState::{Assigned, Queued, Submitted};
        let task = task(&[(2, Submitted), (2, Queued), (3, Assigned)], 1);
        let cursors = |after: Option<&str>| -> Vec<String> {
            let after = after.map(|text| text.parse().unwrap());
            steps_after(&task, after)
                .iter()
                .map(|step| step.cursor.to_string())
                .collect()
        };
        assert_eq!(cursors(None), ["2.0.0", "2.0.1", "3.0.0"]);
        assert_eq!(cursors(Some("2.0.0")), ["2.0.1", "3.0.0"]);
        assert_eq!(cursors(Some("3.0.0")), [""; 0]);
    }

    #[test]
    fn a_step_belongs_to_the_attempt_that_was_assigned_last() {
        use TaskState::{Assigned, Queued, Running, Submitted};
        let history = [
            (2, Submitted),
            (2, Queued),
            (3, Assigned),
            (4, Running),
            (5, Queued),
            (6, Assigned),
        ];
        let numbers = |task: &Task| -> Vec<u32> {
            let steps = steps_after(task, None);
            steps
                .iter()
                .map(|step| step.attempt.map_or(0, |attempt| attempt.number))
                .collect()
        };
        assert_eq!(numbers(&task(&history, 2)), [0, 0, 1, 1, 1, 2]);

        let full: Vec<_> = (1..=TASK_HISTORY_MAX as u64)
            .map(|index| (index, Assigned))
            .collect();
        let last = numbers(&task(&full, 100)).pop();
        assert_eq!(last, Some(100));
    }
}
