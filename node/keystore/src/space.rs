//! Whether a disk is full, as far as the system says so.
//!
//! It counts nothing itself and frees nothing.

use std::io;

/// What the operator can do about it.
pub const HINT: &str = "free space on this disk, then start the node again";

/// Whether a write failed because there is no room: on the disk, in the user's quota, or under the limit of a file's size.
pub fn is_lacking(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
