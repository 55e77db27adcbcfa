//! The rules that are shipped for Prometheus.

use std::collections::BTreeSet;

use hms_node::metrics::Metrics;

use crate::read;

const RULES: &str = "deploy/prometheus/hms.rules.yml";

/// What Prometheus makes of a histogram.
const SERIES_OF_A_HISTOGRAM: [&str; 3] = ["_bucket", "_sum", "_count"];

/// Names of metrics in a text: words that begin with `hms_`.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words
        .filter(|word| word.starts_with("hms_"))
        .map(str::to_owned)
        .collect()
}

/// OBS-1: whatever a rule looks at, a node exports.
#[test]
fn every_metric_of_a_rule_is_exported_by_a_node() {
    let metrics = Metrics::new();
    let exported = metrics.names();
    let named = names(&read(RULES));
    assert!(5 < named.len(), "{named:?}");
    for name in named {
        let mut series = SERIES_OF_A_HISTOGRAM
            .iter()
            .filter_map(|end| name.strip_suffix(end));
        let metric = series.next().unwrap_or(&name);
        assert!(
            exported.contains(metric),
            "{RULES} looks at {name}, which no node exports"
        );
    }
}

/// A rule may look at what another one records: those are names with colons.
#[test]
fn every_recorded_name_that_a_rule_looks_at_is_recorded() {
    let rules = read(RULES);
    let recorded: BTreeSet<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- record: "))
        .collect();
    let words =
        rules.split(|letter: char| !letter.is_ascii_alphanumeric() && !"_:".contains(letter));
    let used: BTreeSet<&str> = words.filter(|word| word.starts_with("hms:")).collect();
    assert_eq!(used, recorded);
}
