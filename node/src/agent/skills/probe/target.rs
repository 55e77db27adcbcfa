//! The parameters of a probe: named texts, each of which must be known.

use std::collections::BTreeMap;
use std::str::FromStr;

use hms_protocol::limits::LABELS_MAX;

/// The parameters that have not been understood yet.
#[derive(Clone, Debug)]
pub(super) struct Target {
    parameters: BTreeMap<String, String>,
}

/// Why a target cannot be probed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetRefusal {
    /// The input of a task is not a target.
    #[error("the input is not a JSON object of texts and numbers: {reason}")]
    NotATarget {
        /// What is wrong with it.
        reason: String,
    },
    /// A parameter is missing.
    #[error("the parameter {name} is missing")]
    Missing {
        /// Which.
        name: &'static str,
    },
    /// A parameter has no valid value.
    #[error("the parameter {name} is {value:?}: {reason}")]
    Invalid {
        /// Which.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A parameter means nothing to the probe.
    #[error("the parameter {name:?} is not known here")]
    Unknown {
        /// Which.
        name: String,
    },
}

impl TargetRefusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotATarget { .. } => "HMS-TARGET-MALFORMED",
            Self::Missing { .. } => "HMS-TARGET-MISSING",
            Self::Invalid { .. } => "HMS-TARGET-INVALID",
            Self::Unknown { .. } => "HMS-TARGET-UNKNOWN",
        }
    }
}

impl Target {
    /// The parameters of a declared service.
    pub(super) fn new(parameters: BTreeMap<String, String>) -> Self {
        Self { parameters }
    }

    /// The parameters in a task's input. Numbers and arrays become the text that they are written as.
    pub(super) fn from_json(input: &[u8]) -> Result<Self, TargetRefusal> {
        let malformed = |reason: String| TargetRefusal::NotATarget { reason };
        let values: BTreeMap<String, serde_json::Value> =
            serde_json::from_slice(input).map_err(|error| malformed(error.to_string()))?;
        if LABELS_MAX < values.len() {
            return Err(malformed(format!(
                "it has more than {LABELS_MAX} parameters"
            )));
        }
        let texts = values.into_iter().map(|(name, value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            (name, text)
        });
        Ok(Self {
            parameters: texts.collect(),
        })
    }

    /// Takes a parameter that may be missing.
    pub(super) fn take(&mut self, name: &'static str) -> Option<String> {
        self.parameters.remove(name)
    }

    /// Takes a parameter that must be there.
    pub(super) fn need(&mut self, name: &'static str) -> Result<String, TargetRefusal> {
        self.take(name).ok_or(TargetRefusal::Missing { name })
    }

    /// Takes a parameter that may be missing and is a number or the like.
    pub(super) fn parse<T: FromStr>(
        &mut self,
        name: &'static str,
    ) -> Result<Option<T>, TargetRefusal>
    where
        T::Err: std::fmt::Display,
    {
        let Some(text) = self.take(name) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(invalid(name, &text, error)),
        }
    }

    /// Ends the reading: nothing may be left.
    pub(super) fn finish(self) -> Result<(), TargetRefusal> {
        match self.parameters.into_keys().next() {
            Some(name) => Err(TargetRefusal::Unknown { name }),
            None => Ok(()),
        }
    }
}

/// A refusal of a parameter's value.
pub(super) fn invalid(
    name: &'static str,
    value: &str,
    reason: impl std::fmt::Display,
) -> TargetRefusal {
    TargetRefusal::Invalid {
        name,
        value: value.to_owned(),
        reason: reason.to_string(),
    }
}
