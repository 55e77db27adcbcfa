//! What the nodes of a simulated mesh say and write in their daily life: real encodings, for tests that spoil them.
//!
//! Nothing here is made up: every piece is what a mind has ordered.

use hms_consensus::effect::{Effect, Recovered};
use hms_consensus::mind::{Birth, CheckpointPace};
use hms_consensus::raft::read_row;
use hms_protocol::heartbeat::Heartbeat;
use hms_protocol::id::NodeId;
use hms_protocol::peer::{Announcement, PeerMessage};

use crate::sim::clock::Millis;
use crate::sim::host::Host;
use crate::sim::plan::Plan;
use crate::sim::world::World;

/// How long the mesh lives, in milliseconds of its own time.
const LIFE_MS: Millis = 20_000;

/// What was said and written, in order.
#[derive(Debug, Default)]
pub struct Harvest {
    /// Messages, with their sender and receiver.
    pub said: Vec<(NodeId, NodeId, PeerMessage)>,
    /// Heartbeats.
    pub beats: Vec<Heartbeat>,
    /// Announcements, with their sender.
    pub announced: Vec<(NodeId, Announcement)>,
    /// The contents of log rows: batches, and what Raft writes for itself.
    pub logged: Vec<Vec<u8>>,
    /// Encoded checkpoints.
    pub checkpoints: Vec<Vec<u8>>,
    /// The voters at the end: what each is born with, and what its disk holds.
    pub voters: Vec<(Birth, Recovered)>,
}

impl Harvest {
    /// Lets a mesh of three voters and a worker live through a seed, with checkpoints so often that peers need them, and
    /// gathers what they say and write.
    pub fn gather(seed: u64) -> Self {
        let troubled = Plan::draw(seed);
        let plan = Plan {
            agents: 2,
            pace: CheckpointPace {
                entries: 40,
                ..CheckpointPace::default()
            },
            clients: 3,
            requests: 80,
            troubles_ms: (4_000, 12_000),
            temper: troubled.temper,
            ..Plan::plain(3, 1)
        };
        let mut world = World::found(seed, &plan);
        world.harvest = Some(Self::default());
        world.run_until(plan.troubles_ms.1);
        world.heal();
        world.run_until(LIFE_MS);
        let mut harvest = world.harvest.take().unwrap_or_default();
        let voters = world.hosts.iter().filter(|host| host.state().is_some());
        harvest.voters = voters
            .map(|host| (host.birth(world.mesh, world.pace), host.disk.recovered()))
            .collect();
        harvest
    }

    /// Takes what a host does.
    pub(crate) fn take(&mut self, host: &Host, effect: &Effect) {
        match effect {
            Effect::Send { to, message } => self.said.push((host.node, *to, message.clone())),
            Effect::Beat(beat) => self.beats.push(beat.clone()),
            Effect::Announce(announcement) => {
                self.announced.push((host.node, announcement.clone()));
            }
            Effect::Persist(write) => {
                let rows = write.rows.iter().map(|(_, row)| read_row(row));
                let rows = rows.map(|row| row.expect("a mind writes rows that it can read"));
                self.logged.extend(rows.map(|(_, entry)| entry.data));
            }
            Effect::Checkpoint(checkpoint) => self.checkpoints.push(checkpoint.encode()),
            Effect::Answer { .. }
            | Effect::Start(_)
            | Effect::Stop(_)
            | Effect::Raise { .. }
            | Effect::Dismiss(_)
            | Effect::Probe { .. }
            | Effect::Publish(_)
            | Effect::Enrol(_)
            | Effect::Follow { .. }
            | Effect::Halt { .. } => {}
        }
    }
}
