//! What befalls the files of a node while it is down.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use crate::TestnetFault;
use crate::attack::Damage;

/// Flips a byte in the middle of every file of rows that a ledger has, or cuts off its last third.
pub(super) fn spoil(ledger: &Path, damage: Damage) -> Result<(), TestnetFault> {
    let files = fs::read_dir(ledger).map_err(io("read", ledger))?;
    for file in files {
        let path = file.map_err(io("read", ledger))?.path();
        let rows = path
            .extension()
            .is_some_and(|end| end == "log" || end == "sst");
        let bytes = fs::metadata(&path).map_err(io("read", &path))?.len();
        if !rows || bytes < 3 {
            continue;
        }
        let mut file = fs::File::options()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(io("opened", &path))?;
        if damage == Damage::Truncate {
            file.set_len(bytes - bytes / 3).map_err(io("cut", &path))?;
            continue;
        }
        let all = fs::read(&path).map_err(io("read", &path))?;
        let middle = all.len() / 2;
        file.seek(SeekFrom::Start(middle as u64))
            .map_err(io("written", &path))?;
        file.write_all(&[all[middle] ^ 1])
            .map_err(io("written", &path))?;
    }
    Ok(())
}

/// Copies a folder with all that is in it.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), TestnetFault> {
    fs::create_dir_all(to).map_err(io("made", to))?;
    for entry in fs::read_dir(from).map_err(io("read", from))? {
        let entry = entry.map_err(io("read", from))?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).map_err(io("copied", &target))?;
        }
    }
    Ok(())
}

/// What became of a file that something was tried on.
pub(super) fn io(verb: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> TestnetFault {
    let path = path.to_owned();
    move |source| TestnetFault::Io { verb, path, source }
}
