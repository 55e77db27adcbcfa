//! Nodes of one test, each with its own folder and its own ports, all stopped when the test ends.

use std::path::Path;
use std::time::Duration;

use hms_client::Client;
use hms_keystore::{OPERATOR_KEY_FILE, invite, load_operator};
use hms_node::config::{Config, Settings};
use hms_node::makeup::Makeup;
use hms_node::node::{NodeError, run};
use hms_protocol::id::Incarnation;
use hms_protocol::member::Role;
use hms_protocol::token::TOKEN_TTL_MS;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

/// How long anything may take on a machine that is busy with other tests. A bound on hanging, not a measurement.
const SOON: Duration = Duration::from_mins(1);

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What a node says of itself when it is ready.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ready {
    pub(crate) node: String,
    pub(crate) addresses: Vec<String>,
    pub(crate) gateway: String,
    mesh: String,
}

/// One running node.
pub(crate) struct Host {
    pub(crate) ready: Ready,
    stop: CancellationToken,
    life: Option<JoinHandle<Result<(), NodeError>>>,
    folder: TempDir,
}

impl Host {
    /// Founds a mesh of one voter.
    pub(crate) async fn found() -> Self {
        Self::start(Settings {
            voters: Some(1),
            ..Settings::default()
        })
        .await
        .expect("it founds")
    }

    /// Joins this node's mesh as a worker.
    pub(crate) async fn worker(&self) -> Self {
        let settings = self.joining(Some(self.invite()));
        Self::start(settings).await.expect("it joins")
    }

    /// A token for a worker, made with the key of whoever founded this node's mesh.
    pub(crate) fn invite(&self) -> String {
        let operator = load_operator(&self.folder.path().join(OPERATOR_KEY_FILE));
        let operator = operator.expect("the founder has made it");
        let mesh = self.ready.mesh.parse().expect("it is an id");
        let made = invite(&operator, mesh, Role::Worker, TOKEN_TTL_MS);
        made.expect("there is randomness").to_text()
    }

    /// The settings with which a worker joins this node's mesh.
    pub(crate) fn joining(&self, token: Option<String>) -> Settings {
        Settings {
            join: Some(vec![self.ready.addresses[0].clone()]),
            token,
            role: Some("worker".to_owned()),
            ..Settings::default()
        }
    }

    /// Starts a node and waits until it is ready, or until it gives up.
    pub(crate) async fn start(settings: Settings) -> Result<Self, NodeError> {
        let folder = tempfile::tempdir().expect("a folder");
        // Names are unique in a mesh, and the folder's is unique on this machine.
        let name = folder
            .path()
            .file_name()
            .expect("it has a name")
            .to_string_lossy();
        let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let settings = Settings {
            data_dir: Some(folder.path().to_owned()),
            gateway: Some("127.0.0.1:0".to_owned()),
            name: Some(format!("n{}", name.to_lowercase())),
            ..settings
        };
        let config = Config::check(settings).expect("the settings are valid");
        let stop = CancellationToken::new();
        let mut life = tokio::spawn(run(config, Makeup::default(), stop.clone()));
        let ready = tokio::select! {
            ready = ready(folder.path()) => ready,
            ended = &mut life => {
                let ended = ended.expect("a node does not panic");
                return Err(ended.expect_err("a node that was not stopped ends with an error"));
            }
        };
        Ok(Self {
            ready,
            stop,
            life: Some(life),
            folder,
        })
    }

    /// A client of this node alone, once its mesh has a leader and the ledger knows in which life every member is.
    pub(crate) async fn client(&self) -> Client {
        let client = Client::new(&[&self.ready.gateway])
            .expect("an address")
            .within(SOON);
        client.status().await.expect("the mesh has a leader");
        until("every member has beaten", async || {
            let nodes = client.nodes().await.expect("the leader answers");
            nodes
                .iter()
                .all(|node| node.member.incarnation > Incarnation(0))
        })
        .await;
        client
    }

    /// A bare connection to this node's gateway.
    pub(crate) async fn channel(&self) -> Channel {
        let endpoint = Channel::from_shared(format!("http://{}", self.ready.gateway));
        endpoint
            .expect("an address")
            .connect()
            .await
            .expect("the gateway listens")
    }

    /// Stops the node and waits until it is gone.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        let life = self.life.take().expect("a node is stopped once");
        let ended = tokio::time::timeout(SOON, life)
            .await
            .expect("it stops in time");
        ended
            .expect("a node does not panic")
            .expect("it stops cleanly");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn ready(folder: &Path) -> Ready {
    let path = folder.join("ready.json");
    let mut found = None;
    until("the node is ready", async || {
        found = std::fs::read(&path)
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok());
        found.is_some()
    })
    .await;
    found.expect("just found")
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !holds().await {
        assert!(Instant::now() < deadline, "in vain: {what}");
        sleep(LOOK_EVERY).await;
    }
}
