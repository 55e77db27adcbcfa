//! One line of the audit log: when, who, what, about whom, and more.

use hms_client::domain::act::{Act, Actor, Subject};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::screen::Screen;
use crate::session::Names;
use crate::task::words::is_printable;

/// An act in words.
#[derive(Debug)]
pub(super) struct Line<'a> {
    act: &'a Act,
    at: String,
    who: String,
    about: Vec<(&'static str, String)>,
}

impl<'a> Line<'a> {
    /// Puts an act into words; nodes are called as the mesh calls them.
    pub(super) fn of(act: &'a Act, names: &Names) -> Self {
        Self {
            act,
            at: time(act),
            who: who(act, names),
            about: act.about.iter().map(|it| whom(it, names)).collect(),
        }
    }

    /// The line: columns for people, an object for programs.
    pub(super) fn render(&self, screen: Screen) -> String {
        if screen.is_json() {
            return self.as_json().to_string();
        }
        self.text()
    }

    /// The line for people, and what a text is searched in.
    pub(super) fn text(&self) -> String {
        let about: Vec<String> = self
            .about
            .iter()
            .map(|(kind, name)| format!("{kind} {name}"))
            .collect();
        let line = format!(
            "{:<8} {:<24} {:<18} {:<9} {}  {}",
            self.act.position.to_string(),
            self.at,
            self.who,
            self.act.verb,
            about.join(", "),
            self.act.note,
        );
        let safe = line
            .chars()
            .filter(|letter| is_printable(*letter) && *letter != '\n');
        safe.collect::<String>().trim_end().to_owned()
    }

    fn as_json(&self) -> Value {
        let about = self
            .about
            .iter()
            .map(|(kind, name)| json!({ "kind": kind, "name": name }));
        json!({
            "position": self.act.position.to_string(),
            "term": self.act.term.0,
            "at": self.act.at.map(|_| &self.at),
            "who": self.who,
            "id": id(self.act),
            "what": self.act.verb,
            "about": about.collect::<Vec<_>>(),
            "note": self.act.note,
        })
    }
}

/// When, by the leader's clock; entries that are no batch have no time.
fn time(act: &Act) -> String {
    let at = act.at.and_then(|at| i64::try_from(at.0).ok());
    let at = at.and_then(|at| Timestamp::from_millisecond(at).ok());
    at.map_or_else(|| "-".to_owned(), |at| format!("{at:.3}"))
}

fn who(act: &Act, names: &Names) -> String {
    match act.actor {
        Actor::Leader => format!("leader of term {}", act.term),
        Actor::Operator => "operator".to_owned(),
        Actor::Client(Some(via)) => format!("client at {}", names.of(via)),
        Actor::Client(None) => "client".to_owned(),
        Actor::Node(node) => format!("node {}", names.of(node)),
        Actor::Agent(agent) => format!("agent {}", agent.short()),
    }
}

/// The whole id of who did it, for programs.
fn id(act: &Act) -> Option<String> {
    match act.actor {
        Actor::Node(node) | Actor::Client(Some(node)) => Some(node.to_string()),
        Actor::Agent(agent) => Some(agent.to_string()),
        Actor::Leader | Actor::Operator | Actor::Client(None) => None,
    }
}

fn whom(subject: &Subject, names: &Names) -> (&'static str, String) {
    match subject {
        Subject::Task(task) => ("task", task.to_string()),
        Subject::Agent(agent) => ("agent", agent.to_string()),
        Subject::Node(node) => ("node", names.of(*node)),
        Subject::Service(service) => ("service", service.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use hms_client::domain::id::{Index, NodeId, Position, TaskId, Term};
    use hms_client::domain::time::Moment;

    use super::*;

    fn act() -> Act {
        Act {
            position: Position {
                index: Index(17),
                offset: 2,
            },
            term: Term(3),
            at: Some(Moment(1_700_000_000_123)),
            actor: Actor::Client(Some(NodeId::from_bytes([1; 32]))),
            verb: "submitted",
            about: vec![Subject::Task(TaskId::from_bytes([2; 16]))],
            note: "echo with 5 bytes\u{1b}[31m\nof ink".to_owned(),
        }
    }

    #[test]
    fn a_line_says_when_who_what_and_about_whom_and_nothing_to_the_terminal() {
        let names = Names([(NodeId::from_bytes([1; 32]), "n1".to_owned())].into());
        let act = act();
        assert_eq!(
            Line::of(&act, &names).text(),
            "17.2     2023-11-14T22:13:20.123Z client at n1       submitted \
             task 02020202-0202-0202-0202-020202020202  echo with 5 bytes[31mof ink"
        );
    }

    #[test]
    fn a_program_gets_the_same_in_fields() {
        let act = Act { at: None, ..act() };
        let line = Line::of(&act, &Names::default()).as_json();
        assert_eq!(line["position"], "17.2");
        assert_eq!(line["at"], Value::Null);
        assert_eq!(line["who"], "client at 01010101");
        assert_eq!(line["about"][0]["kind"], "task");
    }
}
