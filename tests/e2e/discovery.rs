//! How nodes find their mesh: by an address that they were told, or by mDNS.
//!
//! mDNS speaks on every interface but loopback's. Its test therefore runs in a network of its own, which has nothing but
//! loopback under a second address, so that nothing that it says leaves the machine. Where the system gives a test no
//! such network (no user namespaces, or no `ip`), nothing may be sent at all: the test says so, and the nodes are told
//! an address instead.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hms_protocol::member::Role;
use hms_testnet::launch::Launch;
use hms_testnet::manifest::NodeEntry;
use hms_testnet::{Plan, chaos};

use crate::mesh::Mesh;

/// How long a mesh may take to know all its members, once its last node is started.
const MEET_WITHIN: Duration = Duration::from_secs(5);

/// Set for the process that has a network of its own.
const ALONE: &str = "HMS_TEST_NETWORK";

/// Makes that network, in a namespace that has only a loopback interface, which is down. mDNS takes the second address
/// for one of a network.
const NETWORK: &str = "ip link set lo up multicast on \
    && ip address add 10.64.0.1/24 dev lo \
    && ip route add 224.0.0.0/4 dev lo";

/// MSH-2: three nodes, two of which were told one address, all list three members within the five seconds that a person
/// waits.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_know_one_address_find_each_other() {
    let (mesh, started_in) = Mesh::start(3, |_| {});
    let since = Instant::now();
    mesh.until_all_list(&["n1", "n2", "n3"]).await;
    let took = started_in + since.elapsed();
    assert!(took < MEET_WITHIN, "it took {} ms", took.as_millis());
}

/// MSH-2: nodes that know the token and no address find their mesh on this host, also beside another mesh that refuses
/// them. What they make is a mesh that works.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_on_one_host_find_their_mesh_without_an_address() {
    let test = "discovery::nodes_on_one_host_find_their_mesh_without_an_address";
    let alone = std::env::var_os(ALONE).is_some();
    if !alone && may_be_alone() {
        let own = std::env::current_exe().expect("this program is there");
        let status = isolated("exec \"$0\" --exact \"$1\" --nocapture")
            .arg(own)
            .arg(test)
            .env(ALONE, "yes")
            .status();
        let status = status.expect("it could be run before");
        assert!(status.success(), "{test} in a network of its own");
        return;
    }
    if !alone {
        // Past the capture of tests that pass: nobody should believe that mDNS was tried.
        let said = writeln!(
            std::io::stderr(),
            "{test}: no network of its own can be made here; mDNS is not tried, the nodes are told an address"
        );
        said.expect("standard error is open");
    }
    let other = Mesh::with(1, |plan| plan.mdns = alone).await;
    let mesh = Mesh::with(3, |plan| plan.mdns = alone).await;
    for node in mesh.cluster().nodes() {
        let told = node.arguments.iter().any(|argument| argument == "--join");
        assert_eq!(told, !alone && node.name != "n1", "{}", node.name);
    }
    mesh.until_all_list(&["n1", "n2", "n3"]).await;
    other.until_all_list(&["n1"]).await;
    let task = mesh.submit("echo", "found").await;
    mesh.expect_done(&[task]).await;
    drop(mesh);
    if alone {
        expect_patience_beside(&other).await;
    }
}

/// While its own mesh is down, a node finds only another mesh, which refuses it. It goes on looking, and joins its own.
async fn expect_patience_beside(other: &Mesh) {
    let mut own = Mesh::with(1, |plan| plan.mdns = true).await;
    chaos::kill(own.node("n1")).expect("a node that runs can be killed");
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("late");
    let log_file = folder.path().join("late.log");
    let place = data_dir.to_string_lossy();
    let arguments = ["--data-dir", &place, "--mdns", "--role", "worker"].map(str::to_owned);
    let plan = Plan::new(folder.path().to_owned(), 1).expect("the node's program is there");
    let late = Launch {
        binary: plan.binary.clone(),
        name: "late".to_owned(),
        data_dir: data_dir.clone(),
        log_file: log_file.clone(),
        arguments: arguments.to_vec(),
        token: Some(
            own.cluster()
                .invite(Role::Worker)
                .expect("the key is there"),
        ),
        log: plan.log,
    };
    let late = late.start().expect("it can be started");
    other
        .until("the other mesh has refused the node", async |_: &Mesh| {
            let log = std::fs::read_to_string(&log_file).unwrap_or_default();
            log.contains("a node that mDNS found refuses this one")
        })
        .await;
    let back = own.cluster_mut().restart("n1");
    back.expect("a node that was killed comes back");
    let (process, ready, _) = late.wait().expect("it finds its mesh");
    let late = NodeEntry {
        name: "late".to_owned(),
        data_dir,
        log_file,
        binary: plan.binary,
        arguments: arguments.to_vec(),
        process,
        ready,
    };
    chaos::kill(&late).expect("a node that runs can be killed");
    assert_eq!(late.ready.mesh, own.node("n1").ready.mesh);
    own.until_all_list(&["late", "n1"]).await;
}

/// A command that goes on in a network that nobody else has.
fn isolated(then: &str) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--net", "sh", "-c"])
        .arg(format!("{NETWORK} && {then}"));
    command
}

fn may_be_alone() -> bool {
    let tried = isolated("true").stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}
