//! Whether a history is linearizable: whether each call could have happened at one moment between its being asked and its
//! being answered.
//!
//! Linearizability is local (Herlihy and Wing, 1990, theorem 1): a history is linearizable if what it says of each key is. So
//! each key is judged by itself, which keeps the search short.

use std::collections::BTreeMap;

use hms_protocol::id::TaskId;
use stateright::semantics::{ConsistencyTester as _, LinearizabilityTester, SequentialSpec};

use super::history::{Asked, Operation, Told};

/// What one key does when it is asked one thing after the other.
#[derive(Clone, Debug, Default)]
struct Key {
    task: Option<TaskId>,
    cancelled: bool,
}

impl SequentialSpec for Key {
    type Op = Asked;
    type Ret = Told;

    fn invoke(&mut self, asked: &Asked) -> Told {
        match *asked {
            Asked::Submit(task) => Told::Taken(*self.task.get_or_insert(task)),
            Asked::Cancel(task) | Asked::Read(task) if self.task != Some(task) => Told::Unknown,
            Asked::Cancel(_) => {
                self.cancelled = true;
                Told::Cancelled
            }
            Asked::Read(_) if self.cancelled => Told::Cancelled,
            Asked::Read(_) => Told::Open,
        }
    }
}

/// Whether what was said about one key is linearizable.
pub(super) fn accepts(operations: &[Operation]) -> bool {
    let mut moments = BTreeMap::new();
    for operation in operations.iter().filter(|it| counts(it, operations)) {
        moments.insert(operation.invoked, (operation, None));
        if let Some((at, told)) = operation.told {
            moments.insert(at, (operation, Some(told)));
        }
    }
    let mut tester = LinearizabilityTester::new(Key::default());
    for (operation, told) in moments.into_values() {
        let noted = match told {
            None => tester.on_invoke(operation.process, operation.asked),
            Some(told) => tester.on_return(operation.process, told),
        };
        noted.expect("a process asks one thing at a time");
    }
    tester.is_consistent()
}

/// Whether a call could matter. One without an answer does not if it changes nothing: a read, or a call about a task that is
/// not the key's, because answers name others. Each that is left out saves the search from trying it everywhere.
fn counts(operation: &Operation, operations: &[Operation]) -> bool {
    if operation.told.is_some() {
        return true;
    }
    let mut named = operations.iter().filter_map(named).peekable();
    match operation.asked {
        Asked::Read(_) => false,
        Asked::Submit(task) | Asked::Cancel(task) => {
            named.peek().is_none() || named.any(|it| it == task)
        }
    }
}

/// The task that an answer says the key has.
fn named(operation: &Operation) -> Option<TaskId> {
    match (operation.answer()?, operation.asked) {
        (Told::Taken(task), _)
        | (Told::Open | Told::Cancelled, Asked::Read(task) | Asked::Cancel(task)) => Some(task),
        (Told::Open | Told::Cancelled, Asked::Submit(_)) | (Told::Unknown, _) => None,
    }
}
