//! Two sides are cut apart: each hears itself and nobody across; healed, all hear all again, without help.
//!
//! The simulated network loses what is sent during a cut for good, so a connection that lived through one is dead
//! without anybody being told. Only silence can tell, and only a new connection can mend.

use std::time::Duration;

use anyhow::ensure;

use super::{Remarks, all_hear, check_untouched, form, pairs};
use crate::journal::Place;
use crate::scene::Scene;

/// A cut that is long enough for every link across it to go down.
const LONG_CUT: Duration = Duration::from_secs(20);

/// A cut that is over before a silent connection is given up.
const SHORT_CUT: Duration = Duration::from_secs(4);

/// What was on its way when the cut came may still be judged and told.
const GRACE: Duration = Duration::from_millis(200);

/// How long after a long cut all hear all: the longest pause between two dials (2 s), a head start, the handshake, and
/// gossipsub's next heartbeat.
const MEND_WITHIN: Duration = Duration::from_secs(5);

/// How long after a short cut all hear all: the silence that ends a connection (8 s, counted from the cut at the
/// earliest) and then as above.
const NOTICE_AND_MEND_WITHIN: Duration = Duration::from_secs(14);

/// How long after the heal links are watched for staying up.
const STEADY: Duration = Duration::from_secs(15);

pub(super) fn play(scene: &mut Scene) -> anyhow::Result<Remarks> {
    let formed = form(scene)?;
    let (left, right) = sides(scene);
    scene.cut(&left, &right);
    scene.run_for(GRACE)?;
    let cut_ms = scene.now_ms();
    scene.run_for(LONG_CUT)?;

    // Each side heard itself to the end, and nobody across since the cut.
    let late_ms = scene.now_ms() - 2_000;
    for side in [&left, &right] {
        let heard = all_hear(&scene.journal().read(), side, side, late_ms);
        heard.map_err(|missing| anyhow::anyhow!("one side does not hear itself: {missing}"))?;
    }
    check_silence(scene, &left, &right, cut_ms)?;
    for pair in across(&left, &right) {
        let down = scene.journal().read().down_ms(pair);
        let (near, far) = pair;
        ensure!(
            down.is_some_and(|down_ms| cut_ms <= down_ms),
            "{near} still believes that it is linked to {far}"
        );
    }
    let mended = mend(scene, &left, &right, MEND_WITHIN)?;
    Ok(vec![formed, mended])
}

pub(super) fn play_hiccup(scene: &mut Scene) -> anyhow::Result<Remarks> {
    let formed = form(scene)?;
    let (left, right) = sides(scene);
    scene.cut(&left, &right);
    scene.run_for(GRACE)?;
    let cut_ms = scene.now_ms();
    scene.run_for(SHORT_CUT)?;
    check_silence(scene, &left, &right, cut_ms)?;
    let mended = mend(scene, &left, &right, NOTICE_AND_MEND_WITHIN)?;
    Ok(vec![formed, mended])
}

fn sides(scene: &Scene) -> (Vec<Place>, Vec<Place>) {
    let all = scene.members();
    let (left, right) = all.split_at(all.len() / 2);
    (left.to_vec(), right.to_vec())
}

fn across(left: &[Place], right: &[Place]) -> Vec<(Place, Place)> {
    [pairs(left, right), pairs(right, left)].concat()
}

fn check_silence(
    scene: &Scene,
    left: &[Place],
    right: &[Place],
    since_ms: u64,
) -> anyhow::Result<()> {
    for pair in across(left, right) {
        let pages = scene.journal().read();
        let last = pages.gossip(pair).last();
        let (hearer, speaker) = pair;
        ensure!(
            last.is_some_and(|last| last.at_ms < since_ms),
            "{hearer} heard {speaker} across the cut"
        );
    }
    Ok(())
}

/// Heals the cut, waits until all hear all again, and sees that it stays so.
fn mend(
    scene: &mut Scene,
    left: &[Place],
    right: &[Place],
    within: Duration,
) -> anyhow::Result<String> {
    scene.heal(left, right);
    let (all, healed_ms) = (scene.members(), scene.now_ms());
    let took_ms = scene.run_until("a healed mesh hears itself", within, |pages| {
        all_hear(pages, &all, &all, healed_ms)
    })?;
    scene.run_for(STEADY)?;
    let late_ms = scene.now_ms() - 2_000;
    let heard = all_hear(&scene.journal().read(), &all, &all, late_ms);
    heard.map_err(|missing| anyhow::anyhow!("a healed mesh fell apart again: {missing}"))?;
    // Gossip takes any way round: that every link is new shows that every pair has found back.
    for pair in across(left, right) {
        let pages = scene.journal().read();
        let (down, up) = (pages.down_ms(pair), pages.up_ms(pair));
        let (near, far) = pair;
        ensure!(
            down.is_some() && down < up,
            "{near} has no new connection to {far}"
        );
    }
    for side in [left, right] {
        check_untouched(&scene.journal().read(), side)?;
    }
    Ok(format!("all heard all {took_ms} ms after the heal"))
}
