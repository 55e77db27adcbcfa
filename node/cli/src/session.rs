//! One command's way to the mesh: the client, the screen, and how long the command may take.

use std::collections::BTreeMap;
use std::time::Duration;

use hms_client::Client;
use hms_client::domain::id::NodeId;

use crate::args::Global;
use crate::fault::Fault;
use crate::screen::Screen;

/// How long a command that does not wait may take unless told otherwise.
const PATIENCE_DEFAULT: Duration = Duration::from_secs(10);

/// One command's way to the mesh.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// Asks the mesh.
    pub(crate) client: Client,
    /// Shows the answer.
    pub(crate) screen: Screen,
    /// How long the command may take, if the person says so.
    pub(crate) patience: Option<Duration>,
}

impl Session {
    /// Opens a session; nothing is sent yet.
    pub(crate) fn open(global: &Global) -> Result<Self, Fault> {
        let within = global.timeout.unwrap_or(PATIENCE_DEFAULT);
        let client = Client::new(&global.address)?.within(within);
        Ok(Self {
            client,
            screen: Screen::open(global.output),
            patience: global.timeout,
        })
    }

    /// What people call the members.
    pub(crate) async fn names(&self) -> Result<Names, Fault> {
        let nodes = self.client.nodes().await?;
        let names = nodes
            .into_iter()
            .map(|node| (node.member.id, node.member.name.to_string()));
        Ok(Names(names.collect()))
    }

    /// The member that an id or a name means.
    pub(crate) async fn node(&self, text: &str) -> Result<NodeId, Fault> {
        if let Ok(id) = text.parse() {
            return Ok(id);
        }
        let names = self.names().await?;
        let found = names.0.into_iter().find(|(_, name)| name == text);
        found.map(|(id, _)| id).ok_or_else(|| Fault::UnknownNode {
            name: text.to_owned(),
        })
    }
}

/// What people call the members.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(pub(crate) BTreeMap<NodeId, String>);

impl Names {
    /// The name of a node, or the start of its id if nobody has named it.
    pub(crate) fn of(&self, node: NodeId) -> String {
        self.0.get(&node).cloned().unwrap_or_else(|| node.short())
    }
}
