//! AGX-3, VER-4: theorems are proved, wrong proofs are refused, and no trick makes a proof of what does not follow.

mod forgery;
mod tricks;

use std::path::{Path, PathBuf};

use hms_protocol::digest::Hash;
use hms_protocol::peer::Run;
use hms_protocol::proof::submission::Submission;
use hms_protocol::proof::{Claim, database_offer, hash_database, split_claims};
use hms_protocol::task::{Outcome, Report, TaskResult};
use hms_protocol::verdict::Finding;

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
