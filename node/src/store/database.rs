//! The open database: one per directory and process, every error in the room's own words.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use hms_protocol::id::{MeshId, NodeId};
use rocksdb::{ColumnFamily, DB, IteratorMode, Options, WriteBatch, WriteOptions};
use rustix::fs::{FallocateFlags, fallocate, fstatvfs};
use rustix::io::Errno;

use super::error::StoreError;
use super::layout;
use crate::limits::{STORE_FREE_BYTES_MIN, STORE_ROOM_BYTES};

/// What a directory is to this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// Nothing was kept there before.
    Fresh,
    /// It was kept by a version before; it lacks what is new on the layout's page.
    Older,
    /// It was kept by this version.
    Current,
}

/// A key and its value.
pub(super) type Entry = (Box<[u8]>, Box<[u8]>);

/// An open database. The directory is locked for as long as it lives.
pub(super) struct Database {
    // Dropped before the lock: nobody else may enter while RocksDB is closing.
    rocks: DB,
    directory: PathBuf,
    lock: File,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Database")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Opens a directory, or makes it.
    pub(super) fn open(directory: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(directory)
            .map_err(|source| StoreError::file("made", directory, source))?;
        let lock = lock(directory)?;
        let age = check_marker(directory)?;
        check_free(directory, &lock, STORE_FREE_BYTES_MIN + STORE_ROOM_BYTES)?;
        check_room(directory)?;
        let options = layout::options(age);
        if age == Age::Older {
            check_families(directory, &options)?;
        }
        let rocks = DB::open_cf_descriptors(&options, directory, layout::families())
            .map_err(|source| StoreError::from_rocksdb(directory, source))?;
        if age != Age::Current {
            write_marker(directory)?;
        }
        Ok(Self {
            rocks,
            directory: directory.to_owned(),
            lock,
        })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// An empty batch for this database.
    pub(super) fn batch(&self) -> Batch<'_> {
        Batch {
            database: self,
            writes: WriteBatch::default(),
        }
    }

    /// Writes a batch, as a whole or not at all. With `sync` it is on stable storage on return, and
    /// so is everything that was written before it.
    pub(super) fn write(&self, batch: Batch<'_>, sync: bool) -> Result<(), StoreError> {
        check_free(&self.directory, &self.lock, STORE_FREE_BYTES_MIN)?;
        let mut options = WriteOptions::default();
        options.set_sync(sync);
        let written = self.rocks.write_opt(batch.writes, &options);
        written.map_err(|source| self.error(source))
    }

    pub(super) fn get(&self, family: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.rocks.get_cf(self.family(family), key);
        value.map_err(|source| self.error(source))
    }

    /// Hands over every entry of a family from a key on, in order.
    pub(super) fn scan(
        &self,
        family: &str,
        from: &[u8],
        mut each: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.scan_while(family, from, |key, value| {
            each(key, value).map(ControlFlow::Continue)
        })
    }

    /// Hands over the entries of a family from a key on, in order, until it is told to stop.
    pub(super) fn scan_while(
        &self,
        family: &str,
        from: &[u8],
        mut each: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let mode = IteratorMode::From(from, rocksdb::Direction::Forward);
        for entry in self.rocks.iterator_cf(self.family(family), mode) {
            let (key, value) = entry.map_err(|source| self.error(source))?;
            if each(&key, &value)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Hands over the entries of a family from a key on backwards, until it is told to stop.
    pub(super) fn scan_back(
        &self,
        family: &str,
        from: &[u8],
        mut each: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let mode = IteratorMode::From(from, rocksdb::Direction::Reverse);
        for entry in self.rocks.iterator_cf(self.family(family), mode) {
            let (key, value) = entry.map_err(|source| self.error(source))?;
            if each(&key, &value)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The last entry of a family.
    pub(super) fn last(&self, family: &str) -> Result<Option<Entry>, StoreError> {
        let mut entries = self
            .rocks
            .iterator_cf(self.family(family), IteratorMode::End);
        let last = entries.next().transpose();
        last.map_err(|source| self.error(source))
    }

    /// Gives the space of deleted entries below a key back to the disk. Takes as long as it takes.
    pub(super) fn compact(&self, family: &str, to: &[u8]) {
        self.rocks
            .compact_range_cf(self.family(family), None::<&[u8]>, Some(to));
    }

    /// Gives back the files that hold nothing but entries of this range, which must be deleted already. Takes no time; what is
    /// in other files goes when RocksDB compacts those.
    pub(super) fn drop_files(
        &self,
        family: &str,
        from: &[u8],
        to: &[u8],
    ) -> Result<(), StoreError> {
        let dropped = self
            .rocks
            .delete_file_in_range_cf(self.family(family), from, to);
        dropped.map_err(|source| self.error(source))
    }

    /// Moves everything from the write-ahead log into tables, so that tests can damage those.
    #[cfg(test)]
    pub(super) fn flush(&self) {
        for name in layout::FAMILIES {
            self.rocks.flush_cf(self.family(name)).unwrap();
        }
    }

    /// Makes the directory somebody's, or finds that it is somebody else's.
    pub(super) fn claim(&self, node: NodeId, mesh: MeshId) -> Result<(), StoreError> {
        let Some(owner) = self.get(layout::META, layout::OWNER)? else {
            let mut batch = self.batch();
            let owner = [&node.as_bytes()[..], mesh.as_bytes()].concat();
            batch.put(layout::META, layout::OWNER, owner);
            return self.write(batch, true);
        };
        let parts = owner.split_at_checked(NodeId::BYTES);
        let parts = parts
            .and_then(|(node, mesh)| Some((NodeId::from_slice(node)?, MeshId::from_slice(mesh)?)));
        let (own_node, own_mesh) = parts.ok_or_else(|| {
            StoreError::entry(&self.directory, "the owner".to_owned(), "wrong length")
        })?;
        let foreign = |what, owner: String, claimant: String| StoreError::Foreign {
            directory: self.directory.clone(),
            what,
            owner,
            claimant,
        };
        if own_node != node {
            return Err(foreign("node", own_node.to_string(), node.to_string()));
        }
        if own_mesh != mesh {
            return Err(foreign("mesh", own_mesh.to_string(), mesh.to_string()));
        }
        Ok(())
    }

    fn error(&self, source: rocksdb::Error) -> StoreError {
        StoreError::from_rocksdb(&self.directory, source)
    }

    fn family(&self, name: &str) -> &ColumnFamily {
        self.rocks
            .cf_handle(name)
            .expect("every family of the page is opened")
    }
}

/// Changes that are made together.
pub(super) struct Batch<'a> {
    database: &'a Database,
    writes: WriteBatch,
}

impl Batch<'_> {
    pub(super) fn put(&mut self, family: &str, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.writes.put_cf(self.database.family(family), key, value);
    }

    pub(super) fn delete(&mut self, family: &str, key: impl AsRef<[u8]>) {
        self.writes.delete_cf(self.database.family(family), key);
    }

    /// Deletes from a key on, up to and without another one.
    pub(super) fn delete_range<K: AsRef<[u8]>>(&mut self, family: &str, from: K, to: K) {
        self.writes
            .delete_range_cf(self.database.family(family), from, to);
    }
}

/// Takes the directory for this process.
fn lock(directory: &Path) -> Result<File, StoreError> {
    let path = directory.join(layout::LOCK_FILE);
    let mut options = OpenOptions::new();
    let opened = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path);
    let mut file = opened.map_err(|source| StoreError::file("opened", &path, source))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut user = String::new();
            let known = file.read_to_string(&mut user).is_ok() && !user.is_empty();
            return Err(StoreError::InUse {
                directory: directory.to_owned(),
                user: if known { user } else { "unknown".to_owned() },
            });
        }
        Err(TryLockError::Error(source)) => {
            return Err(StoreError::file("locked", &path, source));
        }
    }
    let named = file
        .set_len(0)
        .and_then(|()| write!(file, "{}", std::process::id()));
    named.map_err(|source| StoreError::file("written", &path, source))?;
    Ok(file)
}

/// How old the directory is; an error when it is one that this program cannot read.
fn check_marker(directory: &Path) -> Result<Age, StoreError> {
    let path = directory.join(layout::MARKER_FILE);
    match fs::read_to_string(&path) {
        Ok(text) => match text.trim().parse::<u32>() {
            Ok(layout::FORMAT) => Ok(Age::Current),
            Ok(layout::FORMAT_OLDEST..layout::FORMAT) => Ok(Age::Older),
            Ok(_) | Err(_) => Err(StoreError::Version {
                directory: directory.to_owned(),
                found: text.trim().chars().take(16).collect(),
                expected: layout::FORMAT,
            }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Age::Fresh),
        Err(source) => Err(StoreError::file("read", &path, source)),
    }
}

/// Whether an older directory has every family that it had: those that are made for it must be new ones only.
fn check_families(directory: &Path, options: &Options) -> Result<(), StoreError> {
    let found = DB::list_cf(options, directory)
        .map_err(|source| StoreError::from_rocksdb(directory, source))?;
    let mut had = layout::FAMILIES_OLDEST.into_iter();
    match had.find(|name| !found.iter().any(|it| it == name)) {
        None => Ok(()),
        Some(lost) => {
            let what = format!("the family {lost}");
            Err(StoreError::entry(directory, what, "it is not there"))
        }
    }
}

/// Whether enough of the disk is free. A file system that does not know its size is believed to have room.
fn check_free(directory: &Path, lock: &File, min: u64) -> Result<(), StoreError> {
    let disk =
        fstatvfs(lock).map_err(|source| StoreError::file("measured", directory, source.into()))?;
    let free_bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
    if disk.f_blocks == 0 || min <= free_bytes {
        return Ok(());
    }
    Err(StoreError::Scarce {
        directory: directory.to_owned(),
        free_bytes,
        min,
    })
}

/// Whether there is room for what RocksDB writes when it opens: what the write-ahead log holds becomes tables, and new files
/// begin. This meets quotas and limits as well, which a look at the disk does not show.
fn check_room(directory: &Path) -> Result<(), StoreError> {
    let path = directory.join(layout::ROOM_FILE);
    let reserve = || {
        let bytes = layout::ROOM_BYTES + wal_bytes(directory)?;
        let file = File::create(&path)?;
        match fallocate(&file, FallocateFlags::empty(), 0, bytes) {
            // A file system that cannot set room aside will say later that there is none.
            Err(Errno::OPNOTSUPP) => Ok(()),
            reserved => Ok(reserved?),
        }
    };
    let reserved: io::Result<()> = reserve();
    let removed = fs::remove_file(&path);
    reserved
        .and(removed)
        .map_err(|source| StoreError::file("reserved", &path, source))
}

fn wal_bytes(directory: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == layout::WAL_EXTENSION)
        {
            bytes += fs::metadata(&path)?.len();
        }
    }
    Ok(bytes)
}

fn write_marker(directory: &Path) -> Result<(), StoreError> {
    let path = directory.join(layout::MARKER_FILE);
    let write = || {
        let mut file = File::create(&path)?;
        writeln!(file, "{}", layout::FORMAT)?;
        file.sync_all()?;
        File::open(directory)?.sync_all()
    };
    write().map_err(|source| StoreError::file("written", &path, source))
}
