//! Which drills there are, and what each does.

use std::path::Path;

use clap::Args;
use hms_testnet::drill::catalogue::{drills, find};
use hms_testnet::drill::manifest::MANIFEST_BYTES_MAX;
use hms_testnet::drill::{Drill, Verdict};
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::fault::Fault;
use crate::screen::{Screen, Tone, plain};

/// A drill, by name.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// Name of a drill, or a TOML file with one.
    #[arg(value_name = "DRILL")]
    drill: String,
}

/// The drill that a name or a file means.
pub(super) fn read(named: &str) -> Result<Drill, Fault> {
    let path = Path::new(named);
    if path.extension().is_none_or(|end| end != "toml") {
        return Ok(find(named)?);
    }
    let unreadable = |source| Fault::Unreadable {
        path: path.to_owned(),
        source,
    };
    let long = std::fs::metadata(path).map_err(unreadable)?.len() > MANIFEST_BYTES_MAX as u64;
    if long {
        return Err(Fault::TooLarge {
            path: path.to_owned(),
            max: MANIFEST_BYTES_MAX as u64,
        });
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    Ok(Drill::read(&text)?)
}

/// Lists the catalogue.
pub(super) fn list(screen: Screen) -> Result<Exit, Fault> {
    let drills = drills();
    screen.show(
        |screen| {
            let mut sheet = screen.table(&["FAULT", "DRILL", "WORLDS", "EXPECTED", "WHAT IS DONE"]);
            for drill in &drills {
                sheet.row([
                    plain(&drill.fault),
                    plain(&drill.name),
                    plain(worlds(drill)),
                    (
                        drill.expect.verdict.name().to_owned(),
                        tone(drill.expect.verdict),
                    ),
                    plain(&drill.title),
                ]);
            }
            sheet.render()
        },
        || Value::Array(drills.iter().map(|drill| json!(drill)).collect()),
    )?;
    Ok(Exit::Done)
}

/// Shows one.
pub(super) fn show(named: &Named, screen: Screen) -> Result<Exit, Fault> {
    let drill = read(&named.drill)?;
    screen.show(|_| drill.to_toml(), || json!(drill))?;
    Ok(Exit::Done)
}

/// How good a verdict is.
pub(super) const fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Caught | Verdict::Masked => Tone::Good,
        Verdict::NotTolerated => Tone::Warn,
        Verdict::Failed => Tone::Bad,
    }
}

fn worlds(drill: &Drill) -> String {
    let names: Vec<&str> = drill.worlds.iter().map(|world| world.name()).collect();
    names.join(",")
}
