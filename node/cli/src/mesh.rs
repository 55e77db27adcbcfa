//! `hms mesh`: what goes on inside: gossip topics, everything that happens in the ledger, and the genesis.

mod genesis;
mod init;

use clap::Subcommand;
use hms_client::domain::id::Cursor;
use hms_client::domain::member::Presence;
use hms_client::domain::peer::Run;
use hms_client::{Event, Happening, News, TopicView};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::exit::Exit;
use crate::fault::Fault;
use crate::keepsake::Place;
use crate::phrase::count;
use crate::screen::{Screen, plain, remark};
use crate::service::health;
use crate::session::{Names, Session};

pub(crate) use genesis::GENESIS_FILE;

/// Inside the mesh.
#[derive(Debug, Subcommand)]
pub(crate) enum MeshCommand {
    /// Found a mesh on paper: the operator's key, the first node's key, and the genesis that the one signs for the other.
    #[command(after_help = init::EXAMPLES)]
    Init(init::Init),
    /// List the gossip topics of one node.
    #[command(after_help = "Example:\n  hms mesh topics --address 127.0.0.1:7402")]
    Topics,
    /// Follow what happens in the ledger, until interrupted or --timeout.
    #[command(
        after_help = "Example:\n  hms mesh events\n  hms mesh events --after 17.0.0 -o json -t 10s"
    )]
    Events {
        /// Begin after this event instead of now.
        #[arg(long, value_name = "CURSOR")]
        after: Option<Cursor>,
    },
    /// Take the genesis: the file with which anybody checks the receipts of this mesh.
    #[command(after_help = genesis::EXAMPLES)]
    Genesis(Place),
}

/// Runs a command about the inside of the mesh.
pub(crate) async fn run(command: MeshCommand, session: &Session) -> Result<Exit, Fault> {
    match command {
        MeshCommand::Init(init) => init::run(&init, session.screen),
        MeshCommand::Topics => {
            let topics = session.client.topics().await?;
            session.screen.show(
                |screen| topics_text(&topics, screen),
                || topics_json(&topics),
            )?;
            Ok(Exit::Done)
        }
        MeshCommand::Events { after } => follow(session, after).await,
        MeshCommand::Genesis(place) => genesis::run(&place, session).await,
    }
}

async fn follow(session: &Session, after: Option<Cursor>) -> Result<Exit, Fault> {
    let names = session.names().await?;
    let mut watch = session.client.watch_events(after);
    let end = session.patience.map(|patience| Instant::now() + patience);
    loop {
        let news = match end {
            Some(end) => match timeout_at(end, watch.next()).await {
                Ok(news) => news?,
                // The time that the person gave has passed: that is what was asked for.
                Err(_) => return Ok(Exit::Done),
            },
            None => watch.next().await?,
        };
        match news {
            News::Start(cursor) => remark(&format!("watching after {cursor}")),
            News::Gap { after, until } => {
                remark(&format!(
                    "events from {after} to {until} are not kept any more"
                ));
            }
            News::Event(event) => show_event(session, &event, &names)?,
        }
    }
}

fn show_event(session: &Session, event: &Event, names: &Names) -> Result<(), Fault> {
    if session.screen.is_json() {
        // One line per event, so that a program can read them as they come.
        return session.screen.print(&event_json(event, names).to_string());
    }
    session.screen.print(&format!(
        "{:<12} {}",
        event.cursor.to_string(),
        sentence(&event.what, names)
    ))
}

fn topics_text(topics: &[TopicView], screen: Screen) -> String {
    let mut sheet = screen.table(&["TOPIC", "SUBSCRIBERS", "PEERS", "RECEIVED", "PUBLISHED"]);
    for topic in topics {
        sheet.row([
            plain(&topic.topic),
            plain(topic.subscribers),
            plain(topic.peers),
            plain(topic.received),
            plain(topic.published),
        ]);
    }
    sheet.render()
}

fn topics_json(topics: &[TopicView]) -> Value {
    let topic = |topic: &TopicView| {
        json!({
            "topic": topic.topic,
            "subscribers": topic.subscribers,
            "peers": topic.peers,
            "received": topic.received,
            "published": topic.published,
        })
    };
    topics.iter().map(topic).collect()
}

/// An event as a sentence.
fn sentence(what: &Happening, names: &Names) -> String {
    match what {
        Happening::RosterChanged => "the roster has changed".to_owned(),
        Happening::PresenceChanged {
            node,
            presence: Presence::Present,
        } => {
            format!("{} is present", names.of(*node))
        }
        Happening::PresenceChanged {
            node,
            presence: Presence::Lost,
        } => {
            format!("{} is lost", names.of(*node))
        }
        Happening::AgentsChanged { node, agents } => {
            format!(
                "{} of {} changed",
                count(agents.len() as u64, "agent"),
                names.of(*node)
            )
        }
        Happening::TaskMoved { task, state } => format!("task {task} is {}", state.name()),
        Happening::TaskAssigned { task, attempt } => {
            format!("attempt {attempt} of task {task} is assigned")
        }
        Happening::VerifiersDrawn { task, round } => {
            format!("verifiers of task {task} are drawn, round {round}")
        }
        Happening::RunRevoked { node, run } => {
            format!(
                "a run of task {} on {} is revoked",
                task_of(run),
                names.of(*node)
            )
        }
        Happening::HealthChanged {
            service,
            health: now,
        } => {
            format!("service {service} is {}", health(*now).0)
        }
        Happening::ProbersChanged { nodes } => {
            let nodes: Vec<String> = nodes.iter().map(|node| names.of(*node)).collect();
            format!("what {} probe has changed", nodes.join(" and "))
        }
        Happening::AgentConvicted { agent, task } => {
            format!("agent {agent} was caught with a false result of task {task}")
        }
        Happening::NodeConvicted { node, evidence } => {
            format!(
                "{} is quarantined: evidence {evidence} convicts it",
                names.of(*node)
            )
        }
    }
}

fn event_json(event: &Event, names: &Names) -> Value {
    let mut object = what_json(&event.what);
    object["cursor"] = json!(event.cursor.to_string());
    object["at_ms"] = json!(event.at.0);
    object["text"] = json!(sentence(&event.what, names));
    object
}

fn what_json(what: &Happening) -> Value {
    match what {
        Happening::RosterChanged => json!({ "kind": "roster_changed" }),
        Happening::PresenceChanged { node, presence } => {
            let present = *presence == Presence::Present;
            json!({ "kind": "presence_changed", "node": node.to_string(), "present": present })
        }
        Happening::AgentsChanged { node, agents } => {
            let agents: Vec<String> = agents.iter().map(ToString::to_string).collect();
            json!({ "kind": "agents_changed", "node": node.to_string(), "agents": agents })
        }
        Happening::TaskMoved { task, state } => {
            json!({ "kind": "task_moved", "task": task.to_string(), "state": state.name() })
        }
        Happening::TaskAssigned { task, attempt } => {
            json!({ "kind": "task_assigned", "task": task.to_string(), "attempt": attempt })
        }
        Happening::VerifiersDrawn { task, round } => {
            json!({ "kind": "verifiers_drawn", "task": task.to_string(), "round": round })
        }
        Happening::RunRevoked { node, run } => {
            let task = task_of(run).to_string();
            json!({ "kind": "run_revoked", "node": node.to_string(), "task": task })
        }
        Happening::HealthChanged {
            service,
            health: now,
        } => {
            json!({ "kind": "health_changed", "service": service.as_str(), "health": health(*now).0 })
        }
        Happening::ProbersChanged { nodes } => {
            let nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
            json!({ "kind": "probers_changed", "nodes": nodes })
        }
        Happening::AgentConvicted { agent, task } => {
            let (agent, task) = (agent.to_string(), task.to_string());
            json!({ "kind": "agent_convicted", "agent": agent, "task": task })
        }
        Happening::NodeConvicted { node, evidence } => {
            json!({ "kind": "node_convicted", "node": node.to_string(), "evidence": evidence })
        }
    }
}

const fn task_of(run: &Run) -> hms_client::domain::id::TaskId {
    match run {
        Run::Attempt { task, .. } | Run::Check { task, .. } => *task,
    }
}

#[cfg(test)]
mod tests {
    use hms_client::domain::id::TaskId;
    use hms_client::domain::task::TaskState;
    use hms_client::domain::time::Moment;

    use super::*;

    #[test]
    fn an_event_is_a_sentence_for_people_and_an_object_for_programs() {
        let task = TaskId::from_bytes([1; 16]);
        let event = Event {
            cursor: "17.0.1".parse().unwrap(),
            at: Moment(5),
            what: Happening::TaskMoved {
                task,
                state: TaskState::Running,
            },
        };
        let json = event_json(&event, &Names::default());
        assert_eq!(
            (&json["kind"], &json["state"]),
            (&json!("task_moved"), &json!("running"))
        );
        assert_eq!(json["cursor"], "17.0.1");
        assert_eq!(json["text"], format!("task {task} is running"));
    }

    #[test]
    fn topics_are_a_table() {
        let topics = [TopicView {
            topic: "hms/heartbeats".to_owned(),
            subscribers: 2,
            peers: 2,
            received: 10,
            published: 5,
        }];
        let expected = "\
TOPIC           SUBSCRIBERS  PEERS  RECEIVED  PUBLISHED
hms/heartbeats  2            2      10        5";
        assert_eq!(topics_text(&topics, Screen::plain()), expected);
    }
}
