//! The gossip of each reaches all: once the mesh hears itself, nobody misses a word, and nobody hears one twice.

use std::time::Duration;

use anyhow::ensure;

use super::{Remarks, check_untouched, form, pairs};
use crate::scene::Scene;

/// How long everybody talks after the mesh has formed.
const TALK: Duration = Duration::from_secs(4);

/// A mesh still grafts and prunes for a moment after everybody was heard once.
const SETTLE: Duration = Duration::from_secs(2);

/// How late a word may be: pushed within a few hops, or pulled after one heartbeat of gossipsub.
const LATE: Duration = Duration::from_secs(2);

/// Words that are certainly said in that time, at two a second.
const WORDS_MIN: u32 = 6;

pub(super) fn play(scene: &mut Scene) -> anyhow::Result<Remarks> {
    let formed = form(scene)?;
    scene.run_for(SETTLE)?;
    let all = scene.members();
    let settled: Vec<_> = pairs(&all, &all)
        .into_iter()
        .map(|pair| (pair, last_number(scene, pair)))
        .collect();
    scene.run_for(TALK + LATE)?;

    check_untouched(&scene.journal().read(), &all)?;
    let mut words = 0;
    for (pair, first) in settled {
        let pages = scene.journal().read();
        let (hearer, speaker) = pair;
        let mut numbers: Vec<_> = pages
            .gossip(pair)
            .iter()
            .map(|saying| saying.word.number)
            .collect();
        numbers.sort_unstable();
        let heard = numbers.len();
        numbers.dedup();
        ensure!(
            numbers.len() == heard,
            "{hearer} heard {speaker} say a word twice"
        );
        numbers.retain(|number| (first..=first + WORDS_MIN).contains(number));
        let wanted: Vec<_> = (first..=first + WORDS_MIN).collect();
        ensure!(
            numbers == wanted,
            "{hearer} heard of {speaker} {numbers:?} instead of {wanted:?}"
        );
        words += heard;
    }
    Ok(vec![
        formed,
        format!("{words} words were heard, none twice"),
    ])
}

fn last_number(scene: &Scene, pair: super::Pair) -> u32 {
    let pages = scene.journal().read();
    pages.gossip(pair).last().map_or(0, |last| last.word.number)
}
