//! `hms task receipt`: takes a file that shows anybody, offline, what the certified ledger holds of a task.
//!
//! It is taken from the mesh as it is: `hms receipt verify` checks it.

use std::path::Path;

use clap::Args;
use hms_client::domain::codec;
use hms_client::domain::id::TaskId;
use hms_client::domain::receipt::Receipt;
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::fault::Fault;
use crate::keepsake::Place;
use crate::mesh::GENESIS_FILE;
use crate::receipt::receipt_json;
use crate::session::Session;

/// Of which task, and where to.
#[derive(Debug, Args)]
pub(crate) struct ReceiptCommand {
    /// Its id.
    task: TaskId,
    #[command(flatten)]
    place: Place,
}

pub(super) const EXAMPLES: &str = "\
Example:
  hms task receipt 0198a2c4-7e1b-7c3d-9a55-5b8d1f2a3c4d
  hms task receipt 0198a2c4-7e1b-7c3d-9a55-5b8d1f2a3c4d --out proof.receipt
  hms receipt verify proof.receipt --genesis genesis.hms

The file is TASK.receipt unless --out names another. `hms mesh genesis` takes the genesis. A mesh keeps
entries for 30 days unless its nodes are told otherwise. A receipt that was taken stays good for ever.";

/// Takes a receipt.
pub(super) async fn run(command: &ReceiptCommand, session: &Session) -> Result<Exit, Fault> {
    let receipt = session.client.receipt(command.task).await?;
    let bytes = codec::encode(&receipt);
    let usual = format!("{}.receipt", command.task);
    let path = command.place.keep(&usual, &bytes)?;
    session.screen.show(
        |_| text(&receipt, &path, bytes.len()),
        || as_json(&receipt, &path, bytes.len()),
    )?;
    Ok(Exit::Done)
}

/// What was written and how to check it, for people.
fn text(receipt: &Receipt, path: &Path, bytes: usize) -> String {
    let commands: usize = receipt.entries.iter().map(|it| it.commands.len()).sum();
    let entries = receipt.entries.len();
    let path = path.display();
    format!(
        "wrote {path}: {bytes} bytes, {commands} commands in {entries} entries\n\
         check it: hms receipt verify {path} --genesis {GENESIS_FILE}"
    )
}

fn as_json(receipt: &Receipt, path: &Path, bytes: usize) -> Value {
    let mut object = receipt_json(receipt);
    object["file"] = json!(path.display().to_string());
    object["bytes"] = json!(bytes);
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_what_was_written_and_how_to_check_it() {
        let golden = include_bytes!("../../../../proto/golden/receipt.bin");
        let receipt: Receipt = codec::decode_exact(golden).expect("it is a receipt");
        let said = text(&receipt, Path::new("my.receipt"), golden.len());
        let (wrote, check) = said.split_once('\n').expect("two lines");
        assert!(wrote.starts_with("wrote my.receipt: "), "{wrote}");
        assert_eq!(
            check,
            "check it: hms receipt verify my.receipt --genesis genesis.hms"
        );
        let json = as_json(&receipt, Path::new("my.receipt"), golden.len());
        assert_eq!(
            (&json["file"], &json["bytes"]),
            (&json!("my.receipt"), &json!(golden.len()))
        );
        assert_eq!(json["task"], receipt.task.to_string());
    }
}
