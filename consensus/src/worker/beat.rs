//! This node's heartbeat: what it says of itself at its pace, whoever leads.

use hms_protocol::heartbeat::{Heartbeat, HeartbeatPace};
use hms_protocol::id::{Incarnation, NodeId, Sequence};
use hms_protocol::time::Moment;

use crate::birth::Birth;
use crate::input::Vitals;

/// When the node beats, and what it says.
#[derive(Debug)]
pub struct Pulse {
    me: NodeId,
    incarnation: Incarnation,
    version: String,
    pace: HeartbeatPace,
    vitals: Vitals,
    sequence: Sequence,
    due_at: Moment,
}

impl Pulse {
    /// A node that has not beaten in this life. Its first beat is due at once.
    pub fn new(birth: &Birth) -> Self {
        Self {
            me: birth.me,
            incarnation: birth.incarnation,
            version: birth.version.clone(),
            pace: birth.heartbeats,
            vitals: Vitals::default(),
            sequence: Sequence::default(),
            due_at: Moment::default(),
        }
    }

    /// Takes what the hands measured. The worst lag since the last beat counts.
    pub fn measured(&mut self, vitals: Vitals) {
        let lag_ms = self.vitals.lag_ms.max(vitals.lag_ms);
        self.vitals = Vitals { lag_ms, ..vitals };
    }

    /// A beat, if one is due: what the node itself knows; the caller fills in the rest.
    pub fn beat(&mut self, now: Moment) -> Option<Heartbeat> {
        if now < self.due_at {
            return None;
        }
        self.due_at = now.plus_ms(self.pace.ms());
        self.sequence = self.sequence.next();
        let vitals = std::mem::take(&mut self.vitals);
        self.vitals = Vitals {
            lag_ms: 0,
            ..vitals
        };
        Some(Heartbeat {
            node: self.me,
            incarnation: self.incarnation,
            sequence: self.sequence,
            version: self.version.clone(),
            load_permille: vitals.load_permille,
            lag_ms: vitals.lag_ms,
            memory_bytes: vitals.memory_bytes,
            agents: 0,
            running: 0,
            agents_version: 0,
            changed: Vec::new(),
            term: hms_protocol::id::Term::default(),
            leader: None,
            applied: hms_protocol::id::Index::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use hms_protocol::heartbeat::{HEARTBEAT_EVERY_MS, HEARTBEAT_EVERY_MS_MIN, SUSPECT_AFTER_MS};
    use hms_protocol::id::MeshId;
    use hms_protocol::member::{Role, RosterView};

    use super::*;
    use crate::birth::CheckpointPace;
    use crate::input::TICK_MS;
    use crate::raft::RaftSettings;
    use hms_protocol::keyring::SecretKey;

    /// A node that begins its life at `BEGAN` and beats every `every_ms`.
    fn pulse(every_ms: u64) -> Pulse {
        Pulse::new(&Birth {
            mesh: MeshId::from_bytes([9; 32]),
            me: NodeId::from_bytes([1; 32]),
            key: SecretKey::from_seed(&[1; 32]).into(),
            name: "n1".parse().unwrap(),
            incarnation: Incarnation(1),
            role: Role::Worker,
            version: "0.1.0".to_owned(),
            roster: RosterView::default(),
            skills: Vec::new(),
            settings: RaftSettings::default(),
            checkpoints: CheckpointPace::default(),
            heartbeats: HeartbeatPace::every_ms(every_ms).unwrap(),
        })
    }

    const BEGAN: Moment = Moment(1_000_000);

    /// AGT-4: a node beats at the pace that it was told, the first time at once, and never twice within it.
    #[test]
    fn a_node_beats_at_its_pace() {
        for every_ms in [HEARTBEAT_EVERY_MS_MIN, 250, HEARTBEAT_EVERY_MS] {
            let mut pulse = pulse(every_ms);
            let ticks = (0..10_000 / TICK_MS).map(|tick| BEGAN.plus_ms(tick * TICK_MS));
            let beats: Vec<(Moment, Sequence)> = ticks
                .filter_map(|now| pulse.beat(now).map(|beat| (now, beat.sequence)))
                .collect();
            assert_eq!(beats[0], (BEGAN, Sequence(1)), "every {every_ms} ms");
            for two in beats.windows(2) {
                let apart_ms = two[1].0.since_ms(two[0].0);
                // A beat that falls due between two ticks leaves with the second.
                let on_time = every_ms..every_ms + TICK_MS;
                assert!(on_time.contains(&apart_ms), "{apart_ms} of {every_ms} ms");
                assert_eq!(two[1].1, two[0].1.next());
                assert!(
                    2 * apart_ms < SUSPECT_AFTER_MS,
                    "a lost beat is no suspicion"
                );
            }
        }
    }

    #[test]
    fn a_node_that_slept_beats_once_and_not_for_what_it_missed() {
        let mut pulse = pulse(HEARTBEAT_EVERY_MS_MIN);
        assert!(pulse.beat(BEGAN).is_some());
        let awake = BEGAN.plus_ms(60_000);
        assert!(pulse.beat(awake).is_some());
        assert!(pulse.beat(awake.plus_ms(TICK_MS)).is_none());
    }
}
