//! `hms task`: work for agents: submit it, look at it, wait for it, ask why it waits, give it up, take
//! a receipt of it.

#[cfg(test)]
pub(crate) mod example;
mod list;
mod object;
mod receipt;
mod show;
mod submit;
mod wait;
mod why;
pub(crate) mod words;

use clap::Subcommand;
use hms_client::domain::id::TaskId;
use serde_json::json;

use crate::exit::Exit;
use crate::fault::Fault;
use crate::session::Session;

pub(crate) use object::result_json;
pub(crate) use wait::{Waited, wait};
pub(crate) use words::state_tone;

/// Tasks.
#[derive(Debug, Subcommand)]
pub(crate) enum TaskCommand {
    /// Submit work and print its id.
    #[command(after_help = submit::EXAMPLES)]
    Submit(submit::SubmitCommand),
    /// List tasks, newest first.
    #[command(
        after_help = "Example:\n  hms task list --state blocked\n  hms task list --skill prove.metamath --since 10m --limit 20"
    )]
    List(list::ListCommand),
    /// Show one task: attempts, verification, history, result.
    #[command(
        after_help = "Example:\n  hms task show 0198a2c4-7e1b-7c3d-9a55-5b8d1f2a3c4d\n  hms task show --raw 0198a2c4-7e1b-7c3d-9a55-5b8d1f2a3c4d > result.bin"
    )]
    Show(show::ShowCommand),
    /// Say why a task is where it is, with every candidate.
    #[command(after_help = "Example:\n  hms task why 0198a2c4-7e1b-7c3d-9a55-5b8d1f2a3c4d")]
    Why {
        /// Its id.
        task: TaskId,
    },
    /// Wait until tasks are final; --timeout bounds the wait.
    #[command(after_help = "Example:\n  hms task wait 0198a2c4-7e1b-7c3d-9a55-5b8d1f2a3c4d -t 30s")]
    Wait(wait::WaitCommand),
    /// Take a receipt: a file that shows anybody, offline, what the certified ledger holds of a task.
    #[command(after_help = receipt::EXAMPLES)]
    Receipt(receipt::ReceiptCommand),
    /// Give tasks up.
    #[command(after_help = "Example:\n  hms task cancel 0198a2c4-7e1b-7c3d-9a55-5b8d1f2a3c4d")]
    Cancel {
        /// Their ids.
        #[arg(required = true, value_name = "TASK")]
        tasks: Vec<TaskId>,
    },
}

/// Runs a command about tasks.
pub(crate) async fn run(command: TaskCommand, session: &Session) -> Result<Exit, Fault> {
    match command {
        TaskCommand::Submit(command) => submit::run(command, session).await,
        TaskCommand::List(command) => list::run(command, session).await,
        TaskCommand::Show(command) => show::run(&command, session).await,
        TaskCommand::Why { task } => why::run(task, session).await,
        TaskCommand::Wait(command) => wait::run(&command, session).await,
        TaskCommand::Receipt(command) => receipt::run(&command, session).await,
        TaskCommand::Cancel { tasks } => cancel(&tasks, session).await,
    }
}

async fn cancel(tasks: &[TaskId], session: &Session) -> Result<Exit, Fault> {
    for task in tasks {
        session.client.cancel(*task).await?;
        let json = || json!({ "task": task.to_string(), "state": "cancelled" });
        session
            .screen
            .show(|_| format!("task {task} is cancelled"), json)?;
    }
    Ok(Exit::Done)
}
