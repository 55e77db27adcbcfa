//! Files that a command makes for somebody to keep: a receipt, a genesis.
//!
//! What is there already is not touched, unless the person says so. Nothing is made half: what cannot be written whole is
//! not there afterwards.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use tempfile::Builder;

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
    /// Writes the file, under its `usual` name unless the person gave another, and says where it is.
    pub(crate) fn keep(&self, usual: &str, bytes: &[u8]) -> Result<PathBuf, Fault> {
        let path = self.out.clone().unwrap_or_else(|| PathBuf::from(usual));
        match self.write(&path, bytes) {
            Ok(()) => Ok(path),
            Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {
                Err(Fault::FileExists { path })
            }
            Err(source) => Err(Fault::Unwritable { path, source }),
        }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            Some(_) | None => Path::new("."),
        };
        if !self.force && fs::symlink_metadata(path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        // Beside its place, so that it comes there at once and whole.
        let mut file = Builder::new()
            .prefix(".hms-")
            .permissions(fs::Permissions::from_mode(MODE))
            .tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        let kept = if self.force {
            file.persist(path)
        } else {
            file.persist_noclobber(path)
        };
        kept.map(drop).map_err(|error| error.error)
    }
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
