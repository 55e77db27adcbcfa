//! Files that a command makes for somebody to keep, and reads back: a receipt, a genesis, a piece of evidence.
//!
//! What is there already is not touched, unless the person says so. Nothing is made half: what cannot be written whole is
//! not there afterwards.

use std::fs::{self, File};
use std::io::{self, BufWriter, IntoInnerError, Read as _, Seek as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use hms_client::domain::codec;
use hms_client::domain::limits::GENESIS_BYTES_MAX;
use hms_client::domain::receipt::Origin;
use tempfile::{Builder, NamedTempFile};

use crate::fault::Fault;

/// Who may read and write the file, as far as the person's umask lets them: there is no secret in it.
const MODE: u32 = 0o666;

/// Where to keep it.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The file to write, instead of the usual one in this folder.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it is there.
    #[arg(long)]
    force: bool,
}

impl Place {
    /// Whether the person has named a file.
    pub(crate) fn is_named(&self) -> bool {
        self.out.is_some()
    }

    /// Writes the file, under its `usual` name unless the person gave another, and says where it is.
    pub(crate) fn keep(&self, usual: &str, bytes: &[u8]) -> Result<PathBuf, Fault> {
        let mut draft = self.begin(usual)?;
        draft.write(bytes)?;
        draft.finish()
    }

    /// Begins a file that is written piece by piece. It is in its place when it is finished, and leaves nothing if it never is.
    pub(crate) fn begin(&self, usual: &str) -> Result<Draft, Fault> {
        let path = self.out.clone().unwrap_or_else(|| PathBuf::from(usual));
        match self.draft(&path) {
            Ok(file) => Ok(Draft {
                file: BufWriter::new(file),
                force: self.force,
                path,
            }),
            Err(source) => Err(fault(path, source)),
        }
    }

    fn draft(&self, path: &Path) -> io::Result<NamedTempFile> {
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            Some(_) | None => Path::new("."),
        };
        if !self.force && fs::symlink_metadata(path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        // Beside its place, so that it comes there at once and whole.
        Builder::new()
            .prefix(".hms-")
            .permissions(fs::Permissions::from_mode(MODE))
            .tempfile_in(folder)
    }
}

/// A file on its way to its place.
#[derive(Debug)]
pub(crate) struct Draft {
    file: BufWriter<NamedTempFile>,
    force: bool,
    path: PathBuf,
}

impl Draft {
    /// Where it will be.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where it is until then, for another program to write.
    pub(crate) fn place(&self) -> &Path {
        self.file.get_ref().path()
    }

    /// Writes more of it.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let written = self.file.write_all(bytes);
        written.map_err(|source| fault(self.path.clone(), source))
    }

    /// Takes back what was written.
    pub(crate) fn clear(&mut self) -> Result<(), Fault> {
        let cleared = self.file.rewind();
        let cleared = cleared.and_then(|()| self.file.get_ref().as_file().set_len(0));
        cleared.map_err(|source| fault(self.path.clone(), source))
    }

    /// What was written so far, to be read from its beginning.
    pub(crate) fn written(&mut self) -> Result<File, Fault> {
        let flushed = self.file.flush();
        let opened = flushed.and_then(|()| self.file.get_ref().reopen());
        opened.map_err(|source| fault(self.path.clone(), source))
    }

    /// Puts it in its place, and says where that is.
    pub(crate) fn finish(self) -> Result<PathBuf, Fault> {
        let (force, path) = (self.force, self.path);
        let put = || {
            let file = self.file.into_inner().map_err(IntoInnerError::into_error)?;
            file.as_file().sync_all()?;
            let kept = if force {
                file.persist(&path)
            } else {
                file.persist_noclobber(&path)
            };
            kept.map(drop).map_err(|error| error.error)
        };
        match put() {
            Ok(()) => Ok(path),
            Err(source) => Err(fault(path, source)),
        }
    }
}

fn fault(path: PathBuf, source: io::Error) -> Fault {
    if source.kind() == io::ErrorKind::AlreadyExists {
        return Fault::FileExists { path };
    }
    Fault::Unwritable { path, source }
}

/// Reads a kept file, but never more than one byte beyond what its decoder will accept.
pub(crate) fn read(path: &Path, max: usize) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(max as u64 + 1).read_to_end(&mut bytes))
        .map_err(|source| Fault::Unreadable {
            path: path.to_owned(),
            source,
        })?;
    Ok(bytes)
}

/// Reads a kept genesis.
pub(crate) fn read_genesis(path: &Path) -> Result<Origin, Fault> {
    let bytes = read(path, GENESIS_BYTES_MAX)?;
    codec::origin::read(&bytes).map_err(|source| Fault::BadGenesis {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(path: &Path, force: bool, bytes: &[u8]) -> Result<PathBuf, String> {
        let out = Some(path.to_owned());
        let kept = Place { out, force }.keep("usual", bytes);
        kept.map_err(|fault| fault.code().to_owned())
    }

    #[test]
    fn what_is_there_already_is_replaced_only_if_told_so() {
        let folder = tempfile::tempdir().expect("there is room for a small file");
        let path = folder.path().join("kept");
        assert_eq!(keep(&path, false, b"first"), Ok(path.clone()));
        assert_eq!(
            keep(&path, false, b"second"),
            Err("HMS-FILE-EXISTS".to_owned())
        );
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(keep(&path, true, b"second"), Ok(path.clone()));
        assert_eq!(fs::read(&path).unwrap(), b"second");
        let nowhere = folder.path().join("none/kept");
        assert_eq!(
            keep(&nowhere, false, b""),
            Err("HMS-FILE-UNWRITABLE".to_owned())
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
