//! `hms receipt`: what the mesh's certified ledger holds of a task, checked from two files.
//!
//! No node is asked and no network is used: a receipt holds all that it takes, but for the mesh's genesis, which has to come
//! from somebody whom the reader trusts.

mod parts;
mod proven;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use hms_client::domain::codec;
use hms_client::domain::limits::{GENESIS_BYTES_MAX, RECEIPT_BYTES_MAX};
use hms_client::domain::receipt::{Origin, Receipt};

use crate::clock::now;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::screen::Screen;

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

fn read_genesis(path: &Path) -> Result<Origin, Fault> {
    let bytes = read(path, GENESIS_BYTES_MAX)?;
    codec::origin::read(&bytes).map_err(|source| Fault::BadGenesis {
        path: path.to_owned(),
        source,
    })
}

/// Reads a file, but never more than one byte beyond what the decoder will accept.
fn read(path: &Path, max: usize) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(max as u64 + 1).read_to_end(&mut bytes))
        .map_err(|source| Fault::Unreadable {
            path: path.to_owned(),
            source,
        })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::screen::Format;

    pub(super) const RECEIPT: &[u8] = include_bytes!("../../../proto/golden/receipt.bin");
    pub(super) const GENESIS: &[u8] = include_bytes!("../../../proto/golden/genesis.bin");

    /// How `hms receipt verify` ends for these two files: the exit code, and the code of the failure.
    fn verify(receipt: &[u8], genesis: &[u8]) -> (u8, String) {
        let folder = tempfile::tempdir().expect("there is room for two small files");
        let paths = ["task.receipt", "mesh.genesis"].map(|name| folder.path().join(name));
        for (path, bytes) in paths.iter().zip([receipt, genesis]) {
            fs::write(path, bytes).expect("there is room for two small files");
        }
        let [file, genesis] = paths;
        let command = ReceiptCommand::Verify { file, genesis };
        match run(&command, Screen::open(Format::Json)) {
            Ok(exit) => (exit.code(), "good".to_owned()),
            Err(fault) => (fault.exit().code(), fault.code().to_owned()),
        }
    }

    fn check(receipt: &[u8], genesis: &[u8], exit: u8, code: &str) {
        assert_eq!(verify(receipt, genesis), (exit, code.to_owned()));
    }

    #[test]
    fn a_receipt_is_checked_with_two_files_and_no_mesh() {
        check(RECEIPT, GENESIS, 0, "good");
    }

    #[test]
    fn a_receipt_that_was_changed_is_not_verified_or_not_read() {
        let mut forged = RECEIPT.to_vec();
        let task = forged.windows(16).position(|bytes| bytes == [1; 16]);
        forged[task.expect("the task is named")] ^= 1;
        check(&forged, GENESIS, 5, "HMS-RECEIPT-TASK");
        check(
            &RECEIPT[..RECEIPT.len() - 1],
            GENESIS,
            1,
            "HMS-FILE-RECEIPT",
        );
        check(b"", GENESIS, 1, "HMS-FILE-RECEIPT");
        check(GENESIS, RECEIPT, 1, "HMS-FILE-GENESIS");
    }

    #[test]
    fn another_genesis_proves_nothing() {
        let mut other = GENESIS.to_vec();
        let salt = other.windows(32).position(|bytes| bytes == [7; 32]);
        other[salt.expect("it is salted")] ^= 1;
        check(RECEIPT, &other, 5, "HMS-RECEIPT-MESH");
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error() {
        let file = PathBuf::from("/nowhere/task.receipt");
        let fault = run(&ReceiptCommand::Show { file }, Screen::plain()).unwrap_err();
        assert_eq!(
            (fault.exit(), fault.code()),
            (Exit::Failed, "HMS-FILE-UNREADABLE")
        );
    }
}
