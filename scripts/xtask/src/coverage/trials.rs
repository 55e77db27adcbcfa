//! Where the tests of a file stand: modules, functions and other items that only test builds see.

use std::ops::RangeInclusive;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::tidy::{attributes_of, is_test};

/// The lines, from 1, of every item that only tests see.
pub(crate) fn ranges(syntax: &syn::File) -> Vec<RangeInclusive<usize>> {
    let mut reader = Reader(Vec::new());
    reader.visit_file(syntax);
    reader.0
}

struct Reader(Vec<RangeInclusive<usize>>);

impl Reader {
    fn take(&mut self, item: &impl Spanned) {
        let span = item.span();
        self.0.push(span.start().line..=span.end().line);
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if is_test(attributes_of(item)) {
            self.take(item);
        } else {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if is_test(&item.attrs) {
            self.take(item);
        } else {
            visit::visit_impl_item_fn(self, item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_functions_and_methods_of_tests_are_found_and_nothing_else() {
        let text = "fn a() {}\n\
                    #[cfg(test)]\nfn b() {\n}\n\
                    impl A {\nfn c() {}\n#[cfg(test)]\nfn d() {}\n}\n\
                    #[cfg(not(test))]\nfn e() {}\n\
                    #[cfg(test)]\nmod tests {\nfn f() {}\n}\n";
        let syntax = syn::parse_file(text).expect("the sample parses");
        assert_eq!(ranges(&syntax), [2..=4, 7..=8, 12..=15]);
    }
}
