//! What a node asks for, and how often.

use hms_protocol::heartbeat::HeartbeatPace;
use hms_protocol::id::{Incarnation, MeshId, NodeId};
use hms_protocol::keyring::SecretKey;
use hms_protocol::member::{Role, RosterView};
use hms_protocol::peer::PeerMessage;
use hms_protocol::time::Moment;

use super::Worker;
use crate::birth::{Birth, CheckpointPace};
use crate::effect::Effect;
use crate::limits::REPEAT_EVERY_MS;
use crate::outbox::Outbox;
use crate::raft::RaftSettings;

const ME: NodeId = NodeId::from_bytes([1; 32]);
const LEADER: NodeId = NodeId::from_bytes([2; 32]);
const BEGAN: Moment = Moment(1_000_000);

fn worker() -> Worker {
    let birth = Birth {
        mesh: MeshId::from_bytes([9; 32]),
        me: ME,
        key: SecretKey::from_seed(&[1; 32]).into(),
        name: "n1".parse().unwrap(),
        incarnation: Incarnation(1),
        role: Role::Worker,
        version: "0.1.0".to_owned(),
        roster: RosterView::default(),
        skills: Vec::new(),
        settings: RaftSettings::default(),
        checkpoints: CheckpointPace::default(),
        heartbeats: HeartbeatPace::default(),
    };
    let mut worker = Worker::new(&birth, RosterView::default());
    worker.set_clock(BEGAN);
    worker
}

/// How often the worker asks when it hears of these revisions, one after the other.
fn asks(worker: &mut Worker, revisions: &[u64]) -> usize {
    let mut outbox = Outbox::new(ME);
    for revision in revisions {
        worker.roster_announced(LEADER, *revision, &mut outbox);
    }
    let mut effects = Vec::new();
    outbox.deliver(&mut effects);
    let asks = |effect: &&Effect| {
        matches!(
            effect,
            Effect::Send {
                to: LEADER,
                message: PeerMessage::AskRoster { have_revision: 0 }
            }
        )
    };
    effects.iter().filter(asks).count()
}

/// A thousand nodes that join at once are a thousand changes of one roster: whoever hears of each asks once.
#[test]
fn a_roster_is_asked_for_once_and_again_when_nobody_answers() {
    let mut worker = worker();
    assert_eq!(asks(&mut worker, &[500; 500]), 1);
    assert_eq!(asks(&mut worker, &[501, 501, 500]), 1);
    worker.set_clock(BEGAN.plus_ms(REPEAT_EVERY_MS - 1));
    assert_eq!(asks(&mut worker, &[501]), 0);
    worker.set_clock(BEGAN.plus_ms(REPEAT_EVERY_MS));
    assert_eq!(asks(&mut worker, &[501, 501]), 1);
}
