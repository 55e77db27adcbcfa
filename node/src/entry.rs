//! How a node comes into a mesh: it founds one, joins one, or goes back to the one that it was in.

use std::collections::BTreeSet;
use std::time::Duration;

use hms_consensus::input::Admission;
use hms_consensus::state::checkpoint::Checkpoint;
use hms_keystore::DeedError;
use hms_protocol::genesis::Genesis;
use hms_protocol::id::{Incarnation, MeshId, NodeId};
use hms_protocol::member::{Member, Role, RosterView};
use hms_protocol::token::TokenRefusal;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::facts::{Facts, Ports};
use crate::gateway::{Failure, Joined, ask_to_join, read_join_reply};
use crate::limits::{CALL_WITHIN, JOIN_ADDRESSES_MAX, JOIN_RETRY, JOIN_WITHIN};
use crate::net::{CallError, Net, NetEvent};

/// Why a node does not come into a mesh.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// No member could be asked, or none could answer, in time.
    #[error("no member answered within {within_s} s")]
    NobodyAnswers {
        /// How long was tried, in seconds.
        within_s: u64,
        /// What the last one said, if anybody was found.
        #[source]
        last: Option<JoinError>,
    },
    /// The mesh says no.
    #[error("the mesh refuses this node: {0}")]
    Refused(JoinError),
    /// The node was in another mesh before.
    #[error(
        "this data directory belongs to mesh {own}, but the join address leads to mesh {other}"
    )]
    OtherMesh {
        /// The mesh of the data directory.
        own: MeshId,
        /// The mesh that was found.
        other: MeshId,
    },
    /// The genesis in the data directory cannot be used, or none can be made.
    #[error(transparent)]
    Deed(#[from] DeedError),
    /// The genesis names another node as the founder.
    #[error("the genesis in the data directory is to be founded by node {founder}: this is {me}")]
    OtherFounder {
        /// Whom it names.
        founder: NodeId,
        /// Who reads it.
        me: NodeId,
    },
    /// The genesis is not that of the mesh that the node is in, or is told to join.
    #[error(
        "the genesis in the data directory is of mesh {genesis}, but the node belongs to mesh {own}"
    )]
    GenesisSwapped {
        /// The mesh of the genesis.
        genesis: MeshId,
        /// The mesh of the node.
        own: MeshId,
    },
    /// The node votes, and has forgotten what it has promised.
    #[error("this node votes, and its ledger is gone: it has forgotten what it has promised")]
    LedgerLost,
    /// The node is no member and has nothing to become one with.
    #[error(transparent)]
    Token(#[from] TokenRefusal),
}

impl EntryError {
    /// The stable code.
    pub fn code(&self) -> &str {
        match self {
            Self::NobodyAnswers { .. } => "HMS-JOIN-NOBODY",
            Self::Refused(error) => error.code(),
            Self::OtherMesh { .. } => "HMS-JOIN-OTHER-MESH",
            Self::Deed(error) => error.code(),
            Self::OtherFounder { .. } => "HMS-GENESIS-OTHER-FOUNDER",
            Self::GenesisSwapped { .. } => "HMS-GENESIS-SWAPPED",
            Self::LedgerLost => "HMS-NODE-LEDGER-LOST",
            Self::Token(why) => why.code(),
        }
    }

    /// What the operator can do.
    pub fn hint(&self) -> &str {
        match self {
            Self::NobodyAnswers { .. } => {
                "check that a node listens at the join address and that its mesh has a leader"
            }
            Self::Refused(error) => error.hint(),
            Self::OtherMesh { .. } => "start with a new data directory, or leave out --join",
            Self::Deed(error) => error.hint(),
            Self::OtherFounder { .. } => {
                "start it with the node.key that `hms mesh init` made beside it"
            }
            Self::GenesisSwapped { .. } => {
                "put the mesh's own genesis back, or remove the file; a genesis never changes in the life of a mesh"
            }
            Self::LedgerLost => {
                "put the ledger back; or take the node's vote with `hms operator raft remove`, and let it join as a new node, with an empty data directory"
            }
            Self::Token(why) => why.hint(),
        }
    }
}

/// Why one member did not let the node in.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The member could not be asked.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The mesh could not answer, or said no.
    #[error("{0}")]
    Failure(Failure),
}

impl JoinError {
    /// The stable code.
    pub fn code(&self) -> &str {
        match self {
            Self::Call(error) => error.code(),
            Self::Failure(failure) => failure.code(),
        }
    }

    /// What the operator can do.
    pub fn hint(&self) -> &str {
        match self {
            Self::Call(error) => error.hint(),
            Self::Failure(failure) => failure.hint(),
        }
    }

    /// Whether asking again could help. A mesh that has no leader just now will have one.
    fn is_passing(&self) -> bool {
        match self {
            Self::Call(CallError::BadAddress { .. } | CallError::OtherNode { .. }) => false,
            Self::Call(_) => true,
            Self::Failure(failure) => failure.is_passing(),
        }
    }
}

/// A mesh that a node is in, as it starts its mind.
#[derive(Debug)]
pub struct Admitted {
    /// What it will remember.
    pub facts: Facts,
    /// The members as far as it knows; a voter finds the truth in its ledger.
    pub roster: RosterView,
}

/// Founds a mesh by its genesis: one checkpoint, which is all that the first voter starts from.
pub fn found(genesis: &Genesis, me: NodeId) -> Result<(Checkpoint, Facts), EntryError> {
    let founding = genesis.founding();
    if founding.founder != me {
        return Err(EntryError::OtherFounder {
            founder: founding.founder,
            me,
        });
    }
    let checkpoint = Checkpoint::genesis(genesis);
    let facts = Facts {
        node: me,
        name: founding.name.clone(),
        mesh: checkpoint.state.mesh(),
        role: Role::Voter,
        incarnation: Incarnation(0),
        ports: Ports::default(),
        members: Vec::new(),
    };
    Ok((checkpoint, facts))
}

/// Asks members to be let in, in turn, until one says yes or no, or the time is up. Nodes that mDNS finds meanwhile are
/// asked as well; one of them may be of another mesh, so its no does not count for more than itself.
pub async fn join(
    net: &Net,
    events: &mut mpsc::Receiver<NetEvent>,
    wish: &Admission,
    mut addresses: Vec<String>,
    own_mesh: Option<MeshId>,
) -> Result<Admitted, EntryError> {
    let deadline = crate::clock::instant() + JOIN_WITHIN;
    let told = addresses.len();
    let mut strangers = BTreeSet::new();
    let mut last = None;
    loop {
        for (number, address) in addresses.iter().enumerate() {
            if strangers.contains(&number) {
                continue;
            }
            match ask(net, address, wish).await {
                Ok(joined) => return admit(joined, own_mesh),
                Err(error) if !error.is_passing() && number < told => {
                    return Err(EntryError::Refused(error));
                }
                Err(error) if !error.is_passing() => {
                    tracing::info!(%address, %error, "a node that mDNS found refuses this one");
                    strangers.insert(number);
                    last = Some(error);
                }
                Err(error) => {
                    tracing::info!(%address, %error, "not admitted yet");
                    last = Some(error);
                }
            }
        }
        if deadline < crate::clock::instant() {
            return Err(EntryError::NobodyAnswers {
                within_s: JOIN_WITHIN.as_secs(),
                last,
            });
        }
        let found = timeout(jittered(JOIN_RETRY, wish), discover(events)).await;
        if let Ok(Some(address)) = found
            && !addresses.contains(&address)
            && addresses.len() < JOIN_ADDRESSES_MAX
        {
            addresses.push(address);
        }
    }
}

/// The next address that mDNS finds; `None` if the network is gone. Whatever else happens meanwhile concerns members.
async fn discover(events: &mut mpsc::Receiver<NetEvent>) -> Option<String> {
    loop {
        match events.recv().await? {
            NetEvent::Discovered { address, .. } => return Some(address),
            NetEvent::Frame { .. }
            | NetEvent::Gossip(_)
            | NetEvent::Link { .. }
            | NetEvent::Call(_)
            | NetEvent::Listening { .. } => {}
        }
    }
}

async fn ask(net: &Net, address: &str, wish: &Admission) -> Result<Joined, JoinError> {
    let (_, mut replies) = net
        .call_address(address, ask_to_join(wish), CALL_WITHIN)
        .await?;
    read_join_reply(replies.only().await?).map_err(JoinError::Failure)
}

fn admit(joined: Joined, own_mesh: Option<MeshId>) -> Result<Admitted, EntryError> {
    let Joined {
        mesh,
        member,
        roster,
    } = joined;
    if let Some(own) = own_mesh.filter(|own| *own != mesh) {
        return Err(EntryError::OtherMesh { own, other: mesh });
    }
    let Member { id, name, role, .. } = member;
    let facts = Facts {
        node: id,
        name,
        mesh,
        role,
        incarnation: Incarnation(0),
        ports: Ports::default(),
        members: Vec::new(),
    };
    Ok(Admitted { facts, roster })
}

/// Nodes that start together should not ask together: each waits a little longer, by its own key.
fn jittered(pause: Duration, wish: &Admission) -> Duration {
    pause + Duration::from_millis(u64::from(wish.id.as_bytes()[0]))
}
