//! Submissions that look like proofs and are none: each is refused, and says why.

use super::{claim, volume};
use crate::agent::skills::metamath::kernel::check;
use crate::agent::skills::metamath::prover::prove;
use crate::agent::skills::metamath::shelf::{Shelf, Volume};

/// Checks a submission as a proof of itself, and gives the refusal's code and text.
fn refusal(volume: &Volume, submission: &str) -> (&'static str, String) {
    let claim = claim(volume, submission);
    let refusal = check(volume, &claim, &claim.submission).unwrap_err();
    (refusal.code(), refusal.to_string())
}

/// A submission, the code that refuses it, and what the refusal names.
const TRICKS: &[(&str, &str, &str)] = &[
    ("x $p |- ( p -> q ) $= ? $.", "HMS-PROOF-INCOMPLETE", "x"),
    (
        "x $p |- ( p -> q ) $= wff-p ? $.",
        "HMS-PROOF-INCOMPLETE",
        "x",
    ),
    (
        "x $p |- ( p -> q ) $= ( ? ) A $.",
        "HMS-PROOF-INCOMPLETE",
        "x",
    ),
    (
        "x $p |- ( p -> q ) $= wff-p self $.",
        "HMS-PROOF-WRONG",
        "( p -> p )",
    ),
    (
        "x $p |- ( p -> p ) $= self $.",
        "HMS-PROOF-WRONG",
        "needs more hypotheses",
    ),
    (
        "x $p |- ( p -> p ) $= wff-p self wff-p $.",
        "HMS-PROOF-WRONG",
        "instead of",
    ),
    (
        "x $p |- ( p -> p ) $= x $.",
        "HMS-PROOF-WRONG",
        "not an assertion proved before",
    ),
    (
        "x $p |- p $= y $. y $p |- p $= x $.",
        "HMS-PROOF-WRONG",
        "not an assertion proved before",
    ),
    // metamath-rs would read this as a step whose hypotheses are named, which no standard knows.
    (
        "x $p |- ( p -> p ) $= self=wff-p self $.",
        "HMS-PROOF-WRONG",
        "does not belong in a proof",
    ),
    (
        "x $p |- ( p -> p ) $= a:wff-p self $.",
        "HMS-PROOF-WRONG",
        "does not belong in a proof",
    ),
    (
        "x $p |- ( p -> p ) $= ( self ) A? $.",
        "HMS-PROOF-INCOMPLETE",
        "x",
    ),
    (
        "x $p |- ( p -> p ) $= ( self ) AZZB $.",
        "HMS-PROOF-WRONG",
        "does not belong",
    ),
    (
        "x $p |- ( p -> p ) $= ( self ) AU $.",
        "HMS-PROOF-WRONG",
        "points to nothing",
    ),
    (
        "x $p |- ( p -> p ) $= ( self ) YYYYYYYYYYYYYYYYYYYYA $.",
        "HMS-PROOF-WRONG",
        "points to nothing",
    ),
    (
        "x $p |- ( p -> p ) $= ( self $.",
        "HMS-PROOF-WRONG",
        "\"(\"",
    ),
    (
        "self $p |- ( p -> p ) $= wff-p self $.",
        "HMS-PROOF-LABEL",
        "\"self\"",
    ),
    (
        "wff-p $p |- ( p -> p ) $= wff-p self $.",
        "HMS-PROOF-LABEL",
        "\"wff-p\"",
    ),
    (
        "${ self $e |- p $. x $p |- p $= self $. $}",
        "HMS-PROOF-LABEL",
        "\"self\"",
    ),
    (
        "${ $v p $. x $p |- p $= x $. $}",
        "HMS-PROOF-SYMBOL",
        "\"p\"",
    ),
    (
        "${ $v -> $. x $p |- p $= x $. $}",
        "HMS-PROOF-SYMBOL",
        "\"->\"",
    ),
    (
        "${ w $f |- p $. x $p |- p $= w $. $}",
        "HMS-PROOF-SYMBOL",
        "\"p\"",
    ),
    ("x $p |- zebra $= ? $.", "HMS-PROOF-SYMBOL", "\"zebra\""),
    ("x $p p |- $= ? $.", "HMS-PROOF-SYMBOL", "\"p\""),
];

#[test]
fn every_trick_is_refused_with_its_own_code() {
    let volume = volume();
    for (submission, code, needle) in TRICKS {
        let (found, message) = refusal(&volume, submission);
        assert_eq!(found, *code, "{submission}: {message}");
        assert!(message.contains(needle), "{submission}: {message}");
    }
}

#[test]
fn a_proof_of_something_else_is_no_proof_of_the_claim() {
    let volume = volume();
    let wanted = claim(&volume, "${ x.1 $e |- p $. x $p |- ( p -> q ) $= ? $. $}");
    for other in [
        "x $p |- ( p -> p ) $= wff-p self $.",
        "${ x.1 $e |- q $. x $p |- ( p -> q ) $= wff-q wff-p x.1 keep $. $}",
        "${ x.1 $e |- p $. x.2 $e |- q $. x $p |- ( p -> q ) $= wff-q wff-p x.2 keep $. $}",
        "${ $d p q $. x.1 $e |- p $. x $p |- ( p -> q ) $= ? $. $}",
        "${ x.1 $e |- p $. y $p |- ( p -> q ) $= ? $. $}",
    ] {
        let refusal = check(&volume, &wanted, other).unwrap_err();
        assert_eq!(refusal.code(), "HMS-PROOF-STATEMENT", "{other}");
    }
    let cheat = "cheat $a |- ( p -> q ) $. x $p |- ( p -> q ) $= wff-p wff-q cheat $.";
    assert_eq!(
        check(&volume, &wanted, cheat).unwrap_err().code(),
        "HMS-PROOF-AXIOM"
    );
}

#[test]
fn a_short_proof_of_an_endless_statement_is_refused_before_it_grows() {
    let volume = volume();
    // Each step doubles the formula; forty of them would fill every memory there is.
    let doubled = format!("( wff-if self ) A{}C", "ZEEB".repeat(40));
    let submission = format!("x $p |- ( p -> p ) $= {doubled} $.");
    let (code, message) = refusal(&volume, &submission);
    assert_eq!(code, "HMS-PROOF-WRONG");
    assert!(
        message.contains("handles more than") || message.contains("points"),
        "{message}"
    );
}

#[test]
fn lemmas_of_a_submission_count_only_if_they_are_proved() {
    let volume = volume();
    let proved = "${ l $p |- ( p -> p ) $= wff-p self $. $} x $p |- ( q -> q ) $= wff-q l $.";
    let claim_with_lemma = claim(&volume, proved);
    check(&volume, &claim_with_lemma, &claim_with_lemma.submission).unwrap();
    let open = "l $p |- ( p -> q ) $= ? $. x $p |- ( q -> p ) $= wff-q wff-p l $.";
    assert_eq!(refusal(&volume, open).0, "HMS-PROOF-INCOMPLETE");
}

#[test]
fn distinct_variables_must_stay_distinct() {
    let database = "$c wff |- = $. $v x y z $. vx $f wff x $. vy $f wff y $. vz $f wff z $.
        ${ $d x y $. ax $a |- = x y $. $}";
    let mut shelf = Shelf::default();
    let volume = shelf
        .add(database.as_bytes())
        .and_then(|digest| shelf.find(digest))
        .unwrap();
    let given = claim(&volume, "${ $d x z $. t $p |- = x z $= vx vz ax $. $}");
    check(&volume, &given, &given.submission).unwrap();
    let (code, message) = refusal(&volume, "t $p |- = x z $= vx vz ax $.");
    assert_eq!(code, "HMS-PROOF-WRONG");
    assert!(message.contains("x and z to be distinct"), "{message}");
    let same = refusal(&volume, "t $p |- = x x $= vx vx ax $.");
    assert!(same.1.contains("x and x to be distinct"), "{}", same.1);
    // The prover knows it too.
    let goal = claim(&volume, "t $p |- = x x $= ? $.");
    assert!(prove(&volume, &goal, &|| false).is_err());
}
