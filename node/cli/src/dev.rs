//! `hms dev`: three nodes in one terminal, until Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hms_testnet::{Cluster, Plan, follow};

use crate::fault::Fault;
use crate::screen::remark;

/// Nodes of a developer's mesh: the least that survives the loss of one.
const NODES: u32 = 3;

/// Lines of each log that are shown at first.
const LOG_LINES: usize = 3;

/// Brings a mesh up, shows its logs, and takes it down on Ctrl-C.
pub(crate) async fn run() -> Result<(), Fault> {
    let folder = tempfile::tempdir()?;
    let plan = Plan::new(folder.path().to_owned(), NODES)?;
    let cluster = Cluster::up(&plan, |node, took| {
        remark(&format!(
            "{} is ready in {} ms",
            node.name,
            took.as_millis()
        ));
    })?;
    remark(&format!(
        "\n  export HMS_ADDRESS={}\n  hms status\n\nCtrl-C ends it.\n",
        cluster.gateways().join(",")
    ));
    let goes_on = Arc::new(AtomicBool::new(true));
    let (nodes, flag) = (cluster.nodes().to_vec(), Arc::clone(&goes_on));
    let following = tokio::task::spawn_blocking(move || {
        follow::follow(&nodes, LOG_LINES, &mut std::io::stdout(), || {
            flag.load(Ordering::Relaxed)
        })
    });
    tokio::signal::ctrl_c().await?;
    goes_on.store(false, Ordering::Relaxed);
    // A reader that has gone away is no fault of the mesh.
    let _ = following.await;
    cluster.down()?;
    remark("the mesh is down");
    Ok(())
}
