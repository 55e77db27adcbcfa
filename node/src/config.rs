//! What a node is told to be: settings from flags, environment and a TOML file, parsed and checked in one step.
//!
//! A flag wins over the environment, the environment over the file, the file over the default. An unchecked [`Config`]
//! cannot exist; an unknown key is an error.

mod file;
mod flags;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hms_protocol::heartbeat::{HEARTBEAT_EVERY_MS, HEARTBEAT_EVERY_MS_MIN, HeartbeatPace};
use hms_protocol::id::{AgentId, NodeName};
use hms_protocol::limits;
use hms_protocol::member::Role;
use hms_protocol::token::{Invitation, TokenRefusal};
use hms_protocol::trust::Trust;

use crate::agent::Wish;
use crate::store::Retention;

pub use file::Settings;
pub use flags::{Command, Flags};

/// Voters that a new mesh wants unless told otherwise: the least number that survives the loss of one.
const VOTERS_DEFAULT: u32 = 3;

/// Most voters: beyond seven, every commit waits for more disks without being safer in practice.
const VOTERS_MAX: u32 = 7;

/// Agents that a node raises on its first start unless told otherwise.
const AGENTS_DEFAULT: u32 = 1;

/// Runs that each of those agents may hold at once unless told otherwise.
const SLOTS_DEFAULT: u32 = 16;

/// A free port, for this machine only.
pub const FREE_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Checked settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// What people call the node.
    pub name: NodeName,
    /// Where it keeps everything.
    pub data_dir: PathBuf,
    /// libp2p multiaddresses to listen on.
    pub listen: Vec<String>,
    /// Where the gRPC gateway listens; `None`: at `GATEWAY_USUAL`, or at a free port if somebody is there.
    pub gateway: Option<SocketAddr>,
    /// Where metrics are served over HTTP.
    pub metrics: SocketAddr,
    /// How it comes into a mesh.
    pub entry: Entry,
    /// Whether to look for members on this host and its network by mDNS, and to be found.
    pub mdns: bool,
    /// Proof databases that its agents hold.
    pub bases: Vec<PathBuf>,
    /// Agents raised on first start.
    pub agents: u32,
    /// Slots of each of them.
    pub slots: u32,
    /// How often it beats.
    pub heartbeats: HeartbeatPace,
    /// How much of the ledger it keeps for people.
    pub retention: Retention,
    /// Log filter, in `tracing`'s syntax.
    pub log: String,
    /// Log form.
    pub log_format: LogFormat,
}

/// How a node without a mesh comes into one. A node that has been in a mesh goes back to that one.
#[derive(Clone, Debug)]
pub enum Entry {
    /// It founds one that wants so many voters.
    Found {
        /// How many.
        voters_wanted: u32,
        /// What they may do besides stopping.
        trust: Trust,
    },
    /// It joins one.
    Join {
        /// Addresses of members, tried in turn; further ones may be found by mDNS.
        addresses: Vec<String>,
        /// The join token with its secret; a node that is a member already needs none.
        invitation: Option<Arc<Invitation>>,
        /// The role it wants; `None` leaves it to the mesh.
        role: Option<Role>,
    },
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Why settings are not a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {path} cannot be read")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The file is not a configuration; the message names line, column and key.
    #[error("the configuration file {path} is not valid:\n{message}")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// A setting has no valid value.
    #[error("{setting} is {value:?}: {reason}")]
    Invalid {
        /// The setting, as it is called in the file.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The join token cannot be one.
    #[error("token is \"***\": {0}")]
    Token(TokenRefusal),
    /// A setting is missing.
    #[error("{setting} is missing")]
    Missing {
        /// The setting, as it is called in the file.
        setting: &'static str,
    },
}

impl ConfigError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "HMS-CONFIG-UNREADABLE",
            Self::Malformed { .. } => "HMS-CONFIG-MALFORMED",
            Self::Invalid { .. } => "HMS-CONFIG-INVALID",
            Self::Token(why) => why.code(),
            Self::Missing { .. } => "HMS-CONFIG-MISSING",
        }
    }

    /// What the operator can do.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "check the path given with --config",
            Self::Malformed { .. } => "`hms-node --help` lists every setting",
            Self::Invalid { .. } => "correct the setting; `hms-node --help` shows its form",
            Self::Token(why) => why.hint(),
            Self::Missing { .. } => "give it as a flag, in the environment or in the file",
        }
    }
}

impl Config {
    /// The agents that the node raises on its first start: each can do all that the node can.
    pub fn first_agents(&self) -> Vec<Wish> {
        let wish = |_| Wish {
            agent: AgentId::from_bytes(*uuid::Uuid::new_v4().as_bytes()),
            skills: BTreeSet::new(),
            slots: self.slots,
        };
        (0..self.agents).map(wish).collect()
    }

    /// Puts flags, environment (clap reads both into `flags`) and file together, and checks the whole.
    pub fn resolve(flags: Flags) -> Result<Self, ConfigError> {
        let from_file = match &flags.config {
            Some(path) => Settings::read(path)?,
            None => Settings::default(),
        };
        Self::check(flags.settings.or(from_file))
    }

    /// Checks settings.
    pub fn check(settings: Settings) -> Result<Self, ConfigError> {
        let data_dir = settings.data_dir.clone().ok_or(ConfigError::Missing {
            setting: "data_dir",
        })?;
        let name = match &settings.name {
            Some(name) => parse_name(name)?,
            None => name_after(&data_dir)?,
        };
        let mdns = settings.mdns.unwrap_or(false);
        let listen = check_listen(settings.listen.clone(), mdns)?;
        Ok(Self {
            name,
            data_dir,
            listen,
            gateway: settings
                .gateway
                .as_deref()
                .map(|text| parse_socket("gateway", text))
                .transpose()?,
            metrics: settings
                .metrics
                .as_deref()
                .map_or(Ok(FREE_PORT), |text| parse_socket("metrics", text))?,
            entry: check_entry(&settings)?,
            mdns,
            bases: settings.bases.unwrap_or_default(),
            agents: settings.agents.unwrap_or(AGENTS_DEFAULT),
            slots: within(
                "slots",
                settings.slots.unwrap_or(SLOTS_DEFAULT),
                1,
                limits::SLOTS_MAX,
            )?,
            heartbeats: check_heartbeat(settings.heartbeat_ms)?,
            retention: retention(settings.keep_ledger_days, settings.keep_ledger_mib),
            log: settings.log.unwrap_or_else(|| "info".to_owned()),
            log_format: settings.log_format.unwrap_or_default(),
        })
    }
}

/// Nodes find each other by mDNS only at addresses that are not loopback, because it passes loopback over. With it, a
/// node listens on every interface unless it is told where.
fn check_listen(told: Option<Vec<String>>, mdns: bool) -> Result<Vec<String>, ConfigError> {
    let Some(told) = told else {
        let ip = if mdns {
            Ipv4Addr::UNSPECIFIED
        } else {
            Ipv4Addr::LOCALHOST
        };
        return Ok(vec![
            format!("/ip4/{ip}/tcp/0"),
            format!("/ip4/{ip}/udp/0/quic-v1"),
        ]);
    };
    check_addresses("listen", &told)?;
    if mdns && told.iter().all(|address| crate::net::is_loopback(address)) {
        return Err(ConfigError::Invalid {
            setting: "listen",
            value: told.join(","),
            reason: "with mdns a node needs an address that is not loopback".to_owned(),
        });
    }
    Ok(told)
}

/// What the voters of a new mesh may do; the stronger assumption has to be asked for.
fn read_trust(told: Option<&str>) -> Result<Trust, ConfigError> {
    match told {
        None | Some("byzantine") => Ok(Trust::Byzantine),
        Some("crash") => Ok(Trust::Crash),
        Some(other) => Err(ConfigError::Invalid {
            setting: "trust",
            value: other.to_owned(),
            reason: "allowed are byzantine and crash".to_owned(),
        }),
    }
}

fn check_entry(settings: &Settings) -> Result<Entry, ConfigError> {
    let addresses = settings.join.clone().unwrap_or_default();
    // With mDNS the addresses of the mesh are found, but its token still has to be told.
    let finds_it = settings.mdns == Some(true) && settings.token.is_some();
    if addresses.is_empty() && !finds_it {
        let wanted = settings.voters.unwrap_or(VOTERS_DEFAULT);
        return Ok(Entry::Found {
            voters_wanted: within("voters", wanted, 1, VOTERS_MAX)?,
            trust: read_trust(settings.trust.as_deref())?,
        });
    }
    check_addresses("join", &addresses)?;
    // The text is a secret, even when it is malformed.
    let invitation = settings.token.as_deref().map(Invitation::read).transpose();
    let invitation = invitation.map_err(ConfigError::Token)?.map(Arc::new);
    let role = settings.role.as_deref().map(parse_role).transpose()?;
    Ok(Entry::Join {
        addresses,
        invitation,
        role,
    })
}

/// How much of the ledger is kept for people; what is not told is as usual.
fn retention(days: Option<u32>, mib: Option<u32>) -> Retention {
    let usual = Retention::default();
    Retention {
        age: days.map_or(usual.age, |days| Duration::from_hours(24 * u64::from(days))),
        bytes: mib.map_or(usual.bytes, |mib| u64::from(mib) * 1024 * 1024),
    }
}

/// The mesh's patience with silence is fixed, so a node may beat more often than usual, but not less.
fn check_heartbeat(every_ms: Option<u32>) -> Result<HeartbeatPace, ConfigError> {
    let Some(every_ms) = every_ms else {
        return Ok(HeartbeatPace::default());
    };
    HeartbeatPace::every_ms(every_ms.into()).ok_or_else(|| ConfigError::Invalid {
        setting: "heartbeat_ms",
        value: every_ms.to_string(),
        reason: format!("allowed is {HEARTBEAT_EVERY_MS_MIN} to {HEARTBEAT_EVERY_MS}"),
    })
}

fn parse_role(text: &str) -> Result<Role, ConfigError> {
    match text {
        "voter" => Ok(Role::Voter),
        "worker" => Ok(Role::Worker),
        other => Err(ConfigError::Invalid {
            setting: "role",
            value: other.to_owned(),
            reason: "a role is voter or worker".to_owned(),
        }),
    }
}

fn parse_name(text: &str) -> Result<NodeName, ConfigError> {
    text.parse()
        .map_err(|error: hms_protocol::id::IdError| ConfigError::Invalid {
            setting: "name",
            value: text.to_owned(),
            reason: error.to_string(),
        })
}

/// A node without a name is called after its data directory.
fn name_after(data_dir: &Path) -> Result<NodeName, ConfigError> {
    let folder = data_dir
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase());
    folder
        .and_then(|name| name.parse().ok())
        .ok_or(ConfigError::Missing { setting: "name" })
}

fn parse_socket(setting: &'static str, text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_| ConfigError::Invalid {
        setting,
        value: text.to_owned(),
        reason: "an address is IP:PORT, for example 127.0.0.1:7400".to_owned(),
    })
}

fn check_addresses(setting: &'static str, addresses: &[String]) -> Result<(), ConfigError> {
    for address in addresses {
        if let Err(reason) = crate::net::check_address(address) {
            return Err(ConfigError::Invalid {
                setting,
                value: address.clone(),
                reason,
            });
        }
    }
    Ok(())
}

fn within(setting: &'static str, value: u32, low: u32, high: u32) -> Result<u32, ConfigError> {
    if (low..=high).contains(&value) {
        return Ok(value);
    }
    let reason = format!("allowed is {low} to {high}");
    Err(ConfigError::Invalid {
        setting,
        value: value.to_string(),
        reason,
    })
}

#[cfg(test)]
mod tests;
