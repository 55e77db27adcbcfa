//! Catalogue pages: every input, effect, command and refusal says what it means, on the page where
//! it is declared.

use syn::visit::{self, Visit};

use crate::tidy::finding::Finding;
use crate::tidy::source::Source;

/// The last word of the names of catalogues.
const CATALOGUES: [&str; 5] = ["Input", "Effect", "Command", "Refusal", "Fault"];

/// A finding for every variant of a catalogue without a doc comment.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let mut reader = Reader {
        source,
        findings: Vec::new(),
    };
    reader.visit_file(&source.syntax);
    reader.findings
}

struct Reader<'a> {
    source: &'a Source,
    findings: Vec<Finding>,
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        let name = item.ident.to_string();
        if CATALOGUES.iter().any(|catalogue| name.ends_with(catalogue)) {
            let silent = item
                .variants
                .iter()
                .filter(|variant| !has_doc(&variant.attrs));
            self.findings.extend(silent.map(|variant| {
                let message = format!("`{name}::{}` does not say what it means", variant.ident);
                self.source
                    .finding(variant.ident.span().start().line, "page", message)
            }));
        }
        visit::visit_item_enum(self, item);
    }
}

fn has_doc(attributes: &[syn::Attribute]) -> bool {
    attributes
        .iter()
        .any(|attribute| attribute.path().is_ident("doc"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_of_a_catalogue_has_a_doc() {
        let text = "enum Effect {\n/// Sends.\nSend,\nPersist,\n}\nenum Other { A }";
        let source = Source::parse("consensus/src/effect.rs", text).expect("the sample parses");
        let texts: Vec<String> = check(&source).iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            ["consensus/src/effect.rs:4: [page] `Effect::Persist` does not say what it means",]
        );
    }
}
