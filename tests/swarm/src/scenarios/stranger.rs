//! Somebody who is no member connects, joins the topics, talks all the time, and is neither told nor heard.

use std::time::Duration;

use anyhow::ensure;

use super::{Remarks, form, pairs};
use crate::scene::Scene;

/// How long the stranger tries.
const TRY: Duration = Duration::from_secs(20);

pub(super) fn play(scene: &mut Scene) -> anyhow::Result<Remarks> {
    let formed = form(scene)?;
    scene.run_for(TRY)?;
    let (members, strangers) = (scene.members(), scene.strangers());
    let pages = scene.journal().read();
    for (stranger, member) in pairs(&strangers, &members) {
        ensure!(
            pages.up_ms((stranger, member)).is_some(),
            "{stranger} was never connected to {member}, and this run shows nothing"
        );
    }
    for pair in [pairs(&members, &strangers), pairs(&strangers, &members)].concat() {
        let (hearer, speaker) = pair;
        ensure!(
            pages.gossip(pair).is_empty(),
            "{hearer} heard gossip of {speaker}"
        );
        ensure!(
            pages.frames(pair).is_empty(),
            "{hearer} took a frame of {speaker}"
        );
    }
    let connected = strangers.len() * members.len();
    Ok(vec![
        formed,
        format!("{connected} connections, and not a word"),
    ])
}
