//! `probe.process`: whether a process runs on this machine, by its pid file, its name or its command line.
//!
//! Reads `/proc`. A process that has ended and waits to be collected by its parent does not count as running.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use tokio::task::spawn_blocking;

use super::target::{Target, TargetRefusal, invalid};
use super::{Look, Seen};

/// Bytes of one file under `/proc`, or of a pid file, that are looked at.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Processes looked at. A machine with more is not looked at to the end, which the detail says.
const PROCESSES_MAX: usize = 100_000;

/// What is looked for.
#[derive(Clone, Debug)]
enum Wanted {
    PidFile(String),
    Name(String),
    Command(String),
}

/// Understands a target.
pub(super) fn aim(mut target: Target) -> Result<Look, TargetRefusal> {
    let given = [
        target.take("pid_file").map(Wanted::PidFile),
        target.take("name").map(Wanted::Name),
        target.take("command").map(Wanted::Command),
    ];
    let mut given = given.into_iter().flatten();
    let wanted = given.next().ok_or(TargetRefusal::Missing {
        name: "pid_file, name or command",
    })?;
    if given.next().is_some() {
        return Err(invalid(
            "name",
            "",
            "give one of pid_file, name and command",
        ));
    }
    let count = target.parse("count")?.unwrap_or(1);
    if count == 0 {
        return Err(invalid("count", "0", "at least one process must be wanted"));
    }
    target.finish()?;
    Ok(Box::pin(async move {
        let looked = spawn_blocking(move || look(&wanted, count)).await;
        looked.unwrap_or_else(|_| Err("the processes cannot be looked at".to_owned()))
    }))
}

fn look(wanted: &Wanted, count: usize) -> Seen {
    let (found, what) = match wanted {
        Wanted::PidFile(path) => return look_up(path),
        Wanted::Name(name) => (
            find(|process| has_name(process, name))?,
            format!("name {name:?}"),
        ),
        Wanted::Command(text) => (
            find(|process| has_command(process, text))?,
            format!("command {text:?}"),
        ),
    };
    match found.as_slice() {
        [] => Err(format!("no process matches {what}")),
        pids if pids.len() < count => {
            Err(format!("{} of {count} processes match {what}", pids.len()))
        }
        [pid] => Ok(format!("process {pid} matches {what}")),
        pids => Ok(format!("{} processes match {what}", pids.len())),
    }
}

fn look_up(path: &str) -> Seen {
    let text = read(Path::new(path)).map_err(|error| format!("{path} cannot be read: {error}"))?;
    let text = String::from_utf8_lossy(&text);
    let first = text.split_whitespace().next().unwrap_or_default();
    let pid: u32 = first
        .parse()
        .map_err(|_| format!("{path} holds no process id"))?;
    if is_running(&Path::new("/proc").join(pid.to_string())) {
        Ok(format!("process {pid} of {path} runs"))
    } else {
        Err(format!("process {pid} of {path} does not run"))
    }
}

fn find(matches: impl Fn(&Path) -> bool) -> Result<Vec<u32>, String> {
    let entries =
        fs::read_dir("/proc").map_err(|error| format!("/proc cannot be read: {error}"))?;
    let own = std::process::id();
    let pids = entries.flatten().filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        // A node whose own command line names the service must not take itself for it.
        (pid != own && is_running(&entry.path()) && matches(&entry.path())).then_some(pid)
    });
    Ok(pids.take(PROCESSES_MAX).collect())
}

/// Whether the process exists and has not ended (`Z` and `X` in proc(5)).
fn is_running(process: &Path) -> bool {
    let Ok(status) = read(&process.join("stat")) else {
        return false;
    };
    // The name in parentheses may hold anything, so the state is looked for behind the last one.
    let status = String::from_utf8_lossy(&status);
    let state = status
        .rsplit(')')
        .next()
        .and_then(|rest| rest.split_whitespace().next());
    !matches!(state, None | Some("Z" | "X" | "x"))
}

/// Whether the program's name is this. The kernel keeps 15 bytes of it; the first word of the command line has the rest.
fn has_name(process: &Path, name: &str) -> bool {
    let kept = read(&process.join("comm")).unwrap_or_default();
    if String::from_utf8_lossy(&kept).trim_end() == name {
        return true;
    }
    let line = read(&process.join("cmdline")).unwrap_or_default();
    let first = line.split(|byte| *byte == 0).next().unwrap_or_default();
    let first = String::from_utf8_lossy(first);
    first.rsplit('/').next() == Some(name)
}

/// Whether the command line, with blanks between its words, holds this text.
fn has_command(process: &Path, text: &str) -> bool {
    let line = read(&process.join("cmdline")).unwrap_or_default();
    let words: Vec<u8> = line
        .iter()
        .map(|byte| if *byte == 0 { b' ' } else { *byte })
        .collect();
    super::holds(&words, text)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(FILE_BYTES_MAX)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
