//! BYZ-1: the adversary is a node like others until it has orders: it takes the same command line, and refuses the same.

use std::process::Command;

fn adversary(arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hms-adversary"));
    let output = command.args(arguments).output();
    output.expect("the program of this package is built")
}

#[test]
fn it_takes_the_command_line_of_a_node() {
    let help = adversary(&["--help"]);
    assert!(help.status.success(), "{help:?}");
    let text = String::from_utf8_lossy(&help.stdout);
    for flag in ["--data-dir", "--join", "--role"] {
        assert!(text.contains(flag), "{text}");
    }
    let wrong = adversary(&["--no-such-flag"]);
    assert_eq!(wrong.status.code(), Some(64), "{wrong:?}");
}
