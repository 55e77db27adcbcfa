//! Runs one drill in the simulated world: `hms-simulate SEED REPEATS < MANIFEST`, which `hms drill` calls.
//!
//! Tells what happens as lines of JSON on standard output. Exit code 1 says that the manifest was refused, 64 that the
//! command line makes no sense.

use std::io::{self, Read as _, Write};
use std::process::ExitCode;

use hms_testnet::drill::Drill;
use hms_testnet::drill::manifest::{MANIFEST_BYTES_MAX, World};
use hms_testnet::drill::run::Told;
use hms_tests::sim::drill::run;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let numbers = match words.as_slice() {
        [seed, repeats] => seed.parse().ok().zip(repeats.parse().ok()),
        _ => None,
    };
    let Some((seed, repeats)) = numbers else {
        let _ = writeln!(io::stderr(), "usage: hms-simulate SEED REPEATS < MANIFEST");
        return ExitCode::from(64);
    };
    match simulate(seed, repeats) {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody listens any more, or the manifest was refused: that was said already.
        Err(_) => ExitCode::FAILURE,
    }
}

fn simulate(seed: u64, repeats: u64) -> io::Result<()> {
    let mut text = String::new();
    let most = u64::try_from(MANIFEST_BYTES_MAX).unwrap_or(u64::MAX);
    io::stdin().take(most + 1).read_to_string(&mut text)?;
    let drill =
        match Drill::read(&text).and_then(|drill| drill.check_world(World::Sim).map(|()| drill)) {
            Ok(drill) => drill,
            Err(fault) => {
                tell(&Told::Refused(fault.to_string()))?;
                return Err(io::Error::other(fault));
            }
        };
    for seed in seed..seed.saturating_add(repeats) {
        let mut heard = Ok(());
        let run = run(&drill, seed, &mut |mark| {
            if heard.is_ok() {
                heard = tell(&Told::Mark(seed, mark.clone()));
            }
        });
        heard?;
        tell(&Told::Run(Box::new(run)))?;
    }
    Ok(())
}

fn tell(told: &Told) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, told)?;
    writeln!(out)?;
    out.flush()
}
