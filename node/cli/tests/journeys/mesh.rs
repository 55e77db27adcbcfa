//! A mesh that `hms testnet` brings up for one test, and what `hms` says of it.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take on a machine that is busy with other tests. A bound on hanging, not a measurement.
pub(crate) const SOON: Duration = Duration::from_mins(1);

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a command has said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("no signal ends it"),
            out: String::from_utf8(output.stdout).expect("it speaks UTF-8"),
            err: String::from_utf8(output.stderr).expect("it speaks UTF-8"),
        }
    }

    /// The answer of a command that has done what it should.
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// The same, as an object.
    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.done()).expect("the answer is JSON")
    }

    /// Checks the exit code and the code of the fault of a command that has not.
    pub(crate) fn expect_fault(&self, code: i32, fault: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.contains(fault), "{self:?}");
    }
}

/// Prepares `hms`; it is told nothing but by its arguments.
pub(crate) fn prepare(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hms"));
    command.args(arguments).env_remove("HMS_ADDRESS");
    command.stdin(Stdio::null());
    command
}

/// Runs `hms`, without a mesh.
pub(crate) fn hms(arguments: &[&str]) -> Said {
    Said::of(prepare(arguments).output().expect("hms can be started"))
}

/// A mesh for one test; it is taken down whatever comes.
pub(crate) struct Mesh {
    folder: TempDir,
    address: String,
}

impl Mesh {
    /// Brings a mesh up, and waits until every node is alive and every agent enrolled.
    pub(crate) fn up(nodes: usize, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut mesh = Self {
            folder,
            address: String::new(),
        };
        let count = nodes.to_string();
        let up = [&["up", "--nodes", &count, "-o", "json"], options].concat();
        let told = mesh.local(&up).json();
        let told = told.as_array().expect("a list of nodes");
        let gateways = told.iter().filter_map(|node| node["gateway"].as_str());
        mesh.address = gateways.collect::<Vec<_>>().join(",");
        mesh.until("every node is alive and has its agent", |mesh| {
            let listed = mesh.answer(&["node", "list"]);
            let alive = |node: &&Value| node["condition"] == "alive";
            let alive = listed
                .as_array()
                .map_or(0, |list| list.iter().filter(alive).count());
            alive == nodes && mesh.answer(&["status"])["agents"] == nodes
        });
        mesh
    }

    /// Runs `hms testnet` for this mesh.
    pub(crate) fn local(&self, arguments: &[&str]) -> Said {
        let folder = self.folder.path().to_str().expect("a path in UTF-8");
        hms(&[&["testnet", "--dir", folder], arguments].concat())
    }

    /// A file of this mesh.
    pub(crate) fn place(&self, file: &str) -> String {
        let place = self.folder.path().join(file);
        place.to_str().expect("a path in UTF-8").to_owned()
    }

    /// Prepares `hms` to talk to this mesh.
    pub(crate) fn prepare(&self, arguments: &[&str]) -> Command {
        let mut command = prepare(arguments);
        command.env("HMS_ADDRESS", &self.address);
        command
    }

    /// Runs `hms` against this mesh.
    pub(crate) fn hms(&self, arguments: &[&str]) -> Said {
        Said::of(
            self.prepare(arguments)
                .output()
                .expect("hms can be started"),
        )
    }

    /// The same, with something to read.
    pub(crate) fn hms_reading(&self, arguments: &[&str], input: &str) -> Said {
        let mut command = self.prepare(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("hms can be started");
        let mut stdin = child.stdin.take().expect("it was asked for");
        stdin.write_all(input.as_bytes()).expect("hms reads it");
        drop(stdin);
        Said::of(child.wait_with_output().expect("it ends"))
    }

    /// What a command answers in JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        self.hms(&[arguments, &["-o", "json"]].concat()).json()
    }

    /// The same while the mesh may not be able to answer: null then.
    fn answer(&self, arguments: &[&str]) -> Value {
        let said = self.hms(&[arguments, &["-o", "json"]].concat());
        serde_json::from_str(&said.out).unwrap_or_default()
    }

    /// Waits until a condition holds.
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + SOON;
        while !holds(self) {
            assert!(Instant::now() < deadline, "it did not happen that {what}");
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Mesh {
    fn drop(&mut self) {
        let _ = self.local(&["down"]);
    }
}
