//! Acts, read from entries of the ledger: every command in one line.

use hms_proto::v1;
use hms_proto::v1::command::Decide;
use prost::Message as _;

use super::decision::{check_version, read_decision};
use super::{CodecError, Wire, field};
use crate::act::{Act, Actor, Subject};
use crate::agent::AgentCertificate;
use crate::chain::EntryKind;
use crate::envelope::{Sealed, Sender};
use crate::evidence::VoterEvidence;
use crate::id::{AgentId, NodeId, Position, ServiceName, TaskId};
use crate::membership::{Becomes, MemberChange};
use crate::order::{Order, OrderDraft};
use crate::receipt::Decision;
use crate::recovery::Recovery;
use crate::service::{Observation, ServiceSpec, Sight};
use crate::task::Report;
use crate::time::Moment;
use crate::transcript::LedgerEntry;
use crate::verdict::Verdict;

/// What an act is but for where and when it is.
struct Telling {
    actor: Actor,
    verb: &'static str,
    about: Vec<Subject>,
    note: String,
}

impl Telling {
    fn new(actor: Actor, verb: &'static str, about: impl IntoIterator<Item = Subject>) -> Self {
        Self {
            actor,
            verb,
            about: about.into_iter().collect(),
            note: String::new(),
        }
    }

    fn note(self, note: impl Into<String>) -> Self {
        Self {
            note: note.into(),
            ..self
        }
    }
}

/// Everything that an entry says was done, in order.
pub fn read(entry: &LedgerEntry) -> Result<Vec<Act>, CodecError> {
    let (index, kept) = (entry.index, &entry.kept);
    let act = |offset, at, telling: Telling| Act {
        position: Position { index, offset },
        term: kept.term,
        at,
        actor: telling.actor,
        verb: telling.verb,
        about: telling.about,
        note: telling.note,
    };
    match kept.kind {
        EntryKind::Empty => {
            let led = Telling::new(Actor::Leader, "led", []);
            let led = led.note(format!("the first entry of term {}", kept.term));
            Ok(vec![act(0, None, led)])
        }
        EntryKind::Membership => Ok(vec![act(0, None, tell_change(&kept.data)?)]),
        EntryKind::Recovery => {
            let (at, telling) = tell_recovery(&kept.data)?;
            Ok(vec![act(0, Some(at), telling)])
        }
        EntryKind::Batch => {
            let batch = v1::Batch::decode(kept.data.as_slice()).map_err(|error| {
                let reason = error.to_string();
                CodecError::Malformed {
                    message: "batch",
                    reason,
                }
            })?;
            check_version(batch.version)?;
            let at = Some(Moment(batch.stamped_at_ms));
            let commands = (0..).zip(batch.commands);
            let acts = commands.map(|(offset, command)| {
                let decide = field::required("command.decide", command.decide)?;
                Ok(act(offset, at, tell(decide)?))
            });
            acts.collect()
        }
    }
}

fn tell_change(data: &[u8]) -> Result<Telling, CodecError> {
    let change: MemberChange = super::decode_exact(data)?;
    let verb = match change.becomes {
        Becomes::Voter => "promoted",
        Becomes::Learner => "added",
        Becomes::Removed => "removed",
    };
    let note = match change.becomes {
        Becomes::Voter => "it votes",
        Becomes::Learner => "it receives the log",
        Becomes::Removed => "it has no part in Raft any more",
    };
    Ok(Telling::new(Actor::Leader, verb, [Subject::Node(change.node)]).note(note))
}

/// What the operator has ordered where no mesh was left, and when.
fn tell_recovery(data: &[u8]) -> Result<(Moment, Telling), CodecError> {
    let recovery: Recovery = super::decode_exact(data)?;
    let draft: OrderDraft = super::decode_exact(&recovery.order.draft)?;
    Ok((draft.issued_at, tell_order(&draft.order)))
}

fn tell(decide: Decide) -> Result<Telling, CodecError> {
    Ok(match decide {
        Decide::Admit(it) => {
            let node = field::node_id("admission.id", &it.id)?;
            tell_node(node, "joined").note(format!("as {}", it.name))
        }
        Decide::Greet(it) => {
            let node = field::node_id("greet.node", &it.node)?;
            tell_node(node, "greeted").note(format!("in its life {}", it.incarnation))
        }
        Decide::Lose(it) => {
            let node = field::node_id("lose.node", &it.node)?;
            Telling::new(Actor::Leader, "lost", [Subject::Node(node)]).note("it was not heard")
        }
        Decide::Enrol(it) => tell_enrolment(it)?,
        Decide::Retire(it) => {
            let node = field::node_id("retire.node", &it.node)?;
            let agents = it.agents.iter();
            let agents = agents.map(|agent| field::agent_id("retire.agents", agent));
            let agents = agents.collect::<Result<Vec<AgentId>, _>>()?;
            let about = agents.into_iter().map(Subject::Agent);
            Telling::new(Actor::Node(node), "retired", about)
        }
        Decide::Declare(it) => {
            let spec = ServiceSpec::from_wire(it)?;
            tell_service(Actor::Client(None), "declared", spec.name)
        }
        Decide::Withdraw(it) => {
            let service = field::name("withdraw.service", &it.service)?;
            tell_service(Actor::Client(None), "withdrew", service)
        }
        Decide::Observe(it) => {
            let seen = Observation::from_wire(it)?;
            let sight = match seen.sight {
                Sight::Up => "up",
                Sight::Down => "down",
            };
            let note = format!("{sight} after {} ms: {}", seen.latency_ms, seen.detail);
            tell_service(Actor::Node(seen.node), "observed", seen.service).note(note)
        }
        Decide::Convict(it) => tell_conviction(&VoterEvidence::from_wire(it)?),
        Decide::Operate(it) => tell_order(&super::decode_exact::<OrderDraft>(&it.order)?.order),
        Decide::ReplaceLost(it) => {
            let lost = field::node_id("replace_lost.lost", &it.lost)?;
            let spare = field::node_id("replace_lost.spare", &it.spare)?;
            let about = [lost, spare].map(Subject::Node);
            Telling::new(Actor::Leader, "replaced", about).note("the first was lost for too long")
        }
        about_a_task @ (Decide::Submit(_)
        | Decide::Assign(_)
        | Decide::Block(_)
        | Decide::Unblock(_)
        | Decide::Start(_)
        | Decide::Report(_)
        | Decide::Judge(_)
        | Decide::Redraw(_)
        | Decide::Expire(_)
        | Decide::Cancel(_)
        | Decide::Lapse(_)) => tell_task(about_a_task)?,
    })
}

fn tell_node(node: NodeId, verb: &'static str) -> Telling {
    Telling::new(Actor::Node(node), verb, [Subject::Node(node)])
}

fn tell_service(actor: Actor, verb: &'static str, service: ServiceName) -> Telling {
    Telling::new(actor, verb, [Subject::Service(service)])
}

fn tell_enrolment(it: v1::EnrolAgents) -> Result<Telling, CodecError> {
    let certificates = it.certificates.into_iter().map(AgentCertificate::from_wire);
    let certificates = certificates.collect::<Result<Vec<_>, _>>()?;
    let node = certificates.first().map(|it| it.node);
    let actor = node.map_or(Actor::Leader, Actor::Node);
    let about = certificates.iter().map(|it| Subject::Agent(it.agent));
    Ok(Telling::new(actor, "enrolled", about))
}

fn tell_order(order: &Order) -> Telling {
    let about = |verb, node: &NodeId| Telling::new(Actor::Operator, verb, [Subject::Node(*node)]);
    match order {
        Order::Rotate { to, .. } => {
            let note = format!("the new key is {}", hex::encode(to.as_bytes()));
            Telling::new(Actor::Operator, "rotated the key", []).note(note)
        }
        Order::RevokeNode(node) => about("revoked", node),
        Order::RevokeAgent(agent) => {
            Telling::new(Actor::Operator, "revoked", [Subject::Agent(*agent)])
        }
        Order::AddSpare(node) => about("ordered", node).note("it is to receive the ledger"),
        Order::Promote(node) => about("ordered", node).note("it is to vote"),
        Order::Remove(node) => about("ordered", node).note("it is to have no part in Raft"),
        Order::Replace { old, new } => {
            let about = [*old, *new].map(Subject::Node);
            let note = "the second is to take the seat of the first";
            Telling::new(Actor::Operator, "ordered", about).note(note)
        }
        Order::Transfer(node) => about("ordered", node).note("it is to lead"),
        Order::Cordon(node) => about("cordoned", node),
        Order::Uncordon(node) => about("uncordoned", node),
        Order::Recover(recover) => about("recovered", &recover.survivor)
            .note("the other voters are lost: it goes on alone"),
    }
}

fn tell_conviction(evidence: &VoterEvidence) -> Telling {
    let guilty = Subject::Node(evidence.accused());
    Telling::new(Actor::Leader, "convicted", [guilty]).note(evidence.describe())
}

fn tell_task(decide: Decide) -> Result<Telling, CodecError> {
    let (task, decision) = read_decision(decide)?;
    let by_leader = |verb, note: String| {
        let about = task.map(Subject::Task);
        Telling::new(Actor::Leader, verb, about).note(note)
    };
    Ok(match decision {
        Decision::Submit { spec, via } => {
            let about = task.map(Subject::Task);
            let note = format!("{} with {} bytes", spec.skill, spec.input.len());
            Telling::new(Actor::Client(Some(via)), "submitted", about).note(note)
        }
        Decision::Assign { attempt, agent } => {
            let mut telling = by_leader("assigned", format!("attempt {attempt}"));
            telling.about.push(Subject::Agent(agent));
            telling
        }
        Decision::Block(blockage) => by_leader("blocked", blockage.to_string()),
        Decision::Unblock => by_leader("unblocked", String::new()),
        Decision::Start { attempt, agent } => {
            let about = task.map(Subject::Task);
            let note = format!("attempt {attempt}");
            Telling::new(Actor::Agent(agent), "started", about).note(note)
        }
        Decision::Report(sealed) => tell_report(&sealed)?,
        Decision::Judge(sealed) => tell_verdict(&sealed)?,
        Decision::Redraw { round } => {
            let note = format!("round {round} of verification ran out of time");
            by_leader("redrawn", note)
        }
        Decision::Expire { attempt, end } => {
            by_leader("expired", format!("attempt {attempt}: {}", end.name()))
        }
        Decision::Cancel => Telling::new(Actor::Client(None), "cancelled", task.map(Subject::Task)),
        Decision::Lapse => by_leader("lapsed", "its deadline has passed".to_owned()),
    })
}

/// What was sealed, as it says itself: nobody opens it here.
fn tell_report(sealed: &Sealed) -> Result<Telling, CodecError> {
    let report: Report = super::decode(sealed.parts().1)?;
    let result = &report.result;
    let note = format!(
        "attempt {}: {} in {} ms, {} bytes",
        report.attempt,
        result.outcome.name(),
        result.duration_ms,
        result.output.len()
    );
    Ok(tell_sealed(sealed, "reported", report.task).note(note))
}

fn tell_verdict(sealed: &Sealed) -> Result<Telling, CodecError> {
    let verdict: Verdict = super::decode(sealed.parts().1)?;
    let note = format!(
        "attempt {} in round {}: {}",
        verdict.attempt, verdict.round, verdict.finding
    );
    Ok(tell_sealed(sealed, "judged", verdict.task).note(note))
}

fn tell_sealed(sealed: &Sealed, verb: &'static str, task: TaskId) -> Telling {
    let actor = match sealed.claimed().sender {
        Sender::Agent(agent) => Actor::Agent(agent),
        Sender::Node(node) => Actor::Node(node),
    };
    Telling::new(actor, verb, [Subject::Task(task)])
}
