//! The measurement: all tests of the workspace, built with counters, and what the counters say.
//!
//! Processes that tests start count as well, if they end by themselves: one that is killed with
//! signal 9 takes its counts with it. Libraries of others are shared with the ordinary builds; what
//! is built with counters lies in a folder of its own, so that nobody runs it by mistake.

use std::fs;
use std::io::{BufReader, ErrorKind};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{Message, MetadataCommand};

use crate::stages::cargo;

/// Every test but those of the model: it is no part of what ships, and its millions of states would
/// count for minutes.
const TESTS: [&str; 6] = [
    "test",
    "--locked",
    "--workspace",
    "--exclude",
    "hms-model",
    "--no-fail-fast",
];

/// Where the parts of a measurement lie.
struct Bench<'a> {
    root: &'a Utf8Path,
    /// What the ordinary builds leave between their steps.
    shared: Utf8PathBuf,
    /// What is built with counters.
    own: Utf8PathBuf,
}

/// What the counters say.
pub(crate) struct Measured {
    /// The counts, in LCOV's format.
    pub(crate) report: String,
    /// Whether every test passes.
    pub(crate) passed: bool,
}

/// Runs the tests and adds up what they counted.
///
/// # Errors
/// When cargo or one of LLVM's tools cannot do its part.
pub(crate) fn measure(root: &Utf8Path) -> anyhow::Result<Measured> {
    let metadata = MetadataCommand::new()
        .current_dir(root)
        .no_deps()
        .exec()
        .context("cargo cannot describe the workspace")?;
    let shared = metadata.target_directory;
    let own = shared.join("coverage");
    let bench = Bench { root, shared, own };
    bench.sweep()?;
    let programs = bench.build()?;
    let ran = bench.cargo(&[]).status().context("cargo test")?;
    Ok(Measured {
        report: bench.add_up(&programs)?,
        passed: ran.success(),
    })
}

impl Bench<'_> {
    fn counts(&self) -> Utf8PathBuf {
        self.own.join("counts")
    }

    /// Counts of an earlier run are not this run's.
    fn sweep(&self) -> anyhow::Result<()> {
        match fs::remove_dir_all(self.counts()) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("removing {}", self.counts()))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// `cargo test` with counters.
    fn cargo(&self, more: &[&str]) -> Command {
        let mut command = cargo(self.root, &TESTS);
        command
            .args(more)
            .env("RUSTC_WORKSPACE_WRAPPER", self.root.join("scripts/instrument"))
            .env("CARGO_BUILD_BUILD_DIR", &self.shared)
            .env("CARGO_TARGET_DIR", &self.own)
            // One file per process and program.
            .env("LLVM_PROFILE_FILE", self.counts().join("%p-%m.profraw"))
            .env("HMS_NODE", self.own.join("debug/hms-node"));
        command
    }

    /// Builds every program with counters that the tests are, or start.
    fn build(&self) -> anyhow::Result<Vec<Utf8PathBuf>> {
        let mut build = self
            .cargo(&["--no-run", "--message-format=json-render-diagnostics"])
            .stdout(Stdio::piped())
            .spawn()
            .context("cargo did not start")?;
        let told = build.stdout.take().context("cargo says nothing")?;
        let mut programs = Vec::new();
        for message in Message::parse_stream(BufReader::new(told)) {
            if let Message::CompilerArtifact(artifact) = message.context("reading cargo")? {
                programs.extend(artifact.executable);
            }
        }
        ensure!(build.wait()?.success(), "the tests do not build");
        Ok(programs)
    }

    fn add_up(&self, programs: &[Utf8PathBuf]) -> anyhow::Result<String> {
        let merged = self.own.join("counts.profdata");
        // A process that is killed while it writes its counts leaves a file that cannot be read.
        ask(tool("LLVM_PROFDATA", "llvm-profdata")
            .args(["merge", "--sparse", "--failure-mode=all"])
            .args(["--output", merged.as_str()])
            .arg(self.counts()))?;
        let mut export = tool("LLVM_COV", "llvm-cov");
        export
            .args(["export", "--format=lcov"])
            .arg(format!("--instr-profile={merged}"));
        for program in programs {
            export.args(["--object", program.as_str()]);
        }
        ask(&mut export)
    }
}

/// A tool of LLVM, where the environment says or in the `PATH`. Its version must be the compiler's.
fn tool(variable: &str, name: &str) -> Command {
    Command::new(std::env::var_os(variable).unwrap_or_else(|| name.into()))
}

/// What a tool answers. It complains about every file of counts that it passes over: nobody is told
/// unless it fails.
fn ask(command: &mut Command) -> anyhow::Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("{name} did not start; scripts/coverage installs it"))?;
    let problem = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name} failed: {problem}");
    String::from_utf8(output.stdout).with_context(|| format!("{name} does not speak UTF-8"))
}
