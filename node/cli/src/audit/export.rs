//! `hms audit export`: the ledger into a file.

use clap::Args;
use hms_client::LedgerQuery;
use hms_client::domain::codec;
use hms_client::domain::id::Index;
use hms_client::domain::transcript::TranscriptPart;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::exit::Exit;
use crate::fault::Fault;
use crate::keepsake::Place;
use crate::mesh::GENESIS_FILE;
use crate::phrase::size;
use crate::session::Session;

/// What the file is called unless the person gives another name.
const LEDGER_FILE: &str = "ledger.hms";

pub(super) const EXAMPLES: &str = "\
Example:
  hms audit export
  hms audit export --from 100000 --out since-monday.ledger
  hms audit verify ledger.hms --genesis genesis.hms

The file is ledger.hms unless --out names another; the entries are those that the leader keeps (--keep-ledger-days of its
node). `hms mesh genesis` takes the genesis.";

/// Which entries, and where to.
#[derive(Debug, Args)]
pub(crate) struct ExportCommand {
    /// The first entry, instead of the oldest that is kept.
    #[arg(long, value_name = "INDEX")]
    from: Option<u64>,
    #[command(flatten)]
    place: Place,
}

impl ExportCommand {
    /// Exports what a mesh has kept.
    pub(super) async fn run(&self, session: &Session) -> Result<Exit, Fault> {
        let mut draft = self.place.begin(LEDGER_FILE)?;
        let query = LedgerQuery {
            from: self.from.map(Index),
            ..LedgerQuery::default()
        };
        let mut ledger = session.client.read_ledger(query);
        let (mut entries, mut bytes, mut first) = (0_u64, 0_u64, None);
        let bar = progress();
        while let Some(parts) = ledger.next().await? {
            for part in &parts {
                if let TranscriptPart::Entry(entry) = part {
                    entries += 1;
                    first.get_or_insert(entry.index);
                }
                let written = codec::transcript::write(part);
                bytes += written.len() as u64;
                draft.write(&written)?;
            }
            bar.set_position(entries);
        }
        bar.finish_and_clear();
        let path = draft.finish()?.display().to_string();
        let first = first.unwrap_or_default().0;
        session.screen.show(
            |_| {
                let written = size(bytes);
                format!(
                    "wrote {path}: {entries} entries from entry {first} on, {written}\n\
                     check it: hms audit verify {path} --genesis {GENESIS_FILE}"
                )
            },
            || json!({ "file": path, "entries": entries, "first": first, "bytes": bytes }),
        )?;
        Ok(Exit::Done)
    }
}

/// Entries as they come, on a terminal.
fn progress() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {human_pos} entries, {per_sec}");
    ProgressBar::no_length().with_style(style.expect("the template is one"))
}
