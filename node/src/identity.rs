//! Who this node is: its key, made on first start and kept in a file that only its owner may read.
//!
//! The key is the node: whoever has the file is the node. It never leaves the data directory and is never printed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use hms_protocol::id::NodeId;
use hms_protocol::keyring::SecretKey;
use zeroize::Zeroizing;

use crate::space;

/// Name of the key file inside the data directory.
const KEY_FILE: &str = "node.key";

/// Bytes of an Ed25519 seed.
const SEED_BYTES: usize = 32;

/// A node's identity.
#[derive(Debug)]
pub struct Identity {
    key: SecretKey,
    fresh: bool,
}

/// Why a node has no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The data directory or the key file cannot be read or written.
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
    /// Others may read the key.
    #[error("{path} has mode {mode:o}: others can read this node's key")]
    Exposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is not a key.
    #[error("{path} has {bytes} bytes: a key has {SEED_BYTES}")]
    NotAKey {
        /// The key file.
        path: PathBuf,
        /// How long it is.
        bytes: u64,
    },
    /// The system has no randomness.
    #[error("the system gives no randomness for a key: {0}")]
    NoRandomness(getrandom::Error),
}

impl IdentityError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { source, .. } if space::is_lacking(source) => "HMS-IDENTITY-FULL",
            Self::Io { .. } => "HMS-IDENTITY-IO",
            Self::Exposed { .. } => "HMS-IDENTITY-EXPOSED",
            Self::NotAKey { .. } => "HMS-IDENTITY-NOT-A-KEY",
            Self::NoRandomness(_) => "HMS-IDENTITY-NO-RANDOMNESS",
        }
    }

    /// What the operator can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Io { source, .. } if space::is_lacking(source) => space::HINT,
            Self::Io { .. } => "choose a data directory that this user may write, with --data-dir",
            Self::Exposed { .. } => {
                "chmod 600 the file; if others may have read it, start with a new data directory"
            }
            Self::NotAKey { .. } => {
                "restore the file from a backup, or start with a new data directory"
            }
            Self::NoRandomness(_) => "start the node when the system's random source is ready",
        }
    }
}

impl Identity {
    /// Reads the node's key, or makes it on first start. The data directory is made with mode 0700, the key with 0600.
    pub fn load_or_create(data_dir: &Path) -> Result<Self, IdentityError> {
        let fail = |verb, path: &Path| {
            let path = path.to_owned();
            move |source| IdentityError::Io { verb, path, source }
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(data_dir)
            .map_err(fail("created", data_dir))?;
        let path = data_dir.join(KEY_FILE);
        match File::open(&path) {
            Ok(file) => read_key(file, &path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let seed = draw_seed()?;
                write_key(&seed, data_dir, &path).map_err(fail("written", &path))?;
                Ok(Self {
                    key: SecretKey::from_seed(&seed),
                    fresh: true,
                })
            }
            Err(error) => Err(fail("read", &path)(error)),
        }
    }

    /// The secret key.
    pub fn key(&self) -> &SecretKey {
        &self.key
    }

    /// The public name.
    pub fn id(&self) -> NodeId {
        self.key.public().into()
    }

    /// Whether the key was made just now.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }
}

/// Draws 32 secret bytes from the system.
pub fn draw_seed() -> Result<Zeroizing<[u8; SEED_BYTES]>, IdentityError> {
    let mut seed = Zeroizing::new([0; SEED_BYTES]);
    getrandom::fill(seed.as_mut()).map_err(IdentityError::NoRandomness)?;
    Ok(seed)
}

fn read_key(mut file: File, path: &Path) -> Result<Identity, IdentityError> {
    let fail = |source| IdentityError::Io {
        verb: "read",
        path: path.to_owned(),
        source,
    };
    let metadata = file.metadata().map_err(fail)?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(IdentityError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    if metadata.len() != SEED_BYTES as u64 {
        return Err(IdentityError::NotAKey {
            path: path.to_owned(),
            bytes: metadata.len(),
        });
    }
    let mut seed = Zeroizing::new([0; SEED_BYTES]);
    file.read_exact(seed.as_mut()).map_err(fail)?;
    Ok(Identity {
        key: SecretKey::from_seed(&seed),
        fresh: false,
    })
}

/// Writes beside the name and renames, so that a crash leaves either no key or a whole one.
fn write_key(seed: &[u8; SEED_BYTES], data_dir: &Path, path: &Path) -> io::Result<()> {
    let draft = path.with_extension("key.new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(seed)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(data_dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_keeps_its_key_across_restarts_and_others_cannot_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = Identity::load_or_create(dir.path()).unwrap();
        let again = Identity::load_or_create(dir.path()).unwrap();
        assert!(first.is_fresh() && !again.is_fresh());
        assert_eq!(first.id(), again.id());
        let mode = fs::metadata(dir.path().join(KEY_FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        Identity::load_or_create(dir.path()).unwrap();
        let path = dir.path().join(KEY_FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = Identity::load_or_create(dir.path()).unwrap_err();
        assert_eq!(error.code(), "HMS-IDENTITY-EXPOSED");
    }

    #[test]
    fn a_truncated_key_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        Identity::load_or_create(dir.path()).unwrap();
        let path = dir.path().join(KEY_FILE);
        fs::write(&path, b"short").unwrap();
        let error = Identity::load_or_create(dir.path()).unwrap_err();
        assert_eq!(error.code(), "HMS-IDENTITY-NOT-A-KEY");
        assert_eq!(fs::read(&path).unwrap(), b"short");
    }
}
