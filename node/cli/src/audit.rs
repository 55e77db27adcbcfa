//! `hms audit`: who did what, when and why, read from the ledger itself.
//!
//! The mesh sends the ledger as it is, with what certifies it; an exported file is the same, for later and for others.
//! Nobody has to believe the node that sent it: `hms audit verify` needs the file and the mesh's genesis.

mod export;
mod file;
mod line;

mod verify;
mod wanted;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use hms_client::LedgerQuery;
use hms_client::domain::act::Act;
use hms_client::domain::codec;
use hms_client::domain::transcript::{LedgerEntry, TranscriptPart};
use tokio::time::{Instant, timeout_at};

use self::export::ExportCommand;
use self::file::Transcript;
use self::line::Line;
use self::wanted::Wanted;
use crate::args::Global;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::screen::Screen;
use crate::session::{Names, Session};

/// The audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Show the newest entries of the audit log.
    #[command(
        after_help = "Example:\n  hms audit tail\n  hms audit tail -n 100 --follow\n  hms audit tail --file mesh.ledger -o json\n\nWith -o json every line is an object. The log holds commands that the mesh refused, too: what came of one, `hms task show` says."
    )]
    Tail {
        /// At most so many lines.
        #[arg(long, short = 'n', default_value_t = 20, value_name = "NUMBER")]
        lines: usize,
        /// Go on with what is done from now on, until interrupted or --timeout.
        #[arg(long, short, conflicts_with = "file")]
        follow: bool,
        #[command(flatten)]
        source: Source,
    },
    /// Search the audit log, from the oldest entry that is kept.
    #[command(
        after_help = "Example:\n  hms audit search --task 0198a2c4-7e1b-7c3d-9a55-5b8d1f2a3c4d\n  hms audit search --what convicted,removed --since 7d\n  hms audit search --node n2 lost\n\nEvery condition that is given must hold; TEXT may stand anywhere in a line."
    )]
    Search {
        #[command(flatten)]
        wanted: Box<Wanted>,
        /// At most so many lines, the newest.
        #[arg(long, default_value_t = 1_000, value_name = "NUMBER")]
        limit: usize,
        #[command(flatten)]
        source: Source,
    },
    /// Write the ledger to a file, with what certifies it.
    #[command(after_help = export::EXAMPLES)]
    Export(ExportCommand),
    /// Check an exported ledger with nothing but the mesh's genesis, and say what it covers.
    #[command(
        after_help = "Example:\n  hms audit verify mesh.ledger --genesis genesis.hms\n\nA ledger in which anything was edited, removed or moved ends with exit code 5 and the first bad entry."
    )]
    Verify {
        /// The exported ledger.
        file: PathBuf,
        /// The mesh's genesis.
        #[arg(long, value_name = "FILE")]
        genesis: PathBuf,
    },
}

/// Where the audit log is read from.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// Read an exported ledger instead of asking the mesh.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Runs a command about the audit log.
pub(crate) async fn run(command: AuditCommand, global: &Global) -> Result<Exit, Fault> {
    match command {
        AuditCommand::Tail {
            lines,
            follow,
            source,
        } => {
            let newest = Newest::new(lines, Wanted::default());
            match &source.file {
                Some(file) => show_file(file, newest, global),
                None => tail(newest, follow, &Session::open(global)?).await,
            }
        }
        AuditCommand::Search {
            wanted,
            limit,
            source,
        } => match &source.file {
            Some(file) => show_file(file, Newest::new(limit, wanted.offline()?), global),
            None => search(*wanted, limit, &Session::open(global)?).await,
        },
        AuditCommand::Export(command) => command.run(&Session::open(global)?).await,
        AuditCommand::Verify { file, genesis } => {
            verify::run(&file, &genesis, Screen::open(global.output))
        }
    }
}

/// The newest acts that are wanted.
#[derive(Debug)]
struct Newest {
    max: usize,
    wanted: Wanted,
    acts: VecDeque<Act>,
}

impl Newest {
    fn new(max: usize, wanted: Wanted) -> Self {
        Self {
            max,
            wanted,
            acts: VecDeque::new(),
        }
    }

    fn take(&mut self, entry: &LedgerEntry) -> Result<(), codec::CodecError> {
        for act in codec::act::read(entry)? {
            if self.wanted.has(&act) {
                self.acts.push_back(act);
            }
            if self.max < self.acts.len() {
                self.acts.pop_front();
            }
        }
        Ok(())
    }

    fn take_all(&mut self, parts: &[TranscriptPart]) -> Result<(), Fault> {
        for part in parts {
            if let TranscriptPart::Entry(entry) = part {
                self.take(entry).map_err(unreadable_entry)?;
            }
        }
        Ok(())
    }

    /// Shows what was taken, and forgets it.
    fn show(&mut self, names: &Names, screen: Screen) -> Result<(), Fault> {
        for act in self.acts.drain(..) {
            screen.print(&Line::of(&act, names).render(screen))?;
        }
        Ok(())
    }
}

/// The mesh sends what this version does not know.
fn unreadable_entry(error: codec::CodecError) -> Fault {
    Fault::Client(error.into())
}

/// The newest lines of a mesh's log, and with `follow` those to come.
async fn tail(mut newest: Newest, follow: bool, session: &Session) -> Result<Exit, Fault> {
    let names = session.names().await?;
    let last = u64::try_from(newest.max).unwrap_or(u64::MAX);
    let query = LedgerQuery {
        last: Some(last.max(1)),
        follow,
        ..LedgerQuery::default()
    };
    let mut ledger = session.client.read_ledger(query);
    let end = session.patience.map(|patience| Instant::now() + patience);
    loop {
        let parts = match end {
            Some(end) => match timeout_at(end, ledger.next()).await {
                Ok(parts) => parts?,
                // The time that the person gave has passed: that is what was asked for.
                Err(_) if follow => return Ok(Exit::Done),
                Err(_) => return Err(too_slow(session)),
            },
            None => ledger.next().await?,
        };
        let Some(parts) = parts else {
            newest.show(&names, session.screen)?;
            return Ok(Exit::Done);
        };
        newest.take_all(&parts)?;
        if follow {
            newest.show(&names, session.screen)?;
        }
    }
}

fn too_slow(session: &Session) -> Fault {
    let within = session.patience.unwrap_or_default();
    Fault::Client(hms_client::ClientError::TooSlow { within })
}

/// What is wanted of all that a mesh has kept.
async fn search(wanted: Wanted, limit: usize, session: &Session) -> Result<Exit, Fault> {
    let names = session.names().await?;
    let mut newest = Newest::new(limit, wanted.resolve(&names)?);
    let mut ledger = session.client.read_ledger(LedgerQuery::default());
    while let Some(parts) = ledger.next().await? {
        newest.take_all(&parts)?;
    }
    newest.show(&names, session.screen)?;
    Ok(Exit::Done)
}

/// What is wanted of an exported ledger, as it stands there.
fn show_file(path: &Path, mut newest: Newest, global: &Global) -> Result<Exit, Fault> {
    let mut transcript = Transcript::open(path)?;
    while let Some(part) = transcript.next()? {
        if let TranscriptPart::Entry(entry) = &part {
            newest.take(entry).map_err(|source| Fault::BadTranscript {
                path: path.to_owned(),
                source,
            })?;
        }
    }
    newest.show(&Names::default(), Screen::open(global.output))?;
    Ok(Exit::Done)
}
