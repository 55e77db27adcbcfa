//! Drills with real nodes: a mesh of processes is made for one drill, put to work, attacked, watched, and taken down.
//!
//! Nothing stays behind: however a drill ends, its processes are gone and its folder too. Time is that of this machine, to
//! some twenty milliseconds, which is how often is looked.

mod clients;
mod damage;
mod deeds;
mod eyes;
mod ground;
pub mod orders;
mod story;
mod strangers;
mod switch;

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::drill::{Drill, Mark, Run};
use crate::{Cluster, TestnetFault};
use clients::Clients;
use deeds::Deeds;
use eyes::Eyes;
use ground::Ground;
use story::Story;

/// How long the mesh works before it is attacked.
const STEADY: Duration = Duration::from_secs(3);

/// How often is looked at what the mesh does.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long after the attack the mesh may take to work again. Beyond it, it never will.
const RECOVERS_WITHIN: Duration = Duration::from_mins(1);

/// Runs a drill on a mesh that is made for it. `tell` hears of each moment as soon as it is seen. Ctrl-C breaks it off.
pub async fn run(
    drill: &Drill,
    seed: u64,
    tell: &mut dyn FnMut(&Mark),
) -> Result<Run, TestnetFault> {
    let ground = Ground::prepare(drill)?;
    stoppable(perform(ground, drill, seed, tell)).await
}

/// Runs a drill on a mesh that was there before, and leaves it as it was. [`Drill::check_live`] says which may be.
pub async fn run_live(
    cluster: Cluster,
    drill: &Drill,
    seed: u64,
    tell: &mut dyn FnMut(&Mark),
) -> Result<Run, TestnetFault> {
    let ground = Ground::adopt(cluster, drill)?;
    stoppable(perform(ground, drill, seed, tell)).await
}

/// Ctrl-C breaks a drill off; what it has done is undone when its ground is dropped.
async fn stoppable(
    performing: impl Future<Output = Result<Run, TestnetFault>>,
) -> Result<Run, TestnetFault> {
    tokio::select! {
        run = performing => run,
        _ = tokio::signal::ctrl_c() => Err(TestnetFault::Interrupted),
    }
}

async fn perform(
    mut ground: Ground,
    drill: &Drill,
    seed: u64,
    tell: &mut dyn FnMut(&Mark),
) -> Result<Run, TestnetFault> {
    let mut eyes = Eyes::open(&ground)?;
    eyes.wait_for_work(&ground).await?;
    let mut story = Story::new(drill, seed, tell);
    let clients = Clients::open(&ground, drill).await?;
    story.formed(&ground, &eyes);
    watch(&mut ground, &mut eyes, &mut story, None, STEADY).await?;

    let leader = eyes.leader();
    let mut deeds = Deeds::begin(&ground, drill, seed, leader)?;
    story.attacked();
    clients.mark();
    let lasts = Duration::from_millis(drill.attack_ms);
    watch(&mut ground, &mut eyes, &mut story, Some(&mut deeds), lasts).await?;
    clients.mark();
    story.ended(deeds.told(&ground));
    deeds.end(&mut ground).await?;

    let ended = Instant::now();
    let recovered = clients.prove_work(RECOVERS_WITHIN).await;
    story.recovered(recovered.then(|| ended.elapsed()));
    watch(
        &mut ground,
        &mut eyes,
        &mut story,
        Some(&mut deeds),
        LOOK_EVERY,
    )
    .await?;
    let served = clients.close().await;
    let audit = eyes.audit(&ground, &served).await;
    Ok(story.finish(&ground, &eyes, &deeds, (&served, &audit)))
}

/// Looks at the mesh for a while.
async fn watch(
    ground: &mut Ground,
    eyes: &mut Eyes,
    story: &mut Story<'_>,
    mut deeds: Option<&mut Deeds>,
    lasting: Duration,
) -> Result<(), TestnetFault> {
    let end = Instant::now() + lasting;
    while Instant::now() < end {
        if let Some(deeds) = deeds.as_deref_mut() {
            deeds.go_on(ground).await?;
        }
        eyes.look(ground).await;
        if let Some(deeds) = deeds.as_deref() {
            story.look(ground, eyes, deeds);
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}
