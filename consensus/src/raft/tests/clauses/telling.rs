//! How the scripts of the clauses tell what happened: what nodes sign, show, ask for and refuse, and how those stand for whom
//! something is different now.
//!
//! An entry is told as index:term:data, and a log by its last entry: two logs of one name cannot be told apart by their
//! hashes here, so the later one gets a mark. Who has done the same is told in one line. A node stands differently on disk
//! only while a write is on its way; then both are told.

use std::collections::BTreeMap;

use hms_protocol::certificate::{Certificate, Mark, Phase, Statement};
use hms_protocol::chain::EntryKind;
use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::frame::Frame;
use hms_protocol::id::{Epoch, Index, NodeId, Term};
use prost_raft::Message as _;
use raft::eraftpb::{Entry, Message, MessageType};

use super::super::disk::Disk;
use super::super::mesh::{Mesh, node};
use crate::effect::LogWrite;
use crate::raft::log::kind;
use crate::raft::members::read_conf_change;
use crate::raft::row::{Row, Vow};
use crate::raft::suffix::link;
use crate::raft::{Driver, MembershipChange, RaftRefusal, raft_id};

/// The entry that founds a mesh: no node keeps it in its log.
const GENESIS: Index = Index(1);

/// The epoch that founds a mesh: it goes without saying.
const FOUNDING: Epoch = Epoch(1);

/// The highest number of a node in any script.
const NODES_MAX: u8 = 9;

/// What is to be told, and what was.
#[derive(Debug, Default)]
pub(super) struct Telling {
    /// The last entry of each log that was seen.
    names: BTreeMap<Hash, String>,
    /// What nodes did since the last time.
    deeds: Vec<Deed>,
    /// How nodes stood when it was told last.
    standings: BTreeMap<NodeId, String>,
}

/// What somebody did, and to whom.
#[derive(Debug)]
struct Deed {
    who: Vec<NodeId>,
    what: String,
    whom: Vec<NodeId>,
}

impl Telling {
    /// Tells what nodes did, and how those stand for whom that is news.
    pub(super) fn finish(&mut self, mesh: &Mesh) -> String {
        let mut deeds = std::mem::take(&mut self.deeds);
        for id in (1..=NODES_MAX).map(node) {
            if !mesh.live.contains_key(&id) {
                continue;
            }
            let standing = self.standing(mesh, id);
            if self.standings.get(&id) != Some(&standing) {
                self.standings.insert(id, standing.clone());
                deeds.push(Deed {
                    who: vec![id],
                    what: standing,
                    whom: Vec::new(),
                });
            }
        }
        gather(deeds).iter().map(line).collect()
    }

    /// What was done until now needs no telling.
    pub(super) fn forget(&mut self) {
        self.deeds.clear();
    }

    /// Gives names to all logs as they stand.
    pub(super) fn learn_logs(&mut self, mesh: &Mesh) {
        for live in mesh.live.values() {
            for (index, term, kind, data, chain) in log(&live.driver) {
                self.name(chain, entry_name((index, term), kind, &data));
            }
        }
    }

    /// Gives names to the logs that some entries make after another.
    pub(super) fn learn(&mut self, before: Hash, entries: &[Entry]) -> Hash {
        entries.iter().fold(before, |before, entry| {
            let chain = link(before, entry);
            let place = (Index(entry.index), Term(entry.term));
            let name = entry_name(place, kind(entry, &entry.data), &entry.data);
            self.name(chain, name);
            chain
        })
    }

    fn name(&mut self, chain: Hash, mut name: String) {
        if self.names.contains_key(&chain) {
            return;
        }
        while self.names.values().any(|known| *known == name) {
            name.push('\'');
        }
        self.names.insert(chain, name);
    }

    /// Takes note of what a frame says.
    pub(super) fn hear(&mut self, (from, to): (NodeId, NodeId), frame: &Frame) {
        for attestation in &frame.attestations {
            let signed = format!("attests {}", self.statement(&attestation.statement));
            self.note(from, signed, None);
        }
        if let Some(vote) = frame.vote {
            let ballot = vote.ballot;
            let voted = format!(
                "votes for {} in term {}{}: shown {}, own lock {}",
                names(&[ballot.candidate]),
                ballot.term,
                epoch(ballot.epoch),
                self.mark(ballot.shown),
                self.mark(ballot.lock)
            );
            self.note(from, voted, None);
        }
        if frame.message.is_empty() {
            for certificate in &frame.certificates {
                let of = self.statement(&certificate.statement);
                self.note(from, format!("shows a certificate of {of}"), Some(to));
            }
        }
        let message = Message::decode(frame.message.as_slice()).expect("drivers write messages");
        let kind = MessageType::from_i32(message.msg_type);
        if kind == Some(MessageType::MsgAppendResponse) && message.reject {
            let asked = format!("lacks what follows {}", message.reject_hint);
            self.note(from, asked, Some(to));
        }
        if kind == Some(MessageType::MsgRequestVote) {
            let asked = format!("asks for votes in term {}", message.term);
            self.note(from, asked, None);
        }
    }

    pub(super) fn refuse(&mut self, id: NodeId, refusal: &RaftRefusal) {
        self.note(id, format!("refuses {}", refusal.code()), None);
    }

    /// Takes note of a write that reaches a disk.
    pub(super) fn note_write(&mut self, id: NodeId, write: &LogWrite) {
        let mut parts = Vec::new();
        if let Some(from) = write.truncate_from {
            parts.push(format!("nothing from {from} on"));
        }
        parts.extend(write.rows.iter().map(|(_, bytes)| row_name(bytes)));
        if let Some(lock) = &write.lock {
            parts.push(format!("lock {}", self.stored_lock(lock)));
        }
        if let Some(state) = &write.hard_state {
            let Vow { term, vote, .. } = Vow::decode(state).expect("it was just written");
            let voted = (1..=NODES_MAX).map(node).find(|id| raft_id(*id) == vote);
            let vote = voted.map_or("nobody".to_owned(), |id| names(&[id]));
            parts.push(format!("term {term} with a vote for {vote}"));
        }
        if !parts.is_empty() {
            let written = format!("has in one write on its disk: {}", parts.join(", "));
            self.note(id, written, None);
        }
    }

    /// Takes note of a deed. Nobody does the same twice at a time.
    fn note(&mut self, who: NodeId, what: String, whom: Option<NodeId>) {
        let mut known = self.deeds.iter_mut();
        let known = known.find(|deed| deed.who == [who] && deed.what == what);
        match known {
            Some(deed) => {
                let news = whom.filter(|whom| !deed.whom.contains(whom));
                deed.whom.extend(news);
            }
            None => self.deeds.push(Deed {
                who: vec![who],
                what,
                whom: whom.into_iter().collect(),
            }),
        }
    }

    fn standing(&self, mesh: &Mesh, id: NodeId) -> String {
        let (driver, disk) = (&mesh.live[&id].driver, &mesh.disks[&id]);
        if driver.members().is_empty() {
            return "has no log yet".to_owned();
        }
        let term = driver.term();
        let office = match driver.leader() {
            Some(leader) if leader == id => format!("leads term {term}"),
            Some(leader) => format!("term {term} under {}", names(&[leader])),
            None => format!("term {term} under nobody"),
        };
        let entries = log(driver)
            .into_iter()
            .map(|(index, term, kind, data, _)| entry_name((index, term), kind, &data));
        let log = in_order(entries.collect());
        let lock = format!("lock {}", self.mark(driver.vouch.lock_mark()));
        let stands = [format!("term {term}"), log.clone(), lock.clone()];
        let differing = self.stored(disk).into_iter().zip(stands);
        let differing = differing.filter(|(stored, held)| stored != held);
        let stored: Vec<String> = differing.map(|(stored, _)| stored).collect();
        let on_disk = if stored.is_empty() {
            String::new()
        } else {
            format!(" (on disk: {})", stored.join("; "))
        };
        let (epoch, last) = (epoch(driver.members().epoch()), driver.committed());
        format!("{office}{epoch}; {log}; {lock}; final {last}{on_disk}")
    }

    /// Term, log and lock as they are on a disk.
    fn stored(&self, disk: &Disk) -> [String; 3] {
        let vow = disk.hard_state.as_ref().map(|bytes| Vow::decode(bytes));
        let vow = vow.transpose().expect("disks keep what was written");
        let rows: Vec<String> = disk.rows.values().map(|bytes| row_name(bytes)).collect();
        let lock = disk.lock.as_ref();
        let lock = lock.map_or("none".to_owned(), |bytes| self.stored_lock(bytes));
        [
            format!("term {}", vow.map_or(1, |vow| vow.term)),
            in_order(rows),
            format!("lock {lock}"),
        ]
    }

    fn stored_lock(&self, bytes: &[u8]) -> String {
        let certificate: Certificate = codec::decode(bytes).expect("disks keep what was written");
        self.mark(Some(certificate.statement.mark()))
    }

    pub(super) fn statement(&self, statement: &Statement) -> String {
        let phase = match statement.phase {
            Phase::Held => "held",
            Phase::Locked => "locked",
        };
        let mark = self.mark(Some(statement.mark()));
        format!("{phase} {mark}{}", epoch(statement.epoch))
    }

    fn mark(&self, mark: Option<Mark>) -> String {
        mark.map_or("none".to_owned(), |Mark { term, index, hash }| {
            let name = self.names.get(&hash);
            let name = name.cloned().unwrap_or_else(|| format!("{index}:?"));
            format!("{name} in term {term}")
        })
    }
}

/// Whether a frame carries the word of a lock.
pub(super) fn is_of_lock(frame: &Frame) -> bool {
    let mut attestations = frame.attestations.iter();
    attestations.any(|it| it.statement.phase == Phase::Locked)
}

/// Who has done the same to the same is told of at once.
fn gather(deeds: Vec<Deed>) -> Vec<Deed> {
    let mut gathered: Vec<Deed> = Vec::new();
    for mut deed in deeds {
        deed.whom.sort_by_key(|id| number(*id));
        let mut known = gathered.iter_mut();
        match known.find(|it| it.what == deed.what && it.whom == deed.whom) {
            Some(it) => it.who.extend(deed.who),
            None => gathered.push(deed),
        }
    }
    for deed in &mut gathered {
        deed.who.sort_by_key(|id| number(*id));
    }
    gathered
}

fn line(Deed { who, what, whom }: &Deed) -> String {
    let to = if whom.is_empty() { "" } else { " to " };
    format!("{}{to}{}: {what}\n", names(who), names(whom))
}

fn log(driver: &Driver) -> Vec<(Index, Term, EntryKind, Vec<u8>, Hash)> {
    let kept = driver.node.store().kept_between(GENESIS, driver.last());
    let entries = kept.into_iter().filter(|(index, _)| GENESIS < *index);
    entries
        .map(|(index, it)| (index, it.term, it.kind, it.data, it.chain))
        .collect()
}

fn in_order(entries: Vec<String>) -> String {
    if entries.is_empty() {
        return "log none".to_owned();
    }
    format!("log {}", entries.join(" "))
}

fn row_name(bytes: &[u8]) -> String {
    let row = Row::decode(bytes).expect("disks keep what was written");
    entry_name((row.index, row.term), row.kind, &row.data)
}

fn entry_name((index, term): (Index, Term), kind: EntryKind, data: &[u8]) -> String {
    let name = match kind {
        EntryKind::Empty => "start".to_owned(),
        EntryKind::Batch => String::from_utf8_lossy(data).into_owned(),
        EntryKind::Membership => change_name(data),
        EntryKind::Recovery => "recovery".to_owned(),
    };
    format!("{index}:{term}:{name}")
}

fn change_name(data: &[u8]) -> String {
    let (node, change) = read_conf_change(data).expect("scripts make whole changes");
    let verb = match change {
        MembershipChange::Learner => "learner",
        MembershipChange::Voter => "voter",
        MembershipChange::Removed => "removed",
    };
    format!("{verb}-{}", names(&[node]))
}

fn epoch(epoch: Epoch) -> String {
    if epoch == FOUNDING {
        String::new()
    } else {
        format!(" of epoch {epoch}")
    }
}

fn number(id: NodeId) -> u8 {
    let found = (1..=NODES_MAX).find(|number| node(*number) == id);
    found.expect("scripts know their nodes")
}

pub(super) fn names(ids: &[NodeId]) -> String {
    let names: Vec<String> = ids.iter().map(|id| format!("n{}", number(*id))).collect();
    names.join(" ")
}
