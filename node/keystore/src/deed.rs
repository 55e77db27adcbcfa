//! Founding a mesh on paper: the operator's key, the founder's key and the genesis that the one signs for the other.
//!
//! It is done before any node runs. What is there already is kept: a key is never replaced, nor a genesis.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hms_protocol::codec::{self, CodecError};
use hms_protocol::genesis::{Founding, Genesis, NotTheOperator};
use hms_protocol::id::NodeName;
use hms_protocol::keyring::SecretKey;
use hms_protocol::time::Moment;
use hms_protocol::trust::Trust;

use crate::key::{
    KeyError, NODE_KEY_FILE, OPERATOR_KEY_FILE, create_key, draw_seed, load_key, make_folder,
};
use crate::space;
use crate::whole::write_whole;

/// Name of the genesis inside a data directory.
pub const GENESIS_FILE: &str = "genesis.hms";

/// A mesh to be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the first node is called.
    pub name: NodeName,
    /// How many voters the mesh wants.
    pub voters_wanted: u32,
    /// How long a voter may be lost before a spare takes its place, in milliseconds; 0 for ever.
    pub replace_voter_after_ms: u64,
    /// What its voters may do besides stopping.
    pub trust: Trust,
    /// The operator's clock.
    pub founded_at: Moment,
    /// Where the operator's key lies, or is to lie; `None` for the data directory.
    pub operator_key: Option<PathBuf>,
}

/// What was made.
#[derive(Debug)]
pub struct Deed {
    /// The genesis.
    pub genesis: Genesis,
    /// Where it lies.
    pub genesis_file: PathBuf,
    /// Where the operator's key lies.
    pub operator_key: PathBuf,
    /// Whether that key was there before.
    pub key_was_there: bool,
}

/// Why a mesh is not founded.
#[derive(Debug, thiserror::Error)]
pub enum DeedError {
    /// A key cannot be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// There is a genesis already.
    #[error("{path} is there already")]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// There is no genesis.
    #[error("there is no genesis at {path}")]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The genesis cannot be read or written.
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
    /// The file is not a genesis that its operator has signed.
    #[error("{path} is not a genesis: {source}")]
    NotAGenesis {
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: CodecError,
    },
    /// The key changed while it was used.
    #[error(transparent)]
    NotTheOperator(#[from] NotTheOperator),
}

impl DeedError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Key(error) => error.code(),
            Self::Exists { .. } => "HMS-GENESIS-EXISTS",
            Self::Missing { .. } => "HMS-GENESIS-MISSING",
            Self::Io { source, .. } if space::is_lacking(source) => "HMS-GENESIS-FULL",
            Self::Io { .. } => "HMS-GENESIS-IO",
            Self::NotAGenesis {
                source: CodecError::Contradiction { .. },
                ..
            } => "HMS-GENESIS-FORGED",
            Self::NotAGenesis { .. } => "HMS-GENESIS-MALFORMED",
            Self::NotTheOperator(_) => "HMS-GENESIS-OPERATOR",
        }
    }

    /// What can be done.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Key(error) => error.hint(),
            Self::Exists { .. } => {
                "start the node with this data directory, or found another mesh in another one"
            }
            Self::Missing { .. } => "name it with --genesis, or take it with `hms mesh genesis`",
            Self::Io { source, .. } if space::is_lacking(source) => space::HINT,
            Self::Io { .. } => "check the path and its permissions",
            Self::NotAGenesis { .. } => {
                "restore the file from where you keep it, or take it with `hms mesh genesis`"
            }
            Self::NotTheOperator(_) => "try again",
        }
    }
}

/// Makes whatever a data directory lacks of operator's key, node's key and genesis. Refused when there is a genesis.
pub fn found(data_dir: &Path, plan: Plan) -> Result<Deed, DeedError> {
    make_folder(data_dir)?;
    let genesis_file = data_dir.join(GENESIS_FILE);
    if genesis_file.exists() {
        return Err(DeedError::Exists { path: genesis_file });
    }
    let operator_key = plan
        .operator_key
        .unwrap_or_else(|| data_dir.join(OPERATOR_KEY_FILE));
    let (operator, key_was_there) = load_or_create(&operator_key)?;
    let (node, _) = load_or_create(&data_dir.join(NODE_KEY_FILE))?;
    let founding = Founding {
        operator: operator.public(),
        founder: node.public().into(),
        name: plan.name,
        voters_wanted: plan.voters_wanted,
        replace_voter_after_ms: plan.replace_voter_after_ms,
        trust: plan.trust,
        founded_at: plan.founded_at,
        salt: *draw_seed()?,
    };
    let genesis = founding.sign(&operator)?;
    write_whole(&genesis_file, &codec::encode(&genesis), 0o644).map_err(|source| {
        DeedError::Io {
            verb: "written",
            path: genesis_file.clone(),
            source,
        }
    })?;
    Ok(Deed {
        genesis,
        genesis_file,
        operator_key,
        key_was_there,
    })
}

/// Keeps the encoded genesis of a mesh where it is looked for. One that is there already stays, and must be the same.
pub fn keep_genesis(path: &Path, genesis: &[u8]) -> Result<(), DeedError> {
    match read_genesis(path)? {
        Some(there) if codec::encode(&there) == genesis => Ok(()),
        Some(_) => Err(DeedError::Exists {
            path: path.to_owned(),
        }),
        None => write_whole(path, genesis, 0o644).map_err(|source| DeedError::Io {
            verb: "written",
            path: path.to_owned(),
            source,
        }),
    }
}

/// A key that is there, or a new one; its folder is made with it.
fn load_or_create(path: &Path) -> Result<(SecretKey, bool), KeyError> {
    if let Some(key) = load_key(path)? {
        return Ok((key, true));
    }
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    Ok((create_key(path)?, false))
}

/// Reads a genesis; `None` if there is no such file.
pub fn read_genesis(path: &Path) -> Result<Option<Genesis>, DeedError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(DeedError::Io {
                verb: "read",
                path: path.to_owned(),
                source,
            });
        }
    };
    let read = codec::genesis::read(&bytes);
    read.map(Some).map_err(|source| DeedError::NotAGenesis {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            name: "n1".parse().unwrap(),
            voters_wanted: 3,
            replace_voter_after_ms: 0,
            trust: Trust::Byzantine,
            founded_at: Moment(5),
            operator_key: None,
        }
    }

    #[test]
    fn a_mesh_is_founded_once_and_by_the_operators_key() {
        let dir = tempfile::tempdir().unwrap();
        let deed = found(dir.path(), plan()).unwrap();
        let read = read_genesis(&deed.genesis_file).unwrap();
        assert_eq!(read.as_ref(), Some(&deed.genesis));
        let operator = load_key(&deed.operator_key).unwrap().unwrap();
        let founding = deed.genesis.founding();
        assert_eq!(founding.operator, operator.public());
        let node = load_key(&dir.path().join(NODE_KEY_FILE)).unwrap().unwrap();
        assert_eq!(founding.founder, node.public().into());
        let again = found(dir.path(), plan()).unwrap_err();
        assert_eq!(again.code(), "HMS-GENESIS-EXISTS");
    }

    #[test]
    fn one_operator_may_have_many_meshes() {
        let dir = tempfile::tempdir().unwrap();
        // The folder is made with it.
        let key = dir.path().join("safe").join("mine.key");
        let made = ["a", "b"].map(|name| {
            let operator_key = Some(key.clone());
            let plan = Plan {
                operator_key,
                ..plan()
            };
            found(&dir.path().join(name), plan).unwrap()
        });
        let [first, second] = made;
        assert!(!first.key_was_there && second.key_was_there);
        let operator = |deed: &Deed| deed.genesis.founding().operator;
        assert_eq!(operator(&first), operator(&second));
        assert_ne!(first.genesis.mesh(), second.genesis.mesh());
        assert!(!dir.path().join("a").join(OPERATOR_KEY_FILE).exists());
    }

    #[test]
    fn a_genesis_that_nobody_signed_is_refused_by_its_own_code() {
        let dir = tempfile::tempdir().unwrap();
        let deed = found(dir.path(), plan()).unwrap();
        let sound = fs::read(&deed.genesis_file).unwrap();
        let mut forged = sound.clone();
        let last = forged.len() - 1;
        forged[last] ^= 1;
        for (bytes, code) in [
            (forged, "HMS-GENESIS-FORGED"),
            (sound[..40].to_vec(), "HMS-GENESIS-MALFORMED"),
            (b"mesh".to_vec(), "HMS-GENESIS-MALFORMED"),
        ] {
            fs::write(&deed.genesis_file, bytes).unwrap();
            assert_eq!(read_genesis(&deed.genesis_file).unwrap_err().code(), code);
        }
    }
}
