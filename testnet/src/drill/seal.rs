//! A report with a signature: JSON in which the report stands as it was signed, byte for byte.
//!
//! The key is that of whoever ran the drill. A page of HTML carries the same JSON, so that it can be checked as well.

use hms_protocol::digest::{Domain, hash_fields};
use hms_protocol::keyring::{PublicKey, SecretKey, Signature};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Report;
use super::report::REPORT_VERSION;

/// Most bytes of a sealed report that are read.
pub const REPORT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What stands before the JSON in a page, and after it.
pub(super) const PAGE_OPENS: &str = "<script type=\"application/json\" id=\"hms-drill-report\">";
pub(super) const PAGE_CLOSES: &str = "</script>";

/// A signed report.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The report.
    pub report: Report,
    /// Whose signature it is.
    pub signer: PublicKey,
    /// The file.
    text: String,
}

/// The form of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    report: &'a RawValue,
    signer: String,
    signature: String,
}

/// Why a report is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    /// It is too long.
    #[error("the report has {bytes} bytes: at most {REPORT_BYTES_MAX} are read")]
    TooLarge {
        /// How long it is.
        bytes: usize,
    },
    /// It is no sealed report.
    #[error("this is no report of a drill: {reason}")]
    Unreadable {
        /// Why.
        reason: String,
    },
    /// It is a report of another form.
    #[error("the report has form {version}: this program reads form {REPORT_VERSION}")]
    OtherVersion {
        /// Which.
        version: u32,
    },
    /// What it says is not what was signed.
    #[error("the signature does not fit the report: one of them was changed after it was signed")]
    Edited,
    /// Somebody else signed it.
    #[error("the report is signed by {signer}, not by {expected}")]
    OtherSigner {
        /// Who did.
        signer: String,
        /// Who should have.
        expected: String,
    },
}

impl SealFault {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "HMS-REPORT-TOO-LARGE",
            Self::Unreadable { .. } => "HMS-REPORT-UNREADABLE",
            Self::OtherVersion { .. } => "HMS-REPORT-VERSION",
            Self::Edited => "HMS-REPORT-EDITED",
            Self::OtherSigner { .. } => "HMS-REPORT-OTHER-SIGNER",
        }
    }

    /// What the user can do.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::Unreadable { .. } => {
                "give the .json or .html file that `hms drill run` has written"
            }
            Self::OtherVersion { .. } => "read it with the version of hms that wrote it",
            Self::Edited => "do not believe it; run the drill again with its replay command",
            Self::OtherSigner { .. } => "ask whoever gave it to you whose key it should be",
        }
    }
}

impl Sealed {
    /// Signs a report.
    pub fn seal(report: Report, key: &SecretKey) -> Self {
        let body = serde_json::to_string(&report).expect("a report is made of texts and numbers");
        // Only texts hold this sign; written so, none of them can end the element of a page that the report stands in.
        let body = body.replace('<', "\\u003c");
        let signature = key.sign(Domain::DrillReport, digest(&body));
        let raw = RawValue::from_string(body).expect("it was just made");
        let envelope = Envelope {
            report: &raw,
            signer: hex::encode(key.public().as_bytes()),
            signature: hex::encode(signature.as_bytes()),
        };
        let text = serde_json::to_string(&envelope).expect("an envelope holds JSON and texts");
        Self {
            report,
            signer: key.public(),
            text,
        }
    }

    /// Reads a file, JSON or HTML, and believes it only if its signature is good.
    pub fn open(text: &str) -> Result<Self, SealFault> {
        if REPORT_BYTES_MAX < text.len() {
            return Err(SealFault::TooLarge { bytes: text.len() });
        }
        let unreadable = |reason: String| SealFault::Unreadable { reason };
        let json = enclosed(text).unwrap_or_else(|| text.trim().to_owned());
        let envelope: Envelope<'_> =
            serde_json::from_str(&json).map_err(|error| unreadable(error.to_string()))?;
        let signer = bytes(&envelope.signer).map(PublicKey::from_bytes);
        let signer = signer.ok_or_else(|| unreadable("the signer is no key".to_owned()))?;
        let signature = bytes(&envelope.signature).map(Signature::from_bytes);
        let signature = signature.ok_or_else(|| unreadable("the signature is none".to_owned()))?;
        if !signer.verifies(
            Domain::DrillReport,
            digest(envelope.report.get()),
            &signature,
        ) {
            return Err(SealFault::Edited);
        }
        let form: Form = serde_json::from_str(envelope.report.get())
            .map_err(|error| unreadable(error.to_string()))?;
        if form.version != REPORT_VERSION {
            return Err(SealFault::OtherVersion {
                version: form.version,
            });
        }
        let report = serde_json::from_str(envelope.report.get())
            .map_err(|error| unreadable(error.to_string()))?;
        Ok(Self {
            report,
            signer,
            text: json,
        })
    }

    /// Whether it is signed by whom it should be.
    pub fn check_signer(&self, expected: &PublicKey) -> Result<(), SealFault> {
        if self.signer == *expected {
            return Ok(());
        }
        Err(SealFault::OtherSigner {
            signer: hex::encode(self.signer.as_bytes()),
            expected: hex::encode(expected.as_bytes()),
        })
    }

    /// The file.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// What every form has.
#[derive(Deserialize)]
struct Form {
    version: u32,
}

fn digest(body: &str) -> hms_protocol::digest::Hash {
    hash_fields(Domain::DrillReport, &[body.as_bytes()])
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    hex::decode(text).ok()?.try_into().ok()
}

/// The JSON that a page carries.
fn enclosed(text: &str) -> Option<String> {
    let (_, rest) = text.split_once(PAGE_OPENS)?;
    let (json, _) = rest.split_once(PAGE_CLOSES)?;
    Some(json.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::catalogue::find;
    use crate::drill::report::Circumstances;
    use crate::drill::{Run, World};

    fn key(byte: u8) -> SecretKey {
        SecretKey::from_seed(&[byte; 32])
    }

    fn sealed() -> Sealed {
        let mut drill = find("equivocate").unwrap();
        drill.title = "</script><script>alert(1)</script> & \"more\"".to_owned();
        let circumstances = Circumstances {
            hms: "0.1.0".to_owned(),
            made_at: "2026-01-01T00:00:00Z".to_owned(),
            world: World::Sim,
            seed: 7,
        };
        let run = Run {
            seed: 7,
            broken: Some("<b>".to_owned()),
            ..Run::default()
        };
        Sealed::seal(Report::of(&drill, circumstances, vec![run]), &key(1))
    }

    /// BYZ-1: a report is signed, as JSON and as a page, and one that was not changed is believed.
    #[test]
    fn a_report_survives_its_forms() {
        let sealed = sealed();
        for form in [sealed.text().to_owned(), sealed.to_html()] {
            let opened = Sealed::open(&form).unwrap();
            assert_eq!(opened.report, sealed.report);
            assert_eq!(opened.check_signer(&key(1).public()), Ok(()));
            let other = opened.check_signer(&key(2).public());
            assert!(matches!(other, Err(SealFault::OtherSigner { .. })));
        }
    }

    #[test]
    fn a_report_that_was_edited_is_refused_wherever_it_was() {
        let text = sealed().text().to_owned();
        let edits = [
            ("\"verdict\":\"failed\"", "\"verdict\":\"caught\""),
            ("\"seed\":7", "\"seed\":8"),
            ("\"lost\":0", "\"lost\":1"),
        ];
        for (from, to) in edits {
            assert!(text.contains(from), "{text}");
            let edited = text.replacen(from, to, 1);
            assert_eq!(
                Sealed::open(&edited).err(),
                Some(SealFault::Edited),
                "{from}"
            );
        }
        let page = sealed()
            .to_html()
            .replace("\"verdict\":\"failed\"", "\"verdict\":\"caught\"");
        assert_eq!(Sealed::open(&page).err(), Some(SealFault::Edited));
        let signer = hex::encode(key(1).public().as_bytes());
        let stolen = text.replace(&signer, &hex::encode(key(2).public().as_bytes()));
        assert_eq!(Sealed::open(&stolen).err(), Some(SealFault::Edited));
    }

    #[test]
    fn what_is_no_report_is_refused_with_the_reason() {
        for text in [
            "",
            "{}",
            "<html></html>",
            "{\"report\":{},\"signer\":\"00\",\"signature\":\"00\"}",
        ] {
            let refused = Sealed::open(text).err();
            assert!(
                matches!(refused, Some(SealFault::Unreadable { .. })),
                "{text}: {refused:?}"
            );
        }
        let body = "{\"version\":9}".to_owned();
        let signature = key(1).sign(Domain::DrillReport, digest(&body));
        let envelope = Envelope {
            report: &RawValue::from_string(body).unwrap(),
            signer: hex::encode(key(1).public().as_bytes()),
            signature: hex::encode(signature.as_bytes()),
        };
        let later = serde_json::to_string(&envelope).unwrap();
        let refused = Sealed::open(&later).err();
        assert_eq!(refused, Some(SealFault::OtherVersion { version: 9 }));
    }

    /// Nothing that a report says can be more than text in its page.
    #[test]
    fn no_text_of_a_report_ends_an_element_of_its_page() {
        let page = sealed().to_html();
        assert_eq!(page.matches("<script").count(), 1);
        assert_eq!(page.matches("</script>").count(), 1);
        assert!(!page.contains("alert(1)</") && !page.contains("<b>"));
    }
}
