//! Reports that were written before: shown, checked.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use hms_testnet::drill::seal::REPORT_BYTES_MAX;
use hms_testnet::drill::{SealFault, Sealed, Verdict};
use serde_json::json;

use crate::exit::Exit;
use crate::fault::Fault;
use crate::screen::{Screen, remark};

/// Which report, and how.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// The file: JSON or HTML.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// In which form [default: text, or what -o says].
    #[arg(long, value_enum)]
    form: Option<Form>,
    /// Where to write it instead of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For a terminal.
    Text,
    /// For programs, with the signature.
    Json,
    /// A page that needs nothing else, with the signature.
    Html,
}

/// Which report, and whose it should be.
#[derive(Debug, Args)]
pub(crate) struct Checked {
    /// The file: JSON or HTML.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The key that should have signed it, as 64 hexadecimal digits.
    #[arg(long, value_name = "KEY", value_parser = parse_key)]
    signer: Option<hms_client::domain::keyring::PublicKey>,
}

/// Shows a report, if its signature is good.
pub(super) fn show(wanted: &Wanted, screen: Screen) -> Result<Exit, Fault> {
    let sealed = open(&wanted.file)?;
    let form = wanted.form.unwrap_or(if screen.is_json() {
        Form::Json
    } else {
        Form::Text
    });
    let text = match form {
        Form::Text => sealed.report.to_text(),
        Form::Json => sealed.text().to_owned(),
        Form::Html => sealed.to_html(),
    };
    match &wanted.out {
        None => screen.print(&text)?,
        Some(path) => {
            let written = std::fs::write(path, text);
            written.map_err(|source| Fault::Unwritable {
                path: path.clone(),
                source,
            })?;
            remark(&format!("{} is written", path.display()));
        }
    }
    Ok(Exit::Done)
}

/// Checks a report. It is about the signature; a drill that failed is a good report of it.
pub(super) fn verify(checked: &Checked, screen: Screen) -> Result<Exit, Fault> {
    let sealed = open(&checked.file)?;
    if let Some(expected) = &checked.signer {
        let signed = sealed.check_signer(expected);
        signed.map_err(|source| fault(&checked.file, source))?;
    }
    let report = &sealed.report;
    let signer = hex::encode(sealed.signer.as_bytes());
    screen.show(
        |_| {
            let (name, verdict, made_at) = (&report.drill.name, report.verdict, &report.made_at);
            format!("the signature is good: {name} was {verdict} on {made_at}\nsigned by {signer}")
        },
        || json!({ "valid": true, "drill": report.drill.name, "verdict": report.verdict, "made_at": report.made_at, "signer": signer }),
    )?;
    Ok(Exit::Done)
}

/// What a verdict means for the exit code.
pub(super) const fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Caught | Verdict::Masked | Verdict::NotTolerated => Exit::Done,
        Verdict::Failed => Exit::DrillFailed,
    }
}

fn open(path: &Path) -> Result<Sealed, Fault> {
    let unreadable = |source| Fault::Unreadable {
        path: path.to_owned(),
        source,
    };
    let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
    if (REPORT_BYTES_MAX as u64) < bytes {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        return Err(fault(path, SealFault::TooLarge { bytes }));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    Sealed::open(&text).map_err(|source| fault(path, source))
}

fn fault(path: &Path, source: SealFault) -> Fault {
    Fault::Report {
        path: path.to_owned(),
        source,
    }
}

fn parse_key(text: &str) -> Result<hms_client::domain::keyring::PublicKey, String> {
    let bytes = hex::decode(text).ok();
    let key = bytes.and_then(|bytes| hms_client::domain::keyring::PublicKey::from_slice(&bytes));
    key.ok_or_else(|| "a key has 64 hexadecimal digits".to_owned())
}
