//! Which acts are wanted: every condition that is given must hold.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use hms_client::domain::act::{Act, Subject};
use hms_client::domain::id::{AgentId, NodeId, ServiceName, TaskId};
use hms_client::domain::time::Moment;

use super::line::Line;
use crate::clock::now;
use crate::fault::Fault;
use crate::phrase::parse_span;
use crate::session::Names;

/// Conditions.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Wanted {
    /// Only lines with this in them, in small or capital letters.
    text: Option<String>,
    /// Only those about this task.
    #[arg(long, value_name = "TASK")]
    task: Option<TaskId>,
    /// Only those by or about this agent.
    #[arg(long, value_name = "AGENT")]
    agent: Option<AgentId>,
    /// Only those by or about this node: its name or its id.
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Only those about this service.
    #[arg(long, value_name = "SERVICE")]
    service: Option<ServiceName>,
    /// Only these: for example submitted, reported, lost, convicted, removed; several with commas.
    #[arg(long, value_name = "VERB", value_delimiter = ',')]
    what: Vec<String>,
    /// Only those within this span before now.
    #[arg(long, value_parser = parse_span, value_name = "SPAN")]
    since: Option<Duration>,
    /// Only those longer ago than this.
    #[arg(long, value_parser = parse_span, value_name = "SPAN")]
    until: Option<Duration>,
    #[arg(skip)]
    names: Names,
    #[arg(skip)]
    who: BTreeSet<NodeId>,
}

impl Wanted {
    /// The conditions, with nodes called as a mesh calls them.
    pub(super) fn resolve(mut self, names: &Names) -> Result<Self, Fault> {
        if let Some(text) = &self.node {
            let by_name = names.0.iter().find(|(_, name)| *name == text);
            let node = by_name.map(|(node, _)| *node).or_else(|| text.parse().ok());
            let node = node.ok_or_else(|| Fault::UnknownNode { name: text.clone() })?;
            self.who.insert(node);
        }
        self.names = names.clone();
        Ok(self)
    }

    /// The conditions, where nobody can say what nodes are called.
    pub(super) fn offline(self) -> Result<Self, Fault> {
        self.resolve(&Names::default())
    }

    /// Whether an act is wanted.
    pub(super) fn has(&self, act: &Act) -> bool {
        let about = |subject: Option<Subject>| subject.is_none_or(|it| act.concerns(&it));
        about(self.task.map(Subject::Task))
            && about(self.agent.map(Subject::Agent))
            && about(self.service.clone().map(Subject::Service))
            && about(self.who.first().copied().map(Subject::Node))
            && (self.what.is_empty() || self.what.iter().any(|verb| verb == act.verb))
            && self.is_in_time(act)
            && self.says(act)
    }

    /// An act without a time is in no span.
    fn is_in_time(&self, act: &Act) -> bool {
        let ago = |span: Duration| {
            let span_ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
            Moment(now().0.saturating_sub(span_ms))
        };
        let since = self
            .since
            .is_none_or(|since| act.at.is_some_and(|at| ago(since) <= at));
        let until = self
            .until
            .is_none_or(|until| act.at.is_some_and(|at| at < ago(until)));
        since && until
    }

    fn says(&self, act: &Act) -> bool {
        let line = || Line::of(act, &self.names).text().to_lowercase();
        let text = self.text.as_ref();
        text.is_none_or(|text| line().contains(&text.to_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use hms_client::domain::act::Actor;
    use hms_client::domain::id::{Index, Position, Term};

    use super::*;

    const NODE: NodeId = NodeId::from_bytes([1; 32]);
    const AGENT: AgentId = AgentId::from_bytes([2; 16]);
    const TASK: TaskId = TaskId::from_bytes([3; 16]);

    fn act() -> Act {
        Act {
            position: Position {
                index: Index(9),
                offset: 0,
            },
            term: Term(1),
            at: Some(Moment(now().0 - 60_000)),
            actor: Actor::Agent(AGENT),
            verb: "reported",
            about: vec![Subject::Task(TASK)],
            note: "attempt 1: success".to_owned(),
        }
    }

    /// Whether the act is wanted under conditions as they are typed.
    fn check(typed: &str, is_wanted: bool) {
        #[derive(clap::Parser)]
        struct Typed {
            #[command(flatten)]
            wanted: Wanted,
        }
        let words = std::iter::once("search").chain(typed.split_whitespace());
        let typed_in = <Typed as clap::Parser>::try_parse_from(words).expect("they can be typed");
        let names = Names([(NODE, "n1".to_owned())].into());
        let resolved = typed_in.wanted.resolve(&names).expect("the node is known");
        assert_eq!(resolved.has(&act()), is_wanted, "{typed}");
    }

    #[test]
    fn every_condition_must_hold() {
        check("", true);
        check(&format!("--task {TASK} --agent {AGENT} success"), true);
        check("--task 04040404-0404-0404-0404-040404040404", false);
        check("--node n1", false);
        check("--what judged,reported", true);
        check("--what judged", false);
        check("SUCCESS", true);
        check("failure", false);
        check("--since 2m --until 30s", true);
        check("--since 30s", false);
        check("--until 2m", false);
    }

    #[test]
    fn a_node_that_nobody_knows_is_an_error() {
        let stranger = Wanted {
            node: Some("n9".to_owned()),
            ..Wanted::default()
        };
        let fault = stranger.offline().expect_err("nobody is called so");
        assert_eq!(fault.code(), "HMS-UNKNOWN-NODE");
    }
}
