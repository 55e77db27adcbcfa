//! The real network of HMS over a simulated one: one scenario, one seed, one process.
//!
//! Promises: the network room that ships (gossip, direct streams, noise, redial) runs unchanged; only the road below it
//! is simulated, and so are the clock and the source of random numbers of the whole process. The same seed therefore
//! gives the same run to the last encrypted byte, which the printed trace names. A scenario that does not hold says
//! what it waited for and fails the process.
//!
//! It simulates no node above the network: no ledger, no agents. Those have a simulation of their own.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks to the terminal"
)]

mod ether;
mod journal;
mod scenarios;
mod scene;
mod speaker;

use std::process::ExitCode;

use clap::Parser;
use mad_turmoil::time::SimClocksGuard;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use scenarios::Scenario;

/// The command line of a run.
#[derive(Parser)]
#[command(name = "hms-swarm", about)]
struct CommandLine {
    /// What happens.
    #[arg(value_enum)]
    scenario: Scenario,
    /// How many nodes take part.
    #[arg(long, default_value_t = 5)]
    nodes: u8,
    /// What all chance follows from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let CommandLine {
        scenario,
        nodes,
        seed,
    } = CommandLine::parse();
    mad_turmoil::rand::set_rng(StdRng::seed_from_u64(seed));
    let clocks = SimClocksGuard::init();
    // `RUST_LOG` shows what the nodes say; nothing of it reaches the trace.
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    // A thread of its own has drawn no keys for its hash tables yet.
    let run = std::thread::spawn(move || scenario.play(nodes, seed));
    let played = run.join();
    drop(clocks);
    match played {
        Ok(Ok(outcome)) => {
            println!("{outcome}");
            ExitCode::SUCCESS
        }
        Ok(Err(broken)) => {
            eprintln!("seed {seed}: {broken:#}");
            ExitCode::FAILURE
        }
        // The panic has spoken for itself.
        Err(_) => ExitCode::FAILURE,
    }
}
