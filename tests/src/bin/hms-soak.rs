//! Runs simulated meshes under seed after seed for a given time, and keeps what broke a promise:
//! `hms-soak FROM SECONDS FOLDER`, which `scripts/soak` calls.
//!
//! The long companion of the `sim` tests. Every seed is run among honest voters, with a liar, with twins and with a disk of the
//! past. The story of each that went wrong is a file in the folder, which is made for the first, and the first ones are
//! shrunk to scripts, which `hms-script` plays and `tests/golden` can keep. Exit code 1 says that there is one.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use hms_tests::golden::seeded;
use hms_tests::sim::scenario::{Kind, Scenario};
use hms_tests::sim::shrink::shrink;
use hms_tests::sim::soak::{Soaked, soak_with};

/// Seeds between two looks at the time.
const BLOCK: u64 = 50;

/// Runs that are shrunk at most: where everything breaks, a few say why.
const SHRUNK_MAX: usize = 3;

/// The plans that a seed is run with, and the variable by which a test repeats it.
const WORLDS: [(Kind, &str); 4] = [
    (Kind::Honest, "HMS_SEED"),
    (Kind::Liar, "HMS_LIAR_SEED"),
    (Kind::Twins, "HMS_TWINS_SEED"),
    (Kind::Rewound, "HMS_REWOUND_SEED"),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some((from, within, folder)) = read(&words) else {
        let _ = writeln!(io::stderr(), "usage: hms-soak FROM SECONDS FOLDER");
        return ExitCode::from(64);
    };
    match soak(from, within, folder) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_broken) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "hms-soak: {}: {error}", folder.display());
            ExitCode::from(74)
        }
    }
}

fn read(words: &[String]) -> Option<(u64, Duration, &Path)> {
    let [from, seconds, folder] = words else {
        return None;
    };
    let seconds = seconds.parse().ok()?;
    Some((
        from.parse().ok()?,
        Duration::from_secs(seconds),
        folder.as_ref(),
    ))
}

/// Soaks until the time is up, and says how many runs broke a promise.
fn soak(mut from: u64, within: Duration, folder: &Path) -> io::Result<usize> {
    let started = Instant::now();
    let mut totals = WORLDS.map(|_| Soaked::default());
    let mut shrunk = 0;
    while started.elapsed() < within {
        for ((kind, variable), total) in WORLDS.iter().zip(&mut totals) {
            let block = soak_with(from..from + BLOCK, |seed| Scenario::draw(*kind, seed).run());
            for outcome in &block.broken {
                let file = folder.join(format!("{kind}-{}.story", outcome.seed));
                fs::create_dir_all(folder)?;
                fs::write(&file, format!("{outcome}\n{}", outcome.trace))?;
                let (seed, file) = (outcome.seed, file.display());
                writeln!(io::stdout(), "{variable}={seed} breaks a promise: {file}")?;
                if shrunk < SHRUNK_MAX {
                    keep_script(*kind, seed, folder)?;
                    shrunk += 1;
                }
            }
            total.add(block);
        }
        from += BLOCK;
    }
    for ((kind, _), total) in WORLDS.iter().zip(&totals) {
        writeln!(io::stdout(), "{kind}: {total}, {}", total.pace())?;
    }
    let last = from.saturating_sub(1);
    writeln!(io::stdout(), "every seed up to {last}")?;
    Ok(totals.iter().map(|it| it.broken.len()).sum())
}

/// Shrinks a run that broke a promise, and keeps it as a script.
fn keep_script(kind: Kind, seed: u64, folder: &Path) -> io::Result<()> {
    let Some(shrunk) = shrink(Scenario::draw(kind, seed)) else {
        return writeln!(io::stdout(), "  not when it is run again");
    };
    let file = folder.join(format!("{kind}-{seed}.script"));
    fs::write(&file, seeded::write(&shrunk))?;
    let (blows, runs) = (shrunk.scenario.fate.blows.len(), shrunk.runs);
    let file = file.display();
    writeln!(
        io::stdout(),
        "  shrunk to {blows} blows in {runs} runs: {file}"
    )
}
