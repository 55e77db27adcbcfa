//! `hms task list`: tasks, newest first, filtered by the mesh and read page by page.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use hms_client::TaskQuery;
use hms_client::domain::id::{AgentId, SkillName};
use hms_client::domain::task::Task;
use hms_client::domain::time::Moment;
use serde_json::{Value, json};

use super::object::brief_json;
use super::words::state_tone;
use crate::clock::now;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::phrase::{age, parse_span, span};
use crate::screen::{Screen, plain, with_rest};
use crate::session::{Names, Session};

/// Which tasks.
#[derive(Debug, Args)]
pub(crate) struct ListCommand {
    /// Only those in this state, for example running, blocked, succeeded.
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only those that this agent tried.
    #[arg(long, value_name = "AGENT")]
    agent: Option<AgentId>,
    /// Only those of this skill.
    #[arg(long, value_name = "SKILL")]
    skill: Option<SkillName>,
    /// Only those submitted within this span before now.
    #[arg(long, value_parser = parse_span, value_name = "SPAN")]
    since: Option<Duration>,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_name = "NUMBER")]
    limit: u32,
}

/// Lists tasks.
pub(super) async fn run(command: ListCommand, session: &Session) -> Result<Exit, Fault> {
    let now = now();
    let since = command.since.map(|since| {
        let since_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        Moment(now.0.saturating_sub(since_ms))
    });
    let mut query = TaskQuery {
        state: command.state,
        agent: command.agent,
        skill: command.skill,
        since,
        ..TaskQuery::default()
    };
    let limit = usize::try_from(command.limit).unwrap_or(usize::MAX);
    let (mut tasks, mut total) = (Vec::new(), 0);
    while tasks.len() < limit {
        query.page_size = u32::try_from(limit - tasks.len()).unwrap_or(u32::MAX);
        let page = session.client.tasks(query.clone()).await?;
        tasks.extend(page.entries);
        total = page.total;
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    let names = session.names().await?;
    session.screen.show(
        |screen| text(&tasks, total, &names, (screen, now)),
        || as_json(&tasks, total),
    )?;
    Ok(Exit::Done)
}

fn text(tasks: &[Task], total: u64, names: &Names, (screen, now): (Screen, Moment)) -> String {
    let mut sheet = screen.table(&[
        "TASK", "SKILL", "STATE", "TRIES", "NODE", "AGE", "TOOK", "LABELS",
    ]);
    for task in tasks {
        let (first, last) = (task.history.first(), task.history.last());
        let submitted = first.map_or(now, |step| step.at);
        let took = last
            .filter(|_| task.state.is_final())
            .map(|step| span(step.at.since_ms(submitted)));
        let node = task.attempts.last().map(|attempt| names.of(attempt.node));
        sheet.row([
            plain(task.id),
            plain(&task.spec.skill),
            (task.state.name().to_owned(), state_tone(&task.state)),
            plain(format!(
                "{}/{}",
                task.attempts.len(),
                task.spec.attempts_max
            )),
            plain(node.unwrap_or_else(|| "-".to_owned())),
            plain(age(submitted, now)),
            plain(took.unwrap_or_else(|| "-".to_owned())),
            plain(labels(&task.spec.labels)),
        ]);
    }
    with_rest(sheet.render(), tasks.len(), total)
}

fn labels(labels: &BTreeMap<String, String>) -> String {
    let labels: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    labels.join(" ")
}

fn as_json(tasks: &[Task], total: u64) -> Value {
    json!({ "tasks": tasks.iter().map(brief_json).collect::<Vec<_>>(), "total": total })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::example::task;

    #[test]
    fn tasks_are_listed_with_state_tries_and_time() {
        let expected = "\
TASK                                  SKILL  STATE      TRIES  NODE      AGE        TOOK    LABELS
07070707-0707-0707-0707-070707070707  echo   succeeded  1/3    03030303  2.0 s ago  900 ms  run=nightly
1 of 4; more with --limit";
        let screen = Screen::plain();
        let text = text(&[task()], 4, &Names::default(), (screen, Moment(3_000)));
        assert_eq!(text, expected);
        assert_eq!(as_json(&[task()], 4)["tasks"][0]["state"], "succeeded");
    }
}
