//! Who this node is: its key, made on first start and kept in a file that only its owner may read.
//!
//! The key is the node: whoever has the file is the node. It never leaves the data directory and is never printed.

use std::path::Path;

pub use hms_keystore::{KeyError as IdentityError, draw_seed};
use hms_keystore::{NODE_KEY_FILE, create_key, load_key, make_folder};
use hms_protocol::id::NodeId;
use hms_protocol::keyring::SecretKey;

/// A node's identity.
#[derive(Debug)]
pub struct Identity {
    key: SecretKey,
}

impl Identity {
    /// Reads the node's key, or makes it on first start. The data directory is made with mode 0700, the key with 0600.
    pub fn load_or_create(data_dir: &Path) -> Result<Self, IdentityError> {
        make_folder(data_dir)?;
        let path = data_dir.join(NODE_KEY_FILE);
        let key = match load_key(&path)? {
            Some(key) => key,
            None => create_key(&path)?,
        };
        Ok(Self { key })
    }

    /// The secret key.
    pub fn key(&self) -> &SecretKey {
        &self.key
    }

    /// The public name.
    pub fn id(&self) -> NodeId {
        self.key.public().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_keeps_its_key_across_restarts() {
        let dir = tempfile::tempdir().unwrap();
        let first = Identity::load_or_create(dir.path()).unwrap();
        let again = Identity::load_or_create(dir.path()).unwrap();
        assert_eq!(first.id(), again.id());
    }
}
