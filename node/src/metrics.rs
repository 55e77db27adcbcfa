//! Every metric of a node, on one page, and the page that Prometheus reads.
//!
//! Names are `hms_<room>_<noun>_<unit>`. Labels have few values: nothing that a peer can invent becomes a label.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use prometheus::{
    Encoder as _, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    TextEncoder,
};

/// A node's metrics. Cloning shares them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    names: Arc<BTreeSet<String>>,
    /// Inputs handled by the mind.
    pub drive_inputs_total: IntCounter,
    /// How late the loop ran, in seconds.
    pub drive_lag_seconds: Histogram,
    /// Effects ordered by the mind.
    pub drive_effects_total: IntCounter,
    /// Log writes that became durable.
    pub store_writes_total: IntCounter,
    /// Envelopes refused, by code.
    pub post_refused_total: IntCounterVec,
    /// Times that a peer sent too much that only it can be blamed for.
    pub post_deaf_total: IntCounter,
    /// Frames of such peers thrown away unopened.
    pub post_unheard_total: IntCounter,
    /// Messages dropped because a peer's queue was full or the peer was gone.
    pub post_dropped_total: IntCounter,
    /// Orders to agents dropped because their queue was full.
    pub agent_orders_dropped_total: IntCounter,
    /// Agents hosted.
    pub agent_hosted_count: IntGauge,
    /// Runs under way.
    pub agent_runs_count: IntGauge,
    /// Runs ended, by outcome.
    pub agent_runs_total: IntCounterVec,
    /// Steps of tasks in the ledger, by the state stepped into. Voters only.
    pub ledger_task_steps_total: IntCounterVec,
    /// Changes of services' health in the ledger, by the health changed to. Voters only.
    pub ledger_health_changes_total: IntCounterVec,
    /// Nodes and agents that evidence has convicted. Voters only.
    pub ledger_convictions_total: IntCounter,
    /// The newest entry applied. Voters only.
    pub ledger_applied_index: IntGauge,
    /// The Raft term.
    pub raft_term_number: IntGauge,
    /// 1 on the leader, 0 elsewhere.
    pub raft_leader_flag: IntGauge,
    /// Members known.
    pub net_members_count: IntGauge,
    /// Members with a direct connection.
    pub net_links_count: IntGauge,
    /// Calls answered, by method and code.
    pub gateway_calls_total: IntCounterVec,
    /// Calls refused unread, because their client makes too many.
    pub gateway_paced_total: IntCounter,
    /// Time from a call to its answer, in seconds.
    pub gateway_call_seconds: Histogram,
    /// Resident memory.
    pub node_memory_bytes: IntGauge,
    /// Processor load in thousandths.
    pub node_load_permille: IntGauge,
}

impl Metrics {
    /// Makes and registers all metrics.
    ///
    /// # Panics
    /// If two metrics have one name, which a test rules out.
    pub fn new() -> Self {
        let registry = Registry::new();
        let page = Page {
            registry: &registry,
            names: RefCell::default(),
        };
        Self {
            drive_inputs_total: page
                .counter("hms_drive_inputs_total", "Inputs handled by the mind."),
            drive_lag_seconds: page.histogram("hms_drive_lag_seconds", "How late the loop ran."),
            drive_effects_total: page
                .counter("hms_drive_effects_total", "Effects ordered by the mind."),
            store_writes_total: page.counter("hms_store_writes_total", "Durable log writes."),
            post_refused_total: page.counters(
                "hms_post_refused_total",
                "Envelopes refused.",
                &["code"],
            ),
            post_deaf_total: page.counter(
                "hms_post_deaf_total",
                "Times that a peer is not listened to for a while, because of what it sent.",
            ),
            post_unheard_total: page.counter(
                "hms_post_unheard_total",
                "Frames thrown away unopened, because their sender is not listened to.",
            ),
            post_dropped_total: page.counter("hms_post_dropped_total", "Messages dropped."),
            agent_orders_dropped_total: page.counter(
                "hms_agent_orders_dropped_total",
                "Orders to agents dropped because their queue was full.",
            ),
            agent_hosted_count: page.gauge("hms_agent_hosted_count", "Agents hosted."),
            agent_runs_count: page.gauge("hms_agent_runs_count", "Runs under way."),
            agent_runs_total: page.counters("hms_agent_runs_total", "Runs ended.", &["outcome"]),
            ledger_task_steps_total: page.counters(
                "hms_ledger_task_steps_total",
                "Steps of tasks in the ledger, by the state stepped into.",
                &["state"],
            ),
            ledger_health_changes_total: page.counters(
                "hms_ledger_health_changes_total",
                "Changes of services' health in the ledger.",
                &["health"],
            ),
            ledger_convictions_total: page.counter(
                "hms_ledger_convictions_total",
                "Nodes and agents that evidence has convicted.",
            ),
            ledger_applied_index: page.gauge("hms_ledger_applied_index", "Newest entry applied."),
            raft_term_number: page.gauge("hms_raft_term_number", "The Raft term."),
            raft_leader_flag: page.gauge("hms_raft_leader_flag", "1 on the leader, 0 elsewhere."),
            net_members_count: page.gauge("hms_net_members_count", "Members known."),
            net_links_count: page.gauge("hms_net_links_count", "Members directly connected."),
            gateway_calls_total: page.counters(
                "hms_gateway_calls_total",
                "Calls answered.",
                &["method", "code"],
            ),
            gateway_paced_total: page
                .counter("hms_gateway_paced_total", "Calls refused unread: too many."),
            gateway_call_seconds: page.histogram(
                "hms_gateway_call_seconds",
                "Time from a call to its answer.",
            ),
            node_memory_bytes: page.gauge("hms_node_memory_bytes", "Resident memory."),
            node_load_permille: page
                .gauge("hms_node_load_permille", "Processor load, thousandths."),
            names: Arc::new(page.names.take()),
            registry,
        }
    }

    /// The name of every metric, also of those that have no value yet and so are not on the page.
    pub fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// The page in Prometheus's text format 0.0.4.
    pub fn render(&self) -> String {
        let mut page = Vec::new();
        match TextEncoder::new().encode(&self.registry.gather(), &mut page) {
            Ok(()) => String::from_utf8_lossy(&page).into_owned(),
            Err(error) => {
                tracing::error!(%error, "metrics cannot be written");
                String::new()
            }
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

struct Page<'a> {
    registry: &'a Registry,
    names: RefCell<BTreeSet<String>>,
}

/// Times of interest lie between a tenth of a millisecond and ten seconds.
const SECONDS_BUCKETS: [f64; 14] = [
    0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

impl Page<'_> {
    fn register<M: prometheus::core::Collector + Clone + 'static>(&self, metric: M) -> M {
        let names = metric.desc().into_iter().map(|desc| desc.fq_name.clone());
        self.names.borrow_mut().extend(names);
        self.registry
            .register(Box::new(metric.clone()))
            .expect("every metric has its own name");
        metric
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::new(name, help).expect("names on this page are valid"))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        let options = Opts::new(name, help);
        self.register(IntCounterVec::new(options, labels).expect("names on this page are valid"))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::new(name, help).expect("names on this page are valid"))
    }

    fn histogram(&self, name: &str, help: &str) -> Histogram {
        let options = HistogramOpts::new(name, help).buckets(SECONDS_BUCKETS.to_vec());
        self.register(Histogram::with_opts(options).expect("names on this page are valid"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OBS-1: the page holds every metric that has a value, under its documented name.
    #[test]
    fn the_page_names_what_it_counts() {
        let metrics = Metrics::new();
        metrics.drive_inputs_total.inc();
        metrics
            .gateway_calls_total
            .with_label_values(&["submit", "ok"])
            .inc();
        let page = metrics.render();
        assert!(page.contains("hms_drive_inputs_total 1"), "{page}");
        assert!(
            page.contains("hms_gateway_calls_total{code=\"ok\",method=\"submit\"} 1"),
            "{page}"
        );
        assert!(
            page.contains("# HELP hms_raft_term_number The Raft term."),
            "{page}"
        );
    }
}
