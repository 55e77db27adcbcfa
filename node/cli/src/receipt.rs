//! `hms receipt`: what the mesh's certified ledger holds of a task, checked from two files.
//!
//! No node is asked and no network is used: a receipt holds all that it takes, but for the mesh's genesis, which has to come
//! from somebody whom the reader trusts.

mod parts;
mod proven;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use hms_client::domain::codec;
use hms_client::domain::limits::RECEIPT_BYTES_MAX;
use hms_client::domain::receipt::Receipt;

use crate::clock::now;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::keepsake::{read, read_genesis};
use crate::screen::Screen;

pub(crate) use parts::as_json as receipt_json;
pub(crate) use proven::recovered;

/// Receipts.
#[derive(Debug, Subcommand)]
pub(crate) enum ReceiptCommand {
    /// Check a receipt with nothing but the mesh's genesis, and say what it proves.
    #[command(
        after_help = "Example:\n  hms receipt verify task.receipt --genesis mesh.genesis\n  hms receipt verify task.receipt --genesis mesh.genesis -o json\n\nA receipt that is not good ends with exit code 5 and says which link is broken."
    )]
    Verify {
        /// The receipt.
        file: PathBuf,
        /// The mesh's genesis.
        #[arg(long, value_name = "FILE")]
        genesis: PathBuf,
    },
    /// Show what is in a receipt, without checking it.
    #[command(
        after_help = "Example:\n  hms receipt show task.receipt\n  hms receipt show task.receipt -o json"
    )]
    Show {
        /// The receipt.
        file: PathBuf,
    },
}

/// Runs a command about receipts.
pub(crate) fn run(command: &ReceiptCommand, screen: Screen) -> Result<Exit, Fault> {
    match command {
        ReceiptCommand::Verify { file, genesis } => {
            let origin = read_genesis(genesis)?;
            let proven = read_receipt(file)?.verify(&origin);
            let proven = proven.map_err(|source| Fault::Unproven {
                path: file.clone(),
                source,
            })?;
            screen.show(
                |screen| proven::text(&proven, screen, now()),
                || proven::as_json(&proven),
            )?;
        }
        ReceiptCommand::Show { file } => {
            let receipt = read_receipt(file)?;
            screen.show(
                |screen| parts::text(&receipt, screen),
                || parts::as_json(&receipt),
            )?;
        }
    }
    Ok(Exit::Done)
}

fn read_receipt(path: &Path) -> Result<Receipt, Fault> {
    let bytes = read(path, RECEIPT_BYTES_MAX)?;
    codec::decode_exact(&bytes).map_err(|source| Fault::BadReceipt {
        path: path.to_owned(),
        source,
    })
}

/// Files that another implementation has written.
#[cfg(test)]
mod example {
    pub(super) const RECEIPT: &[u8] = include_bytes!("../../../proto/golden/receipt.bin");
    pub(super) const GENESIS: &[u8] = include_bytes!("../../../proto/golden/genesis.bin");
}
