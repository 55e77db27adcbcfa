//! What is refused of a manifest, and why.

use super::*;
use crate::drill::catalogue::find;

/// What is said of the catalogue's first drill when a line of it is another one.
fn refused(from: &str, to: &str) -> String {
    let text = find("equivocate").unwrap().to_toml();
    assert!(text.contains(from), "{text}");
    match Drill::read(&text.replacen(from, to, 1)) {
        Ok(_) => "it is read".to_owned(),
        Err(fault) => fault.to_string(),
    }
}

#[test]
fn a_manifest_that_contradicts_itself_is_refused_with_the_reason() {
    let by = "by = \"n4\"";
    let attack = "kind = \"equivocate\"";
    let cases = [
        (
            "name = \"equivocate\"",
            "name = \"Equivocate!\"",
            "small letters",
        ),
        ("worlds = [\"testnet\", \"sim\"]", "worlds = []", "no world"),
        ("voters = 4", "voters = 0", "votes at least"),
        ("workers = 1", "workers = 5000", "1 to 1000 nodes"),
        ("attack_ms = 6000", "attack_ms = 0", "attack_ms is 0"),
        (by, "by = \"n9\"", "no node n9 in a mesh of 5"),
        (by, "by = \"somebody\"", "no node somebody"),
        (attack, "kind = \"something-else\"", "unknown variant"),
        (
            attack,
            "kind = \"delay\"\nleast_ms = 9\nmost_ms = 3",
            "9 ms at least and 3 ms at most",
        ),
        (
            "verdict = \"caught\"",
            "verdict = \"failed\"",
            "nobody expects",
        ),
        (
            "verdict = \"caught\"",
            "verdict = \"not-tolerated\"",
            "does not say why",
        ),
        (
            "alarm = \"node-convicted\"",
            "alarm = \"nothing\"",
            "nothing is to be noticed",
        ),
        ("voters = 4", "voters = 3", "and it stands 0"),
        ("title = ", "titel = ", "titel"),
    ];
    for (from, to, expected) in cases {
        let said = refused(from, to);
        assert!(said.contains(expected), "{to}: {said}");
    }
}

#[test]
fn a_trigger_that_can_never_fire_is_refused() {
    let always = "[method.when]\nafter_ms = 0\n";
    let cases = [
        ("for_ms = 0", "never fires"),
        ("permille = 0", "never fires"),
        ("permille = 2000", "above 1000"),
        ("after_ms = 6000", "when the attack of 6000 ms is over"),
        ("toward = [\"n4\"]", "toward itself"),
        ("toward = [\"n77\"]", "no node n77"),
        ("later = 3", "unknown field"),
    ];
    for (when, expected) in cases {
        let said = refused(always, &format!("[method.when]\n{when}\n"));
        assert!(said.contains(expected), "{when}: {said}");
    }
}

#[test]
fn a_live_mesh_is_touched_by_what_undoes_itself_alone_and_in_few_places() {
    let refused = |name: &str, radius: usize| {
        let refused = find(name).unwrap().check_live(radius);
        refused.err().map(|fault| fault.to_string())
    };
    assert_eq!(refused("pause-leader", 1), None);
    let far = refused("pause-leader", 0).unwrap();
    assert!(far.contains("touches 1 nodes, and 0 are allowed"), "{far}");
    for name in [
        "equivocate",
        "stolen-operator-key",
        "damaged-ledger",
        "flood",
    ] {
        let kept = refused(name, 9).unwrap();
        assert!(kept.contains("not undone by itself"), "{name}: {kept}");
    }
}

#[test]
fn nodes_come_and_go_as_workers() {
    let drill = find("equivocate").unwrap();
    assert_eq!(drill.with_nodes(9).unwrap().mesh.workers, 5);
    let few = drill.with_nodes(3).unwrap_err();
    assert!(few.to_string().contains("needs 4 nodes at least"), "{few}");
    assert_eq!(drill.check_world(World::Sim), Ok(()));
}

#[test]
fn what_is_too_long_or_no_toml_is_refused() {
    let long = "#".repeat(MANIFEST_BYTES_MAX + 1);
    for text in [long.as_str(), "name =", ""] {
        let fault = Drill::read(text).unwrap_err();
        assert_eq!(fault.code(), "HMS-DRILL-UNREADABLE");
    }
}
