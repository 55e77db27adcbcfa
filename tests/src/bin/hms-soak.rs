//! Runs simulated meshes under many seeds and says which of them broke a promise: `hms-soak FIRST COUNT`.
//!
//! The nightly companion of the `sim` tests. It stops at nothing: every seed is run, once among honest voters and once with a
//! liar among them, and the story of each that went wrong is written to standard error.

use std::io::{self, Write};
use std::num::ParseIntError;
use std::process::ExitCode;
use std::time::Instant;

use hms_tests::sim::{run, run_with_liar, soak};

fn main() -> ExitCode {
    let numbers: Result<Vec<u64>, ParseIntError> =
        std::env::args().skip(1).map(|word| word.parse()).collect();
    let Ok([first, count]) = numbers.as_deref() else {
        let _ = writeln!(io::stderr(), "usage: hms-soak FIRST COUNT");
        return ExitCode::from(64);
    };
    let seeds = *first..first + count;
    let mut broken = 0;
    for (name, run) in [
        ("honest voters", run as fn(u64) -> _),
        ("a liar", run_with_liar),
    ] {
        let started = Instant::now();
        let report = soak::soak_with(seeds.clone(), run);
        let _ = writeln!(
            io::stdout(),
            "{name}: {report} in {:.1?}",
            started.elapsed()
        );
        for outcome in &report.broken {
            let _ = writeln!(io::stderr(), "{name}: {outcome}\n{}", outcome.trace);
        }
        broken += report.broken.len();
    }
    if broken == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
