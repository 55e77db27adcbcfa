//! The replay window's record on disk.

use std::collections::BTreeMap;

use hms_proto::v1;

use super::{CodecError, Wire, field};
use crate::envelope::Sender;
use crate::id::Incarnation;
use crate::limits;
use crate::replay::{Remembered, ReplayRecord};
use crate::time::Moment;

impl Wire for ReplayRecord {
    type Message = v1::ReplayRecord;
    const NAME: &'static str = "replay record";

    fn to_wire(&self) -> v1::ReplayRecord {
        let entry = |(sender, remembered): (&Sender, &Remembered)| v1::ReplaySender {
            sender: Some(sender.to_wire()),
            incarnation: remembered.incarnation.0,
            ceiling_ms: remembered.ceiling.0,
        };
        v1::ReplayRecord {
            senders: self.senders.iter().map(entry).collect(),
            forgotten_ms: self.forgotten.0,
        }
    }

    fn from_wire(message: v1::ReplayRecord) -> Result<Self, CodecError> {
        let field = "replay.senders";
        field::check_count(field, message.senders.len(), limits::REPLAY_SENDERS_MAX)?;
        let mut senders = BTreeMap::new();
        for entry in message.senders {
            let sender: Sender = field::part("replay.senders.sender", entry.sender)?;
            let remembered = Remembered {
                incarnation: Incarnation(entry.incarnation),
                ceiling: Moment(entry.ceiling_ms),
            };
            if senders.insert(sender, remembered).is_some() {
                return Err(CodecError::Repeated { field });
            }
        }
        Ok(Self {
            senders,
            forgotten: Moment(message.forgotten_ms),
        })
    }
}
