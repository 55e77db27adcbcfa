//! Where the operator's key and the genesis beside it lie, for the commands that sign.
//!
//! The key is named by the person, or it is that of the local mesh. It is read here and never shown.

use std::path::{Path, PathBuf};

use clap::Args;
use hms_client::domain::genesis::Genesis;
use hms_client::domain::id::MeshId;
use hms_client::domain::keyring::SecretKey;
use hms_client::domain::order::{Order, OrderDraft};
use hms_keystore::{DeedError, GENESIS_FILE, draw_seed, load_operator, now, read_genesis};
use hms_testnet::Cluster;
use hms_testnet::plan::default_folder;

use crate::fault::Fault;
use crate::session::Session;

/// Which key signs.
#[derive(Debug, Args)]
pub(crate) struct OperatorKey {
    /// The operator's key [default: that of the local mesh that `hms testnet` has brought up]
    #[arg(long, env = "HMS_OPERATOR_KEY", value_name = "FILE")]
    operator_key: Option<PathBuf>,
}

impl OperatorKey {
    /// Where the key lies.
    pub(crate) fn path(&self) -> Result<PathBuf, Fault> {
        if let Some(path) = &self.operator_key {
            return Ok(path.clone());
        }
        let cluster = Cluster::open(&default_folder()).map_err(|_| Fault::NoOperatorKey)?;
        Ok(cluster.operator_key().to_owned())
    }

    /// The key.
    pub(crate) fn load(&self) -> Result<SecretKey, Fault> {
        Ok(load_operator(&self.path()?)?)
    }

    /// The genesis: the one that is named, or the one that lies beside the key.
    pub(crate) fn genesis(&self, named: Option<&Path>) -> Result<Genesis, Fault> {
        let path = match named {
            Some(path) => path.to_owned(),
            None => self.path()?.with_file_name(GENESIS_FILE),
        };
        let missing = || DeedError::Missing { path: path.clone() };
        Ok(read_genesis(&path)?.ok_or_else(missing)?)
    }

    /// The mesh that an order is for: that of the genesis beside the key, or, if there is none, the mesh that answers.
    pub(crate) async fn mesh(&self, session: &Session) -> Result<MeshId, Fault> {
        let beside = self.path()?.with_file_name(GENESIS_FILE);
        match read_genesis(&beside)? {
            Some(genesis) => Ok(genesis.mesh()),
            None => Ok(session.client.ping().await?.mesh),
        }
    }

    /// Signs an order and has the mesh carry it out.
    pub(crate) async fn order(&self, session: &Session, order: Order) -> Result<(), Fault> {
        let mut nonce = [0; 16];
        nonce.copy_from_slice(&draw_seed()?[..16]);
        let draft = OrderDraft {
            mesh: self.mesh(session).await?,
            issued_at: now(),
            nonce,
            order,
        };
        session.client.operate(&draft.sign(&self.load()?)).await?;
        Ok(())
    }
}
