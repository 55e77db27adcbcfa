//! `hms token`: join tokens, made away from the mesh with the operator's key.
//!
//! A token lets one node in, once, for a while. It is printed and nowhere kept.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use hms_client::domain::member::Role;
use hms_client::domain::token::{TOKEN_TTL_MS_MAX, TokenRefusal};
use hms_keystore::invite;
use serde_json::json;

use crate::exit::Exit;
use crate::fault::Fault;
use crate::operator::OperatorKey;
use crate::phrase::{parse_span, span};
use crate::screen::{Screen, remark};

/// Join tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token with which one node may join.
    #[command(
        after_help = "Example:\n  hms token create --role voter\n  hms token create --role worker --ttl 10m --operator-key n1/operator.key\n\n\
            Whoever reads the token first can join with it. Hand it over like a password: as HMS_TOKEN, not in a command that\n\
            others can list."
    )]
    Create(Create),
}

/// A token to be.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The most that the node may be. A voter beyond those that the mesh wants is a spare.
    #[arg(long, value_enum)]
    role: Wish,
    /// How long it is good, at most 30d.
    #[arg(long, default_value = "1h", value_parser = parse_span, value_name = "SPAN")]
    ttl: Duration,
    /// The mesh's genesis [default: genesis.hms beside the operator's key]
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
    #[command(flatten)]
    key: OperatorKey,
}

/// What a node may be.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Wish {
    /// Holds the ledger, and votes if the mesh lacks a voter.
    Voter,
    /// Hosts agents only.
    Worker,
}

/// Runs a command about tokens.
pub(crate) fn run(command: &TokenCommand, screen: Screen) -> Result<Exit, Fault> {
    let TokenCommand::Create(create) = command;
    let mesh = create.key.genesis(create.genesis.as_deref())?.mesh();
    let ttl_ms = u64::try_from(create.ttl.as_millis()).unwrap_or(u64::MAX);
    if TOKEN_TTL_MS_MAX < ttl_ms {
        return Err(Fault::Token(TokenRefusal::TooLong {
            ttl_ms,
            max_ms: TOKEN_TTL_MS_MAX,
        }));
    }
    let (role, word) = match create.role {
        Wish::Voter => (Role::Voter, "voter"),
        Wish::Worker => (Role::Worker, "worker"),
    };
    let invitation = invite(&create.key.load()?, mesh, role, ttl_ms)?;
    screen.show(
        |_| invitation.to_text(),
        || {
            json!({
                "token": invitation.to_text(),
                "mesh": mesh.to_string(),
                "role": word,
                "expires_at_ms": invitation.token().expires_at.0,
            })
        },
    )?;
    if !screen.is_json() {
        remark(&format!("it lets one {word} in, within {}", span(ttl_ms)));
    }
    Ok(Exit::Done)
}
