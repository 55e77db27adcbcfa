//! `hms agent`: who does the work, where, and what with.

use std::collections::BTreeSet;

use clap::Subcommand;
use hms_client::AgentView;
use hms_client::domain::agent::{AgentCertificate, AgentStanding};
use hms_client::domain::id::{AgentId, SkillName};
use hms_client::domain::order::Order;
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::fault::Fault;
use crate::operator::OperatorKey;
use crate::screen::{Screen, Tone, plain, with_rest};
use crate::session::{Names, Session};

/// Agents.
#[derive(Debug, Subcommand)]
pub(crate) enum AgentCommand {
    /// Bring up an agent.
    #[command(
        after_help = "Example:\n  hms agent spawn\n  hms agent spawn --node n2 --skill probe.http --skill echo --slots 4"
    )]
    Spawn {
        /// The node that is to host it, by name or id [default: the least loaded].
        #[arg(long, value_name = "NODE")]
        node: Option<String>,
        /// A skill that it must have; may be repeated [default: all that the node offers but `notes`].
        #[arg(long, value_name = "SKILL")]
        skill: Vec<SkillName>,
        /// How many tasks it may run at once.
        #[arg(long, default_value_t = 1, value_name = "NUMBER")]
        slots: u32,
    },
    /// List agents.
    #[command(after_help = "Example:\n  hms agent list\n  hms agent list --node n2 --limit 20")]
    List {
        /// Only those of this node, by name or id.
        #[arg(long, value_name = "NODE")]
        node: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 100, value_name = "NUMBER")]
        limit: u32,
    },
    /// Show one agent and what it is doing.
    #[command(after_help = "Example:\n  hms agent show 6f9619ff-8b86-4d01-b42d-00cf4fc964ff")]
    Show {
        /// Its id.
        agent: AgentId,
    },
    /// Stop an agent for good; its tasks go to others.
    #[command(after_help = "Example:\n  hms agent stop 6f9619ff-8b86-4d01-b42d-00cf4fc964ff")]
    Stop {
        /// Its id.
        agent: AgentId,
    },
    /// Revoke an agent with the operator's key: nothing that it says counts any more.
    #[command(after_help = "Example:\n  hms agent revoke 6f9619ff-8b86-4d01-b42d-00cf4fc964ff")]
    Revoke {
        /// Its id.
        agent: AgentId,
        #[command(flatten)]
        key: OperatorKey,
    },
}

/// Runs a command about agents.
pub(crate) async fn run(command: AgentCommand, session: &Session) -> Result<Exit, Fault> {
    match command {
        AgentCommand::Spawn { node, skill, slots } => spawn(session, node, skill, slots).await,
        AgentCommand::List { node, limit } => list(session, node, limit).await,
        AgentCommand::Show { agent } => show(session, agent).await,
        AgentCommand::Revoke { agent, key } => {
            key.order(session, Order::RevokeAgent(agent)).await?;
            let json = || json!({ "agent": agent.to_string(), "revoked": true });
            session
                .screen
                .show(|_| format!("agent {agent} is revoked"), json)?;
            Ok(Exit::Done)
        }
        AgentCommand::Stop { agent } => {
            session.client.stop(agent).await?;
            let json = || json!({ "agent": agent.to_string(), "stopped": true });
            session
                .screen
                .show(|_| format!("agent {agent} is stopped"), json)?;
            Ok(Exit::Done)
        }
    }
}

async fn spawn(
    session: &Session,
    node: Option<String>,
    skills: Vec<SkillName>,
    slots: u32,
) -> Result<Exit, Fault> {
    let node = match node {
        Some(node) => Some(session.node(&node).await?),
        None => None,
    };
    let skills: BTreeSet<SkillName> = skills.into_iter().collect();
    let certificate = session.client.spawn(node, skills, slots).await?;
    let names = session.names().await?;
    let text = |_: Screen| {
        let AgentCertificate {
            agent, node, slots, ..
        } = &certificate;
        format!(
            "agent {agent} on {} with {slots} slots: {}",
            names.of(*node),
            skills_of(&certificate)
        )
    };
    session
        .screen
        .show(text, || certificate_json(&certificate, &names))?;
    Ok(Exit::Done)
}

async fn list(session: &Session, node: Option<String>, limit: u32) -> Result<Exit, Fault> {
    let node = match node {
        Some(node) => Some(session.node(&node).await?),
        None => None,
    };
    let mut agents = Vec::new();
    let (mut after, mut total) = (None, 0);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    while agents.len() < limit {
        let left = u32::try_from(limit - agents.len()).unwrap_or(u32::MAX);
        let page = session.client.agents_page(node, after, left).await?;
        agents.extend(page.entries);
        total = page.total;
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let names = session.names().await?;
    session.screen.show(
        |screen| text(&agents, total, &names, screen),
        || json!({ "agents": as_json(&agents, &names), "total": total }),
    )?;
    Ok(Exit::Done)
}

async fn show(session: &Session, agent: AgentId) -> Result<Exit, Fault> {
    let view = session.client.agent(agent).await?;
    let names = session.names().await?;
    session.screen.show(
        |screen| details(&view, &names, screen),
        || details_json(&view, &names),
    )?;
    Ok(Exit::Done)
}

fn text(agents: &[AgentView], total: u64, names: &Names, screen: Screen) -> String {
    let mut sheet = screen.table(&["AGENT", "NODE", "STATE", "RUNS", "SLOTS", "DONE", "SKILLS"]);
    for view in agents {
        let certificate = &view.agent.certificate;
        sheet.row([
            plain(certificate.agent),
            plain(names.of(certificate.node)),
            standing(view),
            plain(view.running.len()),
            plain(certificate.slots),
            plain(view.reported),
            plain(skills_of(certificate)),
        ]);
    }
    with_rest(sheet.render(), agents.len(), total)
}

fn details(view: &AgentView, names: &Names, screen: Screen) -> String {
    let certificate = &view.agent.certificate;
    let (word, tone) = standing(view);
    let offers: Vec<&str> = certificate.offers.iter().map(String::as_str).collect();
    let running: Vec<String> = view.running.iter().map(ToString::to_string).collect();
    let or_none = |text: String| {
        if text.is_empty() {
            "none".to_owned()
        } else {
            text
        }
    };
    let lines = [
        ("agent", certificate.agent.to_string()),
        (
            "node",
            format!("{} ({})", names.of(certificate.node), certificate.node),
        ),
        ("state", screen.tint(&word, tone)),
        (
            "slots",
            format!("{} of {} in use", view.running.len(), certificate.slots),
        ),
        ("done", format!("{} attempts", view.reported)),
        ("skills", or_none(skills_of(certificate))),
        ("offers", or_none(offers.join(" "))),
        ("running", or_none(running.join(" "))),
        ("memory", memory_of(view)),
        ("key", hex::encode(certificate.key.as_bytes())),
    ];
    lines
        .map(|(name, value)| format!("{name:<8} {value}"))
        .join("\n")
}

fn memory_of(view: &AgentView) -> String {
    match view.memory_bytes {
        Some(bytes) => format!("{bytes} bytes"),
        None => "unknown".to_owned(),
    }
}

fn standing(view: &AgentView) -> (String, Tone) {
    let (word, tone) = match view.agent.standing {
        AgentStanding::Ready if view.present => ("ready", Tone::Good),
        AgentStanding::Ready => ("lost", Tone::Warn),
        AgentStanding::Quarantined => ("quarantined", Tone::Bad),
        AgentStanding::Stopped => ("stopped", Tone::Plain),
        AgentStanding::Revoked => ("revoked", Tone::Bad),
    };
    (word.to_owned(), tone)
}

fn skills_of(certificate: &AgentCertificate) -> String {
    let skills: Vec<&str> = certificate.skills.iter().map(SkillName::as_str).collect();
    skills.join(" ")
}

fn as_json(agents: &[AgentView], names: &Names) -> Value {
    agents.iter().map(|view| agent_json(view, names)).collect()
}

fn agent_json(view: &AgentView, names: &Names) -> Value {
    let mut agent = certificate_json(&view.agent.certificate, names);
    agent["state"] = json!(standing(view).0);
    agent["present"] = json!(view.present);
    agent["running"] = view.running.iter().map(ToString::to_string).collect();
    agent["reported"] = json!(view.reported);
    agent
}

/// What a list does not tell comes with it; the memory's size is null if it is unknown.
fn details_json(view: &AgentView, names: &Names) -> Value {
    let mut agent = agent_json(view, names);
    agent["memory_bytes"] = json!(view.memory_bytes);
    agent
}

fn certificate_json(certificate: &AgentCertificate, names: &Names) -> Value {
    json!({
        "agent": certificate.agent.to_string(),
        "node": { "id": certificate.node.to_string(), "name": names.of(certificate.node) },
        "skills": certificate.skills.iter().map(SkillName::as_str).collect::<Vec<_>>(),
        "offers": certificate.offers,
        "slots": certificate.slots,
        "key": hex::encode(certificate.key.as_bytes()),
        "issued_at_ms": certificate.issued_at.0,
    })
}

#[cfg(test)]
mod tests {
    use hms_client::domain::agent::Agent;
    use hms_client::domain::id::{NodeId, TaskId};
    use hms_client::domain::keyring::{PublicKey, Signature};
    use hms_client::domain::time::Moment;

    use super::*;

    fn view(present: bool) -> AgentView {
        let certificate = AgentCertificate {
            agent: AgentId::from_bytes([1; 16]),
            key: PublicKey::from_bytes([2; 32]),
            node: NodeId::from_bytes([3; 32]),
            skills: ["echo", "sleep"].map(|skill| skill.parse().unwrap()).into(),
            offers: BTreeSet::new(),
            slots: 16,
            issued_at: Moment(1),
            signature: Signature::from_bytes([0; 64]),
        };
        AgentView {
            agent: Agent {
                certificate,
                standing: AgentStanding::Ready,
            },
            present,
            running: vec![TaskId::from_bytes([4; 16])],
            reported: 7,
            memory_bytes: Some(42),
        }
    }

    #[test]
    fn agents_are_listed_with_what_they_do() {
        let expected = "\
AGENT                                 NODE      STATE  RUNS  SLOTS  DONE  SKILLS
01010101-0101-0101-0101-010101010101  03030303  ready  1     16     7     echo sleep
01010101-0101-0101-0101-010101010101  03030303  lost   1     16     7     echo sleep
2 of 9; more with --limit";
        let text = text(
            &[view(true), view(false)],
            9,
            &Names::default(),
            Screen::plain(),
        );
        assert_eq!(text, expected);
    }

    /// AGT-4: an agent is lost while the ledger counts its node as lost, in text and in JSON.
    #[test]
    fn an_agent_of_a_lost_node_is_shown_as_lost() {
        let text = details(&view(false), &Names::default(), Screen::plain());
        assert!(text.contains("state    lost"), "{text}");
        let json = agent_json(&view(false), &Names::default());
        assert_eq!(
            (&json["state"], &json["present"]),
            (&json!("lost"), &json!(false))
        );
    }

    /// AGT-2: how an agent is, what it is at, and how much it remembers.
    #[test]
    fn one_agent_shows_its_state_its_runs_and_its_memory() {
        let text = details(&view(true), &Names::default(), Screen::plain());
        assert!(text.contains("state    ready"), "{text}");
        assert!(text.contains("memory   42 bytes"), "{text}");
        assert!(text.contains("slots    1 of 16 in use"), "{text}");
        assert!(
            text.contains("running  04040404-0404-0404-0404-040404040404"),
            "{text}"
        );
        let json = details_json(&view(true), &Names::default());
        assert_eq!(
            (&json["state"], &json["reported"], &json["memory_bytes"]),
            (&json!("ready"), &json!(7), &json!(42))
        );
        let absent = AgentView {
            memory_bytes: None,
            ..view(false)
        };
        let text = details(&absent, &Names::default(), Screen::plain());
        assert!(text.contains("memory   unknown"), "{text}");
        assert!(details_json(&absent, &Names::default())["memory_bytes"].is_null());
    }
}
