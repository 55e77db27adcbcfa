//! What a receipt proves, for people and for programs.

use hms_client::domain::digest::{Domain, hash_fields};
use hms_client::domain::id::{Index, NodeId};
use hms_client::domain::receipt::{Deed, Head, Proven, ProvenCommand};
use hms_client::domain::time::Moment;
use serde_json::{Value, json};

use crate::phrase::{age, size};
use crate::screen::{Screen, Tone, plain};
use crate::task::result_json;
use crate::task::words::{finding_tone, is_printable, verification};

/// What is proven, for people.
pub(super) fn text(proven: &Proven, screen: Screen, now: Moment) -> String {
    let mut sheet = screen.table(&["AT", "WHEN", "WHAT"]);
    for command in &proven.commands {
        let (words, tone) = say(&command.deed);
        let safe = words.chars().filter(|letter| is_printable(*letter));
        sheet.row([
            plain(command.position),
            plain(age(command.stamped_at, now)),
            (safe.collect(), tone),
        ]);
    }
    format!("{}\n\n{}", head(proven, screen), sheet.render())
}

fn head(proven: &Proven, screen: Screen) -> String {
    let spec = &proven.spec;
    let lines = [
        ("receipt", screen.tint("good", Tone::Good)),
        ("task", proven.task.to_string()),
        ("skill", spec.skill.to_string()),
        (
            "input",
            format!(
                "{}, digest {}",
                size(spec.input.len() as u64),
                hash_fields(Domain::TaskInput, &[&spec.input]).short()
            ),
        ),
        ("checked", verification(spec.verification).to_owned()),
        ("via", format!("node {}", proven.via.short())),
        ("mesh", proven.mesh.to_string()),
        ("certified", certified(&proven.head)),
    ];
    let lines = lines.into_iter().chain(recovered(&proven.recoveries));
    let lines = lines.map(|(name, value)| format!("{name:<9} {value}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Where it is the operator's word that leads from the genesis to the voters.
pub(crate) fn recovered(recoveries: &[Index]) -> Option<(&'static str, String)> {
    let entries: Vec<String> = recoveries.iter().map(ToString::to_string).collect();
    let said = format!(
        "by the operator at entry {}: the voters before were lost",
        entries.join(", ")
    );
    (!entries.is_empty()).then_some(("recovered", said))
}

fn certified(head: &Head) -> String {
    let signers: Vec<String> = head.signers.iter().map(NodeId::short).collect();
    format!(
        "up to entry {} in term {} by the nodes {}",
        head.index,
        head.term,
        signers.join(" ")
    )
}

/// A command in words, and how good it is.
fn say(deed: &Deed) -> (String, Tone) {
    let words = match deed {
        Deed::Submitted | Deed::Unblocked | Deed::Cancelled | Deed::Lapsed => {
            deed.name().to_owned()
        }
        Deed::Assigned { attempt, agent } => format!("attempt {attempt} assigned to {agent}"),
        Deed::Blocked(blockage) => format!("blocked: {blockage}"),
        Deed::Started { attempt, agent } => format!("attempt {attempt} started by {agent}"),
        Deed::Reported {
            report,
            digest,
            node,
        } => format!(
            "attempt {} reported by {} of node {}: {}, {}, digest {}",
            report.attempt,
            report.agent,
            node.short(),
            report.result.outcome.name(),
            size(report.result.output.len() as u64),
            digest.short()
        ),
        Deed::Judged { verdict, node } => {
            let (found, tone) = (&verdict.finding, finding_tone(&verdict.finding));
            let words = format!(
                "report {} judged by {} of node {} in round {}: {found}",
                verdict.report_digest.short(),
                verdict.verifier,
                node.short(),
                verdict.round
            );
            return (words, tone);
        }
        Deed::Redrawn { round } => format!("round {round} of verification ran out of time"),
        Deed::Expired { attempt, end } => format!("attempt {attempt} over: {}", end.name()),
    };
    (words, Tone::Plain)
}

/// What is proven, for programs.
pub(super) fn as_json(proven: &Proven) -> Value {
    let (spec, head) = (&proven.spec, &proven.head);
    let signers: Vec<String> = head.signers.iter().map(ToString::to_string).collect();
    json!({
        "good": true,
        "mesh": proven.mesh.to_string(),
        "task": proven.task.to_string(),
        "skill": spec.skill.as_str(),
        "input_digest": hash_fields(Domain::TaskInput, &[&spec.input]).to_string(),
        "input_bytes": spec.input.len(),
        "labels": spec.labels,
        "via": proven.via.to_string(),
        "commands": proven.commands.iter().map(command_json).collect::<Vec<_>>(),
        "recoveries": proven.recoveries.iter().map(|it| it.0).collect::<Vec<_>>(),
        "head": {
            "index": head.index.0,
            "term": head.term.0,
            "epoch": head.epoch.0,
            "hash": head.hash.to_string(),
            "signers": signers,
        },
    })
}

fn command_json(command: &ProvenCommand) -> Value {
    let mut object = deed_json(&command.deed);
    object["position"] = json!(command.position.to_string());
    object["stamped_at_ms"] = json!(command.stamped_at.0);
    object["what"] = json!(command.deed.name());
    object
}

fn deed_json(deed: &Deed) -> Value {
    match deed {
        Deed::Submitted | Deed::Unblocked | Deed::Cancelled | Deed::Lapsed => json!({}),
        Deed::Assigned { attempt, agent } | Deed::Started { attempt, agent } => {
            json!({ "attempt": attempt, "agent": agent.to_string() })
        }
        Deed::Blocked(blockage) => json!({ "why": blockage.to_string() }),
        Deed::Reported {
            report,
            digest,
            node,
        } => json!({
            "attempt": report.attempt,
            "agent": report.agent.to_string(),
            "node": node.to_string(),
            "report_digest": digest.to_string(),
            "result": result_json(&report.result),
        }),
        Deed::Judged { verdict, node } => json!({
            "attempt": verdict.attempt,
            "round": verdict.round,
            "agent": verdict.verifier.to_string(),
            "node": node.to_string(),
            "report_digest": verdict.report_digest.to_string(),
            "finding": verdict.finding.to_string(),
        }),
        Deed::Redrawn { round } => json!({ "round": round }),
        Deed::Expired { attempt, end } => json!({ "attempt": attempt, "end": end.name() }),
    }
}

#[cfg(test)]
mod tests {
    use hms_client::domain::codec;
    use hms_client::domain::receipt::Receipt;

    use super::super::example::{GENESIS, RECEIPT};
    use super::*;

    fn proven() -> Proven {
        let origin = codec::origin::read(GENESIS).unwrap();
        let receipt: Receipt = codec::decode_exact(RECEIPT).unwrap();
        receipt.verify(&origin).unwrap()
    }

    #[test]
    fn a_person_reads_what_was_done_by_whom_and_who_vouches_for_it() {
        let expected = "\
receipt   good
task      01010101-0101-0101-0101-010101010101
skill     echo
input     5 B, digest 771ab5b0
checked   taken as reported
via       node 8a88e3dd
mesh      2ecb14927adc44816dc97e1406e3c0a2bb69a54179bc68c4df45e56cf4b0d75d
certified up to entry 8 in term 3 by the nodes 8a88e3dd ed4928c6

AT   WHEN       WHAT
6.1  2.0 s ago  submitted
7.0  2.0 s ago  attempt 1 assigned to 02020202-0202-0202-0202-020202020202
7.2  2.0 s ago  attempt 1 started by 02020202-0202-0202-0202-020202020202
8.0  2.0 s ago  attempt 1 reported by 02020202-0202-0202-0202-020202020202 of node 8a88e3dd: success, 5 B, digest ab58817f";
        let shown = text(&proven(), Screen::plain(), Moment(1_700_000_002_000));
        assert_eq!(shown, expected, "\n{shown}");
    }

    #[test]
    fn a_program_reads_the_same() {
        let json = as_json(&proven());
        assert_eq!(json["good"], true);
        assert_eq!(json["head"]["index"], 8);
        assert_eq!(json["commands"][0]["what"], "submitted");
        assert_eq!(json["commands"][3]["position"], "8.0");
        assert_eq!(json["commands"][3]["result"]["output"], "hello");
    }
}
