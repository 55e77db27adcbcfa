//! How clients, joiners and scripts get their answers in a simulated world.

use hms_consensus::effect::Answer;
use hms_consensus::input::{Input, Question, Request, Ticket};
use hms_protocol::id::{NodeId, TaskId};
use hms_protocol::refusal::Refusal;
use hms_testnet::attack::Attack;

use super::{Event, Occurrence, World};
use crate::sim::crowd::{Call, Caller, Reaction, is_submit, react};
use crate::sim::host::HostId;

/// How long a caller waits for an answer before it asks somebody else, in milliseconds.
const PATIENCE_MS: u64 = 3_000;

impl World {
    /// Puts a call to its target. A host that is down refuses the connection.
    pub(super) fn ask(&mut self, number: u64) {
        let Some((target, ticket, request)) = self.crowd.ticket(number) else {
            return;
        };
        if let Some(task) = subject(&request) {
            let known = self.oracle.known(task);
            if let Some(call) = self.crowd.call(number)
                && call.tries == 0
            {
                call.before = known;
            }
        }
        let now = self.agenda.now();
        if let Some(call) = self.crowd.call(number) {
            if call.tries == 0 {
                call.asked_ms = now;
            }
            call.tries += 1;
        }
        if self.hosts[target.0].mind.is_none() {
            self.ask_again(number, 50, None);
            return;
        }
        if !self.is_cheated(number, target, &request) {
            let input = Input::Asked { ticket, request };
            self.plan(0, target, Event::Input(Box::new(input)));
        }
        let impatience = Occurrence::Impatience(number, ticket);
        self.agenda.plan(PATIENCE_MS, impatience);
    }

    /// Whether a host that is an adversary keeps a submit from its mind: it says nothing, or that all is done. A client that
    /// was told so asks somebody else for the receipt.
    fn is_cheated(&mut self, number: u64, host: HostId, request: &Request) -> bool {
        let Request::Submit { task, .. } = request else {
            return false;
        };
        let Some((adversary, scene)) = self.adversary(host) else {
            return false;
        };
        if scene.leads && adversary.does(&scene, Attack::Censor) {
            return true;
        }
        if !adversary.does(&scene, Attack::AcknowledgeFalsely) {
            return false;
        }
        self.chronicle.false_promises.insert(*task);
        if let Some(Caller::Client(client)) = self.crowd.close(number).map(|call| call.caller) {
            let pause = self.crowd.patience_ms();
            self.agenda.plan(pause, Occurrence::Client(client));
        }
        let other = HostId((host.0 + 1) % self.hosts.len());
        self.call(
            Caller::Script,
            Request::Read(Question::Outline(*task)),
            other,
        );
        true
    }

    /// Nobody answered in time. Whoever is asked next does what its gateway would: it tells the voters.
    pub(super) fn lose_patience(&mut self, number: u64, ticket: Ticket) {
        let call = self.crowd.call(number).filter(|it| it.ticket == ticket);
        let Some(request) = call.map(|call| call.request.clone()) else {
            return;
        };
        self.ask_again(number, 1, None);
        if let Some(call) = self.crowd.call(number) {
            let next = call.target;
            let input = Input::Unanswered(request);
            self.plan(1, next, Event::Input(Box::new(input)));
        }
    }

    /// Asks again after a while: the node that was named, or any.
    fn ask_again(&mut self, number: u64, delay: u64, node: Option<NodeId>) {
        let named = node.and_then(|node| self.host_of(node));
        let target = named.unwrap_or_else(|| self.crowd.any(self.hosts.len()));
        if let Some(call) = self.crowd.call(number) {
            call.target = target;
            self.agenda.plan(delay, Occurrence::Ask(number));
        }
    }

    /// A mind has answered.
    pub(super) fn answer(&mut self, ticket: Ticket, answer: Result<Answer, Refusal>) {
        let Some((number, newest)) = self.crowd.find(ticket) else {
            return;
        };
        if answer.is_err() && !newest {
            return;
        }
        match react(&answer) {
            Reaction::Again(delay, node) => self.ask_again(number, delay, node),
            Reaction::Done => {
                if let Some(call) = self.crowd.close(number) {
                    self.finish(call, answer);
                }
            }
        }
    }

    fn finish(&mut self, call: Call, answer: Result<Answer, Refusal>) {
        if let Ok(Answer::Submitted { task, position, .. }) = &answer {
            self.oracle.acknowledged(*task, *position);
        }
        if is_submit(&call) {
            let now = self.agenda.now();
            let took = now.saturating_sub(call.asked_ms);
            self.chronicle.answered.push((call.asked_ms, took));
        }
        let strange = matches!(&call.request, Request::Admit(_)) && call.caller == Caller::Script;
        self.chronicle.refused += u64::from(strange && answer.is_err());
        if let Request::Read(Question::Task(task)) = &call.request {
            let found = match &answer {
                Ok(Answer::Task(found)) => Some(&found.state),
                Ok(_) | Err(_) => None,
            };
            self.oracle.read(*task, &call.before, found);
        }
        if let Ok(Answer::Outline(outline)) = &answer {
            self.take_receipt(call.target, outline);
        }
        match call.caller {
            Caller::Client(client) => {
                let pause = self.crowd.patience_ms();
                self.agenda.plan(pause, Occurrence::Client(client));
            }
            Caller::Joiner(host) => self.admit(host, answer),
            Caller::Script => {
                let words = format!("answer: {}", self.story.answer(&answer));
                self.trace.say(self.agenda.now(), words);
            }
        }
    }

    /// A host that was admitted starts; one that was refused stays out.
    fn admit(&mut self, host: HostId, answer: Result<Answer, Refusal>) {
        match answer {
            Ok(Answer::Admitted { member, roster }) => {
                let members = self.directory.share(roster);
                let disk = &mut self.hosts[host.0].disk;
                disk.role = Some(member.role);
                disk.members = members;
                self.start(host);
            }
            Ok(_) => {}
            Err(refusal) => {
                let words = format!("{} is not admitted: {refusal}", self.hosts[host.0].name);
                self.trace.say(self.agenda.now(), words);
            }
        }
    }

    /// A client asks the next thing, of any host.
    pub(super) fn next_request(&mut self, client: usize) {
        let target = self.crowd.any(self.hosts.len());
        let host = &self.hosts[target.0];
        let (clock, via) = (host.clock(self.agenda.now()), host.node);
        if let Some(request) = self.crowd.next_request(clock, via) {
            if let Request::Submit { task, .. } = &request {
                let name = format!("t{}", self.crowd.tasks.len());
                self.story.name_task(*task, name);
            }
            self.call(Caller::Client(client), request, target);
        }
    }
}

/// The task that a request is about.
fn subject(request: &Request) -> Option<TaskId> {
    match request {
        Request::Submit { task, .. }
        | Request::Cancel { task }
        | Request::Read(Question::Task(task) | Question::Why(task)) => Some(*task),
        Request::Admit(_)
        | Request::Spawn { .. }
        | Request::Stop { .. }
        | Request::Declare(_)
        | Request::Operate(_)
        | Request::Withdraw { .. }
        | Request::Read(_)
        | Request::Glance(_) => None,
    }
}
