//! What a run is worth: masked, caught, not tolerated, failed. Honest: what was not seen is not claimed.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::manifest::{Alarm, Drill};
use super::run::Run;

/// How a drill came out. The worse of two is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Whoever did it was named by evidence that anybody can check, and excluded. Nothing was lost.
    Caught,
    /// It did no harm. Nothing was lost.
    Masked,
    /// It did harm, and the mesh does not promise that it would not.
    NotTolerated,
    /// It did harm that the mesh promises to stand, or was not noticed as it should have been.
    Failed,
}

impl Verdict {
    /// Its name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Caught => "caught",
            Self::Masked => "masked",
            Self::NotTolerated => "not tolerated",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Judges a run. The findings say what was not as it should be; they are empty unless it failed, or was not tolerated.
pub fn judge(drill: &Drill, run: &Run) -> (Verdict, Vec<String>) {
    let findings: Vec<String> = [unsafe_findings(run), late_findings(drill, run)].concat();
    let caught = !run.convicted.is_empty() && run.wrongly_convicted.is_empty();
    // Nobody may be convicted who has done nothing, whatever else is not tolerated.
    let admitted =
        drill.expect.verdict == Verdict::NotTolerated && run.wrongly_convicted.is_empty();
    let verdict = if findings.is_empty() {
        if caught {
            Verdict::Caught
        } else {
            Verdict::Masked
        }
    } else if admitted {
        Verdict::NotTolerated
    } else {
        Verdict::Failed
    };
    (verdict, findings)
}

/// What must never be, whatever the drill.
fn unsafe_findings(run: &Run) -> Vec<String> {
    let mut findings = Vec::new();
    if let Some(broken) = &run.broken {
        findings.push(format!("a promise was broken: {broken}"));
    }
    if 0 < run.lost {
        findings.push(format!("{} acknowledged tasks are lost", run.lost));
    }
    if 0 < run.accepted_lies {
        findings.push(format!("{} lies were proved to clients", run.accepted_lies));
    }
    if !run.wrongly_convicted.is_empty() {
        findings.push(format!(
            "convicted though honest: {}",
            run.wrongly_convicted.join(" ")
        ));
    }
    findings
}

/// What this drill wants besides.
fn late_findings(drill: &Drill, run: &Run) -> Vec<String> {
    let expect = &drill.expect;
    let mut findings = Vec::new();
    if run.injected == 0 {
        findings.push("nothing was done to the mesh: the drill tested nothing".to_owned());
    }
    if run.acknowledged == 0 {
        findings.push("no client was served: the mesh was not at work".to_owned());
    }
    if expect.alarm != Alarm::Nothing && run.detected_ms.is_none() {
        findings.push(format!("it was not noticed ({})", expect.alarm.name()));
    }
    findings.extend(late("noticed", run.detected_ms, expect.detect_within_ms));
    if expect.verdict == Verdict::Caught && run.convicted.is_empty() {
        findings.push("nobody was convicted".to_owned());
    }
    findings.extend(late(
        "contained",
        run.contained_ms,
        expect.contain_within_ms,
    ));
    if run.recovered_ms.is_none() {
        findings.push("the mesh did not recover".to_owned());
    }
    findings.extend(late(
        "recovered",
        run.recovered_ms,
        Some(expect.recover_within_ms),
    ));
    findings.extend(late(
        "a client was served",
        Some(run.longest_wait_ms),
        expect.served_within_ms,
    ));
    if let (Some(most), Some(waited)) = (expect.slower_permille_max, &run.waited)
        && most * waited.before_p99_us < 1_000 * waited.during_p99_us
    {
        findings.push(format!(
            "clients waited {} µs at the 99th percentile, {} µs before: at most {most}/1000 of that are allowed",
            waited.during_p99_us, waited.before_p99_us
        ));
    }
    if let Some(most) = expect
        .leader_changes_max
        .filter(|most| *most < run.leader_changes)
    {
        findings.push(format!(
            "{} changes of leader: at most {most} are allowed",
            run.leader_changes
        ));
    }
    findings
}

fn late(what: &str, took_ms: Option<u64>, within_ms: Option<u64>) -> Option<String> {
    let (took_ms, within_ms) = (took_ms?, within_ms?);
    (within_ms < took_ms)
        .then(|| format!("{what} after {took_ms} ms: at most {within_ms} ms are allowed"))
}

impl Alarm {
    /// What is seen, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing is to be noticed",
            Self::NodeConvicted => "evidence convicts the node",
            Self::AgentConvicted => "evidence convicts the agent",
            Self::NodeLost => "the ledger counts the node as lost",
            Self::LeaderChanged => "another leader is elected",
            Self::Refused => "what was said is refused and counted",
            Self::StartRefused => "the node refuses to start and says why",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drill(expect: &str) -> Drill {
        let text = format!(
            r#"
name = "sample"
fault = "B1"
title = "t"
hypothesis = "h"
statement = "s"
worlds = ["sim"]
attack_ms = 1000
[mesh]
voters = 4
clients = 1
[[method]]
by = "n4"
attack = {{ kind = "equivocate" }}
[expect]
recover_within_ms = 1000
{expect}
[rollback]
does = "nothing"
complete = true
"#
        );
        Drill::read(&text).unwrap()
    }

    fn good() -> Run {
        Run {
            injected: 1,
            acknowledged: 1,
            detected_ms: Some(10),
            contained_ms: Some(20),
            recovered_ms: Some(30),
            convicted: vec!["n4".to_owned()],
            ..Run::default()
        }
    }

    const CAUGHT: &str = "verdict = \"caught\"\nalarm = \"node-convicted\"\ndetect_within_ms = 100\nleader_changes_max = 1";
    const MASKED: &str = "verdict = \"masked\"\nalarm = \"nothing\"";
    const NOT_TOLERATED: &str =
        "verdict = \"not-tolerated\"\nalarm = \"nothing\"\nbecause = \"it is so\"";

    #[test]
    fn what_went_as_it_should_is_caught_or_masked() {
        assert_eq!(
            judge(&drill(CAUGHT), &good()),
            (Verdict::Caught, Vec::new())
        );
        let masked = Run {
            convicted: Vec::new(),
            ..good()
        };
        assert_eq!(
            judge(&drill(MASKED), &masked),
            (Verdict::Masked, Vec::new())
        );
        // More than was promised is no fault.
        assert_eq!(judge(&drill(MASKED), &good()).0, Verdict::Caught);
        assert_eq!(judge(&drill(NOT_TOLERATED), &masked).0, Verdict::Masked);
    }

    #[test]
    fn every_promise_that_is_not_kept_makes_it_fail() {
        let spoilt = [
            Run {
                broken: Some("x".to_owned()),
                ..good()
            },
            Run { lost: 1, ..good() },
            Run {
                accepted_lies: 1,
                ..good()
            },
            Run {
                wrongly_convicted: vec!["n1".to_owned()],
                ..good()
            },
            Run {
                injected: 0,
                ..good()
            },
            Run {
                acknowledged: 0,
                ..good()
            },
            Run {
                detected_ms: None,
                ..good()
            },
            Run {
                detected_ms: Some(101),
                ..good()
            },
            Run {
                convicted: Vec::new(),
                ..good()
            },
            Run {
                recovered_ms: None,
                ..good()
            },
            Run {
                recovered_ms: Some(1_001),
                ..good()
            },
            Run {
                leader_changes: 2,
                ..good()
            },
        ];
        for run in spoilt {
            let (verdict, findings) = judge(&drill(CAUGHT), &run);
            assert_eq!((verdict, findings.len()), (Verdict::Failed, 1), "{run:?}");
        }
    }

    #[test]
    fn harm_is_not_tolerated_where_the_drill_says_so_but_for_the_innocent() {
        let harmed = Run { lost: 3, ..good() };
        assert_eq!(
            judge(&drill(NOT_TOLERATED), &harmed).0,
            Verdict::NotTolerated
        );
        let unjust = Run {
            wrongly_convicted: vec!["n1".to_owned()],
            ..good()
        };
        assert_eq!(judge(&drill(NOT_TOLERATED), &unjust).0, Verdict::Failed);
    }
}
