//! Where reports are kept, and the key that signs them.

use std::path::{Path, PathBuf};

use hms_keystore::{create_key, load_key, make_folder, write_whole};
use hms_testnet::drill::{Report, Sealed};
use hms_testnet::plan::state_folder;

use crate::fault::Fault;

/// The key of whoever runs drills here.
const KEY_FILE: &str = "drill.key";

/// A folder of reports.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    /// The folder that was named, else the user's own.
    pub(super) fn open(folder: Option<&Path>) -> Result<Self, Fault> {
        let own = || state_folder("HMS_DRILL_DIR", "drills");
        let folder = folder.map_or_else(own, Path::to_owned);
        make_folder(&folder)?;
        Ok(Self { folder })
    }

    /// Signs a report, and writes it as JSON and as a page. Gives both files.
    pub(super) fn keep(&self, report: Report) -> Result<(Sealed, [PathBuf; 2]), Fault> {
        let key_file = self.folder.join(KEY_FILE);
        let key = match load_key(&key_file)? {
            Some(key) => key,
            None => create_key(&key_file)?,
        };
        let stem = format!("{}-{}-{}", report.drill.name, report.world, report.seed);
        let sealed = Sealed::seal(report, &key);
        let json = self.write(&format!("{stem}.json"), sealed.text())?;
        let html = self.write(&format!("{stem}.html"), &sealed.to_html())?;
        Ok((sealed, [json, html]))
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, Fault> {
        let path = self.folder.join(name);
        write_whole(&path, text.as_bytes(), 0o644).map_err(|source| Fault::Unwritable {
            path: path.clone(),
            source,
        })?;
        Ok(path)
    }
}
