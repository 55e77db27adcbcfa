//! A simulated machine: a mind with a disk, a clock and agents of its own, that can crash, sleep and come back.

use std::sync::Arc;

use hms_consensus::effect::Effect;
use hms_consensus::input::Input;
use hms_consensus::mind::{Birth, CheckpointPace, Mind};
use hms_consensus::raft::{RaftSettings, RestoreError};
use hms_consensus::state::State;
use hms_consensus::supervisor::Supervisor;
use hms_protocol::heartbeat::HeartbeatPace;
use hms_protocol::id::{Incarnation, Index, MeshId, NodeId, NodeName};
use hms_protocol::keyring::SecretKey;
use hms_protocol::member::Role;
use hms_protocol::skill::SkillSpec;
use hms_protocol::time::Moment;
use hms_protocol::vetting::Vetter;

use crate::sim::agents::{Agent, Crew, SKILLS, Seal};
use crate::sim::clock::Millis;
use crate::sim::dial::Dial;
use crate::sim::disk::Disk;

/// Which host: they are numbered from 0, and called n1, n2, ….
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostId(pub usize);

/// When the world began, on a clock that is right.
pub const EPOCH: Moment = Moment(1_750_000_000_000);

/// Bytes of a chunk of a checkpoint: so few that every checkpoint takes several.
pub const CHUNK_BYTES: usize = 256;

/// A machine.
#[derive(Debug)]
pub struct Host {
    /// Which.
    pub id: HostId,
    /// The node's key.
    pub key: Arc<SecretKey>,
    /// The node.
    pub node: NodeId,
    /// What people call it.
    pub name: NodeName,
    /// The role that it asks for when it joins.
    pub wish: Option<Role>,
    /// Its clock.
    pub dial: Dial,
    /// How long it thinks about whatever happens to it, in milliseconds.
    pub burden_ms: Millis,
    /// Whether it has asked to join, or has founded the mesh.
    pub invited: bool,
    /// Whether it will never start again: its disk is damaged, and it has refused.
    pub lost: bool,
    /// What survives it.
    pub disk: Disk,
    /// What runs on it.
    pub crew: Crew,
    /// What it remembers to have verified.
    pub vetter: Vetter,
    /// Its mind, while it is up.
    pub mind: Option<Mind>,
    /// Until when it sleeps (is stopped, but not killed).
    pub asleep_until: Option<Millis>,
    /// The leader that its gateway knows.
    pub leader: Option<NodeId>,
}

impl Host {
    /// A machine that was never started.
    pub fn new(id: HostId, wish: Option<Role>, dial: Dial, crew: Crew) -> Self {
        let seed = blake3::derive_key("hms/simulation/node/v1", &id.0.to_le_bytes());
        let key = SecretKey::from_seed(&seed);
        Self {
            id,
            node: key.public().into(),
            key: Arc::new(key),
            name: format!("n{}", id.0 + 1)
                .parse()
                .expect("the name is a valid one"),
            wish,
            dial,
            burden_ms: 0,
            invited: false,
            lost: false,
            disk: Disk::default(),
            crew,
            vetter: Vetter::default(),
            mind: None,
            asleep_until: None,
            leader: None,
        }
    }

    /// Makes it the twin of another: it runs with the same key, and so do its agents.
    pub fn impersonate(&mut self, other: &Self) {
        self.node = other.node;
        self.key = Arc::clone(&other.key);
        for agent in other.crew.agents() {
            let twin = Agent::new(agent.id, agent.skills.clone(), agent.slots);
            self.crew.add(twin);
        }
    }

    /// What its clock shows.
    pub fn clock(&self, now: Millis) -> Moment {
        EPOCH.plus_ms(self.dial.shows(now))
    }

    /// Its present life.
    pub fn life(&self) -> Incarnation {
        self.disk.incarnation
    }

    /// Starts the node, from what the disk holds; a disk that has forgotten what it called durable may be refused.
    pub fn start(
        &mut self,
        now: Millis,
        mesh: MeshId,
        pace: CheckpointPace,
    ) -> Result<(), RestoreError> {
        self.dial.look(now);
        self.disk.incarnation = self.disk.incarnation.next();
        self.crew.forget_work();
        let mind = Mind::restore(&self.birth(mesh, pace), self.disk.recovered())?;
        self.mind = Some(mind);
        self.asleep_until = None;
        Ok(())
    }

    /// What its mind is born with in its present life.
    pub fn birth(&self, mesh: MeshId, pace: CheckpointPace) -> Birth {
        Birth {
            mesh,
            me: self.node,
            key: Arc::clone(&self.key),
            name: self.name.clone(),
            incarnation: self.disk.incarnation,
            role: self.disk.role.expect("a host starts once it is admitted"),
            version: "0.1.0".to_owned(),
            roster: self.disk.members.roster.clone(),
            skills: SKILLS.map(skill).to_vec(),
            settings: RaftSettings {
                chunk_bytes: CHUNK_BYTES,
                ..RaftSettings::default()
            },
            checkpoints: pace,
            heartbeats: HeartbeatPace::default(),
        }
    }

    /// Takes a burst of inputs, and gives what follows from it.
    pub fn think(&mut self, now: Millis, inputs: Vec<Input>) -> Vec<Effect> {
        let mut effects = Vec::new();
        let now = self.clock(now);
        if let Some(mind) = &mut self.mind {
            mind.handle(Input::Tick { now });
            for input in inputs {
                mind.handle(input);
            }
            mind.settle(&mut effects);
        }
        effects
    }

    /// Whether a node is a member that takes part, as far as this host knows.
    pub fn knows(&self, node: NodeId) -> bool {
        self.disk.members.has(node)
    }

    /// The replicated state, if it is a voter and up.
    pub fn state(&self) -> Option<&State> {
        self.mind.as_ref()?.supervisor().map(Supervisor::state)
    }

    /// How much of the ledger it has applied.
    pub fn applied(&self) -> Index {
        let voter = self.mind.as_ref().and_then(|mind| mind.supervisor());
        voter.map_or(Index(0), |voter| voter.replica().index())
    }

    /// What its agents seal with.
    pub fn seal(&self, mesh: MeshId, now: Millis) -> Seal {
        Seal {
            mesh,
            incarnation: self.life(),
            now: self.clock(now),
        }
    }
}

fn skill(name: &str) -> SkillSpec {
    SkillSpec {
        name: name
            .parse()
            .expect("the names of simulated skills are valid"),
        version: "1.0".to_owned(),
        summary: format!("simulated {name}"),
        input: "bytes".to_owned(),
        offers: std::collections::BTreeSet::new(),
    }
}
