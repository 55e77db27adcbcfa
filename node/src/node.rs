//! A node's life: everything is opened in order, driven until told to stop, and closed in the opposite order.
//!
//! Order of opening: key, facts, ports, network, ledger, entry into the mesh, mind, agents, gateway. Whatever cannot be
//! opened stops the node with a code and a hint before it has changed anything that the next start would miss.

mod chores;
mod furnish;
mod open;
mod rooms;
mod sorting;

use std::time::Duration;

use hms_protocol::member::GATEWAY_USUAL;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, ConfigError, FREE_PORT};
use crate::entry::EntryError;
use crate::facts::FactsError;
use crate::identity::IdentityError;
use crate::limits::STOP_WITHIN;
use crate::makeup::Makeup;
use crate::net::NetError;
use crate::perform::Fault;
use crate::ready;
use crate::space;
use crate::store::StoreError;

/// Why a node does not run, or stopped without being told to.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The settings are not valid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The key cannot be had.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The facts cannot be had.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// The ledger's disk cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The network cannot be used.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The mesh cannot be entered.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The ledger on disk is not what this node wrote.
    #[error("the ledger in the data directory is not sound: {0}")]
    Ledger(#[from] hms_consensus::raft::RestoreError),
    /// The ledger on disk is another mesh's.
    #[error("the data directory remembers mesh {facts}, but its ledger is of mesh {ledger}")]
    MixedMeshes {
        /// What the node remembers.
        facts: String,
        /// What its ledger says.
        ledger: String,
    },
    /// A port cannot be had.
    #[error("{setting} cannot listen on {address}: {source}")]
    Port {
        /// Which setting.
        setting: &'static str,
        /// Which address.
        address: std::net::SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The agents cannot be raised.
    #[error(transparent)]
    Agents(#[from] crate::agent::AgentError),
    /// The logs cannot be written.
    #[error(transparent)]
    Telemetry(#[from] crate::telemetry::TelemetryError),
    /// The process cannot run tasks or hear signals.
    #[error("the process cannot be set up")]
    Runtime(#[source] std::io::Error),
    /// Clients cannot be served.
    #[error(transparent)]
    Doorway(#[from] crate::gateway::DoorwayError),
    /// The node cannot tell anybody that it is ready.
    #[error("ready.json cannot be written")]
    Ready(#[source] std::io::Error),
    /// The ledger of the stopped node is left as it is.
    #[error(transparent)]
    Salvage(#[from] crate::salvage::LedgerError),
    /// Nobody reads the answer.
    #[error("the answer cannot be written")]
    Answer(#[source] std::io::Error),
    /// The node ran and had to stop.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl NodeError {
    /// The stable code.
    pub fn code(&self) -> &str {
        match self {
            Self::Config(error) => error.code(),
            Self::Identity(error) => error.code(),
            Self::Facts(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Net(error) => error.code(),
            Self::Entry(error) => error.code(),
            Self::Ledger(error) => error.code(),
            Self::MixedMeshes { .. } => "HMS-NODE-MIXED-MESHES",
            Self::Port { .. } => "HMS-NODE-PORT",
            Self::Agents(error) => error.code(),
            Self::Telemetry(_) => "HMS-NODE-LOG",
            Self::Runtime(_) => "HMS-NODE-RUNTIME",
            Self::Doorway(error) => error.code(),
            Self::Ready(source) if space::is_lacking(source) => "HMS-NODE-FULL",
            Self::Ready(_) => "HMS-NODE-READY",
            Self::Salvage(error) => error.code(),
            Self::Answer(_) => "HMS-NODE-ANSWER",
            Self::Fault(fault) => fault.code(),
        }
    }

    /// What the operator can do.
    pub fn hint(&self) -> &str {
        match self {
            Self::Config(error) => error.hint(),
            Self::Identity(error) => error.hint(),
            Self::Facts(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Net(error) => error.hint(),
            Self::Entry(error) => error.hint(),
            Self::Ledger(error) => error.hint(),
            Self::MixedMeshes { .. } => {
                "do not put parts of two data directories together; start with a new one"
            }
            Self::Port { .. } => "choose another port, or 0 for a free one",
            Self::Agents(error) => error.hint(),
            Self::Telemetry(_) => "a filter looks like info or hms_node=debug",
            Self::Runtime(_) => "check the limits of this user: threads and open files",
            Self::Doorway(error) => error.hint(),
            Self::Ready(source) if space::is_lacking(source) => space::HINT,
            Self::Ready(_) => "check the permissions of the data directory",
            Self::Salvage(error) => error.hint(),
            Self::Answer(_) => "keep standard output open",
            Self::Fault(fault) => fault.hint(),
        }
    }
}

/// Runs a node until `stop` is cancelled or it has to stop.
pub async fn run(config: Config, makeup: Makeup, stop: CancellationToken) -> Result<(), NodeError> {
    let Makeup {
        skills,
        driver,
        relay,
    } = makeup;
    let data_dir = config.data_dir.clone();
    let mut opened = open::open(config, skills).await?;
    opened.net_events = relay(opened.net.clone(), opened.net_events);
    let outcome = rooms::live(opened, driver, stop).await;
    ready::retract(&data_dir);
    outcome
}

/// Binds the gateway's port: the one that was asked for, or else the remembered, the usual, or a free one.
async fn bind_gateway(
    wanted: Option<std::net::SocketAddr>,
    remembered: Option<std::net::SocketAddr>,
) -> Result<TcpListener, NodeError> {
    if let Some(wanted) = wanted {
        return bind("gateway", wanted, remembered).await;
    }
    let usual = GATEWAY_USUAL.parse().expect("it is an address");
    for address in remembered.into_iter().chain([usual]) {
        if let Ok(listener) = TcpListener::bind(address).await {
            return Ok(listener);
        }
    }
    bind("gateway", FREE_PORT, None).await
}

/// Binds a port. A remembered port that somebody took meanwhile is replaced by a free one; a port that was asked for is
/// not.
async fn bind(
    setting: &'static str,
    wanted: std::net::SocketAddr,
    remembered: Option<std::net::SocketAddr>,
) -> Result<TcpListener, NodeError> {
    if let Some(address) = remembered.filter(|_| wanted.port() == 0)
        && let Ok(listener) = TcpListener::bind(address).await
    {
        return Ok(listener);
    }
    TcpListener::bind(wanted)
        .await
        .map_err(|source| NodeError::Port {
            setting,
            address: wanted,
            source,
        })
}

/// Waits for tasks to end, but not for ever: the ledger survives being cut off.
async fn close(tasks: &TaskTracker, room: &'static str) {
    tasks.close();
    if tokio::time::timeout(STOP_WITHIN, tasks.wait())
        .await
        .is_err()
    {
        tracing::warn!(room, within = ?Duration::from_secs(STOP_WITHIN.as_secs()), "room cut off");
    }
}
