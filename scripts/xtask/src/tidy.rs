//! What the house has agreed on and no compiler knows: arrows, names, docs, bounds.
//!
//! Each check lives in a file of its own, takes sources and returns findings, and is tested with a
//! source in and its findings out. A check judges text and syntax; it never runs or rewrites what
//! it reads.

mod arrows;
mod channels;
mod closure;
mod finding;
mod house;
mod lengths;
mod marks;
mod mentions;
mod openings;
mod orphans;
mod pages;
mod rooms;
mod source;
mod thresholds;
mod walls;
mod words;

use cargo_metadata::camino::Utf8Path;

use finding::Finding;
use house::House;
use source::Source;

/// The checks that need one source at a time.
const SOURCE_CHECKS: [fn(&Source) -> Vec<Finding>; 9] = [
    walls::check_names,
    walls::check_clocks,
    rooms::check,
    openings::check,
    words::check,
    marks::check,
    channels::check,
    pages::check,
    lengths::check,
];

/// Runs every check, prints the findings and the longest files and functions; `true` when nothing
/// was found.
pub(crate) fn run(root: &Utf8Path) -> anyhow::Result<bool> {
    let house = House::load(root)?;
    let mut findings = house.findings.clone();
    for check in SOURCE_CHECKS {
        findings.extend(house.sources.iter().flat_map(check));
    }
    findings.extend(orphans::check(&house.sources));
    findings.extend(arrows::check(&house.manifests));
    findings.extend(thresholds::check(root));
    findings.extend(closure::check(root)?);
    findings.sort();
    findings.dedup();

    print!("{}", lengths::report(&house.sources));
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => println!("tidy: {} files, nothing to report", house.sources.len()),
        count => println!("tidy: {count} findings in {} files", house.sources.len()),
    }
    Ok(findings.is_empty())
}
