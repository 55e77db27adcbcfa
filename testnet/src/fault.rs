//! What can go wrong with a local mesh.

use std::io;
use std::path::PathBuf;

/// Why a local mesh does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum TestnetFault {
    /// The plan makes no sense.
    #[error("the plan is not possible: {reason}")]
    BadPlan {
        /// Why.
        reason: String,
    },
    /// There is no such program to run.
    #[error("{name} is not at {looked_at:?}")]
    NoBinary {
        /// Which program.
        name: &'static str,
        /// Where it was looked for.
        looked_at: Vec<PathBuf>,
    },
    /// A file or process operation failed.
    #[error("{path} cannot be {verb}")]
    Io {
        /// What was tried, as a participle.
        verb: &'static str,
        /// What it was tried on.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A mesh runs here already.
    #[error("a mesh runs in {folder} already")]
    Running {
        /// Where.
        folder: PathBuf,
    },
    /// No mesh is here.
    #[error("no mesh in {folder}")]
    NoMesh {
        /// Where.
        folder: PathBuf,
    },
    /// The manifest cannot be read.
    #[error("the manifest {path} is not valid: {reason}")]
    BadManifest {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The mesh has no such node.
    #[error("there is no node {name} in this mesh: it has {names}")]
    UnknownNode {
        /// The name.
        name: String,
        /// The names that exist.
        names: String,
    },
    /// A node did not become ready.
    #[error("node {name} was not ready within {within_ms} ms; its log ends with:\n{log_tail}")]
    NotReady {
        /// Which.
        name: String,
        /// How long was waited.
        within_ms: u64,
        /// The last lines of its log.
        log_tail: String,
    },
    /// A node stopped by itself.
    #[error("node {name} stopped ({status}); its log ends with:\n{log_tail}")]
    Stopped {
        /// Which.
        name: String,
        /// How.
        status: String,
        /// The last lines of its log.
        log_tail: String,
    },
    /// The operator's key cannot be had.
    #[error(transparent)]
    Key(#[from] hms_keystore::KeyError),
    /// The mesh cannot be founded.
    #[error(transparent)]
    Deed(#[from] hms_keystore::DeedError),
    /// A drill's mesh did not get to work.
    #[error("the mesh of the drill did not get to work within {within_ms} ms: {reason}")]
    NotAtWork {
        /// What was missing.
        reason: String,
        /// How long was waited.
        within_ms: u64,
    },
    /// The mesh could not be asked.
    #[error(transparent)]
    Client(#[from] hms_client::ClientError),
    /// The drill was broken off; its mesh is gone.
    #[error("broken off: the mesh of the drill is taken down")]
    Interrupted,
    /// A process outlived its kill.
    #[error("process {pid} of node {name} is still there {within_ms} ms after SIGKILL")]
    Unkillable {
        /// Which.
        name: String,
        /// Its process id.
        pid: u32,
        /// How long was waited.
        within_ms: u64,
    },
}

impl TestnetFault {
    /// The stable code.
    pub fn code(&self) -> &str {
        match self {
            Self::BadPlan { .. } => "HMS-TESTNET-BAD-PLAN",
            Self::NoBinary { .. } => "HMS-TESTNET-NO-BINARY",
            Self::Io { .. } => "HMS-TESTNET-IO",
            Self::Running { .. } => "HMS-TESTNET-RUNNING",
            Self::NoMesh { .. } => "HMS-TESTNET-NO-MESH",
            Self::BadManifest { .. } => "HMS-TESTNET-BAD-MANIFEST",
            Self::UnknownNode { .. } => "HMS-TESTNET-UNKNOWN-NODE",
            Self::NotReady { .. } => "HMS-TESTNET-NOT-READY",
            Self::Stopped { .. } => "HMS-TESTNET-STOPPED",
            Self::Key(error) => error.code(),
            Self::Deed(error) => error.code(),
            Self::NotAtWork { .. } => "HMS-DRILL-NOT-AT-WORK",
            Self::Client(error) => error.code(),
            Self::Interrupted => "HMS-DRILL-INTERRUPTED",
            Self::Unkillable { .. } => "HMS-TESTNET-UNKILLABLE",
        }
    }

    /// What the user can do.
    pub fn hint(&self) -> &str {
        match self {
            Self::BadPlan { .. } => "choose other numbers",
            Self::NoBinary { .. } => {
                "build all programs with `cargo build --workspace --bins`; HMS_NODE names another hms-node"
            }
            Self::Io { .. } => "check the folder's permissions and space",
            Self::Running { .. } => "take it down with `hms testnet down`, or choose another --dir",
            Self::NoMesh { .. } => "bring one up with `hms testnet up`",
            Self::BadManifest { .. } => {
                "remove the folder after making sure that no hms-node runs in it"
            }
            Self::UnknownNode { .. } => "`hms testnet status` lists the nodes",
            Self::NotReady { .. } | Self::Stopped { .. } => {
                "read the log with `hms testnet logs NODE`"
            }
            Self::Key(error) => error.hint(),
            Self::Deed(error) => error.hint(),
            Self::NotAtWork { .. } => {
                "this machine may be too busy: run it again, with fewer nodes"
            }
            Self::Client(error) => error.hint(),
            Self::Interrupted => "run it again with its replay command",
            Self::Unkillable { .. } => "the process waits for the kernel; look at its disk",
        }
    }
}
