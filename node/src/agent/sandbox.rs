//! Runs a program of somebody else's: in its own process group and folder, with limits, without the node's environment.
//!
//! However the run ends, by exit, by dropping the future or by the node's own timeout, the whole process group is killed
//! and the folder removed; processes that left the group are found by a mark in their environment. The limits keep an
//! honest program from running away. They do not hold a hostile one: it runs as the node's user, with its network.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, kill_process_group, prlimit};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::identity::{IdentityError, draw_seed};
use crate::limits::{
    SANDBOX_CPU_SECONDS_MAX, SANDBOX_DRAIN_WITHIN, SANDBOX_FILE_BYTES_MAX, SANDBOX_FILES_MAX,
    SANDBOX_MEMORY_BYTES_MAX, SANDBOX_OUTPUT_BYTES_MAX,
};

/// The environment variable that marks what a sandbox started.
const MARK: &str = "HMS_SANDBOX";

/// Where programs are looked for if the node has no `PATH` itself.
const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin";

/// Sweeps for processes that left their group. Each may find children that the one before was too early for.
const SWEEPS: usize = 3;

/// A program about to run.
#[derive(Clone, Debug)]
pub struct Sandbox {
    // Invariant: not empty; the first word is the program.
    argv: Vec<String>,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

/// What came of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How it ended.
    pub end: End,
    /// What it printed, cut to [`SANDBOX_OUTPUT_BYTES_MAX`].
    pub stdout: Vec<u8>,
    /// What it complained about, cut likewise.
    pub stderr: Vec<u8>,
}

/// Why a program did not run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// It cannot be started.
    #[error("{program} cannot be started")]
    Unstartable {
        /// Which.
        program: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It has no folder to run in.
    #[error("no folder for {program} can be made")]
    NoFolder {
        /// Which.
        program: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Its end cannot be learnt.
    #[error("the end of {program} cannot be learnt")]
    Lost {
        /// Which.
        program: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// There is no randomness to name the folder with.
    #[error(transparent)]
    NoRandomness(#[from] IdentityError),
}

impl Sandbox {
    /// A program and its arguments.
    ///
    /// # Panics
    ///
    /// If there is no program.
    pub fn new(argv: Vec<String>) -> Self {
        assert!(!argv.is_empty(), "a command line begins with a program");
        Self { argv }
    }

    /// Runs the program to its end. Dropping the future kills it and everything that it started.
    pub async fn run(self) -> Result<Ended, SandboxError> {
        let program = self.argv[0].clone();
        let lost = |source| SandboxError::Lost {
            program: program.clone(),
            source,
        };
        let mark = hex::encode(&draw_seed()?[..8]);
        let folder = Folder::make(&mark).map_err(|source| SandboxError::NoFolder {
            program: program.clone(),
            source,
        })?;
        let mut child = self.spawn(&mark, folder.path())?;
        let mut group = Group::of(&child, mark);
        limit(&child);
        let stdout = tokio::spawn(drain(child.stdout.take()));
        let stderr = tokio::spawn(drain(child.stderr.take()));
        let status = child.wait().await.map_err(lost)?;
        // What the program left behind must not keep the pipes open.
        group.end();
        let said = async {
            (
                stdout.await.unwrap_or_default(),
                stderr.await.unwrap_or_default(),
            )
        };
        let (stdout, stderr) = timeout(SANDBOX_DRAIN_WITHIN, said)
            .await
            .unwrap_or_default();
        Ok(Ended {
            end: end_of(status),
            stdout,
            stderr,
        })
    }

    fn spawn(&self, mark: &str, folder: &Path) -> Result<Child, SandboxError> {
        let path = std::env::var_os("PATH").unwrap_or_else(|| PATH_DEFAULT.into());
        let spawned = Command::new(&self.argv[0])
            .args(&self.argv[1..])
            .env_clear()
            .env("PATH", path)
            .env(MARK, mark)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        spawned.map_err(|source| SandboxError::Unstartable {
            program: self.argv[0].clone(),
            source,
        })
    }
}

/// Sets the limits right after the start: setting them between fork and exec would take unsafe code. What the program
/// does in the first microseconds escapes them.
fn limit(child: &Child) {
    let Some(pid) = pid_of(child) else { return };
    for (resource, max) in [
        (Resource::Cpu, SANDBOX_CPU_SECONDS_MAX),
        (Resource::As, SANDBOX_MEMORY_BYTES_MAX),
        (Resource::Fsize, SANDBOX_FILE_BYTES_MAX),
        (Resource::Nofile, SANDBOX_FILES_MAX),
        (Resource::Core, 0),
    ] {
        let wanted = Rlimit {
            current: Some(max),
            maximum: Some(max),
        };
        if let Err(error) = prlimit(Some(pid), resource, wanted) {
            // The program has ended already, or the node itself is limited more tightly.
            tracing::debug!(?resource, %error, "limit not set");
        }
    }
}

fn pid_of(child: &Child) -> Option<Pid> {
    let pid = i32::try_from(child.id()?).ok()?;
    Pid::from_raw(pid)
}

fn end_of(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exited(code),
        (None, signal) => End::Killed(signal.unwrap_or(0)),
    }
}

/// Reads to the end, keeps the beginning.
async fn drain(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut pipe) = pipe else { return kept };
    let mut chunk = [0; 4_096];
    while let Ok(count @ 1..) = pipe.read(&mut chunk).await {
        let room = SANDBOX_OUTPUT_BYTES_MAX - kept.len();
        kept.extend_from_slice(&chunk[..count.min(room)]);
    }
    kept
}

/// The processes that a sandbox has started.
struct Group {
    leader: Option<Pid>,
    mark: String,
    ended: bool,
}

impl Group {
    fn of(child: &Child, mark: String) -> Self {
        Self {
            leader: pid_of(child),
            mark,
            ended: false,
        }
    }

    /// The program has ended by itself: what is left of its group goes too.
    fn end(&mut self) {
        self.ended = true;
        self.kill();
    }

    fn kill(&self) {
        if let Some(leader) = self.leader {
            // No such group means that all of it has ended.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        self.kill();
        for _ in 0..SWEEPS {
            if sweep(&self.mark) == 0 {
                return;
            }
        }
    }
}

/// Kills every process that carries the mark, and counts them.
fn sweep(mark: &str) -> usize {
    let wanted = format!("{MARK}={mark}");
    let Ok(entries) = fs::read_dir("/proc") else {
        return 0;
    };
    let marked = entries.flatten().filter_map(|entry| {
        let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
        let environment = fs::read(entry.path().join("environ")).ok()?;
        environment
            .split(|byte| *byte == 0)
            .any(|each| each == wanted.as_bytes())
            .then_some(pid)
    });
    marked
        .filter(|pid| kill_process(*pid, Signal::KILL).is_ok())
        .count()
}

/// A folder of its own, removed with everything in it.
struct Folder(PathBuf);

impl Folder {
    fn make(name: &str) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("hms-{name}"));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "a sandbox's folder is left behind");
        }
    }
}
