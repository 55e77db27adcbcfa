//! `hms mesh init`: founds a mesh on paper: the operator's key, the first node's key and the genesis.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use hms_client::domain::genesis::REPLACE_VOTER_AFTER_MS;
use hms_client::domain::id::NodeName;
use hms_client::domain::trust::Trust;
use hms_keystore::{Deed, Plan, found, now};
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::fault::Fault;
use crate::phrase::{parse_span, span};
use crate::screen::{Screen, remark};

pub(super) const EXAMPLES: &str = "\
Example:
  hms mesh init --data-dir n1
  hms mesh init --data-dir n1 --voters 5 --operator-key ~/safe/operator.key
  hms-node --data-dir n1

The operator's key says who may join, who must go, and what happens when the mesh cannot help itself. Keep it away from the
nodes: with --operator-key it never lies in a data directory.";

/// A mesh to be.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Data directory of the first node; made if it is not there.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// What the first node is called [default: the data folder's name]
    #[arg(long)]
    name: Option<NodeName>,
    /// Voters that the mesh wants.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=7), value_name = "N")]
    voters: u32,
    /// What its voters may do besides stopping.
    #[arg(long, value_enum, default_value_t = Word::Byzantine)]
    trust: Word,
    /// How long a voter may be lost before a spare takes its place [default: 5m]
    #[arg(long, value_parser = parse_span, value_name = "SPAN")]
    replace_voter_after: Option<Duration>,
    /// Never replace a lost voter by itself.
    #[arg(long, conflicts_with = "replace_voter_after")]
    never_replace: bool,
    /// The operator's key; made if it is not there [default: operator.key in the data directory]
    #[arg(long, env = "HMS_OPERATOR_KEY", value_name = "FILE")]
    operator_key: Option<PathBuf>,
}

/// What voters may do.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Word {
    /// Up to a third of them, less one, may lie.
    Byzantine,
    /// They only stop.
    Crash,
}

/// Founds it.
pub(super) fn run(init: &Init, screen: Screen) -> Result<Exit, Fault> {
    let after = init.replace_voter_after;
    let after = after.map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
    let plan = Plan {
        name: name(init)?,
        voters_wanted: init.voters,
        replace_voter_after_ms: match after {
            _ if init.never_replace => 0,
            Some(after) => after,
            None => REPLACE_VOTER_AFTER_MS,
        },
        trust: match init.trust {
            Word::Byzantine => Trust::Byzantine,
            Word::Crash => Trust::Crash,
        },
        founded_at: now(),
        operator_key: init.operator_key.clone(),
    };
    let deed = found(&init.data_dir, plan)?;
    screen.show(|_| text(&deed), || as_json(&deed))?;
    if !screen.is_json() {
        let place = init.data_dir.display();
        remark(&format!(
            "start its first node with: hms-node --data-dir {place}"
        ));
    }
    Ok(Exit::Done)
}

/// A node without a name is called after its data directory.
fn name(init: &Init) -> Result<NodeName, Fault> {
    if let Some(name) = &init.name {
        return Ok(name.clone());
    }
    let folder = init.data_dir.file_name().map(Path::new);
    let folder = folder.map(|folder| folder.to_string_lossy().to_lowercase());
    let name = folder.and_then(|folder| folder.parse().ok());
    name.ok_or(Fault::NoName)
}

fn text(deed: &Deed) -> String {
    let founding = deed.genesis.founding();
    let kept = if deed.key_was_there { "kept" } else { "made" };
    let replaced = match founding.replace_voter_after_ms {
        0 => "never".to_owned(),
        after => format!("after {}", span(after)),
    };
    format!(
        "mesh      {}\nfounder   {} ({})\nvoters    {}, a lost one replaced {replaced}\ngenesis   {}\noperator  {} ({kept})",
        deed.genesis.mesh(),
        founding.name,
        founding.founder,
        founding.voters_wanted,
        deed.genesis_file.display(),
        deed.operator_key.display(),
    )
}

fn as_json(deed: &Deed) -> Value {
    let founding = deed.genesis.founding();
    json!({
        "mesh": deed.genesis.mesh().to_string(),
        "founder": founding.founder.to_string(),
        "name": founding.name.to_string(),
        "voters": founding.voters_wanted,
        "replace_voter_after_ms": founding.replace_voter_after_ms,
        "genesis": deed.genesis_file.display().to_string(),
        "operator_key": deed.operator_key.display().to_string(),
        "operator_key_made": !deed.key_was_there,
    })
}
