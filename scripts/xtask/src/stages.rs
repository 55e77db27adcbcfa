//! The stages of `verify`, in order, each with its time; and `fix`, its writing counterpart.
//!
//! Stages are cargo's own commands with their own output, so that what is seen here is what a
//! person would see who typed them. `--locked` everywhere: a gate that mends the lock file would
//! not be a gate.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use cargo_metadata::camino::Utf8Path;
use clap::ValueEnum;

use crate::{tidy, workspaces};

/// One stage of the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stage {
    /// The tree is formatted.
    Fmt,
    /// Clippy, with every warning an error.
    Clippy,
    /// All tests, with cargo's own closing lines.
    Test,
    /// The same three of the swarm's own workspace: the real network over a simulated one.
    Swarm,
    /// Public documentation builds without a warning.
    Doc,
    /// The rules that no compiler knows.
    Tidy,
}

const ALL: [Stage; 6] = [
    Stage::Fmt,
    Stage::Clippy,
    Stage::Test,
    Stage::Swarm,
    Stage::Doc,
    Stage::Tidy,
];

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::Test => "test",
            Self::Swarm => "swarm",
            Self::Doc => "doc",
            Self::Tidy => "tidy",
        }
    }

    /// What cargo is asked, in order; nothing of the stage that runs in this process.
    fn questions(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Fmt => &[FMT],
            Self::Clippy => &[CLIPPY],
            Self::Test => &[TEST],
            Self::Swarm => &[FMT, CLIPPY, TEST],
            Self::Doc => &[DOC],
            Self::Tidy => &[],
        }
    }

    /// The workspace that is asked about, by its folder.
    fn workspace(self) -> &'static str {
        match self {
            Self::Swarm => workspaces::SWARM,
            Self::Fmt | Self::Clippy | Self::Test | Self::Doc | Self::Tidy => "",
        }
    }

    fn passes(self, root: &Utf8Path) -> anyhow::Result<bool> {
        if self == Self::Tidy {
            return tidy::run(root);
        }
        let target = workspaces::target_folder(root)?;
        for arguments in self.questions() {
            let mut command = cargo(&root.join(self.workspace()), arguments);
            command.env("CARGO_TARGET_DIR", &target);
            if self == Self::Doc {
                command.env("RUSTDOCFLAGS", "-D warnings");
            }
            let status = command
                .status()
                .with_context(|| format!("cargo {} did not start", arguments[0]))?;
            if !status.success() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

const FMT: &[&str] = &["fmt", "--all", "--check"];
const CLIPPY: &[&str] = &[
    "clippy",
    "--locked",
    "--workspace",
    "--all-targets",
    "--",
    "-D",
    "warnings",
];
const TEST: &[&str] = &["test", "--locked", "--workspace", "--no-fail-fast"];
const DOC: &[&str] = &["doc", "--locked", "--workspace", "--no-deps"];

/// A cargo command in the workspace, talking to the terminal.
///
/// It is told nothing of the gate's own package, which the cargo that runs the gate has put into
/// the environment: some libraries look at it, and would be built anew after every change between
/// the gate and a shell.
pub(crate) fn cargo(root: &Utf8Path, arguments: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
        .current_dir(root)
        .args(arguments)
        .stdin(Stdio::null());
    command
}

/// Runs the chosen stages (all when none is chosen) and stops at the first that fails.
pub(crate) fn verify(root: &Utf8Path, only: &[Stage]) -> anyhow::Result<bool> {
    let chosen = chosen(only);
    let mut times = Vec::new();
    let mut passed = true;
    for (place, stage) in chosen.iter().enumerate() {
        println!("\n==> [{}/{}] {}", place + 1, chosen.len(), stage.name());
        let started = Instant::now();
        passed = stage.passes(root)?;
        times.push((*stage, started.elapsed()));
        if !passed {
            break;
        }
    }
    print!("{}", summary(&chosen, &times, passed));
    Ok(passed)
}

/// The stages to run, in the usual order whatever the order asked for.
fn chosen(only: &[Stage]) -> Vec<Stage> {
    ALL.into_iter()
        .filter(|stage| only.is_empty() || only.contains(stage))
        .collect()
}

/// The closing table: a line for each stage, then one sentence.
fn summary(chosen: &[Stage], times: &[(Stage, Duration)], passed: bool) -> String {
    let mut lines = vec![String::new()];
    for (place, stage) in chosen.iter().enumerate() {
        let line = match times.get(place) {
            None => format!("{:<8} did not run", stage.name()),
            Some((_, time)) => {
                let failed = !passed && place + 1 == times.len();
                let verdict = if failed { "FAILED" } else { "ok" };
                format!(
                    "{:<8} {verdict:<8} {:>7.1} s",
                    stage.name(),
                    time.as_secs_f64()
                )
            }
        };
        lines.push(line);
    }
    let total: Duration = times.iter().map(|(_, time)| *time).sum();
    let closing = match times.last() {
        Some((stage, _)) if !passed => format!("verify: FAILED at {}", stage.name()),
        Some(_) | None => "verify: everything passed".to_owned(),
    };
    lines.push(format!("{closing} ({:.1} s)\n", total.as_secs_f64()));
    lines.join("\n")
}

/// Formats the tree, then lets clippy mend what it can; both may write to files with uncommitted
/// changes.
pub(crate) fn fix(root: &Utf8Path) -> anyhow::Result<bool> {
    let clippy = [
        "clippy",
        "--fix",
        "--allow-dirty",
        "--allow-staged",
        "--workspace",
        "--all-targets",
    ];
    let target = workspaces::target_folder(root)?;
    for workspace in workspaces::ALL {
        // Formatting comes last as well, because what clippy writes is not formatted.
        for arguments in [&["fmt", "--all"][..], &clippy, &["fmt", "--all"]] {
            println!("==> {workspace} cargo {}", arguments.join(" "));
            let status = cargo(&root.join(workspace), arguments)
                .env("CARGO_TARGET_DIR", &target)
                .status()
                .context("cargo did not start")?;
            if !status.success() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_choice_means_every_stage_and_a_choice_keeps_the_usual_order() {
        assert_eq!(chosen(&[]), ALL);
        assert_eq!(
            chosen(&[Stage::Tidy, Stage::Fmt]),
            [Stage::Fmt, Stage::Tidy]
        );
    }

    #[test]
    fn the_summary_names_the_stage_that_failed_and_those_that_did_not_run() {
        let times = [
            (Stage::Fmt, Duration::from_millis(1_500)),
            (Stage::Clippy, Duration::from_secs(2)),
        ];
        assert_eq!(
            summary(&[Stage::Fmt, Stage::Clippy, Stage::Doc], &times, false),
            "\nfmt      ok           1.5 s\nclippy   FAILED       2.0 s\ndoc      did not run\n\
             verify: FAILED at clippy (3.5 s)\n"
        );
    }

    #[test]
    fn the_summary_of_a_clean_run_says_so() {
        let times = [(Stage::Tidy, Duration::from_secs(1))];
        assert_eq!(
            summary(&[Stage::Tidy], &times, true),
            "\ntidy     ok           1.0 s\nverify: everything passed (1.0 s)\n"
        );
    }
}
