//! The clients: each asks one thing after another, of any node, and asks again until somebody answers.
//!
//! They do what a gateway does for its callers: go to the leader that they are told of, wait while there is none, and
//! repeat under the same id what may or may not have happened.

use std::collections::BTreeMap;

use hms_consensus::effect::Answer;
use hms_consensus::input::{Question, Request, TaskFilter, Ticket};
use hms_protocol::id::{AgentId, NodeId, SkillName, TaskId};
use hms_protocol::refusal::Refusal;
use hms_protocol::service::ServiceSpec;
use hms_protocol::task::{TaskKind, TaskSpec, TaskState};
use hms_protocol::time::Moment;
use hms_protocol::verdict::Verification;

use crate::sim::clock::Millis;
use crate::sim::host::HostId;
use hms_testnet::attack::Dice;

/// Who waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A client that goes on with something else.
    Client(usize),
    /// A host that wants to join.
    Joiner(HostId),
    /// A script.
    Script,
}

/// A request until it is answered.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who asks.
    pub caller: Caller,
    /// What.
    pub request: Request,
    /// The host that is asked now.
    pub target: HostId,
    /// The newest ticket: an answer under an older one is too late, unless it is good news.
    pub ticket: Ticket,
    /// How often it was put to somebody.
    pub tries: u32,
    /// When it was first put to somebody.
    pub asked_ms: Millis,
    /// What was known of the task in question when it was first asked.
    pub before: Known,
}

/// What had been promised about a task at some time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Whether it had been acknowledged.
    pub acknowledged: bool,
    /// What it had been decided to be.
    pub decided: Option<TaskState>,
}

/// What to do about an answer.
#[derive(Clone, Debug)]
pub enum Reaction {
    /// It is the answer.
    Done,
    /// Ask again after a while: the named node, or any.
    Again(Millis, Option<NodeId>),
}

/// Every call under way, and the clients.
#[derive(Debug)]
pub struct Crowd {
    dice: Dice,
    tickets: u64,
    calls: BTreeMap<u64, Call>,
    by_ticket: BTreeMap<Ticket, u64>,
    /// Tasks that were submitted, in order.
    pub tasks: Vec<TaskId>,
    /// Agents that were asked for and not stopped.
    spawned: Vec<AgentId>,
    /// How many more requests the clients make.
    pub budget: usize,
}

impl Crowd {
    /// Clients that make so many requests together.
    pub fn new(dice: Dice, budget: usize) -> Self {
        Self {
            dice,
            tickets: 0,
            calls: BTreeMap::new(),
            by_ticket: BTreeMap::new(),
            tasks: Vec::new(),
            spawned: Vec::new(),
            budget,
        }
    }

    /// Opens a call and gives its number.
    pub fn open(&mut self, caller: Caller, request: Request, target: HostId) -> u64 {
        self.tickets += 1;
        let call = Call {
            caller,
            request,
            target,
            ticket: Ticket(0),
            tries: 0,
            asked_ms: 0,
            before: Known::default(),
        };
        self.calls.insert(self.tickets, call);
        self.tickets
    }

    /// A call that is not answered yet.
    pub fn call(&mut self, number: u64) -> Option<&mut Call> {
        self.calls.get_mut(&number)
    }

    /// A new ticket for a call that is about to be put to its target.
    pub fn ticket(&mut self, number: u64) -> Option<(HostId, Ticket, Request)> {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        let call = self.calls.get_mut(&number)?;
        call.ticket = ticket;
        self.by_ticket.insert(ticket, number);
        Some((call.target, ticket, call.request.clone()))
    }

    /// The call that a ticket belongs to, and whether the ticket is its newest.
    pub fn find(&self, ticket: Ticket) -> Option<(u64, bool)> {
        let number = *self.by_ticket.get(&ticket)?;
        let call = self.calls.get(&number)?;
        Some((number, call.ticket == ticket))
    }

    /// Closes a call.
    pub fn close(&mut self, number: u64) -> Option<Call> {
        self.calls.remove(&number)
    }

    /// When each client that waits for a submit has asked.
    pub fn open_since(&self) -> impl Iterator<Item = Millis> {
        let open = self
            .calls
            .values()
            .filter(|call| call.tries != 0 && is_submit(call));
        open.map(|call| call.asked_ms)
    }

    /// Whether anybody still waits.
    pub fn is_waiting(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Time until somebody asks again.
    pub fn patience_ms(&mut self) -> Millis {
        self.dice.between(20, 600)
    }

    /// Any of so many hosts.
    pub fn any(&mut self, hosts: usize) -> HostId {
        HostId(self.dice.below(hosts))
    }

    /// What a client asks next; `None` when it has asked enough. `clock` is the clock of the node that it asks.
    pub fn next_request(&mut self, clock: Moment, via: NodeId) -> Option<Request> {
        self.budget = self.budget.checked_sub(1)?;
        let known = !self.tasks.is_empty();
        Some(match self.dice.below(16) {
            0 if known => Request::Cancel {
                task: self.any_task(),
            },
            1..=3 if known => Request::Read(Question::Task(self.any_task())),
            4 if known => Request::Read(Question::Outline(self.any_task())),
            5 => self.order(),
            6 => Request::Read(self.question()),
            _ => {
                let task = TaskId::from_bytes(self.dice.bytes());
                self.tasks.push(task);
                let spec = self.spec(clock);
                Request::Submit { task, spec, via }
            }
        })
    }

    /// What an operator asks for.
    fn order(&mut self) -> Request {
        let stopped = self.spawned.pop().filter(|_| self.dice.chance(500));
        match (self.dice.below(4), stopped) {
            (0, _) => Request::Declare(service("db", 1)),
            (1, _) => Request::Withdraw {
                service: service("db", 1).name,
            },
            (_, Some(agent)) => Request::Stop { agent },
            (_, None) => {
                let agent = AgentId::from_bytes(self.dice.bytes());
                self.spawned.push(agent);
                Request::Spawn {
                    agent,
                    node: None,
                    skills: ["echo".parse().expect("a valid name")].into(),
                    slots: 1,
                }
            }
        }
    }

    /// What an observer asks for.
    fn question(&mut self) -> Question {
        match self.dice.below(7) {
            0 => Question::Status,
            1 => Question::Nodes,
            2 => Question::Services {
                after: None,
                limit: 100,
            },
            3 => Question::Skills,
            4 => Question::Agents {
                node: None,
                after: None,
                limit: 10,
            },
            5 if !self.tasks.is_empty() => Question::Why(self.any_task()),
            _ => Question::Tasks {
                filter: TaskFilter::default(),
                after: None,
                limit: 10,
            },
        }
    }

    fn any_task(&mut self) -> TaskId {
        self.tasks[self.dice.below(self.tasks.len())]
    }

    fn spec(&mut self, clock: Moment) -> TaskSpec {
        let skill = ["echo", "echo", "nap", "prove.sum"][self.dice.below(4)];
        let input = if skill == "nap" {
            self.dice.between(50, 6_000).to_string().into_bytes()
        } else {
            self.dice.bytes::<16>().to_vec()
        };
        let hurried = self.dice.chance(100);
        let patience_ms = if hurried { 2_000 } else { 60_000 };
        let keyed = self.dice.chance(200);
        TaskSpec {
            input,
            deadline: clock.plus_ms(patience_ms),
            attempt_ms: self.dice.between(1_000, 8_000),
            attempts_max: u32::try_from(self.dice.between(1, 5)).expect("at most five"),
            priority: u8::try_from(self.dice.between(0, 3)).expect("at most three"),
            idempotency_key: keyed.then(|| format!("key-{}", self.dice.below(6))),
            ..spec(skill)
        }
    }
}

/// Whether a client waits for a task to be taken.
pub(crate) fn is_submit(call: &Call) -> bool {
    matches!(call.caller, Caller::Client(_)) && matches!(call.request, Request::Submit { .. })
}

/// What to do about an answer: a node that cannot answer names one that can, or time heals it.
pub fn react(answer: &Result<Answer, Refusal>) -> Reaction {
    match answer {
        Err(Refusal::NotLeader {
            leader: Some(leader),
        }) => Reaction::Again(1, Some(*leader)),
        Err(
            Refusal::NotLeader { leader: None }
            | Refusal::NoQuorum { .. }
            | Refusal::OutcomeUnknown
            | Refusal::Busy { .. },
        ) => Reaction::Again(100, None),
        Ok(_) | Err(_) => Reaction::Done,
    }
}

/// A task that asks for little.
pub fn spec(skill: &str) -> TaskSpec {
    let skill: SkillName = skill
        .parse()
        .expect("the names of simulated skills are valid");
    let proof = skill.as_str().starts_with("prove.");
    TaskSpec {
        kind: if proof {
            TaskKind::Proof
        } else {
            TaskKind::Work
        },
        skill,
        input: b"input".to_vec(),
        deadline: Moment(0),
        attempt_ms: 5_000,
        attempts_max: 3,
        priority: 0,
        idempotency_key: None,
        needs: std::collections::BTreeSet::new(),
        labels: BTreeMap::new(),
        verification: if proof {
            Verification::Kernel
        } else {
            Verification::Reported
        },
    }
}

/// A service that so many nodes probe, a majority of whom decides.
pub fn service(name: &str, probers: u32) -> ServiceSpec {
    ServiceSpec {
        name: name
            .parse()
            .expect("the names of simulated services are valid"),
        probe: "probe.web".parse().expect("a valid name"),
        target: [("url".to_owned(), "http://service".to_owned())].into(),
        interval_ms: 1_000,
        timeout_ms: 500,
        retries: 1,
        probers,
        quorum: probers / 2 + 1,
        nodes: Vec::new(),
    }
}
