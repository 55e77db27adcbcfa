//! The gate of the house: `verify` judges the whole tree, `tidy` and `audit` see what no compiler
//! sees, `fix` mends.
//!
//! A gate that cannot look (a tool missing, a file that does not parse) fails; it never passes what
//! it has not seen. It knows the layout of this workspace and nothing of what the mesh does. Only
//! `fix` writes to the tree.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks to the terminal"
)]

mod audit;
mod stages;
mod tidy;
mod tree;
mod workspaces;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use cargo_metadata::MetadataCommand;
use cargo_metadata::camino::Utf8PathBuf;
use clap::{Parser, Subcommand};

use stages::Stage;

/// The command line of the gate.
#[derive(Parser)]
#[command(name = "cargo xtask", about, disable_help_subcommand = true)]
struct CommandLine {
    #[command(subcommand)]
    order: Order,
}

/// What the gate can be asked to do.
#[derive(Subcommand)]
enum Order {
    /// Judges the tree: fmt, clippy, test, swarm, doc, tidy. Writes nothing to it.
    Verify {
        /// Runs only these stages, in the usual order.
        #[arg(long, value_enum, value_delimiter = ',', value_name = "STAGE")]
        only: Vec<Stage>,
    },
    /// Formats the tree and applies what clippy can mend by itself.
    Fix,
    /// Checks the arrows between crates and rooms, names, docs and bounds.
    Tidy,
    /// Checks licences, bans and sources of all dependencies; advisories too when a database is
    /// given.
    Audit {
        /// A checkout of the advisory database of rustsec.org; nothing is downloaded.
        #[arg(long, value_name = "PATH")]
        advisory_db: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    match obey(CommandLine::parse().order) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Carries out one order; `false` means that it looked and found something wrong.
fn obey(order: Order) -> anyhow::Result<bool> {
    let root = workspace_root()?;
    match order {
        Order::Verify { only } => stages::verify(&root, &only),
        Order::Fix => stages::fix(&root),
        Order::Tidy => tidy::run(&root),
        Order::Audit { advisory_db } => audit::run(&root, advisory_db.as_deref()),
    }
}

/// The workspace of the current folder. Asked at run time: clones may share one built gate.
fn workspace_root() -> anyhow::Result<Utf8PathBuf> {
    let metadata = MetadataCommand::new()
        .no_deps()
        .exec()
        .context("not inside the HMS workspace")?;
    Ok(metadata.workspace_root)
}
