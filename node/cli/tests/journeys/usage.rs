//! What `hms` says when it is asked for nothing that a mesh could answer.

use serde_json::Value;

use crate::mesh::hms;

#[test]
fn help_and_version_are_answers_and_nonsense_is_not() {
    for (arguments, code) in [
        (&["--help"][..], 0),
        (&["task", "submit", "--help"], 0),
        (&["--version"], 0),
        (&["no-such-noun"], 64),
        (&["task", "show", "no-id"], 64),
        (&["task", "submit", "--skill", "echo", "--label", "x"], 64),
        (&["-a", "no address", "status"], 64),
    ] {
        let said = hms(arguments);
        assert_eq!(said.code, code, "{arguments:?}: {said:?}");
        assert_eq!(said.out.is_empty(), code != 0, "{arguments:?}: {said:?}");
    }
    let version = hms(&["version"]).done();
    assert_eq!(
        version.trim_end(),
        concat!("hms ", env!("CARGO_PKG_VERSION"))
    );
    let version = hms(&["version", "-o", "json"]).json();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_completion_script_knows_every_noun() {
    let script = hms(&["completions", "bash"]).done();
    for noun in [
        "status", "task", "prove", "service", "evidence", "testnet", "bench",
    ] {
        assert!(script.contains(&format!("hms,{noun})")), "{noun}");
    }
}

/// UI-6: a script learns from the exit code, a program from the object, a person from the hint.
#[test]
fn a_mesh_that_nobody_serves_is_unreachable_in_text_and_in_json() {
    // Port 1 belongs to nobody on a machine that runs tests.
    let asked = ["-a", "127.0.0.1:1", "-t", "1s", "status"];
    let said = hms(&asked);
    assert_eq!(said.code, 6, "{said:?}");
    assert!(said.err.contains("hint: "), "{said:?}");
    let said = hms(&[&asked[..], &["-o", "json"]].concat());
    assert_eq!(said.code, 6, "{said:?}");
    let fault: Value = serde_json::from_str(&said.err).expect("a fault in JSON");
    assert_eq!(fault["error"]["code"], "HMS-UNREACHABLE");
}
