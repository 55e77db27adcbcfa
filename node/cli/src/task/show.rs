//! `hms task show`: one task in full.

use clap::Args;
use hms_client::domain::id::TaskId;
use hms_client::domain::task::{Task, TaskResult};
use hms_client::domain::time::Moment;
use hms_client::domain::verdict::Verdict;

use super::object::full_json;
use super::words::{blocked, finding_tone, is_printable, state_tone, verification};
use crate::clock::now;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::phrase::{age, size, span};
use crate::screen::{Screen, plain};
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
            plain(attempt.ended.map_or("under way", |(_, how)| how.name())),
        ]);
    }
    sheet.render()
}

fn verdicts(verdicts: &[Verdict], screen: Screen) -> String {
    let mut sheet = screen.table(&["VERIFIER", "ROUND", "FINDING"]);
    for verdict in verdicts {
        let finding = &verdict.finding;
        let (word, tone) = (finding.to_string(), finding_tone(finding));
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
    let mut parts = vec![format!(
        "result    {} in {}",
        result.outcome.name(),
        span(result.duration_ms)
    )];
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
            parts.push(format!("--- {name}\n{}", safe.trim_end()));
        }
    }
    parts.join("\n")
}

#[cfg(test)]
mod tests {
    use hms_client::domain::id::NodeId;

    use super::*;
    use crate::task::example::task;

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
    fn binary_output_is_not_thrown_at_the_terminal() {
        let mut binary = task().result.unwrap().result;
        binary.output = vec![0, 159, 146, 150];
        assert!(result(&binary).contains("4 B of binary output; see --raw"));
    }
}
