//! How a command ends, for scripts. The numbers are promised in `--help` and never change.

use std::process::ExitCode;

use hms_client::domain::task::{Task, TaskState};
use hms_client::domain::verdict::Verification;

/// The promise, as `--help` prints it.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
    0  done
    1  error
    2  accepted, but blocked: nobody can do it now (`hms task why` says why)
    5  verification failed
    6  no quorum, or no node can be reached
    7  timed out
    8  a drill failed: harm was done that the mesh promises to stand
   64  wrong usage

Examples:
  hms status
  hms service apply -f services.toml
  hms prove theorems.mm --db logic.mm
  HMS_ADDRESS=127.0.0.1:7400,127.0.0.1:7401 hms node list -o json";

/// How a command ends. The worse of two is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// Accepted, but blocked.
    Blocked,
    /// Timed out.
    TimedOut,
    /// Error.
    Failed,
    /// Verification failed.
    Unverified,
    /// A drill failed.
    DrillFailed,
    /// No quorum or unreachable.
    Unavailable,
    /// Wrong usage.
    Usage,
}

impl Exit {
    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Blocked => 2,
            Self::Unverified => 5,
            Self::Unavailable => 6,
            Self::TimedOut => 7,
            Self::DrillFailed => 8,
            Self::Usage => 64,
        }
    }

    /// What a task's end means for the command that waited for it.
    pub(crate) fn of_task(task: &Task) -> Self {
        match &task.state {
            TaskState::Succeeded => Self::Done,
            TaskState::Failed if task.spec.verification == Verification::Kernel => Self::Unverified,
            TaskState::Quarantined => Self::Unverified,
            TaskState::Failed | TaskState::Cancelled => Self::Failed,
            TaskState::TimedOut => Self::TimedOut,
            TaskState::Submitted
            | TaskState::Queued
            | TaskState::Blocked(_)
            | TaskState::Assigned
            | TaskState::Running
            | TaskState::Verifying
            | TaskState::AwaitingApproval => Self::of_unfinished(&task.state),
        }
    }

    /// What it means that a task is not finished when the command's time is up.
    pub(crate) const fn of_unfinished(state: &TaskState) -> Self {
        match state {
            TaskState::Blocked(_) | TaskState::AwaitingApproval => Self::Blocked,
            TaskState::Submitted
            | TaskState::Queued
            | TaskState::Assigned
            | TaskState::Running
            | TaskState::Verifying
            | TaskState::Succeeded
            | TaskState::Failed
            | TaskState::TimedOut
            | TaskState::Cancelled
            | TaskState::Quarantined => Self::TimedOut,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use hms_client::domain::task::Blockage;

    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_help() {
        let all = [
            Exit::Done,
            Exit::Failed,
            Exit::Blocked,
            Exit::Unverified,
            Exit::Unavailable,
            Exit::TimedOut,
            Exit::DrillFailed,
            Exit::Usage,
        ];
        let numbers: Vec<u8> = all.into_iter().map(Exit::code).collect();
        assert_eq!(numbers, [0, 1, 2, 5, 6, 7, 8, 64]);
    }

    #[test]
    fn an_unfinished_task_is_late_unless_it_is_blocked() {
        assert_eq!(Exit::of_unfinished(&TaskState::Running), Exit::TimedOut);
        assert_eq!(
            Exit::of_unfinished(&TaskState::Blocked(Blockage::NoSkill)),
            Exit::Blocked
        );
    }
}
