//! The loop of a node that may misbehave: the honest one, with an adversary between the mind and its hands.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hms_consensus::effect::Effect;
use hms_consensus::input::{Input, TICK_MS};
use hms_consensus::mind::Mind;
use hms_consensus::state::command::{Batch, Command};
use hms_consensus::supervisor::Supervisor;
use hms_node::clock::Clock;
use hms_node::identity::Identity;
use hms_node::limits::BURST_MAX;
use hms_node::mailbox::Inbox;
use hms_node::perform::{Fault, Hands};
use hms_protocol::codec;
use hms_protocol::id::NodeId;
use hms_protocol::keyring::SecretKey;
use hms_protocol::peer::PeerMessage;
use hms_protocol::time::Moment;
use hms_testnet::arena::orders::{Deeds, Orders};
use hms_testnet::attack::adversary::Misdeed;
use hms_testnet::attack::coup::forged_order;
use hms_testnet::attack::{Adversary, Arms, Attack, Parcel, Scene};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::time::DelayQueue;

use crate::desk::{self, Cheated};
use crate::noise::Noise;

/// Orders that nobody has given, to put into the log: as many as a leader makes coups.
const FORGERIES: u8 = 3;

/// Messages that wait to be said late. Beyond it they are said at once.
const LATE_MAX: usize = 4_096;

/// What the parts of a node that may misbehave share.
pub(crate) struct Corruption {
    data_dir: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    adversary: Option<Adversary>,
    scene: Option<Scene>,
    /// How often it had done something when that was last written down.
    written: u64,
}

impl Corruption {
    /// Nothing to do yet.
    pub(crate) fn new(data_dir: PathBuf) -> Self {
        Self {
            data_dir,
            state: Mutex::default(),
        }
    }

    /// Whether something is to be done now, beside the traffic. Counts as done.
    pub(crate) fn does(&self, attack: Attack) -> bool {
        let mut state = self.lock();
        let State {
            adversary, scene, ..
        } = &mut *state;
        match (adversary, scene) {
            (Some(adversary), Some(scene)) => adversary.does(scene, attack),
            (Some(_) | None, Some(_) | None) => false,
        }
    }

    /// Whether it is to do something of a kind at some time, and what exactly.
    pub(crate) fn wants(&self, is: impl Fn(Attack) -> bool) -> Option<Attack> {
        let state = self.lock();
        state
            .adversary
            .as_ref()?
            .attacks()
            .find(|attack| is(*attack))
    }

    /// The node's own key: the only one that it has.
    fn key(&self) -> Result<Arc<SecretKey>, Fault> {
        let identity = Identity::load_or_create(&self.data_dir);
        let key = identity.map(|identity| SecretKey::from_seed(&identity.key().seed()));
        key.map(Arc::new)
            .map_err(|error| Fault::Halted(error.to_string()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks whether there are orders, and writes down what was done.
    fn look(&self, key: &Arc<SecretKey>, scene: Scene, hands: &Hands) {
        let mut state = self.lock();
        let orders = Orders::read(&self.data_dir);
        match (&mut state.adversary, orders) {
            (None, Some(orders)) => {
                let mut adversary =
                    Adversary::new(arms(key, hands), orders.seed, misdeeds(&orders));
                adversary.begin(scene.now_ms);
                tracing::warn!(steps = orders.steps.len(), "the adversary begins");
                state.adversary = Some(adversary);
            }
            (Some(adversary), None) => adversary.end(),
            (Some(_), Some(_)) | (None, None) => {}
        }
        let told = state.adversary.as_ref().map_or(0, Adversary::told);
        if state.written < told {
            state.written = told;
            let deeds = Deeds {
                at_ms: scene.now_ms,
                told,
            };
            if let Err(error) = deeds.append(&self.data_dir) {
                tracing::error!(%error, "what the adversary has done cannot be written down");
            }
        }
        state.scene = Some(scene);
    }

    /// Whether it has never been told to do anything.
    fn is_idle(&self) -> bool {
        self.lock().adversary.is_none()
    }

    fn with<T>(&self, act: impl FnOnce(&mut Adversary, &Scene) -> T) -> Option<T> {
        let mut state = self.lock();
        let State {
            adversary, scene, ..
        } = &mut *state;
        Some(act(adversary.as_mut()?, scene.as_ref()?))
    }
}

/// Drives a mind, and lets the adversary have its way with what it says and hears.
pub(crate) async fn drive(
    corruption: Arc<Corruption>,
    mut mind: Mind,
    mut inbox: Inbox,
    mut hands: Hands,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let mut ticker = interval(Duration::from_millis(TICK_MS));
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut late: DelayQueue<(NodeId, PeerMessage)> = DelayQueue::new();
    let mut noise = Noise::default();
    let mut effects = Vec::new();
    // A clock that is wrong is so from the start of a life.
    let ahead_ms = ahead_at_start(&corruption);
    let key = corruption.key()?;
    loop {
        let input = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            _ = ticker.tick() => {
                corruption.look(&key, scene(hands.clock, &mind), &hands);
                noise.make(&corruption, &hands);
                hands.tick()
            }
            input = hands.stored() => input?,
            Some(said) = futures::StreamExt::next(&mut late), if !late.is_empty() => {
                let (to, message) = said.into_inner();
                hands.perform(Effect::Send { to, message }).await?;
                continue;
            }
            Some(input) = inbox.recv() => input,
        };
        let mut inputs = vec![input];
        while inputs.len() < BURST_MAX {
            let Ok(input) = inbox.try_recv() else { break };
            inputs.push(input);
        }
        for input in inputs {
            let input = skew(input, ahead_ms);
            let Some(input) = hear(&corruption, input, &mut hands).await? else {
                continue;
            };
            mind.handle(input);
        }
        mind.settle(&mut effects);
        hands.need.send_replace(mind.need());
        for effect in effects.drain(..) {
            for (after_ms, effect) in say(&corruption, effect) {
                if 0 < after_ms
                    && late.len() < LATE_MAX
                    && let Effect::Send { to, message } = effect
                {
                    late.insert((to, message), Duration::from_millis(after_ms));
                } else {
                    hands.perform(effect).await?;
                }
            }
        }
    }
}

/// What the mind hears; nothing, if the adversary keeps it from it.
async fn hear(
    corruption: &Corruption,
    input: Input,
    hands: &mut Hands,
) -> Result<Option<Input>, Fault> {
    if let Input::Asked { ticket, request } = &input
        && let Some(cheated) = desk::cheat(corruption, request)
    {
        if let Cheated::With(answer) = cheated {
            let ticket = *ticket;
            hands
                .perform(Effect::Answer {
                    ticket,
                    answer: *answer,
                })
                .await?;
        }
        return Ok(None);
    }
    if corruption.is_idle() {
        return Ok(Some(input));
    }
    let (from, message) = if let Input::Received { from, message } = &input {
        (*from, message.clone())
    } else if let Input::Framed { from, frame } = &input {
        (*from, PeerMessage::Raft(codec::encode(&frame.frame)))
    } else {
        return Ok(Some(input));
    };
    let heard = corruption.with(|adversary, scene| adversary.hear(scene, from, &message));
    let (heard, answers) = heard.unwrap_or((true, Vec::new()));
    for Parcel { to, message, .. } in answers {
        hands.perform(Effect::Send { to, message }).await?;
    }
    Ok(heard.then_some(input))
}

/// What the hands are told to do instead, each with its delay in milliseconds.
fn say(corruption: &Corruption, effect: Effect) -> Vec<(u64, Effect)> {
    if corruption.is_idle() {
        return vec![(0, effect)];
    }
    if let Effect::Send { to, message } = &effect {
        let said = corruption.with(|adversary, scene| adversary.say(scene, *to, message.clone()));
        if let Some(parcels) = said {
            let send = |Parcel {
                            after_ms,
                            to,
                            message,
                        }| (after_ms, Effect::Send { to, message });
            return parcels.into_iter().map(send).collect();
        }
    }
    if let Effect::Beat(beat) = &effect {
        let shown = corruption.with(|adversary, scene| adversary.beat(scene, beat.clone()));
        if let Some(shown) = shown {
            return shown
                .map(|beat| (0, Effect::Beat(beat)))
                .into_iter()
                .collect();
        }
    }
    vec![(0, effect)]
}

/// How far the clock of this life is ahead, in milliseconds.
fn ahead_at_start(corruption: &Corruption) -> i64 {
    let orders = Orders::read(&corruption.data_dir);
    let steps = orders.into_iter().flat_map(|orders| orders.steps);
    steps
        .map(|step| {
            if let Attack::SkewClock { ahead_ms } = step.attack {
                ahead_ms
            } else {
                0
            }
        })
        .sum()
}

fn skew(input: Input, ahead_ms: i64) -> Input {
    if let Input::Tick { now } = input {
        let now = Moment(now.0.saturating_add_signed(ahead_ms));
        return Input::Tick { now };
    }
    input
}

/// How things stand with the node.
fn scene(clock: Clock, mind: &Mind) -> Scene {
    let voter = mind.supervisor();
    let status = voter.map(Supervisor::status);
    Scene {
        now_ms: clock.now().0,
        voters: status.as_ref().map_or_else(BTreeSet::new, |status| {
            status.voters.iter().copied().collect()
        }),
        applied: mind.applied(),
        term: status.map(|status| status.term).unwrap_or_default(),
        leads: voter.is_some_and(|voter| voter.leads_in().is_some()),
    }
}

fn arms(key: &Arc<SecretKey>, hands: &Hands) -> Arms {
    let mesh = hands.seal.mesh();
    let forged = (0..FORGERIES).map(|number| Batch {
        stamped_at: Moment(0),
        commands: vec![Command::Operate(forged_order(mesh, number))],
    });
    Arms {
        key: Arc::clone(key),
        mesh,
        forgeries: forged.map(|batch| codec::encode(&batch)).collect(),
    }
}

fn misdeeds(orders: &Orders) -> Vec<Misdeed> {
    let steps = orders.steps.iter().map(|step| Misdeed {
        attack: step.attack,
        when: step.when.clone(),
        toward: step
            .toward
            .iter()
            .filter_map(|id| id.parse().ok())
            .collect(),
    });
    steps.collect()
}
