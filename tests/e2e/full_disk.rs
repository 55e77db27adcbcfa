//! A node whose disk is full: it refuses to start, or stops, says so, and has lost nothing that it acknowledged.
//!
//! The disk is a small file system of its own where the system lets a test mount one. Everywhere, and always, the same is
//! tried with a limit on the size of files, which fails writes in the same places.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hms_client::{Client, Submission};
use hms_protocol::id::TaskId;
use hms_testnet::Plan;

use crate::mesh::SOON;

/// Set for the process that has a disk of its own: where it is mounted.
const MOUNTED: &str = "HMS_TEST_MOUNTED";

/// Size of that disk.
const DISK: &str = "96m";

/// Size of it once somebody has made room: for a node to start, and for one to go on with much to do.
const LARGER_DISK: &str = "160m";
const LARGE_DISK: &str = "1g";

/// Largest file of a node in a cramped life, in KiB, if there is no such disk.
const FILE_KIB: u64 = 4 * 1024;

/// Bytes of each task's input.
const INPUT_BYTES: usize = 200 * 1024;

/// More tasks than fit.
const TASKS_MAX: usize = 2_000;

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How a disk is made small.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It is small.
    Mounted,
    /// No file on it may be large.
    Limited,
}

/// A place with little room.
struct Corner {
    folder: PathBuf,
    way: Way,
}

impl Corner {
    fn data_dir(&self) -> PathBuf {
        self.folder.join("n1")
    }

    /// Fills the disk up but for so much.
    fn leave(&self, kib: u64) {
        if self.way == Way::Mounted {
            let path = self.folder.join("ballast");
            let mut ballast = fs::File::create(&path).expect("an empty file fits");
            let block = vec![7; 64 * 1024];
            while ballast.write_all(&block).is_ok() {}
            let length = ballast.metadata().expect("it is open").len();
            let length = length.saturating_sub(kib * 1024);
            ballast.set_len(length).expect("a file can be made shorter");
        }
    }

    /// Makes room again.
    fn relieve(&self, size: &str) {
        if self.way == Way::Mounted {
            let _none_yet = fs::remove_file(self.folder.join("ballast"));
            let remounted = Command::new("mount")
                .args(["-o", &format!("remount,size={size}")])
                .arg(&self.folder)
                .status();
            assert!(
                remounted
                    .expect("it was mounted by the same program")
                    .success()
            );
        }
    }

    /// Starts a node in this corner: with so much room, or with all there is.
    fn start(&self, file_kib: Option<u64>) -> Life {
        let node = Plan::new(self.folder.clone(), 1)
            .expect("hms-node is built")
            .binary;
        let limit = match (self.way, file_kib) {
            // The unit is half a KiB. Without the trap the first long write would kill.
            (Way::Limited, Some(kib)) => format!("trap '' XFSZ; ulimit -f {};", 2 * kib),
            (Way::Limited, None) | (Way::Mounted, _) => String::new(),
        };
        let data_dir = self.data_dir();
        let _none_yet = fs::remove_file(data_dir.join("ready.json"));
        let mut child = Command::new("sh")
            .args(["-c", &format!("{limit} exec \"$0\" --data-dir \"$1\"")])
            .arg(node)
            .arg(&data_dir)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell can be run");
        let mut stderr = child.stderr.take().expect("it was asked for");
        let words = std::thread::spawn(move || {
            let mut words = String::new();
            // What is no text is not what the node says.
            let _ = stderr.read_to_string(&mut words);
            words
        });
        Life {
            child,
            words: Some(words),
            ready: data_dir.join("ready.json"),
        }
    }
}

/// A node's life.
struct Life {
    child: Child,
    words: Option<JoinHandle<String>>,
    ready: PathBuf,
}

impl Life {
    /// A client, once the node is ready; `None` if it ended before.
    async fn client(&mut self) -> Option<Client> {
        let deadline = Instant::now() + SOON;
        loop {
            if let Ok(bytes) = fs::read(&self.ready) {
                let told: serde_json::Value =
                    serde_json::from_slice(&bytes).expect("it is written as a whole");
                let gateway = told["gateway"].as_str().expect("it names its gateway");
                let client = Client::new(&[gateway]).expect("it is an address");
                return Some(client.within(Duration::from_secs(20)));
            }
            if self.child.try_wait().expect("it is a child").is_some() {
                return None;
            }
            assert!(Instant::now() < deadline, "neither ready nor refused");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The node has ended by itself, for want of room: it says so, with a code and a hint. Gives the code.
    async fn expect_full(mut self) -> String {
        let deadline = Instant::now() + SOON;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is a child") {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "the node goes on with a full disk"
            );
            tokio::time::sleep(LOOK_EVERY).await;
        };
        let words = self.words.take().expect("they are read once").join();
        let words = words.expect("reading does not panic");
        assert_eq!(status.code(), Some(1), "{words}");
        assert!(!words.contains("panicked"), "{words}");
        assert!(words.contains("hint: free space on this disk"), "{words}");
        let last = words.lines().find(|line| line.starts_with("hms-node: "));
        let code = last
            .and_then(|line| line.rsplit_once('['))
            .map(|(_, code)| code);
        let code = code.and_then(|code| code.strip_suffix(']'));
        let code = code.expect("the last words name a code").to_owned();
        assert!(
            code.starts_with("HMS-") && code.ends_with("-FULL"),
            "{words}"
        );
        code
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Goes through a test in a corner of each kind.
async fn in_a_corner(test: &str, go: impl AsyncFn(Corner)) {
    if let Some(folder) = std::env::var_os(MOUNTED) {
        let folder = PathBuf::from(folder);
        go(Corner {
            folder,
            way: Way::Mounted,
        })
        .await;
        return;
    }
    let folder = tempfile::tempdir().expect("there is room for a folder");
    if may_mount(folder.path()) {
        let own = std::env::current_exe().expect("this program is there");
        let status = mounting(folder.path(), "exec \"$1\" --exact \"$2\" --nocapture")
            .arg(own)
            .arg(test)
            .env(MOUNTED, folder.path())
            .status();
        assert!(
            status.expect("it could be run before").success(),
            "{test} on a small disk"
        );
    }
    go(Corner {
        folder: folder.path().to_owned(),
        way: Way::Limited,
    })
    .await;
}

/// A command that goes on where the folder is a small disk, which nobody else sees.
fn mounting(folder: &Path, then: &str) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
        .arg(format!(
            "mount -t tmpfs -o size={DISK} none \"$0\" && {then}"
        ))
        .arg(folder);
    command
}

fn may_mount(folder: &Path) -> bool {
    let tried = mounting(folder, "true").stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

async fn submit(client: &Client, input: usize) -> Result<TaskId, hms_client::ClientError> {
    let skill = "echo".parse().expect("a valid name");
    let work = Submission::new(skill, vec![7; input]);
    Ok(client.submit(work).await?.task)
}

async fn expect_kept(client: &Client, tasks: &[TaskId]) {
    for task in tasks {
        let kept = client.task(*task).await;
        assert!(
            kept.is_ok(),
            "{task} was acknowledged and is lost: {kept:?}"
        );
    }
}

/// MSH-10, TST-4: the disk becomes full under load.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_becomes_full_stops_the_node_and_loses_nothing() {
    let test = "full_disk::a_disk_that_becomes_full_stops_the_node_and_loses_nothing";
    in_a_corner(test, async |corner| {
        let mut life = corner.start(Some(FILE_KIB));
        let client = life.client().await.expect("there is room to start");
        let impatient = client.within(Duration::from_secs(2));
        let mut acknowledged = Vec::new();
        while let Ok(task) = submit(&impatient, INPUT_BYTES).await {
            acknowledged.push(task);
            assert!(
                acknowledged.len() < TASKS_MAX,
                "the disk is larger than planned"
            );
        }
        assert!(!acknowledged.is_empty(), "nothing fits");
        assert_eq!(life.expect_full().await, "HMS-STORE-FULL");

        corner.relieve(LARGE_DISK);
        let mut life = corner.start(None);
        let client = life.client().await.expect("there is room again");
        expect_kept(&client, &acknowledged).await;
        submit(&client, INPUT_BYTES).await.expect("it goes on");
    })
    .await;
}

/// MSH-10, TST-4: the disk is full when the node starts, for the first time or again.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_at_the_start_is_refused_and_left_as_it_was() {
    let test = "full_disk::a_disk_that_is_full_at_the_start_is_refused_and_left_as_it_was";
    in_a_corner(test, async |corner| {
        corner.leave(0);
        corner.start(Some(0)).expect_full().await;
        corner.relieve(LARGER_DISK);

        let mut life = corner.start(None);
        let client = life.client().await.expect("there is room");
        let task = submit(&client, 64).await.expect("there is room");
        drop(life);

        let mut codes = Vec::new();
        // More and more room: each start fails somewhere else, until one succeeds.
        for kib in (0..).map(|step| if step == 0 { 0 } else { 2_u64 << step }) {
            corner.leave(kib);
            let mut life = corner.start(Some(kib));
            if let Some(client) = life.client().await {
                expect_kept(&client, &[task]).await;
                break;
            }
            codes.push(life.expect_full().await);
            assert!(codes.len() < 20, "no room is enough: {codes:?}");
        }
        assert!(!codes.is_empty(), "the disk was never full");
        corner.relieve(LARGER_DISK);
        let mut life = corner.start(None);
        let client = life.client().await.expect("there is room again");
        expect_kept(&client, &[task]).await;
    })
    .await;
}
