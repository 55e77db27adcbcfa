//! `hms evidence`: what convicts a node or an agent, as the ledger keeps it and as a file that anybody can check.
//!
//! Checking asks no node and uses no network: a piece of evidence holds all that it takes, but for the mesh's genesis, which
//! has to come from somebody whom the reader trusts.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use hms_client::EvidenceView;
use hms_client::domain::codec;
use hms_client::domain::evidence::{Exhibit, Guilty};
use hms_client::domain::limits::EXHIBIT_BYTES_MAX;
use serde_json::{Value, json};

use crate::args::Global;
use crate::clock::now;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::keepsake::{Place, read, read_genesis};
use crate::phrase::age;
use crate::screen::{Screen, Tone, plain, with_rest};
use crate::session::{Names, Session};

mod exhibit;

/// Evidence.
#[derive(Debug, Subcommand)]
pub(crate) enum EvidenceCommand {
    /// List the evidence that the ledger keeps, newest first.
    #[command(
        after_help = "Example:\n  hms evidence list\n  hms evidence list --limit 100 --before 40 -o json"
    )]
    List {
        /// At most so many.
        #[arg(long, default_value_t = 20, value_name = "NUMBER")]
        limit: u32,
        /// Only pieces with a lower number.
        #[arg(long, value_name = "NUMBER")]
        before: Option<u64>,
    },
    /// Show a piece of evidence, or take it as a file that others can check.
    #[command(
        after_help = "Example:\n  hms evidence show 3\n  hms evidence show 3 --out n3.evidence\n  hms evidence verify n3.evidence --genesis genesis.hms\n\nNothing is written unless --out names a file."
    )]
    Show {
        /// Its number.
        number: u64,
        #[command(flatten)]
        place: Place,
    },
    /// Check a piece of evidence with nothing but the mesh's genesis, and say whom it convicts.
    #[command(
        after_help = "Example:\n  hms evidence verify n3.evidence --genesis genesis.hms\n  hms evidence verify n3.evidence --genesis genesis.hms -o json\n\nWhat convicts nobody ends with exit code 5 and says why. `hms mesh genesis` takes the genesis."
    )]
    Verify {
        /// The evidence.
        file: PathBuf,
        /// The mesh's genesis.
        #[arg(long, value_name = "FILE")]
        genesis: PathBuf,
    },
}

/// Runs a command about evidence.
pub(crate) async fn run(command: &EvidenceCommand, global: &Global) -> Result<Exit, Fault> {
    match command {
        EvidenceCommand::List { limit, before } => {
            let session = Session::open(global)?;
            let (pieces, total) = session.client.evidence(*before, *limit).await?;
            let names = session.names().await?;
            session.screen.show(
                |screen| list(&pieces, total, &names, screen),
                || pieces.iter().map(view_json).collect(),
            )?;
        }
        EvidenceCommand::Show { number, place } => {
            let session = Session::open(global)?;
            show(*number, place, &session).await?;
        }
        EvidenceCommand::Verify { file, genesis } => verify(file, genesis, global)?,
    }
    Ok(Exit::Done)
}

async fn show(number: u64, place: &Place, session: &Session) -> Result<(), Fault> {
    let (view, exhibit) = session.client.piece_of_evidence(number).await?;
    let names = session.names().await?;
    let kept = if place.is_named() {
        Some(place.keep("", &codec::encode(&exhibit))?)
    } else {
        None
    };
    session.screen.show(
        |_| {
            let mut lines = vec![
                format!("number    {}", view.number),
                format!("guilty    {}", guilty(&view.guilty, &names)),
                format!("what      it {}", view.what),
                format!("ledger    {}, {}", view.position, age(view.at, now())),
            ];
            lines.extend(exhibit::lines(&exhibit));
            lines.extend(
                kept.as_ref()
                    .map(|path| format!("wrote     {}", path.display())),
            );
            lines.join("\n")
        },
        || {
            let mut object = view_json(&view);
            object["exhibit"] = exhibit::as_json(&exhibit);
            object["file"] = json!(kept.as_ref().map(|path| path.display().to_string()));
            object
        },
    )
}

fn verify(file: &Path, genesis: &Path, global: &Global) -> Result<(), Fault> {
    let screen = Screen::open(global.output);
    let origin = read_genesis(genesis)?;
    let exhibit: Exhibit =
        codec::decode_exact(&read(file, EXHIBIT_BYTES_MAX)?).map_err(|source| {
            Fault::BadEvidence {
                path: file.to_owned(),
                source,
            }
        })?;
    let convicted = exhibit.verify(origin.mesh);
    let convicted = convicted.map_err(|source| Fault::Unconvincing {
        path: file.to_owned(),
        source,
    })?;
    screen.show(
        |screen| {
            let good = screen.tint("good", Tone::Good);
            let mut lines = vec![
                format!("evidence  {good}"),
                format!("guilty    {}", guilty(&convicted, &Names::default())),
                format!("what      it {}", exhibit.describe()),
                format!("mesh      {}", origin.mesh),
            ];
            lines.extend(exhibit::lines(&exhibit));
            lines.join("\n")
        },
        || {
            json!({
                "good": true,
                "guilty": guilty_json(&convicted),
                "what": exhibit.describe(),
                "mesh": origin.mesh.to_string(),
                "exhibit": exhibit::as_json(&exhibit),
            })
        },
    )
}

fn list(pieces: &[EvidenceView], total: u64, names: &Names, screen: Screen) -> String {
    let mut sheet = screen.table(&["NUMBER", "WHEN", "GUILTY", "WHAT IT SHOWS", "LEDGER"]);
    for piece in pieces {
        sheet.row([
            plain(piece.number),
            plain(age(piece.at, now())),
            (guilty(&piece.guilty, names), Tone::Bad),
            plain(&piece.what),
            plain(piece.position),
        ]);
    }
    with_rest(sheet.render(), pieces.len(), total)
}

/// Who is convicted, for people.
fn guilty(guilty: &Guilty, names: &Names) -> String {
    match guilty {
        Guilty::Node(node) => format!("node {}", names.of(*node)),
        Guilty::Agent { agent, node, .. } => {
            format!("agent {} of {}", agent.short(), names.of(*node))
        }
    }
}

fn view_json(piece: &EvidenceView) -> Value {
    json!({
        "number": piece.number,
        "position": piece.position.to_string(),
        "at_ms": piece.at.0,
        "guilty": guilty_json(&piece.guilty),
        "what": piece.what,
    })
}

fn guilty_json(guilty: &Guilty) -> Value {
    match guilty {
        Guilty::Node(node) => json!({ "kind": "node", "node": node.to_string() }),
        Guilty::Agent {
            agent,
            node,
            task,
            attempt,
        } => json!({
            "kind": "agent",
            "agent": agent.to_string(),
            "node": node.to_string(),
            "task": task.to_string(),
            "attempt": attempt,
        }),
    }
}
