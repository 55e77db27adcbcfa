//! `hms operator raft`: who votes, who is a spare, who leads.
//!
//! An order says what is wanted; the leader brings it about, one change at a time, learners first. The command waits until
//! it is so, and says on standard error how far it is.

use std::time::Duration;

use clap::{Args, Subcommand};
use hms_client::domain::id::NodeId;
use hms_client::domain::member::{Role, Seat};
use hms_client::domain::order::Order;
use hms_client::{Condition, NodeView};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::OperatorKey;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::revival::Survivor;
use crate::screen::{Screen, Tone, plain, remark};
use crate::session::Session;

/// How long a change may take unless told otherwise: a new node may have to be brought up with the whole ledger.
const PATIENCE: Duration = Duration::from_mins(2);

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Who takes part in Raft.
#[derive(Debug, Subcommand)]
pub(crate) enum RaftCommand {
    /// List the nodes that hold the ledger: who leads, who votes, who is a spare, and how far each is.
    #[command(after_help = "Example:\n  hms operator raft list\n  hms operator raft list -o json")]
    List,
    /// Give a node the ledger without a vote: it is a spare.
    #[command(after_help = "Example:\n  hms operator raft add n4")]
    Add(One),
    /// Give a node a vote; it becomes a spare first if it is none.
    #[command(after_help = "Example:\n  hms operator raft promote n4")]
    Promote(One),
    /// Take vote and ledger from a node. A leader hands over first.
    #[command(after_help = "Example:\n  hms operator raft remove n3")]
    Remove(One),
    /// Give the seat of a voter to another node.
    #[command(after_help = "Example:\n  hms operator raft replace n3 --by n4")]
    Replace {
        /// The voter, by name or id.
        node: String,
        /// The node that takes its seat, by name or id.
        #[arg(long, value_name = "NODE")]
        by: String,
        #[command(flatten)]
        key: OperatorKey,
    },
    /// Go on with one node where the other voters are lost for good. The node must be stopped.
    #[command(
        after_help = "Example:\n  hms operator raft recover --data-dir n1 --operator-key safe/operator.key\n  hms operator raft recover --data-dir n1 --operator-key safe/operator.key --yes\n\n\
            For a mesh without a quorum. Choose the node that holds most: what the others acknowledged beyond that is lost.\n\
            It is a signed order in the ledger: the audit log and every later receipt show it."
    )]
    Recover(Survivor),
    /// Have another voter lead.
    #[command(after_help = "Example:\n  hms operator raft transfer n2")]
    Transfer(One),
}

/// A node and the key.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// The node, by name or id.
    node: String,
    #[command(flatten)]
    key: OperatorKey,
}

/// What is waited for.
#[derive(Clone, Copy, Debug)]
enum Goal {
    Listens(NodeId),
    Votes(NodeId),
    Gone(NodeId),
    Replaced { old: NodeId, new: NodeId },
    Leads(NodeId),
}

/// Runs a command about Raft's members.
pub(crate) async fn run(command: RaftCommand, session: &Session) -> Result<Exit, Fault> {
    match command {
        RaftCommand::List => {
            let nodes = session.client.nodes().await?;
            session
                .screen
                .show(|screen| text(&nodes, screen), || as_json(&nodes))?;
            Ok(Exit::Done)
        }
        RaftCommand::Add(one) => {
            let node = session.node(&one.node).await?;
            change(
                session,
                &one.key,
                Order::AddSpare(node),
                Goal::Listens(node),
            )
            .await
        }
        RaftCommand::Promote(one) => {
            let node = session.node(&one.node).await?;
            change(session, &one.key, Order::Promote(node), Goal::Votes(node)).await
        }
        RaftCommand::Remove(one) => {
            let node = session.node(&one.node).await?;
            change(session, &one.key, Order::Remove(node), Goal::Gone(node)).await
        }
        RaftCommand::Replace { node, by, key } => {
            let (old, new) = (session.node(&node).await?, session.node(&by).await?);
            let order = Order::Replace { old, new };
            change(session, &key, order, Goal::Replaced { old, new }).await
        }
        RaftCommand::Recover(_) => unreachable!("it asks no mesh: `main` keeps it for itself"),
        RaftCommand::Transfer(one) => {
            let node = session.node(&one.node).await?;
            change(session, &one.key, Order::Transfer(node), Goal::Leads(node)).await
        }
    }
}

/// Gives an order, and waits until it is carried out.
async fn change(
    session: &Session,
    key: &OperatorKey,
    order: Order,
    goal: Goal,
) -> Result<Exit, Fault> {
    key.order(session, order).await?;
    let patience = session.patience.unwrap_or(PATIENCE);
    let since = Instant::now();
    let mut said = String::new();
    loop {
        // Whoever leads may change while this is waited for: an answer that does not come is asked for again.
        if let Ok(nodes) = session.client.nodes().await {
            let stands = standing(&nodes);
            if goal.is_met(&nodes) {
                session
                    .screen
                    .show(|screen| text(&nodes, screen), || as_json(&nodes))?;
                return Ok(Exit::Done);
            }
            if stands != said {
                remark(&stands);
                said = stands;
            }
        }
        if patience < since.elapsed() {
            return Err(Fault::NotYet {
                within: patience,
                stands: said,
            });
        }
        sleep(LOOK_EVERY).await;
    }
}

impl Goal {
    fn is_met(self, nodes: &[NodeView]) -> bool {
        let view = |node: NodeId| nodes.iter().find(|view| view.member.id == node);
        let is = |node, test: fn(&NodeView) -> bool| view(node).is_some_and(test);
        let votes = |node| is(node, |view| view.member.votes);
        let gone = |node| !is(node, |view| view.member.votes || view.member.listens);
        match self {
            Self::Listens(node) => votes(node) || is(node, |view| view.member.listens),
            Self::Votes(node) => votes(node),
            Self::Gone(node) => gone(node),
            Self::Replaced { old, new } => votes(new) && gone(old),
            Self::Leads(node) => is(node, |view| view.leads),
        }
    }
}

/// Who votes and who listens, in one line.
fn standing(nodes: &[NodeView]) -> String {
    let named = |test: fn(&NodeView) -> bool| {
        let names = nodes.iter().filter(|view| test(view));
        let names: Vec<&str> = names.map(|view| view.member.name.as_str()).collect();
        if names.is_empty() {
            "nobody".to_owned()
        } else {
            names.join(", ")
        }
    };
    format!(
        "voters: {}; without a vote: {}",
        named(|view| view.member.votes),
        named(|view| view.member.listens)
    )
}

/// Whether a node holds the ledger, or could.
fn could_hold(node: &NodeView) -> bool {
    let member = &node.member;
    member.role == Role::Voter || member.votes || member.listens
}

/// What a node is to Raft, for people.
fn part(node: &NodeView) -> &'static str {
    let member = &node.member;
    match (member.votes, member.listens, member.seat) {
        (true, _, Seat::Voter) if node.leads => "leader",
        (true, _, Seat::Voter) => "voter",
        (true, _, Seat::Spare | Seat::None) => "voter (leaving)",
        (false, true, Seat::Voter) => "learner (to vote)",
        (false, true, Seat::Spare) => "spare",
        (false, true, Seat::None) => "spare (leaving)",
        (false, false, Seat::Voter | Seat::Spare) => "joining",
        (false, false, Seat::None) => "none",
    }
}

fn text(nodes: &[NodeView], screen: Screen) -> String {
    let mut sheet = screen.table(&["NAME", "ID", "PART", "STATE", "APPLIED"]);
    for node in nodes.iter().filter(|node| could_hold(node)) {
        let tone = match node.condition {
            Condition::Alive => Tone::Good,
            Condition::Suspect => Tone::Warn,
            Condition::Dead => Tone::Bad,
        };
        let applied = node.heartbeat.as_ref().map(|beat| beat.applied.to_string());
        sheet.row([
            plain(&node.member.name),
            plain(node.member.id.short()),
            plain(part(node)),
            (node.condition.name().to_owned(), tone),
            plain(applied.unwrap_or_else(|| "-".to_owned())),
        ]);
    }
    sheet.render()
}

fn as_json(nodes: &[NodeView]) -> Value {
    let node = |node: &NodeView| {
        let applied = node.heartbeat.as_ref().map(|beat| beat.applied.0);
        json!({
            "id": node.member.id.to_string(),
            "name": node.member.name.as_str(),
            "seat": node.member.seat.name(),
            "votes": node.member.votes,
            "listens": node.member.listens,
            "leads": node.leads,
            "condition": node.condition.name(),
            "standing": node.member.standing.name(),
            "applied": applied,
        })
    };
    nodes
        .iter()
        .filter(|node| could_hold(node))
        .map(node)
        .collect()
}
