//! The ledger of a stopped node, looked at and brought to life again: `hms-node ledger survey|recover|inspect`.
//!
//! Whoever has the operator's key signs an order for what `survey` shows; `recover` takes it on standard input and writes
//! the ledger that goes on. `inspect` looks at a snapshot. They speak JSON, to `hms operator raft recover` and
//! `hms snapshot`, which are what people use; the operator's key is never seen here. A running node holds its ledger locked,
//! so none of them touches it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use hms_consensus::effect::Recovered;
use hms_consensus::salvage::{Salvage, SalvageError};
use hms_consensus::state::State;
use hms_consensus::state::checkpoint::Checkpoint;
use hms_consensus::state::snapshot::{self, SnapshotError};
use hms_keystore::{DeedError, GENESIS_FILE, keep_genesis};
use hms_protocol::codec::{self, CodecError};
use hms_protocol::id::{MeshId, NodeId, NodeName};
use hms_protocol::keyring::SecretKey;
use hms_protocol::limits::SNAPSHOT_FILE_BYTES_MAX;
use hms_protocol::member::Role;
use hms_protocol::order::{ORDER_BYTES_MAX, SignedOrder};
use serde_json::{Value, json};

use crate::facts::{Facts, FactsError, Ports};
use crate::identity::{Identity, IdentityError};
use crate::store::{LEDGER_FOLDER, Retention, Store, StoreError};

/// Bytes of an order in hexadecimal digits, with room for the signature around it.
const ORDER_TEXT_MAX: u64 = 4 * ORDER_BYTES_MAX as u64;

/// What is done with the ledger of a stopped node.
#[derive(Clone, Debug, Subcommand)]
pub enum LedgerCommand {
    /// Show what the node holds, as JSON
    Survey(Place),
    /// Go on alone with what the node holds, by the operator's order (hexadecimal, on standard input)
    Recover(Place),
    /// Check the snapshot on standard input and show what is in it, as JSON
    Inspect {
        /// The mesh that it should be of
        #[arg(long, value_name = "ID")]
        mesh: Option<MeshId>,
        /// Write it to this file without what people and services have put into it
        #[arg(long, value_name = "FILE")]
        redact: Option<PathBuf>,
    },
}

/// Which ledger.
#[derive(Clone, Debug, Args)]
pub struct Place {
    /// The node's data directory
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// A snapshot to begin from, in a data directory without a ledger
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// What the node is called, if it is no member yet
    #[arg(long, value_name = "NAME")]
    name: Option<NodeName>,
}

/// Why the ledger of a stopped node is left as it is.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The node's key cannot be had.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// What the node remembers cannot be had.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// The disk cannot be used, or the node runs.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the node holds cannot go on.
    #[error(transparent)]
    Salvage(#[from] SalvageError),
    /// The snapshot cannot be read.
    #[error("the snapshot cannot be read: {0}")]
    Unreadable(#[source] std::io::Error),
    /// The redacted snapshot cannot be written.
    #[error("the redacted snapshot cannot be written: {0}")]
    Unwritable(#[source] std::io::Error),
    /// The snapshot is not one.
    #[error("the snapshot is no good: {0}")]
    Snapshot(#[from] SnapshotError),
    /// The genesis cannot be written, or is another mesh's.
    #[error(transparent)]
    Genesis(#[from] DeedError),
    /// The directory was never in a mesh.
    #[error("{path} belongs to no mesh")]
    NoMesh {
        /// Where.
        path: PathBuf,
    },
    /// The directory belongs to another mesh than the snapshot.
    #[error("{path} belongs to mesh {own}: the snapshot is of mesh {snapshot}")]
    OtherMesh {
        /// Where.
        path: PathBuf,
        /// Whose it is.
        own: MeshId,
        /// The snapshot's.
        snapshot: MeshId,
    },
    /// A new member needs a name.
    #[error("the node is no member of the mesh yet, and has no name")]
    Nameless,
    /// Standard input holds no order.
    #[error("standard input holds no order: {reason}")]
    NoOrder {
        /// What is wrong with it.
        reason: String,
    },
}

impl LedgerError {
    /// The stable code.
    pub fn code(&self) -> &str {
        match self {
            Self::Identity(error) => error.code(),
            Self::Facts(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Salvage(error) => error.code(),
            Self::Unreadable(_) => "HMS-SNAPSHOT-UNREADABLE",
            Self::Unwritable(_) => "HMS-SNAPSHOT-UNWRITABLE",
            Self::Snapshot(error) => error.code(),
            Self::Genesis(error) => error.code(),
            Self::NoMesh { .. } => "HMS-SALVAGE-NO-MESH",
            Self::OtherMesh { .. } => "HMS-SNAPSHOT-OTHER-MESH",
            Self::Nameless => "HMS-SALVAGE-NAMELESS",
            Self::NoOrder { .. } => "HMS-SALVAGE-NO-ORDER",
        }
    }

    /// The same for programs.
    pub fn to_json(&self) -> Value {
        json!({
            "error": {
                "code": self.code(),
                "message": self.to_string(),
                "hint": self.hint(),
            },
        })
    }

    /// What the operator can do.
    pub fn hint(&self) -> &str {
        match self {
            Self::Identity(error) => error.hint(),
            Self::Facts(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Salvage(error) => error.hint(),
            Self::Unreadable(_) => "check the path and its permissions",
            Self::Unwritable(_) => "check the folder, its permissions and the room on the disk",
            Self::Snapshot(error) => error.hint(),
            Self::Genesis(error) => error.hint(),
            Self::NoMesh { .. } => "name the data directory of a voter that was in the mesh",
            Self::OtherMesh { .. } => "restore into a new data directory",
            Self::Nameless => "name it with --name",
            Self::NoOrder { .. } => "use `hms operator raft recover` or `hms snapshot restore`",
        }
    }
}

/// A ledger that nobody runs.
struct Site {
    data_dir: PathBuf,
    facts: Option<Facts>,
    name: NodeName,
    store: Store,
    salvage: Salvage,
}

/// Does it, and gives the answer as JSON.
pub fn run(command: &LedgerCommand) -> Result<Value, LedgerError> {
    match command {
        LedgerCommand::Survey(place) => Ok(open(place)?.survey()),
        LedgerCommand::Recover(place) => {
            let order = read_order(std::io::stdin().lock())?;
            open(place)?.recover(order)
        }
        LedgerCommand::Inspect { mesh, redact } => {
            let mut bytes = read_snapshot(std::io::stdin().lock())?;
            if let Some(path) = redact {
                bytes = snapshot::redact(&bytes)?;
                std::fs::write(path, &bytes).map_err(LedgerError::Unwritable)?;
            }
            let (checkpoint, redacted) = snapshot::inspect(&bytes, *mesh)?;
            Ok(describe(&checkpoint, redacted, bytes.len()))
        }
    }
}

fn read_order(input: impl Read) -> Result<SignedOrder, LedgerError> {
    let no_order = |reason: String| LedgerError::NoOrder { reason };
    let mut text = String::new();
    let read = input.take(ORDER_TEXT_MAX).read_to_string(&mut text);
    read.map_err(|error| no_order(error.to_string()))?;
    let bytes = hex::decode(text.trim()).map_err(|error| no_order(error.to_string()))?;
    codec::decode_exact(&bytes).map_err(|error: CodecError| no_order(error.to_string()))
}

/// Never more than one byte beyond what can be a snapshot.
fn read_snapshot(input: impl Read) -> Result<Vec<u8>, LedgerError> {
    let mut bytes = Vec::new();
    let mut input = input.take(SNAPSHOT_FILE_BYTES_MAX as u64 + 1);
    input
        .read_to_end(&mut bytes)
        .map_err(LedgerError::Unreadable)?;
    Ok(bytes)
}

fn describe(checkpoint: &Checkpoint, redacted: bool, bytes: usize) -> Value {
    let state = &checkpoint.state;
    let certificate = checkpoint.certificate.as_ref();
    json!({
        "bytes": bytes,
        "redacted": redacted,
        "mesh": state.mesh().to_string(),
        "index": checkpoint.index.0,
        "term": checkpoint.term.0,
        "epoch": checkpoint.epoch.0,
        "chain": checkpoint.chain.to_string(),
        "state_digest": state.digest().to_string(),
        "voters": voters(state, &checkpoint.voters),
        "signers": certificate.map_or(0, |certificate| certificate.signers.len()),
        "members": state.roster().members().count(),
        "agents": state.roster().agents().count(),
        "tasks": state.ledger().tasks().count(),
        "services": state.services().iter().count(),
    })
}

/// Their ids, with the names of those that are members.
fn voters<'a>(state: &State, voters: impl IntoIterator<Item = &'a NodeId>) -> Value {
    let name = |node| state.roster().member(node).map(|it| it.name.to_string());
    let voters = voters.into_iter();
    voters
        .map(|voter| json!({ "id": voter.to_string(), "name": name(*voter) }))
        .collect()
}

fn open(place: &Place) -> Result<Site, LedgerError> {
    let data_dir = place.data_dir.clone();
    let identity = Identity::load_or_create(&data_dir)?;
    let facts = Facts::read(&data_dir, identity.id())?;
    let (store, _) = Store::open(&data_dir.join(LEDGER_FOLDER), Retention::default())?;
    let own = facts.as_ref().map(|facts| facts.mesh);
    let (mesh, recovered) = if let Some(path) = &place.snapshot {
        store.check_empty()?;
        from_snapshot(path, &data_dir, own)?
    } else {
        let no_mesh = LedgerError::NoMesh {
            path: data_dir.clone(),
        };
        let mesh = own.ok_or(no_mesh)?;
        store.claim(identity.id(), mesh)?;
        (mesh, store.recover()?)
    };
    let key = Arc::new(SecretKey::from_seed(&identity.key().seed()));
    let salvage = Salvage::survey(key, mesh, recovered)?;
    let member = salvage.state().roster().member(identity.id());
    let name = member.map(|member| member.name.clone());
    let name = name.or(place.name.clone()).ok_or(LedgerError::Nameless)?;
    Ok(Site {
        data_dir,
        facts,
        name,
        store,
        salvage,
    })
}

fn from_snapshot(
    path: &Path,
    data_dir: &Path,
    own: Option<MeshId>,
) -> Result<(MeshId, Recovered), LedgerError> {
    let file = File::open(path).map_err(LedgerError::Unreadable)?;
    let bytes = read_snapshot(file)?;
    let (checkpoint, _) = snapshot::read(&bytes, None)?;
    let mesh = checkpoint.state.mesh();
    if let Some(own) = own.filter(|own| *own != mesh) {
        return Err(LedgerError::OtherMesh {
            path: data_dir.to_owned(),
            own,
            snapshot: mesh,
        });
    }
    let content = snapshot::content(&bytes)?.to_vec();
    let recovered = Recovered {
        checkpoint: Some(content),
        ..Recovered::default()
    };
    Ok((mesh, recovered))
}

impl Site {
    fn survey(&self) -> Value {
        let (state, wanted) = (self.salvage.state(), self.salvage.wanted());
        let (last, certified) = self.salvage.reach();
        json!({
            "mesh": state.mesh().to_string(),
            "operator": hex::encode(state.authority().operator().as_bytes()),
            "node": wanted.survivor.to_string(),
            "name": self.name.as_str(),
            "voters": voters(state, self.salvage.voters()),
            "last": last.0,
            "certified": certified.0,
            "chain": self.salvage.chain().to_string(),
            "state_digest": state.digest().to_string(),
            "members": state.roster().members().count(),
            "tasks": state.ledger().tasks().count(),
        })
    }

    /// What is written first does no harm alone: without facts the node knows no mesh, and with them it finds its ledger.
    fn recover(self, order: SignedOrder) -> Result<Value, LedgerError> {
        let incarnation = self.salvage.incarnation();
        let (node, mesh) = (self.salvage.node(), self.salvage.state().mesh());
        let genesis = self.salvage.state().charter().genesis.clone();
        let revival = self.salvage.recover(order, self.name.clone())?;
        keep_genesis(&self.data_dir.join(GENESIS_FILE), &genesis)?;
        self.store.claim(node, mesh)?;
        self.store.revive(&revival)?;
        let facts = match self.facts {
            Some(facts) => Facts {
                role: Role::Voter,
                incarnation: facts.incarnation.max(incarnation),
                ..facts
            },
            None => Facts {
                node,
                name: self.name,
                mesh,
                role: Role::Voter,
                incarnation,
                ports: Ports::default(),
                members: Vec::new(),
            },
        };
        facts.write(&self.data_dir)?;
        let checkpoint = &revival.checkpoint;
        Ok(json!({
            "mesh": mesh.to_string(),
            "node": node.to_string(),
            "name": facts.name.as_str(),
            "index": checkpoint.index.0,
            "term": checkpoint.term.0,
            "chain": checkpoint.chain.to_string(),
            "state_digest": checkpoint.state.digest().to_string(),
        }))
    }
}
