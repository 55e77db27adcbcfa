//! The proof databases that a node holds, each read and verified once and then shared.
//!
//! A database is named by the digest of its bytes, whatever its file is called. One that does not verify is refused when
//! the node starts: nothing is proved over it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use hms_protocol::digest::Hash;
use hms_protocol::proof::fragment::render;
use hms_protocol::proof::{ProofRefusal, hash_database};

use super::grammar::Grammar;
use super::kernel::KernelRefusal;
use super::knife::Knife;
use super::library::Library;

/// Bytes of one database. A larger file is refused: the largest that is known has less than 50 MB.
pub const DATABASE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The databases of a node.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    volumes: BTreeMap<Hash, Arc<Volume>>,
}

/// One database, read and verified.
#[derive(Debug)]
pub struct Volume {
    digest: Hash,
    library: Library,
    knife: Knife,
    // Only the prover needs it, and it takes longer to make than all the rest.
    grammar: OnceLock<Grammar>,
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// The file cannot be read.
    #[error("the proof database {path} cannot be read")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The file is too long.
    #[error("the proof database {path} has more than {DATABASE_BYTES_MAX} bytes")]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// The file is not a database.
    #[error("the proof database {path} is not valid")]
    Invalid {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: KernelRefusal,
    },
}

impl ShelfError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "HMS-SHELF-UNREADABLE",
            Self::TooLarge { .. } => "HMS-SHELF-LARGE",
            Self::Invalid { .. } => "HMS-SHELF-INVALID",
        }
    }

    /// What the operator can do.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "check the path given with --base",
            Self::TooLarge { .. } => "hold a database that is smaller",
            Self::Invalid { .. } => "check the file with any Metamath verifier",
        }
    }
}

impl Shelf {
    /// Reads and verifies these files.
    pub fn open(paths: &[PathBuf]) -> Result<Self, ShelfError> {
        let mut shelf = Self::default();
        for path in paths {
            let volume = Volume::open(path)?;
            shelf.volumes.insert(volume.digest, Arc::new(volume));
        }
        Ok(shelf)
    }

    /// Adds a database that is in memory already.
    pub fn add(&mut self, text: &[u8]) -> Result<Hash, KernelRefusal> {
        let volume = Volume::read(text)?;
        let digest = volume.digest;
        self.volumes.insert(digest, Arc::new(volume));
        Ok(digest)
    }

    /// The database with a digest.
    pub fn find(&self, digest: Hash) -> Result<Arc<Volume>, KernelRefusal> {
        let volume = self.volumes.get(&digest).cloned();
        volume.ok_or(KernelRefusal::UnknownDatabase { database: digest })
    }

    /// The digests of all databases.
    pub fn digests(&self) -> impl Iterator<Item = Hash> + '_ {
        self.volumes.keys().copied()
    }
}

impl Volume {
    fn open(path: &Path) -> Result<Self, ShelfError> {
        let unreadable = |source| ShelfError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(unreadable)?;
        let mut text = Vec::new();
        file.take(DATABASE_BYTES_MAX + 1)
            .read_to_end(&mut text)
            .map_err(unreadable)?;
        if text.len() as u64 > DATABASE_BYTES_MAX {
            return Err(ShelfError::TooLarge {
                path: path.to_owned(),
            });
        }
        let invalid = |source| ShelfError::Invalid {
            path: path.to_owned(),
            source,
        };
        Self::read(&text).map_err(invalid)
    }

    fn read(bytes: &[u8]) -> Result<Self, KernelRefusal> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let valid = &bytes[..error.valid_up_to()];
            let line = 1 + String::from_utf8_lossy(valid).matches('\n').count();
            ProofRefusal::BadByte {
                line,
                byte: bytes[error.valid_up_to()],
            }
        })?;
        let library = Library::read(text)?;
        let knife = Knife::load(&render(text)?)
            .map_err(|complaint| KernelRefusal::Disputed { complaint })?;
        Ok(Self {
            digest: hash_database(bytes),
            library,
            knife,
            grammar: OnceLock::new(),
        })
    }

    /// Its digest.
    pub fn digest(&self) -> Hash {
        self.digest
    }

    pub(super) fn library(&self) -> &Library {
        &self.library
    }

    pub(super) fn knife(&self) -> &Knife {
        &self.knife
    }

    pub(super) fn grammar(&self) -> &Grammar {
        self.grammar.get_or_init(|| Grammar::of(&self.library))
    }
}
