//! An entry of which some commands are shown, each with its way to the digest of the entry's data.
//!
//! The data of a batch is its version, its time stamp, and then one field for each command; a command's place in the batch
//! follows from its place among the fields. What a command says is not known here.

use super::{ReceiptRefusal, ShownCommand, Stretch, Succession};
use crate::certificate::Certificate;
use crate::chain::EntryKind;
use crate::codec;
use crate::digest::Hash;
use crate::id::Position;
use crate::tree::{TreePath, leaf};

/// How many fields a batch has before its commands.
pub(super) const FIELDS_BEFORE_COMMANDS: u32 = 2;

/// A field of an entry's data, and its place there. Not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownField {
    /// The field as it stands in the data, its number included.
    pub field: Vec<u8>,
    /// Its way to the digest of the data.
    pub path: TreePath,
}

/// An entry of which some commands are shown. Not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownEntry {
    /// Its place in the ledger.
    pub stretch: Stretch,
    /// The version of its batch: the first field.
    pub version: ShownField,
    /// The time stamp of its batch: the second field.
    pub stamp: ShownField,
    /// Commands of its batch, in ascending order.
    pub commands: Vec<ShownField>,
}

impl ShownField {
    fn root(&self) -> Option<Hash> {
        self.path.root(leaf(&self.field))
    }
}

impl ShownEntry {
    /// Whether what is shown of it belongs to an entry that is certified. The certificate `good` is known to be that.
    pub(super) fn check(
        &self,
        succession: &Succession,
        good: Option<&Certificate>,
    ) -> Result<(), ReceiptRefusal> {
        let digest = self.digest()?;
        succession.certify(&self.stretch, EntryKind::Batch, digest, good)
    }

    /// Checks an entry of which one command is shown, and gives where that stands and what it says. The signatures of a
    /// certificate that was found `good` before are not verified again.
    pub fn verify(
        &self,
        succession: &Succession,
        good: Option<&Certificate>,
    ) -> Result<(Position, ShownCommand), ReceiptRefusal> {
        let [command] = self.commands.as_slice() else {
            let index = self.stretch.index;
            return Err(ReceiptRefusal::NoCommand { index });
        };
        self.check(succession, good)?;
        let position = self.position(command);
        let read = codec::decision::read(&self.version.field, &self.stamp.field, &command.field);
        let read = read.map_err(|source| ReceiptRefusal::BadCommand { position, source })?;
        Ok((position, read))
    }

    /// Where a command stands. Meaningful for the commands of a checked entry.
    pub(super) fn position(&self, command: &ShownField) -> Position {
        Position {
            index: self.stretch.index,
            offset: command.path.index.saturating_sub(FIELDS_BEFORE_COMMANDS),
        }
    }

    /// The digest of the entry's data, to which every shown field must lead.
    fn digest(&self) -> Result<Hash, ReceiptRefusal> {
        let index = self.stretch.index;
        let stray = |field: &ShownField| ReceiptRefusal::Path {
            index,
            field: field.path.index,
        };
        if self.commands.is_empty() {
            return Err(ReceiptRefusal::NoCommand { index });
        }
        let head = [&self.version, &self.stamp];
        for (place, field) in (0..).zip(head) {
            if field.path.index != place {
                return Err(stray(field));
            }
        }
        let mut last = FIELDS_BEFORE_COMMANDS - 1;
        for command in &self.commands {
            if command.path.index <= last {
                return Err(ReceiptRefusal::CommandOrder {
                    position: self.position(command),
                });
            }
            last = command.path.index;
        }
        let digest = self.version.root().ok_or_else(|| stray(&self.version))?;
        for field in head.into_iter().chain(&self.commands) {
            if field.root() != Some(digest) {
                return Err(stray(field));
            }
        }
        Ok(digest)
    }
}
