//! The manifest of a local mesh: which nodes it has and which processes are theirs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hms_keystore::write_whole;
use serde::{Deserialize, Serialize};

use crate::TestnetFault;
use crate::process::ProcessId;

/// Name of the manifest in the mesh's folder.
const MANIFEST_FILE: &str = "mesh.json";

/// A local mesh as it was brought up.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Its nodes, in order of start.
    pub nodes: Vec<NodeEntry>,
    /// Log filter of the nodes.
    pub log: String,
    /// Where the operator's key lies: the founder makes it on its first start.
    pub operator_key: PathBuf,
}

/// One node of a local mesh.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeEntry {
    /// Its name.
    pub name: String,
    /// Where it keeps its data.
    pub data_dir: PathBuf,
    /// Where it logs.
    pub log_file: PathBuf,
    /// The program that it runs.
    pub binary: PathBuf,
    /// Everything after the binary that it was started with, without secrets.
    pub arguments: Vec<String>,
    /// The newest process.
    pub process: ProcessId,
    /// What the node says of itself.
    pub ready: Ready,
}

/// What a node writes to `ready.json` in its data folder once it serves.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ready {
    /// Its id.
    pub node: String,
    /// Its name.
    pub name: String,
    /// `voter` or `worker`.
    pub role: String,
    /// The mesh's id.
    pub mesh: String,
    /// Its process id.
    pub pid: u32,
    /// Where it listens, with its peer id.
    pub addresses: Vec<String>,
    /// Its gateway.
    pub gateway: String,
    /// Its metrics.
    pub metrics: String,
}

impl Manifest {
    /// Reads the manifest of the mesh in a folder.
    pub fn read(folder: &Path) -> Result<Self, TestnetFault> {
        let path = folder.join(MANIFEST_FILE);
        let text = fs::read_to_string(&path).map_err(|source| {
            if source.kind() == io::ErrorKind::NotFound {
                return TestnetFault::NoMesh {
                    folder: folder.to_owned(),
                };
            }
            TestnetFault::Io {
                verb: "read",
                path: path.clone(),
                source,
            }
        })?;
        serde_json::from_str(&text).map_err(|error| TestnetFault::BadManifest {
            path,
            reason: error.to_string(),
        })
    }

    /// Writes it as a whole, so that a reader never sees half of it.
    pub fn write(&self, folder: &Path) -> Result<(), TestnetFault> {
        let path = folder.join(MANIFEST_FILE);
        let text =
            serde_json::to_string_pretty(self).map_err(|error| TestnetFault::BadManifest {
                path: path.clone(),
                reason: error.to_string(),
            })?;
        let fail = |source| TestnetFault::Io {
            verb: "written",
            path: path.clone(),
            source,
        };
        write_whole(&path, text.as_bytes(), 0o644).map_err(fail)
    }

    /// A node by name.
    pub fn node(&self, name: &str) -> Result<&NodeEntry, TestnetFault> {
        self.nodes
            .iter()
            .find(|node| node.name == name)
            .ok_or_else(|| {
                let names: Vec<&str> = self.nodes.iter().map(|node| node.name.as_str()).collect();
                TestnetFault::UnknownNode {
                    name: name.to_owned(),
                    names: names.join(" "),
                }
            })
    }

    /// Gateways of all nodes, in order of start.
    pub fn gateways(&self) -> Vec<String> {
        self.nodes
            .iter()
            .map(|node| node.ready.gateway.clone())
            .collect()
    }
}
