//! `hms task wait`: waits until tasks are final, and ends with the worst of their ends.

use clap::Args;
use hms_client::domain::id::TaskId;
use hms_client::domain::task::{Task, TaskState};
use hms_client::{Client, ClientError, TaskNews};
use tokio::time::{Instant, timeout_at};

use super::object::full_json;
use super::show::text;
use crate::clock::now;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::session::Session;

/// Which tasks.
#[derive(Debug, Args)]
pub(crate) struct WaitCommand {
    /// Their ids.
    #[arg(required = true, value_name = "TASK")]
    tasks: Vec<TaskId>,
}

/// How a wait ended.
#[derive(Clone, Debug)]
pub(crate) enum Waited {
    /// The task is final.
    Final(Box<Task>),
    /// The time was up; the task stood here.
    Late(TaskState),
}

/// Waits for tasks, one after the other: they all run meanwhile.
pub(super) async fn run(command: &WaitCommand, session: &Session) -> Result<Exit, Fault> {
    let end = session.patience.map(|patience| Instant::now() + patience);
    let mut worst = Exit::Done;
    for task in &command.tasks {
        let waited = wait(&session.client, *task, end).await?;
        worst = worst.max(tell(*task, &waited, session).await?);
    }
    Ok(worst)
}

/// Waits for one task and shows it.
pub(super) async fn until_final(task: TaskId, session: &Session) -> Result<Exit, Fault> {
    let end = session.patience.map(|patience| Instant::now() + patience);
    let waited = wait(&session.client, task, end).await?;
    tell(task, &waited, session).await
}

async fn tell(task: TaskId, waited: &Waited, session: &Session) -> Result<Exit, Fault> {
    match waited {
        Waited::Final(found) => {
            let names = session.names().await?;
            session.screen.show(
                |screen| text(found, &names, screen, now()),
                || full_json(found, &names),
            )?;
            Ok(Exit::of_task(found))
        }
        Waited::Late(state) => {
            let json = || serde_json::json!({ "task": task.to_string(), "state": state.name() });
            session
                .screen
                .show(|_| format!("task {task} is still {}", state.name()), json)?;
            Ok(Exit::of_unfinished(state))
        }
    }
}

/// Waits until a task is final, or until `end`.
pub(crate) async fn wait(
    client: &Client,
    task: TaskId,
    end: Option<Instant>,
) -> Result<Waited, ClientError> {
    let mut state = TaskState::Submitted;
    let mut watch = client.watch_task(task, None);
    loop {
        let news = match end {
            Some(end) => match timeout_at(end, watch.next()).await {
                Ok(news) => news?,
                Err(_) => return Ok(Waited::Late(state)),
            },
            None => watch.next().await?,
        };
        match news {
            Some(TaskNews::Step(step)) => state = step.transition.state,
            Some(TaskNews::Done(task)) => return Ok(Waited::Final(task)),
            None => return Ok(Waited::Late(state)),
        }
    }
}
