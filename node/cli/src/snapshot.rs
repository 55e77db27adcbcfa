//! `hms snapshot`: the mesh's state as a file, looked at without the mesh, and brought to life again on a new machine.
//!
//! A snapshot carries the genesis, every change of voters and their certificate of where it ends. What the certificate does
//! not cover is the state itself: its digest is to be compared with that of the mesh.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use hms_client::domain::id::{MeshId, NodeName};
use hms_testnet::TestnetFault;
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::args::Global;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::keepsake::{Draft, Place, read_genesis};
use crate::phrase::{count, size};
use crate::program::{self, Input, Voter};
use crate::revival::{self, Source, Survivor};
use crate::screen::{Screen, remark};
use crate::session::Session;

/// What the file is called unless the person gives another name.
const SNAPSHOT_FILE: &str = "mesh.snapshot";

/// What a redacted one is called.
const REDACTED_FILE: &str = "redacted.snapshot";

/// Snapshots.
#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Save the mesh's state to a file.
    #[command(
        after_help = "Example:\n  hms snapshot save\n  hms snapshot save --out monday.snapshot\n\n\
            It has everything that was acknowledged before it was asked for. Entries are\n\
            not in it: keep those with `hms audit export`."
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
    /// Make a snapshot that can be shown to strangers.
    #[command(
        after_help = "Example:\n  hms snapshot redact mesh.snapshot --out shown.snapshot\n\n\
            Inputs, results and labels of tasks, what probes are told and have said, and\n\
            addresses are left out. It can be inspected, and not restored."
    )]
    Redact {
        /// The snapshot.
        file: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Bring a snapshot to life on a new node, which votes alone until others join.
    #[command(
        after_help = "Example:\n  hms snapshot restore mesh.snapshot --data-dir r1 --name r1 --operator-key safe/operator.key --yes\n  hms-node --data-dir r1\n\n\
            For a mesh that is gone. It is the same mesh: its receipts stay good, its\n\
            members find their places. What was acknowledged after the snapshot was taken\n\
            is lost."
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
        SnapshotCommand::Redact { file, place } => {
            redact(&file, &place, Screen::open(global.output))
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
    while let Some(piece) = pieces.next().await? {
        // A new leader begins anew.
        if piece.offset == 0 {
            draft.clear()?;
        }
        draft.write(&piece.bytes)?;
        bar.set_length(piece.total);
        bar.set_position(piece.offset + piece.bytes.len() as u64);
    }
    bar.finish_and_clear();
    let written = draft.written()?;
    let content = match check(draft.path(), written, &[]) {
        Err(Fault::Testnet(TestnetFault::NoBinary { .. }) | Fault::NodeProgram { .. }) => None,
        checked => Some(checked?),
    };
    keep(draft, content.as_ref(), session.screen)?;
    if content.is_none() {
        remark(
            "it was not checked, for want of `hms-node`: use `hms snapshot inspect` where there is one",
        );
    }
    Ok(Exit::Done)
}

fn inspect(path: &Path, expected: Option<MeshId>, screen: Screen) -> Result<Exit, Fault> {
    let mesh = expected.map(|mesh| format!("--mesh={mesh}"));
    let content = check(path, open(path)?, mesh.as_slice())?;
    screen.show(|_| content.text(), || as_json(path, Some(&content)))?;
    Ok(Exit::Done)
}

fn redact(path: &Path, place: &Place, screen: Screen) -> Result<Exit, Fault> {
    let draft = place.begin(REDACTED_FILE)?;
    let to = format!("--redact={}", draft.place().display());
    let content = check(path, open(path)?, &[to])?;
    keep(draft, Some(&content), screen)?;
    Ok(Exit::Done)
}

fn keep(draft: Draft, content: Option<&Content>, screen: Screen) -> Result<(), Fault> {
    let path = draft.finish()?;
    screen.show(
        |_| {
            let lines = content.map(Content::text).unwrap_or_default();
            format!("wrote {}\n{lines}", path.display())
        },
        || as_json(&path, content),
    )
}

fn open(path: &Path) -> Result<File, Fault> {
    let opened = File::open(path).and_then(|file| {
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(file)
    });
    opened.map_err(|source| Fault::Unreadable {
        path: path.to_owned(),
        source,
    })
}

/// What is in a snapshot, if it is a good one.
fn check(path: &Path, file: File, more: &[String]) -> Result<Content, Fault> {
    let mut command = program::ledger("inspect")?;
    command.args(more);
    program::ask(command, Input::File(file))?.map_err(|complaint| Fault::BadSnapshot {
        path: path.to_owned(),
        complaint,
    })
}

/// What `hms-node ledger inspect` says.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Content {
    bytes: u64,
    redacted: bool,
    mesh: String,
    index: u64,
    term: u64,
    epoch: u64,
    chain: String,
    state_digest: String,
    voters: Vec<Voter>,
    signers: u64,
    members: u64,
    agents: u64,
    tasks: u64,
    services: u64,
}

impl Content {
    fn text(&self) -> String {
        let voters: Vec<&str> = self.voters.iter().map(Voter::called).collect();
        let redacted = if self.redacted { ", redacted" } else { "" };
        let lines = [
            ("size", size(self.bytes) + redacted),
            ("mesh", self.mesh.clone()),
            ("entry", format!("{} of term {}", self.index, self.term)),
            ("chain", self.chain.clone()),
            ("state", self.state_digest.clone()),
            (
                "voters",
                format!(
                    "{} since entry {}, {} of them signed",
                    voters.join(", "),
                    self.epoch,
                    self.signers
                ),
            ),
            (
                "holds",
                format!(
                    "{}, {}, {}, {}",
                    count(self.members, "member"),
                    count(self.agents, "agent"),
                    count(self.tasks, "task"),
                    count(self.services, "service")
                ),
            ),
        ];
        let lines = lines.map(|(name, value)| format!("{name:<7} {value}"));
        lines.join("\n")
    }
}

/// The file, and what is in it if that was looked at.
fn as_json(path: &Path, content: Option<&Content>) -> Value {
    #[derive(Serialize)]
    struct Shown<'a> {
        file: String,
        #[serde(flatten)]
        content: Option<&'a Content>,
    }
    json!(Shown {
        file: path.display().to_string(),
        content,
    })
}
