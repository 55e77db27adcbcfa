//! `hms operator`: what only the operator of a mesh may do, with the operator's key: who votes, and which key is the
//! operator's.
//!
//! Every order is signed here, takes effect in the ledger, and stands there for ever. What takes a while is waited for.

mod seats;
mod signing;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hms_client::domain::order::Order;
use hms_keystore::{create_key, load_key};
use serde_json::json;

use crate::exit::Exit;
use crate::fault::Fault;
use crate::session::Session;

pub(crate) use seats::RaftCommand;
pub(crate) use signing::OperatorKey;

/// The operator's commands.
#[derive(Debug, Subcommand)]
pub(crate) enum OperatorCommand {
    /// Who takes part in Raft: who votes, who is a spare, who leads.
    #[command(subcommand)]
    Raft(RaftCommand),
    /// The operator's key.
    #[command(subcommand)]
    Key(KeyCommand),
}

/// The operator's key.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make another key the operator's; the old one signs nothing any more.
    #[command(
        after_help = "Example:\n  hms operator key rotate --new-key ~/safe/new.key\n  hms operator key rotate --operator-key ~/safe/operator.key --new-key ~/safe/new.key\n\n\
            Tokens that the old key has made and nobody has used are void from then on."
    )]
    Rotate(Rotate),
}

/// A change of keys.
#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// The new key; made if it is not there.
    #[arg(long, value_name = "FILE")]
    new_key: PathBuf,
    #[command(flatten)]
    key: OperatorKey,
}

/// Runs a command of the operator.
pub(crate) async fn run(command: OperatorCommand, session: &Session) -> Result<Exit, Fault> {
    match command {
        OperatorCommand::Raft(command) => seats::run(command, session).await,
        OperatorCommand::Key(KeyCommand::Rotate(rotate)) => rotate_key(&rotate, session).await,
    }
}

async fn rotate_key(rotate: &Rotate, session: &Session) -> Result<Exit, Fault> {
    let old = rotate.key.load()?;
    let new = match load_key(&rotate.new_key)? {
        Some(key) => key,
        None => create_key(&rotate.new_key)?,
    };
    let mesh = rotate.key.mesh(session).await?;
    let order = Order::rotate(mesh, &old.public(), &new);
    rotate.key.order(session, order).await?;
    let path = rotate.new_key.display().to_string();
    session.screen.show(
        |_| format!("the operator's key is now {path}"),
        || json!({ "operator_key": path, "rotated": true }),
    )?;
    Ok(Exit::Done)
}
