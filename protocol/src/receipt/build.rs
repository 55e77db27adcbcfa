//! Makes receipts of what a voter has kept: the log, its certificates, the changes of voters, the agents' certificates.
//!
//! What it makes is what [`Receipt::verify`] believes, provided that the records are of one mesh and true. A command that
//! could not be believed, such as a report with a forged signature that every replica refused, is left out.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::FIELDS_BEFORE_COMMANDS;
use super::story::Story;
use super::{Cause, Handover, Link, Receipt, ShownEntry, ShownField, Stretch};
use crate::agent::AgentCertificate;
use crate::certificate::Certificate;
use crate::chain::{self, EntryKind};
use crate::codec;
use crate::codec::shape;
use crate::digest::Hash;
use crate::id::{AgentId, Epoch, Index, MeshId, Position, TaskId, Term};
use crate::limits;
use crate::tree::{Tree, TreePath, leaf};

/// An entry of the log as a voter keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptEntry {
    /// What it carries.
    pub kind: EntryKind,
    /// Its term.
    pub term: Term,
    /// Its data.
    pub data: Vec<u8>,
    /// The chain hash up to and including it.
    pub chain: Hash,
}

/// What a voter has kept.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    /// The mesh.
    pub mesh: MeshId,
    /// Entries: at least those from before the task's submission to the certificate after its end.
    pub entries: &'a BTreeMap<Index, KeptEntry>,
    /// Final certificates, by the index of their statement.
    pub certificates: &'a BTreeMap<Index, Certificate>,
    /// Every change of voters, in ascending order.
    pub handovers: &'a [Handover],
    /// The agents' certificates.
    pub agents: BTreeMap<AgentId, &'a AgentCertificate>,
}

/// Why no receipt can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildRefusal {
    /// No entry submits the task.
    #[error("no entry that is kept submits task {task}")]
    NotKept {
        /// The task.
        task: TaskId,
    },
    /// An entry that the chain needs is not kept any more.
    #[error("entry {index} is not kept any more")]
    Compacted {
        /// The entry.
        index: Index,
    },
    /// An entry is not certified yet.
    #[error("entry {index} is not certified yet")]
    Uncertified {
        /// The entry.
        index: Index,
    },
    /// The receipt would be larger than one may be.
    #[error("the receipt would have {count} {what}: at most {max} are allowed")]
    TooLarge {
        /// Of what there are too many.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many there may be.
        max: usize,
    },
}

impl BuildRefusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotKept { .. } => "HMS-RECEIPT-NOT-KEPT",
            Self::Compacted { .. } => "HMS-RECEIPT-COMPACTED",
            Self::Uncertified { .. } => "HMS-RECEIPT-UNCERTIFIED",
            Self::TooLarge { .. } => "HMS-RECEIPT-TOO-LARGE",
        }
    }

    /// What the caller can do, for people.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NotKept { .. } | Self::Compacted { .. } => {
                "take receipts sooner: a mesh forgets old entries, but a receipt stays good for ever"
            }
            Self::Uncertified { .. } => "ask again in a moment",
            Self::TooLarge { .. } => "read the task itself with `hms task show`",
        }
    }
}

/// How many links are put up with for a certificate that the next entry has, too: they cost some bytes and spare whoever
/// checks the receipt a verification of signatures, which takes a hundred times as long.
const LINKS_TO_SHARE: u64 = 16;

impl Receipt {
    /// Makes the receipt of a task: all that is kept of it, each entry with the certificate of the next one if that is
    /// near, else with the nearest.
    pub fn build(task: TaskId, records: &Records<'_>) -> Result<Self, BuildRefusal> {
        let mut story = Story::begin((records.mesh, task), &records.agents);
        let mut picked = Vec::new();
        for (index, kept) in records.entries {
            let commands = story.pick(*index, kept);
            if !commands.is_empty() {
                picked.push((*index, commands));
            }
        }
        let mut entries: Vec<ShownEntry> = Vec::new();
        for (index, commands) in picked.iter().rev() {
            let next = entries.last().map(|it| it.stretch.certificate.clone());
            entries.push(show(*index, commands, next.as_ref(), records)?);
        }
        entries.reverse();
        if !story.is_submitted() {
            return Err(BuildRefusal::NotKept { task });
        }
        let sealers: BTreeSet<AgentId> = story.sealers();
        let newest = entries
            .iter()
            .map(|it| it.stretch.certificate.statement.epoch);
        let newest = newest.max().unwrap_or_default();
        let is_needed = |it: &&Handover| Epoch(it.stretch.index.0) <= newest;
        let receipt = Self {
            mesh: records.mesh,
            task,
            entries,
            handovers: records
                .handovers
                .iter()
                .filter(is_needed)
                .cloned()
                .collect(),
            agents: sealers
                .iter()
                .filter_map(|agent| records.agents.get(agent).copied().cloned())
                .collect(),
        };
        receipt.check_size()?;
        Ok(receipt)
    }

    fn check_size(&self) -> Result<(), BuildRefusal> {
        let bytes = codec::encode(self).len();
        for (what, count, max) in [
            ("entries", self.entries.len(), limits::RECEIPT_ENTRIES_MAX),
            (
                "handovers",
                self.handovers.len(),
                limits::RECEIPT_HANDOVERS_MAX,
            ),
            ("agents", self.agents.len(), limits::RECEIPT_AGENTS_MAX),
            ("bytes", bytes, limits::RECEIPT_BYTES_MAX),
        ] {
            if max < count {
                return Err(BuildRefusal::TooLarge { what, count, max });
            }
        }
        Ok(())
    }
}

impl Handover {
    /// Shows a change of voters: an entry that is kept, with the nearest certificate of the voters before it.
    pub fn build(index: Index, before: Epoch, records: &Records<'_>) -> Result<Self, BuildRefusal> {
        let kept = records.entries.get(&index);
        let kept = kept.ok_or(BuildRefusal::Compacted { index })?;
        let is_theirs = |certificate: &Certificate| certificate.statement.epoch == before;
        let certificate = nearest(index, is_theirs, records)?;
        Ok(Self {
            stretch: Stretch::build(index, certificate, records)?,
            cause: Cause::Voters,
            change: kept.data.clone(),
        })
    }
}

impl Story<'_> {
    /// The commands of an entry that belong to the story: their places among the entry's fields.
    fn pick(&mut self, index: Index, kept: &KeptEntry) -> Vec<u32> {
        let fields = match kept.kind {
            EntryKind::Batch => fields(&kept.data).unwrap_or_default(),
            EntryKind::Empty | EntryKind::Membership | EntryKind::Recovery => Vec::new(),
        };
        let [version, stamp, commands @ ..] = fields.as_slice() else {
            return Vec::new();
        };
        let mut picked = Vec::new();
        for (offset, command) in (0..).zip(commands) {
            let position = Position { index, offset };
            let read = codec::decision::read(version, stamp, command);
            if read.is_ok_and(|read| self.hear(position, read).is_ok()) {
                picked.push(FIELDS_BEFORE_COMMANDS + offset);
            }
        }
        picked
    }
}

/// The fields of an entry's data, if it is nothing but fields.
fn fields(data: &[u8]) -> Option<Vec<&[u8]>> {
    let mut fields = shape::fields(data);
    let whole = fields.by_ref().map(|field| field.whole).collect();
    fields.is_at_end().then_some(whole)
}

/// Shows these commands of an entry, with the certificate of the `next` shown entry if that is near.
fn show(
    index: Index,
    commands: &[u32],
    next: Option<&Certificate>,
    records: &Records<'_>,
) -> Result<ShownEntry, BuildRefusal> {
    let kept = &records.entries[&index];
    let fields = fields(&kept.data).unwrap_or_default();
    let leaves: Vec<Hash> = fields.iter().map(|field| leaf(field)).collect();
    let show = |place: u32| ShownField {
        field: fields[place as usize].to_vec(),
        path: TreePath::to(&leaves, place).expect("commands were picked among the fields"),
    };
    let will_do = counts_at(index, records);
    let is_near =
        |next: &&Certificate| next.statement.index.0.saturating_sub(index.0) <= LINKS_TO_SHARE;
    let stretch = match next.filter(is_near) {
        Some(next) => Stretch::build(index, next, records)?,
        None => Stretch::build(index, nearest(index, will_do, records)?, records)?,
    };
    Ok(ShownEntry {
        stretch,
        version: show(0),
        stamp: show(1),
        commands: commands.iter().map(|place| show(*place)).collect(),
    })
}

/// An entry of which any command can be shown: what they share is made once.
#[derive(Clone, Debug)]
pub struct Showcase {
    stretch: Stretch,
    fields: Vec<Vec<u8>>,
    tree: Tree,
}

impl Showcase {
    /// Prepares an entry that is kept, with the nearest certificate of voters whose word counts there.
    pub fn build(index: Index, records: &Records<'_>) -> Result<Self, BuildRefusal> {
        let kept = records.entries.get(&index);
        let kept = kept.ok_or(BuildRefusal::Compacted { index })?;
        let fields = fields(&kept.data).unwrap_or_default();
        let tree = Tree::over(fields.iter().map(|field| leaf(field)).collect());
        Ok(Self {
            stretch: Stretch::build(
                index,
                nearest(index, counts_at(index, records), records)?,
                records,
            )?,
            fields: fields.into_iter().map(<[u8]>::to_vec).collect(),
            tree,
        })
    }

    /// Shows one command; `None` if the entry has no such one.
    pub fn show(&self, offset: u32) -> Option<ShownEntry> {
        let place = FIELDS_BEFORE_COMMANDS.checked_add(offset)?;
        Some(ShownEntry {
            stretch: self.stretch.clone(),
            version: self.field(0)?,
            stamp: self.field(1)?,
            commands: vec![self.field(place)?],
        })
    }

    /// The entry.
    pub fn index(&self) -> Index {
        self.stretch.index
    }

    fn field(&self, place: u32) -> Option<ShownField> {
        Some(ShownField {
            field: self.fields.get(usize::try_from(place).ok()?)?.clone(),
            path: self.tree.path(place)?,
        })
    }
}

/// Whether a certificate's voters count at an index: those whose time was over before do not, even if they cover it.
fn counts_at(index: Index, records: &Records<'_>) -> impl Fn(&Certificate) -> bool {
    let since = records.handovers.iter().map(|it| it.stretch.index);
    let since = since.filter(|since| *since < index).max();
    move |certificate| since.is_none_or(|since| since.0 <= certificate.statement.epoch.0)
}

/// The nearest certificate that covers an entry and will do.
fn nearest<'a>(
    index: Index,
    will_do: impl Fn(&Certificate) -> bool,
    records: &Records<'a>,
) -> Result<&'a Certificate, BuildRefusal> {
    let mut above = records.certificates.range(index..);
    let found = above.find(|(_, certificate)| will_do(certificate));
    let (_, certificate) = found.ok_or(BuildRefusal::Uncertified { index })?;
    Ok(certificate)
}

impl Stretch {
    /// The way from an entry to a certificate that covers it.
    fn build(
        index: Index,
        certificate: &Certificate,
        records: &Records<'_>,
    ) -> Result<Self, BuildRefusal> {
        let kept = |index: Index| {
            let kept = records.entries.get(&index);
            kept.ok_or(BuildRefusal::Compacted { index })
        };
        let before = match Index(index.0.saturating_sub(1)) {
            Index(1) => Hash::from_bytes(*records.mesh.as_bytes()),
            previous => kept(previous)?.chain,
        };
        let certified = certificate.statement.index;
        let count = usize::try_from(certified.0.saturating_sub(index.0)).unwrap_or(usize::MAX);
        let max = limits::RECEIPT_LINKS_MAX;
        if max < count {
            let what = "links";
            return Err(BuildRefusal::TooLarge { what, count, max });
        }
        let link = |at: u64| {
            let kept = kept(Index(at))?;
            Ok(Link {
                term: kept.term,
                kind: kept.kind,
                digest: chain::digest(kept.kind, &kept.data),
            })
        };
        let links = (index.next().0..=certified.0).map(link);
        Ok(Self {
            before,
            term: kept(index)?.term,
            index,
            links: links.collect::<Result<_, _>>()?,
            certificate: certificate.clone(),
        })
    }
}
