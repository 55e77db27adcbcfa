//! `hms node`: the members of the mesh and how they do.

use std::time::Duration;

use clap::{Args, Subcommand};
use hms_client::domain::id::NodeId;
use hms_client::domain::member::{MemberStanding, Presence, Seat};
use hms_client::domain::order::Order;
use hms_client::{Condition, NodeView};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::exit::Exit;
use crate::fault::Fault;
use crate::operator::OperatorKey;
use crate::phrase::{size, span};
use crate::screen::{Screen, Tone, plain, remark};
use crate::session::Session;
use crate::status::role;

/// How long draining may take unless told otherwise: as long as most tasks.
const DRAINS_WITHIN: Duration = Duration::from_mins(5);

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Members of the mesh.
#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// List the members, with their condition, load and gateway.
    #[command(after_help = "Example:\n  hms node list\n  hms node list -o json")]
    List,
    /// Give a node no new work. It goes on with what it has, votes and watches as before.
    #[command(after_help = "Example:\n  hms node cordon n3")]
    Cordon(One),
    /// Give a cordoned node work again.
    #[command(after_help = "Example:\n  hms node uncordon n3")]
    Uncordon(One),
    /// Cordon a node and wait until it has no task any more: before it is upgraded or taken away.
    #[command(
        after_help = "Example:\n  hms node drain n3\n  hms --timeout 10m node drain n3\n\nWaits for five minutes, or as --timeout says. Exit code 7 if tasks are left: the node stays cordoned."
    )]
    Drain(One),
    /// Revoke a node with the operator's key: it takes no part any more, and its key is never admitted again.
    #[command(
        after_help = "Example:\n  hms node revoke n5\n  hms node revoke n5 --operator-key ~/safe/operator.key"
    )]
    Revoke {
        /// The node, by name or id.
        node: String,
        #[command(flatten)]
        key: OperatorKey,
    },
}

/// A node and the operator's key.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// The node, by name or id.
    node: String,
    #[command(flatten)]
    key: OperatorKey,
}

impl One {
    /// Orders something of the node, and says which it is.
    async fn order(&self, session: &Session, order: fn(NodeId) -> Order) -> Result<NodeId, Fault> {
        let node = session.node(&self.node).await?;
        self.key.order(session, order(node)).await?;
        Ok(node)
    }
}

/// Runs a command about nodes.
pub(crate) async fn run(command: NodeCommand, session: &Session) -> Result<Exit, Fault> {
    match command {
        NodeCommand::List => {
            let nodes = session.client.nodes().await?;
            session
                .screen
                .show(|screen| text(&nodes, screen), || as_json(&nodes))?;
            Ok(Exit::Done)
        }
        NodeCommand::Cordon(one) => {
            let node = one.order(session, Order::Cordon).await?;
            told(
                session,
                node,
                &format!("node {} gets no new work", one.node),
                true,
            )
        }
        NodeCommand::Uncordon(one) => {
            let node = one.order(session, Order::Uncordon).await?;
            told(
                session,
                node,
                &format!("node {} gets work again", one.node),
                false,
            )
        }
        NodeCommand::Drain(one) => {
            let node = one.order(session, Order::Cordon).await?;
            drain(session, node).await?;
            let words = format!("node {} is drained: it has no task and gets none", one.node);
            told(session, node, &words, true)
        }
        NodeCommand::Revoke { node, key } => {
            let id = session.node(&node).await?;
            key.order(session, Order::RevokeNode(id)).await?;
            let json = || json!({ "node": id.to_string(), "revoked": true });
            session
                .screen
                .show(|_| format!("node {node} is revoked"), json)?;
            Ok(Exit::Done)
        }
    }
}

/// Says whether a node is cordoned now.
fn told(session: &Session, node: NodeId, words: &str, cordoned: bool) -> Result<Exit, Fault> {
    let json = || json!({ "node": node.to_string(), "cordoned": cordoned });
    session.screen.show(|_| words.to_owned(), json)?;
    Ok(Exit::Done)
}

/// Waits until no agent of a node holds the lease of a task, as the ledger has it.
async fn drain(session: &Session, node: NodeId) -> Result<(), Fault> {
    let patience = session.patience.unwrap_or(DRAINS_WITHIN);
    let since = Instant::now();
    let mut before = None;
    loop {
        // Whoever leads may change while this is waited for: an answer that does not come is asked for again.
        if let Ok(agents) = session.client.agents(Some(node)).await {
            let left: usize = agents.iter().map(|agent| agent.running.len()).sum();
            if left == 0 {
                return Ok(());
            }
            if before.replace(left) != Some(left) {
                remark(&format!("tasks left: {left}"));
            }
        }
        if patience < since.elapsed() {
            let left = before.map_or_else(|| "unknown".to_owned(), |left| left.to_string());
            return Err(Fault::NotYet {
                within: patience,
                stands: format!("tasks left: {left}"),
            });
        }
        sleep(LOOK_EVERY).await;
    }
}

fn text(nodes: &[NodeView], screen: Screen) -> String {
    let heading = [
        "NAME", "ID", "ROLE", "STATE", "HEARD", "LOAD", "MEMORY", "AGENTS", "RUNS", "GATEWAY",
    ];
    let mut sheet = screen.table(&heading);
    for node in nodes {
        let beat = node.heartbeat.as_ref();
        let or_dash = |word: Option<String>| plain(word.unwrap_or_else(|| "-".to_owned()));
        sheet.row([
            plain(&node.member.name),
            plain(node.member.id.short()),
            plain(rank(node)),
            state(node),
            or_dash(
                node.silent_ms
                    .map(|silent_ms| format!("{} ago", span(silent_ms))),
            ),
            or_dash(beat.map(|beat| percent(beat.load_permille))),
            or_dash(beat.map(|beat| size(beat.memory_bytes))),
            or_dash(beat.map(|beat| beat.agents.to_string())),
            or_dash(beat.map(|beat| beat.running.to_string())),
            plain(&node.member.gateway),
        ]);
    }
    sheet.render()
}

/// How a member does, or that it takes no part any more.
fn state(node: &NodeView) -> (String, Tone) {
    let (name, tone) = match (node.member.standing, node.condition) {
        (MemberStanding::Quarantined | MemberStanding::Revoked, _) => {
            (node.member.standing.name(), Tone::Bad)
        }
        (MemberStanding::Good, Condition::Alive) if node.member.cordoned => {
            ("cordoned", Tone::Warn)
        }
        (MemberStanding::Good, Condition::Alive) => (node.condition.name(), Tone::Good),
        (MemberStanding::Good, Condition::Suspect) => (node.condition.name(), Tone::Warn),
        (MemberStanding::Good, Condition::Dead) => (node.condition.name(), Tone::Bad),
    };
    (name.to_owned(), tone)
}

/// What a member is: its role, and whether it leads or cannot vote yet.
fn rank(node: &NodeView) -> &'static str {
    match role(node.member.role) {
        _ if node.leads => "leader",
        "voter" if node.member.votes => "voter",
        "voter" => match node.member.seat {
            Seat::Voter => "voter (catching up)",
            Seat::Spare => "spare",
            Seat::None => "voter (no seat)",
        },
        other => other,
    }
}

fn percent(permille: u32) -> String {
    format!("{} %", permille.div_ceil(10))
}

fn as_json(nodes: &[NodeView]) -> Value {
    nodes.iter().map(node_json).collect()
}

fn node_json(node: &NodeView) -> Value {
    let member = &node.member;
    let beat = node.heartbeat.as_ref().map(|beat| {
        json!({
            "version": beat.version,
            "load_permille": beat.load_permille,
            "lag_ms": beat.lag_ms,
            "memory_bytes": beat.memory_bytes,
            "agents": beat.agents,
            "running": beat.running,
            "term": beat.term.0,
            "applied": beat.applied.0,
        })
    });
    let presence = match member.presence {
        Presence::Present => "present",
        Presence::Lost => "lost",
    };
    json!({
        "id": member.id.to_string(),
        "name": member.name.as_str(),
        "role": role(member.role),
        "leads": node.leads,
        "votes": member.votes,
        "condition": node.condition.name(),
        "presence": presence,
        "silent_ms": node.silent_ms,
        "incarnation": member.incarnation.0,
        "addresses": member.addresses,
        "gateway": member.gateway,
        "admitted_at_ms": member.admitted_at.0,
        "standing": member.standing.name(),
        "seat": member.seat.name(),
        "listens": member.listens,
        "cordoned": member.cordoned,
        "heartbeat": beat,
    })
}

#[cfg(test)]
mod tests {
    use hms_client::domain::heartbeat::Heartbeat;
    use hms_client::domain::id::{Incarnation, Index, NodeId, Sequence, Term};
    use hms_client::domain::member::{Member, Role};
    use hms_client::domain::time::Moment;

    use super::*;

    fn node(name: &str, condition: Condition, beats: bool) -> NodeView {
        let id = NodeId::from_bytes([0xab; 32]);
        let beat = Heartbeat {
            node: id,
            incarnation: Incarnation(1),
            sequence: Sequence(9),
            version: "0.1.0".to_owned(),
            load_permille: 125,
            lag_ms: 0,
            memory_bytes: 30 * 1_048_576,
            agents: 1,
            running: 2,
            agents_version: 1,
            changed: Vec::new(),
            term: Term(3),
            leader: None,
            applied: Index(42),
        };
        NodeView {
            member: Member {
                id,
                name: name.parse().unwrap(),
                role: Role::Voter,
                addresses: Vec::new(),
                gateway: "127.0.0.1:7400".to_owned(),
                incarnation: Incarnation(1),
                presence: Presence::Present,
                votes: beats,
                admitted_at: Moment(1),
                standing: MemberStanding::Good,
                seat: Seat::Voter,
                listens: false,
                presence_since: Moment(1),
                cordoned: false,
            },
            condition,
            silent_ms: beats.then_some(400),
            heartbeat: beats.then_some(beat),
            leads: name == "n1",
        }
    }

    #[test]
    fn members_are_listed_with_their_condition() {
        let nodes = [
            node("n1", Condition::Alive, true),
            node("n2", Condition::Dead, false),
        ];
        let expected = "\
NAME  ID        ROLE                 STATE  HEARD       LOAD  MEMORY  AGENTS  RUNS  GATEWAY
n1    abababab  leader               alive  400 ms ago  13 %  30 MiB  1       2     127.0.0.1:7400
n2    abababab  voter (catching up)  dead   -           -     -       -       -     127.0.0.1:7400";
        assert_eq!(text(&nodes, Screen::plain()), expected);
        let json = as_json(&nodes);
        assert_eq!(json[0]["heartbeat"]["running"], 2);
        assert_eq!(json[1]["heartbeat"], Value::Null);
    }
}
