//! `hms task why`: why a task is where it is, with every candidate and what speaks for or against it.

use hms_client::Explanation;
use hms_client::domain::id::TaskId;
use serde_json::{Value, json};

use super::words::state_tone;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::screen::{Screen, Tone, plain};
use crate::session::{Names, Session};

/// Explains one task.
pub(super) async fn run(task: TaskId, session: &Session) -> Result<Exit, Fault> {
    let explanation = session.client.explain(task).await?;
    let names = session.names().await?;
    session.screen.show(
        |screen| text(&explanation, &names, screen),
        || as_json(&explanation, &names),
    )?;
    Ok(Exit::Done)
}

fn text(explanation: &Explanation, names: &Names, screen: Screen) -> String {
    let task = &explanation.task;
    let state = screen.tint(task.state.name(), state_tone(&task.state));
    let head = format!("task {} is {state}: {}", task.id, explanation.summary);
    if explanation.candidates.is_empty() {
        return head;
    }
    let mut sheet = screen.table(&["AGENT", "NODE", "FIT", "SLOTS", "WHY"]);
    for candidate in &explanation.candidates {
        let fit = if candidate.fit {
            ("yes", Tone::Good)
        } else {
            ("no", Tone::Warn)
        };
        sheet.row([
            plain(candidate.agent),
            plain(names.of(candidate.node)),
            (fit.0.to_owned(), fit.1),
            plain(format!("{}/{}", candidate.slots_used, candidate.slots)),
            plain(&candidate.reason),
        ]);
    }
    format!("{head}\n\n{}", sheet.render())
}

fn as_json(explanation: &Explanation, names: &Names) -> Value {
    let candidates = explanation.candidates.iter().map(|candidate| {
        json!({
            "agent": candidate.agent.to_string(),
            "node": { "id": candidate.node.to_string(), "name": names.of(candidate.node) },
            "fit": candidate.fit,
            "reason": candidate.reason,
            "slots_used": candidate.slots_used,
            "slots": candidate.slots,
        })
    });
    json!({
        "task": explanation.task.id.to_string(),
        "state": explanation.task.state.name(),
        "summary": explanation.summary,
        "candidates": candidates.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use hms_client::Candidate;
    use hms_client::domain::id::{AgentId, NodeId};

    use super::*;
    use crate::task::example::task;

    /// SUP-7: the explanation names every candidate and why it was or was not chosen.
    #[test]
    fn every_candidate_is_named_with_its_reason() {
        let candidate = |byte, fit, reason: &str| Candidate {
            agent: AgentId::from_bytes([byte; 16]),
            node: NodeId::from_bytes([byte; 32]),
            fit,
            reason: reason.to_owned(),
            slots_used: 16,
            slots: 16,
        };
        let explanation = Explanation {
            task: task(),
            summary: "it ran on the least loaded agent".to_owned(),
            candidates: vec![
                candidate(1, true, "idle"),
                candidate(2, false, "no free slot"),
            ],
        };
        let expected = "\
task 07070707-0707-0707-0707-070707070707 is succeeded: it ran on the least loaded agent

AGENT                                 NODE      FIT  SLOTS  WHY
01010101-0101-0101-0101-010101010101  01010101  yes  16/16  idle
02020202-0202-0202-0202-020202020202  02020202  no   16/16  no free slot";
        assert_eq!(
            text(&explanation, &Names::default(), Screen::plain()),
            expected
        );
        let json = as_json(&explanation, &Names::default());
        assert_eq!(json["candidates"][1]["reason"], "no free slot");
    }
}
