//! Packages that we do not link, and places that packages may not come from.

use std::collections::BTreeMap;

use cargo_metadata::{Metadata, PackageId};

use crate::audit::rules::{Banned, Rules};

/// Who imports whom, by name.
struct Import<'a> {
    importer: &'a str,
    imported: &'a str,
}

/// A problem for every banned package with its importer, and for every package from elsewhere.
pub(crate) fn check(metadata: &Metadata, rules: &Rules) -> Vec<String> {
    let mut problems = judge_imports(&imports(metadata), &rules.bans.deny);
    for package in &metadata.packages {
        if let Some(source) = &package.source {
            problems.extend(judge_source(
                &package.name,
                &source.repr,
                &rules.sources.allow_registry,
            ));
        }
    }
    problems
}

fn imports(metadata: &Metadata) -> Vec<Import<'_>> {
    let names: BTreeMap<&PackageId, &str> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package.name.as_str()))
        .collect();
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    let edges = nodes.flat_map(|node| {
        node.deps
            .iter()
            .map(|dependency| (&node.id, &dependency.pkg))
    });
    // An edge from or to a package that is not linked is a feature that nobody turned on.
    edges
        .filter_map(|(importer, imported)| {
            Some(Import {
                importer: names.get(importer)?,
                imported: names.get(imported)?,
            })
        })
        .collect()
}

fn judge_imports(imports: &[Import<'_>], banned: &[Banned]) -> Vec<String> {
    let mut problems = Vec::new();
    for ban in banned {
        let mut importers = imports
            .iter()
            .filter(|import| import.imported == ban.name)
            .peekable();
        if importers.peek().is_none() && !ban.wrappers.is_empty() {
            problems.push(format!(
                "deny.toml has wrappers for `{}`, which is not linked",
                ban.name
            ));
        }
        let strangers =
            importers.filter(|import| !ban.wrappers.iter().any(|name| name == import.importer));
        problems.extend(strangers.map(|import| {
            format!(
                "`{}` is banned but `{}` imports it: {}",
                ban.name, import.importer, ban.reason
            )
        }));
    }
    problems
}

fn judge_source(name: &str, source: &str, allowed: &[String]) -> Option<String> {
    let registry = source
        .strip_prefix("registry+")
        .or_else(|| source.strip_prefix("sparse+"));
    let is_known = registry.is_some_and(|address| allowed.iter().any(|known| known == address));
    (!is_known).then(|| format!("`{name}` comes from {source}, which is not an allowed registry"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ban(name: &str, wrappers: &[&str]) -> Banned {
        let wrappers = wrappers.iter().map(|name| (*name).to_owned()).collect();
        Banned {
            name: name.to_owned(),
            wrappers,
            reason: "two TLS stacks".to_owned(),
        }
    }

    #[test]
    fn a_banned_package_is_named_with_its_importer_and_the_reason() {
        let imports = [Import {
            importer: "tls",
            imported: "openssl-sys",
        }];
        assert_eq!(
            judge_imports(&imports, &[ban("openssl-sys", &[])]),
            ["`openssl-sys` is banned but `tls` imports it: two TLS stacks",]
        );
        assert!(judge_imports(&imports, &[ban("openssl-sys", &["tls"])]).is_empty());
    }

    #[test]
    fn a_wrapper_that_wraps_nothing_is_stale() {
        assert_eq!(
            judge_imports(&[], &[ban("openssl-sys", &["tls"])]),
            ["deny.toml has wrappers for `openssl-sys`, which is not linked",]
        );
        assert!(judge_imports(&[], &[ban("openssl-sys", &[])]).is_empty());
    }

    #[test]
    fn packages_come_from_a_known_registry() {
        let allowed = ["https://index.example".to_owned()];
        assert_eq!(
            judge_source("a", "registry+https://index.example", &allowed),
            None
        );
        assert_eq!(
            judge_source("a", "git+https://index.example#1234", &allowed).as_deref(),
            Some("`a` comes from git+https://index.example#1234, which is not an allowed registry")
        );
    }
}
