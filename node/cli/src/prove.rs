//! `hms prove`: every theorem of a file becomes a task; agents on many nodes search or check, others verify.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use futures::stream::{self, StreamExt as _};
use hms_client::domain::digest::Hash;
use hms_client::domain::proof::{Claim, hash_database, split_claims};
use hms_client::domain::task::{Task, TaskState};
use hms_client::domain::verdict::Finding;
use hms_client::{Client, ClientError, Submission};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::exit::Exit;
use crate::fault::Fault;
use crate::phrase::{parse_span, span};
use crate::screen::{Screen, Tone, plain};
use crate::session::{Names, Session};
use crate::task::{Waited, result_json, state_tone, wait};

/// Theorems under way at a time: enough to keep every agent of a large mesh busy.
const THEOREMS_AT_ONCE: usize = 64;

/// How the offer of a proof database begins, in front of its digest.
const BASE_OFFER: &str = "base=";

/// What to prove.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hms prove theorems.mm --db logic.mm
  hms prove theorems.mm -o json -t 30s

A theorem whose proof is `?` is searched for; any other proof is checked. Results count only once other nodes' kernels
have accepted them; the exit code is 5 if one was not.")]
pub(crate) struct ProveCommand {
    /// A Metamath file with $p statements (and the $e $f $d $v that they need) and nothing else.
    file: PathBuf,
    /// The database that the theorems stand on: its file, or its digest [default: the one that the agents hold].
    #[arg(long, value_name = "FILE|DIGEST")]
    db: Option<String>,
    /// How long each theorem may take [default: 5m].
    #[arg(long, value_parser = parse_span, value_name = "SPAN")]
    within: Option<Duration>,
    /// Show the proofs.
    #[arg(long)]
    proofs: bool,
}

/// One theorem and what became of it.
#[derive(Debug)]
struct Proved {
    label: String,
    waited: Waited,
}

/// Proves every theorem of a file.
pub(crate) async fn run(command: ProveCommand, session: &Session) -> Result<Exit, Fault> {
    let path = &command.file;
    let text = fs::read_to_string(path).map_err(|source| Fault::Unreadable {
        path: path.clone(),
        source,
    })?;
    let base = match &command.db {
        Some(text) => find_database(text)?,
        None => only_database(&session.client).await?,
    };
    let claims = split_claims(&text, base).map_err(|source| Fault::BadTheorems {
        path: path.clone(),
        source,
    })?;
    let began = Instant::now();
    let proved = prove_all(claims, command.within, session).await?;
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let names = session.names().await?;
    session.screen.show(
        |screen| text_of(&proved, (&names, screen), took_ms, command.proofs),
        || json_of(&proved, &names, took_ms),
    )?;
    Ok(proved.iter().map(Proved::exit).max().unwrap_or(Exit::Done))
}

/// Submits the claims and waits for all of them; the results come in the order of the file.
async fn prove_all(
    claims: Vec<Claim>,
    within: Option<Duration>,
    session: &Session,
) -> Result<Vec<Proved>, Fault> {
    let end = session.patience.map(|patience| Instant::now() + patience);
    let progress = progress(claims.len(), session.screen);
    let tasks = claims.into_iter().map(|claim| {
        let (client, progress) = (&session.client, &progress);
        async move {
            let mut submission = Submission::proof(&claim);
            submission.within = within;
            let submitted = client.submit(submission).await?;
            let waited = wait(client, submitted.task, end).await?;
            progress.inc(1);
            Ok::<_, ClientError>(Proved {
                label: claim.label,
                waited,
            })
        }
    });
    let outcomes: Vec<_> = stream::iter(tasks)
        .buffered(THEOREMS_AT_ONCE)
        .collect()
        .await;
    progress.finish_and_clear();
    Ok(outcomes.into_iter().collect::<Result<_, _>>()?)
}

/// A bar on standard error, for people who look at it.
fn progress(theorems: usize, screen: Screen) -> ProgressBar {
    if screen.is_json() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(theorems as u64);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} theorems, {elapsed}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The database that a file or a digest names.
fn find_database(text: &str) -> Result<Hash, Fault> {
    if let Some(digest) = Hash::from_hex(text) {
        return Ok(digest);
    }
    let path = Path::new(text);
    if !path.exists() {
        return Err(Fault::BadBase {
            text: text.to_owned(),
        });
    }
    let bytes = fs::read(path).map_err(|source| Fault::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    Ok(hash_database(&bytes))
}

/// The database that every agent holds that holds any.
async fn only_database(client: &Client) -> Result<Hash, Fault> {
    let mut bases = BTreeSet::new();
    for view in client.agents(None).await? {
        let offers = view.agent.certificate.offers.iter();
        bases.extend(
            offers
                .filter_map(|offer| offer.strip_prefix(BASE_OFFER))
                .map(str::to_owned),
        );
    }
    let found: Vec<String> = bases.into_iter().collect();
    match found.as_slice() {
        [] => Err(Fault::NoBase),
        [only] => Hash::from_hex(only).ok_or_else(|| Fault::BadBase { text: only.clone() }),
        _ => Err(Fault::ManyBases { bases: found }),
    }
}

impl Proved {
    fn exit(&self) -> Exit {
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

fn text_of(
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

fn json_of(proved: &[Proved], names: &Names, took_ms: u64) -> Value {
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

    #[test]
    fn a_base_is_a_digest_or_a_file() {
        let digest = Hash::from_bytes([5; 32]);
        assert_eq!(find_database(&digest.to_string()).unwrap(), digest);
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        assert_eq!(find_database(path).unwrap(), hash_database(b""));
        assert_eq!(
            find_database("no-such-thing").unwrap_err().code(),
            "HMS-BASE-UNKNOWN"
        );
    }
}
