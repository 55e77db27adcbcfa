//! What one durable append costs: alone, and when many wait for the same fsync.

use hms_consensus::effect::LogWrite;
use hms_node::store::{Reports, Retention, Store, Stored};
use hms_protocol::id::Index;
use tokio::runtime::Runtime;

fn main() {
    divan::main();
}

/// Bytes of one row: a batch of a few commands.
const ROW_BYTES: usize = 256;

struct Disk {
    store: Store,
    reports: Reports,
    next: u64,
    runtime: Runtime,
    _directory: tempfile::TempDir,
}

impl Disk {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("there is a place for temporary files");
        let (store, reports) =
            Store::open(directory.path(), Retention::default()).expect("a fresh store opens");
        Self {
            store,
            reports,
            next: 1,
            runtime: Runtime::new().expect("a runtime starts"),
            _directory: directory,
        }
    }

    /// Queues so many writes of one row and waits for the last to be durable.
    fn append(&mut self, writes: u64) {
        let last = self.next + writes - 1;
        self.runtime.block_on(async {
            for number in self.next..=last {
                let write = LogWrite {
                    number,
                    rows: vec![(Index(number), vec![7; ROW_BYTES])],
                    sync: true,
                    ..LogWrite::default()
                };
                self.store.write(write).await.expect("the disk works");
            }
            while let Some(news) = self.reports.recv().await {
                match news {
                    Stored::Written { number } if number == last => return,
                    Stored::Written { .. } | Stored::Checkpointed { .. } => {}
                    Stored::Failed(failure) => unreachable!("{failure}"),
                }
            }
        });
        self.next = last + 1;
    }
}

/// Appends that wait together; the figure is for all of them.
#[divan::bench(args = [1, 16, 64, 256])]
fn append_and_sync(bencher: divan::Bencher, writes: u64) {
    let mut disk = Disk::new();
    bencher
        .counter(divan::counter::ItemsCount::new(writes))
        .bench_local(|| disk.append(writes));
}
