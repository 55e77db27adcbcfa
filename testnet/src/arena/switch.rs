//! A dead man's switch: what a drill has paused goes on when the drill is gone, however it went.
//!
//! Whoever pauses a process of a mesh that it did not start may be killed before it lets that process go on. So a second
//! process, in a group of its own, waits for the first one to end: the pipe between them closes, and it sends the signal.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

/// Waits for the end of its input, and lets the process go on whose number it was given.
const SCRIPT: &str = "read -r _; kill -CONT \"$1\"";

/// Lets a process go on when it is dropped, and when whoever holds it dies.
#[derive(Debug)]
pub(super) struct Switch {
    child: Child,
}

impl Switch {
    /// Watches over a process that is about to be paused.
    pub(super) fn over(pid: u32) -> io::Result<Self> {
        let child = Command::new("sh")
            .args(["-c", SCRIPT, "hms-drill-switch", &pid.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { child })
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        if let Err(error) = self.child.wait() {
            tracing::warn!(%error, "a switch of a drill is not waited for");
        }
    }
}
