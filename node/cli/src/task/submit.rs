//! `hms task submit`: takes work to the mesh and says what became of it at once.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use hms_client::domain::id::{SkillName, TaskId};
use hms_client::domain::limits::TASK_INPUT_BYTES_MAX;
use hms_client::domain::task::TaskState;
use hms_client::domain::verdict::Verification;
use hms_client::{Submission, TaskNews};
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::{wait, words};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::phrase::parse_span;
use crate::screen::Screen;
use crate::session::Session;

/// Examples for the help.
pub(super) const EXAMPLES: &str = "\
Example:
  hms task submit --skill echo --input hello --wait
  hms task submit --skill sleep --input 500 --attempts 2 --label run=nightly
  hms task submit --skill prove.metamath --input-file claim.bin --need base=DIGEST --key proof-17";

/// How long to look whether a new task finds an agent. Scheduling takes a round or two of the leader.
const LOOK_WITHIN: Duration = Duration::from_millis(250);

/// What to submit.
#[derive(Debug, Args)]
pub(crate) struct SubmitCommand {
    /// The skill that an agent must have.
    #[arg(long, value_name = "SKILL")]
    skill: SkillName,
    /// The skill's input, as text.
    #[arg(long, value_name = "TEXT", conflicts_with = "input_file")]
    input: Option<String>,
    /// A file with the skill's input; - for standard input.
    #[arg(long, value_name = "FILE")]
    input_file: Option<PathBuf>,
    /// How long the task as a whole may take [default: 5m].
    #[arg(long, value_parser = parse_span, value_name = "SPAN")]
    within: Option<Duration>,
    /// How long one attempt may take [default: 1m].
    #[arg(long, value_parser = parse_span, value_name = "SPAN")]
    attempt: Option<Duration>,
    /// How many attempts may be made [default: 3].
    #[arg(long, value_name = "NUMBER")]
    attempts: Option<u32>,
    /// Higher runs first, at most 255.
    #[arg(long, default_value_t = 100, value_name = "NUMBER")]
    priority: u8,
    /// Idempotency key: two submissions with one key are one task.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// An offer that an agent must have, for example base=DIGEST; may be repeated.
    #[arg(long, value_name = "OFFER")]
    need: Vec<String>,
    /// A label for people, KEY=VALUE; may be repeated.
    #[arg(long, value_parser = parse_label, value_name = "KEY=VALUE")]
    label: Vec<(String, String)>,
    /// How the result is checked [default: what the skill's name says].
    #[arg(long, value_enum)]
    verify: Option<Verify>,
    /// Wait until the task is final and show its result; --timeout bounds the wait.
    #[arg(long)]
    wait: bool,
}

/// How a result is checked.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Verify {
    /// Taken as reported.
    Reported,
    /// Checked by a proof kernel on other nodes.
    Kernel,
}

fn parse_label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => Err(format!("{text:?} is not KEY=VALUE")),
    }
}

/// Submits, and waits if asked to.
pub(super) async fn run(command: SubmitCommand, session: &Session) -> Result<Exit, Fault> {
    let wait = command.wait;
    let submission = command.into_submission()?;
    let submitted = session.client.submit(submission).await?;
    if wait {
        return wait::until_final(submitted.task, session).await;
    }
    let state = look(submitted.task, session).await?;
    let text = |screen: Screen| {
        let mut said = vec![submitted.task.to_string()];
        if !submitted.fresh {
            said.push("(was there already)".to_owned());
        }
        if let TaskState::Blocked(blockage) = &state {
            said.push(screen.tint("blocked:", words::state_tone(&state)));
            said.push(blockage.to_string());
        }
        said.join(" ")
    };
    let json = || {
        json!({
            "task": submitted.task.to_string(),
            "position": submitted.position.to_string(),
            "fresh": submitted.fresh,
            "state": state.name(),
        })
    };
    session.screen.show(text, json)?;
    Ok(if matches!(state, TaskState::Blocked(_)) {
        Exit::Blocked
    } else {
        Exit::Done
    })
}

/// Looks for a moment whether the task finds an agent or is blocked.
async fn look(task: TaskId, session: &Session) -> Result<TaskState, Fault> {
    let end = Instant::now() + LOOK_WITHIN;
    let mut watch = session.client.watch_task(task, None);
    let mut state = TaskState::Submitted;
    while matches!(state, TaskState::Submitted | TaskState::Queued) {
        match timeout_at(end, watch.next()).await {
            Ok(news) => match news? {
                Some(TaskNews::Step(step)) => state = step.transition.state,
                Some(TaskNews::Done(task)) => state = task.state,
                None => break,
            },
            Err(_) => break,
        }
    }
    Ok(state)
}

impl SubmitCommand {
    fn into_submission(self) -> Result<Submission, Fault> {
        let input = match (self.input, &self.input_file) {
            (Some(text), _) => text.into_bytes(),
            (None, Some(path)) => read_input(path)?,
            (None, None) => Vec::new(),
        };
        let mut submission = Submission::new(self.skill, input);
        submission.within = self.within;
        submission.attempt = self.attempt;
        submission.attempts = self.attempts;
        submission.priority = self.priority;
        submission.idempotency_key = self.key;
        submission.needs = self.need.into_iter().collect();
        submission.labels = self.label.into_iter().collect();
        submission.verification = self.verify.map(|verify| match verify {
            Verify::Reported => Verification::Reported,
            Verify::Kernel => Verification::Kernel,
        });
        Ok(submission)
    }
}

/// Reads an input. Of one that is too large, only so much is read as shows it.
fn read_input(path: &Path) -> Result<Vec<u8>, Fault> {
    let max = TASK_INPUT_BYTES_MAX as u64;
    let fail = |source| Fault::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut input = Vec::new();
    if path == Path::new("-") {
        io::stdin()
            .lock()
            .take(max + 1)
            .read_to_end(&mut input)
            .map_err(fail)?;
    } else {
        let file = File::open(path).map_err(fail)?;
        file.take(max + 1).read_to_end(&mut input).map_err(fail)?;
    }
    if max < input.len() as u64 {
        return Err(Fault::TooLarge {
            path: path.to_owned(),
            max,
        });
    }
    Ok(input)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn an_input_that_is_too_large_is_refused_before_it_is_sent() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&vec![0; TASK_INPUT_BYTES_MAX]).unwrap();
        assert_eq!(read_input(file.path()).unwrap().len(), TASK_INPUT_BYTES_MAX);
        file.write_all(b"x").unwrap();
        assert_eq!(read_input(file.path()).unwrap_err().code(), "HMS-TOO-LARGE");
        let missing = read_input(Path::new("/nowhere/at/all")).unwrap_err();
        assert_eq!(missing.code(), "HMS-FILE-UNREADABLE");
    }

    #[test]
    fn a_label_has_a_key_and_a_value() {
        let pair = |key: &str, value: &str| Ok((key.to_owned(), value.to_owned()));
        assert_eq!(parse_label("a=b=c"), pair("a", "b=c"));
        assert_eq!(parse_label("a="), pair("a", ""));
        assert!(parse_label("=b").is_err() && parse_label("ab").is_err());
    }
}
