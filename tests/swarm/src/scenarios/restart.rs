//! A node goes and comes back with its key: it hears, is heard, and nobody keeps the old connection for a living one.

use std::time::Duration;

use anyhow::ensure;

use super::{Remarks, all_hear, check_untouched, form, pairs};
use crate::journal::{Pages, Place};
use crate::scene::Scene;

/// How long a node is away. Shorter than the silence that ends a connection: nobody has missed it yet.
const AWAY: Duration = Duration::from_secs(4);

/// How long after its start a killed node hears and is heard: the longest pause between two dials, a head start, the
/// handshake, and gossipsub's next heartbeat.
const BACK_WITHIN: Duration = Duration::from_secs(5);

/// The same for a node whose peers still hold dead connections to it: the newcomer's dial ends them at once.
const BACK_FROM_THE_DEAD_WITHIN: Duration = Duration::from_secs(8);

/// How long links are watched for staying up after that: longer than the silence that would end a forgotten one.
const STEADY: Duration = Duration::from_secs(15);

pub(super) fn play(scene: &mut Scene) -> anyhow::Result<Remarks> {
    let formed = form(scene)?;
    let victim = victim(scene);
    scene.crash(victim);
    scene.run_for(AWAY)?;
    scene.restart(victim);
    let back = come_back(scene, victim, BACK_WITHIN)?;
    Ok(vec![formed, back])
}

pub(super) fn play_power_loss(scene: &mut Scene) -> anyhow::Result<Remarks> {
    let formed = form(scene)?;
    let victim = victim(scene);
    let others: Vec<_> = others(scene, victim);
    // Whose power fails closes nothing: what the crash would say is lost on the way.
    scene.cut(&[victim], &others);
    scene.crash(victim);
    scene.run_for(AWAY)?;
    for other in &others {
        let pages = scene.journal().read();
        ensure!(
            pages.down_ms((*other, victim)).is_none(),
            "{other} has missed {victim} already, and this run shows nothing"
        );
    }
    scene.heal(&[victim], &others);
    scene.restart(victim);
    let back = come_back(scene, victim, BACK_FROM_THE_DEAD_WITHIN)?;
    Ok(vec![formed, back])
}

fn victim(scene: &Scene) -> Place {
    let members = scene.members();
    members[members.len() / 2]
}

fn others(scene: &Scene, victim: Place) -> Vec<Place> {
    let mut others = scene.members();
    others.retain(|place| *place != victim);
    others
}

/// Waits until the victim's second life is heard by all and hears all, and sees that it stays so.
fn come_back(scene: &mut Scene, victim: Place, within: Duration) -> anyhow::Result<String> {
    let (back_ms, others) = (scene.now_ms(), others(scene, victim));
    let took_ms = scene.run_until("a node is back", within, |pages| {
        is_back(pages, victim, &others, back_ms)
    })?;
    scene.run_for(STEADY)?;
    let late_ms = scene.now_ms() - 2_000;
    let steady = is_back(&scene.journal().read(), victim, &others, late_ms);
    steady.map_err(|missing| anyhow::anyhow!("it was back only for a moment: {missing}"))?;
    check_untouched(&scene.journal().read(), &others)?;
    for other in others {
        let pages = scene.journal().read();
        let (down, up) = (pages.down_ms((other, victim)), pages.up_ms((other, victim)));
        ensure!(
            down.is_some() && down < up,
            "{other} kept the connection to the first life of {victim}"
        );
    }
    Ok(format!(
        "it heard all and was heard by all after {took_ms} ms"
    ))
}

/// Whether gossip and frames went both ways since a moment, those of the victim from its second life.
fn is_back(pages: &Pages, victim: Place, others: &[Place], since_ms: u64) -> Result<(), String> {
    all_hear(pages, others, &[victim], since_ms)?;
    all_hear(pages, &[victim], others, since_ms)?;
    for (receiver, sender) in [pairs(others, &[victim]), pairs(&[victim], others)].concat() {
        let last = pages.frames((receiver, sender)).last();
        let lives = u32::from(sender == victim);
        if last.is_none_or(|last| last.at_ms < since_ms || last.word.life != lives) {
            return Err(format!("no frame from {sender} has reached {receiver}"));
        }
    }
    Ok(())
}
