//! Why a task is where it is: one sentence, and every candidate with what speaks for or against it.
//!
//! It reads the same state and asks the same questions as a round does, so the explanation and the placement agree.

use hms_protocol::agent::Agent;
use hms_protocol::id::TaskId;
use hms_protocol::limits;
use hms_protocol::refusal::Refusal;
use hms_protocol::task::{Task, TaskState};
use hms_protocol::time::Moment;

use super::{fit, retry};
use crate::effect::{Candidate, Explanation};
use crate::liveness::Liveness;
use crate::state::State;
use crate::state::apply::submission::describe;
use crate::state::crew::load;
use crate::state::ledger::open_attempt;
use crate::state::waiting::Demand;

/// Explains one task.
pub fn explain(
    state: &State,
    liveness: &Liveness,
    now: Moment,
    task: TaskId,
) -> Result<Explanation, Refusal> {
    let task = state.ledger().known(task)?;
    let mut judged: Vec<(Standing, Candidate)> = state
        .roster()
        .agents()
        .map(|agent| judge(state, liveness, now, agent, task))
        .collect();
    let fit = judged.iter().filter(|(_, candidate)| candidate.fit).count();
    judged.sort_by(|(one, first), (other, second)| (one, first.agent).cmp(&(other, second.agent)));
    judged.truncate(limits::PAGE_MAX as usize);
    Ok(Explanation {
        task: task.clone(),
        summary: summarise(state, task, fit),
        candidates: judged.into_iter().map(|(_, candidate)| candidate).collect(),
    })
}

/// What candidates are listed by: whoever holds the lease, then those that fit, as a round ranks them, then the rest.
type Standing = (bool, bool, bool, u32, u32);

fn judge(
    state: &State,
    liveness: &Liveness,
    now: Moment,
    agent: &Agent,
    task: &Task,
) -> (Standing, Candidate) {
    let certificate = &agent.certificate;
    let missing = fit::missing(state, liveness, now, agent, &task.spec);
    let running = state.crew().running(certificate.node, certificate.agent);
    let tried = retry::has_tried(task, certificate.agent);
    let holds = open_attempt(task).is_some_and(|open| open.agent == certificate.agent);
    let reason = match &missing {
        _ if holds => "it holds the lease".to_owned(),
        Some(missing) => missing.clone(),
        None if tried => "it could, but has tried already".to_owned(),
        None => "it could take the task".to_owned(),
    };
    let standing = (
        !holds,
        missing.is_some(),
        tried,
        load(running, certificate.slots),
        liveness.load_permille(certificate.node),
    );
    let candidate = Candidate {
        agent: certificate.agent,
        node: certificate.node,
        fit: missing.is_none(),
        reason,
        slots: (
            u32::try_from(running).unwrap_or(u32::MAX),
            certificate.slots,
        ),
    };
    (standing, candidate)
}

fn summarise(state: &State, task: &Task, fit: usize) -> String {
    let holder = open_attempt(task).map(|attempt| {
        let node = state.roster().name_of(attempt.node);
        format!(
            "attempt {} is with agent {} on {node}",
            attempt.number, attempt.agent
        )
    });
    let ended = || {
        task.history
            .last()
            .map(|last| last.note.clone())
            .unwrap_or_default()
    };
    match &task.state {
        TaskState::Submitted => "the ledger has just taken it in".to_owned(),
        TaskState::Queued => match state.blockage(&Demand::of(&task.spec)) {
            Some(blockage) => describe(&blockage, &task.spec),
            None if fit == 0 => {
                "every agent that could take it is busy or not heard lately".to_owned()
            }
            None => {
                let agents = if fit == 1 { "agent" } else { "agents" };
                format!("{fit} {agents} could take it: it is about to be placed")
            }
        },
        TaskState::Blocked(blockage) => describe(blockage, &task.spec),
        TaskState::Assigned | TaskState::Running => holder.unwrap_or_default(),
        TaskState::Verifying => {
            let round = task.round.as_ref();
            let (said, drawn) =
                round.map_or((0, 0), |round| (round.verdicts.len(), round.drawn.len()));
            format!("a result is in: {said} of {drawn} verifiers have judged it")
        }
        TaskState::AwaitingApproval => "a person must decide".to_owned(),
        TaskState::Succeeded => finished("it is done", ended()),
        TaskState::Failed => finished("it failed", ended()),
        TaskState::TimedOut => finished("it timed out", ended()),
        TaskState::Cancelled => finished("it was cancelled", ended()),
        TaskState::Quarantined => finished("it is set aside", ended()),
    }
}

fn finished(what: &str, note: String) -> String {
    if note.is_empty() {
        what.to_owned()
    } else {
        format!("{what}: {note}")
    }
}
