//! The paces and bounds of one mind: how often it repeats itself, how much it remembers, and what happens when a bound
//! is met.
//!
//! What two nodes must agree on is in `hms_protocol::limits` and beside the heartbeat; nodes may differ in what is here.

use hms_protocol::heartbeat::{FENCE_AFTER_MS, HEARTBEAT_EVERY_MS_MIN};

/// Time between two rounds of the leader's `Lead` messages, in milliseconds. Several fit into a fence period, so that
/// one lost message stops nobody's work.
pub const LEAD_EVERY_MS: u64 = 500;

/// How long a new leader takes no lease away, in milliseconds: every lease that its predecessor vouched for has run out
/// by then, and every node goes by the new leader's clock.
pub const TAKEOVER_MS: u64 = hms_protocol::heartbeat::DEAD_AFTER_MS;

/// How long a run may go on after its lease, in milliseconds: an agent that ends at its limit can still say so. Less than
/// [`EXPIRY_GRACE_MS`], before which no leader gives the attempt to another.
pub const LEASE_SLACK_MS: u64 = 250;

/// Time that a report may take from a lease's end to the leader before the lease counts as expired, in milliseconds.
/// Spares an attempt that ended by its own limit from being counted as silent.
pub const EXPIRY_GRACE_MS: u64 = 500;

/// Time between two dispatches of a run that its node has not confirmed, in milliseconds.
pub const DISPATCH_EVERY_MS: u64 = 2_000;

/// A run that its node confirmed is dispatched again when it was not confirmed anew for this long, in milliseconds: the
/// node may have been fenced and have dropped it. More than two [`RUNNING_EVERY_MS`].
pub const CONFIRM_WITHIN_MS: u64 = 5_000;

/// Age at which a run counts as running and its node says so, in milliseconds. Shorter runs never cost a message.
pub const RUNNING_AFTER_MS: u64 = 250;

/// Time between two such messages about one run, in milliseconds.
pub const RUNNING_EVERY_MS: u64 = 2_000;

/// Time between two sendings of what the leader has not yet taken: reports, enrolments, news of services, orders to
/// bring up or stop an agent. In milliseconds.
pub const REPEAT_EVERY_MS: u64 = 1_000;

/// How often a changed opinion of a service is sent, one [`REPEAT_EVERY_MS`] apart, before only samples follow.
pub const NEWS_REPEATS: u32 = 4;

/// Spread of the first probes of one node, in milliseconds: a long list of services does not start in one burst.
pub const FIRST_PROBE_WITHIN_MS: u64 = 1_000;

/// How long after its timeout a probe that never came back is forgotten, in milliseconds, so that it can be tried again.
pub const PROBE_LOST_AFTER_MS: u64 = 2_000;

/// Services that one node probes. The rest of a longer list is not probed.
pub const WATCHED_MAX: usize = 10_000;

/// Runs under way on one node, and ended runs whose report the leader has not taken. A dispatch beyond it is dropped:
/// the leader repeats it, and counts slots, so only a leader in error meets this bound.
pub const RUNS_MAX: usize = 20_000;

/// Runs that a node remembers as over, so that a late copy of a dispatch does not start one again. Beyond it the oldest
/// is forgotten: the ledger refuses a second report anyway.
pub const RUNS_REMEMBERED_MAX: usize = 8_192;

/// Time between two announcements of how far the ledger is certified, in milliseconds. None is made while it stands still.
pub const HEAD_EVERY_MS: u64 = 1_000;

/// Announced certificates that a node looks at within [`HEAD_EVERY_MS`]. Each costs a quorum's signatures; the others are
/// dropped, and the next announcement is newer anyway.
pub const HEADS_SEEN_MAX: u64 = 4;

/// Orders that a node keeps until it knows the voters who certify them. The oldest is dropped: the leader repeats it.
pub const ORDERS_EARLY_MAX: usize = 256;

/// How often a report is sent again to the leader alone. After that the other voters are told as well: it is a petition.
pub const REPEATS_TO_LEADER: u32 = 2;

/// Reports sent again in one go. The rest waits for the next second, so that a new leader is not flooded.
pub const REPORTS_PER_ROUND_MAX: usize = 512;

/// Beats whose sending a node remembers, to know how old a leader's news of it is. Those within the fence period matter:
/// so many, and one more, fit into it at the quickest pace. The oldest is forgotten.
pub const BEATS_REMEMBERED_MAX: usize = 41;

const _: () = assert!(FENCE_AFTER_MS / HEARTBEAT_EVERY_MS_MIN < BEATS_REMEMBERED_MAX as u64);

/// Commands waiting for the log. A further request is answered `Busy`; commands of the leader's own making wait for
/// their next round.
pub const COMMANDS_WAITING_MAX: usize = 16_384;

/// Bytes of commands waiting for the log. Met like [`COMMANDS_WAITING_MAX`].
pub const COMMANDS_WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Entries proposed and not yet applied, where they take longer than a tick or are full. Commands wait while there are as
/// many.
pub const BATCHES_UNDER_WAY_MAX: usize = 8;

/// Reads waiting for their quorum. A further one is answered `Busy`.
pub const READS_WAITING_MAX: usize = 16_384;

/// Agents being brought up or stopped by request. A further request is answered `Busy`.
pub const RAISINGS_WAITING_MAX: usize = 1_024;

/// How long bringing up or stopping an agent may take, in milliseconds, before the request is answered `TooSlow`.
pub const RAISING_WITHIN_MS: u64 = 10_000;

/// How long a node may know no leader before it says that there is no quorum, in milliseconds: longer than an election
/// with a few split votes.
pub const LEADERLESS_AFTER_MS: u64 = 3_000;

/// Suggestions of the schedule in one round: what one log entry holds.
pub const PLACEMENTS_PER_ROUND_MAX: usize = hms_protocol::limits::BATCH_COMMANDS_MAX;

/// Overdue tasks handled in one round. The rest waits for the next tick.
pub const OVERDUE_PER_ROUND_MAX: usize = 512;

/// Applied entries after which a voter writes a checkpoint, so that the log on disk stays bounded.
pub const CHECKPOINT_EVERY_ENTRIES: u64 = 4_096;

/// Applied bytes after which a voter writes a checkpoint.
pub const CHECKPOINT_EVERY_BYTES: usize = 16 * 1024 * 1024;

/// State digests that a voter keeps for comparison, its own and the others'. The oldest are forgotten.
pub const DIGESTS_KEPT_MAX: usize = 64;

/// Pieces of evidence that a voter checks for one node that brings them, within [`REPEAT_EVERY_MS`]. Each costs two
/// verifications. More are dropped unread: who brings evidence repeats it.
pub const EVIDENCE_CHECKS_PER_NODE_MAX: u32 = 4;

/// Reports and verdicts of one node that their agent has not sealed, within [`REPEAT_EVERY_MS`]: each costs a verification.
/// After as many, what the node reports is dropped unread until the second is over; it repeats what is true. A true one costs a
/// command, and each run takes one: how many there are is for the leader that assigns them.
pub const FORGERIES_PER_NODE_MAX: u32 = 16;

/// Pieces of evidence that a voter tells the others in one round. The rest waits for the next tick.
pub const EVIDENCE_TOLD_PER_ROUND_MAX: usize = 8;

/// How long a petition may stay undecided under one leader, in milliseconds, before a voter gives that leader up: much longer
/// than a command takes, and with what a gateway waits before and an election takes after, less than ten seconds. Each leader
/// given up with nothing petitioned decided in between doubles it, so that a mesh that is only slow keeps its leader.
pub const PETITION_PATIENCE_MS: u64 = 3_000;

/// How often the patience with petitions doubles: to 48 seconds. A petition has to be kept for longer, or it would be
/// forgotten before the leader is given up for it.
pub const PETITION_DOUBLINGS_MAX: u32 = 4;

const _: () = assert!(PETITION_PATIENCE_MS << PETITION_DOUBLINGS_MAX < PETITION_KEPT_MS);

/// How long a petition is kept, in milliseconds. Whoever raised it has given up by then, or asks again.
pub const PETITION_KEPT_MS: u64 = 60_000;

/// Petitions that a voter follows up. Further ones are dropped: the open ones tell as much of the leader.
pub const PETITIONS_OPEN_MAX: usize = 64;

/// Petitions that a voter takes from one node within [`REPEAT_EVERY_MS`]. Each is a command in the log and a message to every
/// voter; more are dropped unread.
pub const PETITIONS_PER_NODE_MAX: u32 = 16;

/// How long after its start a node may still be bringing up the agents of its former life, in milliseconds. An order for
/// an agent that is not there later is answered by retiring it.
pub const AGENTS_UP_WITHIN_MS: u64 = 60_000;

/// Time between two announcements of what a node can do, in milliseconds.
pub const ADVERTISE_EVERY_MS: u64 = 15_000;

/// Skills kept of one node's announcement. The rest is ignored.
pub const SKILLS_PER_NODE_MAX: usize = 256;

/// Calls of clients that pause, under way at one mind at a time. More wait for their turn, round by round. As many as wait
/// elsewhere for nothing else: only a crowd of them, or a node that lies about its clients, meets it.
pub const CALLS_PAUSING_MAX: usize = 1_024;

/// Calls of clients that press, under way at one mind at a time while nobody else asks. More wait for their turn. Two full
/// entries of the log: more would make the queue longer and nothing quicker.
pub const CALLS_PRESSING_MAX: usize = 2 * hms_protocol::limits::BATCH_COMMANDS_MAX;

/// As many of them as make the least round, where others pause. Rounds begin with so many. In one entry of the log they cost
/// about what one of them costs.
pub const CALLS_PER_ROUND_MIN: u64 = 4;

/// Calls of one client that wait for their turn. A further one is refused at once and told when to come again: the client
/// has more on its way than it can be served in a while.
pub const CALLS_WAITING_PER_CLIENT_MAX: usize = 256;

/// Calls that wait for their turn, of those who press and as many of those who pause. A further one is answered `Busy`.
pub const CALLS_WAITING_MAX: usize = 16_384;

/// What a call costs its client in turns beside its bytes, in bytes: what the log and its signatures add to a small one.
pub const TURN_COST_FIXED: u64 = 1_024;

/// How long after somebody who pauses was last seen those who press still make way, in microseconds. Longer than such a
/// client's pauses mostly are; a mesh that only programs use is theirs again after it.
pub const COURTESY_AFTER_US: u64 = 1_000_000;

/// From the beginning of a round to that of the next, in parts of how long the calls of those who press take: so much of the
/// time the log is free for others.
pub const ROUND_REST: u64 = 4;

/// The least time from the beginning of a round to that of the next, in microseconds. Where calls take little, larger rounds
/// do as much as more of them, and cost less.
pub const ROUND_EVERY_US_MIN: u64 = 100_000;

/// The most time from the beginning of a round to that of the next, in microseconds: who presses is served even where
/// something holds everybody up.
pub const ROUND_EVERY_US_MAX: u64 = 1_000_000;

/// How much longer a call may take because others press, beside a quarter of what it takes anyway, in microseconds: what is not noticed is
/// not worth making anybody wait.
pub const COURTESY_SLACK_US: u64 = 5_000;
