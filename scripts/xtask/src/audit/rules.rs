//! `deny.toml` as we read it: the part of cargo-deny's format that we use.
//!
//! An unknown key is an error, because a rule that nobody reads protects nobody.

use serde::Deserialize;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rules {
    /// For which platforms the dependencies are resolved.
    pub(crate) graph: Graph,
    /// Which advisories are tolerated, and why.
    pub(crate) advisories: Advisories,
    /// On which terms we accept other people's work.
    pub(crate) licenses: Licences,
    /// Which packages we do not link, and why.
    pub(crate) bans: Bans,
    /// Where packages may come from.
    pub(crate) sources: Sources,
}

/// For which platforms the dependencies are resolved.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Graph {
    /// Target triples.
    pub(crate) targets: Vec<String>,
    /// Whether optional parts count. cargo-deny wants to be told; here they always do.
    #[serde(rename = "all-features")]
    pub(crate) _all_features: bool,
}

/// Which advisories are tolerated, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Advisories {
    /// One entry for each.
    pub(crate) ignore: Vec<Ignored>,
}

/// An advisory that we know of and live with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ignored {
    /// The advisory, for example `RUSTSEC-2024-0437`.
    pub(crate) id: String,
    /// Why it does not hurt here, and what would change that.
    pub(crate) reason: String,
}

/// On which terms we accept other people's work.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Licences {
    /// SPDX names.
    pub(crate) allow: Vec<String>,
    /// Single packages on further terms.
    #[serde(default)]
    pub(crate) exceptions: Vec<Exception>,
}

/// A package that may have terms which are not allowed elsewhere.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exception {
    /// The package.
    #[serde(rename = "crate")]
    pub(crate) name: String,
    /// The further SPDX names.
    pub(crate) allow: Vec<String>,
}

/// Which packages we do not link, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Bans {
    /// Said for cargo-deny; two versions of a package are no fault of ours.
    #[serde(rename = "multiple-versions")]
    pub(crate) _multiple_versions: Lenience,
    /// One entry for each.
    pub(crate) deny: Vec<Banned>,
}

/// What cargo-deny should do about something that we do not judge.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Lenience {
    /// Nothing.
    Allow,
}

/// A package that we do not link.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Banned {
    /// The package.
    #[serde(rename = "crate")]
    pub(crate) name: String,
    /// Packages that may import it all the same.
    #[serde(default)]
    pub(crate) wrappers: Vec<String>,
    /// Why not.
    pub(crate) reason: String,
}

/// Where packages may come from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Sources {
    /// Registries other than those listed.
    #[serde(rename = "unknown-registry")]
    pub(crate) _unknown_registry: Strictness,
    /// Repositories; none is listed.
    #[serde(rename = "unknown-git")]
    pub(crate) _unknown_git: Strictness,
    /// The index addresses that we trust.
    pub(crate) allow_registry: Vec<String>,
}

/// What happens to a package from elsewhere.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Strictness {
    /// It is a problem.
    Deny,
}
