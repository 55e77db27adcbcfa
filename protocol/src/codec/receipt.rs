//! Receipts on the wire. Decoding checks forms only: `Receipt::verify` checks what they show.

use hms_proto::v1;

use super::{CodecError, Wire, field, shape};
use crate::chain::EntryKind;
use crate::id::{Index, Term};
use crate::limits;
use crate::receipt::{Cause, Handover, Link, Receipt, ShownEntry, ShownField, Stretch};

/// The layout of receipts that this version writes and reads.
pub const RECEIPT_VERSION: u32 = 1;

/// Which fields of a message are messages with lists inside, by number: what is counted before it is decoded.
struct Nest(&'static [(u32, &'static Nest)]);

static FLAT: Nest = Nest(&[]);
static CERTIFICATE: Nest = Nest(&[(1, &FLAT), (2, &FLAT)]);
static STRETCH: Nest = Nest(&[(4, &FLAT), (5, &CERTIFICATE)]);
static FIELD: Nest = Nest(&[(2, &FLAT)]);
static ENTRY: Nest = Nest(&[(1, &STRETCH), (2, &FIELD), (3, &FIELD), (4, &FIELD)]);
static HANDOVER: Nest = Nest(&[(1, &STRETCH)]);
static RECEIPT: Nest = Nest(&[(4, &ENTRY), (5, &HANDOVER), (6, &FLAT)]);

impl Nest {
    fn count(&self, bytes: &[u8]) -> usize {
        let fields = shape::fields(bytes).map(|field| {
            let mut inner = self.0.iter().filter(|(number, _)| *number == field.number);
            let nested = inner.next().zip(field.content);
            1 + nested.map_or(0, |((_, nest), content)| nest.count(content))
        });
        fields.sum()
    }
}

/// How many fields a handover has that are not decoded yet, those inside others included.
pub(super) fn handover_fields(bytes: &[u8]) -> usize {
    HANDOVER.count(bytes)
}

impl Wire for Receipt {
    type Message = v1::Receipt;
    const NAME: &'static str = "receipt";

    fn to_wire(&self) -> v1::Receipt {
        v1::Receipt {
            version: RECEIPT_VERSION,
            mesh: self.mesh.as_bytes().to_vec(),
            task: self.task.as_bytes().to_vec(),
            entries: self.entries.iter().map(Wire::to_wire).collect(),
            handovers: self.handovers.iter().map(Wire::to_wire).collect(),
            agents: self.agents.iter().map(Wire::to_wire).collect(),
        }
    }

    fn from_wire(message: v1::Receipt) -> Result<Self, CodecError> {
        if message.version != RECEIPT_VERSION {
            return Err(CodecError::UnknownValue {
                field: "receipt.version",
                value: i32::try_from(message.version).unwrap_or(i32::MAX),
            });
        }
        let (entries, handovers) = (limits::RECEIPT_ENTRIES_MAX, limits::RECEIPT_HANDOVERS_MAX);
        let agents = limits::RECEIPT_AGENTS_MAX;
        Ok(Self {
            mesh: field::mesh_id("receipt.mesh", &message.mesh)?,
            task: field::task_id("receipt.task", &message.task)?,
            entries: field::parts("receipt.entries", message.entries, entries)?,
            handovers: field::parts("receipt.handovers", message.handovers, handovers)?,
            agents: field::parts("receipt.agents", message.agents, agents)?,
        })
    }

    fn check_shape(bytes: &[u8]) -> Result<(), CodecError> {
        field::check_length("receipt", bytes.len(), limits::RECEIPT_BYTES_MAX)?;
        let count = RECEIPT.count(bytes);
        field::check_count("receipt", count, limits::RECEIPT_FIELDS_MAX)
    }
}

impl Wire for ShownEntry {
    type Message = v1::ShownEntry;
    const NAME: &'static str = "shown entry";

    fn to_wire(&self) -> v1::ShownEntry {
        v1::ShownEntry {
            stretch: Some(self.stretch.to_wire()),
            version: Some(self.version.to_wire()),
            stamp: Some(self.stamp.to_wire()),
            commands: self.commands.iter().map(Wire::to_wire).collect(),
        }
    }

    fn from_wire(message: v1::ShownEntry) -> Result<Self, CodecError> {
        let max = limits::BATCH_COMMANDS_MAX;
        Ok(Self {
            stretch: field::part("entry.stretch", message.stretch)?,
            version: field::part("entry.version", message.version)?,
            stamp: field::part("entry.stamp", message.stamp)?,
            commands: field::parts("entry.commands", message.commands, max)?,
        })
    }

    fn check_shape(bytes: &[u8]) -> Result<(), CodecError> {
        field::check_length("entry", bytes.len(), limits::WARRANT_BYTES_MAX)?;
        field::check_count("entry", ENTRY.count(bytes), limits::WARRANT_FIELDS_MAX)
    }
}

impl Wire for ShownField {
    type Message = v1::ShownField;
    const NAME: &'static str = "shown field";

    fn to_wire(&self) -> v1::ShownField {
        v1::ShownField {
            field: self.field.clone(),
            path: Some(self.path.to_wire()),
        }
    }

    fn from_wire(message: v1::ShownField) -> Result<Self, CodecError> {
        Ok(Self {
            field: message.field,
            path: field::part("field.path", message.path)?,
        })
    }
}

impl Wire for Handover {
    type Message = v1::Handover;
    const NAME: &'static str = "handover";

    fn to_wire(&self) -> v1::Handover {
        v1::Handover {
            stretch: Some(self.stretch.to_wire()),
            change: self.change.clone(),
            recovery: self.cause == Cause::Operator,
        }
    }

    fn from_wire(message: v1::Handover) -> Result<Self, CodecError> {
        Ok(Self {
            stretch: field::part("handover.stretch", message.stretch)?,
            cause: if message.recovery {
                Cause::Operator
            } else {
                Cause::Voters
            },
            change: message.change,
        })
    }

    fn check_shape(bytes: &[u8]) -> Result<(), CodecError> {
        field::check_length("handover", bytes.len(), limits::WARRANT_BYTES_MAX)?;
        field::check_count(
            "handover",
            HANDOVER.count(bytes),
            limits::WARRANT_FIELDS_MAX,
        )
    }
}

impl Wire for Stretch {
    type Message = v1::Stretch;
    const NAME: &'static str = "stretch";

    fn to_wire(&self) -> v1::Stretch {
        v1::Stretch {
            before: self.before.as_bytes().to_vec(),
            term: self.term.0,
            index: self.index.0,
            links: self.links.iter().map(Wire::to_wire).collect(),
            certificate: Some(self.certificate.to_wire()),
        }
    }

    fn from_wire(message: v1::Stretch) -> Result<Self, CodecError> {
        let links = limits::RECEIPT_LINKS_MAX;
        Ok(Self {
            before: field::hash("stretch.before", &message.before)?,
            term: Term(message.term),
            index: Index(message.index),
            links: field::parts("stretch.links", message.links, links)?,
            certificate: field::part("stretch.certificate", message.certificate)?,
        })
    }
}

impl Wire for Link {
    type Message = v1::Link;
    const NAME: &'static str = "link";

    fn to_wire(&self) -> v1::Link {
        v1::Link {
            term: self.term.0,
            kind: self.kind.number().into(),
            digest: self.digest.as_bytes().to_vec(),
        }
    }

    fn from_wire(message: v1::Link) -> Result<Self, CodecError> {
        let number = field::small("link.kind", message.kind)?;
        let kind = EntryKind::from_number(number).ok_or(CodecError::UnknownValue {
            field: "link.kind",
            value: number.into(),
        })?;
        Ok(Self {
            term: Term(message.term),
            kind,
            digest: field::hash("link.digest", &message.digest)?,
        })
    }
}
