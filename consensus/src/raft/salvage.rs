//! What a stopped voter holds, down to the last entry: for whoever goes on from it when the other voters are lost.
//!
//! Entries beyond what is certified are held, too. Some of them may have been acknowledged by voters that are gone, so
//! none is thrown away; nobody can tell whether there were more.

use hms_protocol::chain::EntryKind;
use hms_protocol::id::{Index, Term};
use hms_protocol::receipt::{Handover, KeptEntry};

use super::driver::Driver;
use super::log::Point;
use super::members::{Members, read_conf_change};
use super::progress::Committed;
use super::row::{Row, Vow};

/// Everything that a voter holds beyond its checkpoint.
#[derive(Debug)]
pub struct Holding {
    /// Its entries, in order.
    pub entries: Vec<Committed>,
    /// The last of them, or where the checkpoint ends.
    pub last: Point,
    /// How far they are certified.
    pub certified: Index,
    /// The newest term that the voter has promised anything in.
    pub term: Term,
    /// Who takes part after the last of them.
    pub members: Members,
    /// What ended the epochs before, in order, as far as it was certified.
    pub handovers: Vec<Handover>,
}

/// An entry that no leader has proposed, and what must be durable with it.
#[derive(Debug)]
pub struct Graft {
    /// Where it stands.
    pub point: Point,
    /// The entry as a log row.
    pub row: Vec<u8>,
    /// The voter's hard state after it.
    pub hard_state: Vec<u8>,
}

impl Driver {
    /// Ends a driver that has taken no part in anything, and gives what it held.
    pub fn salvage(mut self) -> Holding {
        let mut entries = Vec::new();
        loop {
            let progress = self.settle();
            if progress.is_empty() {
                break;
            }
            entries.extend(progress.committed);
        }
        let (certified, last) = (self.committed(), self.node.store().last());
        let (handovers, mut members) = (self.handovers(), self.members.clone());
        let rest = self.node.store().kept_between(certified.next(), last.index);
        let rest = rest.into_iter().filter(|(index, _)| certified < *index);
        entries.extend(rest.map(|(index, kept)| take(index, kept, &mut members)));
        Holding {
            entries,
            last,
            certified,
            term: self.term(),
            members,
            handovers,
        }
    }
}

/// An entry as a replica applies it, and what it does to those who take part.
fn take(index: Index, kept: KeptEntry, members: &mut Members) -> Committed {
    let (term, chain, data) = (kept.term, kept.chain, kept.data);
    let change = match kept.kind {
        EntryKind::Batch => {
            return Committed::Batch {
                term,
                index,
                chain,
                data,
            };
        }
        EntryKind::Membership => read_conf_change(&data),
        EntryKind::Empty | EntryKind::Recovery => None,
    };
    let possible = change.filter(|(node, change)| members.objection(*node, *change).is_none());
    let Some((node, change)) = possible else {
        return Committed::Empty { term, index, chain };
    };
    members.apply(index, node, change);
    Committed::Membership {
        term,
        index,
        chain,
        node,
        change,
    }
}

/// The entry that follows a log by which a node goes on alone, in a term that nobody has led.
pub fn graft(last: Point, term: Term, data: Vec<u8>) -> Graft {
    let (term, index) = (term.next(), last.index.next());
    let (row, bytes) = Row::forge(last.chain, EntryKind::Recovery, term, index, data);
    let vow = Vow {
        term: term.0,
        vote: 0,
        commit: index.0,
    };
    Graft {
        point: Point {
            index,
            term,
            chain: row.chain,
        },
        row: bytes,
        hard_state: vow.encode(),
    }
}
