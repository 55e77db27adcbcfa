//! `hms task show`: one task in full, and the words for states, ends and findings that others use too.

use clap::Args;
use hms_client::domain::id::TaskId;
use hms_client::domain::task::{
    Attempt, AttemptEnd, Blockage, Outcome, Task, TaskResult, TaskState,
};
use hms_client::domain::time::Moment;
use hms_client::domain::verdict::{Finding, Verdict, Verification};
use serde_json::{Value, json};

use crate::clock::now;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::phrase::{age, size, span};
use crate::screen::{Screen, Tone, plain};
use crate::session::{Names, Session};

/// Which task.
#[derive(Debug, Args)]
pub(crate) struct ShowCommand {
    /// Its id.
    task: TaskId,
    /// Write the result's bytes to standard output and nothing else.
    #[arg(long)]
    raw: bool,
}

/// Shows one task.
pub(super) async fn run(command: &ShowCommand, session: &Session) -> Result<Exit, Fault> {
    let task = session.client.task(command.task).await?;
    if command.raw {
        let output = task
            .result
            .as_ref()
            .map(|report| report.result.output.as_slice());
        session.screen.print_bytes(output.unwrap_or_default())?;
        return Ok(Exit::Done);
    }
    let names = session.names().await?;
    session.screen.show(
        |screen| text(&task, &names, screen, now()),
        || full_json(&task, &names),
    )?;
    Ok(Exit::Done)
}

/// One task in full, for people.
pub(super) fn text(task: &Task, names: &Names, screen: Screen, now: Moment) -> String {
    let mut parts = vec![head(task, names, screen, now)];
    if !task.attempts.is_empty() {
        parts.push(attempts(task, names, screen));
    }
    if let Some(round) = task
        .round
        .as_ref()
        .filter(|round| !round.verdicts.is_empty())
    {
        parts.push(verdicts(&round.verdicts, screen));
    }
    parts.push(history(task, screen, now));
    if let Some(report) = &task.result {
        parts.push(result(&report.result));
    }
    parts.join("\n\n")
}

fn head(task: &Task, names: &Names, screen: Screen, now: Moment) -> String {
    let spec = &task.spec;
    let state = screen.tint(task.state.name(), state_tone(&task.state));
    let state = match blocked(task) {
        Some(reason) => format!("{state}: {reason}"),
        None => state,
    };
    let needs: Vec<&str> = spec.needs.iter().map(String::as_str).collect();
    let labels: Vec<String> = spec
        .labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let mut lines = vec![
        ("task", task.id.to_string()),
        ("state", state),
        ("skill", spec.skill.to_string()),
        (
            "input",
            format!(
                "{}, digest {}",
                size(spec.input.len() as u64),
                task.input_digest.short()
            ),
        ),
        ("checked", verification(spec.verification).to_owned()),
        ("via", names.of(task.via)),
        (
            "attempts",
            format!(
                "{} of {}, {} each",
                task.attempts.len(),
                spec.attempts_max,
                span(spec.attempt_ms)
            ),
        ),
        ("priority", spec.priority.to_string()),
    ];
    if !task.state.is_final() {
        let left_ms = spec.deadline.since_ms(now);
        lines.push(("deadline", format!("in {}", span(left_ms))));
    }
    lines.extend(spec.idempotency_key.clone().map(|key| ("key", key)));
    lines.extend((!needs.is_empty()).then(|| ("needs", needs.join(" "))));
    lines.extend((!labels.is_empty()).then(|| ("labels", labels.join(" "))));
    let lines: Vec<String> = lines
        .into_iter()
        .map(|(name, value)| format!("{name:<9} {value}"))
        .collect();
    lines.join("\n")
}

fn attempts(task: &Task, names: &Names, screen: Screen) -> String {
    let mut sheet = screen.table(&["ATTEMPT", "AGENT", "NODE", "TOOK", "END"]);
    for attempt in &task.attempts {
        let took = attempt
            .ended
            .map(|(at, _)| span(at.since_ms(attempt.assigned_at)));
        sheet.row([
            plain(attempt.number),
            plain(attempt.agent),
            plain(names.of(attempt.node)),
            plain(took.unwrap_or_else(|| "-".to_owned())),
            plain(attempt.ended.map_or("under way", |(_, how)| end(how))),
        ]);
    }
    sheet.render()
}

fn verdicts(verdicts: &[Verdict], screen: Screen) -> String {
    let mut sheet = screen.table(&["VERIFIER", "ROUND", "FINDING"]);
    for verdict in verdicts {
        let (word, tone) = finding(&verdict.finding);
        sheet.row([plain(verdict.verifier), plain(verdict.round), (word, tone)]);
    }
    sheet.render()
}

fn history(task: &Task, screen: Screen, now: Moment) -> String {
    let mut sheet = screen.table(&["AT", "WHEN", "STATE", "WHY"]);
    for step in &task.history {
        sheet.row([
            plain(step.position),
            plain(age(step.at, now)),
            (step.state.name().to_owned(), state_tone(&step.state)),
            plain(&step.note),
        ]);
    }
    sheet.render()
}

/// What came out. Bytes that are no text are only counted: `--raw` gives them.
fn result(result: &TaskResult) -> String {
    let mut text = format!(
        "result    {} in {}",
        outcome(result.outcome),
        span(result.duration_ms)
    );
    let output = match std::str::from_utf8(&result.output) {
        Ok("") => None,
        Ok(output) if output.chars().all(is_printable) => Some(output.to_owned()),
        Ok(_) | Err(_) => Some(format!(
            "{} of binary output; see --raw",
            size(result.output.len() as u64)
        )),
    };
    let texts = [
        ("output", output),
        ("stdout", Some(result.stdout.clone())),
        ("stderr", Some(result.stderr.clone())),
        ("trace", Some(result.trace.clone())),
    ];
    for (name, content) in texts {
        if let Some(content) = content.filter(|content| !content.is_empty()) {
            let safe: String = content
                .chars()
                .map(|letter| if is_printable(letter) { letter } else { '?' })
                .collect();
            text = format!("{text}\n--- {name}\n{}", safe.trim_end());
        }
    }
    text
}

/// Whether a letter of a foreign text may go to the terminal: escape sequences may not.
fn is_printable(letter: char) -> bool {
    matches!(letter, '\n' | '\t') || !letter.is_control()
}

/// How good a state is.
pub(crate) const fn state_tone(state: &TaskState) -> Tone {
    match state {
        TaskState::Succeeded => Tone::Good,
        TaskState::Blocked(_) | TaskState::AwaitingApproval | TaskState::Cancelled => Tone::Warn,
        TaskState::Failed | TaskState::TimedOut | TaskState::Quarantined => Tone::Bad,
        TaskState::Submitted
        | TaskState::Queued
        | TaskState::Assigned
        | TaskState::Running
        | TaskState::Verifying => Tone::Plain,
    }
}

/// Why a task is blocked, if it is.
fn blocked(task: &Task) -> Option<String> {
    if let TaskState::Blocked(blockage) = &task.state {
        Some(reason(blockage))
    } else {
        None
    }
}

/// Why a task is blocked.
pub(super) fn reason(blockage: &Blockage) -> String {
    match blockage {
        Blockage::NoSkill => "no agent has the skill".to_owned(),
        Blockage::NoOffer(need) => format!("no agent with the skill offers {need}"),
        Blockage::NobodyPresent => "the agents that could take it are not present".to_owned(),
        Blockage::NoVerifier => "no agent could check the result".to_owned(),
    }
}

const fn end(how: AttemptEnd) -> &'static str {
    match how {
        AttemptEnd::Reported => "reported",
        AttemptEnd::NodeLost => "node lost",
        AttemptEnd::AgentLost => "agent lost",
        AttemptEnd::LeaseExpired => "lease expired",
        AttemptEnd::Withdrawn => "withdrawn",
    }
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "success",
        Outcome::Failure => "failure",
        Outcome::Timeout => "timeout",
        Outcome::Cancelled => "cancelled",
        Outcome::Unavailable => "unavailable",
    }
}

const fn verification(verification: Verification) -> &'static str {
    match verification {
        Verification::Reported => "taken as reported",
        Verification::Kernel => "by a proof kernel on other nodes",
    }
}

fn finding(finding: &Finding) -> (String, Tone) {
    match finding {
        Finding::Accepted => ("accepted".to_owned(), Tone::Good),
        Finding::Rejected(why) => (format!("rejected: {why}"), Tone::Bad),
        Finding::Unavailable(why) => (format!("could not check: {why}"), Tone::Warn),
    }
}

/// A task in a list, for programs.
pub(super) fn brief_json(task: &Task) -> Value {
    let spec = &task.spec;
    json!({
        "task": task.id.to_string(),
        "skill": spec.skill.as_str(),
        "state": task.state.name(),
        "blocked": blocked(task),
        "via": task.via.to_string(),
        "priority": spec.priority,
        "deadline_ms": spec.deadline.0,
        "attempt_ms": spec.attempt_ms,
        "attempts_max": spec.attempts_max,
        "attempts": task.attempts.iter().map(attempt_json).collect::<Vec<_>>(),
        "idempotency_key": spec.idempotency_key,
        "needs": spec.needs,
        "labels": spec.labels,
        "submitted_at_ms": task.history.first().map(|step| step.at.0),
        "changed_at_ms": task.history.last().map(|step| step.at.0),
        "outcome": task.result.as_ref().map(|report| outcome(report.result.outcome)),
    })
}

/// A task in full, for programs.
pub(super) fn full_json(task: &Task, names: &Names) -> Value {
    let mut object = brief_json(task);
    object["via_name"] = json!(names.of(task.via));
    object["input_digest"] = json!(task.input_digest.to_string());
    object["input_bytes"] = json!(task.spec.input.len());
    object["verdicts"] = task
        .round
        .iter()
        .flat_map(|round| &round.verdicts)
        .map(verdict_json)
        .collect();
    object["history"] = task
        .history
        .iter()
        .map(|step| {
            json!({
                "position": step.position.to_string(),
                "at_ms": step.at.0,
                "state": step.state.name(),
                "why": step.note,
            })
        })
        .collect();
    object["result"] = task
        .result
        .as_ref()
        .map_or(Value::Null, |report| result_json(&report.result));
    object
}

fn attempt_json(attempt: &Attempt) -> Value {
    json!({
        "number": attempt.number,
        "agent": attempt.agent.to_string(),
        "node": attempt.node.to_string(),
        "assigned_at_ms": attempt.assigned_at.0,
        "ended_at_ms": attempt.ended.map(|(at, _)| at.0),
        "end": attempt.ended.map(|(_, how)| end(how)),
    })
}

fn verdict_json(verdict: &Verdict) -> Value {
    json!({
        "verifier": verdict.verifier.to_string(),
        "attempt": verdict.attempt,
        "round": verdict.round,
        "finding": finding(&verdict.finding).0,
    })
}

/// A result, for programs. The output is text if it is text, and hexadecimal digits beside it in any case.
pub(crate) fn result_json(result: &TaskResult) -> Value {
    json!({
        "outcome": outcome(result.outcome),
        "output": std::str::from_utf8(&result.output).ok(),
        "output_hex": hex::encode(&result.output),
        "stdout": result.stdout,
        "stderr": result.stderr,
        "trace": result.trace,
        "duration_ms": result.duration_ms,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use hms_client::domain::digest::Hash;
    use hms_client::domain::id::{AgentId, Incarnation, Index, NodeId, Position};
    use hms_client::domain::task::{Report, TaskKind, TaskSpec, Transition};

    use super::*;

    /// A task that has succeeded at its first attempt.
    pub(crate) fn task() -> Task {
        let agent = AgentId::from_bytes([2; 16]);
        let id = TaskId::from_bytes([7; 16]);
        let step = |index, at, state, note: &str| Transition {
            position: Position {
                index: Index(index),
                offset: 0,
            },
            at: Moment(at),
            state,
            note: note.to_owned(),
        };
        let result = TaskResult {
            outcome: Outcome::Success,
            output: b"hello".to_vec(),
            stdout: String::new(),
            stderr: "odd \u{1b}[2J".to_owned(),
            trace: String::new(),
            duration_ms: 12,
        };
        Task {
            id,
            spec: TaskSpec {
                kind: TaskKind::Work,
                skill: "echo".parse().unwrap(),
                input: b"hello".to_vec(),
                deadline: Moment(9_000),
                attempt_ms: 1_000,
                attempts_max: 3,
                priority: 100,
                idempotency_key: None,
                needs: BTreeSet::new(),
                labels: BTreeMap::from([("run".to_owned(), "nightly".to_owned())]),
                verification: Verification::Reported,
            },
            input_digest: Hash::from_bytes([9; 32]),
            via: NodeId::from_bytes([1; 32]),
            state: TaskState::Succeeded,
            attempts: vec![Attempt {
                number: 1,
                agent,
                node: NodeId::from_bytes([3; 32]),
                incarnation: Incarnation(1),
                assigned_at: Moment(1_100),
                lease_until: Moment(2_100),
                ended: Some((Moment(1_900), AttemptEnd::Reported)),
            }],
            result: Some(Report {
                task: id,
                attempt: 1,
                agent,
                result,
            }),
            round: None,
            history: vec![
                step(4, 1_000, TaskState::Submitted, "taken"),
                step(5, 1_100, TaskState::Assigned, "least loaded"),
                step(6, 1_900, TaskState::Succeeded, "reported"),
            ],
        }
    }

    #[test]
    fn one_task_tells_its_whole_story() {
        let names = Names([(NodeId::from_bytes([3; 32]), "n2".to_owned())].into());
        let expected = "\
task      07070707-0707-0707-0707-070707070707
state     succeeded
skill     echo
input     5 B, digest 09090909
checked   taken as reported
via       01010101
attempts  1 of 3, 1.0 s each
priority  100
labels    run=nightly

ATTEMPT  AGENT                                 NODE  TOOK    END
1        02020202-0202-0202-0202-020202020202  n2    800 ms  reported

AT   WHEN       STATE      WHY
4.0  1.0 s ago  submitted  taken
5.0  900 ms ago  assigned   least loaded
6.0  100 ms ago  succeeded  reported

result    success in 12 ms
--- output
hello
--- stderr
odd ?[2J";
        let shown = text(&task(), &names, Screen::plain(), Moment(2_000));
        let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(squeeze(&shown), squeeze(expected), "\n{shown}");
    }

    #[test]
    fn a_program_gets_the_output_as_text_and_as_digits() {
        let json = full_json(&task(), &Names::default());
        assert_eq!(json["result"]["output"], "hello");
        assert_eq!(json["result"]["output_hex"], "68656c6c6f");
        assert_eq!(json["attempts"][0]["end"], "reported");
        assert_eq!(json["history"][2]["state"], "succeeded");
    }

    #[test]
    fn binary_output_is_not_thrown_at_the_terminal() {
        let mut binary = task().result.unwrap().result;
        binary.output = vec![0, 159, 146, 150];
        assert!(result(&binary).contains("4 B of binary output; see --raw"));
        assert_eq!(result_json(&binary)["output"], Value::Null);
    }
}
