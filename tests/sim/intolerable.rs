//! What no mesh can stand. The oracle must see it: one that never complains proves nothing.

use hms_tests::golden::stage::Stage;

/// B18: of three voters none may lie. One whose disk is put back has forgotten what it has signed, and goes on with a voter
/// that never knew it: two histories are certified. With the disk that it had, it is not.
#[test]
fn the_oracle_sees_that_one_disk_of_three_is_of_the_past() {
    let play = |disk: &str| {
        let lines = [
            "mesh voters=3",
            "copy n3",
            "cut n2",
            "submit t1",
            "kill n3",
            disk,
            "kill n1",
            "mend n2",
            "start n3",
            "run 5s",
            "start n1",
            "run 3s",
            "---",
        ];
        goldenscript::generate(&mut Stage::default(), &lines.join("\n"))
    };
    let kept = play("");
    assert!(kept.is_ok(), "{kept:?}");
    let broken = play("rewind n3").unwrap_err().to_string();
    assert!(
        broken.contains("a promise was broken: Diverged"),
        "{broken}"
    );
}

/// B20: a clock that stands still while its host does, lets the host believe in a lease that has ended. With one that
/// goes on meanwhile, it does not.
#[test]
fn the_oracle_sees_that_leases_outlive_a_clock_that_stood_still() {
    expect_two_holders("drift n4 to 0", &["sleep n4 for 9s", "run 8s"]);
}

/// Fences rest on clocks that run at about the same speed. With one that does not, two nodes hold one lease, and the
/// oracle must see it; with the same cut and a right clock, they do not.
#[test]
fn the_oracle_sees_that_leases_outlive_a_slow_clock() {
    expect_two_holders("slow n4", &["cut n4", "run 9s"]);
}

/// A node with a lease is away for a while: with a right clock it knows, with a wrong one two nodes hold the lease.
fn expect_two_holders(clock: &str, away: &[&str]) {
    let play = |clock: &str| {
        let begins = [
            "mesh voters=3 workers=2",
            "agent a4 at n4 skills=nap",
            "agent a5 at n5 skills=nap",
            "submit t1 skill=nap input=30000 attempt=50s",
            "until t1 running",
            clock,
        ];
        let lines = [&begins[..], away, &["---"]].concat();
        goldenscript::generate(&mut Stage::default(), &lines.join("\n"))
    };
    let kept = play("");
    assert!(kept.is_ok(), "{kept:?}");
    let broken = play(clock)
        .expect_err("no lease survives a wrong clock")
        .to_string();
    let expected = "a promise was broken: TwoHolders";
    assert!(broken.contains(expected), "{broken}");
}
