//! Why the disk cannot be relied on, with a stable code and what the operator can do.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hms_protocol::codec::CodecError;

use crate::space;

/// Why the store cannot be opened, read or written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the directory open.
    #[error("{directory} is in use by process {user}")]
    InUse {
        /// The directory.
        directory: PathBuf,
        /// The process, as far as it said.
        user: String,
    },
    /// The directory was written by another version.
    #[error("{directory} has format {found}, this program reads format {expected}")]
    Version {
        /// The directory.
        directory: PathBuf,
        /// What is written there.
        found: String,
        /// What this program reads.
        expected: u32,
    },
    /// The directory belongs to another node or mesh.
    #[error("{directory} belongs to {what} {owner}, not to {claimant}")]
    Foreign {
        /// The directory.
        directory: PathBuf,
        /// What is different: `node` or `mesh`.
        what: &'static str,
        /// Whose it is.
        owner: String,
        /// Who claims it.
        claimant: String,
    },
    /// A ledger cannot be founded where there is one.
    #[error("{directory} holds a ledger already")]
    LedgerExists {
        /// The directory.
        directory: PathBuf,
    },
    /// The database cannot be read as it was written.
    #[error("{directory} is damaged: {source}")]
    Damaged {
        /// The directory.
        directory: PathBuf,
        /// What RocksDB says; it names the file.
        source: rocksdb::Error,
    },
    /// An entry cannot be read as it was written.
    #[error("{what} in {directory} is damaged: {reason}")]
    EntryDamaged {
        /// The directory.
        directory: PathBuf,
        /// Which entry.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The disk is full.
    #[error("there is no space left for {directory}: {source}")]
    Full {
        /// The directory.
        directory: PathBuf,
        /// What RocksDB says; it names the file.
        source: rocksdb::Error,
    },
    /// The disk is nearly full.
    #[error("{directory} has {free_bytes} bytes free: the ledger is kept safely with {min}")]
    Scarce {
        /// The directory.
        directory: PathBuf,
        /// How much is free.
        free_bytes: u64,
        /// How much must be.
        min: u64,
    },
    /// The database cannot be read or written.
    #[error("{directory} cannot be used: {source}")]
    Database {
        /// The directory.
        directory: PathBuf,
        /// What RocksDB says; it names the file.
        source: rocksdb::Error,
    },
    /// A file of the store's own cannot be read or written.
    #[error("{path} cannot be {verb}: {source}")]
    File {
        /// What was tried, as a participle.
        verb: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: Arc<io::Error>,
    },
    /// A thread cannot be started.
    #[error("the store's thread cannot be started: {source}")]
    Thread {
        /// What the system says.
        source: Arc<io::Error>,
    },
    /// The disk failed before.
    #[error("the store has stopped")]
    Stopped,
}

impl StoreError {
    /// The stable code, for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "HMS-STORE-IN-USE",
            Self::Version { .. } => "HMS-STORE-VERSION",
            Self::Foreign { .. } => "HMS-STORE-FOREIGN",
            Self::LedgerExists { .. } => "HMS-STORE-LEDGER-EXISTS",
            Self::Damaged { .. } | Self::EntryDamaged { .. } => "HMS-STORE-DAMAGED",
            Self::Full { .. } | Self::Scarce { .. } => "HMS-STORE-FULL",
            Self::File { source, .. } if space::is_lacking(source) => "HMS-STORE-FULL",
            Self::Database { .. } | Self::File { .. } => "HMS-STORE-IO",
            Self::Thread { .. } => "HMS-STORE-THREAD",
            Self::Stopped => "HMS-STORE-STOPPED",
        }
    }

    /// What the operator can do, for people.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::InUse { .. } => {
                "stop the other process, or give this node its own data directory"
            }
            Self::Version { .. } => "start it with the version of hms-node that wrote it",
            Self::Foreign { .. } => "give each node a data directory of its own; do not copy them",
            Self::LedgerExists { .. } => {
                "name a data directory without a ledger, or start the node that is in this one"
            }
            Self::Damaged { .. } | Self::EntryDamaged { .. } => {
                "move the directory away and let the node join anew: its peers bring it up to date"
            }
            Self::Full { .. } | Self::Scarce { .. } => space::HINT,
            Self::File { source, .. } if space::is_lacking(source) => space::HINT,
            Self::Database { .. } | Self::File { .. } => {
                "check that the directory exists, is writable, and that its disk is healthy"
            }
            Self::Thread { .. } => "raise the limit of threads and processes",
            Self::Stopped => "look for the first failure of the store in the log",
        }
    }

    /// What an error of RocksDB means for a directory.
    pub(super) fn from_rocksdb(directory: &Path, source: rocksdb::Error) -> Self {
        let directory = directory.to_owned();
        let text = source.as_ref();
        // RocksDB passes on what the system says, and nothing but the text of it.
        let no_space = ["No space left", "File too large", "Disk quota exceeded"];
        if no_space.iter().any(|reason| text.contains(reason)) {
            return Self::Full { directory, source };
        }
        // Missing parts come as "invalid argument" or "no such file", not as corruption.
        let missing = ["does not exist", "No such file", "Column family not found"];
        let is_missing = missing.iter().any(|reason| text.contains(reason));
        if source.kind() == rocksdb::ErrorKind::Corruption || is_missing {
            return Self::Damaged { directory, source };
        }
        Self::Database { directory, source }
    }

    pub(super) fn file(verb: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File {
            verb,
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }

    pub(super) fn entry(directory: &Path, what: String, reason: &str) -> Self {
        Self::EntryDamaged {
            directory: directory.to_owned(),
            what,
            reason: reason.to_owned(),
        }
    }

    pub(super) fn codec(directory: &Path, what: String, source: &CodecError) -> Self {
        Self::entry(directory, what, &source.to_string())
    }
}
