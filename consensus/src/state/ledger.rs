//! The task ledger: where every task stands, and the only table of what may follow what.
//!
//! [`step`] is that table: one arm per transition of the architecture's task states, anything else is a refusal. The
//! [`Ledger`] keeps tasks with their indexes in step, and forgets finished tasks when their bounds are met.
//!
//! It does not decide *whether* a step is due: that is `apply`'s.

pub mod index;
pub mod page;

use std::collections::{BTreeMap, BTreeSet};

use hms_protocol::digest::Hash;
use hms_protocol::envelope::Sealed;
use hms_protocol::id::{AgentId, NodeId, Position, TaskId};
use hms_protocol::limits;
use hms_protocol::peer::Run;
use hms_protocol::refusal::Refusal;
use hms_protocol::task::{Attempt, Blockage, Task, TaskState, Transition};
use hms_protocol::time::Moment;

use self::index::Index;
use super::table::Table;

/// A step that a task may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The ledger has looked at it: let it wait for an agent.
    Queue,
    /// Nobody can take it.
    Block(Blockage),
    /// Somebody can take it again.
    Unblock,
    /// An agent holds the lease.
    Assign,
    /// The agent says that it is at work.
    Start,
    /// A result is in that must be checked.
    Verify,
    /// The result counts.
    Accept,
    /// The result does not count, or the agent says no.
    Reject,
    /// The attempt came to nothing; there are more.
    Requeue,
    /// The attempt came to nothing; it was the last.
    Exhaust,
    /// A person must say whether the result counts.
    AskApproval,
    /// Nobody can say whether the result is right.
    Quarantine,
    /// The client gives it up.
    Cancel,
    /// Its deadline has passed.
    Lapse,
}

impl Step {
    /// What the step does to a task, as refusals name it.
    pub const fn participle(&self) -> &'static str {
        match self {
            Self::Queue => "queued",
            Self::Block(_) => "blocked",
            Self::Unblock => "unblocked",
            Self::Assign => "assigned",
            Self::Start => "started",
            Self::Verify => "verified",
            Self::Accept => "accepted",
            Self::Reject => "rejected",
            Self::Requeue => "queued again",
            Self::Exhaust => "failed",
            Self::AskApproval => "put before a person",
            Self::Quarantine => "quarantined",
            Self::Cancel => "cancelled",
            Self::Lapse => "timed out",
        }
    }
}

/// Where a step leads. The one table of transitions: what has no arm is refused.
#[expect(
    clippy::match_same_arms,
    reason = "one arm per transition: it is a table"
)]
pub fn step(task: TaskId, from: &TaskState, step: Step) -> Result<TaskState, Refusal> {
    use TaskState as S;
    let to = match (from, step) {
        (S::Submitted, Step::Queue) => S::Queued,

        (S::Queued | S::Blocked(_), Step::Block(blockage)) => S::Blocked(blockage),
        (S::Blocked(_), Step::Unblock) => S::Queued,

        (S::Queued, Step::Assign) => S::Assigned,
        (S::Assigned, Step::Start) => S::Running,

        (S::Assigned | S::Running, Step::Verify) => S::Verifying,
        (S::Assigned | S::Running, Step::Requeue) => S::Queued,
        (S::Assigned | S::Running, Step::Exhaust) => S::Failed,

        (S::Verifying, Step::AskApproval) => S::AwaitingApproval,
        (S::Verifying, Step::Quarantine) => S::Quarantined,

        (S::Assigned | S::Running | S::Verifying | S::AwaitingApproval, Step::Accept) => {
            S::Succeeded
        }
        (S::Assigned | S::Running | S::Verifying | S::AwaitingApproval, Step::Reject) => S::Failed,

        (from, Step::Cancel) if !from.is_final() => S::Cancelled,
        (from, Step::Lapse) if !from.is_final() => S::TimedOut,

        (from, refused) => {
            return Err(Refusal::WrongState {
                task,
                state: from.name(),
                step: refused.participle(),
            });
        }
    };
    Ok(to)
}

/// When and where a step is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The command that causes it.
    pub position: Position,
    /// The ledger's time.
    pub at: Moment,
}

/// A result under verification, as its agent sealed it, with what the verifiers sealed so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The task.
    pub task: TaskId,
    /// Digest of the report, as verdicts must name it.
    pub report_digest: Hash,
    /// The report.
    pub report: Sealed,
    /// The verdicts of all rounds, oldest first.
    pub verdicts: Vec<Sealed>,
}

/// A run and who has it.
pub type Held = (NodeId, AgentId, Run);

/// Every task, open or kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    tasks: Table<Task>,
    cases: Table<Case>,
    index: Index,
}

impl Ledger {
    /// One task.
    pub fn task(&self, task: TaskId) -> Option<&Task> {
        self.tasks.get(&task)
    }

    /// One task, or the refusal that says that there is none.
    pub fn known(&self, task: TaskId) -> Result<&Task, Refusal> {
        self.task(task).ok_or(Refusal::UnknownTask { task })
    }

    /// The result under verification of one task.
    pub fn case(&self, task: TaskId) -> Option<&Case> {
        self.cases.get(&task)
    }

    /// Every task, by id.
    pub fn tasks(&self) -> impl DoubleEndedIterator<Item = &Task> {
        self.tasks.iter()
    }

    /// Every result under verification, by task.
    pub fn cases(&self) -> impl Iterator<Item = &Case> {
        self.cases.iter()
    }

    /// The indexes: who waits, what is due, how many there are.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Digests of the tables, for the digest of the whole state.
    pub fn digests(&self) -> [Hash; 2] {
        [self.tasks.digest(), self.cases.digest()]
    }

    /// Adds a task that is not there yet.
    pub fn insert(&mut self, task: Task) {
        debug_assert!(self.task(task.id).is_none(), "a task is inserted twice");
        self.index.insert(&task);
        self.tasks.put(task);
    }

    /// Adds a result to be verified.
    pub fn open_case(&mut self, case: Case) {
        self.cases.put(case);
    }

    /// Adds a sealed verdict to a case.
    pub fn add_verdict(&mut self, task: TaskId, verdict: Sealed) {
        self.cases.update(&task, |case| case.verdicts.push(verdict));
    }

    /// Removes a case.
    pub fn close_case(&mut self, task: TaskId) -> Option<Case> {
        self.cases.remove(&task).map(|case| Case::clone(&case))
    }

    /// Changes a task, and its place in the indexes with it. Gives the runs before and after, for whoever counts load.
    pub fn change(
        &mut self,
        task: TaskId,
        change: impl FnOnce(&mut Task),
    ) -> (Vec<Held>, Vec<Held>) {
        let Some(former) = self.tasks.get(&task) else {
            return (Vec::new(), Vec::new());
        };
        let before = held(former);
        self.index.leave(former);
        self.tasks.update(&task, change);
        let Some(latter) = self.tasks.get(&task) else {
            return (before, Vec::new());
        };
        self.index.join(latter);
        (before, held(latter))
    }

    /// Forgets finished tasks until their bounds hold, the one that finished first first.
    pub fn forget(&mut self) {
        while let Some(oldest) = self.index.surplus() {
            let Some(task) = self.tasks.remove(&oldest) else {
                return;
            };
            self.index.remove(&task);
        }
    }
}

/// The runs for which a task occupies agents.
pub fn held(task: &Task) -> Vec<Held> {
    let id = task.id;
    let attempts = open_attempt(task).map(|attempt| {
        let run = Run::Attempt {
            task: id,
            attempt: attempt.number,
        };
        (attempt.node, attempt.agent, run)
    });
    attempts.into_iter().chain(open_checks(task)).collect()
}

/// The attempt that has not ended, if there is one.
pub fn open_attempt(task: &Task) -> Option<&Attempt> {
    task.attempts
        .last()
        .filter(|attempt| attempt.ended.is_none())
}

/// The verifiers whose verdict is still awaited.
fn open_checks(task: &Task) -> impl Iterator<Item = Held> {
    let verifying = task.state == TaskState::Verifying;
    let round = task.round.as_ref().filter(|_| verifying);
    let attempt = task.attempts.last().map_or(0, |attempt| attempt.number);
    round.into_iter().flat_map(move |round| {
        let said: BTreeSet<AgentId> = round.verdicts.iter().map(|said| said.verifier).collect();
        let awaited = round
            .drawn
            .iter()
            .filter(move |(agent, _)| !said.contains(agent));
        awaited.map(move |(verifier, node)| {
            let run = Run::Check {
                task: task.id,
                attempt,
                round: round.number,
                verifier: *verifier,
            };
            (*node, *verifier, run)
        })
    })
}

/// Adds a transition to a task's history. The middle of a history that is too long is dropped, its ends stay.
pub fn record(task: &mut Task, stamp: Stamp, note: String) {
    if limits::TASK_HISTORY_MAX <= task.history.len() {
        task.history.remove(limits::TASK_HISTORY_MAX / 2);
    }
    task.history.push(Transition {
        position: stamp.position,
        at: stamp.at,
        state: task.state.clone(),
        note,
    });
}

/// How many tasks there are by name of state.
pub type Counts = BTreeMap<&'static str, u64>;

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: TaskId = TaskId::from_bytes([1; 16]);

    fn states() -> [TaskState; 12] {
        use TaskState as S;
        [
            S::Submitted,
            S::Queued,
            S::Blocked(Blockage::NoSkill),
            S::Assigned,
            S::Running,
            S::Verifying,
            S::AwaitingApproval,
            S::Succeeded,
            S::Failed,
            S::TimedOut,
            S::Cancelled,
            S::Quarantined,
        ]
    }

    /// A step leads from these states to that one, and from no other anywhere.
    fn check(taken: &Step, from: &[&str], to: &str) {
        for state in states() {
            let expected = from.contains(&state.name()).then_some(to);
            let outcome = step(TASK, &state, taken.clone());
            match (&outcome, expected) {
                (Ok(reached), Some(to)) => assert_eq!(reached.name(), to),
                (Err(refusal), None) => assert_eq!(refusal.code(), "HMS-WRONG-STATE"),
                (Ok(_), None) | (Err(_), Some(_)) => panic!("{state:?} {taken:?}: {outcome:?}"),
            }
            assert!(!state.is_final() || outcome.is_err(), "{state:?} was left");
        }
    }

    #[test]
    fn every_step_leads_from_where_the_table_says_and_from_nowhere_else() {
        let held = ["assigned", "running"];
        let judged = ["assigned", "running", "verifying", "awaiting-approval"];
        let open = [
            "submitted",
            "queued",
            "blocked",
            "assigned",
            "running",
            "verifying",
            "awaiting-approval",
        ];
        check(&Step::Queue, &["submitted"], "queued");
        check(
            &Step::Block(Blockage::NoVerifier),
            &["queued", "blocked"],
            "blocked",
        );
        check(&Step::Unblock, &["blocked"], "queued");
        check(&Step::Assign, &["queued"], "assigned");
        check(&Step::Start, &["assigned"], "running");
        check(&Step::Verify, &held, "verifying");
        check(&Step::Requeue, &held, "queued");
        check(&Step::Exhaust, &held, "failed");
        check(&Step::AskApproval, &["verifying"], "awaiting-approval");
        check(&Step::Quarantine, &["verifying"], "quarantined");
        check(&Step::Accept, &judged, "succeeded");
        check(&Step::Reject, &judged, "failed");
        check(&Step::Cancel, &open, "cancelled");
        check(&Step::Lapse, &open, "timed-out");
    }
}
