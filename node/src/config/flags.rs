//! The command line of `hms-node`; every flag has an environment variable and a key in the file.

use std::path::PathBuf;

use super::Settings;
use crate::salvage::LedgerCommand;

/// Runs one node of an HMS mesh.
#[derive(Clone, Debug, Default, clap::Parser)]
#[command(
    name = "hms-node",
    version,
    args_conflicts_with_subcommands = true,
    about = "Runs one node of an HMS mesh.",
    after_help = "Examples:\n  \
        hms-node --data-dir n1                         found a mesh; prints the join command for the next node\n  \
        hms-node --data-dir n2 --join ADDRESS --token TOKEN\n  \
        hms-node --config node.toml                    the same settings from a file\n\n\
        Exit codes: 0 stopped, 1 a fault of this machine, 64 the settings are not valid."
)]
pub struct Flags {
    /// TOML file with any of these settings (underscores for hyphens)
    #[arg(long, env = "HMS_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The settings themselves.
    #[command(flatten)]
    pub settings: Settings,

    /// Something else than a node's life.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Something else than a node's life.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// The ledger of a stopped node; `hms operator raft recover` and `hms snapshot restore` do it all
    #[command(subcommand)]
    Ledger(LedgerCommand),
}
