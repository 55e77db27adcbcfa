//! Runs simulated meshes under seed after seed for a given time, and keeps what broke a promise:
//! `hms-soak FROM SECONDS FOLDER`, which `scripts/soak` calls.
//!
//! The long companion of the `sim` tests. Every seed is run twice, among honest voters and with a liar among them. The story
//! of each that went wrong is a file in the folder, which is made for the first. Exit code 1 says that there is one.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use hms_tests::sim::soak::{Soaked, soak_with};
use hms_tests::sim::{run, run_with_liar};

/// Seeds between two looks at the time.
const BLOCK: u64 = 50;

/// Among whom a seed is run, and the variable by which a test repeats it.
const WORLDS: [(&str, &str); 2] = [("honest", "HMS_SEED"), ("liar", "HMS_LIAR_SEED")];

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
    let mut totals = [Soaked::default(), Soaked::default()];
    while started.elapsed() < within {
        let seeds = from..from + BLOCK;
        let blocks = [
            soak_with(seeds.clone(), run),
            soak_with(seeds, run_with_liar),
        ];
        for (((world, variable), total), block) in WORLDS.iter().zip(&mut totals).zip(blocks) {
            for outcome in &block.broken {
                fs::create_dir_all(folder)?;
                let file = folder.join(format!("{world}-{}.story", outcome.seed));
                fs::write(&file, format!("{outcome}\n{}", outcome.trace))?;
                let (seed, file) = (outcome.seed, file.display());
                writeln!(io::stdout(), "{variable}={seed} breaks a promise: {file}")?;
            }
            total.add(block);
        }
        from += BLOCK;
    }
    for ((world, _), total) in WORLDS.iter().zip(&totals) {
        writeln!(io::stdout(), "{world}: {total}")?;
    }
    let sum = |count: fn(&Soaked) -> u64| totals.iter().map(count).sum::<u64>();
    let per_second = |count: u64| u128::from(count) * 1_000 / started.elapsed().as_millis().max(1);
    let runs = per_second(sum(|it| it.seeds));
    let events = per_second(sum(|it| it.events));
    writeln!(
        io::stdout(),
        "{runs} runs and {events} events a second, up to seed {}",
        from - 1
    )?;
    Ok(totals.iter().map(|it| it.broken.len()).sum())
}
