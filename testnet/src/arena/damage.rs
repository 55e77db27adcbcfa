//! What befalls the files of a node while it is down.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::TestnetFault;
use crate::attack::Damage;

/// How long a ledger may take to grow, while clients submit.
const GROWS_WITHIN: Duration = Duration::from_secs(20);

/// How much it must grow: some entries, and not only what a start writes.
const GROWTH_BYTES_MIN: u64 = 4 * 1024;

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Flips a byte in the middle of every file of rows that a ledger has, or cuts off its last third.
pub(super) fn spoil(ledger: &Path, damage: Damage) -> Result<(), TestnetFault> {
    let files = fs::read_dir(ledger).map_err(io("read", ledger))?;
    for file in files {
        let path = file.map_err(io("read", ledger))?.path();
        let bytes = fs::metadata(&path).map_err(io("read", &path))?.len();
        if !holds_rows(&path) || bytes < 3 {
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

/// Waits until a ledger has more in it than a copy of it has: until there is something to be rolled back.
pub(super) fn wait_for_growth(ledger: &Path, copy: &Path) -> Result<(), TestnetFault> {
    let end = Instant::now() + GROWS_WITHIN;
    let before = size(copy)?;
    while size(ledger)? <= before + GROWTH_BYTES_MIN {
        if end < Instant::now() {
            let source = std::io::Error::other("nothing is written to it");
            return Err(io("rolled back", ledger)(source));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// Whether a file of a ledger holds rows.
fn holds_rows(path: &Path) -> bool {
    let end = path.extension();
    end.is_some_and(|end| end == "log" || end == "sst")
}

/// Bytes of the rows of a ledger.
fn size(ledger: &Path) -> Result<u64, TestnetFault> {
    let files = fs::read_dir(ledger).map_err(io("read", ledger))?;
    let rows = files.flatten().filter(|file| holds_rows(&file.path()));
    // A file may be gone between the two looks.
    let sizes = rows.filter_map(|file| file.metadata().ok());
    Ok(sizes.map(|metadata| metadata.len()).sum())
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
