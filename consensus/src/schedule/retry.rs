//! Whom to try next: rather an agent that has not tried this task, rather on a node that has not either.
//!
//! A task that failed on one agent may have failed because of it. If only agents are left that have tried, one of them
//! tries again: the attempts are bounded, and an agent may have had a bad moment.

use hms_protocol::id::AgentId;
use hms_protocol::task::Task;

use super::Round;
use super::rank::{Pool, Rank};

/// Takes the best agent for a task. Looks at no more agents than the task had attempts, and one.
pub(crate) fn choose(pool: &mut Pool, task: &Task, round: &Round) -> Option<AgentId> {
    let mut passed: Vec<Rank> = Vec::new();
    let mut chosen = None;
    while let Some(rank) = pool.take(round) {
        if passed.len() < task.attempts.len() && has_tried(task, rank.agent) {
            passed.push(rank);
            continue;
        }
        chosen = Some(rank);
        break;
    }
    let choice = chosen
        .or_else(|| passed.first().copied())
        .map(|rank| rank.agent);
    for rank in chosen.into_iter().chain(passed) {
        pool.give_back(rank);
    }
    choice
}

/// Whether an agent had a go at a task already.
pub(crate) fn has_tried(task: &Task, agent: AgentId) -> bool {
    task.attempts.iter().any(|attempt| attempt.agent == agent)
}
