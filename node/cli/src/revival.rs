//! A ledger goes on with one node where its voters are lost: by `hms operator raft recover` from what the node holds, by
//! `hms snapshot restore` from a snapshot.
//!
//! `hms-node ledger` looks at the node's disk and writes on it; the order is signed here, so that the operator's key stays
//! with the operator. What would be done is shown first, and done only when the person says so.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use clap::Args;
use hms_client::domain::codec;
use hms_client::domain::digest::Hash;
use hms_client::domain::id::{Index, MeshId, NodeId, NodeName};
use hms_client::domain::order::{Order, OrderDraft, Recover, SignedOrder};
use hms_keystore::{draw_seed, now};
use hms_testnet::plan::find_node_binary;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::exit::Exit;
use crate::fault::Fault;
use crate::operator::OperatorKey;
use crate::phrase::count;
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
    members: usize,
    tasks: usize,
}

/// Who voted.
#[derive(Clone, Debug, Deserialize)]
struct Voter {
    id: String,
    name: Option<String>,
}

/// What `hms-node ledger recover` says.
#[derive(Clone, Debug, Deserialize)]
struct Revived {
    index: u64,
    state_digest: String,
}

/// What `hms-node ledger` says when it does nothing.
#[derive(Clone, Debug, Deserialize)]
struct Refused {
    error: Complaint,
}

/// Why.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Complaint {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) hint: String,
}

/// Shows what would be done, and does it if the person says so.
pub(crate) fn run(survivor: &Survivor, source: &Source, screen: Screen) -> Result<Exit, Fault> {
    let survey: Survey = ask(ledger("survey", survivor, source)?, b"")?;
    if !survivor.yes {
        screen.show(|_| plan(&survey), || shown(&survey, None))?;
        return Err(Fault::Unconfirmed);
    }
    let order = sign(&survivor.key, &survey)?;
    let order = hex::encode(codec::encode(&order));
    let revived: Revived = ask(ledger("recover", survivor, source)?, order.as_bytes())?;
    screen.show(
        |_| done(&survey, &revived),
        || shown(&survey, Some(&revived)),
    )?;
    remark(
        "the ledgers of the other voters must not be used any more: start those nodes with empty data directories",
    );
    Ok(Exit::Done)
}

fn ledger(verb: &str, survivor: &Survivor, source: &Source) -> Result<Command, Fault> {
    let mut command = Command::new(find_node_binary()?);
    command.args(["ledger", verb, "--data-dir"]);
    command.arg(&survivor.data_dir);
    if let Some(snapshot) = &source.snapshot {
        command.arg("--snapshot").arg(snapshot);
    }
    if let Some(name) = &source.name {
        command.args(["--name", name.as_str()]);
    }
    // Settings of a node that runs are none of this one's.
    let settings = std::env::vars_os().map(|(name, _)| name);
    for name in settings.filter(|name| name.to_string_lossy().starts_with("HMS_")) {
        command.env_remove(name);
    }
    Ok(command)
}

/// Runs it with this on its standard input, and reads what it answers.
fn ask<T: DeserializeOwned>(mut command: Command, input: &[u8]) -> Result<T, Fault> {
    let failed = |source| Fault::NodeProgram { source };
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that wants none may be gone by now, and says so itself.
        let _ = stdin.write_all(input);
    }
    let Output { stdout, stderr, .. } = child.wait_with_output().map_err(failed)?;
    if let Ok(answer) = serde_json::from_slice(&stdout) {
        return Ok(answer);
    }
    Err(match serde_json::from_slice::<Refused>(&stdout) {
        Ok(refused) => Fault::Survivor(refused.error),
        Err(_) => Fault::NodeProgram {
            source: std::io::Error::other(String::from_utf8_lossy(&stderr).trim().to_owned()),
        },
    })
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
    let called = |voter: &Voter| voter.name.clone().unwrap_or_else(|| voter.id.clone());
    let voters: Vec<String> = survey.voters.iter().map(called).collect();
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
    let voters = survey.voters.iter();
    json!({
        "mesh": survey.mesh,
        "node": survey.node,
        "name": survey.name,
        "voters": voters.map(|it| json!({ "id": it.id, "name": it.name })).collect::<Vec<_>>(),
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
