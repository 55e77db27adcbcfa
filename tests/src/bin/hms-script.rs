//! Plays one golden script and tells its whole story with times: `hms-script FILE`.
//!
//! For whoever writes a script, or wonders why one tells something else now. It compares nothing.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use hms_tests::golden::tell;

fn main() -> ExitCode {
    let Some(file) = std::env::args().nth(1) else {
        let _ = writeln!(io::stderr(), "usage: hms-script FILE");
        return ExitCode::from(64);
    };
    match tell(Path::new(&file)) {
        Ok(story) => {
            let _ = write!(io::stdout(), "{story}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}
