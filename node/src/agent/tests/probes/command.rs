//! Commands that end well, badly and not at all.

use std::time::Duration;

use hms_protocol::service::Sight;

use super::{check, check_late};

#[tokio::test]
async fn a_command_is_seen_ending_well_badly_and_not_at_all() {
    check(
        "probe.command",
        &[
            (&[("argv", "true")], Sight::Up, "exited with 0"),
            (&[("argv", "false")], Sight::Down, "exited with 1"),
            (
                &[("argv", "false"), ("exit", "1")],
                Sight::Up,
                "exited with 1",
            ),
            (
                &[("argv", r#"["sh","-c","echo too full >&2; exit 3"]"#)],
                Sight::Down,
                "exited with 3: too full",
            ),
            (
                &[("argv", "echo well"), ("contains", "well")],
                Sight::Up,
                "exited with 0",
            ),
            (
                &[("argv", "echo well"), ("contains", "ill")],
                Sight::Down,
                "did not say",
            ),
            (
                &[("argv", r#"["sh","-c","kill -9 $$"]"#)],
                Sight::Down,
                "killed by signal 9",
            ),
            (
                &[("argv", "no-such-program")],
                Sight::Down,
                "cannot be started",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_command_sees_nothing_of_the_node_and_may_say_too_much() {
    check(
        "probe.command",
        &[
            (
                &[
                    ("argv", r#"["sh","-c","env; pwd"]"#),
                    ("contains", "HMS_SANDBOX"),
                ],
                Sight::Up,
                "exited with 0",
            ),
            (
                &[("argv", r#"["sh","-c","test -z \"$HOME\""]"#)],
                Sight::Up,
                "exited with 0",
            ),
            // Prints for ever, until the limit of processor time, or as here of patience: what it says is thrown away.
            (
                &[("argv", r#"["sh","-c","yes | head -c 10000000"]"#)],
                Sight::Up,
                "exited with 0",
            ),
        ],
    )
    .await;
}

/// Whether a process is there and has not ended.
fn runs(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !matches!(
        status
            .rsplit(") ")
            .next()
            .and_then(|rest| rest.chars().next()),
        None | Some('Z')
    )
}

/// A command that hangs goes with all that it started, also with what has left its process group.
#[tokio::test]
async fn a_command_that_hangs_is_killed_with_its_grandchildren() {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("pids");
    let path = notes.to_str().unwrap();
    let script = format!(
        "sleep 1000 & echo $! >> {path}; setsid sleep 1000 & echo $! >> {path}; echo done >> {path}; wait"
    );
    let argv = serde_json::to_string(&["sh", "-c", &script]).unwrap();
    check_late("probe.command", &[("argv", &argv)], 1_000).await;
    let text = std::fs::read_to_string(&notes).unwrap();
    let pids: Vec<&str> = text.lines().filter(|line| *line != "done").collect();
    assert_eq!(pids.len(), 2, "{text}");
    for pid in pids {
        let gone = async {
            while runs(pid) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), gone)
            .await
            .expect("the process is killed");
    }
}
