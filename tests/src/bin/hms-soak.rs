//! Runs simulated meshes under many seeds and says which of them broke a promise: `hms-soak FIRST COUNT`.
//!
//! The nightly companion of the `sim` tests. It stops at nothing: every seed is run, and the story of each that went
//! wrong is written to standard error.

use std::io::{self, Write};
use std::num::ParseIntError;
use std::process::ExitCode;
use std::time::Instant;

use hms_tests::sim::soak;

fn main() -> ExitCode {
    let numbers: Result<Vec<u64>, ParseIntError> =
        std::env::args().skip(1).map(|word| word.parse()).collect();
    let Ok([first, count]) = numbers.as_deref() else {
        let _ = writeln!(io::stderr(), "usage: hms-soak FIRST COUNT");
        return ExitCode::from(64);
    };
    let started = Instant::now();
    let report = soak::soak(*first..first + count);
    let _ = writeln!(io::stdout(), "{report} in {:.1?}", started.elapsed());
    for outcome in &report.broken {
        let _ = writeln!(io::stderr(), "{outcome}\n{}", outcome.trace);
    }
    if report.broken.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
