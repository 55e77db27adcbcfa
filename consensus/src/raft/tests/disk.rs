//! What the tests' nodes keep: disks that forget what was not synced, a state of batches, and its checkpoints.

use std::collections::BTreeMap;

use hms_protocol::certificate::Certificate;
use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::id::{Epoch, Index, MeshId, NodeId, Term};
use hms_protocol::receipt::Handover;
use hms_protocol::time::Moment;
use hms_protocol::trust::Trust;

use crate::effect::{LogWrite, Recovered};
use crate::raft::{Anchor, Committed, Jury, Members, MembershipChange, Point, Reading};

/// What a node has on disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    pub(super) checkpoint: Option<Vec<u8>>,
    pub(super) hard_state: Option<Vec<u8>>,
    pub(super) rows: BTreeMap<Index, Vec<u8>>,
    pub(super) certificates: BTreeMap<Index, Vec<u8>>,
    pub(super) lock: Option<Vec<u8>>,
}

impl Disk {
    pub(super) fn write(&mut self, write: LogWrite) {
        if let Some((_, bytes)) = write.install {
            self.rows.clear();
            self.certificates.clear();
            self.checkpoint = Some(bytes.to_vec());
        }
        if let Some(from) = write.truncate_from {
            self.rows.split_off(&from);
        }
        self.rows.extend(write.rows);
        self.certificates.extend(write.certificates);
        self.lock = write.lock.or(self.lock.take());
        self.hard_state = write.hard_state.or(self.hard_state.take());
        if let Some(to) = write.compact_to {
            self.rows = self.rows.split_off(&to.next());
            self.certificates = self.certificates.split_off(&to.next());
        }
    }

    pub(super) fn recovered(&self) -> Recovered {
        Recovered {
            checkpoint: self.checkpoint.clone(),
            hard_state: self.hard_state.clone(),
            rows: self.rows.clone().into_iter().collect(),
            certificates: self.certificates.clone().into_iter().collect(),
            lock: self.lock.clone(),
        }
    }
}

/// A state for the tests: the batches that were applied, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) point: Point,
    pub(super) batches: Vec<Vec<u8>>,
}

impl Applied {
    pub(super) fn apply(&mut self, committed: &Committed) {
        assert_eq!(
            self.point.index.next(),
            committed.index(),
            "given in order, given once"
        );
        self.point = Point {
            index: committed.index(),
            term: committed.term(),
            chain: committed.chain(),
        };
        if let Committed::Batch { data, .. } = committed {
            self.batches.push(data.clone());
        }
    }

    pub(super) fn encode(
        &self,
        members: &Members,
        handovers: &[Handover],
        certificate: Option<&Certificate>,
    ) -> Vec<u8> {
        let mut lines = vec![
            self.point.index.to_string(),
            self.point.term.to_string(),
            self.point.chain.to_string(),
            members.epoch().to_string(),
            format!("{:?}", members.trust()),
            join(&members.voters()),
            join(&members.learners()),
            certificate.map_or_else(String::new, |it| hex::encode(codec::encode(it))),
            handovers
                .iter()
                .map(|it| hex::encode(codec::encode(it)) + " ")
                .collect(),
        ];
        let text = |batch: &Vec<u8>| String::from_utf8(batch.clone()).unwrap();
        lines.extend(self.batches.iter().map(text));
        lines.join("\n").into_bytes()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<(Self, Anchor)> {
        let mut lines = std::str::from_utf8(bytes).ok()?.split('\n');
        let point = Point {
            index: Index(lines.next()?.parse().ok()?),
            term: Term(lines.next()?.parse().ok()?),
            chain: Hash::from_hex(lines.next()?)?,
        };
        let epoch = Epoch(lines.next()?.parse().ok()?);
        let trust = match lines.next()? {
            "Crash" => Trust::Crash,
            _ => Trust::Byzantine,
        };
        let (voters, learners) = (split(lines.next()?)?, split(lines.next()?)?);
        let members = Members::new(trust, epoch, &voters, &learners)?;
        let certificate = lines.next()?;
        let certificate = hex::decode(certificate)
            .ok()
            .and_then(|bytes| codec::decode(&bytes).ok());
        let read = |word| codec::decode(&hex::decode(word).ok()?).ok();
        let handovers = lines.next()?.split_whitespace().map(read).collect();
        let batches = lines.map(|line| line.as_bytes().to_vec()).collect();
        let anchor = Anchor {
            mesh: MeshId::from_bytes([1; 32]),
            point,
            members,
            handovers: Option::<Vec<_>>::unwrap_or_default(handovers),
            certificate,
        };
        Some((Self { point, batches }, anchor))
    }
}

fn join(nodes: &[NodeId]) -> String {
    let names: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    names.join(" ")
}

fn split(line: &str) -> Option<Vec<NodeId>> {
    line.split_whitespace()
        .map(|word| word.parse().ok())
        .collect()
}

pub(super) fn read_anchor(bytes: &[u8]) -> Option<Anchor> {
    Applied::decode(bytes).map(|(_, anchor)| anchor)
}

/// What the tests know of entries: a batch is any bytes but these, its time is the first, and a change is called for or not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peers {
    /// Why a change is not called for.
    pub(super) objection: fn(NodeId, MembershipChange) -> Option<&'static str>,
    /// Why a batch of forgeries is none; `None` as if the keys that show it were not known.
    pub(super) doubt: Option<&'static str>,
}

impl Jury for Peers {
    fn read(&self, batch: &[u8]) -> Option<Reading> {
        let at = |stamped_at, doubt| Some(Reading { stamped_at, doubt });
        match batch {
            UNREADABLE => None,
            TOMORROWS => at(Moment(24 * 3_600_000), None),
            FORGED => at(Moment(0), self.doubt),
            _others => at(Moment(0), None),
        }
    }

    fn objection(&self, node: NodeId, change: MembershipChange) -> Option<&'static str> {
        (self.objection)(node, change)
    }
}

/// A batch with a command that is not its author's.
pub(super) const FORGED: &[u8] = b"forged";

/// A batch that a day lies before.
pub(super) const TOMORROWS: &[u8] = b"tomorrows";

/// A batch that nobody can read.
pub(super) const UNREADABLE: &[u8] = b"unreadable";

/// The checkpoint of a mesh that these voters have founded.
pub(super) fn founded(voters: &[NodeId], trust: Trust) -> Vec<u8> {
    let genesis = Applied {
        point: Point {
            index: Index(1),
            term: Term(1),
            chain: Hash::from_bytes([1; 32]),
        },
        batches: Vec::new(),
    };
    genesis.encode(
        &Members::new(trust, Epoch(1), voters, &[]).unwrap(),
        &[],
        None,
    )
}
