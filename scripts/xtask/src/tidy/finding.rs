//! Something a check found, with the place where it stands.

use std::fmt;

/// One broken rule. Orders by place, so that a report reads like the tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// The file, relative to the workspace, with `/` between folders.
    pub(crate) path: String,
    /// The line, from 1; 0 when the finding concerns the whole file.
    pub(crate) line: usize,
    /// The short name of the rule, for example `R4`.
    pub(crate) rule: &'static str,
    /// What is wrong and what would be right.
    pub(crate) message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{}:{}: [{}] {}",
            self.path, self.line, self.rule, self.message
        )
    }
}
