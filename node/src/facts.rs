//! What a node remembers of itself between two lives: its mesh, its role, its name, its ports, how often it has lived.
//!
//! One small JSON file in the data directory, mode 0600, with a checksum, replaced as a whole. Nobody else writes it. The ledger is not in here: a worker has
//! none, and a voter must be able to say which mesh it belongs to before it opens its ledger.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hms_keystore::write_whole;
use hms_protocol::digest::{Domain, hash_fields};
use hms_protocol::id::{Incarnation, MeshId, NodeId, NodeName};
use hms_protocol::member::Role;
use serde::{Deserialize, Serialize};

use crate::space;

/// Name of the file inside the data directory.
const FACTS_FILE: &str = "facts.json";

/// What a node remembers. Invariant: `node` is the key's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The node that the directory belongs to.
    pub node: NodeId,
    /// What it is called.
    pub name: NodeName,
    /// Its mesh.
    pub mesh: MeshId,
    /// What it was admitted as.
    pub role: Role,
    /// How often it has lived, this life included.
    pub incarnation: Incarnation,
    /// The ports of its life before, so that members find it again.
    pub ports: Ports,
    /// Addresses of members, with peer ids, so that a worker finds its mesh again.
    pub members: Vec<String>,
}

/// Where a node listened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ports {
    /// libp2p multiaddresses without the peer id.
    pub listen: Vec<String>,
    /// The gateway.
    pub gateway: Option<std::net::SocketAddr>,
    /// The metrics.
    pub metrics: Option<std::net::SocketAddr>,
}

/// Why the facts cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// The file cannot be read or written.
    #[error("{path} cannot be {verb}")]
    Io {
        /// What was tried, as a participle.
        verb: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The file is not what this node wrote.
    #[error("{path} is damaged: {reason}")]
    Damaged {
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The directory belongs to another node.
    #[error("{path} belongs to node {owner}, but the key in it is {node}'s")]
    OtherNode {
        /// Where.
        path: PathBuf,
        /// Whose it is.
        owner: String,
        /// Whose key lies there.
        node: String,
    },
}

impl FactsError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { source, .. } if space::is_lacking(source) => "HMS-FACTS-FULL",
            Self::Io { .. } => "HMS-FACTS-IO",
            Self::Damaged { .. } => "HMS-FACTS-DAMAGED",
            Self::OtherNode { .. } => "HMS-FACTS-OTHER-NODE",
        }
    }

    /// What the operator can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Io { source, .. } if space::is_lacking(source) => space::HINT,
            Self::Io { .. } => "check the permissions of the data directory",
            Self::Damaged { .. } => {
                "restore the file from a backup, or start with a new data directory"
            }
            Self::OtherNode { .. } => {
                "give each node a data directory of its own; do not copy them"
            }
        }
    }
}

/// The file's form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FactsFile {
    node: String,
    name: String,
    mesh: String,
    role: String,
    incarnation: u64,
    ports: Ports,
    members: Vec<String>,
    /// Hash of the file with this left empty: a wrong digit in the rest would go unnoticed for long.
    checksum: String,
}

impl Facts {
    /// Reads the facts of a node; `None` if it has never been in a mesh.
    pub fn read(data_dir: &Path, node: NodeId) -> Result<Option<Self>, FactsError> {
        let path = data_dir.join(FACTS_FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(FactsError::Io {
                    verb: "read",
                    path,
                    source,
                });
            }
        };
        let damaged = |reason: String| FactsError::Damaged {
            path: path.clone(),
            reason,
        };
        let file: FactsFile =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        let facts = file.check().map_err(damaged)?;
        if facts.node != node {
            return Err(FactsError::OtherNode {
                path,
                owner: facts.node.short(),
                node: node.short(),
            });
        }
        Ok(Some(facts))
    }

    /// Writes the facts, durably: when this returns, the next life will read them.
    pub fn write(&self, data_dir: &Path) -> Result<(), FactsError> {
        let path = data_dir.join(FACTS_FILE);
        write_whole(&path, self.to_json().as_bytes(), 0o600).map_err(|source| FactsError::Io {
            verb: "written",
            path,
            source,
        })
    }

    fn to_json(&self) -> String {
        let role = match self.role {
            Role::Voter => "voter",
            Role::Worker => "worker",
        };
        let mut file = FactsFile {
            node: self.node.to_string(),
            name: self.name.to_string(),
            mesh: self.mesh.to_string(),
            role: role.to_owned(),
            incarnation: self.incarnation.0,
            ports: self.ports.clone(),
            members: self.members.clone(),
            checksum: String::new(),
        };
        file.checksum = file.sum();
        file.to_json()
    }
}

impl FactsFile {
    fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("facts hold strings and numbers only")
    }

    /// The checksum of a file that has none yet.
    fn sum(&self) -> String {
        hash_fields(Domain::Facts, &[self.to_json().as_bytes()]).to_string()
    }

    fn check(mut self) -> Result<Facts, String> {
        let written = std::mem::take(&mut self.checksum);
        if written != self.sum() {
            return Err("its checksum does not match".to_owned());
        }
        let role = match self.role.as_str() {
            "voter" => Role::Voter,
            "worker" => Role::Worker,
            other => return Err(format!("{other:?} is not a role")),
        };
        Ok(Facts {
            node: self
                .node
                .parse()
                .map_err(|error| format!("node: {error}"))?,
            name: self
                .name
                .parse()
                .map_err(|error| format!("name: {error}"))?,
            mesh: self
                .mesh
                .parse()
                .map_err(|error| format!("mesh: {error}"))?,
            role,
            incarnation: Incarnation(self.incarnation),
            ports: self.ports,
            members: self.members,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            node: NodeId::from_bytes([1; 32]),
            name: "n1".parse().unwrap(),
            mesh: MeshId::from_bytes([2; 32]),
            role: Role::Worker,
            incarnation: Incarnation(3),
            ports: Ports::default(),
            members: vec!["/ip4/127.0.0.1/tcp/1".to_owned()],
        }
    }

    #[test]
    fn a_node_remembers_what_it_wrote() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Facts::read(dir.path(), facts().node).unwrap(), None);
        facts().write(dir.path()).unwrap();
        assert_eq!(
            Facts::read(dir.path(), facts().node).unwrap(),
            Some(facts())
        );
    }

    #[test]
    fn the_directory_of_another_node_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        facts().write(dir.path()).unwrap();
        let error = Facts::read(dir.path(), NodeId::from_bytes([9; 32])).unwrap_err();
        assert_eq!(error.code(), "HMS-FACTS-OTHER-NODE");
    }

    #[test]
    fn a_flipped_bit_is_noticed_wherever_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let text = facts().to_json();
        for place in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[place] ^= 1 << (place % 7);
            fs::write(dir.path().join(FACTS_FILE), &bytes).unwrap();
            let error = Facts::read(dir.path(), facts().node).unwrap_err();
            assert_eq!(error.code(), "HMS-FACTS-DAMAGED", "byte {place}");
        }
    }

    #[test]
    fn damage_is_named_and_never_panics() {
        let dir = tempfile::tempdir().unwrap();
        for text in [
            "",
            "{",
            "{\"node\":1}",
            &facts().to_json().replace("worker", "emperor"),
        ] {
            fs::write(dir.path().join(FACTS_FILE), text).unwrap();
            let error = Facts::read(dir.path(), facts().node).unwrap_err();
            assert_eq!(error.code(), "HMS-FACTS-DAMAGED", "{text:?}");
        }
    }
}
