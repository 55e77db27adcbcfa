//! Settings: what a person writes into a node's file.

use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use bolero::check;
use hms_node::config::{Config, Settings};

use crate::spoil::{FOR, Spoilt};

/// Every setting, in two files.
const FILES: [&str; 2] = [
    "data_dir = '/var/lib/hms'\nname = \"n1\"\nlisten = ['/ip4/0.0.0.0/tcp/4001', '/ip4/127.0.0.1/udp/4001/quic-v1']\n\
     gateway = '127.0.0.1:7000'\nmetrics = '127.0.0.1:9000'\nvoters = 3\nmdns = true\nbases = ['set.mm']\nagents = 4\n\
     slots = 16\nheartbeat_ms = 250\nlog = 'info,hms_node=debug'\nlog_format = 'json'\n",
    "data_dir = 'n2'\nrole = 'worker'\ntoken = '00ff00ff'\n\
     join = ['/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo']\n",
];

static BYTES: LazyLock<Vec<Vec<u8>>> =
    LazyLock::new(|| FILES.iter().map(|text| text.as_bytes().to_vec()).collect());

/// A file is refused with a code and a hint, or a node could start from it.
#[test]
fn a_spoilt_file_is_refused_with_a_code_or_makes_a_config() {
    for text in FILES {
        let settings = Settings::parse(text, Path::new("node.toml")).expect("the file is right");
        Config::check(settings).expect("the file is right");
    }
    let (read, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    LazyLock::force(&BYTES);
    check!()
        .with_type::<Spoilt>()
        .with_test_time(FOR)
        .for_each(|spoilt| {
            let bytes = spoilt.make(&BYTES);
            let text = String::from_utf8_lossy(&bytes);
            match Settings::parse(&text, Path::new("node.toml")).and_then(Config::check) {
                Ok(_) => {
                    read.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => {
                    assert!(error.code().starts_with("HMS-CONFIG-"), "{error}");
                    assert!(!error.hint().is_empty());
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    assert!(0 < read.into_inner() && 0 < refused.into_inner());
}
