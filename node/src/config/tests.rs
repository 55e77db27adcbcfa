//! Settings that make a configuration, and those that are refused.

use hms_protocol::member::GATEWAY_USUAL;
use hms_protocol::trust::Trust;

use super::*;

fn check(toml: &str) -> Result<Config, ConfigError> {
    Config::check(Settings::parse(toml, Path::new("node.toml"))?)
}

#[test]
fn the_least_configuration_founds_a_mesh_of_three_voters_on_loopback() {
    let config = check("data_dir = \"/var/lib/hms/n1\"").unwrap();
    assert_eq!(config.name.as_str(), "n1");
    let usual: SocketAddr = GATEWAY_USUAL.parse().unwrap();
    assert!(config.gateway.is_none() && usual.ip().is_loopback());
    assert!(config.metrics.ip().is_loopback());
    assert!(matches!(
        config.entry,
        Entry::Found {
            voters_wanted: 3,
            trust: Trust::Byzantine
        }
    ));
}

#[test]
fn an_unknown_key_names_its_line() {
    let error = check("data_dir = \"x\"\ngatway = \"127.0.0.1:1\"").unwrap_err();
    assert_eq!(error.code(), "HMS-CONFIG-MALFORMED");
    let text = error.to_string();
    assert!(text.contains("line 2") && text.contains("gatway"), "{text}");
}

#[test]
fn bad_values_name_the_setting_and_a_token_is_never_repeated() {
    for (toml, needle) in [
        ("data_dir='x'\ngateway='nowhere'", "gateway is \"nowhere\""),
        (
            "data_dir='x'\nlisten=['tcp://1.2.3.4']",
            "listen is \"tcp://1.2.3.4\"",
        ),
        (
            "data_dir='x'\ntrust='blind'",
            "trust is \"blind\": allowed are byzantine and crash",
        ),
        (
            "data_dir='x'\nvoters=9",
            "voters is \"9\": allowed is 1 to 7",
        ),
        (
            "data_dir='x'\nheartbeat_ms=99",
            "heartbeat_ms is \"99\": allowed is 100 to 1000",
        ),
        (
            "data_dir='x'\nheartbeat_ms=1001",
            "heartbeat_ms is \"1001\": allowed",
        ),
        (
            "data_dir='x'\nmdns=true\nlisten=['/ip4/127.0.0.1/tcp/0']",
            "listen is \"/ip4/127.0.0.1/tcp/0\": with mdns",
        ),
        ("data_dir='x'\nname='Bad Name'", "name is \"Bad Name\""),
        (
            "data_dir='x'\njoin=['/ip4/127.0.0.1/tcp/1']\ntoken='secret!'",
            "token is \"***\"",
        ),
    ] {
        let text = check(toml).unwrap_err().to_string();
        assert!(text.contains(needle), "{toml}: {text}");
    }
}

/// MSH-2: with mDNS a node is where others can find it, unless it is told otherwise; without, only on this machine.
#[test]
fn a_node_is_found_where_mdns_looks() {
    let plain = check("data_dir='x'").unwrap();
    assert!(plain.listen.iter().all(|at| crate::net::is_loopback(at)));
    let found = check("data_dir='x'\nmdns=true").unwrap();
    assert!(!found.listen.iter().any(|at| crate::net::is_loopback(at)));
    let told = "data_dir='x'\nmdns=true\nlisten=['/ip4/127.0.0.1/tcp/0','/ip4/10.0.0.1/tcp/0']";
    assert_eq!(check(told).unwrap().listen.len(), 2);
}

/// AGT-4: flag, environment and file set the same pace, in this order.
#[test]
fn a_heartbeat_is_set_by_a_flag_or_the_file() {
    use clap::{CommandFactory as _, Parser as _};

    let default = check("data_dir='x'").unwrap();
    assert_eq!(default.heartbeats.ms(), 1_000);
    let filed = "data_dir='x'\nheartbeat_ms=500";
    assert_eq!(check(filed).unwrap().heartbeats.ms(), 500);

    let file = Settings::parse(filed, Path::new("f")).unwrap();
    let flags = Flags::parse_from(["hms-node", "--heartbeat-ms", "250"]);
    let config = Config::check(flags.settings.or(file)).unwrap();
    assert_eq!(config.heartbeats.ms(), 250);

    let command = Flags::command();
    let mut settings = command.get_arguments();
    let heartbeat = settings.find(|setting| setting.get_id() == "heartbeat_ms");
    let variable = heartbeat.and_then(clap::Arg::get_env);
    assert_eq!(variable, Some("HMS_HEARTBEAT_MS".as_ref()));
}

#[test]
fn a_flag_wins_over_the_file() {
    let flag = Settings {
        name: Some("flag".to_owned()),
        ..Settings::default()
    };
    let file = Settings::parse("name = 'file'\ndata_dir = '/d'", Path::new("f")).unwrap();
    let config = Config::check(flag.or(file)).unwrap();
    assert_eq!(config.name.as_str(), "flag");
}

#[test]
fn the_ledger_is_kept_as_long_as_it_is_told() {
    let day = Duration::from_hours(24);
    let kept = |toml: &str| check(toml).unwrap().retention;
    let usual = kept("data_dir='x'");
    assert_eq!((usual.age, usual.bytes), (30 * day, 1 << 30));
    let told = kept("data_dir='x'\nkeep_ledger_days=7\nkeep_ledger_mib=64");
    assert_eq!((told.age, told.bytes), (7 * day, 64 << 20));
    let none = kept("data_dir='x'\nkeep_ledger_days=0");
    assert_eq!((none.age, none.bytes), (Duration::ZERO, 1 << 30));
}
