//! `hms snapshot`: the mesh's state as a file, looked at without the mesh, and brought to life again on a new machine.
//!
//! A snapshot carries the genesis, every change of voters and their certificate of where it ends. What the certificate does
//! not cover is the state itself: its digest is to be compared with that of the mesh.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use hms_client::domain::id::{MeshId, NodeName};
use hms_consensus::state::checkpoint::Checkpoint;
use hms_consensus::state::snapshot::read;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::args::Global;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::keepsake::{Place, read_genesis};
use crate::phrase::{count, size};
use crate::revival::{self, Source, Survivor};
use crate::screen::Screen;
use crate::session::Session;

/// What the file is called unless the person gives another name.
const SNAPSHOT_FILE: &str = "mesh.snapshot";

/// Snapshots.
#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Save the mesh's state to a file.
    #[command(
        after_help = "Example:\n  hms snapshot save\n  hms snapshot save --out monday.snapshot\n\n\
            It has everything that was acknowledged before it was asked for. Entries are not in it: keep those with\n\
            `hms audit export`."
    )]
    Save(Place),
    /// Check a snapshot and show what is in it.
    #[command(
        after_help = "Example:\n  hms snapshot inspect mesh.snapshot --genesis genesis.hms\n\n\
            Exit code 5: nobody vouches for it, or it is another mesh's."
    )]
    Inspect {
        /// The snapshot.
        file: PathBuf,
        /// The genesis of the mesh that it should be of.
        #[arg(long, value_name = "FILE")]
        genesis: Option<PathBuf>,
    },
    /// Bring a snapshot to life on a new node, which votes alone until others join.
    #[command(
        after_help = "Example:\n  hms snapshot restore mesh.snapshot --data-dir r1 --name r1 --operator-key safe/operator.key --yes\n  hms-node --data-dir r1\n\n\
            For a mesh that is gone. It is the same mesh: its receipts stay good, its members find their places. What was\n\
            acknowledged after the snapshot was taken is lost."
    )]
    Restore {
        /// The snapshot.
        file: PathBuf,
        /// What the node is called; no member may have that name.
        #[arg(long, value_name = "NAME")]
        name: Option<NodeName>,
        #[command(flatten)]
        survivor: Survivor,
    },
}

/// Runs a command about snapshots.
pub(crate) async fn run(command: SnapshotCommand, global: &Global) -> Result<Exit, Fault> {
    match command {
        SnapshotCommand::Save(place) => save(&place, &Session::open(global)?).await,
        SnapshotCommand::Inspect { file, genesis } => {
            let mesh = genesis.map(|path| read_genesis(&path)).transpose()?;
            let mesh = mesh.map(|origin| origin.mesh);
            inspect(&file, mesh, Screen::open(global.output))
        }
        SnapshotCommand::Restore {
            file,
            name,
            survivor,
        } => {
            let source = Source {
                snapshot: Some(file),
                name,
            };
            revival::run(&survivor, &source, Screen::open(global.output))
        }
    }
}

/// Takes it piece by piece, and looks at the whole before it is kept.
async fn save(place: &Place, session: &Session) -> Result<Exit, Fault> {
    let mut draft = place.begin(SNAPSHOT_FILE)?;
    let mut pieces = session.client.snapshot();
    let bar = ProgressBar::new(0);
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await? {
        // A new leader begins anew.
        if piece.offset == 0 {
            bytes.clear();
        }
        bytes.extend_from_slice(&piece.bytes);
        bar.set_length(piece.total);
        bar.set_position(bytes.len() as u64);
    }
    bar.finish_and_clear();
    let checkpoint = check(draft.path(), &bytes, None)?;
    draft.write(&bytes)?;
    let path = draft.finish()?;
    session.screen.show(
        |_| format!("wrote {}\n{}", path.display(), text(&checkpoint, &bytes)),
        || as_json(&path, &checkpoint, &bytes),
    )?;
    Ok(Exit::Done)
}

fn inspect(path: &Path, expected: Option<MeshId>, screen: Screen) -> Result<Exit, Fault> {
    let bytes = fs::read(path).map_err(|source| Fault::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let checkpoint = check(path, &bytes, expected)?;
    screen.show(
        |_| text(&checkpoint, &bytes),
        || as_json(path, &checkpoint, &bytes),
    )?;
    Ok(Exit::Done)
}

fn check(path: &Path, bytes: &[u8], expected: Option<MeshId>) -> Result<Checkpoint, Fault> {
    let read = read(bytes, expected).map_err(|source| Fault::BadSnapshot {
        path: path.to_owned(),
        source,
    });
    Ok(read?.0)
}

/// The names of the voters.
fn voters(checkpoint: &Checkpoint) -> Vec<String> {
    let name = |node| {
        let member = checkpoint.state.roster().member(node);
        member.map_or_else(|| node.to_string(), |member| member.name.to_string())
    };
    checkpoint.voters.iter().map(|node| name(*node)).collect()
}

fn signers(checkpoint: &Checkpoint) -> usize {
    let certificate = checkpoint.certificate.as_ref();
    certificate.map_or(0, |certificate| certificate.signers.len())
}

fn text(checkpoint: &Checkpoint, bytes: &[u8]) -> String {
    let state = &checkpoint.state;
    let lines = [
        ("size", size(bytes.len() as u64)),
        ("mesh", state.mesh().to_string()),
        (
            "entry",
            format!("{} of term {}", checkpoint.index, checkpoint.term),
        ),
        ("chain", checkpoint.chain.to_string()),
        ("state", state.digest().to_string()),
        (
            "voters",
            format!(
                "{} since entry {}, {} of them signed",
                voters(checkpoint).join(", "),
                checkpoint.epoch,
                signers(checkpoint)
            ),
        ),
        (
            "holds",
            format!(
                "{}, {}, {}, {}",
                count(state.roster().members().count(), "member"),
                count(state.roster().agents().count(), "agent"),
                count(state.ledger().tasks().count(), "task"),
                count(state.services().iter().count(), "service")
            ),
        ),
    ];
    let lines = lines.map(|(name, value)| format!("{name:<7} {value}"));
    lines.join("\n")
}

fn as_json(path: &Path, checkpoint: &Checkpoint, bytes: &[u8]) -> Value {
    let state = &checkpoint.state;
    json!({
        "file": path.display().to_string(),
        "bytes": bytes.len(),
        "mesh": state.mesh().to_string(),
        "index": checkpoint.index.0,
        "term": checkpoint.term.0,
        "epoch": checkpoint.epoch.0,
        "chain": checkpoint.chain.to_string(),
        "state_digest": state.digest().to_string(),
        "voters": voters(checkpoint),
        "signers": signers(checkpoint),
        "members": state.roster().members().count(),
        "agents": state.roster().agents().count(),
        "tasks": state.ledger().tasks().count(),
        "services": state.services().iter().count(),
    })
}
