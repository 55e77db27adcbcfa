//! A process that runs, has ended and is gone.

use hms_protocol::service::Sight;

use super::check;

#[tokio::test]
async fn a_process_is_seen_running_and_gone() {
    // A name that nothing else on the machine has.
    let folder = tempfile::tempdir().unwrap();
    let name = format!("watched-{}", std::process::id());
    let program = folder.path().join(&name);
    std::fs::copy("/bin/sleep", &program).unwrap();
    let mut child = std::process::Command::new(&program)
        .arg("1000")
        .spawn()
        .unwrap();
    let pid_file = folder.path().join("pid");
    std::fs::write(&pid_file, format!("{}\n", child.id())).unwrap();
    let pid_file = pid_file.to_str().unwrap();
    let command = format!("{name} 1000");
    let by_pid: &[(&str, &str)] = &[("pid_file", pid_file)];
    check(
        "probe.process",
        &[
            (by_pid, Sight::Up, "runs"),
            (&[("name", &name)], Sight::Up, "matches"),
            (&[("command", &command)], Sight::Up, "matches"),
            (&[("name", &name), ("count", "2")], Sight::Down, "1 of 2"),
        ],
    )
    .await;
    child.kill().unwrap();
    // Ended and not yet collected is not running.
    check("probe.process", &[(by_pid, Sight::Down, "does not run")]).await;
    child.wait().unwrap();
    check(
        "probe.process",
        &[
            (by_pid, Sight::Down, "does not run"),
            (&[("name", &name)], Sight::Down, "no process matches"),
            (&[("command", &command)], Sight::Down, "no process matches"),
            (
                &[("pid_file", "/nonexistent")],
                Sight::Down,
                "cannot be read",
            ),
        ],
    )
    .await;
}
