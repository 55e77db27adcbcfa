//! The one place that writes to standard output and standard error.
//!
//! Text is for people and may have colours, if a person looks and does not mind (`NO_COLOR`); JSON is for programs, one
//! document per answer, and never has any.

use std::io::{self, IsTerminal as _, Write as _};

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};
use serde_json::{Value, json};

use crate::fault::Fault;

/// How an answer is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// How good a word is, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// All is well.
    Good,
    /// It may become well.
    Warn,
    /// It is not well.
    Bad,
    /// Neither.
    Plain,
}

/// Where answers go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    format: Format,
    colours: bool,
}

impl Screen {
    /// The screen of this process.
    pub(crate) fn open(format: Format) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let colours = wanted && io::stdout().is_terminal();
        Self { format, colours }
    }

    /// A screen without a person in front of it.
    #[cfg(test)]
    pub(crate) const fn plain() -> Self {
        Self {
            format: Format::Text,
            colours: false,
        }
    }

    /// Whether a program reads the answer.
    pub(crate) const fn is_json(self) -> bool {
        self.format.is_json()
    }

    /// Shows an answer in the form that was asked for.
    pub(crate) fn show(
        self,
        text: impl FnOnce(Self) -> String,
        json: impl FnOnce() -> Value,
    ) -> Result<(), Fault> {
        match self.format {
            Format::Text => self.print(&text(self)),
            Format::Json => self.print(&format!("{:#}", json())),
        }
    }

    /// Writes lines as they are; an empty text writes nothing.
    #[expect(
        clippy::unused_self,
        reason = "holding a screen is the right to write to it"
    )]
    pub(crate) fn print(self, text: &str) -> Result<(), Fault> {
        if text.is_empty() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        writeln!(out, "{}", text.trim_end_matches('\n'))?;
        out.flush()?;
        Ok(())
    }

    /// Writes bytes as they are, and nothing else.
    #[expect(
        clippy::unused_self,
        reason = "holding a screen is the right to write to it"
    )]
    pub(crate) fn print_bytes(self, bytes: &[u8]) -> Result<(), Fault> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()?;
        Ok(())
    }

    /// A word in its tone.
    pub(crate) fn tint(self, word: &str, tone: Tone) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "31",
            Tone::Plain => return word.to_owned(),
        };
        if self.colours {
            format!("\u{1b}[{code}m{word}\u{1b}[0m")
        } else {
            word.to_owned()
        }
    }

    /// A table with a heading, to be filled.
    pub(crate) fn table(self, heading: &[&str]) -> Sheet {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Disabled);
        if self.colours {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        let heading = heading
            .iter()
            .map(|name| Cell::new(name).add_attribute(Attribute::Bold));
        table.set_header(heading);
        Sheet { table }
    }
}

/// A table on its way to the screen.
#[derive(Debug)]
pub(crate) struct Sheet {
    table: Table,
}

impl Sheet {
    /// Adds a row of words and their tones.
    pub(crate) fn row<W: Into<String>>(&mut self, words: impl IntoIterator<Item = (W, Tone)>) {
        let cells = words.into_iter().map(|(word, tone)| {
            let cell = Cell::new(word.into());
            match tone {
                Tone::Good => cell.fg(Color::DarkGreen),
                Tone::Warn => cell.fg(Color::DarkYellow),
                Tone::Bad => cell.fg(Color::DarkRed),
                Tone::Plain => cell,
            }
        });
        self.table.add_row(cells);
    }

    /// The lines, without blanks at their ends and without the margin on the left.
    pub(crate) fn render(&self) -> String {
        let lines = self.table.lines().map(|line| {
            let line = line.trim_end();
            line.strip_prefix(' ').unwrap_or(line).to_owned()
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// A word without a tone.
pub(crate) fn plain(word: impl ToString) -> (String, Tone) {
    (word.to_string(), Tone::Plain)
}

/// Says on standard error what went wrong.
pub(crate) fn complain(format: Format, fault: &Fault) {
    let mut err = io::stderr().lock();
    // A closed terminal leaves nobody to tell.
    let _ = match format {
        Format::Text => {
            writeln!(
                err,
                "error: {fault} [{}]\nhint: {}",
                fault.code(),
                fault.hint()
            )
        }
        Format::Json => {
            let (code, hint) = (fault.code(), fault.hint());
            let error = json!({ "code": code, "message": fault.to_string(), "hint": hint });
            writeln!(err, "{}", json!({ "error": error }))
        }
    };
}

/// Says something on standard error that is neither the answer nor a failure.
pub(crate) fn remark(text: &str) {
    // As above.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A list, and below it how much of it is not shown.
pub(crate) fn with_rest(list: String, shown: usize, total: u64) -> String {
    if shown as u64 == total {
        list
    } else {
        format!("{list}\n{shown} of {total}; more with --limit")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_has_no_ragged_ends() {
        let mut sheet = Screen::plain().table(&["NAME", "STATE"]);
        sheet.row([plain("n1"), ("alive".to_owned(), Tone::Good)]);
        sheet.row([plain("node-two"), plain("")]);
        assert_eq!(sheet.render(), "NAME      STATE\nn1        alive\nnode-two");
    }

    #[test]
    fn colours_are_only_for_those_who_want_them() {
        assert_eq!(Screen::plain().tint("down", Tone::Bad), "down");
        let coloured = Screen {
            format: Format::Text,
            colours: true,
        };
        assert_eq!(coloured.tint("down", Tone::Bad), "\u{1b}[31mdown\u{1b}[0m");
        assert_eq!(coloured.tint("down", Tone::Plain), "down");
    }
}
