//! What a local mesh is to be: how many nodes, which of them vote, what they hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hms_protocol::member::Role;

use crate::TestnetFault;

/// Most nodes of one local mesh: beyond that, one machine measures itself rather than the mesh.
pub const NODES_MAX: u32 = 100;

/// Voters unless told otherwise.
pub const VOTERS_DEFAULT: u32 = 3;

/// A local mesh to be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where it lives.
    pub folder: PathBuf,
    /// The `hms-node` to run.
    pub binary: PathBuf,
    /// Nodes that run another program in its place, by number.
    pub impostors: BTreeMap<u32, PathBuf>,
    /// How many nodes, named `n1`, `n2`, ….
    pub nodes: u32,
    /// How many of them vote; the first ones.
    pub voters: u32,
    /// How many of the others hold the ledger without a vote; the next ones.
    pub spares: u32,
    /// How long a voter may be lost before a spare takes its place, in milliseconds; `None` for the usual time.
    pub replace_voter_after_ms: Option<u64>,
    /// Proof databases that every node holds.
    pub bases: Vec<PathBuf>,
    /// Agents that each node raises.
    pub agents: u32,
    /// Runs that each agent may hold at once.
    pub slots: u32,
    /// Whether nodes find the founder by mDNS instead of being told its address. mDNS passes loopback over, and speaks on
    /// every other interface.
    pub mdns: bool,
    /// Log filter of the nodes.
    pub log: String,
}

impl Plan {
    /// A plan with the usual settings.
    pub fn new(folder: PathBuf, nodes: u32) -> Result<Self, TestnetFault> {
        if !(1..=NODES_MAX).contains(&nodes) {
            return Err(TestnetFault::BadPlan {
                reason: format!("{nodes} nodes: allowed is 1 to {NODES_MAX}"),
            });
        }
        Ok(Self {
            folder,
            binary: find_node_binary()?,
            impostors: BTreeMap::new(),
            nodes,
            voters: VOTERS_DEFAULT.min(nodes),
            spares: 0,
            replace_voter_after_ms: None,
            bases: Vec::new(),
            agents: 1,
            slots: 16,
            mdns: false,
            log: "info".to_owned(),
        })
    }

    /// The program that the `number`th node runs.
    pub fn binary_of(&self, number: u32) -> &Path {
        self.impostors.get(&number).unwrap_or(&self.binary)
    }

    /// The name of the `number`th node, from 1.
    pub fn name_of(number: u32) -> String {
        format!("n{number}")
    }

    /// What the `number`th node is to be. A voter more than the mesh wants is a spare.
    pub fn role_of(&self, number: u32) -> Role {
        if number <= self.voters + self.spares {
            Role::Voter
        } else {
            Role::Worker
        }
    }

    /// Where the `number`th node keeps its data.
    pub fn data_dir_of(&self, number: u32) -> PathBuf {
        self.folder.join(Self::name_of(number))
    }
}

/// Where local meshes live unless told otherwise.
pub fn default_folder() -> PathBuf {
    state_folder("HMS_TESTNET_DIR", "testnet")
}

/// A folder of the user for something that is kept: what the variable says, else one below the user's state folder.
pub fn state_folder(variable: &str, name: &str) -> PathBuf {
    let from_env = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    from_env(variable)
        .or_else(|| from_env("XDG_STATE_HOME").map(|state| state.join("hms").join(name)))
        .or_else(|| from_env("HOME").map(|home| home.join(".local/state/hms").join(name)))
        .unwrap_or_else(|| std::env::temp_dir().join(format!("hms-{name}")))
}

/// The `hms-node` to run: `$HMS_NODE`, else the one that [`find_program`] finds.
pub fn find_node_binary() -> Result<PathBuf, TestnetFault> {
    match std::env::var_os("HMS_NODE") {
        Some(path) => Ok(PathBuf::from(path)),
        None => find_program("hms-node"),
    }
}

/// A program of HMS: the one beside this program, else the one beside the folder of this program (where tests are built).
/// Nobody builds it on the way: `cargo test -p hms-tests` runs whatever lies there, so build all programs first
/// (`cargo build --workspace --bins`), as `scripts/test` does.
pub fn find_program(name: &'static str) -> Result<PathBuf, TestnetFault> {
    let own = std::env::current_exe().map_err(|source| TestnetFault::Io {
        verb: "found",
        path: "this program".into(),
        source,
    })?;
    let folders = own.ancestors().skip(1).take(2);
    let candidates: Vec<PathBuf> = folders.map(|folder: &Path| folder.join(name)).collect();
    let found = candidates.iter().find(|path| path.is_file());
    found.cloned().ok_or_else(|| TestnetFault::NoBinary {
        name,
        looked_at: candidates.clone(),
    })
}
