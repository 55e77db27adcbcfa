//! An exported ledger, read part by part: it may be larger than memory.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use hms_client::domain::codec::transcript::split;
use hms_client::domain::transcript::TranscriptPart;

use crate::fault::Fault;

/// Bytes that are read at a time. A part may be longer.
const READ_BYTES: u64 = 1024 * 1024;

/// A file that is read.
#[derive(Debug)]
pub(super) struct Transcript {
    path: PathBuf,
    file: File,
    /// What was read; up to `start` it was given out.
    bytes: Vec<u8>,
    start: usize,
}

impl Transcript {
    /// Opens a file.
    pub(super) fn open(path: &Path) -> Result<Self, Fault> {
        let path = path.to_owned();
        match File::open(&path) {
            Ok(file) => Ok(Self {
                path,
                file,
                bytes: Vec::new(),
                start: 0,
            }),
            Err(source) => Err(Fault::Unreadable { path, source }),
        }
    }

    /// The next part; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<TranscriptPart>, Fault> {
        loop {
            let rest = &self.bytes[self.start..];
            let found = split(rest).map_err(|source| Fault::BadTranscript {
                path: self.path.clone(),
                source,
            })?;
            if let Some((part, taken)) = found {
                self.start += taken;
                return Ok(Some(part));
            }
            let is_between_parts = rest.is_empty();
            if self.read_more()? {
                continue;
            }
            if is_between_parts {
                return Ok(None);
            }
            let path = self.path.clone();
            return Err(Fault::CutOff { path });
        }
    }

    /// Reads on behind what was not given out yet; false at the end of the file.
    fn read_more(&mut self) -> Result<bool, Fault> {
        self.bytes.drain(..self.start);
        self.start = 0;
        let read = (&self.file).take(READ_BYTES).read_to_end(&mut self.bytes);
        let read = read.map_err(|source| Fault::Unreadable {
            path: self.path.clone(),
            source,
        })?;
        Ok(read != 0)
    }
}
