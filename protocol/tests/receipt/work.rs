//! Commands about tasks, as they stand in a ledger, and ledgers in which tasks were done.

use hms_proto::v1;
use hms_proto::v1::command::Decide;
use hms_protocol::codec::{self, Wire as _};
use hms_protocol::digest::Hash;
use hms_protocol::envelope::{Audience, BodyKind, Header, Sealed, Sender};
use hms_protocol::id::{Incarnation, MeshId, Sequence, TaskId};
use hms_protocol::receipt::Receipt;
use hms_protocol::task::{Outcome, Report, TaskKind, TaskResult, TaskSpec};
use hms_protocol::trust::Trust;
use hms_protocol::verdict::{Finding, Verdict, Verification};

use crate::ledger::{Ledger, STAMP, agent, agent_key, node};

pub(crate) const TASK: TaskId = TaskId::from_bytes([1; 16]);
pub(crate) const OTHER_TASK: TaskId = TaskId::from_bytes([2; 16]);

fn bytes(task: TaskId) -> Vec<u8> {
    task.as_bytes().to_vec()
}

pub(crate) fn spec(verification: Verification) -> TaskSpec {
    TaskSpec {
        kind: TaskKind::Work,
        skill: "echo".parse().expect("a name"),
        input: b"hello".to_vec(),
        deadline: STAMP.plus_ms(60_000),
        attempt_ms: 10_000,
        attempts_max: 3,
        priority: 100,
        idempotency_key: None,
        needs: std::collections::BTreeSet::new(),
        labels: [("run".to_owned(), "nightly".to_owned())].into(),
        verification,
    }
}

pub(crate) fn submit(task: TaskId) -> Decide {
    submit_for(task, Verification::Reported)
}

pub(crate) fn submit_for(task: TaskId, verification: Verification) -> Decide {
    Decide::Submit(v1::Submit {
        task: bytes(task),
        spec: Some(spec(verification).to_wire()),
        via: node(1).as_bytes().to_vec(),
    })
}

pub(crate) fn assign(task: TaskId, number: u8) -> Decide {
    Decide::Assign(v1::Assign {
        task: bytes(task),
        attempt: 1,
        agent: agent(number).as_bytes().to_vec(),
    })
}

pub(crate) fn start(task: TaskId, number: u8) -> Decide {
    Decide::Start(v1::Start {
        task: bytes(task),
        attempt: 1,
        agent: agent(number).as_bytes().to_vec(),
    })
}

pub(crate) fn greet() -> Decide {
    Decide::Greet(v1::Greet {
        node: node(1).as_bytes().to_vec(),
        incarnation: 4,
    })
}

pub(crate) fn header(mesh: MeshId, number: u8, kind: BodyKind) -> Header {
    Header {
        mesh,
        sender: Sender::Agent(agent(number)),
        audience: Audience::Ledger,
        incarnation: Incarnation(1),
        sequence: Sequence(9),
        issued_at: STAMP,
        expires_at: STAMP,
        kind,
        body_hash: Hash::default(),
    }
}

pub(crate) fn report(task: TaskId, number: u8) -> Report {
    Report {
        task,
        attempt: 1,
        agent: agent(number),
        result: TaskResult {
            outcome: Outcome::Success,
            output: b"hello".to_vec(),
            stdout: String::new(),
            stderr: String::new(),
            trace: String::new(),
            duration_ms: 12,
        },
    }
}

pub(crate) fn sealed_report(mesh: MeshId, report: &Report, number: u8) -> Sealed {
    let header = header(mesh, number, BodyKind::Report);
    codec::envelope::seal(header, codec::encode(report), &agent_key(number))
}

pub(crate) fn reported(sealed: &Sealed) -> Decide {
    Decide::Report(codec::envelope::encode(sealed))
}

pub(crate) fn judged(mesh: MeshId, report: &Report, number: u8) -> Decide {
    let verdict = Verdict {
        task: report.task,
        attempt: report.attempt,
        round: 1,
        verifier: agent(number),
        report_digest: report.digest(),
        finding: Finding::Accepted,
    };
    let header = header(mesh, number, BodyKind::Verdict);
    let sealed = codec::envelope::seal(header, codec::encode(&verdict), &agent_key(number));
    Decide::Judge(codec::envelope::encode(&sealed))
}

/// A ledger in which agent 1 has done [`TASK`], among other things. Not every entry has a certificate of its own.
pub(crate) fn worked(trust: Trust, voters: u8) -> Ledger {
    let mut ledger = Ledger::of(trust, voters);
    let mesh = ledger.origin.mesh;
    ledger.enrol(1);
    ledger.enrol(2);
    ledger.certified(&[greet()]);
    ledger.batch(&[greet(), submit(TASK), submit(OTHER_TASK)]);
    ledger.append(hms_protocol::chain::EntryKind::Empty, Vec::new());
    ledger.certified(&[greet(), greet()]);
    let given = [
        assign(OTHER_TASK, 2),
        assign(TASK, 1),
        greet(),
        start(TASK, 1),
    ];
    ledger.batch(&given);
    ledger.certified(&[greet()]);
    let done = sealed_report(mesh, &report(TASK, 1), 1);
    ledger.certified(&[start(OTHER_TASK, 2), reported(&done)]);
    ledger
}

/// A ledger in which a result was reported by agent 1 and accepted by the agents 2 and 3.
pub(crate) fn verified(trust: Trust, voters: u8) -> Ledger {
    let mut ledger = Ledger::of(trust, voters);
    let mesh = ledger.origin.mesh;
    (1..=3).for_each(|number| ledger.enrol(number));
    ledger.certified(&[submit_for(TASK, Verification::Kernel)]);
    ledger.certified(&[assign(TASK, 1)]);
    let report = report(TASK, 1);
    ledger.certified(&[reported(&sealed_report(mesh, &report, 1))]);
    ledger.certified(&[judged(mesh, &report, 2), greet(), judged(mesh, &report, 3)]);
    ledger
}

/// The receipt of [`TASK`].
pub(crate) fn receipt(ledger: &Ledger) -> Receipt {
    Receipt::build(TASK, &ledger.records()).expect("all that it takes was kept")
}
