//! Words that say nothing, as whole words of the names of files, types and functions.
//!
//! Names that a foreign trait prescribes are not ours to judge, and the name of a test is a
//! sentence.

use syn::visit::{self, Visit};

use crate::tidy::finding::Finding;
use crate::tidy::mentions::is_test;
use crate::tidy::source::Source;

const BANNED: [&str; 13] = [
    "manager", "managers", "handler", "handlers", "helper", "helpers", "util", "utils", "common",
    "misc", "base", "impl", "impls",
];
const BANNED_FOR_FILES: [&str; 2] = ["data", "info"];

/// Judges the file's own name and every type and function in it.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for word in words_of(source.stem()) {
        if BANNED.contains(&word.as_str()) || BANNED_FOR_FILES.contains(&word.as_str()) {
            findings.push(source.finding(
                0,
                "word",
                format!("a file name says nothing with `{word}`"),
            ));
        }
    }
    let mut reader = Reader { source, findings };
    reader.visit_file(&source.syntax);
    reader.findings
}

struct Reader<'a> {
    source: &'a Source,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    fn judge(&mut self, name: &syn::Ident) {
        let text = name.to_string();
        for word in words_of(&text)
            .iter()
            .filter(|word| BANNED.contains(&word.as_str()))
        {
            let message = format!("the name `{text}` says nothing with `{word}`");
            self.findings.push(
                self.source
                    .finding(name.span().start().line, "word", message),
            );
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.judge(&item.ident);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.judge(&item.ident);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.judge(&item.ident);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        // A module with a file of its own is judged by the file's name.
        if item.content.is_some() {
            self.judge(&item.ident);
        }
        visit::visit_item_mod(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.judge(&item.ident);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if item.trait_.is_none() {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_test(&item.attrs) {
            self.judge(&item.sig.ident);
        }
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.judge(&item.sig.ident);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.judge(&item.sig.ident);
    }
}

/// The lower-case words of a snake-case or camel-case name.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for letter in name.chars() {
        let starts_word = letter.is_uppercase() || matches!(letter, '_' | '-' | '.');
        if starts_word {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_sample(path: &str, text: &str, expected: &[&str]) {
        let source = Source::parse(path, text).expect("the sample parses");
        let texts: Vec<String> = check(&source).iter().map(ToString::to_string).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn names_fall_apart_into_words() {
        assert_eq!(words_of("base64_of"), ["base64", "of"]);
        assert_eq!(words_of("TaskManager"), ["task", "manager"]);
    }

    #[test]
    fn empty_words_are_found_in_types_functions_and_modules() {
        check_sample(
            "a/src/x.rs",
            "struct TaskManager;\nfn parse_helper() {}\nmod utils {}",
            &[
                "a/src/x.rs:1: [word] the name `TaskManager` says nothing with `manager`",
                "a/src/x.rs:2: [word] the name `parse_helper` says nothing with `helper`",
                "a/src/x.rs:3: [word] the name `utils` says nothing with `utils`",
            ],
        );
    }

    #[test]
    fn files_have_two_more() {
        check_sample(
            "a/src/node_info.rs",
            "struct NodeInfo;",
            &["a/src/node_info.rs:0: [word] a file name says nothing with `info`"],
        );
    }

    #[test]
    fn words_inside_words_and_foreign_names_are_fine() {
        check_sample(
            "a/src/database.rs",
            "struct Commonwealth; impl Foreign for X { fn base(&self) {} } #[test] fn a_common_case() {}",
            &[],
        );
    }
}
