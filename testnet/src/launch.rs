//! Starts one node as a process and waits until it serves.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::TestnetFault;
use crate::manifest::Ready;
use crate::process::ProcessId;

/// How long a node may take to serve. A busy machine is slow; a node that is broken says so at once by stopping.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// How often the ready file is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Lines of a log that an error repeats.
const LOG_TAIL_LINES: usize = 12;

/// A node to start.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program.
    pub binary: PathBuf,
    /// Its name.
    pub name: String,
    /// Where it keeps its data.
    pub data_dir: PathBuf,
    /// Where it logs.
    pub log_file: PathBuf,
    /// Its arguments, without secrets.
    pub arguments: Vec<String>,
    /// The join token of a node that is no member yet, handed over in the environment, so that no process list shows it.
    pub token: Option<String>,
    /// Log filter.
    pub log: String,
}

/// A node that was started and is not yet known to serve.
#[derive(Debug)]
pub struct Starting {
    launch: Launch,
    child: Child,
    process: ProcessId,
    since: Instant,
}

impl Launch {
    /// Starts the process in a group of its own, so that a Ctrl-C for the terminal does not reach it.
    pub fn start(self) -> Result<Starting, TestnetFault> {
        fs::create_dir_all(&self.data_dir).map_err(fail("made", &self.data_dir))?;
        remove_stale(&ready_file(&self.data_dir))?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log_file)
            .map_err(fail("opened", &self.log_file))?;
        let stdout = log.try_clone().map_err(fail("opened", &self.log_file))?;
        let mut command = Command::new(&self.binary);
        command
            .args(&self.arguments)
            .env("HMS_LOG", &self.log)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(log)
            .process_group(0);
        if let Some(token) = &self.token {
            command.env("HMS_TOKEN", token);
        }
        let since = Instant::now();
        let child = command.spawn().map_err(fail("started", &self.binary))?;
        let process = ProcessId::of(child.id()).map_err(fail("found", &self.binary))?;
        Ok(Starting {
            launch: self,
            child,
            process,
            since,
        })
    }
}

fn fail(verb: &'static str, path: &Path) -> impl Fn(std::io::Error) -> TestnetFault {
    let path = path.to_owned();
    move |source| TestnetFault::Io {
        verb,
        path: path.clone(),
        source,
    }
}

impl Starting {
    /// Waits until the node serves; gives what it says of itself and how long it took.
    pub fn wait(mut self) -> Result<(ProcessId, Ready, Duration), TestnetFault> {
        let path = ready_file(&self.launch.data_dir);
        loop {
            if let Some(ready) = read_ready(&path, self.process.pid) {
                return Ok((self.process, ready, self.since.elapsed()));
            }
            let exited = self.child.try_wait().map_err(fail("waited for", &path))?;
            if let Some(status) = exited {
                return Err(TestnetFault::Stopped {
                    name: self.launch.name.clone(),
                    status: status.to_string(),
                    log_tail: tail(&self.launch.log_file, LOG_TAIL_LINES),
                });
            }
            if READY_WITHIN < self.since.elapsed() {
                return Err(TestnetFault::NotReady {
                    name: self.launch.name.clone(),
                    within_ms: u64::try_from(READY_WITHIN.as_millis()).unwrap_or(u64::MAX),
                    log_tail: tail(&self.launch.log_file, LOG_TAIL_LINES),
                });
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// The process.
    pub fn process(&self) -> ProcessId {
        self.process
    }
}

fn ready_file(data_dir: &Path) -> PathBuf {
    data_dir.join("ready.json")
}

/// A ready file of an earlier life would be believed too early.
fn remove_stale(path: &Path) -> Result<(), TestnetFault> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(TestnetFault::Io {
            verb: "removed",
            path: path.to_owned(),
            source,
        }),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The file is renamed into place, so whoever can read it reads all of it.
fn read_ready(path: &Path, pid: u32) -> Option<Ready> {
    let text = fs::read_to_string(path).ok()?;
    let ready: Ready = serde_json::from_str(&text).ok()?;
    (ready.pid == pid).then_some(ready)
}

/// The last lines of a file; empty if it cannot be read.
pub fn tail(path: &Path, lines: usize) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
