//! Files that declare services: TOML, strict, with the line and the column of what is wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use hms_client::domain::id::{NodeName, ServiceName, SkillName};
use hms_client::domain::service::ServiceSpec;
use serde::de::{self, Deserialize, Deserializer, Visitor};

use crate::fault::Fault;
use crate::phrase::parse_span;

/// Time between two probes if the file does not say.
const INTERVAL_DEFAULT: Duration = Duration::from_secs(10);

/// Time of one probe if the file does not say.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);

/// Retries if the file does not say: one lost packet is not an outage.
const RETRIES_DEFAULT: u32 = 1;

/// Probers if the file does not say: the least number that outvotes one that is wrong.
const PROBERS_DEFAULT: u32 = 3;

/// A file, as it is written.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceFile {
    #[serde(default)]
    service: Vec<Entry>,
}

/// One declaration, as it is written.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(deserialize_with = "parsed")]
    name: ServiceName,
    #[serde(deserialize_with = "parsed")]
    probe: SkillName,
    interval: Option<Span>,
    timeout: Option<Span>,
    retries: Option<u32>,
    probers: Option<u32>,
    quorum: Option<u32>,
    #[serde(default)]
    nodes: Vec<Node>,
    #[serde(default)]
    target: BTreeMap<String, Scalar>,
}

/// Reads a file of declarations.
pub(super) fn read(path: &Path) -> Result<Vec<ServiceSpec>, Fault> {
    let text = fs::read_to_string(path).map_err(|source| Fault::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let bad = |message| Fault::BadServices {
        path: path.to_owned(),
        message,
    };
    let specs = parse(&text).map_err(bad)?;
    if specs.is_empty() {
        return Err(bad("it declares no service: write [[service]]".to_owned()));
    }
    Ok(specs)
}

fn parse(text: &str) -> Result<Vec<ServiceSpec>, String> {
    let file: ServiceFile = toml::from_str(text).map_err(|error| error.to_string())?;
    Ok(file.service.into_iter().map(complete).collect())
}

/// Fills in what the file leaves out.
fn complete(entry: Entry) -> ServiceSpec {
    let interval = entry.interval.map_or(INTERVAL_DEFAULT, |span| span.0);
    let timeout = entry
        .timeout
        .map_or_else(|| TIMEOUT_DEFAULT.min(interval), |span| span.0);
    let named = u32::try_from(entry.nodes.len()).unwrap_or(u32::MAX);
    let probers_default = if named == 0 {
        PROBERS_DEFAULT
    } else {
        named.min(PROBERS_DEFAULT)
    };
    let probers = entry.probers.unwrap_or(probers_default);
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    ServiceSpec {
        name: entry.name,
        probe: entry.probe,
        target: entry
            .target
            .into_iter()
            .map(|(key, value)| (key, value.0))
            .collect(),
        interval_ms: millis(interval),
        timeout_ms: millis(timeout),
        retries: entry.retries.unwrap_or(RETRIES_DEFAULT),
        probers,
        quorum: entry.quorum.unwrap_or(probers / 2 + 1),
        nodes: entry.nodes.into_iter().map(|node| node.0).collect(),
    }
}

/// A span such as `500ms`.
#[derive(Debug)]
struct Span(Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        parse_span(&text).map(Self).map_err(de::Error::custom)
    }
}

/// The name of a node.
#[derive(Debug)]
struct Node(NodeName);

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        parsed(from).map(Self)
    }
}

/// A parameter of a probe: a text, or a number or a truth value written without quotes.
#[derive(Debug)]
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;

        impl Visitor<'_> for Any {
            type Value = Scalar;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a text, a whole number, true or false")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar(text.to_owned()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_string()))
            }

            fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Scalar, E> {
                Ok(Scalar(truth.to_string()))
            }
        }

        from.deserialize_any(Any)
    }
}

/// Reads a text that has a form of its own.
fn parsed<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
    T::Err: fmt::Display,
{
    let text = String::deserialize(from)?;
    text.parse().map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_declaration_is_completed() {
        let specs = parse(
            "[[service]]\nname = 'web'\nprobe = 'probe.http'\n[service.target]\nurl = 'http://x/'\n\
             [[service]]\nname = 'db'\nprobe = 'probe.tcp'\ninterval = '2s'\nnodes = ['n1']\n\
             target = { host = 'h', port = 5432, tls = false }",
        )
        .unwrap();
        let [web, db] = specs.as_slice() else {
            panic!("{specs:?}")
        };
        assert_eq!(
            (web.interval_ms, web.timeout_ms, web.retries),
            (10_000, 5_000, 1)
        );
        assert_eq!((web.probers, web.quorum), (3, 2));
        assert_eq!((db.timeout_ms, db.probers, db.quorum), (2_000, 1, 1));
        assert_eq!(db.target["port"], "5432");
        assert_eq!(db.target["tls"], "false");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let entry = "[[service]]\nname = 'web'\nprobe = 'probe.http'\n";
        for (text, needles) in [
            (format!("{entry}intervall = '2s'"), ["line 4", "intervall"]),
            (
                format!("{entry}interval = '2 s'"),
                ["line 4", "500ms, 2s, 5m"],
            ),
            (format!("{entry}interval = 2"), ["line 4", "string"]),
            (
                format!("{entry}target = {{ port = 1.5 }}"),
                ["line 4", "a whole number"],
            ),
            (
                "[[service]]\nname = 'Web'\nprobe = 'x'".to_owned(),
                ["line 2", "service name"],
            ),
            ("[[service]]\nname = 'web'".to_owned(), ["line 1", "probe"]),
            (
                "[[services]]\nname = 'web'".to_owned(),
                ["line 1", "services"],
            ),
            ("[[service]".to_owned(), ["line 1", "]"]),
        ] {
            let message = parse(&text).unwrap_err();
            for needle in needles {
                assert!(
                    message.contains(needle),
                    "{needle:?} is missing in\n{message}"
                );
            }
        }
    }

    #[test]
    fn an_empty_file_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let fault = read(file.path()).unwrap_err();
        assert_eq!(fault.code(), "HMS-FILE-SERVICES");
        assert_eq!(
            read(Path::new("/nowhere")).unwrap_err().code(),
            "HMS-FILE-UNREADABLE"
        );
    }
}
