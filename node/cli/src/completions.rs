//! What needs no mesh: completion scripts and the version.

use clap::CommandFactory as _;
use clap_complete::Shell;
use serde_json::json;

use crate::args::Cli;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::screen::{Format, Screen};

/// Prints the completion script of a shell.
pub(crate) fn print(shell: Shell) -> Result<Exit, Fault> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "hms", &mut script);
    Screen::open(Format::Text).print_bytes(&script)?;
    Ok(Exit::Done)
}

/// Prints the version.
pub(crate) fn version(format: Format) -> Result<Exit, Fault> {
    let version = env!("CARGO_PKG_VERSION");
    let json = || json!({ "name": "hms", "version": version });
    Screen::open(format).show(|_| format!("hms {version}"), json)?;
    Ok(Exit::Done)
}
