//! TST-3: a run that breaks a promise is shrunk to a script, which breaks it again, and in which nothing can be missed.

use std::mem::discriminant;

use hms_tests::golden::seeded;
use hms_tests::golden::stage::Stage;
use hms_tests::sim::scenario::{Kind, Scenario};
use hms_tests::sim::shrink::shrink;

use crate::{SEEDS_TO_SEE, is_unsafe};

#[test]
fn what_dishonest_disks_break_is_shrunk_to_what_cannot_be_missed() {
    check(Kind::DishonestDisks);
}

#[test]
fn what_two_liars_break_is_shrunk_to_what_cannot_be_missed() {
    check(Kind::TwoLiars);
}

fn check(kind: Kind) {
    let drawn = (0..SEEDS_TO_SEE).map(|seed| Scenario::draw(kind, seed));
    let whole = drawn.into_iter().find(|it| is_unsafe(&it.run()));
    let whole = whole.expect("no mesh can stand this");
    let shrunk = shrink(whole.clone()).expect("it breaks a promise, as before");
    let (small, broken) = (&shrunk.scenario, shrunk.outcome.broken.as_ref());
    let broken = broken.expect("what is shrunk breaks a promise");
    assert!(small.fate.blows.len() < whole.fate.blows.len());
    assert!(small.cast.requests < whole.cast.requests);

    let script = seeded::write(&shrunk);
    let replayed = goldenscript::generate(&mut Stage::default(), &script);
    let replayed = replayed.expect_err(&script).to_string();
    assert!(replayed.contains(&format!("{broken:?}")), "{replayed}");

    for missing in 0..small.fate.blows.len() {
        let mut smaller = small.clone();
        smaller.fate.blows.remove(missing);
        let outcome = smaller.run();
        let same = outcome.broken.as_ref().map(discriminant) == Some(discriminant(broken));
        assert!(!same, "blow {missing} can be missed:\n{script}");
    }
}
