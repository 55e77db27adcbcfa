//! The words for states, ends and findings, and how good each is.

use hms_client::domain::task::{Task, TaskState};
use hms_client::domain::verdict::{Finding, Verification};

use crate::screen::Tone;

/// Whether a letter of a foreign text may go to the terminal: escape sequences may not.
pub(crate) fn is_printable(letter: char) -> bool {
    matches!(letter, '\n' | '\t') || !letter.is_control()
}

/// How good a state is.
pub(crate) const fn state_tone(state: &TaskState) -> Tone {
    match state {
        TaskState::Succeeded => Tone::Good,
        TaskState::Blocked(_) | TaskState::AwaitingApproval | TaskState::Cancelled => Tone::Warn,
        TaskState::Failed | TaskState::TimedOut | TaskState::Quarantined => Tone::Bad,
        TaskState::Submitted
        | TaskState::Queued
        | TaskState::Assigned
        | TaskState::Running
        | TaskState::Verifying => Tone::Plain,
    }
}

/// Why a task is blocked, if it is.
pub(super) fn blocked(task: &Task) -> Option<String> {
    if let TaskState::Blocked(blockage) = &task.state {
        Some(blockage.to_string())
    } else {
        None
    }
}

/// How a result is checked.
pub(crate) const fn verification(verification: Verification) -> &'static str {
    match verification {
        Verification::Reported => "taken as reported",
        Verification::Kernel => "by a proof kernel on other nodes",
    }
}

/// How good a finding is.
pub(crate) const fn finding_tone(finding: &Finding) -> Tone {
    match finding {
        Finding::Accepted => Tone::Good,
        Finding::Rejected(_) => Tone::Bad,
        Finding::Unavailable(_) => Tone::Warn,
    }
}
