//! What can be typed: the global options and the nouns. Every noun's verbs stand in its own file.

use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use hms_client::domain::member::GATEWAY_USUAL;

use crate::agent::AgentCommand;
use crate::audit::AuditCommand;
use crate::bench::BenchCommand;
use crate::drill::DrillCommand;
use crate::evidence::EvidenceCommand;
use crate::exit::EXIT_CODES;
use crate::mesh::MeshCommand;
use crate::node::NodeCommand;
use crate::operator::OperatorCommand;
use crate::phrase::parse_span;
use crate::prove::ProveCommand;
use crate::receipt::ReceiptCommand;
use crate::screen::Format;
use crate::service::ServiceCommand;
use crate::skill::SkillCommand;
use crate::snapshot::SnapshotCommand;
use crate::task::TaskCommand;
use crate::testnet::TestnetCommand;
use crate::token::TokenCommand;

/// Talk to an HMS mesh: watch services, run tasks, prove theorems.
#[derive(Debug, Parser)]
#[command(
    name = "hms",
    version,
    after_help = EXIT_CODES,
    disable_help_subcommand = true,
    infer_subcommands = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// Gateways of the mesh, HOST:PORT, tried in turn; any node will do.
    #[arg(
        long,
        short = 'a',
        global = true,
        env = "HMS_ADDRESS",
        value_delimiter = ',',
        default_value = GATEWAY_USUAL,
        value_name = "HOST:PORT"
    )]
    pub(crate) address: Vec<String>,
    /// How the answer is shown.
    #[arg(long, short = 'o', global = true, value_enum, default_value_t = Format::Text)]
    pub(crate) output: Format,
    /// How long the command may take, for example 500ms, 30s, 5m [default: 10s; waiting commands: no end].
    #[arg(long, short = 't', global = true, value_parser = parse_span, value_name = "SPAN")]
    pub(crate) timeout: Option<Duration>,
}

/// The nouns.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the mesh in one look.
    #[command(after_help = "Example:\n  hms status\n  hms status -o json")]
    Status,
    /// Ask one node who it is and who leads.
    #[command(after_help = "Example:\n  hms ping --address 127.0.0.1:7401")]
    Ping,
    /// Members of the mesh.
    #[command(subcommand)]
    Node(NodeCommand),
    /// Agents: who does the work.
    #[command(subcommand)]
    Agent(AgentCommand),
    /// Skills: what agents can do.
    #[command(subcommand)]
    Skill(SkillCommand),
    /// What goes on inside the mesh.
    #[command(subcommand)]
    Mesh(MeshCommand),
    /// Tasks: work for agents.
    #[command(subcommand)]
    Task(TaskCommand),
    /// Receipts: what the mesh's ledger holds of a task, checked without the mesh.
    #[command(subcommand)]
    Receipt(ReceiptCommand),
    /// The audit log: who did what, when and why, from the certified ledger.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Evidence: what convicts a node or an agent.
    #[command(subcommand)]
    Evidence(EvidenceCommand),
    /// Prove every theorem of a Metamath file, each on its own agent, each checked by others.
    Prove(ProveCommand),
    /// Services that the mesh watches.
    #[command(subcommand)]
    Service(ServiceCommand),
    /// What only the operator may do: who votes, and which key is the operator's.
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// Snapshots: the mesh's state as a file.
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Join tokens: with one, one node may join.
    #[command(subcommand)]
    Token(TokenCommand),
    /// A local mesh of real processes, for trials and tests.
    Testnet(TestnetCommand),
    /// Drills: attacks on a mesh that is made for it, and a signed report of what held.
    #[command(subcommand)]
    Drill(DrillCommand),
    /// Run three nodes in this terminal, until Ctrl-C.
    #[command(after_help = "Example:\n  hms dev")]
    Dev,
    /// Measure a mesh that is brought up for it.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Print a completion script for a shell.
    #[command(
        after_help = "Example:\n  hms completions bash > ~/.local/share/bash-completion/completions/hms"
    )]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the version.
    #[command(after_help = "Example:\n  hms version -o json")]
    Version,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_commands_are_consistent() {
        Cli::command().debug_assert();
    }

    /// Every call of the mesh's service, and a command that makes it.
    const CALLS: [(&str, &str); 28] = [
        ("Ping", "ping"),
        ("Status", "status"),
        ("SubmitTask", "task submit"),
        ("GetTask", "task show"),
        ("ListTasks", "task list"),
        ("WatchTask", "task wait"),
        // The same in the plan's words: for programs.
        ("StreamTaskEvents", "task wait"),
        ("WatchEvents", "mesh events"),
        ("CancelTask", "task cancel"),
        ("ExplainTask", "task why"),
        ("ListAgents", "agent list"),
        ("GetAgent", "agent show"),
        ("SpawnAgent", "agent spawn"),
        ("StopAgent", "agent stop"),
        ("ListNodes", "node list"),
        ("ListSkills", "skill list"),
        ("ListServices", "service list"),
        ("GetService", "service show"),
        ("DeclareServices", "service apply"),
        ("WithdrawService", "service withdraw"),
        ("ListTopics", "mesh topics"),
        ("GetReceipt", "task receipt"),
        ("GetGenesis", "mesh genesis"),
        ("ReadLedger", "audit export"),
        ("SaveSnapshot", "snapshot save"),
        ("ListEvidence", "evidence list"),
        ("GetEvidence", "evidence show"),
        ("Operate", "operator raft remove"),
    ];

    /// UI-6: whatever the mesh can be asked, a command asks, and answers in JSON for whoever wants it.
    #[test]
    fn every_call_of_the_mesh_has_a_command_with_json() {
        let schema = include_str!("../../../proto/hms/v1/gateway.proto");
        let calls = schema.lines().filter_map(|line| {
            let (name, _) = line.trim().strip_prefix("rpc ")?.split_once(' ')?;
            Some(name)
        });
        assert_eq!(calls.collect::<Vec<_>>(), CALLS.map(|(call, _)| call));
        let root = Cli::command();
        let output = root
            .get_arguments()
            .find(|argument| argument.get_id() == "output");
        assert!(output.is_some_and(clap::Arg::is_global_set));
        for (call, path) in CALLS {
            let found = path
                .split(' ')
                .try_fold(&root, |command, word| command.find_subcommand(word));
            assert!(
                found.is_some(),
                "nothing makes the call {call}: hms {path} is no command"
            );
        }
    }

    #[test]
    fn every_command_shows_an_example_in_its_help() {
        fn check(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            if command.has_subcommands() {
                command
                    .get_subcommands()
                    .for_each(|verb| check(verb, &path));
                return;
            }
            let after = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(after.contains("Example:\n  hms"), "{path} has no example");
        }
        Cli::command()
            .get_subcommands()
            .for_each(|command| check(command, "hms"));
    }

    #[test]
    fn the_help_documents_every_exit_code() {
        let help = Cli::command().render_help().to_string();
        for code in [0, 1, 2, 5, 6, 7, 8, 64] {
            assert!(
                help.contains(&format!("\n  {code:>3}  ")),
                "{code} is missing in\n{help}"
            );
        }
    }

    #[test]
    fn addresses_come_as_a_list() {
        let cli = Cli::try_parse_from(["hms", "-a", "a:1,b:2", "status"]).unwrap();
        assert_eq!(cli.global.address, ["a:1", "b:2"]);
    }

    #[test]
    fn global_options_may_stand_anywhere() {
        let cli = Cli::try_parse_from(["hms", "node", "list", "-o", "json", "-t", "2s"]).unwrap();
        assert_eq!(cli.global.output, Format::Json);
        assert_eq!(cli.global.timeout, Some(Duration::from_secs(2)));
    }
}
