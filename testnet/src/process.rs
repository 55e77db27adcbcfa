//! A process that can be proved to be ours.
//!
//! A process id alone proves nothing: ids are used again. Together with the time at which the kernel started the process
//! it names one process for ever, so that a stale manifest can never hit a stranger.

use std::fs;
use std::io;

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// A process: its id, and when the kernel started it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// The process id.
    pub pid: u32,
    /// Start time in clock ticks since boot: field 22 of `/proc/PID/stat`, proc(5).
    pub started_ticks: u64,
}

/// What the kernel says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pulse {
    /// It runs, waits, or is about to be gone.
    Running,
    /// It was stopped by a signal.
    Paused,
    /// It is gone, or only waits to be reaped.
    Gone,
}

impl ProcessId {
    /// The process that has this id now.
    pub fn of(pid: u32) -> io::Result<Self> {
        let (_, started_ticks) = read_stat(pid)?;
        Ok(Self { pid, started_ticks })
    }

    /// What the kernel says of it.
    pub fn pulse(self) -> Pulse {
        match read_stat(self.pid) {
            Ok((state, ticks)) if ticks == self.started_ticks => match state {
                'T' | 't' => Pulse::Paused,
                // The first thread is dead, but others of a killed process may still hold its files and ports.
                'Z' if 1 < count_threads(self.pid) => Pulse::Running,
                'Z' | 'X' | 'x' => Pulse::Gone,
                _ => Pulse::Running,
            },
            Ok(_) | Err(_) => Pulse::Gone,
        }
    }

    /// Sends a signal, if the process is still the one that we know. A process that is gone is no error.
    pub fn signal(self, signal: Signal) -> io::Result<()> {
        if self.pulse() == Pulse::Gone {
            return Ok(());
        }
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else {
            return Ok(());
        };
        match kill_process(pid, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Threads that a process has, dead ones that wait to be reaped among them.
fn count_threads(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
}

/// State letter and start time. The command name in field 2 may hold spaces and parentheses, so fields are counted from
/// the last parenthesis.
fn read_stat(pid: u32) -> io::Result<(char, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "unreadable /proc stat");
    let (_, fields) = text.rsplit_once(") ").ok_or_else(malformed)?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let state = fields
        .first()
        .and_then(|field| field.chars().next())
        .ok_or_else(malformed)?;
    let ticks = fields
        .get(19)
        .and_then(|field| field.parse().ok())
        .ok_or_else(malformed)?;
    Ok((state, ticks))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_is_running_then_paused_then_gone() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let process = ProcessId::of(child.id()).unwrap();
        assert_eq!(process.pulse(), Pulse::Running);

        process.signal(Signal::STOP).unwrap();
        while process.pulse() != Pulse::Paused {
            std::thread::yield_now();
        }
        process.signal(Signal::KILL).unwrap();
        child.wait().unwrap();
        assert_eq!(process.pulse(), Pulse::Gone);
        process.signal(Signal::KILL).unwrap();
    }

    #[test]
    fn a_reused_process_id_is_not_ours() {
        let own = ProcessId::of(std::process::id()).unwrap();
        let former = ProcessId {
            started_ticks: own.started_ticks + 1,
            ..own
        };
        assert_eq!(former.pulse(), Pulse::Gone);
    }
}
