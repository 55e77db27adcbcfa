//! Notes to do something later. They belong into an issue, or the condition under which they fall
//! due into a comment.

use crate::tidy::finding::Finding;
use crate::tidy::source::Source;

// Split, so that this file does not find itself.
const MARKS: [&str; 3] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
];

/// A finding for every line with such a note, in comments as in code.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (place, line) in source.text.lines().enumerate() {
        let mut words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        if let Some(mark) = words.find(|word| MARKS.contains(word)) {
            findings.push(source.finding(place + 1, "mark", format!("`{mark}` is left for later")));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_found_where_it_stands_and_words_around_it_are_not() {
        let text = format!(
            "fn f() {{}}\n// {}: later\nconst {}_LIST: u8 = 0;",
            MARKS[0], MARKS[0]
        );
        let source = Source::parse("a/src/x.rs", &text).expect("the sample parses");
        let lines: Vec<usize> = check(&source).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [2]);
    }
}
