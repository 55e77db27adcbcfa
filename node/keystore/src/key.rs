//! A secret key in a file: 32 bytes, mode 0600.
//!
//! The key is its holder: whoever has the file is the node, or the operator.

use std::fs::{DirBuilder, File};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use hms_protocol::keyring::SecretKey;
use zeroize::Zeroizing;

use crate::space;
use crate::whole::write_whole;

/// Name of a node's key inside its data directory.
pub const NODE_KEY_FILE: &str = "node.key";

/// Name of the operator's key, where it lies in a node's data directory.
pub const OPERATOR_KEY_FILE: &str = "operator.key";

/// Bytes of an Ed25519 seed.
const SEED_BYTES: usize = 32;

/// Why a key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The folder or the file cannot be read or written.
    #[error("{path} cannot be {verb}: {source}")]
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
    #[error("{path} has mode {mode:o}: others can read this key")]
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
    /// There is no such file.
    #[error("there is no operator's key at {path}")]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The system has no randomness.
    #[error("the system gives no randomness for a key: {0}")]
    NoRandomness(getrandom::Error),
}

impl KeyError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { source, .. } if space::is_lacking(source) => "HMS-IDENTITY-FULL",
            Self::Io { .. } => "HMS-IDENTITY-IO",
            Self::Exposed { .. } => "HMS-IDENTITY-EXPOSED",
            Self::NotAKey { .. } => "HMS-IDENTITY-NOT-A-KEY",
            Self::Missing { .. } => "HMS-OPERATOR-KEY-MISSING",
            Self::NoRandomness(_) => "HMS-IDENTITY-NO-RANDOMNESS",
        }
    }

    /// What can be done.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Io { source, .. } if space::is_lacking(source) => space::HINT,
            Self::Io { .. } => {
                "check the path and its permissions; a data directory is given with --data-dir, the operator's key with --operator-key"
            }
            Self::Exposed { .. } => {
                "chmod 600 the file; if others may have read it, make a new key"
            }
            Self::NotAKey { .. } => {
                "restore the file from a backup, or start with a new data directory"
            }
            Self::Missing { .. } => {
                "name the file with --operator-key or HMS_OPERATOR_KEY; the founder's data directory has it unless it was put elsewhere"
            }
            Self::NoRandomness(_) => "try again when the system's random source is ready",
        }
    }
}

fn fail(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeyError {
    let path = path.to_owned();
    move |source| KeyError::Io { verb, path, source }
}

/// Makes a folder that its owner alone may enter, unless it is there.
pub fn make_folder(folder: &Path) -> Result<(), KeyError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(fail("created", folder))
}

/// Reads a key; `None` if there is no such file.
pub fn load_key(path: &Path) -> Result<Option<SecretKey>, KeyError> {
    match File::open(path) {
        Ok(file) => read_key(file, path).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fail("read", path)(error)),
    }
}

/// Makes a key and keeps it in a file, in place of what was there.
pub fn create_key(path: &Path) -> Result<SecretKey, KeyError> {
    let seed = draw_seed()?;
    write_whole(path, seed.as_ref(), 0o600).map_err(fail("written", path))?;
    Ok(SecretKey::from_seed(&seed))
}

/// Draws 32 secret bytes from the system.
pub fn draw_seed() -> Result<Zeroizing<[u8; SEED_BYTES]>, KeyError> {
    let mut seed = Zeroizing::new([0; SEED_BYTES]);
    getrandom::fill(seed.as_mut()).map_err(KeyError::NoRandomness)?;
    Ok(seed)
}

fn read_key(mut file: File, path: &Path) -> Result<SecretKey, KeyError> {
    let metadata = file.metadata().map_err(fail("read", path))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    if metadata.len() != SEED_BYTES as u64 {
        return Err(KeyError::NotAKey {
            path: path.to_owned(),
            bytes: metadata.len(),
        });
    }
    let mut seed = Zeroizing::new([0; SEED_BYTES]);
    file.read_exact(seed.as_mut()).map_err(fail("read", path))?;
    Ok(SecretKey::from_seed(&seed))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_key_is_kept_and_others_cannot_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NODE_KEY_FILE);
        assert!(load_key(&path).unwrap().is_none());
        let made = create_key(&path).unwrap();
        let read = load_key(&path).unwrap().unwrap();
        assert_eq!(read.public(), made.public());
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(OPERATOR_KEY_FILE);
        create_key(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(load_key(&path).unwrap_err().code(), "HMS-IDENTITY-EXPOSED");
    }

    #[test]
    fn a_file_of_another_length_is_no_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NODE_KEY_FILE);
        for bytes in [0, 31, 33] {
            write_whole(&path, &vec![1; bytes], 0o600).unwrap();
            assert_eq!(
                load_key(&path).unwrap_err().code(),
                "HMS-IDENTITY-NOT-A-KEY"
            );
        }
    }
}
