//! Whether every package comes on terms that we accept.

use cargo_metadata::{Metadata, Package};
use spdx::{Expression, LicenseReq};

use crate::audit::rules::Licences;

/// A problem for every foreign package without a licence or with terms that are not allowed.
pub(crate) fn check(metadata: &Metadata, rules: &Licences) -> Vec<String> {
    let foreign = metadata
        .packages
        .iter()
        .filter(|package| package.source.is_some());
    let mut problems: Vec<String> = foreign
        .filter_map(|package| judge_package(package, rules))
        .collect();
    problems.extend(unused_exceptions(metadata, rules));
    problems
}

fn judge_package(package: &Package, rules: &Licences) -> Option<String> {
    let problem = judge(&package.name, package.license.as_deref(), rules)?;
    Some(format!("{} {}: {problem}", package.name, package.version))
}

/// What is wrong with the licence of one package; `None` when it may be linked.
fn judge(name: &str, licence: Option<&str>, rules: &Licences) -> Option<String> {
    let Some(licence) = licence else {
        return Some("it names no licence".to_owned());
    };
    // Old manifests write `MIT/Apache-2.0`; it has always meant `OR`.
    let Ok(expression) = Expression::parse(&licence.replace('/', " OR ")) else {
        return Some(format!("its licence `{licence}` is not an SPDX expression"));
    };
    let exceptions = rules
        .exceptions
        .iter()
        .filter(|exception| exception.name == name);
    let allowed: Vec<&str> = rules
        .allow
        .iter()
        .chain(exceptions.flat_map(|exception| &exception.allow))
        .map(String::as_str)
        .collect();
    let is_allowed = |term: &LicenseReq| allowed.contains(&term.to_string().as_str());
    (!expression.evaluate(is_allowed)).then(|| format!("its licence `{licence}` is not allowed"))
}

/// Exceptions for packages that are not linked any more.
fn unused_exceptions(metadata: &Metadata, rules: &Licences) -> Vec<String> {
    let linked = |name: &str| {
        metadata
            .packages
            .iter()
            .any(|package| package.name.as_str() == name)
    };
    let unused = rules
        .exceptions
        .iter()
        .filter(|exception| !linked(&exception.name));
    unused
        .map(|exception| {
            format!(
                "deny.toml excepts `{}`, which is not linked",
                exception.name
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::rules::Exception;

    fn check_licence(licence: Option<&str>, expected: Option<&str>) {
        let rules = Licences {
            allow: vec![
                "MIT".to_owned(),
                "Apache-2.0 WITH LLVM-exception".to_owned(),
            ],
            exceptions: vec![Exception {
                name: "odd".to_owned(),
                allow: vec!["Zlib".to_owned()],
            }],
        };
        assert_eq!(judge("odd", licence, &rules).as_deref(), expected);
    }

    #[test]
    fn one_allowed_alternative_is_enough_and_every_part_of_a_sum_is_needed() {
        check_licence(Some("MIT OR GPL-3.0-only"), None);
        check_licence(Some("MIT/Apache-2.0"), None);
        check_licence(
            Some("MIT AND GPL-3.0-only"),
            Some("its licence `MIT AND GPL-3.0-only` is not allowed"),
        );
    }

    #[test]
    fn exceptions_of_the_licence_and_of_the_package_count() {
        check_licence(Some("Apache-2.0 WITH LLVM-exception"), None);
        check_licence(
            Some("Apache-2.0"),
            Some("its licence `Apache-2.0` is not allowed"),
        );
        check_licence(Some("Zlib"), None);
    }

    #[test]
    fn no_licence_and_nonsense_are_problems() {
        check_licence(None, Some("it names no licence"));
        check_licence(
            Some("mine"),
            Some("its licence `mine` is not an SPDX expression"),
        );
    }
}
