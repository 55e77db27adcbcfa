//! Files that no target declares: they look alive and are never compiled.
//!
//! Modules are followed from the first file of every target. Files brought in by `include!` are not
//! followed; such a file does not end in `.rs` here.

use std::collections::BTreeMap;

use crate::tidy::finding::Finding;
use crate::tidy::mentions::is_test;
use crate::tidy::source::{Reach, Source};

/// One finding for every file that no target reaches.
pub(crate) fn check(sources: &[Source]) -> Vec<Finding> {
    let orphans = sources
        .iter()
        .filter(|source| source.reach == Reach::Orphan);
    orphans
        .map(|source| {
            let message = "no `mod` and no target declares this file".to_owned();
            source.finding(0, "orphan", message)
        })
        .collect()
}

/// Follows the modules from the first files of all targets; the flag says that a target is never
/// shipped.
pub(crate) fn mark_reach(sources: &mut [Source], targets: &[(String, bool)]) {
    let places: BTreeMap<String, usize> = sources
        .iter()
        .enumerate()
        .map(|(place, source)| (source.path.clone(), place))
        .collect();
    for source in sources.iter_mut() {
        source.reach = Reach::Orphan;
    }
    let mut waiting: Vec<(String, bool, bool)> = targets
        .iter()
        .map(|(path, is_trial)| (path.clone(), *is_trial, true))
        .collect();
    while let Some((path, is_trial, is_root)) = waiting.pop() {
        let Some(source) = places.get(&path).map(|place| &mut sources[*place]) else {
            continue;
        };
        let reach = if is_trial {
            Reach::Trial
        } else {
            Reach::Shipped
        };
        if source.reach != Reach::Orphan && (source.reach == reach || reach == Reach::Trial) {
            continue;
        }
        source.reach = reach;
        let folder = folder_of(&path, is_root);
        for (candidate, in_test) in declared(&source.syntax.items, &folder, is_trial) {
            waiting.push((candidate, in_test, false));
        }
    }
}

/// The folder where the modules of a file live.
fn folder_of(path: &str, is_root: bool) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = name.strip_suffix(".rs").unwrap_or(name);
    if is_root || stem == "mod" {
        folder.to_owned()
    } else {
        format!("{folder}/{stem}")
    }
}

/// Where the modules that these items declare may stand, and whether only tests see them.
fn declared(items: &[syn::Item], folder: &str, in_test: bool) -> Vec<(String, bool)> {
    let mut candidates = Vec::new();
    for item in items {
        let syn::Item::Mod(module) = item else {
            continue;
        };
        let in_test = in_test || is_test(&module.attrs);
        if let Some((_, inner)) = &module.content {
            candidates.extend(declared(
                inner,
                &format!("{folder}/{}", module.ident),
                in_test,
            ));
        } else if let Some(place) = path_attribute(&module.attrs) {
            let beside = folder.rsplit_once('/').map_or("", |(parent, _)| parent);
            // `#[path]` counts from the folder of the file itself, which is one of these two.
            candidates.push((format!("{folder}/{place}"), in_test));
            candidates.push((format!("{beside}/{place}"), in_test));
        } else {
            candidates.push((format!("{folder}/{}.rs", module.ident), in_test));
            candidates.push((format!("{folder}/{}/mod.rs", module.ident), in_test));
        }
    }
    candidates
}

fn path_attribute(attributes: &[syn::Attribute]) -> Option<String> {
    let attribute = attributes
        .iter()
        .find(|attribute| attribute.path().is_ident("path"))?;
    let syn::Meta::NameValue(pair) = &attribute.meta else {
        return None;
    };
    let syn::Expr::Lit(syn::ExprLit {
        lit: syn::Lit::Str(place),
        ..
    }) = &pair.value
    else {
        return None;
    };
    Some(place.value())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, &str)], targets: &[(&str, bool)], expected: &[Reach]) {
        let parse =
            |(path, text): &(&str, &str)| Source::parse(path, text).expect("the sample parses");
        let mut sources: Vec<Source> = files.iter().map(parse).collect();
        let targets: Vec<_> = targets
            .iter()
            .map(|(path, trial)| ((*path).to_owned(), *trial))
            .collect();
        mark_reach(&mut sources, &targets);
        let reached: Vec<Reach> = sources.iter().map(|source| source.reach).collect();
        assert_eq!(reached, expected);
    }

    #[test]
    fn a_file_that_nobody_declares_is_an_orphan() {
        check(
            &[
                ("a/src/lib.rs", "mod x;"),
                ("a/src/x.rs", ""),
                ("a/src/y.rs", ""),
            ],
            &[("a/src/lib.rs", false)],
            &[Reach::Shipped, Reach::Shipped, Reach::Orphan],
        );
    }

    #[test]
    fn modules_are_found_in_folders_in_mod_files_and_inside_inline_modules() {
        check(
            &[
                ("a/src/lib.rs", "mod x; mod inner { mod deep; }"),
                ("a/src/x.rs", "mod y; mod z;"),
                ("a/src/x/y.rs", ""),
                ("a/src/x/z/mod.rs", ""),
                ("a/src/inner/deep.rs", ""),
            ],
            &[("a/src/lib.rs", false)],
            &[Reach::Shipped; 5],
        );
    }

    #[test]
    fn a_module_of_tests_is_a_trial_and_shipping_wins() {
        check(
            &[
                ("a/src/lib.rs", "#[cfg(test)] mod t; mod s;"),
                ("a/src/s.rs", ""),
                ("a/src/t.rs", ""),
            ],
            &[("a/src/lib.rs", false)],
            &[Reach::Shipped, Reach::Shipped, Reach::Trial],
        );
        check(
            &[("a/src/lib.rs", ""), ("a/src/s.rs", "")],
            &[("a/src/s.rs", true), ("a/src/s.rs", false)],
            &[Reach::Orphan, Reach::Shipped],
        );
    }

    #[test]
    fn a_path_attribute_is_followed() {
        check(
            &[
                ("a/src/lib.rs", "mod x;"),
                ("a/src/odd.rs", ""),
                ("a/src/x.rs", "#[path = \"odd.rs\"] mod y;"),
            ],
            &[("a/src/lib.rs", false)],
            &[Reach::Shipped; 3],
        );
    }
}
