//! A ledger goes on with one node where its voters are lost: by `hms operator raft recover` from what the node holds, by
//! `hms snapshot restore` from a snapshot.
//!
//! `hms-node ledger` looks at the node's disk and writes on it; the order is signed here, so that the operator's key stays
//! with the operator. What would be done is shown first, and done only when the person says so.

use std::path::PathBuf;

use clap::Args;
use hms_client::domain::codec;
use hms_client::domain::digest::Hash;
use hms_client::domain::id::{Index, MeshId, NodeId, NodeName};
use hms_client::domain::order::{Order, OrderDraft, Recover, SignedOrder};
use hms_keystore::{draw_seed, now};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::exit::Exit;
use crate::fault::Fault;
use crate::operator::OperatorKey;
use crate::phrase::count;
use crate::program::{self, Input, Voter};
use crate::screen::{Screen, remark};

/// The node that is to go on.
#[derive(Debug, Args)]
pub(crate) struct Survivor {
    /// The data directory of the node, which must be stopped.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    #[command(flatten)]
    pub(crate) key: OperatorKey,
    /// Do it. Without this, it is only shown what would be done.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Where the ledger comes from, if not from the node itself.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// A snapshot.
    pub(crate) snapshot: Option<PathBuf>,
    /// What the node is called, if it is no member yet.
    pub(crate) name: Option<NodeName>,
}

/// What `hms-node ledger survey` says.
#[derive(Clone, Debug, Deserialize)]
struct Survey {
    mesh: String,
    node: String,
    name: String,
    voters: Vec<Voter>,
    last: u64,
    certified: u64,
    chain: String,
    state_digest: String,
    members: u64,
    tasks: u64,
}

/// What `hms-node ledger recover` says.
#[derive(Clone, Debug, Deserialize)]
struct Revived {
    index: u64,
    state_digest: String,
}

/// Shows what would be done, and does it if the person says so.
pub(crate) fn run(survivor: &Survivor, source: &Source, screen: Screen) -> Result<Exit, Fault> {
    let survey: Survey = ledger("survey", survivor, source, b"")?;
    if !survivor.yes {
        screen.show(|_| plan(&survey), || shown(&survey, None))?;
        return Err(Fault::Unconfirmed);
    }
    let order = sign(&survivor.key, &survey)?;
    let order = hex::encode(codec::encode(&order));
    let revived: Revived = ledger("recover", survivor, source, order.as_bytes())?;
    screen.show(
        |_| done(&survey, &revived),
        || shown(&survey, Some(&revived)),
    )?;
    remark(
        "start this node before the other voters; one that comes back, one at a time, votes again after `hms operator raft promote`",
    );
    Ok(Exit::Done)
}

fn ledger<T: DeserializeOwned>(
    verb: &str,
    survivor: &Survivor,
    source: &Source,
    input: &[u8],
) -> Result<T, Fault> {
    let mut command = program::ledger(verb)?;
    command.arg("--data-dir").arg(&survivor.data_dir);
    if let Some(snapshot) = &source.snapshot {
        command.arg("--snapshot").arg(snapshot);
    }
    if let Some(name) = &source.name {
        command.args(["--name", name.as_str()]);
    }
    program::ask(command, Input::Bytes(input))?.map_err(Fault::Survivor)
}

fn sign(key: &OperatorKey, survey: &Survey) -> Result<SignedOrder, Fault> {
    let odd = |what: &str| Fault::NodeProgram {
        source: std::io::Error::other(format!("its {what} cannot be read")),
    };
    let survivor: NodeId = survey.node.parse().map_err(|_| odd("node"))?;
    let mesh: MeshId = survey.mesh.parse().map_err(|_| odd("mesh"))?;
    let before = hex::decode(&survey.chain).ok();
    let before = before.and_then(|bytes| Hash::from_slice(&bytes));
    let recover = Recover {
        survivor,
        index: Index(survey.last).next(),
        before: before.ok_or_else(|| odd("chain"))?,
    };
    let mut nonce = [0; 16];
    nonce.copy_from_slice(&draw_seed()?[..16]);
    let draft = OrderDraft {
        mesh,
        issued_at: now(),
        nonce,
        order: Order::Recover(recover),
    };
    Ok(draft.sign(&key.load()?))
}

fn plan(survey: &Survey) -> String {
    format!(
        "{}\n\nnothing was changed: with --yes, {} votes alone from entry {} on",
        text(survey),
        survey.name,
        survey.last + 1
    )
}

fn done(survey: &Survey, revived: &Revived) -> String {
    format!(
        "{}\n\n{} votes alone from entry {} on: start it, and let new voters join with `hms token create --role voter`",
        text(survey),
        survey.name,
        revived.index
    )
}

fn text(survey: &Survey) -> String {
    let voters: Vec<&str> = survey.voters.iter().map(Voter::called).collect();
    let lines = [
        ("mesh", survey.mesh.clone()),
        ("node", format!("{} {}", survey.name, survey.node)),
        ("voters", voters.join(", ")),
        (
            "ledger",
            format!(
                "{}, certified up to entry {}",
                count(survey.last, "entry"),
                survey.certified
            ),
        ),
        (
            "state",
            format!(
                "{}: {}, {}",
                survey.state_digest,
                count(survey.members, "member"),
                count(survey.tasks, "task")
            ),
        ),
    ];
    let lines = lines.map(|(name, value)| format!("{name:<7} {value}"));
    lines.join("\n")
}

fn shown(survey: &Survey, revived: Option<&Revived>) -> serde_json::Value {
    json!({
        "mesh": survey.mesh,
        "node": survey.node,
        "name": survey.name,
        "voters": survey.voters,
        "last": survey.last,
        "certified": survey.certified,
        "state_digest": survey.state_digest,
        "members": survey.members,
        "tasks": survey.tasks,
        "recovered": revived.is_some(),
        "index": revived.map(|it| it.index),
        "state_digest_after": revived.map(|it| it.state_digest.clone()),
    })
}
