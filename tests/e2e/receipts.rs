//! What a mesh shows to strangers survives its leaders.

use hms_protocol::codec;
use hms_protocol::id::TaskId;
use hms_protocol::receipt::{Deed, Origin, Proven, Receipt};
use hms_testnet::chaos;

use crate::mesh::Mesh;

/// What the receipt of a simple task may take on a mesh of three voters, in bytes.
const RECEIPT_BYTES_SMALL: usize = 8 * 1024;

/// Whether an agent was asked to say `hello`, and did.
fn check_hello(proven: &Proven, task: TaskId) {
    assert_eq!(proven.task, task);
    assert_eq!(proven.spec.input, b"hello");
    let last = proven.commands.last().map(|command| &command.deed);
    let Some(Deed::Reported { report, .. }) = last else {
        unreachable!("it ends with another command: {last:?}");
    };
    assert_eq!(report.result.output, b"hello");
}

/// Has a task done, takes its receipt, and believes what it says only after checking it.
async fn done_and_proven(mesh: &Mesh, origin: &Origin) -> (TaskId, Receipt) {
    let task = mesh.submit("echo", "hello").await;
    mesh.expect_done(&[task]).await;
    let receipt = mesh.client.receipt(task).await;
    let receipt = receipt.expect("what is done is certified");
    let proven = receipt.verify(origin).expect("the mesh shows the truth");
    check_hello(&proven, task);
    (task, receipt)
}

/// F1, DAT-2: receipts of before and of after the leader was killed are checked with the genesis taken before, offline.
#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::print_stdout,
    reason = "the size is a figure that people ask for"
)]
async fn receipts_are_good_whoever_leads() {
    let mesh = Mesh::up(3).await;
    let genesis = mesh.client.genesis().await.expect("every leader has it");
    let origin = codec::origin::read(&genesis).expect("it is a genesis");
    let (before, first) = done_and_proven(&mesh, &origin).await;
    let bytes = codec::encode(&first).len();
    println!("the receipt of a simple task takes {bytes} bytes with three voters");
    assert!(bytes < RECEIPT_BYTES_SMALL, "{bytes} bytes");

    let leader = mesh.leader().await;
    chaos::kill(mesh.node(&leader)).expect("a node that runs can be killed");
    let (_, later) = done_and_proven(&mesh, &origin).await;
    let heads = [&first, &later].map(|receipt| {
        let head = receipt.verify(&origin).expect("it was good before").head;
        (head.index, head.term)
    });
    assert!(heads[0] < heads[1] && heads[0].1 < heads[1].1, "{heads:?}");

    // What the first leader had certified, its successor shows, too.
    let again = mesh.client.receipt(before).await;
    let again = again.expect("the entries are in every voter's log");
    let proven = again.verify(&origin).expect("the mesh shows the truth");
    check_hello(&proven, before);
    let now = mesh.client.genesis().await;
    assert_eq!(now.expect("every leader has it"), genesis);
}
