//! Ways into the ledger: who waits, what is due, what was submitted under which key, what is forgotten first.
//!
//! Everything here follows from the tasks, so it has no part in the state's digest and is built anew when a checkpoint
//! is read. Each task enters and leaves by one function each, so that no index can be forgotten.

use std::collections::{BTreeMap, BTreeSet};

use hms_protocol::id::{Position, TaskId};
use hms_protocol::limits;
use hms_protocol::task::{Task, TaskState};
use hms_protocol::time::Moment;

use super::{Counts, open_attempt};
use crate::state::waiting::{Demand, Place, Waiting};

/// The indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    waiting: Waiting,
    leases: BTreeSet<(Moment, TaskId)>,
    deadlines: BTreeSet<(Moment, TaskId)>,
    rounds: BTreeSet<(Moment, TaskId)>,
    keys: BTreeMap<String, TaskId>,
    by_age: BTreeSet<(Position, TaskId)>,
    finished: BTreeSet<(Position, TaskId)>,
    finished_bytes: usize,
    open_bytes: usize,
    counts: Counts,
}

impl Index {
    /// The tasks that wait for an agent.
    pub fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// Tasks whose attempt's lease has run out.
    pub fn expired(&self, now: Moment) -> impl Iterator<Item = TaskId> {
        due(&self.leases, now)
    }

    /// Open tasks whose deadline has passed.
    pub fn lapsed(&self, now: Moment) -> impl Iterator<Item = TaskId> {
        due(&self.deadlines, now)
    }

    /// Tasks whose round of verification has run out of time.
    pub fn overdue(&self, now: Moment) -> impl Iterator<Item = TaskId> {
        due(&self.rounds, now)
    }

    /// The task that was submitted under an idempotency key.
    pub fn by_key(&self, key: &str) -> Option<TaskId> {
        self.keys.get(key).copied()
    }

    /// Every task, oldest first.
    pub fn by_age(&self) -> impl DoubleEndedIterator<Item = TaskId> {
        self.by_age.iter().map(|(_, task)| *task)
    }

    /// Tasks older than this one, oldest first.
    pub fn older_than(&self, task: &Task) -> impl DoubleEndedIterator<Item = TaskId> {
        let bound = (submitted(task), task.id);
        self.by_age.range(..bound).map(|(_, task)| *task)
    }

    /// How many tasks there are by name of state.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How many tasks there are.
    pub fn len(&self) -> usize {
        self.by_age.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_age.is_empty()
    }

    /// How many tasks are not finished.
    pub fn open(&self) -> usize {
        self.deadlines.len()
    }

    /// Bytes of their inputs.
    pub fn open_bytes(&self) -> usize {
        self.open_bytes
    }

    /// How many finished tasks are kept.
    pub fn finished(&self) -> usize {
        self.finished.len()
    }

    /// The finished task to be forgotten next, if there are too many or they are too large.
    pub fn surplus(&self) -> Option<TaskId> {
        let fits = self.finished.len() <= limits::TASKS_FINISHED_MAX
            && self.finished_bytes <= limits::TASKS_FINISHED_BYTES_MAX;
        if fits {
            return None;
        }
        self.finished.first().map(|(_, task)| *task)
    }

    /// Takes in a new task.
    pub(super) fn insert(&mut self, task: &Task) {
        self.by_age.insert((submitted(task), task.id));
        if let Some(key) = &task.spec.idempotency_key {
            self.keys.insert(key.clone(), task.id);
        }
        self.join(task);
    }

    /// Forgets a task.
    pub(super) fn remove(&mut self, task: &Task) {
        self.leave(task);
        self.by_age.remove(&(submitted(task), task.id));
        if let Some(key) = &task.spec.idempotency_key {
            self.keys.remove(key);
        }
    }

    /// Takes in what changes while a task moves.
    pub(super) fn join(&mut self, task: &Task) {
        *self.counts.entry(task.state.name()).or_default() += 1;
        if task.state.is_final() {
            self.finished.insert((ended(task), task.id));
            self.finished_bytes += bytes(task);
            return;
        }
        self.deadlines.insert((task.spec.deadline, task.id));
        self.open_bytes += task.spec.input.len();
        match &task.state {
            TaskState::Queued => self.waiting.join(Demand::of(&task.spec), Place::of(task)),
            TaskState::Blocked(blockage) => {
                let demand = Demand::of(&task.spec);
                self.waiting
                    .block(demand, blockage.clone(), Place::of(task));
            }
            TaskState::Assigned | TaskState::Running => {
                self.leases.extend(lease(task));
            }
            TaskState::Verifying => self.rounds.extend(round(task)),
            TaskState::Submitted
            | TaskState::AwaitingApproval
            | TaskState::Succeeded
            | TaskState::Failed
            | TaskState::TimedOut
            | TaskState::Cancelled
            | TaskState::Quarantined => {}
        }
    }

    /// Takes out what [`join`](Self::join) took in.
    pub(super) fn leave(&mut self, task: &Task) {
        let name = task.state.name();
        if let Some(count) = self.counts.get_mut(name) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(name);
            }
        }
        if task.state.is_final() {
            self.finished.remove(&(ended(task), task.id));
            self.finished_bytes -= bytes(task);
            return;
        }
        self.deadlines.remove(&(task.spec.deadline, task.id));
        self.open_bytes -= task.spec.input.len();
        match &task.state {
            TaskState::Queued => self.waiting.leave(Demand::of(&task.spec), Place::of(task)),
            TaskState::Blocked(blockage) => {
                let demand = Demand::of(&task.spec);
                self.waiting
                    .unblock(demand, blockage.clone(), Place::of(task));
            }
            TaskState::Assigned | TaskState::Running => {
                if let Some(lease) = lease(task) {
                    self.leases.remove(&lease);
                }
            }
            TaskState::Verifying => {
                if let Some(round) = round(task) {
                    self.rounds.remove(&round);
                }
            }
            TaskState::Submitted
            | TaskState::AwaitingApproval
            | TaskState::Succeeded
            | TaskState::Failed
            | TaskState::TimedOut
            | TaskState::Cancelled
            | TaskState::Quarantined => {}
        }
    }
}

fn due(times: &BTreeSet<(Moment, TaskId)>, now: Moment) -> impl Iterator<Item = TaskId> {
    let passed = times.iter().take_while(move |(at, _)| *at <= now);
    passed.map(|(_, task)| *task)
}

fn lease(task: &Task) -> Option<(Moment, TaskId)> {
    open_attempt(task).map(|attempt| (attempt.lease_until, task.id))
}

fn round(task: &Task) -> Option<(Moment, TaskId)> {
    let round = task.round.as_ref()?;
    Some((round.drawn_at.plus_ms(limits::VERIFY_ROUND_MS), task.id))
}

/// Where a task was submitted: the first entry of its history, which is never dropped.
fn submitted(task: &Task) -> Position {
    task.history
        .first()
        .map(|first| first.position)
        .unwrap_or_default()
}

/// Where a finished task finished: the last entry of its history.
fn ended(task: &Task) -> Position {
    task.history
        .last()
        .map(|last| last.position)
        .unwrap_or_default()
}

/// What a task keeps in memory beside its bounded fields.
fn bytes(task: &Task) -> usize {
    let result = task
        .result
        .as_ref()
        .map_or(0, |report| report.result.bytes());
    task.spec.input.len() + result
}
