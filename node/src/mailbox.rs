//! The mind's mailbox: the one queue through which the world reaches the drive loop.
//!
//! Bounded by [`MAILBOX_CAPACITY`]. Whoever can wait waits; a client's call does not and is told `Busy`.

use hms_consensus::input::Input;
use tokio::sync::mpsc;

use crate::limits::MAILBOX_CAPACITY;

/// Where inputs are posted.
pub type Mailbox = mpsc::Sender<Input>;

/// Where the drive loop takes them out.
pub type Inbox = mpsc::Receiver<Input>;

/// Makes the mailbox of one node.
pub fn open() -> (Mailbox, Inbox) {
    mpsc::channel(MAILBOX_CAPACITY)
}
