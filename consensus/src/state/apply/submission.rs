//! What clients ask for: tasks come in, wait, and are given up.

use hms_protocol::digest::{Domain, hash_fields};
use hms_protocol::id::{NodeId, TaskId};
use hms_protocol::limits;
use hms_protocol::refusal::Refusal;
use hms_protocol::task::{AttemptEnd, Blockage, Task, TaskSpec, TaskState};

use super::Turn;
use crate::state::Change;
use crate::state::event::Event;
use crate::state::ledger::{Step, record, step};
use crate::state::waiting::Demand;

impl Turn<'_> {
    /// Takes a task in. Repeating it is safe: the same id with the same content, or the same idempotency key, is the task
    /// that is there already.
    pub(super) fn submit(
        &mut self,
        task: TaskId,
        spec: &TaskSpec,
        via: NodeId,
    ) -> Result<Change, Refusal> {
        if let Some(former) = self.state.ledger.task(task) {
            if former.spec != *spec {
                return Err(Refusal::TaskExists { task });
            }
            return Ok(Change::Submitted { task, fresh: false });
        }
        let key = spec.idempotency_key.as_deref();
        if let Some(task) = key.and_then(|key| self.state.ledger.index().by_key(key)) {
            return Ok(Change::Submitted { task, fresh: false });
        }
        spec.check(self.state.now)?;
        self.check_room(spec)?;
        let mut record_of = Task {
            id: task,
            spec: spec.clone(),
            input_digest: hash_fields(Domain::TaskInput, &[&spec.input]),
            via,
            state: TaskState::Submitted,
            attempts: Vec::new(),
            result: None,
            round: None,
            history: Vec::with_capacity(HISTORY_EXPECTED),
        };
        let stamp = self.stamp();
        let state = step(task, &record_of.state, Step::Queue)?;
        record(&mut record_of, stamp, String::new());
        record_of.state = state.clone();
        record(&mut record_of, stamp, String::new());
        self.state.ledger.insert(record_of);
        self.tell(Event::TaskMoved { task, state });
        Ok(Change::Submitted { task, fresh: true })
    }

    fn check_room(&self, spec: &TaskSpec) -> Result<(), Refusal> {
        let index = self.state.ledger.index();
        if limits::TASKS_OPEN_MAX <= index.open() {
            return Err(Refusal::Busy {
                what: "the ledger's open tasks",
                max: limits::TASKS_OPEN_MAX as u64,
            });
        }
        if limits::TASKS_OPEN_BYTES_MAX < index.open_bytes() + spec.input.len() {
            return Err(Refusal::Busy {
                what: "the ledger's bytes of open tasks",
                max: limits::TASKS_OPEN_BYTES_MAX as u64,
            });
        }
        Ok(())
    }

    /// Nobody can take a task. The ledger's own roster must say so too.
    pub(super) fn block(&mut self, task: TaskId, blockage: &Blockage) -> Result<Change, Refusal> {
        let record = self.state.ledger.known(task)?;
        let found = self.state.blockage(&Demand::of(&record.spec));
        if found.as_ref() != Some(blockage) {
            return Err(Refusal::Invalid {
                field: "blockage",
                reason: "the roster says otherwise".to_owned(),
            });
        }
        if record.state == TaskState::Blocked(blockage.clone()) {
            return Ok(Change::Done);
        }
        let next = (
            Step::Block(blockage.clone()),
            describe(blockage, &record.spec),
        );
        self.advance(task, next, None, |_| ())?;
        Ok(Change::Done)
    }

    /// Somebody can take a task again.
    pub(super) fn unblock(&mut self, task: TaskId) -> Result<Change, Refusal> {
        let record = self.state.ledger.known(task)?;
        if self.state.blockage(&Demand::of(&record.spec)).is_some() {
            return Err(Refusal::Invalid {
                field: "task",
                reason: "the roster says that it is blocked".to_owned(),
            });
        }
        self.advance(task, (Step::Unblock, String::new()), None, |_| ())?;
        Ok(Change::Done)
    }

    /// The client gives a task up.
    pub(super) fn cancel(&mut self, task: TaskId) -> Result<Change, Refusal> {
        let record = self.state.ledger.known(task)?;
        if record.state != TaskState::Cancelled {
            self.give_up(task, (Step::Cancel, String::new()))?;
        }
        Ok(Change::Cancelled(task))
    }

    /// A task's deadline has passed, by the ledger's time.
    pub(super) fn lapse(&mut self, task: TaskId) -> Result<Change, Refusal> {
        let record = self.state.ledger.known(task)?;
        if record.state == TaskState::TimedOut {
            return Ok(Change::Done);
        }
        let early_ms = record.spec.deadline.since_ms(self.state.now);
        if 0 < early_ms {
            return Err(Refusal::Invalid {
                field: "deadline",
                reason: format!("it is {early_ms} ms away"),
            });
        }
        self.give_up(task, (Step::Lapse, "the deadline has passed".to_owned()))?;
        Ok(Change::Done)
    }

    fn give_up(&mut self, task: TaskId, next: (Step, String)) -> Result<(), Refusal> {
        let now = self.state.now;
        self.advance(task, next, None, |task| {
            if let Some(attempt) = task.attempts.last_mut() {
                attempt.ended.get_or_insert((now, AttemptEnd::Withdrawn));
            }
        })
    }
}

/// Transitions of a task that goes well: submitted, queued, assigned, running, verifying, succeeded.
const HISTORY_EXPECTED: usize = 6;

/// A blockage in one sentence, for people.
pub(crate) fn describe(blockage: &Blockage, spec: &TaskSpec) -> String {
    let skill = &spec.skill;
    match blockage {
        Blockage::NoSkill => format!("no agent has the skill {skill}"),
        Blockage::NoOffer(need) => format!("no agent with the skill {skill} offers {need}"),
        Blockage::NobodyPresent => {
            format!("every agent that could do {skill} is on a node that is lost")
        }
        Blockage::NoVerifier => {
            format!("nobody is there to check what {skill} would report")
        }
    }
}
