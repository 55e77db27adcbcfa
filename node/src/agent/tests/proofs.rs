//! AGX-3, VER-4: theorems are proved, wrong proofs are refused, and no trick makes a proof of what does not follow.

use std::path::{Path, PathBuf};

use hms_protocol::digest::Hash;
use hms_protocol::peer::Run;
use hms_protocol::proof::submission::Submission;
use hms_protocol::proof::{Claim, database_offer, hash_database, split_claims};
use hms_protocol::task::{Outcome, Report, TaskResult};
use hms_protocol::verdict::Finding;
use proptest::prelude::*;

use super::stage::{Stage, dispatch, encode_claim, wish};
use crate::agent::Order;
use crate::agent::skill::success;
use crate::agent::skills::built_in;
use crate::agent::skills::metamath::kernel::check;
use crate::agent::skills::metamath::prover::prove;
use crate::agent::skills::metamath::shelf::{Shelf, Volume};

fn theorems(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../theorems")
        .join(file)
}

fn text(file: &str) -> String {
    std::fs::read_to_string(theorems(file)).unwrap()
}

fn volume() -> std::sync::Arc<Volume> {
    let shelf = Shelf::open(&[theorems("base.mm")]).unwrap();
    shelf
        .find(hash_database(text("base.mm").as_bytes()))
        .unwrap()
}

fn claim(volume: &Volume, submission: &str) -> Claim {
    split_claims(submission, volume.digest())
        .unwrap()
        .pop()
        .unwrap()
}

/// Checks a submission as a proof of itself, and gives the refusal's code and text.
fn refusal(volume: &Volume, submission: &str) -> (&'static str, String) {
    let claim = claim(volume, submission);
    let refusal = check(volume, &claim, &claim.submission).unwrap_err();
    (refusal.code(), refusal.to_string())
}

#[test]
fn every_goal_of_the_repository_is_proved_and_the_kernel_agrees() {
    let volume = volume();
    let claims = split_claims(&text("goals.mm"), volume.digest()).unwrap();
    assert!(claims.len() >= 24, "{} goals", claims.len());
    let open = |claim: &&Claim| claim.submission.contains("$= ? $.");
    assert!(claims.iter().filter(open).count() >= 20);
    for claim in &claims {
        let found = prove(&volume, claim, &|| false).unwrap();
        assert!(!found.submission.contains('?'));
        check(&volume, claim, &found.submission).unwrap();
    }
}

#[test]
fn a_search_gives_the_same_proof_every_time() {
    let volume = volume();
    let goal = claim(&volume, "x $p |- ( ( p \\/ q ) -> ( ~ p -> q ) ) $= ? $.");
    let first = prove(&volume, &goal, &|| false).unwrap();
    assert_eq!(prove(&volume, &goal, &|| false).unwrap(), first);
}

#[test]
fn what_does_not_follow_is_not_found_and_a_search_can_be_given_up() {
    let volume = volume();
    let falsehood = claim(&volume, "x $p |- ( p -> q ) $= ? $.");
    let error = prove(&volume, &falsehood, &|| false).unwrap_err();
    assert!(
        error.to_string().starts_with("no proof of x was found"),
        "{error}"
    );
    let goal = claim(&volume, "x $p |- ( ( ( p -> q ) -> p ) -> p ) $= ? $.");
    let error = prove(&volume, &goal, &|| true).unwrap_err();
    assert_eq!(error.to_string(), "the search for x was given up");
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

#[test]
fn a_database_that_does_not_verify_is_not_held() {
    let mut shelf = Shelf::default();
    for (database, code) in [
        (
            &b"$c wff |- $. $v p $. wp $f wff p $. x $p |- p $= ? $."[..],
            "HMS-PROOF-DISPUTED",
        ),
        (
            b"$c wff |- $. $v p $. wp $f wff p $. x $p |- p $= wp $.",
            "HMS-PROOF-DISPUTED",
        ),
        (b"$[ other.mm $]", "HMS-PROOF-INCLUSION"),
        (b"${ $c wff $. $}", "HMS-PROOF-SYMBOL"),
        (b"\xff", "HMS-PROOF-BYTE"),
    ] {
        assert_eq!(shelf.add(database).unwrap_err().code(), code);
    }
}

/// AGX-3, VER-1: the skill, which knows its back end by the trait only, proves by searching, another agent's kernel accepts
/// the report, and a node without the database says that it cannot judge.
#[tokio::test(flavor = "multi_thread")]
async fn a_theorem_goes_through_the_skills_and_a_false_report_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let skills = built_in(&[theorems("base.mm")]).unwrap();
    let mut stage = Stage::open(&folder, skills, vec![wish(1, 2)]);
    let agent = stage.hear_raised().await;
    let base = hash_database(text("base.mm").as_bytes());
    assert!(agent.offers.contains(&database_offer(base)));

    let goal = "goal $p |- ( ( p /\\ q ) -> ( q /\\ p ) ) $= ? $.";
    let claim = split_claims(goal, base).unwrap().pop().unwrap();
    let result = stage
        .run(&agent, "prove.metamath", &encode_claim(&claim))
        .await;
    assert_eq!(result.outcome, Outcome::Success, "{}", result.stderr);
    assert!(result.trace.contains("goal: found"), "{}", result.trace);

    let accepted = judge(&mut stage, &agent, &claim, result).await;
    assert_eq!(accepted, Finding::Accepted);
    let forged = Submission::parse(goal)
        .unwrap()
        .with_proof("goal", vec!["wff-p".to_owned()]);
    let lie = success(forged.render().into_bytes());
    let rejected = judge(&mut stage, &agent, &claim, lie).await;
    assert!(
        matches!(&rejected, Finding::Rejected(reason) if reason.starts_with("HMS-PROOF-WRONG"))
    );
    let gibberish = judge(&mut stage, &agent, &claim, success(vec![0xff; 9])).await;
    assert!(matches!(gibberish, Finding::Rejected(_)));
    let elsewhere = Claim {
        base: Hash::default(),
        ..claim.clone()
    };
    let unknown = judge(&mut stage, &agent, &elsewhere, success(Vec::new())).await;
    assert!(matches!(unknown, Finding::Unavailable(_)));

    let wrong = split_claims(&text("wrong.mm"), base)
        .unwrap()
        .pop()
        .unwrap();
    let refused = stage
        .run(&agent, "prove.metamath", &encode_claim(&wrong))
        .await;
    assert_eq!(refused.outcome, Outcome::Failure);
    assert!(
        refused
            .stderr
            .starts_with("HMS-PROOF-WRONG: the proof of converse"),
        "{}",
        refused.stderr
    );
    stage.close().await;
}

async fn judge(
    stage: &mut Stage,
    agent: &hms_protocol::agent::AgentCertificate,
    claim: &Claim,
    result: TaskResult,
) -> Finding {
    let mut order = dispatch(agent.agent, "verify.metamath", &encode_claim(claim));
    let Run::Attempt { task, attempt } = order.run else {
        unreachable!("dispatch gives attempts")
    };
    let report = Report {
        task,
        attempt,
        agent: agent.agent,
        result,
    };
    let digest = report.digest();
    order.run = Run::Check {
        task,
        attempt,
        round: 1,
        verifier: agent.agent,
    };
    order.report = Some(report);
    stage.order(Order::Start(order)).await;
    let verdict = stage.hear_verdict(agent).await;
    assert_eq!(verdict.report_digest, digest);
    verdict.finding
}

/// Tokens from which a forger might build a proof.
fn forged_token() -> impl Strategy<Value = String> {
    let labels = text("base.mm")
        .split_whitespace()
        .filter(|word| word.contains('-') || word.len() > 3)
        .map(str::to_owned)
        .collect::<Vec<String>>();
    prop_oneof![
        8 => proptest::sample::select(labels),
        4 => proptest::sample::select(vec!["wff-p", "wff-q", "wff-if", "wff-not", "self", "detach", "(", ")"])
            .prop_map(str::to_owned),
        1 => "[A-Z?]{1,8}",
        1 => "[ -~]{1,6}".prop_map(|text| text.replace([' ', '$'], "x")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Nobody proves what is false, and nothing that is tried makes the kernel panic.
    #[test]
    fn no_tokens_prove_a_falsehood(proof in proptest::collection::vec(forged_token(), 1..40)) {
        let volume = shared_volume();
        let open = claim(volume, "x $p |- ( p -> q ) $= ? $.");
        let forged = format!("x $p |- ( p -> q ) $= {} $.", proof.join(" "));
        prop_assert!(check(volume, &open, &forged).is_err());
    }

    /// A proof with one token changed is refused, unless it still proves the claim for both readers.
    #[test]
    fn a_damaged_proof_never_panics(place in 0_usize..200, token in forged_token()) {
        let volume = shared_volume();
        let open = claim(volume, "x $p |- ( ( p \\/ q ) -> ( q \\/ p ) ) $= ? $.");
        let found = prove(volume, &open, &|| false).unwrap();
        let whole = Submission::parse(&found.submission).unwrap();
        let mut proof = whole.theorem("x").unwrap().proof.clone();
        let place = place % proof.len();
        proof[place] = token;
        let _ = check(volume, &open, &whole.with_proof("x", proof).render());
    }
}

fn shared_volume() -> &'static Volume {
    static VOLUME: std::sync::OnceLock<std::sync::Arc<Volume>> = std::sync::OnceLock::new();
    VOLUME.get_or_init(volume)
}
