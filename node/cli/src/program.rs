//! `hms-node ledger`, asked what only the program of the node can read: a ledger on a disk, the state in a snapshot.

use std::fs::File;
use std::io::{Error, Write as _};
use std::process::{Command, Output, Stdio};

use hms_testnet::plan::find_node_binary;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// Who voted.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Voter {
    id: String,
    name: Option<String>,
}

impl Voter {
    /// Its name, or its id if it is no member any more.
    pub(crate) fn called(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }
}

/// What it says when it does nothing.
#[derive(Clone, Debug, Deserialize)]
struct Refused {
    error: Complaint,
}

/// Why.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Complaint {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) hint: String,
}

/// What it gets on its standard input.
#[derive(Debug)]
pub(crate) enum Input<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// What is in a file.
    File(File),
}

/// The command line, to which more is added.
pub(crate) fn ledger(verb: &str) -> Result<Command, Fault> {
    let mut command = Command::new(find_node_binary()?);
    command.args(["ledger", verb]);
    // Settings of a node that runs are none of this one's.
    let settings = std::env::vars_os().map(|(name, _)| name);
    for name in settings.filter(|name| name.to_string_lossy().starts_with("HMS_")) {
        command.env_remove(name);
    }
    Ok(command)
}

/// Runs it, and reads what it answers.
pub(crate) fn ask<T: DeserializeOwned>(
    mut command: Command,
    input: Input<'_>,
) -> Result<Result<T, Complaint>, Fault> {
    let failed = |source| Fault::NodeProgram { source };
    let (stdin, bytes) = match input {
        Input::Bytes(bytes) => (Stdio::piped(), bytes),
        Input::File(file) => (Stdio::from(file), &[][..]),
    };
    command.stdin(stdin).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that wants none may be gone by now, and says so itself.
        let _ = stdin.write_all(bytes);
    }
    let Output { stdout, stderr, .. } = child.wait_with_output().map_err(failed)?;
    if let Ok(answer) = serde_json::from_slice(&stdout) {
        return Ok(Ok(answer));
    }
    match serde_json::from_slice::<Refused>(&stdout) {
        Ok(refused) => Ok(Err(refused.error)),
        Err(_) => Err(Fault::NodeProgram {
            source: Error::other(String::from_utf8_lossy(&stderr).trim().to_owned()),
        }),
    }
}
