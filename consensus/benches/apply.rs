//! How fast the replicated state is: commands per second, and what a round of placement costs in a large mesh.
//!
//! `cargo bench -p hms-consensus --bench apply`. Every report is really sealed and opened. These are figures for people;
//! no test depends on them.
#![allow(missing_docs, reason = "the benchmarks are named by what they measure")]

use std::collections::{BTreeMap, BTreeSet};

use divan::Bencher;
use divan::counter::ItemsCount;
use hms_consensus::input::Admission;
use hms_consensus::liveness::Liveness;
use hms_consensus::schedule::{InFlight, schedule};
use hms_consensus::state::State;
use hms_consensus::state::checkpoint::Checkpoint;
use hms_consensus::state::command::{Batch, Command};
use hms_protocol::agent::AgentDraft;
use hms_protocol::codec::{self, envelope};
use hms_protocol::digest::{Domain, Hash, hash_fields};
use hms_protocol::envelope::{Audience, BodyKind, Header, Sender};
use hms_protocol::genesis::Founding;
use hms_protocol::heartbeat::Heartbeat;
use hms_protocol::id::{
    AgentId, Epoch, Incarnation, Index, MeshId, NodeId, Sequence, TaskId, Term,
};
use hms_protocol::keyring::SecretKey;
use hms_protocol::limits::{AGENTS_PER_ENROLMENT_MAX, BATCH_COMMANDS_MAX};
use hms_protocol::member::Role;
use hms_protocol::task::{Outcome, Report, TaskKind, TaskResult, TaskSpec};
use hms_protocol::time::Moment;
use hms_protocol::token::{Invitation, TOKEN_TTL_MS};
use hms_protocol::trust::Trust;
use hms_protocol::verdict::Verification;

const FOUNDED: Moment = Moment(1_700_000_000_000);
const NODES: u8 = 100;
const AGENTS: u32 = 10_000;
const TASKS: u32 = 99_000;

fn main() {
    divan::main();
}

fn node_key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

fn node_id(number: u8) -> NodeId {
    node_key(number).public().into()
}

/// One key for all agents: only the number of signatures counts.
fn agent_key() -> SecretKey {
    SecretKey::from_seed(&[255; 32])
}

/// Ids as scattered as UUIDs are.
fn id_bytes(number: u32) -> [u8; 16] {
    let digest = hash_fields(Domain::Draw, &[&number.to_le_bytes()]);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    bytes
}

fn admission(number: u8) -> Admission {
    Admission {
        id: node_id(number),
        name: format!("n{number}").parse().expect("a name"),
        role: None,
        addresses: Vec::new(),
        gateway: String::new(),
        proof: None,
    }
}

fn apply(state: &mut State, commands: Vec<Command>) {
    let index = state.applied().next();
    let batch = Batch {
        stamped_at: state.now().plus_ms(1),
        commands,
    };
    let applied = state.apply(index, &batch);
    assert!(
        applied.outcomes.iter().all(Result::is_ok),
        "a command was refused"
    );
}

/// A mesh of a hundred nodes and so many agents.
fn mesh(agents: u32) -> State {
    let operator = SecretKey::from_seed(&[200; 32]);
    let founding = Founding {
        operator: operator.public(),
        founder: node_id(1),
        name: "n1".parse().expect("a name"),
        voters_wanted: 3,
        replace_voter_after_ms: 0,
        trust: Trust::Byzantine,
        founded_at: FOUNDED,
        salt: [1; 32],
    };
    let mut state = State::genesis(&founding.sign(&operator).expect("its own key"));
    let mesh = state.mesh();
    let join = (2..=NODES).map(|number| {
        let ends = FOUNDED.plus_ms(TOKEN_TTL_MS);
        let invitation = Invitation::new(&operator, mesh, Role::Worker, ends, &[number; 32]);
        Command::Admit(Admission {
            proof: Some(invitation.prove(node_id(number))),
            ..admission(number)
        })
    });
    apply(&mut state, join.collect());
    let greet = (1..=NODES).map(|number| Command::Greet {
        node: node_id(number),
        incarnation: Incarnation(1),
    });
    apply(&mut state, greet.collect());
    let numbers: Vec<u32> = (0..agents).collect();
    for chunk in numbers.chunks(AGENTS_PER_ENROLMENT_MAX) {
        let certificates = chunk.iter().map(|number| {
            let node = u8::try_from(number % u32::from(NODES)).expect("a node") + 1;
            let draft = AgentDraft {
                agent: AgentId::from_bytes(id_bytes(*number)),
                key: agent_key().public(),
                skills: ["echo", "sleep", "probe.http"]
                    .map(|name| name.parse().expect("a skill"))
                    .into(),
                offers: BTreeSet::new(),
                slots: 16,
                issued_at: FOUNDED,
            };
            draft.sign(mesh, &node_key(node))
        });
        apply(&mut state, vec![Command::Enrol(certificates.collect())]);
    }
    state
}

fn submit(number: u32) -> Command {
    Command::Submit {
        task: TaskId::from_bytes(id_bytes(number)),
        spec: TaskSpec {
            kind: TaskKind::Work,
            skill: "echo".parse().expect("a skill"),
            input: vec![7; 256],
            deadline: FOUNDED.plus_ms(3_600_000),
            attempt_ms: 60_000,
            attempts_max: 3,
            priority: 0,
            idempotency_key: None,
            needs: BTreeSet::new(),
            labels: BTreeMap::new(),
            verification: Verification::Reported,
        },
        via: node_id(1),
    }
}

fn assign(number: u32) -> Command {
    Command::Assign {
        task: TaskId::from_bytes(id_bytes(number)),
        attempt: 1,
        agent: AgentId::from_bytes(id_bytes(number % 1_000)),
    }
}

fn report(mesh: MeshId, number: u32) -> Command {
    let agent = AgentId::from_bytes(id_bytes(number % 1_000));
    let report = Report {
        task: TaskId::from_bytes(id_bytes(number)),
        attempt: 1,
        agent,
        result: TaskResult {
            outcome: Outcome::Success,
            output: vec![7; 256],
            stdout: String::new(),
            stderr: String::new(),
            trace: String::new(),
            duration_ms: 1,
        },
    };
    let header = Header {
        mesh,
        sender: Sender::Agent(agent),
        audience: Audience::Ledger,
        incarnation: Incarnation(1),
        sequence: Sequence(1),
        issued_at: FOUNDED,
        expires_at: FOUNDED,
        kind: BodyKind::Report,
        body_hash: Hash::default(),
    };
    Command::Report(envelope::seal(header, codec::encode(&report), &agent_key()))
}

fn numbers() -> std::ops::Range<u32> {
    1_000_000..1_000_000 + u32::try_from(BATCH_COMMANDS_MAX).expect("a batch is small")
}

/// Times one batch of 512 commands on a state that was prepared with others.
fn measure(
    bencher: Bencher,
    before: &[fn(MeshId, u32) -> Command],
    timed: fn(MeshId, u32) -> Command,
) {
    let mut state = mesh(1_000);
    let mesh = state.mesh();
    for command in before {
        apply(
            &mut state,
            numbers().map(|number| command(mesh, number)).collect(),
        );
    }
    let batch: Vec<Command> = numbers().map(|number| timed(mesh, number)).collect();
    bencher
        .counter(ItemsCount::new(batch.len()))
        .with_inputs(|| (state.clone(), batch.clone()))
        .bench_local_values(|(mut state, batch)| {
            apply(&mut state, batch);
            state
        });
}

#[divan::bench]
fn submits(bencher: Bencher) {
    measure(bencher, &[], |_, number| submit(number));
}

#[divan::bench]
fn assignments(bencher: Bencher) {
    measure(bencher, &[|_, number| submit(number)], |_, number| {
        assign(number)
    });
}

/// Most of it is the check of a signature each.
#[divan::bench]
fn reports(bencher: Bencher) {
    measure(
        bencher,
        &[|_, number| submit(number), |_, number| assign(number)],
        report,
    );
}

#[divan::bench]
fn batch_of_submits_to_bytes_and_back(bencher: Bencher) {
    let batch = Batch {
        stamped_at: FOUNDED,
        commands: numbers().map(submit).collect(),
    };
    bencher
        .counter(ItemsCount::new(batch.commands.len()))
        .bench_local(|| {
            codec::decode::<Batch>(&codec::encode(&batch)).expect("a batch reads back")
        });
}

/// Ten thousand agents and a full ledger.
fn crowd() -> State {
    let mut state = mesh(AGENTS);
    let numbers: Vec<u32> = (0..TASKS).collect();
    for chunk in numbers.chunks(BATCH_COMMANDS_MAX) {
        apply(
            &mut state,
            chunk.iter().map(|number| submit(*number)).collect(),
        );
    }
    state
}

fn all_alive(state: &State) -> Liveness {
    let mut liveness = Liveness::new(node_id(1), state.now());
    for number in 2..=NODES {
        let beat = Heartbeat {
            node: node_id(number),
            incarnation: Incarnation(1),
            sequence: Sequence(1),
            version: String::new(),
            load_permille: u32::from(number),
            lag_ms: 0,
            memory_bytes: 0,
            agents: 100,
            running: 0,
            agents_version: 1,
            changed: Vec::new(),
            term: Term(1),
            leader: None,
            applied: Index(1),
        };
        liveness.hear(&beat.into(), state.now());
    }
    liveness
}

#[divan::bench(args = [1, 64, 512])]
fn round_with_ten_thousand_agents_and_a_full_ledger(bencher: Bencher, most: usize) {
    let state = crowd();
    let liveness = all_alive(&state);
    let none = InFlight::default();
    bencher.counter(ItemsCount::new(most)).bench_local(|| {
        let commands = schedule(&state, &liveness, state.now(), &none, most);
        assert_eq!(commands.len(), most);
        commands
    });
}

#[divan::bench(sample_count = 10)]
fn copy_of_a_full_ledger(bencher: Bencher) {
    let state = crowd();
    bencher.bench_local(|| state.clone());
}

#[divan::bench(sample_count = 5)]
fn checkpoint_of_a_full_ledger_to_bytes(bencher: Bencher) {
    let checkpoint = full_checkpoint();
    bencher.bench_local(|| checkpoint.encode());
}

#[divan::bench(sample_count = 5)]
fn checkpoint_of_a_full_ledger_from_bytes(bencher: Bencher) {
    let bytes = full_checkpoint().encode();
    bencher.bench_local(|| Checkpoint::decode(&bytes).expect("a checkpoint reads back"));
}

fn full_checkpoint() -> Checkpoint {
    let state = crowd();
    Checkpoint {
        index: state.applied(),
        term: Term(1),
        chain: Hash::default(),
        voters: Vec::new(),
        learners: Vec::new(),
        epoch: Epoch(1),
        trust: Trust::Byzantine,
        handovers: Vec::new(),
        certificate: None,
        state,
    }
}
