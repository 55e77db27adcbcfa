//! `hms-simulate`, asked to run a drill in the simulated world.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use hms_testnet::drill::run::Told;
use hms_testnet::drill::{Drill, Mark, Run};
use hms_testnet::plan::find_program;

use crate::fault::Fault;

/// Runs a drill under so many seeds, from the first. `tell` hears of each moment, `done` of each run.
pub(super) fn simulate(
    drill: &Drill,
    seed: u64,
    repeats: u64,
    mut tell: impl FnMut(u64, &Mark),
    mut done: impl FnMut(&Run),
) -> Result<Vec<Run>, Fault> {
    let failed = |reason: String| Fault::Simulator { reason };
    let mut child = Command::new(find_program("hms-simulate")?)
        .args([seed.to_string(), repeats.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        let written = stdin.write_all(drill.to_toml().as_bytes());
        written.map_err(|error| failed(error.to_string()))?;
    }
    let stdout = child
        .stdout
        .take()
        .ok_or_else(|| failed("it has no output".to_owned()))?;
    let mut runs = Vec::new();
    for line in BufReader::new(stdout).lines() {
        let line = line.map_err(|error| failed(error.to_string()))?;
        match serde_json::from_str(&line).map_err(|error| failed(error.to_string()))? {
            Told::Mark(seed, mark) => tell(seed, &mark),
            Told::Run(run) => {
                done(&run);
                runs.push(*run);
            }
            Told::Refused(reason) => return Err(failed(reason)),
        }
    }
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    if !status.success() {
        return Err(failed(status.to_string()));
    }
    Ok(runs)
}
