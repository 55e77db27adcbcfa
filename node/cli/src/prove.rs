//! `hms prove`: every theorem of a file becomes a task; agents on many nodes search or check, others verify.

mod outcome;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use futures::stream::{self, StreamExt as _};
use hms_client::domain::digest::Hash;
use hms_client::domain::proof::{Claim, hash_database, split_claims};
use hms_client::{Client, ClientError, Submission};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use self::outcome::{Proved, json_of, text_of};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::phrase::parse_span;
use crate::screen::Screen;
use crate::session::Session;
use crate::task::wait;

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

#[cfg(test)]
mod tests {
    use super::*;

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
