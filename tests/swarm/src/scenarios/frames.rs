//! Frames keep their order, and none arrives twice, whatever happens to nodes and links meanwhile.
//!
//! Frames may be lost with the connection that carried them, and with nothing else: between two nodes whose link
//! lives, every frame arrives.

use std::time::Duration;

use anyhow::ensure;

use super::{Remarks, form, pairs};
use crate::journal::{Place, Saying};
use crate::scene::Scene;

/// Frames that everybody sends to each member at once.
pub(super) const BURST: u32 = 20;

/// How long everybody sends between two blows.
const SEND: Duration = Duration::from_secs(6);

/// How long a blow lasts: a crashed node is away, a cut link is silent.
const BLOW: Duration = Duration::from_secs(3);

/// How long a broken link may take until frames flow again: silence, dial, handshake.
const FLOW_WITHIN: Duration = Duration::from_secs(14);

/// Times that a node is crashed.
const CRASHES: u32 = 2;

pub(super) fn play(scene: &mut Scene) -> anyhow::Result<Remarks> {
    let formed = form(scene)?;
    let all = scene.members();
    let (first, last) = (all[0], all[all.len() - 1]);
    scene.run_for(SEND)?;
    for _ in 0..CRASHES {
        scene.crash(last);
        scene.run_for(BLOW)?;
        scene.restart(last);
        flow(scene, &all)?;
        scene.run_for(SEND)?;
    }
    let rest = &all[1..];
    scene.cut(&[first], rest);
    scene.run_for(BLOW)?;
    scene.heal(&[first], rest);
    flow(scene, &all)?;
    scene.run_for(SEND)?;

    let mut frames = 0;
    for pair in pairs(&all, &all) {
        let pages = scene.journal().read();
        let received = pages.frames(pair);
        check_order(pair, received)?;
        let untouched = ![pair.0, pair.1]
            .iter()
            .any(|end| [first, last].contains(end));
        if untouched {
            check_whole(pair, received)?;
        }
        frames += received.len();
    }
    Ok(vec![
        formed,
        format!("{frames} frames, in order, none twice"),
    ])
}

/// Waits until frames of the present flow between all.
fn flow(scene: &mut Scene, all: &[Place]) -> anyhow::Result<()> {
    let since_ms = scene.now_ms();
    scene.run_until("frames flow again", FLOW_WITHIN, |pages| {
        let stuck = |pair: &(Place, Place)| {
            let last = pages.frames(*pair).last();
            last.is_none_or(|last| last.at_ms < since_ms)
        };
        match pairs(all, all).into_iter().find(stuck) {
            None => Ok(()),
            Some((receiver, sender)) => Err(format!("{receiver} gets none of {sender}")),
        }
    })?;
    Ok(())
}

/// Every frame is later than the one before it, by its sender's count.
fn check_order((receiver, sender): (Place, Place), received: &[Saying]) -> anyhow::Result<()> {
    for neighbours in received.windows(2) {
        let (before, after) = (neighbours[0].word, neighbours[1].word);
        ensure!(
            before < after,
            "{receiver} got {after:?} of {sender} after {before:?}"
        );
    }
    Ok(())
}

/// No frame is missing between the first and the last.
fn check_whole((receiver, sender): (Place, Place), received: &[Saying]) -> anyhow::Result<()> {
    for neighbours in received.windows(2) {
        let (before, after) = (neighbours[0].word, neighbours[1].word);
        ensure!(
            before.number + 1 == after.number,
            "{receiver} misses frames of {sender} between {before:?} and {after:?}"
        );
    }
    Ok(())
}
