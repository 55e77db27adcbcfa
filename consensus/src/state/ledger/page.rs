//! Lists of tasks: a filter, a page, newest first.
//!
//! A filter by state alone is counted from the index; any other looks at every task, which a list for people may cost.

use hms_protocol::task::Task;

use super::Ledger;
use crate::input::TaskFilter;
use hms_protocol::id::TaskId;
use hms_protocol::limits;

impl Ledger {
    /// A page of the tasks that match, newest first, only those older than `after`, and how many match in all. A limit
    /// beyond `PAGE_MAX` is cut to it. An `after` that is not in the ledger any more gives an empty page: whatever was
    /// older than it is gone too, or the page was asked for too late.
    pub fn page(&self, filter: &TaskFilter, after: Option<TaskId>, limit: u32) -> (Vec<Task>, u64) {
        let limit = limit.min(limits::PAGE_MAX) as usize;
        let total = self.count(filter);
        let matching = |task: &TaskId| self.task(*task).filter(|task| matches(filter, task));
        let tasks = match after {
            None => {
                let ids = self.index().by_age().rev();
                ids.filter_map(|id| matching(&id))
                    .take(limit)
                    .cloned()
                    .collect()
            }
            Some(after) => {
                let bound = self.task(after).into_iter();
                let ids = bound.flat_map(|task| self.index().older_than(task).rev());
                ids.filter_map(|id| matching(&id))
                    .take(limit)
                    .cloned()
                    .collect()
            }
        };
        (tasks, total)
    }

    fn count(&self, filter: &TaskFilter) -> u64 {
        let by_state_alone = TaskFilter {
            state: filter.state.clone(),
            ..TaskFilter::default()
        };
        if *filter == by_state_alone {
            let counts = self.index().counts();
            return match &filter.state {
                None => self.index().len() as u64,
                Some(name) => counts.get(name.as_str()).copied().unwrap_or_default(),
            };
        }
        self.tasks().filter(|task| matches(filter, task)).count() as u64
    }
}

/// Whether a task meets every condition that is given.
fn matches(filter: &TaskFilter, task: &Task) -> bool {
    let TaskFilter {
        state,
        agent,
        skill,
        since,
        until,
    } = filter;
    let submitted = task
        .history
        .first()
        .map(|first| first.at)
        .unwrap_or_default();
    let tried = |agent| task.attempts.iter().any(|attempt| attempt.agent == agent);
    state
        .as_ref()
        .is_none_or(|state| state == task.state.name())
        && agent.is_none_or(tried)
        && skill.as_ref().is_none_or(|skill| *skill == task.spec.skill)
        && since.is_none_or(|since| since <= submitted)
        && until.is_none_or(|until| submitted < until)
}
