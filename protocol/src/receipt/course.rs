//! Where a task stands after some commands, if each was carried out and there were no others.
//!
//! The rules are those of the ledger, as far as they can be told without it. It refuses nothing.

use std::collections::BTreeSet;

use super::proven::Deed;
use crate::id::AgentId;
use crate::limits;
use crate::task::{AttemptEnd, Outcome, TaskSpec, TaskState};
use crate::verdict::{Finding, Verdict, Verification};

/// How many verifiers of one round decide, however many were drawn.
const MAJORITY_ALWAYS: usize = limits::VERIFIERS_MAX / 2 + 1;

/// Where a task stands.
#[derive(Debug)]
pub(super) struct Course {
    /// `None` when it depends on more than the commands.
    state: Option<TaskState>,
    verification: Verification,
    attempts_max: u32,
    attempt: u32,
    round: u32,
    accepted: BTreeSet<AgentId>,
    rejected: BTreeSet<AgentId>,
}

impl Course {
    /// A task that was just taken.
    pub(super) fn of(spec: &TaskSpec) -> Self {
        Self {
            state: Some(TaskState::Queued),
            verification: spec.verification,
            attempts_max: spec.attempts_max,
            attempt: 0,
            round: 1,
            accepted: BTreeSet::new(),
            rejected: BTreeSet::new(),
        }
    }

    /// The state, if it can be said.
    pub(super) fn state(self) -> Option<TaskState> {
        self.state
    }

    /// Takes the next command. A final state is never left.
    pub(super) fn take(&mut self, deed: &Deed) {
        if self.state.as_ref().is_some_and(TaskState::is_final) {
            return;
        }
        self.state = match deed {
            Deed::Submitted => return,
            Deed::Assigned { attempt, .. } => {
                self.attempt = *attempt;
                Some(TaskState::Assigned)
            }
            Deed::Blocked(blockage) => Some(TaskState::Blocked(blockage.clone())),
            Deed::Unblocked => Some(TaskState::Queued),
            Deed::Started { .. } => Some(TaskState::Running),
            Deed::Reported { report, .. } => Some(self.reported(report.result.outcome)),
            Deed::Judged { verdict, .. } => self.judged(verdict),
            Deed::Redrawn { round } => {
                self.draw(round.saturating_add(1));
                Some(if limits::VERIFY_ROUNDS_MAX <= *round {
                    TaskState::Quarantined
                } else {
                    TaskState::Verifying
                })
            }
            Deed::Expired { end, .. } => Some(self.expired(*end)),
            Deed::Cancelled => Some(TaskState::Cancelled),
            Deed::Lapsed => Some(TaskState::TimedOut),
        };
    }

    fn reported(&mut self, outcome: Outcome) -> TaskState {
        match (outcome, self.verification) {
            (Outcome::Success, Verification::Reported) => TaskState::Succeeded,
            (Outcome::Success, Verification::Kernel) => {
                self.draw(1);
                TaskState::Verifying
            }
            (Outcome::Failure, _) => TaskState::Failed,
            (Outcome::Timeout | Outcome::Cancelled | Outcome::Unavailable, _) => self.next_try(),
        }
    }

    fn expired(&self, end: AttemptEnd) -> TaskState {
        match end {
            AttemptEnd::LeaseExpired
            | AttemptEnd::AgentLost
            | AttemptEnd::NodeLost
            | AttemptEnd::Reported
            | AttemptEnd::Withdrawn => self.next_try(),
        }
    }

    fn next_try(&self) -> TaskState {
        if self.attempt < self.attempts_max {
            TaskState::Queued
        } else {
            TaskState::Failed
        }
    }

    /// One verifier's word decides only if it was drawn alone, which a receipt does not say.
    fn judged(&mut self, verdict: &Verdict) -> Option<TaskState> {
        if verdict.round != self.round {
            self.draw(verdict.round);
        }
        match verdict.finding {
            Finding::Accepted => self.accepted.insert(verdict.verifier),
            Finding::Rejected(_) => self.rejected.insert(verdict.verifier),
            Finding::Unavailable(_) => false,
        };
        if MAJORITY_ALWAYS <= self.accepted.len() {
            return Some(TaskState::Succeeded);
        }
        (MAJORITY_ALWAYS <= self.rejected.len()).then_some(TaskState::Failed)
    }

    fn draw(&mut self, round: u32) {
        self.round = round;
        self.accepted.clear();
        self.rejected.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Hash;
    use crate::id::{NodeId, TaskId};
    use crate::task::{Blockage, Report, TaskKind, TaskResult};
    use crate::time::Moment;

    const NODE: NodeId = NodeId::from_bytes([1; 32]);
    const TASK: TaskId = TaskId::from_bytes([1; 16]);

    fn agent(number: u8) -> AgentId {
        AgentId::from_bytes([number; 16])
    }

    fn spec(verification: Verification) -> TaskSpec {
        TaskSpec {
            kind: TaskKind::Work,
            skill: "echo".parse().expect("a name"),
            input: Vec::new(),
            deadline: Moment(9),
            attempt_ms: 1,
            attempts_max: 2,
            priority: 0,
            idempotency_key: None,
            needs: BTreeSet::new(),
            labels: std::collections::BTreeMap::new(),
            verification,
        }
    }

    fn assigned(attempt: u32) -> Deed {
        Deed::Assigned {
            attempt,
            agent: agent(1),
        }
    }

    fn reported(outcome: Outcome) -> Deed {
        let report = Report {
            task: TASK,
            attempt: 1,
            agent: agent(1),
            result: TaskResult {
                outcome,
                output: Vec::new(),
                stdout: String::new(),
                stderr: String::new(),
                trace: String::new(),
                duration_ms: 1,
            },
        };
        let digest = report.digest();
        Deed::Reported {
            report: Box::new(report),
            digest,
            node: NODE,
        }
    }

    fn judged(round: u32, verifier: u8, finding: Finding) -> Deed {
        let verdict = Verdict {
            task: TASK,
            attempt: 1,
            round,
            verifier: agent(verifier),
            report_digest: Hash::default(),
            finding,
        };
        Deed::Judged {
            verdict: Box::new(verdict),
            node: NODE,
        }
    }

    fn check(verification: Verification, deeds: &[Deed], expected: Option<&str>) {
        let mut course = Course::of(&spec(verification));
        for deed in deeds {
            course.take(deed);
        }
        let state = course.state();
        assert_eq!(state.as_ref().map(TaskState::name), expected, "{deeds:?}");
    }

    #[test]
    fn work_that_is_taken_as_reported_ends_with_its_report() {
        let plain = |deeds: &[Deed], expected| check(Verification::Reported, deeds, Some(expected));
        let done = reported(Outcome::Success);
        plain(&[Deed::Submitted], "queued");
        plain(&[Deed::Blocked(Blockage::NoSkill)], "blocked");
        plain(
            &[Deed::Blocked(Blockage::NoSkill), Deed::Unblocked],
            "queued",
        );
        plain(&[assigned(1)], "assigned");
        plain(&[assigned(1), done.clone()], "succeeded");
        plain(&[assigned(1), done, Deed::Cancelled], "succeeded");
        plain(&[assigned(1), reported(Outcome::Failure)], "failed");
        plain(&[assigned(1), reported(Outcome::Timeout)], "queued");
        plain(&[assigned(2), reported(Outcome::Timeout)], "failed");
        plain(&[assigned(1), Deed::Cancelled], "cancelled");
        plain(&[assigned(1), Deed::Lapsed], "timed-out");
        let expired = Deed::Expired {
            attempt: 1,
            end: AttemptEnd::LeaseExpired,
        };
        plain(&[assigned(1), expired], "queued");
    }

    #[test]
    fn two_verifiers_of_one_round_decide_and_one_may_not() {
        let kernel = |deeds: &[Deed], expected| {
            let done = [assigned(1), reported(Outcome::Success)];
            check(Verification::Kernel, &[&done, deeds].concat(), expected);
        };
        let no = || Finding::Rejected("wrong".to_owned());
        kernel(&[], Some("verifying"));
        kernel(&[judged(1, 2, Finding::Accepted)], None);
        let twice = [
            judged(1, 2, Finding::Accepted),
            judged(1, 2, Finding::Accepted),
        ];
        kernel(&twice, None);
        let two = [
            judged(1, 2, Finding::Accepted),
            judged(1, 3, Finding::Accepted),
        ];
        kernel(&two, Some("succeeded"));
        let across = [
            judged(1, 2, Finding::Accepted),
            Deed::Redrawn { round: 1 },
            judged(2, 3, Finding::Accepted),
        ];
        kernel(&across, None);
        kernel(&[judged(1, 2, no()), judged(1, 3, no())], Some("failed"));
        kernel(&[Deed::Redrawn { round: 1 }], Some("verifying"));
        kernel(&[Deed::Redrawn { round: 3 }], Some("quarantined"));
    }
}
