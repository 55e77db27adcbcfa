//! Every channel is bounded, by a constant with a name: a bare number tells nobody what happens
//! when it is met.
//!
//! Tests may write a number, but not even they may have a channel without a bound.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::tidy::finding::Finding;
use crate::tidy::mentions::is_test;
use crate::tidy::source::Source;

/// Functions that make a channel without a bound, by the end of their path.
const UNBOUNDED: [&[&str]; 3] = [
    &["unbounded_channel"],
    &["unbounded"],
    &["std", "sync", "mpsc", "channel"],
];

/// Functions whose first argument is a capacity, by their last segment.
const BOUNDED: [&str; 3] = ["channel", "bounded", "sync_channel"];

/// Channels that hold one value; what they take first is that value.
const ONE_VALUE: [&str; 2] = ["watch", "oneshot"];

/// Finds channels without a bound and capacities without a name.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for mention in &source.mentions {
        if UNBOUNDED.iter().any(|tail| mention.ends_with(tail)) {
            let message = format!("`{}` has no bound", mention.text());
            findings.push(source.finding(mention.line, "channel", message));
        }
    }
    let mut reader = Reader {
        source,
        in_test: source.is_trial(),
        findings,
    };
    reader.visit_file(&source.syntax);
    reader.findings
}

struct Reader<'a> {
    source: &'a Source,
    in_test: bool,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    /// Whether a path makes a channel whose first argument is its capacity.
    fn takes_capacity(&self, path: &syn::Path) -> bool {
        let Some(last) = path
            .segments
            .last()
            .filter(|last| BOUNDED.iter().any(|name| last.ident == name))
        else {
            return false;
        };
        let line = last.span().start().line;
        let written = path
            .segments
            .iter()
            .any(|segment| ONE_VALUE.iter().any(|name| segment.ident == name));
        let imported = self.source.mentions.iter().any(|mention| {
            mention.path.last().is_some_and(|name| last.ident == name)
                && mention
                    .path
                    .iter()
                    .any(|segment| ONE_VALUE.contains(&segment.as_str()))
                && (mention.line == line || path.segments.len() == 1)
        });
        !written && !imported
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let before = self.in_test;
        self.in_test |= is_test(&item.attrs);
        visit::visit_item_mod(self, item);
        self.in_test = before;
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(function) = &*call.func
            && let Some(capacity) = call.args.first()
            && !self.in_test
            && self.takes_capacity(&function.path)
            && !names_something(capacity)
        {
            let message = "a channel's capacity is a named constant with a reason".to_owned();
            self.findings.push(
                self.source
                    .finding(call.span().start().line, "channel", message),
            );
        }
        visit::visit_expr_call(self, call);
    }
}

/// Whether an expression mentions any name at all; a computation on numbers does not.
fn names_something(expression: &syn::Expr) -> bool {
    struct Names(bool);
    impl<'ast> Visit<'ast> for Names {
        fn visit_ident(&mut self, _: &'ast proc_macro2::Ident) {
            self.0 = true;
        }
    }
    let mut names = Names(false);
    names.visit_expr(expression);
    names.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_sample(text: &str, expected: &[&str]) {
        let source = Source::parse("a/src/x.rs", text).expect("the sample parses");
        let texts: Vec<String> = check(&source).iter().map(ToString::to_string).collect();
        assert_eq!(texts, expected, "in {text:?}");
    }

    #[test]
    fn a_channel_without_a_bound_is_found_however_it_is_imported() {
        check_sample(
            "fn f() { tokio::sync::mpsc::unbounded_channel::<u8>(); }",
            &["a/src/x.rs:1: [channel] `tokio::sync::mpsc::unbounded_channel` has no bound"],
        );
        check_sample(
            "use std::sync::mpsc;\nfn f() { mpsc::channel::<u8>(); }",
            &["a/src/x.rs:2: [channel] `std::sync::mpsc::channel` has no bound"],
        );
        check_sample(
            "use futures::channel::mpsc::unbounded;",
            &["a/src/x.rs:1: [channel] `futures::channel::mpsc::unbounded` has no bound"],
        );
    }

    #[test]
    fn a_capacity_has_a_name() {
        let unnamed =
            ["a/src/x.rs:1: [channel] a channel's capacity is a named constant with a reason"];
        check_sample("fn f() { mpsc::channel(16); }", &unnamed);
        check_sample("fn f() { broadcast::channel::<u8>(16 * 4); }", &unnamed);
        check_sample("fn f() { mpsc::channel(limits::INBOX_MAX); }", &[]);
        check_sample("fn f() { mpsc::channel(config.inbox * 2); }", &[]);
    }

    #[test]
    fn a_channel_for_one_value_has_no_capacity() {
        check_sample("fn f() { watch::channel(0); }", &[]);
        check_sample(
            "use tokio::sync::watch::channel; fn f() { channel(0); }",
            &[],
        );
        check_sample(
            "use tokio::sync::watch as w; fn f() { w::channel(0); }",
            &[],
        );
    }

    #[test]
    fn tests_may_write_a_number() {
        check_sample(
            "#[cfg(test)] mod tests { fn f() { mpsc::channel(1); } }",
            &[],
        );
    }
}
