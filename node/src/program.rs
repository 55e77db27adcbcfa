//! The program `hms-node`: settings in, a node's life, an exit code out. With skills of one's own it is another program.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::agent::SkillSet;
use crate::config::{Command, Config, Flags};
use crate::makeup::Makeup;
use crate::node::{NodeError, run};
use crate::salvage::{self, LedgerCommand};
use crate::telemetry;

/// The settings are not valid (sysexits.h, `EX_USAGE`).
const EXIT_USAGE: u8 = 64;

/// Runs a node with the settings of the command line until it is told to stop. Its agents can do what every node's can, and
/// these `skills`; one of the same name is replaced.
///
/// Gives 0 after a stop, 1 after a fault, 64 when the settings are not valid.
pub fn main(skills: SkillSet) -> ExitCode {
    run_as(|_| Makeup::skilled(skills))
}

/// The same for a node of another makeup, which may depend on the settings.
pub fn run_as(makeup: impl FnOnce(&Config) -> Makeup) -> ExitCode {
    let flags = match Flags::try_parse() {
        Ok(flags) => flags,
        Err(error) => {
            // Printing to a closed terminal fails; the exit code says it all the same.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(EXIT_USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let done = match &flags.command {
        Some(Command::Ledger(command)) => look_after(command),
        None => start(flags, makeup),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            if matches!(error, NodeError::Config(_)) {
                return ExitCode::from(EXIT_USAGE);
            }
            ExitCode::FAILURE
        }
    }
}

/// Looks after the ledger of a stopped node, and prints the answer.
fn look_after(command: &LedgerCommand) -> Result<(), NodeError> {
    let done = salvage::run(command);
    let answer = match &done {
        Ok(answer) => answer.clone(),
        Err(error) => error.to_json(),
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{answer}").map_err(NodeError::Answer)?;
    done.map(drop).map_err(NodeError::Salvage)
}

fn start(flags: Flags, makeup: impl FnOnce(&Config) -> Makeup) -> Result<(), NodeError> {
    let config = Config::resolve(flags)?;
    let makeup = makeup(&config);
    telemetry::start(&config.log, config.log_format)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(NodeError::Runtime)?;
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let mut terminate = signal(SignalKind::terminate()).map_err(NodeError::Runtime)?;
        let listener = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            listener.cancel();
        });
        Box::pin(run(config, makeup, stop)).await
    })
}

/// Says what went wrong, with every cause, and what to do about it.
#[expect(
    clippy::print_stderr,
    reason = "the last words of a program go to standard error"
)]
fn complain(error: &NodeError) {
    eprintln!("hms-node: {error} [{}]", error.code());
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        eprintln!("  because: {inner}");
        cause = inner.source();
    }
    eprintln!("  hint: {}", error.hint());
}
