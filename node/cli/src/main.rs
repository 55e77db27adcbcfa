//! `hms`: the command line of the mesh.
//!
//! One file per noun. A command asks the mesh through `hms-client`, shows the answer as text or JSON, and ends with an
//! exit code that a script can rely on. Answers go to standard output, everything else to standard error.

mod agent;
mod args;
mod audit;
mod bench;
mod clock;
mod completions;
mod dev;
mod drill;
mod evidence;
mod exit;
mod fault;
mod keepsake;
mod mesh;
mod node;
mod operator;
mod phrase;
mod program;
mod prove;
mod receipt;
mod revival;
mod screen;
mod service;
mod session;
mod skill;
mod snapshot;
mod status;
mod task;
mod testnet;
mod token;

use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::args::{Cli, Command};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::operator::{OperatorCommand, RaftCommand};
use crate::revival::Source;
use crate::screen::{Format, Screen, complain};
use crate::session::Session;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return explain_usage(&error).into(),
    };
    let format = cli.global.output;
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Fault::Runtime)
        .and_then(|runtime| runtime.block_on(run(cli)));
    match outcome {
        Ok(exit) => exit.into(),
        // Whoever read the other end of the pipe has seen enough.
        Err(Fault::PipeClosed) => Exit::Done.into(),
        Err(fault) => {
            complain(format, &fault);
            fault.exit().into()
        }
    }
}

/// Help and version are answers; everything else that clap says is a complaint about usage.
fn explain_usage(error: &clap::Error) -> Exit {
    // A closed terminal leaves nobody to tell.
    let _ = error.print();
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        return Exit::Done;
    }
    Exit::Usage
}

async fn run(cli: Cli) -> Result<Exit, Fault> {
    let Cli { global, command } = cli;
    match command {
        Command::Completions { shell } => completions::print(shell),
        Command::Version => completions::version(global.output),
        Command::Testnet(command) => command
            .run(Screen::open(global.output))
            .map(|()| Exit::Done),
        Command::Evidence(command) => evidence::run(&command, &global).await,
        Command::Receipt(command) => receipt::run(&command, Screen::open(global.output)),
        Command::Audit(command) => audit::run(command, &global).await,
        Command::Snapshot(command) => snapshot::run(command, &global).await,
        Command::Operator(OperatorCommand::Raft(RaftCommand::Recover(survivor))) => {
            revival::run(&survivor, &Source::default(), Screen::open(global.output))
        }
        Command::Token(command) => token::run(&command, Screen::open(global.output)),
        Command::Drill(command) => drill::run(command, Screen::open(global.output)).await,
        Command::Dev => dev::run().await.map(|()| Exit::Done),
        Command::Bench(command) => command
            .run(Screen::open(global.output))
            .await
            .map(|()| Exit::Done),
        asked @ (Command::Status
        | Command::Ping
        | Command::Node(_)
        | Command::Agent(_)
        | Command::Skill(_)
        | Command::Mesh(_)
        | Command::Task(_)
        | Command::Prove(_)
        | Command::Service(_)
        | Command::Operator(_)) => {
            let session = Session::open(&global)?;
            let outcome = ask(asked, &session).await;
            status::warn_if_stale(&session);
            outcome
        }
    }
}

/// Commands that ask the mesh.
async fn ask(command: Command, session: &Session) -> Result<Exit, Fault> {
    match command {
        Command::Status => status::show(session).await,
        Command::Ping => status::ping(session).await,
        Command::Node(command) => node::run(command, session).await,
        Command::Agent(command) => agent::run(command, session).await,
        Command::Skill(command) => skill::run(command, session).await,
        Command::Mesh(command) => mesh::run(command, session).await,
        Command::Task(command) => task::run(command, session).await,
        Command::Prove(command) => prove::run(command, session).await,
        Command::Service(command) => service::run(command, session).await,
        Command::Operator(command) => operator::run(command, session).await,
        Command::Completions { .. }
        | Command::Version
        | Command::Testnet(_)
        | Command::Evidence(_)
        | Command::Receipt(_)
        | Command::Audit(_)
        | Command::Snapshot(_)
        | Command::Token(_)
        | Command::Drill(_)
        | Command::Dev
        | Command::Bench(_) => unreachable!("`run` keeps these for itself"),
    }
}

impl Format {
    /// Whether a program reads the answer.
    const fn is_json(self) -> bool {
        matches!(self, Self::Json)
    }
}
