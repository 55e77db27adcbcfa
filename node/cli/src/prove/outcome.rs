//! What became of the theorems: who proved each, who accepted it, and why not.

use std::collections::BTreeSet;

use hms_client::domain::task::{Task, TaskState};
use hms_client::domain::verdict::Finding;
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::phrase::span;
use crate::screen::{Screen, Tone, plain};
use crate::session::Names;
use crate::task::{Waited, result_json, state_tone};

/// One theorem and what became of it.
#[derive(Debug)]
pub(super) struct Proved {
    pub(super) label: String,
    pub(super) waited: Waited,
}

impl Proved {
    /// What it means for the command.
    pub(super) fn exit(&self) -> Exit {
        match &self.waited {
            Waited::Final(task) => Exit::of_task(task),
            Waited::Late(state) => Exit::of_unfinished(state),
        }
    }

    fn state(&self) -> &TaskState {
        match &self.waited {
            Waited::Final(task) => &task.state,
            Waited::Late(state) => state,
        }
    }

    fn task(&self) -> Option<&Task> {
        match &self.waited {
            Waited::Final(task) => Some(task),
            Waited::Late(_) => None,
        }
    }
}

/// The theorems as a table, and all of them in one line.
pub(super) fn text_of(
    proved: &[Proved],
    (names, screen): (&Names, Screen),
    took_ms: u64,
    with_proofs: bool,
) -> String {
    let mut sheet = screen.table(&[
        "THEOREM",
        "STATE",
        "PROVED BY",
        "ACCEPTED BY",
        "TOOK",
        "WHY",
    ]);
    for one in proved {
        let succeeded = matches!(one.state(), TaskState::Succeeded);
        let word = if succeeded {
            "proved"
        } else {
            one.state().name()
        };
        sheet.row([
            plain(&one.label),
            (word.to_owned(), state_tone(one.state())),
            plain(
                one.task()
                    .and_then(|task| prover(task, names))
                    .unwrap_or_else(dash),
            ),
            plain(
                one.task()
                    .map_or_else(dash, |task| accepted_by(task, names)),
            ),
            plain(one.task().and_then(took).map_or_else(dash, span)),
            plain(one.task().map_or_else(String::new, why)),
        ]);
    }
    let good = proved
        .iter()
        .filter(|one| *one.state() == TaskState::Succeeded)
        .count();
    let tone = if good == proved.len() {
        Tone::Good
    } else {
        Tone::Bad
    };
    let nodes: BTreeSet<String> = proved
        .iter()
        .filter_map(|one| prover(one.task()?, names))
        .collect();
    let count = screen.tint(&format!("{good} of {} theorems proved", proved.len()), tone);
    let mut text = format!(
        "{}\n\n{count} on {} nodes in {}",
        sheet.render(),
        nodes.len(),
        span(took_ms)
    );
    if with_proofs {
        for (one, task) in proved.iter().filter_map(|one| Some((one, one.task()?))) {
            if let Some(proof) = proof(task) {
                text = format!("{text}\n\n$( {} $)\n{}", one.label, proof.trim_end());
            }
        }
    }
    text
}

fn dash() -> String {
    "-".to_owned()
}

/// The node whose agent gave the result.
fn prover(task: &Task, names: &Names) -> Option<String> {
    let report = task.result.as_ref()?;
    let attempt = task
        .attempts
        .iter()
        .find(|attempt| attempt.number == report.attempt)?;
    Some(names.of(attempt.node))
}

/// The nodes whose kernels accepted the result.
fn accepted_by(task: &Task, names: &Names) -> String {
    let Some(round) = &task.round else {
        return dash();
    };
    let accepted = round
        .verdicts
        .iter()
        .filter(|verdict| verdict.finding == Finding::Accepted);
    let nodes: Vec<String> = accepted
        .filter_map(|verdict| {
            let (_, node) = round
                .drawn
                .iter()
                .find(|(agent, _)| *agent == verdict.verifier)?;
            Some(names.of(*node))
        })
        .collect();
    if nodes.is_empty() {
        dash()
    } else {
        nodes.join(" ")
    }
}

/// From the submission to the end.
fn took(task: &Task) -> Option<u64> {
    let (first, last) = (task.history.first()?, task.history.last()?);
    Some(last.at.since_ms(first.at))
}

/// Why a theorem is not proved.
fn why(task: &Task) -> String {
    if task.state == TaskState::Succeeded {
        return String::new();
    }
    let complaint = task
        .result
        .as_ref()
        .map(|report| report.result.stderr.trim());
    let note = task.history.last().map_or("", |step| step.note.as_str());
    let reason = complaint.filter(|text| !text.is_empty()).unwrap_or(note);
    let line = reason.lines().next().unwrap_or_default();
    line.chars().filter(|letter| !letter.is_control()).collect()
}

fn proof(task: &Task) -> Option<&str> {
    std::str::from_utf8(&task.result.as_ref()?.result.output).ok()
}

/// The same for programs.
pub(super) fn json_of(proved: &[Proved], names: &Names, took_ms: u64) -> Value {
    let theorems = proved.iter().map(|one| {
        json!({
            "theorem": one.label,
            "proved": *one.state() == TaskState::Succeeded,
            "state": one.state().name(),
            "task": one.task().map(|task| task.id.to_string()),
            "proved_by": one.task().and_then(|task| prover(task, names)),
            "accepted_by": one.task().map(|task| accepted_by(task, names)),
            "took_ms": one.task().and_then(took),
            "why": one.task().map(why),
            "result": one.task().and_then(|task| task.result.as_ref()).map(|report| result_json(&report.result)),
        })
    });
    let good = proved
        .iter()
        .filter(|one| *one.state() == TaskState::Succeeded)
        .count();
    json!({
        "theorems": theorems.collect::<Vec<_>>(),
        "proved": good,
        "total": proved.len(),
        "took_ms": took_ms,
    })
}

#[cfg(test)]
mod tests {
    use hms_client::domain::verdict::Verification;

    use super::*;
    use crate::task::example::task;

    fn proved(label: &str, state: TaskState, stderr: &str) -> Proved {
        let mut task = task();
        task.spec.verification = Verification::Kernel;
        task.state = state;
        if let Some(report) = &mut task.result {
            report.result.stderr = stderr.to_owned();
        }
        Proved {
            label: label.to_owned(),
            waited: Waited::Final(Box::new(task)),
        }
    }

    #[test]
    fn every_theorem_has_its_line_and_the_worst_decides_the_exit() {
        let all = [
            proved("id", TaskState::Succeeded, ""),
            proved("wrong", TaskState::Failed, "the stack is empty\nat step 3"),
            Proved {
                label: "slow".to_owned(),
                waited: Waited::Late(TaskState::Running),
            },
        ];
        let screen = Screen::plain();
        let text = text_of(&all, (&Names::default(), screen), 1_500, false);
        let expected = "\
THEOREM  STATE    PROVED BY  ACCEPTED BY  TOOK    WHY
id       proved   03030303   -            900 ms
wrong    failed   03030303   -            900 ms  the stack is empty
slow     running  -          -            -

1 of 3 theorems proved on 1 nodes in 1.5 s";
        assert_eq!(text, expected);
        assert_eq!(all.iter().map(Proved::exit).max(), Some(Exit::Unverified));
        assert_eq!(json_of(&all, &Names::default(), 1)["proved"], 1);
    }
}
