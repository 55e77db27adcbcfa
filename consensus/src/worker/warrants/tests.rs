//! What a node believes of the ledger: it is shown, checked, and never goes back. (MSH-14, AGT-1)

use std::collections::{BTreeMap, BTreeSet};

use hms_protocol::certificate::{Phase, Statement};
use hms_protocol::chain::{self, EntryKind};
use hms_protocol::digest::Hash;
use hms_protocol::id::{AgentId, Incarnation, Index, Sequence, Term};
use hms_protocol::keyring::SecretKey;
use hms_protocol::receipt::{KeptEntry, Origin, Records, Showcase};
use hms_protocol::trust::{Trust, VoterSet};

use super::*;
use crate::state::command::{Batch, Command};
use crate::state::trial::{genesis, key};

const TERM: Term = Term(3);
const AGENT: AgentId = AgentId::from_bytes([5; 16]);

fn task(number: u8) -> TaskId {
    TaskId::from_bytes([number; 16])
}

/// A ledger whose founder certifies every entry alone.
struct Ledger {
    key: SecretKey,
    genesis: Vec<u8>,
    origin: Origin,
    entries: BTreeMap<Index, KeptEntry>,
    certificates: BTreeMap<Index, Certificate>,
}

impl Ledger {
    fn found(salt: u8) -> Self {
        let genesis = codec::encode(&genesis(1, salt));
        let origin = codec::origin::read(&genesis).unwrap();
        Self {
            key: key(1),
            genesis,
            origin,
            entries: BTreeMap::new(),
            certificates: BTreeMap::new(),
        }
    }

    /// Gives these tasks to the agent, one command each, in one certified entry.
    fn assign(&mut self, given: &[(u8, u32)]) -> Index {
        let commands = given.iter().map(|(number, attempt)| Command::Assign {
            task: task(*number),
            attempt: *attempt,
            agent: AGENT,
        });
        let data = codec::encode(&Batch {
            stamped_at: Moment(7),
            commands: commands.collect(),
        });
        let (index, before) = match self.entries.last_key_value() {
            Some((last, entry)) => (last.next(), entry.chain),
            None => (Index(2), Hash::from_bytes(*self.origin.mesh.as_bytes())),
        };
        let kind = EntryKind::Batch;
        let chain = chain::link(before, TERM, index, kind, &data);
        let (term, kept) = (TERM, data);
        let entry = KeptEntry {
            kind,
            term,
            data: kept,
            chain,
        };
        self.entries.insert(index, entry);
        let statement = Statement {
            group: self.origin.mesh,
            epoch: Epoch(1),
            phase: Phase::Held,
            term: TERM,
            index,
            hash: chain,
        };
        let founder = BTreeSet::from([self.origin.founder]);
        let voters = VoterSet::new(self.origin.mesh, Epoch(1), Trust::Byzantine, founder).unwrap();
        let certificate = Certificate::gather(&voters, statement, &[statement.attest(&self.key)]);
        self.certificates.insert(index, certificate.unwrap());
        index
    }

    /// The order for an attempt that a command of an entry gives.
    fn order(&self, (number, attempt): (u8, u32), (index, offset): (Index, u32)) -> Dispatch {
        let records = Records {
            mesh: self.origin.mesh,
            entries: &self.entries,
            certificates: &self.certificates,
            handovers: &[],
            agents: BTreeMap::new(),
        };
        let shown = Showcase::build(index, &records).unwrap().show(offset);
        Dispatch {
            run: Run::Attempt {
                task: task(number),
                attempt,
            },
            agent: AGENT,
            incarnation: Incarnation(1),
            as_of: Sequence(1),
            skill: "echo".parse().unwrap(),
            input: Vec::new(),
            report: None,
            limit_ms: 5_000,
            lease_until: Moment(5_000),
            warrant: codec::encode(&shown.unwrap()),
        }
    }

    fn shown(&self) -> SuccessionShown {
        SuccessionShown {
            genesis: self.genesis.clone(),
            handovers: Vec::new(),
        }
    }

    /// What a node of this mesh believes that was told how it began.
    fn believer(&self) -> Warrants {
        let mut warrants = Warrants::new(self.origin.mesh);
        assert!(warrants.learn(&self.shown()));
        warrants
    }
}

fn code(warrants: &mut Warrants, order: &Dispatch) -> &'static str {
    let checked = warrants.check(order);
    checked.map_or_else(|refusal| refusal.code(), |()| "obeyed")
}

#[test]
fn nothing_is_obeyed_before_the_voters_are_known_and_only_this_meshs_genesis_tells() {
    let (mut ledger, stranger) = (Ledger::found(1), Ledger::found(2));
    let index = ledger.assign(&[(1, 1)]);
    let order = ledger.order((1, 1), (index, 0));
    let mut warrants = Warrants::new(ledger.origin.mesh);
    assert!(warrants.is_due(Some(Epoch(1)), Moment(10)));
    assert!(
        !warrants.is_due(Some(Epoch(1)), Moment(11)),
        "it has just asked"
    );
    assert_eq!(code(&mut warrants, &order), "HMS-WARRANT-NO-SUCCESSION");
    assert!(!warrants.learn(&stranger.shown()));
    assert_eq!(code(&mut warrants, &order), "HMS-WARRANT-NO-SUCCESSION");
    assert!(warrants.learn(&ledger.shown()));
    assert!(!warrants.learn(&ledger.shown()), "it is no news");
    assert_eq!(code(&mut warrants, &order), "obeyed");
    assert!(!warrants.is_due(Some(Epoch(1)), Moment(9_999)));
}

#[test]
fn an_order_from_before_what_was_shown_of_its_task_is_refused() {
    let mut ledger = Ledger::found(1);
    let first = ledger.assign(&[(1, 1), (2, 1)]);
    let second = ledger.assign(&[(1, 2)]);
    let mut warrants = ledger.believer();
    let newer = ledger.order((1, 2), (second, 0));
    assert_eq!(code(&mut warrants, &newer), "obeyed");
    let older = ledger.order((1, 1), (first, 0));
    assert_eq!(code(&mut warrants, &older), "HMS-WARRANT-OLD");
    // Another task of that entry is another matter, and so is a repetition.
    let other = ledger.order((2, 1), (first, 1));
    assert_eq!(code(&mut warrants, &other), "obeyed");
    assert_eq!(code(&mut warrants, &newer), "obeyed");
}

#[test]
fn what_was_shown_once_may_be_repeated_without_and_nothing_else() {
    let mut ledger = Ledger::found(1);
    let index = ledger.assign(&[(1, 1)]);
    let mut warrants = ledger.believer();
    let bare = |number, attempt| Dispatch {
        run: Run::Attempt {
            task: task(number),
            attempt,
        },
        warrant: Vec::new(),
        ..ledger.order((1, 1), (index, 0))
    };
    assert_eq!(code(&mut warrants, &bare(1, 1)), "HMS-WARRANT-MISSING");
    let order = ledger.order((1, 1), (index, 0));
    assert_eq!(code(&mut warrants, &order), "obeyed");
    assert_eq!(code(&mut warrants, &bare(1, 1)), "obeyed");
    assert_eq!(code(&mut warrants, &bare(1, 2)), "HMS-WARRANT-MISSING");
    assert_eq!(code(&mut warrants, &bare(2, 1)), "HMS-WARRANT-MISSING");
}

#[test]
fn the_head_moves_forward_only_and_a_refused_order_does_not_move_it() {
    let mut ledger = Ledger::found(1);
    let first = ledger.assign(&[(1, 1)]);
    let second = ledger.assign(&[(2, 1)]);
    let mut warrants = ledger.believer();
    let head = |warrants: &Warrants| warrants.head().map(|it| it.statement.index);
    let mut forged = ledger.order((2, 1), (second, 0));
    let last = forged.warrant.len() - 1;
    forged.warrant[last] ^= 1;
    assert_ne!(code(&mut warrants, &forged), "obeyed");
    assert_eq!(head(&warrants), None);
    assert_eq!(
        code(&mut warrants, &ledger.order((2, 1), (second, 0))),
        "obeyed"
    );
    assert_eq!(head(&warrants), Some(second));
    assert_eq!(
        code(&mut warrants, &ledger.order((1, 1), (first, 0))),
        "obeyed"
    );
    assert_eq!(head(&warrants), Some(second));
}

#[test]
fn an_announced_head_is_kept_if_it_is_good_and_newer_and_few_are_looked_at() {
    let mut ledger = Ledger::found(1);
    let first = ledger.assign(&[(1, 1)]);
    let second = ledger.assign(&[(2, 1)]);
    let mut warrants = ledger.believer();
    let head = |warrants: &Warrants| warrants.head().map(|it| it.statement.index);
    let mut forged = ledger.certificates[&second].clone();
    forged.statement.index = second.next();
    warrants.see(&forged, Moment(1_000));
    assert_eq!(head(&warrants), None);
    // The next one has to wait a little: a liar would have many.
    warrants.see(&ledger.certificates[&second], Moment(1_001));
    assert_eq!(head(&warrants), None);
    warrants.see(&ledger.certificates[&second], Moment(2_000));
    assert_eq!(head(&warrants), Some(second));
    warrants.see(&ledger.certificates[&first], Moment(3_000));
    assert_eq!(head(&warrants), Some(second), "it never goes back");
    let mut stranger = Warrants::new(ledger.origin.mesh);
    stranger.see(&ledger.certificates[&second], Moment(1_000));
    assert_eq!(head(&stranger), None, "the voters are not known");
}

/// One certificate is verified once: a thousand orders under it cost hashes only.
#[test]
fn orders_under_a_known_head_cost_no_signature() {
    let mut ledger = Ledger::found(1);
    let given: Vec<(u8, u32)> = (0..=255).map(|number| (number, 1)).collect();
    let index = ledger.assign(&given);
    let mut warrants = ledger.believer();
    assert_eq!(
        code(&mut warrants, &ledger.order((0, 1), (index, 0))),
        "obeyed"
    );
    // The founder's key is forgotten: no signature could be verified any more.
    let known = warrants.succession.take();
    let nobody = Origin {
        founder: NodeId::from_bytes([0; 32]),
        ..ledger.origin
    };
    warrants.succession = Some(Succession::found(&nobody));
    for number in 1..=255 {
        let order = ledger.order((number, 1), (index, u32::from(number)));
        assert_eq!(code(&mut warrants, &order), "obeyed");
    }
    let later = ledger.assign(&[(1, 2)]);
    let order = ledger.order((1, 2), (later, 0));
    assert_ne!(code(&mut warrants, &order), "obeyed");
    warrants.succession = known;
    assert_eq!(code(&mut warrants, &order), "obeyed");
}

#[test]
fn orders_that_come_too_early_wait_and_the_oldest_goes_first() {
    let mut ledger = Ledger::found(1);
    let index = ledger.assign(&[(1, 1)]);
    let order = ledger.order((1, 1), (index, 0));
    let mut warrants = Warrants::new(ledger.origin.mesh);
    for number in 0..ORDERS_EARLY_MAX + 2 {
        let early = Dispatch {
            limit_ms: number as u64,
            ..order.clone()
        };
        warrants.hold(NodeId::from_bytes([1; 32]), early);
    }
    let released = warrants.release();
    assert_eq!(released.len(), ORDERS_EARLY_MAX);
    assert_eq!(released[0].1.limit_ms, 2);
    assert!(warrants.release().is_empty());
}
