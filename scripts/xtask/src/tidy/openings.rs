//! Every file opens with `//!`: a reader knows in ten seconds which room this is.

use crate::tidy::finding::Finding;
use crate::tidy::source::Source;

/// The shortest opening that can say anything, in characters.
const OPENING_CHARS_MIN: usize = 20;

/// A finding when the first line is not a module doc that says something.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let says_enough = opening(source).is_some_and(|text| OPENING_CHARS_MIN <= text.chars().count());
    if says_enough {
        return Vec::new();
    }
    let message = "the file does not open with `//!` and a sentence that names the room".to_owned();
    vec![source.finding(1, "opening", message)]
}

/// What the first line says, when it is a module doc.
pub(crate) fn opening(source: &Source) -> Option<&str> {
    source
        .text
        .lines()
        .next()?
        .strip_prefix("//!")
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        check(&Source::parse("a/src/x.rs", text).expect("the sample parses")).len()
    }

    #[test]
    fn a_file_opens_with_a_sentence() {
        assert_eq!(count("//! How much healing is allowed.\nfn f() {}"), 0);
        assert_eq!(count("fn f() {}"), 1);
        assert_eq!(count("\n//! Too late to be an opening.\n"), 1);
        assert_eq!(count("//! Todo.\n"), 1);
    }
}
