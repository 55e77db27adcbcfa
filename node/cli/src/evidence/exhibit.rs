//! What a piece of evidence consists of, for people and for programs. Nothing is checked here.

use hms_client::domain::ballot::Vote;
use hms_client::domain::certificate::{Attestation, Mark, Phase};
use hms_client::domain::evidence::{AgentEvidence, Exhibit, VoterEvidence};
use serde_json::{Value, json};

use crate::phrase::count;

/// Its parts, one line each.
pub(super) fn lines(exhibit: &Exhibit) -> Vec<String> {
    let parts = match exhibit {
        Exhibit::Voter(evidence) => match &**evidence {
            VoterEvidence::TwoAttestations { first, second } => [first, second].map(word).to_vec(),
            VoterEvidence::TwoVotes { first, second } => [first, second].map(vote).to_vec(),
            VoterEvidence::VoteBelowLock { lock, vote: it } => vec![word(lock), vote(it)],
            VoterEvidence::VoteBelowItself { vote: it } => vec![vote(it)],
        },
        Exhibit::Agent(evidence) => vec![
            format!("a report sealed by the agent, {} B", bytes(evidence)),
            count(evidence.verdicts.len() as u64, "sealed verdict"),
            format!(
                "{} of agents",
                count(evidence.agents.len() as u64, "certificate")
            ),
        ],
    };
    parts
        .into_iter()
        .map(|part| format!("part      {part}"))
        .collect()
}

/// Its parts, for programs.
pub(super) fn as_json(exhibit: &Exhibit) -> Value {
    match exhibit {
        Exhibit::Voter(evidence) => match &**evidence {
            VoterEvidence::TwoAttestations { first, second } => {
                json!({ "kind": "two_attestations", "words": [word_json(first), word_json(second)] })
            }
            VoterEvidence::TwoVotes { first, second } => {
                json!({ "kind": "two_votes", "votes": [vote_json(first), vote_json(second)] })
            }
            VoterEvidence::VoteBelowLock { lock, vote } => {
                json!({ "kind": "vote_below_lock", "words": [word_json(lock)], "votes": [vote_json(vote)] })
            }
            VoterEvidence::VoteBelowItself { vote } => {
                json!({ "kind": "vote_below_itself", "votes": [vote_json(vote)] })
            }
        },
        Exhibit::Agent(evidence) => json!({
            "kind": "refused_result",
            "report_bytes": bytes(evidence),
            "verdicts": evidence.verdicts.len(),
            "agents": evidence.agents.iter().map(|it| it.agent.to_string()).collect::<Vec<_>>(),
        }),
    }
}

fn bytes(evidence: &AgentEvidence) -> usize {
    evidence.report.parts().1.len()
}

const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Held => "held",
        Phase::Locked => "locked",
    }
}

fn word(word: &Attestation) -> String {
    let it = &word.statement;
    let (phase, hash) = (phase(it.phase), it.hash);
    format!("{phase} in term {}: entry {} is {hash}", it.term, it.index)
}

fn word_json(word: &Attestation) -> Value {
    let it = &word.statement;
    json!({
        "voter": word.voter.to_string(),
        "phase": phase(it.phase),
        "epoch": it.epoch.0,
        "term": it.term.0,
        "index": it.index.0,
        "hash": it.hash.to_string(),
    })
}

fn vote(vote: &Vote) -> String {
    let it = &vote.ballot;
    let place = |mark: Option<Mark>| {
        mark.map_or_else(
            || "nothing".to_owned(),
            |mark| format!("{} of term {}", mark.index, mark.term),
        )
    };
    format!(
        "vote in term {} for {}, which showed {}; own lock: {}",
        it.term,
        it.candidate.short(),
        place(it.shown),
        place(it.lock)
    )
}

fn vote_json(vote: &Vote) -> Value {
    let it = &vote.ballot;
    let mark = |mark: Option<Mark>| {
        mark.map(|mark| {
            json!({ "term": mark.term.0, "index": mark.index.0, "hash": mark.hash.to_string() })
        })
    };
    json!({
        "voter": vote.voter.to_string(),
        "term": it.term.0,
        "epoch": it.epoch.0,
        "candidate": it.candidate.to_string(),
        "shown": mark(it.shown),
        "lock": mark(it.lock),
    })
}
