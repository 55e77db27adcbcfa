//! `hms status` and `hms ping`: the mesh in one look, and one node's word.

use hms_client::domain::member::Role;
use hms_client::{Ping, Staleness, StatusView};
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::fault::Fault;
use crate::phrase::span;
use crate::screen::{Screen, Tone, remark};
use crate::session::{Names, Session};

/// Shows the mesh in one look.
pub(crate) async fn show(session: &Session) -> Result<Exit, Fault> {
    let status = session.client.status().await?;
    let stale = session.client.staleness();
    let names = session.names().await?;
    session.screen.show(
        |screen| text(&status, &names, screen),
        || as_json(&status, &names, stale.as_ref()),
    )?;
    // What was shown is true of the past: a script must not take it for the present.
    Ok(stale.map_or(Exit::Done, |_| Exit::Unavailable))
}

/// What is missing to decide anything, in one sentence.
pub(crate) fn no_quorum(stale: &Staleness) -> String {
    let Staleness {
        need, voters, have, ..
    } = stale;
    format!("no quorum: need {need} of {voters}, have {have}")
}

/// Says on standard error that what was shown may be out of date.
pub(crate) fn warn_if_stale(session: &Session) {
    if let Some(stale) = session.client.staleness() {
        let sentence = no_quorum(&stale);
        let age = span(stale.age_ms);
        remark(&format!(
            "{sentence}; this is what one voter knew {age} ago, and it may be out of date"
        ));
    }
}

/// Asks one node who it is.
pub(crate) async fn ping(session: &Session) -> Result<Exit, Fault> {
    let ping = session.client.ping().await?;
    session
        .screen
        .show(|_| ping_text(&ping), || ping_json(&ping))?;
    Ok(Exit::Done)
}

fn text(status: &StatusView, names: &Names, screen: Screen) -> String {
    let reached = format!("{} of {}", status.voters_reached, status.voters);
    let quorum = if status.voters_reached == status.voters {
        Tone::Good
    } else {
        Tone::Warn
    };
    let down = match status.services_down {
        0 => Tone::Plain,
        _ => Tone::Bad,
    };
    let services = [
        format!("{} healthy", status.services_healthy),
        format!("{} disputed", status.services_disputed),
        screen.tint(&format!("{} down", status.services_down), down),
        format!("{} unknown", status.services_unknown),
    ];
    let leader = match status.leader {
        Some(leader) => format!("{} (term {})", names.of(leader), status.term),
        None => screen.tint("nobody", Tone::Bad),
    };
    let lines = [
        ("mesh", status.mesh.to_string()),
        ("leader", leader),
        ("voters", screen.tint(&reached, quorum)),
        ("members", status.members.to_string()),
        ("agents", status.agents.to_string()),
        ("tasks", tasks(&status.tasks)),
        ("services", services.join(", ")),
        (
            "ledger",
            format!("entry {}, applied {}", status.committed, status.applied),
        ),
        ("state", status.state_digest.to_string()),
    ];
    let mut lines = lines
        .map(|(name, value)| format!("{name:<9} {value}"))
        .to_vec();
    lines.extend(alarm(status, names, screen));
    lines.join("\n")
}

/// What somebody should look at, if evidence has convicted anybody.
fn alarm(status: &StatusView, names: &Names, screen: Screen) -> Option<String> {
    if status.evidence == 0 && status.excluded.is_empty() {
        return None;
    }
    let out: Vec<String> = status.excluded.iter().map(|node| names.of(*node)).collect();
    let out = match out.as_slice() {
        [] => "no node is excluded".to_owned(),
        nodes => format!("excluded: {}", nodes.join(", ")),
    };
    let pieces = status.evidence;
    let said = format!("{pieces} pieces of evidence, {out}: see `hms evidence list`");
    Some(format!("{:<9} {}", "alarm", screen.tint(&said, Tone::Bad)))
}

fn tasks(counts: &[(String, u64)]) -> String {
    let there = counts.iter().filter(|(_, count)| *count != 0);
    let words: Vec<String> = there
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(", ")
    }
}

fn as_json(status: &StatusView, names: &Names, stale: Option<&Staleness>) -> Value {
    let tasks: serde_json::Map<String, Value> = status
        .tasks
        .iter()
        .map(|(state, count)| (state.clone(), json!(count)))
        .collect();
    json!({
        "mesh": status.mesh.to_string(),
        "leader": status.leader.map(|leader| {
            json!({ "id": leader.to_string(), "name": names.of(leader) })
        }),
        "stale": stale.map(|stale| json!({
            "reason": no_quorum(stale),
            "age_ms": stale.age_ms,
            "need": stale.need,
            "voters": stale.voters,
            "have": stale.have,
        })),
        "term": status.term.0,
        "committed": status.committed.0,
        "applied": status.applied.0,
        "state_digest": status.state_digest.to_string(),
        "chain": status.chain.to_string(),
        "voters_reached": status.voters_reached,
        "voters": status.voters,
        "members": status.members,
        "agents": status.agents,
        "tasks": tasks,
        "services": {
            "healthy": status.services_healthy,
            "disputed": status.services_disputed,
            "down": status.services_down,
            "unknown": status.services_unknown,
        },
        "head": status.head.as_ref().map(|head| json!({
            "index": head.statement.index.0,
            "hash": head.statement.hash.to_string(),
            "term": head.statement.term.0,
            "epoch": head.statement.epoch.0,
            "signers": head.signers.iter().map(|(node, _)| node.to_string()).collect::<Vec<_>>(),
        })),
        "evidence": status.evidence,
        "excluded": status.excluded.iter().map(|node| json!({
            "id": node.to_string(),
            "name": names.of(*node),
        })).collect::<Vec<Value>>(),
    })
}

fn ping_text(ping: &Ping) -> String {
    let leader = match ping.leader {
        Some(leader) if leader == ping.node => "itself".to_owned(),
        Some(leader) => leader.short(),
        None => "nobody".to_owned(),
    };
    format!(
        "{} ({}) {} of mesh {}, version {}: follows {leader} in term {}, answered in {}",
        ping.name,
        ping.node.short(),
        role(ping.role),
        ping.mesh.short(),
        ping.version,
        ping.term,
        span(millis(ping)),
    )
}

fn ping_json(ping: &Ping) -> Value {
    json!({
        "node": ping.node.to_string(),
        "name": ping.name.as_str(),
        "role": role(ping.role),
        "mesh": ping.mesh.to_string(),
        "version": ping.version,
        "leader": ping.leader.map(|leader| leader.to_string()),
        "term": ping.term.0,
        "took_ms": millis(ping),
    })
}

fn millis(ping: &Ping) -> u64 {
    u64::try_from(ping.took.as_millis()).unwrap_or(u64::MAX)
}

/// A role as people write it.
pub(crate) const fn role(role: Role) -> &'static str {
    match role {
        Role::Voter => "voter",
        Role::Worker => "worker",
    }
}

#[cfg(test)]
mod tests {
    use hms_client::domain::digest::Hash;
    use hms_client::domain::id::{Index, MeshId, NodeId, Term};

    use super::*;

    fn status() -> StatusView {
        StatusView {
            mesh: MeshId::from_bytes([1; 32]),
            leader: Some(NodeId::from_bytes([2; 32])),
            term: Term(3),
            committed: Index(42),
            applied: Index(42),
            state_digest: Hash::from_bytes([4; 32]),
            chain: Hash::from_bytes([5; 32]),
            voters_reached: 2,
            voters: 3,
            members: 5,
            agents: 5,
            tasks: vec![("queued".to_owned(), 0), ("running".to_owned(), 2)],
            services_healthy: 2,
            services_disputed: 0,
            services_down: 1,
            services_unknown: 0,
            head: None,
            evidence: 0,
            excluded: Vec::new(),
        }
    }

    /// BYZ-3: a conviction is seen at first glance.
    #[test]
    fn a_conviction_is_an_alarm() {
        let node = NodeId::from_bytes([2; 32]);
        let names = Names([(node, "n1".to_owned())].into());
        let convicted = StatusView {
            evidence: 3,
            excluded: vec![node],
            ..status()
        };
        let said = text(&convicted, &names, Screen::plain());
        let alarm = "alarm     3 pieces of evidence, excluded: n1: see `hms evidence list`";
        assert!(said.ends_with(alarm), "{said}");
        assert_eq!(
            as_json(&convicted, &names, None)["excluded"][0]["name"],
            "n1"
        );
    }

    #[test]
    fn the_mesh_fits_in_one_look() {
        let names = Names([(NodeId::from_bytes([2; 32]), "n1".to_owned())].into());
        let expected = format!(
            "mesh      {}\n\
             leader    n1 (term 3)\n\
             voters    2 of 3\n\
             members   5\n\
             agents    5\n\
             tasks     2 running\n\
             services  2 healthy, 0 disputed, 1 down, 0 unknown\n\
             ledger    entry 42, applied 42\n\
             state     {}",
            "01".repeat(32),
            "04".repeat(32),
        );
        assert_eq!(text(&status(), &names, Screen::plain()), expected);
        assert_eq!(as_json(&status(), &names, None)["tasks"]["running"], 2);
        assert_eq!(as_json(&status(), &names, None)["leader"]["name"], "n1");
    }
}
