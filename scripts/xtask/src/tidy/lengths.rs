//! How long files and functions are: the longest are shown on every run, and a function past its
//! bound is a finding.
//!
//! A long file is no finding, but it is listed with its opening, which has to say why it has one
//! noun only.

use std::fmt::Write;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::tidy::finding::Finding;
use crate::tidy::openings::opening;
use crate::tidy::source::Source;

/// Past this, a function fails. Clippy warns at 70 without comments; this counts every line from
/// `fn` to `}`.
const FUNCTION_LINES_MAX: usize = 100;

/// Past this, a file is listed.
const FILE_LINES_AIM: usize = 400;

/// How many of the longest files and functions are shown.
const SHOWN: usize = 10;

/// A finding for every function past its bound.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let too_long = functions(source)
        .into_iter()
        .filter(|function| FUNCTION_LINES_MAX < function.lines);
    too_long
        .map(|Function { name, line, lines }| {
            let message = format!("`{name}` has {lines} lines, more than {FUNCTION_LINES_MAX}");
            source.finding(line, "length", message)
        })
        .collect()
}

/// The longest files and functions, and every file past the aim with its opening.
pub(crate) fn report(sources: &[Source]) -> String {
    let mut files: Vec<(usize, &Source)> = sources
        .iter()
        .map(|source| (source.text.lines().count(), source))
        .collect();
    files.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.path.cmp(&b.1.path)));
    let mut all: Vec<(Function, &Source)> = sources
        .iter()
        .flat_map(|source| {
            functions(source)
                .into_iter()
                .map(move |function| (function, source))
        })
        .collect();
    all.sort_by(|a, b| {
        b.0.lines
            .cmp(&a.0.lines)
            .then_with(|| a.1.path.cmp(&b.1.path))
    });

    let mut text = String::from("Longest files:\n");
    for (lines, source) in files.iter().take(SHOWN) {
        let _ = writeln!(text, "{lines:>6}  {}", source.path);
    }
    text.push_str("Longest functions:\n");
    for (Function { name, line, lines }, source) in all.iter().take(SHOWN) {
        let _ = writeln!(text, "{lines:>6}  {name} ({}:{line})", source.path);
    }
    for (lines, source) in files.iter().filter(|(lines, _)| FILE_LINES_AIM < *lines) {
        let opening = opening(source).unwrap_or("no opening");
        let _ = writeln!(
            text,
            "warning: {} has {lines} lines: {opening}",
            source.path
        );
    }
    text
}

struct Function {
    name: String,
    line: usize,
    lines: usize,
}

fn functions(source: &Source) -> Vec<Function> {
    let mut reader = Reader(Vec::new());
    reader.visit_file(&source.syntax);
    reader.0
}

struct Reader(Vec<Function>);

impl Reader {
    fn measure(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let line = signature.fn_token.span().start().line;
        let lines = body.brace_token.span.close().end().line + 1 - line;
        self.0.push(Function {
            name: signature.ident.to_string(),
            line,
            lines,
        });
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.measure(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.measure(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.measure(&item.sig, body);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function_of(lines: usize) -> Source {
        let body = "\n".repeat(lines - 1);
        Source::parse(
            "a/src/x.rs",
            &format!("//! A sample.\nfn long() {{{body}}}"),
        )
        .expect("it parses")
    }

    #[test]
    fn a_function_past_its_bound_is_found() {
        assert!(check(&function_of(FUNCTION_LINES_MAX)).is_empty());
        let texts: Vec<String> = check(&function_of(FUNCTION_LINES_MAX + 1))
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            texts,
            ["a/src/x.rs:2: [length] `long` has 101 lines, more than 100"]
        );
    }

    #[test]
    fn the_report_lists_the_longest_and_warns_of_long_files() {
        let report = report(&[function_of(3), function_of(FILE_LINES_AIM)]);
        assert_eq!(
            report,
            "Longest files:\n   401  a/src/x.rs\n     4  a/src/x.rs\n\
             Longest functions:\n   400  long (a/src/x.rs:2)\n     3  long (a/src/x.rs:2)\n\
             warning: a/src/x.rs has 401 lines: A sample.\n"
        );
    }
}
