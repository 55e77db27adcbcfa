//! What is in a receipt, for people and for programs, as it is written and without a check.

use hms_client::domain::agent::AgentCertificate;
use hms_client::domain::certificate::{Certificate, Phase};
use hms_client::domain::chain::EntryKind;
use hms_client::domain::codec;
use hms_client::domain::membership::{Becomes, MemberChange};
use hms_client::domain::receipt::{
    Cause, Handover, Link, Receipt, ShownEntry, ShownField, Stretch,
};
use serde_json::{Value, json};

use crate::screen::{Screen, plain};

/// A receipt's parts, for people.
pub(super) fn text(receipt: &Receipt, screen: Screen) -> String {
    let head = [
        "receipt   not checked: `hms receipt verify` does that".to_owned(),
        format!("task      {}", receipt.task),
        format!("mesh      {}", receipt.mesh),
    ];
    let mut entries = screen.table(&["ENTRY", "COMMANDS", "LINKS", "CERTIFIED", "SIGNERS"]);
    for entry in &receipt.entries {
        entries.row(row(&entry.stretch, entry.commands.len().to_string()));
    }
    let mut parts = vec![head.join("\n"), entries.render()];
    if !receipt.handovers.is_empty() {
        let mut changes = screen.table(&["ENTRY", "CHANGE", "LINKS", "CERTIFIED", "SIGNERS"]);
        for handover in &receipt.handovers {
            changes.row(row(&handover.stretch, change(handover)));
        }
        parts.push(changes.render());
    }
    if !receipt.agents.is_empty() {
        let mut agents = screen.table(&["AGENT", "CERTIFIED BY"]);
        for it in &receipt.agents {
            agents.row([plain(it.agent), plain(format!("node {}", it.node.short()))]);
        }
        parts.push(agents.render());
    }
    parts.join("\n\n")
}

fn row(stretch: &Stretch, what: String) -> [(String, crate::screen::Tone); 5] {
    let statement = &stretch.certificate.statement;
    let signers = stretch.certificate.signers.iter();
    let signers: Vec<String> = signers.map(|(node, _)| node.short()).collect();
    [
        plain(stretch.index),
        plain(what),
        plain(stretch.links.len()),
        plain(format!("{} in epoch {}", statement.index, statement.epoch)),
        plain(signers.join(" ")),
    ]
}

/// What becomes of whom.
fn change(handover: &Handover) -> String {
    if handover.cause == Cause::Operator {
        return "recovered by the operator".to_owned();
    }
    match codec::decode_exact::<MemberChange>(&handover.change) {
        Ok(change) => {
            let becomes = match change.becomes {
                Becomes::Voter => "votes",
                Becomes::Removed => "is removed",
                Becomes::Learner => "learns",
            };
            format!("node {} {becomes}", change.node.short())
        }
        Err(error) => error.code().to_owned(),
    }
}

/// A receipt's parts, for programs: all of them.
pub(crate) fn as_json(receipt: &Receipt) -> Value {
    json!({
        "mesh": receipt.mesh.to_string(),
        "task": receipt.task.to_string(),
        "entries": receipt.entries.iter().map(entry_json).collect::<Vec<_>>(),
        "handovers": receipt.handovers.iter().map(handover_json).collect::<Vec<_>>(),
        "agents": receipt.agents.iter().map(agent_json).collect::<Vec<_>>(),
    })
}

fn entry_json(entry: &ShownEntry) -> Value {
    json!({
        "stretch": stretch_json(&entry.stretch),
        "version": field_json(&entry.version),
        "stamp": field_json(&entry.stamp),
        "commands": entry.commands.iter().map(field_json).collect::<Vec<_>>(),
    })
}

fn field_json(field: &ShownField) -> Value {
    let path = &field.path;
    let siblings: Vec<String> = path.siblings.iter().map(ToString::to_string).collect();
    json!({
        "field_hex": hex::encode(&field.field),
        "path": { "index": path.index, "size": path.size, "siblings": siblings },
    })
}

fn handover_json(handover: &Handover) -> Value {
    json!({
        "stretch": stretch_json(&handover.stretch),
        "change": change(handover),
        "change_hex": hex::encode(&handover.change),
    })
}

fn stretch_json(stretch: &Stretch) -> Value {
    json!({
        "before": stretch.before.to_string(),
        "term": stretch.term.0,
        "index": stretch.index.0,
        "links": stretch.links.iter().map(link_json).collect::<Vec<_>>(),
        "certificate": certificate_json(&stretch.certificate),
    })
}

fn link_json(link: &Link) -> Value {
    let kind = match link.kind {
        EntryKind::Empty => "empty",
        EntryKind::Batch => "batch",
        EntryKind::Membership => "membership",
        EntryKind::Recovery => "recovery",
    };
    json!({ "term": link.term.0, "kind": kind, "digest": link.digest.to_string() })
}

fn certificate_json(certificate: &Certificate) -> Value {
    let statement = &certificate.statement;
    let phase = match statement.phase {
        Phase::Held => "held",
        Phase::Locked => "locked",
    };
    let signers = certificate.signers.iter().map(|(node, signature)| {
        json!({ "voter": node.to_string(), "signature": hex::encode(signature.as_bytes()) })
    });
    json!({
        "group": statement.group.to_string(),
        "epoch": statement.epoch.0,
        "phase": phase,
        "term": statement.term.0,
        "index": statement.index.0,
        "hash": statement.hash.to_string(),
        "signers": signers.collect::<Vec<_>>(),
    })
}

fn agent_json(certificate: &AgentCertificate) -> Value {
    json!({
        "agent": certificate.agent.to_string(),
        "node": certificate.node.to_string(),
        "key": hex::encode(certificate.key.as_bytes()),
        "skills": certificate.skills.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "offers": certificate.offers,
        "slots": certificate.slots,
        "issued_at_ms": certificate.issued_at.0,
        "signature": hex::encode(certificate.signature.as_bytes()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::RECEIPT;
    use super::*;

    fn receipt() -> Receipt {
        codec::decode_exact(RECEIPT).unwrap()
    }

    #[test]
    fn a_person_sees_which_certificate_covers_what() {
        let shown = text(&receipt(), Screen::plain());
        let expected = "\
ENTRY  COMMANDS  LINKS  CERTIFIED     SIGNERS
6      1         2      8 in epoch 5  8a88e3dd ed4928c6
7      2         1      8 in epoch 5  8a88e3dd ed4928c6
8      1         0      8 in epoch 5  8a88e3dd ed4928c6

ENTRY  CHANGE               LINKS  CERTIFIED     SIGNERS
3      node 8139770e votes  0      3 in epoch 1  8a88e3dd
5      node ed4928c6 votes  0      5 in epoch 3  8139770e 8a88e3dd

AGENT                                 CERTIFIED BY
02020202-0202-0202-0202-020202020202  node 8a88e3dd";
        assert!(shown.ends_with(expected), "\n{shown}");
        assert!(shown.starts_with("receipt   not checked"), "\n{shown}");
    }

    #[test]
    fn a_program_sees_all_of_it() {
        let json = as_json(&receipt());
        let first = &json["entries"][0];
        assert_eq!(first["version"]["field_hex"], "0801");
        assert_eq!(first["commands"][0]["path"]["index"], 3);
        assert_eq!(first["stretch"]["links"][0]["kind"], "batch");
        assert_eq!(first["stretch"]["certificate"]["phase"], "held");
        assert_eq!(json["handovers"][1]["change"], "node ed4928c6 votes");
        assert_eq!(json["agents"][0]["skills"][0], "echo");
    }
}
