//! Settings: what a person writes into a node's file.

use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use bolero::check;
use hms_node::config::{Config, Settings};
use hms_protocol::id::MeshId;
use hms_protocol::keyring::SecretKey;
use hms_protocol::member::Role;
use hms_protocol::time::Moment;
use hms_protocol::token::Invitation;

use crate::spoil::{FOR, Spoilt};

/// Every setting, in two files; in the second one `TOKEN` stands for a join token.
const FILES: [&str; 2] = [
    "data_dir = '/var/lib/hms'\nname = \"n1\"\nlisten = ['/ip4/0.0.0.0/tcp/4001', '/ip4/127.0.0.1/udp/4001/quic-v1']\n\
     gateway = '127.0.0.1:7000'\nmetrics = '127.0.0.1:9000'\nvoters = 3\nmdns = true\nbases = ['set.mm']\nagents = 4\n\
     slots = 16\nheartbeat_ms = 250\nlog = 'info,hms_node=debug'\nlog_format = 'json'\n",
    "data_dir = 'n2'\nrole = 'worker'\ntoken = 'TOKEN'\n\
     join = ['/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo']\n",
];

static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let (operator, mesh) = (SecretKey::from_seed(&[1; 32]), MeshId::from_bytes([2; 32]));
    let token = Invitation::new(&operator, mesh, Role::Worker, Moment(3), &[4; 32]).to_text();
    let texts = FILES.iter().map(|text| text.replace("TOKEN", &token));
    texts.collect()
});

static BYTES: LazyLock<Vec<Vec<u8>>> =
    LazyLock::new(|| TEXTS.iter().map(|text| text.as_bytes().to_vec()).collect());

/// A file is refused with a code and a hint, or a node could start from it.
#[test]
fn a_spoilt_file_is_refused_with_a_code_or_makes_a_config() {
    for text in TEXTS.iter() {
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
                    let ours = ["HMS-CONFIG-", "HMS-TOKEN-"];
                    let known = ours.iter().any(|code| error.code().starts_with(code));
                    assert!(known, "{error}");
                    assert!(!error.hint().is_empty());
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    assert!(0 < read.into_inner() && 0 < refused.into_inner());
}
