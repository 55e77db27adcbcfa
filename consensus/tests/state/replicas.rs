//! Any commands, in any order: replicas agree, indexes stay true, and no task breaks its laws.

use std::collections::BTreeMap;

use hms_consensus::state::checkpoint::Checkpoint;
use hms_consensus::state::command::{Batch, Command};
use hms_consensus::state::ledger::held;
use hms_consensus::state::{Applied, State};
use hms_protocol::codec;
use hms_protocol::digest::Hash;
use hms_protocol::id::{Epoch, NodeId, TaskId, Term};
use hms_protocol::limits;
use hms_protocol::member::Role;
use hms_protocol::service::{Observation, ServiceSpec, Sight};
use hms_protocol::task::{AttemptEnd, Blockage, Outcome, TaskState};
use hms_protocol::trust::Trust;
use hms_protocol::verdict::Finding;
use proptest::prelude::*;

use super::stage::{
    Stage, agent_id, assign, greet, lose, node_id, proof_spec, spec, submit, task_id,
};

const SKILLS: [&[&str]; 3] = [
    &["echo", "probe.tcp"],
    &["prove.metamath", "verify.metamath"],
    &["verify.metamath", "echo"],
];

/// What may be tried: a kind of command, and numbers that say about whom.
type Wish = (u8, u8, u8, u8);

/// Turns a wish into a command that makes sense about half of the time.
fn grant(stage: &mut Stage, (kind, first, second, third): Wish) -> Option<Command> {
    let (task, agent, node) = (task_id(first % 6), agent_id(second % 5), 1 + third % 4);
    let record = stage.state.ledger().task(task).cloned();
    let attempts = record.as_ref().map_or(0, |task| task.attempts.len());
    let attempts = u32::try_from(attempts).unwrap();
    let holder = record
        .as_ref()
        .and_then(|task| task.attempts.last())
        .map(|last| last.agent);
    let holder = holder.filter(|_| third % 8 != 0).unwrap_or(agent);
    Some(match kind % 24 {
        0 => Command::Admit(stage.invited(node, Role::Voter)),
        1 => greet(node, u64::from(second % 3)),
        2 if third % 3 == 0 => lose(node, u64::from(second % 3)),
        3 | 4 => {
            let skills = SKILLS[usize::from(first % 3)];
            let certificate = stage.certificate(1 + second % 3, second % 5, skills, 2);
            Command::Enrol(vec![certificate])
        }
        5 if third % 4 == 0 => Command::Retire {
            node: node_id(node),
            agents: vec![agent],
        },
        6 => submit(first % 6, spec("echo")),
        7 | 8 => submit(first % 6, proof_spec()),
        9..=12 => assign(first % 6, attempts + u32::from(third % 8 != 1), agent),
        13 => Command::Start {
            task,
            attempt: attempts,
            agent: holder,
        },
        14..=16 => {
            let outcome = [
                Outcome::Success,
                Outcome::Success,
                Outcome::Failure,
                Outcome::Unavailable,
            ][usize::from(second % 4)];
            stage.enrolled_key(holder)?;
            stage.report(first % 6, attempts, holder, outcome)
        }
        17..=19 => judge(stage, first % 6, second, third)?,
        20 => Command::Expire {
            task,
            attempt: attempts,
            end: [AttemptEnd::LeaseExpired, AttemptEnd::AgentLost][usize::from(second % 2)],
        },
        21 => end(task, second),
        22 => match second % 4 {
            0 => Command::Withdraw {
                service: "db".parse().unwrap(),
            },
            _ => Command::Declare(database(1 + u32::from(third % 3))),
        },
        _ => Command::Observe(Observation {
            service: "db".parse().unwrap(),
            revision: stage.state.services().revision(),
            node: node_id(node),
            sight: [Sight::Up, Sight::Down][usize::from(second % 2)],
            latency_ms: third.into(),
            detail: String::new(),
            at: stage.now,
        }),
    })
}

/// A way in which a task may end, or wait.
fn end(task: TaskId, choice: u8) -> Command {
    match choice % 5 {
        0 => Command::Cancel { task },
        1 => Command::Lapse { task },
        2 => Command::Unblock { task },
        3 => Command::Redraw { task, round: 1 },
        _ => Command::Block {
            task,
            blockage: Blockage::NobodyPresent,
        },
    }
}

fn database(probers: u32) -> ServiceSpec {
    ServiceSpec {
        name: "db".parse().unwrap(),
        probe: "probe.tcp".parse().unwrap(),
        target: BTreeMap::new(),
        interval_ms: 1_000,
        timeout_ms: 500,
        retries: 0,
        probers,
        quorum: 1,
        nodes: Vec::new(),
    }
}

fn judge(stage: &Stage, task: u8, place: u8, letter: u8) -> Option<Command> {
    let record = stage.state.ledger().task(task_id(task))?;
    let round = record.round.as_ref()?;
    let (verifier, _) = round
        .drawn
        .get(usize::from(place) % round.drawn.len().max(1))?;
    let finding = match letter % 4 {
        0 => Finding::Unavailable("busy".to_owned()),
        1 => Finding::Rejected("no".to_owned()),
        _ => Finding::Accepted,
    };
    Some(stage.verdict(task, round.number, *verifier, finding))
}

/// What the ledger promises of every task, whatever was applied.
fn check_laws(state: &State, ended: &mut BTreeMap<TaskId, TaskState>) {
    let mut runs: BTreeMap<NodeId, usize> = BTreeMap::new();
    for task in state.ledger().tasks() {
        if let Some(end) = ended.get(&task.id) {
            assert_eq!(task.state, *end, "a final state was left");
        }
        if task.state.is_final() {
            ended.insert(task.id, task.state.clone());
        }
        let open = task
            .attempts
            .iter()
            .filter(|attempt| attempt.ended.is_none())
            .count();
        let running = matches!(task.state, TaskState::Assigned | TaskState::Running);
        assert_eq!(
            open,
            usize::from(running),
            "{:?} with {open} open attempts",
            task.state
        );
        assert!(task.attempts.len() <= task.spec.attempts_max as usize);
        assert!(task.history.len() <= limits::TASK_HISTORY_MAX);
        for (node, _, _) in held(task) {
            *runs.entry(node).or_default() += 1;
        }
        let verifying = task.state == TaskState::Verifying;
        assert_eq!(state.ledger().case(task.id).is_some(), verifying);
    }
    for member in state.roster().members() {
        let counted = state.crew().runs_on(member.id).count();
        assert_eq!(counted, runs.get(&member.id).copied().unwrap_or_default());
    }
    for service in state.services().iter() {
        assert!(service.probers.len() <= service.spec.probers as usize);
        assert!(
            service
                .observations
                .keys()
                .all(|node| service.probers.contains(node))
        );
        let present = |node: &NodeId| state.roster().is_present(*node);
        assert!(service.probers.iter().all(present), "a lost node probes");
    }
}

/// Takes a state through its checkpoint.
fn reread(state: &State) -> State {
    let checkpoint = Checkpoint {
        index: state.applied(),
        term: Term(1),
        chain: Hash::default(),
        voters: Vec::new(),
        learners: Vec::new(),
        epoch: Epoch(1),
        trust: Trust::Byzantine,
        handovers: Vec::new(),
        certificate: None,
        state: state.clone(),
    };
    Checkpoint::decode(&checkpoint.encode())
        .expect("a checkpoint reads back")
        .state
}

/// Plays wishes, several to a batch, on one replica; another gets the batches as bytes and goes through a checkpoint now
/// and then.
fn check(wishes: &[Wish], batch: usize) {
    let mut one = Stage::new(3);
    let mut other = one.state.clone();
    let mut ended = BTreeMap::new();
    for (number, wishes) in wishes.chunks(batch).enumerate() {
        one.now = one.now.plus_ms(u64::from(wishes[0].3) * 50);
        let commands: Vec<Command> = wishes
            .iter()
            .filter_map(|wish| grant(&mut one, *wish))
            .collect();
        let bytes = codec::encode(&Batch {
            stamped_at: one.now,
            commands: commands.clone(),
        });
        let read: Batch = codec::decode(&bytes).expect("a batch reads back");
        assert_eq!(read.commands, commands);
        let index = other.applied().next();
        let here: Applied = one.apply(commands);
        let there = other.apply(index, &read);
        assert_eq!(here, there);
        assert_eq!(one.state.digest(), other.digest());
        check_laws(&one.state, &mut ended);
        // The indexes, too: those that grew with the state, and those that are built anew.
        assert!(reread(&one.state) == one.state, "an index has drifted");
        if number % 7 == 3 {
            other = reread(&other);
            assert_eq!(one.state.digest(), other.digest());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// MSH-9: the same state digest on all replicas at the same index.
    #[test]
    fn replicas_agree_and_no_task_breaks_its_laws(
        wishes in proptest::collection::vec(any::<Wish>(), 1..160),
        batch in 1_usize..6,
    ) {
        check(&wishes, batch);
    }

    #[test]
    fn foreign_bytes_are_no_batch_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        if let Ok(batch) = codec::decode::<Batch>(&bytes) {
            let mut state = Stage::new(1).state;
            let index = state.applied().next();
            state.apply(index, &batch);
        }
        prop_assert!(Checkpoint::decode(&bytes).is_err());
    }
}

#[test]
fn the_ledgers_time_never_goes_back() {
    let mut stage = Stage::new(1);
    let later = stage.now.plus_ms(1_000);
    for (stamp, expected) in [
        (later, later),
        (stage.now, later),
        (later.plus_ms(1), later.plus_ms(1)),
    ] {
        stage.now = stamp;
        stage.apply(Vec::new());
        assert_eq!(stage.state.now(), expected);
    }
}

#[test]
fn an_unknown_version_or_command_is_an_error() {
    let batch = Batch {
        stamped_at: super::stage::FOUNDED,
        commands: vec![Command::Cancel { task: task_id(1) }],
    };
    let bytes = codec::encode(&batch);
    assert_eq!(codec::decode::<Batch>(&bytes), Ok(batch));
    assert_eq!(bytes[..2], [0x08, 0x01], "the version comes first");
    let mut newer = bytes.clone();
    newer[1] = 2;
    assert_eq!(
        codec::decode::<Batch>(&newer).unwrap_err().code(),
        "HMS-CODEC-UNKNOWN"
    );
    // An empty command: what an older node sees of a command that it does not know.
    let unknown = [&bytes[..], &[0x1a, 0x00]].concat();
    assert_eq!(
        codec::decode::<Batch>(&unknown).unwrap_err().code(),
        "HMS-CODEC-MISSING"
    );
}
