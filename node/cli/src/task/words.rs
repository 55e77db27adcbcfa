//! The words for states, ends and findings, and how good each is.

use hms_client::domain::task::{AttemptEnd, Blockage, Outcome, Task, TaskState};
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
        Some(reason(blockage))
    } else {
        None
    }
}

/// Why a task is blocked.
pub(crate) fn reason(blockage: &Blockage) -> String {
    match blockage {
        Blockage::NoSkill => "no agent has the skill".to_owned(),
        Blockage::NoOffer(need) => format!("no agent with the skill offers {need}"),
        Blockage::NobodyPresent => "the agents that could take it are not present".to_owned(),
        Blockage::NoVerifier => "no agent could check the result".to_owned(),
    }
}

/// How an attempt ended.
pub(crate) const fn end(how: AttemptEnd) -> &'static str {
    match how {
        AttemptEnd::Reported => "reported",
        AttemptEnd::NodeLost => "node lost",
        AttemptEnd::AgentLost => "agent lost",
        AttemptEnd::LeaseExpired => "lease expired",
        AttemptEnd::Withdrawn => "withdrawn",
    }
}

/// How a run ended.
pub(crate) const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "success",
        Outcome::Failure => "failure",
        Outcome::Timeout => "timeout",
        Outcome::Cancelled => "cancelled",
        Outcome::Unavailable => "unavailable",
    }
}

/// How a result is checked.
pub(crate) const fn verification(verification: Verification) -> &'static str {
    match verification {
        Verification::Reported => "taken as reported",
        Verification::Kernel => "by a proof kernel on other nodes",
    }
}

/// What a verifier found, and how good that is.
pub(crate) fn finding(finding: &Finding) -> (String, Tone) {
    match finding {
        Finding::Accepted => ("accepted".to_owned(), Tone::Good),
        Finding::Rejected(why) => (format!("rejected: {why}"), Tone::Bad),
        Finding::Unavailable(why) => (format!("could not check: {why}"), Tone::Warn),
    }
}
