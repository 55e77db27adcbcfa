//! The settings as they come: every one optional, none checked.

use std::fs;
use std::path::{Path, PathBuf};

use super::{ConfigError, LogFormat};

/// Unchecked settings, from flags, environment or a file. The three have the same names.
#[derive(Clone, Debug, Default, clap::Args, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Folder for the key, the ledger and everything else; made on first start
    #[arg(long, env = "HMS_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// What people call the node [default: the data folder's name]
    #[arg(long, env = "HMS_NAME")]
    pub name: Option<String>,

    /// libp2p address to listen on; may be repeated [default: TCP and QUIC on free ports, of loopback, or with --mdns of
    /// every interface]
    #[arg(
        long,
        env = "HMS_LISTEN",
        value_name = "MULTIADDR",
        value_delimiter = ','
    )]
    pub listen: Option<Vec<String>>,

    /// Where the gRPC gateway listens; port 0 takes a free one [default: 127.0.0.1:7400, or a free port if that is taken]
    #[arg(long, env = "HMS_GATEWAY", value_name = "IP:PORT")]
    pub gateway: Option<String>,

    /// Where Prometheus metrics are served; port 0 takes a free one [default: 127.0.0.1:0]
    #[arg(long, env = "HMS_METRICS", value_name = "IP:PORT")]
    pub metrics: Option<String>,

    /// Address of a member of the mesh to join; may be repeated. Without it the node founds a mesh: by the genesis in its data
    /// folder (`hms mesh init`), or by one that it makes itself, with an operator's key beside it
    #[arg(
        long,
        env = "HMS_JOIN",
        value_name = "MULTIADDR",
        value_delimiter = ','
    )]
    pub join: Option<Vec<String>>,

    /// The join token that the operator made for this node; a member needs none
    #[arg(long, env = "HMS_TOKEN", hide_env_values = true)]
    pub token: Option<String>,

    /// Role to join as: voter or worker [default: what the token says]
    #[arg(long, env = "HMS_ROLE")]
    pub role: Option<String>,

    /// Voters that a new mesh wants, 1 to 7 [default: 3]
    #[arg(long, env = "HMS_VOTERS", value_name = "N")]
    pub voters: Option<u32>,

    /// What the voters of a new mesh may do besides stopping: byzantine (up to a third of them, less one, may lie: one of
    /// four, two of seven) or crash (nothing) [default: byzantine]
    #[arg(long, env = "HMS_TRUST", value_name = "WORD")]
    pub trust: Option<String>,

    /// Find members on this host and its network by mDNS, and be found: with it and a token no --join is needed. It needs an
    /// interface that is not loopback
    #[arg(long, env = "HMS_MDNS", num_args = 0..=1, default_missing_value = "true")]
    pub mdns: Option<bool>,

    /// Metamath database that the node's agents hold; may be repeated
    #[arg(
        long = "base",
        env = "HMS_BASES",
        value_name = "FILE",
        value_delimiter = ','
    )]
    pub bases: Option<Vec<PathBuf>>,

    /// Agents raised on first start [default: 1]
    #[arg(long, env = "HMS_AGENTS", value_name = "N")]
    pub agents: Option<u32>,

    /// Runs that each of those agents may hold at once [default: 16]
    #[arg(long, env = "HMS_SLOTS", value_name = "N")]
    pub slots: Option<u32>,

    /// Milliseconds between two heartbeats, 100 to 1000. Only quicker than usual: the mesh suspects whoever is silent for
    /// 2.5 s, and declares lost, with its agents, whoever is silent for 6 s [default: 1000]
    #[arg(long, env = "HMS_HEARTBEAT_MS", value_name = "MS")]
    pub heartbeat_ms: Option<u32>,

    /// Days for which entries of the ledger are kept that Raft does not need any more: receipts and audits are made of
    /// them; 0 keeps none [default: 30]
    #[arg(long, env = "HMS_KEEP_LEDGER_DAYS", value_name = "N")]
    pub keep_ledger_days: Option<u32>,

    /// Mebibytes of such entries that are kept at most, whatever their age [default: 1024]
    #[arg(long, env = "HMS_KEEP_LEDGER_MIB", value_name = "N")]
    pub keep_ledger_mib: Option<u32>,

    /// Log filter, for example `info` or `hms_node=debug` [default: info]
    #[arg(long, env = "HMS_LOG", value_name = "FILTER")]
    pub log: Option<String>,

    /// Log form [default: text]
    #[arg(long, env = "HMS_LOG_FORMAT", value_enum)]
    pub log_format: Option<LogFormat>,
}

impl Settings {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path)
    }

    /// Parses a file's text; errors name line and column.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| ConfigError::Malformed {
            path: path.to_owned(),
            message: error.to_string(),
        })
    }

    /// These settings, and where one is not set, `other`'s.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            data_dir: self.data_dir.or(other.data_dir),
            name: self.name.or(other.name),
            listen: self.listen.or(other.listen),
            gateway: self.gateway.or(other.gateway),
            metrics: self.metrics.or(other.metrics),
            join: self.join.or(other.join),
            token: self.token.or(other.token),
            role: self.role.or(other.role),
            voters: self.voters.or(other.voters),
            trust: self.trust.or(other.trust),
            mdns: self.mdns.or(other.mdns),
            bases: self.bases.or(other.bases),
            agents: self.agents.or(other.agents),
            slots: self.slots.or(other.slots),
            heartbeat_ms: self.heartbeat_ms.or(other.heartbeat_ms),
            keep_ledger_days: self.keep_ledger_days.or(other.keep_ledger_days),
            keep_ledger_mib: self.keep_ledger_mib.or(other.keep_ledger_mib),
            log: self.log.or(other.log),
            log_format: self.log_format.or(other.log_format),
        }
    }
}
