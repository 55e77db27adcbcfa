//! Whatever tokens are put together, they prove nothing false and make nothing panic.

use hms_protocol::proof::submission::Submission;
use proptest::prelude::*;

use super::{claim, text, volume};
use crate::agent::skills::metamath::kernel::check;
use crate::agent::skills::metamath::prover::prove;
use crate::agent::skills::metamath::shelf::Volume;

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
