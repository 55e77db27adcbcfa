//! Agents try: leases are given, used, and run out.

use hms_protocol::agent::AgentStanding;
use hms_protocol::codec::envelope::Content;
use hms_protocol::envelope::{BodyKind, Sealed};
use hms_protocol::id::{AgentId, TaskId};
use hms_protocol::peer::Run;
use hms_protocol::refusal::Refusal;
use hms_protocol::task::{Attempt, AttemptEnd, Outcome, Report, Task, TaskState};
use hms_protocol::verdict::Verification;

use super::Turn;
use crate::state::Change;
use crate::state::event::Event;
use crate::state::ledger::{Step, open_attempt, step};

impl Turn<'_> {
    /// Gives a task to an agent, if it fits as the ledger sees it. The lease ends with the attempt's time, or with the
    /// task's deadline if that comes first.
    pub(super) fn assign(
        &mut self,
        task: TaskId,
        attempt: u32,
        agent: AgentId,
    ) -> Result<Change, Refusal> {
        let now = self.state.now;
        let record = self.state.ledger.known(task)?;
        let tried = attempts_made(record);
        if attempt != tried + 1 {
            return Err(Refusal::StaleAttempt {
                task,
                attempt,
                current: tried,
            });
        }
        step(task, &record.state, Step::Assign)?;
        if record.spec.deadline <= now {
            return Err(Refusal::DeadlinePassed {
                late_ms: now.since_ms(record.spec.deadline),
            });
        }
        let node = self.state.check_fit(agent, &record.spec)?.certificate.node;
        let given = Attempt {
            number: attempt,
            agent,
            node,
            incarnation: self.state.roster.known(node)?.incarnation,
            assigned_at: now,
            lease_until: now
                .plus_ms(record.spec.attempt_ms)
                .min(record.spec.deadline),
            ended: None,
        };
        let note = format!(
            "attempt {attempt} by {} on {}",
            agent.short(),
            self.state.roster.name_of(node)
        );
        self.advance(task, (Step::Assign, note), None, |task| {
            task.attempts.push(given);
        })?;
        self.tell(Event::Assigned { task, attempt });
        Ok(Change::Done)
    }

    /// The agent is at work.
    pub(super) fn start(
        &mut self,
        task: TaskId,
        attempt: u32,
        agent: AgentId,
    ) -> Result<Change, Refusal> {
        let record = self.state.ledger.known(task)?;
        check_current(record, attempt, agent)?;
        if record.state != TaskState::Running {
            self.advance(task, (Step::Start, String::new()), None, |_| ())?;
        }
        Ok(Change::Done)
    }

    /// An agent reports. Its own word ends the attempt; whether the result counts is another question.
    pub(super) fn report(&mut self, sealed: &Sealed) -> Result<Change, Refusal> {
        let (agent, content) = self.open(sealed, BodyKind::Report)?;
        let Content::Report(report) = content else {
            return Err(Refusal::Invalid {
                field: "report",
                reason: "it is something else".to_owned(),
            });
        };
        let run = Run::Attempt {
            task: report.task,
            attempt: report.attempt,
        };
        let record = self.state.ledger.known(report.task)?;
        if record.result.as_ref() == Some(&report) {
            return Ok(Change::Taken(run));
        }
        check_current(record, report.attempt, agent)?;
        if self.state.roster.enrolled(agent)?.standing != AgentStanding::Ready {
            return Err(Refusal::Unfit {
                agent,
                reason: "it is not in service",
            });
        }
        report.result.check()?;
        match (report.result.outcome, record.spec.verification) {
            (Outcome::Success, Verification::Reported) => {
                self.end_reported(report, (Step::Accept, String::new()))?;
            }
            (Outcome::Success, Verification::Kernel) => {
                self.verify(report, sealed)?;
            }
            (Outcome::Failure, _) => {
                let note = "the agent says no".to_owned();
                self.end_reported(report, (Step::Reject, note))?;
            }
            (outcome @ (Outcome::Timeout | Outcome::Cancelled | Outcome::Unavailable), _) => {
                let next = next_try(record, describe(outcome));
                self.end_reported(report, next)?;
            }
        }
        Ok(Change::Taken(run))
    }

    fn end_reported(&mut self, report: Report, next: (Step, String)) -> Result<(), Refusal> {
        let now = self.state.now;
        let run = Run::Attempt {
            task: report.task,
            attempt: report.attempt,
        };
        self.advance(report.task, next, Some(run), |task| {
            end_attempt(task, (now, AttemptEnd::Reported));
            task.result = Some(report);
        })
    }

    /// An attempt is over without a report, as the leader says: a lease must have run out by the ledger's time, a lost
    /// agent is taken at its node's word.
    pub(super) fn expire(
        &mut self,
        task: TaskId,
        attempt: u32,
        end: AttemptEnd,
    ) -> Result<Change, Refusal> {
        let record = self.state.ledger.known(task)?;
        let open = check_open(record, attempt)?;
        match end {
            AttemptEnd::LeaseExpired => {
                let early_ms = open.lease_until.since_ms(self.state.now);
                if 0 < early_ms {
                    return Err(Refusal::Invalid {
                        field: "lease",
                        reason: format!("it holds for another {early_ms} ms"),
                    });
                }
            }
            AttemptEnd::AgentLost => {}
            AttemptEnd::Reported | AttemptEnd::NodeLost | AttemptEnd::Withdrawn => {
                return Err(Refusal::Invalid {
                    field: "end",
                    reason: "only a lease expires and an agent gets lost".to_owned(),
                });
            }
        }
        self.lose_attempt(task, end);
        Ok(Change::Done)
    }

    /// Ends the open attempt of a task, if there is one, and lets the task be tried again while attempts are left.
    pub(super) fn lose_attempt(&mut self, task: TaskId, end: AttemptEnd) {
        let now = self.state.now;
        let record = self
            .state
            .ledger
            .task(task)
            .filter(|task| open_attempt(task).is_some());
        let Some(record) = record else {
            return;
        };
        let next = next_try(record, describe_end(end));
        let ended = self.advance(task, next, None, |task| end_attempt(task, (now, end)));
        debug_assert!(
            ended.is_ok(),
            "an open attempt can always be lost: {ended:?}"
        );
    }
}

/// How many attempts were made.
pub(super) fn attempts_made(task: &Task) -> u32 {
    task.attempts.last().map_or(0, |attempt| attempt.number)
}

/// Ends the open attempt.
pub(super) fn end_attempt(task: &mut Task, end: (hms_protocol::time::Moment, AttemptEnd)) {
    if let Some(attempt) = task.attempts.last_mut() {
        attempt.ended.get_or_insert(end);
    }
}

/// Where a task goes when an attempt came to nothing.
fn next_try(task: &Task, why: &str) -> (Step, String) {
    let (made, most) = (attempts_made(task), task.spec.attempts_max);
    if made < most {
        (Step::Requeue, format!("attempt {made} of {most}: {why}"))
    } else {
        (Step::Exhaust, format!("the last of {most} attempts: {why}"))
    }
}

/// The open attempt, if it is the one that is meant.
fn check_open(task: &Task, attempt: u32) -> Result<&Attempt, Refusal> {
    open_attempt(task)
        .filter(|open| open.number == attempt)
        .ok_or(Refusal::StaleAttempt {
            task: task.id,
            attempt,
            current: attempts_made(task),
        })
}

/// Refuses whoever does not hold the lease.
fn check_current(task: &Task, attempt: u32, agent: AgentId) -> Result<(), Refusal> {
    let open = check_open(task, attempt)?;
    if open.agent == agent {
        return Ok(());
    }
    Err(Refusal::Unfit {
        agent,
        reason: "another agent holds the lease",
    })
}

const fn describe(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "done",
        Outcome::Failure => "the agent says no",
        Outcome::Timeout => "it ran out of its time",
        Outcome::Cancelled => "the run was cancelled",
        Outcome::Unavailable => "the skill could not run there",
    }
}

const fn describe_end(end: AttemptEnd) -> &'static str {
    match end {
        AttemptEnd::Reported => "reported",
        AttemptEnd::NodeLost => "its node was lost",
        AttemptEnd::AgentLost => "its agent was lost",
        AttemptEnd::LeaseExpired => "its lease ran out",
        AttemptEnd::Withdrawn => "it was withdrawn",
    }
}
