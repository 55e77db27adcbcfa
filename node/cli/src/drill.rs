//! `hms drill`: attacks on a mesh that is made for it, what held, who was caught, and how fast; signed.

mod campaign;
mod catalogue;
mod report;
mod run;
mod simulate;
mod store;

use clap::Subcommand;

use crate::exit::Exit;
use crate::fault::Fault;
use crate::screen::Screen;

/// What can be done with drills.
#[derive(Debug, Subcommand)]
pub(crate) enum DrillCommand {
    /// List the drills: which fault each is, and what is expected.
    #[command(after_help = "Example:\n  hms drill list")]
    List,
    /// Show what a drill does, as the TOML that defines it.
    #[command(
        after_help = "Example:\n  hms drill show equivocate > mine.toml\n  hms drill run mine.toml"
    )]
    Show(catalogue::Named),
    /// Run a drill, show what happens, and write a signed report.
    #[command(
        after_help = "Exit code 8 says that the drill failed.\n\nExample:\n  hms drill run equivocate\n  hms drill run equivocate --world sim --repeat 100 --seed 7"
    )]
    Run(run::Wanted),
    /// Show a report that was written before.
    #[command(
        after_help = "Example:\n  hms drill report equivocate-1.json --form html --out equivocate.html"
    )]
    Report(report::Wanted),
    /// Check the signature of a report, JSON or HTML.
    #[command(after_help = "Example:\n  hms drill verify equivocate-1.json")]
    Verify(report::Checked),
    /// Run the whole catalogue, again and again with further seeds while there is time, and show a matrix.
    #[command(
        after_help = "Exit code 8 says that a drill failed.\n\nExample:\n  hms drill campaign --world sim --within 2m\n  hms drill campaign --world sim --random --within 2m"
    )]
    Campaign(campaign::Wanted),
}

/// Runs a command.
pub(crate) async fn run(command: DrillCommand, screen: Screen) -> Result<Exit, Fault> {
    match command {
        DrillCommand::List => catalogue::list(screen),
        DrillCommand::Show(named) => catalogue::show(&named, screen),
        DrillCommand::Run(wanted) => run::run(&wanted, screen).await,
        DrillCommand::Report(wanted) => report::show(&wanted, screen),
        DrillCommand::Verify(checked) => report::verify(&checked, screen),
        DrillCommand::Campaign(wanted) => campaign::run(&wanted, screen).await,
    }
}
