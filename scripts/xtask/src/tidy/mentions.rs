//! Every path that a file names, resolved as far as one file can tell.
//!
//! Imports, renames, `self` and `super` are followed, so that `use rocksdb as db; db::Options`
//! reads `rocksdb::Options`. Inside macros there is no syntax, only tokens: there, `a::b` written
//! out counts as a path. What a glob brings in, and methods called on values, stay invisible.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// One path, where it stands and whether only tests see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    /// The segments; the first is a crate's name, or `crate` for the own crate.
    pub(crate) path: Vec<String>,
    /// The line, from 1.
    pub(crate) line: usize,
    /// Inside `#[cfg(test)]` or `#[test]`.
    pub(crate) in_test: bool,
    /// Written by a name that the file imports or declares: the import is a mention of its own.
    pub(crate) by_import: bool,
}

impl Mention {
    /// Whether the path ends with these segments.
    pub(crate) fn ends_with(&self, tail: &[&str]) -> bool {
        self.path.len() >= tail.len()
            && self
                .path
                .iter()
                .rev()
                .zip(tail.iter().rev())
                .all(|(a, b)| a == b)
    }

    /// The path as it would be written.
    pub(crate) fn text(&self) -> String {
        self.path.join("::")
    }
}

/// Collects the mentions of a file that stands at `module` in its crate.
pub(crate) fn collect(module: &[String], syntax: &syn::File) -> Vec<Mention> {
    let mut collector = Collector {
        module: module.to_vec(),
        ..Collector::default()
    };
    collector.visit_file(syntax);
    collector.resolve()
}

#[derive(Default)]
struct Collector {
    // Grows and shrinks with inline modules, so that `super` means the right one.
    module: Vec<String>,
    tests_deep: usize,
    mentions: Vec<Mention>,
    imports: BTreeMap<String, Vec<String>>,
    modules: BTreeSet<String>,
}

impl Collector {
    fn push(&mut self, path: Vec<String>, line: usize) {
        let path = self.anchor(path);
        self.mentions.push(Mention {
            path,
            line,
            in_test: self.tests_deep > 0,
            by_import: false,
        });
    }

    /// Replaces leading `self` and `super` by the path from the crate's root.
    fn anchor(&self, path: Vec<String>) -> Vec<String> {
        let supers = path
            .iter()
            .take_while(|segment| *segment == "super")
            .count();
        let skipped = match path.first().map(String::as_str) {
            Some("self") => 1,
            Some("super") => supers,
            Some(_) | None => return path,
        };
        let kept = self.module.len().saturating_sub(supers);
        let root = std::iter::once("crate".to_owned());
        root.chain(self.module[..kept].iter().cloned())
            .chain(path.into_iter().skip(skipped))
            .collect()
    }

    fn flatten(&mut self, tree: &syn::UseTree, prefix: &[String]) {
        match tree {
            syn::UseTree::Path(inner) => {
                let prefix = [prefix, &[inner.ident.to_string()]].concat();
                self.flatten(&inner.tree, &prefix);
            }
            syn::UseTree::Name(leaf) => self.import(prefix, &leaf.ident, &leaf.ident),
            syn::UseTree::Rename(leaf) => self.import(prefix, &leaf.ident, &leaf.rename),
            syn::UseTree::Glob(glob) => {
                self.push(
                    [prefix, &["*".to_owned()]].concat(),
                    glob.span().start().line,
                );
            }
            syn::UseTree::Group(group) => {
                for inner in &group.items {
                    self.flatten(inner, prefix);
                }
            }
        }
    }

    fn import(&mut self, prefix: &[String], leaf: &syn::Ident, known_as: &syn::Ident) {
        let mut path = prefix.to_vec();
        // `use a::b::{self}` brings in `a::b`, known as `b`.
        if leaf != "self" || prefix.is_empty() {
            path.push(leaf.to_string());
        }
        let name = match (known_as == "self", path.last()) {
            (true, Some(last)) => last.clone(),
            (true, None) | (false, _) => known_as.to_string(),
        };
        self.push(path.clone(), leaf.span().start().line);
        let path = self.anchor(path);
        self.imports.insert(name, path);
    }

    /// Finds paths in tokens; a single name says nothing there, it may be anything.
    fn read_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        let mut line = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.finish(&mut path, line);
                    }
                    if path.is_empty() {
                        line = name.span().start().line;
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' && !path.is_empty() => colons += 1,
                TokenTree::Punct(_) | TokenTree::Literal(_) => {
                    self.finish(&mut path, line);
                    colons = 0;
                }
                TokenTree::Group(group) => {
                    self.finish(&mut path, line);
                    colons = 0;
                    self.read_tokens(group.stream());
                }
            }
        }
        self.finish(&mut path, line);
    }

    fn finish(&mut self, path: &mut Vec<String>, line: usize) {
        let path = std::mem::take(path);
        if 1 < path.len() {
            self.push(path, line);
        }
    }

    /// Replaces a first segment that this file imports or declares by what it stands for.
    fn resolve(self) -> Vec<Mention> {
        let Self {
            module,
            mut mentions,
            imports,
            modules,
            ..
        } = self;
        for mention in &mut mentions {
            let Some(first) = mention.path.first().filter(|_| 1 < mention.path.len()) else {
                continue;
            };
            let stands_for = if modules.contains(first) {
                let root = std::iter::once("crate".to_owned());
                root.chain(module.iter().cloned())
                    .chain([first.clone()])
                    .collect()
            } else if let Some(imported) = imports.get(first) {
                imported.clone()
            } else {
                continue;
            };
            mention.path.splice(..1, stands_for);
            mention.by_import = true;
        }
        mentions
    }
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let in_test = is_test(attributes_of(item));
        self.tests_deep += usize::from(in_test);
        visit::visit_item(self, item);
        self.tests_deep -= usize::from(in_test);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.modules.insert(item.ident.to_string());
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.flatten(&item.tree, &[]);
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        self.push(vec![item.ident.to_string()], item.span().start().line);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if 1 < path.segments.len() {
            let segments = path
                .segments
                .iter()
                .map(|segment| segment.ident.to_string())
                .collect();
            self.push(segments, path.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.read_tokens(call.tokens.clone());
    }

    fn visit_meta_list(&mut self, list: &'ast syn::MetaList) {
        self.visit_path(&list.path);
        self.read_tokens(list.tokens.clone());
    }
}

/// Whether these attributes keep an item out of what ships.
pub(crate) fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let names_test = attribute
            .path()
            .segments
            .last()
            .is_some_and(|last| last.ident == "test");
        let asks_for_test = attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Path>()
                .is_ok_and(|condition| condition.is_ident("test"));
        names_test || asks_for_test
    })
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the enum is foreign and open"
)]
fn attributes_of(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        // What remains (unions, foreign modules, …) has no place in this tree.
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let syntax = syn::parse_file(text).expect("the sample parses");
        let module = ["raft".to_owned(), "log".to_owned()];
        let mentions = collect(&module, &syntax);
        let texts: Vec<String> = mentions.iter().map(Mention::text).collect();
        assert_eq!(texts, expected, "in {text:?}");
    }

    #[test]
    fn groups_renames_and_globs_are_written_out() {
        check(
            "use a::{b::{self, c}, d as e, f::*};",
            &["a::b", "a::b::c", "a::d", "a::f::*"],
        );
    }

    #[test]
    fn a_renamed_crate_is_still_itself() {
        check(
            "use rocksdb as db; fn f() { db::open(); }",
            &["rocksdb", "rocksdb::open"],
        );
        check(
            "use std::time::Instant; fn f() { Instant::now(); }",
            &["std::time::Instant", "std::time::Instant::now"],
        );
    }

    #[test]
    fn relative_paths_start_at_the_root() {
        check(
            "use super::members; use self::x; use super::super::state;",
            &[
                "crate::raft::members",
                "crate::raft::log::x",
                "crate::state",
            ],
        );
        check("mod tests { use super::*; }", &["crate::raft::log::*"]);
    }

    #[test]
    fn a_declared_module_hides_a_crate_of_the_same_name() {
        check(
            "mod raft; fn f() { raft::step(); }",
            &["crate::raft::log::raft::step"],
        );
    }

    #[test]
    fn paths_inside_macros_and_attributes_count() {
        check(
            "fn f() { select! { x = tokio::time::sleep(d) => g(a::b), } }",
            &["tokio::time::sleep", "a::b"],
        );
        check(
            "#[derive(prost::Message)] struct S { kind: u8 }",
            &["prost::Message"],
        );
    }

    #[test]
    fn what_only_tests_see_is_marked() {
        let syntax = syn::parse_file(
            "#[cfg(test)] mod tests { use a::b; } #[test] fn t() { c::d(); } use e::f;",
        );
        let mentions = collect(&[], &syntax.expect("the sample parses"));
        let marks: Vec<_> = mentions
            .iter()
            .map(|mention| (mention.text(), mention.in_test))
            .collect();
        let expected = [("a::b", true), ("c::d", true), ("e::f", false)];
        assert_eq!(
            marks,
            expected.map(|(path, in_test)| (path.to_owned(), in_test))
        );
    }
}
