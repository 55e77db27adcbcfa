//! Metamath text as a sequence of statements.
//!
//! Reads what chapter 4 of the Metamath book allows in one file: comments, blocks and the seven kinds of statement.
//! Inclusions are refused. The reader knows no scopes and no meanings; it borrows from the text and never panics,
//! whatever the bytes are.

use super::ProofRefusal;

/// One piece of a Metamath text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// `${`
    Open,
    /// `$}`
    Close,
    /// `$c`: constants.
    Constants(Vec<&'a str>),
    /// `$v`: variables.
    Variables(Vec<&'a str>),
    /// `$d`: variables that must stay distinct.
    Disjoint(Vec<&'a str>),
    /// `$f`: the type of a variable.
    Floating(&'a str, Vec<&'a str>),
    /// `$e`: a hypothesis.
    Essential(&'a str, Vec<&'a str>),
    /// `$a`: an axiom, a definition or a rule of syntax.
    Axiom(&'a str, Vec<&'a str>),
    /// `$p`: a theorem, its statement and its proof.
    Theorem(&'a str, Vec<&'a str>, Vec<&'a str>),
}

impl Item<'_> {
    /// Writes the piece in its canonical form: one line, one blank between tokens.
    pub fn write(&self, text: &mut String) {
        match self {
            Self::Open => text.push_str("${"),
            Self::Close => text.push_str("$}"),
            Self::Constants(math) => write_statement(text, "$c", math),
            Self::Variables(math) => write_statement(text, "$v", math),
            Self::Disjoint(math) => write_statement(text, "$d", math),
            Self::Floating(label, math) => write_labelled(text, label, "$f", math),
            Self::Essential(label, math) => write_labelled(text, label, "$e", math),
            Self::Axiom(label, math) => write_labelled(text, label, "$a", math),
            Self::Theorem(label, math, proof) => {
                let whole = [math.as_slice(), &["$="], proof].concat();
                write_labelled(text, label, "$p", &whole);
            }
        }
        text.push('\n');
    }
}

/// A text in its canonical form: without comments, one statement per line.
pub fn render(text: &str) -> Result<String, ProofRefusal> {
    let mut fragment = Fragment::read(text)?;
    let mut rendered = String::with_capacity(text.len());
    while let Some(item) = fragment.next_item()? {
        item.write(&mut rendered);
    }
    Ok(rendered)
}

fn write_labelled(text: &mut String, label: &str, keyword: &str, tokens: &[&str]) {
    text.push_str(label);
    text.push(' ');
    write_statement(text, keyword, tokens);
}

fn write_statement(text: &mut String, keyword: &str, tokens: &[&str]) {
    text.push_str(keyword);
    for token in tokens {
        text.push(' ');
        text.push_str(token);
    }
    text.push_str(" $.");
}

/// Reads a text piece by piece.
#[derive(Clone, Debug)]
pub struct Fragment<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Fragment<'a> {
    /// Starts at the beginning of a text, after a look at all of its bytes.
    pub fn read(text: &'a str) -> Result<Self, ProofRefusal> {
        let mut line = 1;
        for byte in text.bytes() {
            match byte {
                b'\n' => line += 1,
                b' '..=b'~' | b'\t' | b'\r' | 0x0c => {}
                _ => return Err(ProofRefusal::BadByte { line, byte }),
            }
        }
        Ok(Self {
            rest: text,
            line: 1,
        })
    }

    /// The line that the reader has reached, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The next piece; `None` at the end of the text.
    pub fn next_item(&mut self) -> Result<Option<Item<'a>>, ProofRefusal> {
        let Some(token) = self.next_token()? else {
            return Ok(None);
        };
        let item = match token {
            "${" => Item::Open,
            "$}" => Item::Close,
            "$c" => Item::Constants(self.symbols("$.")?),
            "$v" => Item::Variables(self.symbols("$.")?),
            "$d" => Item::Disjoint(self.symbols("$.")?),
            "$[" => return Err(ProofRefusal::Inclusion { line: self.line }),
            label => self.labelled(label)?,
        };
        Ok(Some(item))
    }

    fn labelled(&mut self, label: &'a str) -> Result<Item<'a>, ProofRefusal> {
        if !is_label(label) {
            return Err(self.malformed("expected a label or a keyword"));
        }
        match self.next_token()? {
            Some("$f") => {
                let math = self.symbols("$.")?;
                if math.len() != 2 {
                    return Err(self.malformed("$f takes a type and a variable"));
                }
                Ok(Item::Floating(label, math))
            }
            Some("$e") => Ok(Item::Essential(label, self.statement("$.")?)),
            Some("$a") => Ok(Item::Axiom(label, self.statement("$.")?)),
            Some("$p") => {
                let math = self.statement("$=")?;
                let proof = self.symbols("$.")?;
                if proof.is_empty() {
                    return Err(self.malformed("the proof is empty: write ? to have it searched"));
                }
                Ok(Item::Theorem(label, math, proof))
            }
            Some(_) | None => Err(self.malformed("expected $f $e $a or $p after a label")),
        }
    }

    fn statement(&mut self, end: &str) -> Result<Vec<&'a str>, ProofRefusal> {
        let math = self.symbols(end)?;
        if math.is_empty() {
            return Err(self.malformed("the statement is empty"));
        }
        Ok(math)
    }

    fn symbols(&mut self, end: &str) -> Result<Vec<&'a str>, ProofRefusal> {
        let mut symbols = Vec::new();
        loop {
            match self.next_token()? {
                Some(token) if token == end => return Ok(symbols),
                Some("$[") => return Err(ProofRefusal::Inclusion { line: self.line }),
                Some(token) if token.contains('$') => {
                    return Err(self.malformed("a keyword inside a statement"));
                }
                Some(token) => symbols.push(token),
                None => return Err(self.malformed("the text ends inside a statement")),
            }
        }
    }

    fn next_token(&mut self) -> Result<Option<&'a str>, ProofRefusal> {
        loop {
            match self.next_word() {
                Some("$(") => self.skip_comment()?,
                word => return Ok(word),
            }
        }
    }

    fn skip_comment(&mut self) -> Result<(), ProofRefusal> {
        loop {
            match self.next_word() {
                Some("$)") => return Ok(()),
                Some(word) if word.contains("$(") || word.contains("$)") => {
                    return Err(self.malformed("a comment inside a comment"));
                }
                Some(_) => {}
                None => return Err(self.malformed("the text ends inside a comment")),
            }
        }
    }

    fn next_word(&mut self) -> Option<&'a str> {
        let start = self
            .rest
            .find(|letter: char| !is_blank(letter))
            .unwrap_or(self.rest.len());
        self.line += self.rest[..start].matches('\n').count();
        self.rest = &self.rest[start..];
        let end = self.rest.find(is_blank).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    fn malformed(&self, what: &'static str) -> ProofRefusal {
        ProofRefusal::Malformed {
            line: self.line,
            what,
        }
    }
}

/// Whether a token may name a statement (Metamath book, section 4.1.1).
pub fn is_label(token: &str) -> bool {
    !token.is_empty()
        && token
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

const fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str) -> Result<Vec<Item<'_>>, ProofRefusal> {
        let mut fragment = Fragment::read(text)?;
        let mut items = Vec::new();
        while let Some(item) = fragment.next_item()? {
            items.push(item);
        }
        Ok(items)
    }

    #[test]
    fn statements_are_read_and_comments_skipped_wherever_they_stand() {
        let text = "$c wff $( inside $) |- $.\nid $p |- $( a $) ph $= ? $.";
        assert_eq!(render(text).unwrap(), "$c wff |- $.\nid $p |- ph $= ? $.\n");
        assert_eq!(
            items(text).unwrap(),
            [
                Item::Constants(vec!["wff", "|-"]),
                Item::Theorem("id", vec!["|-", "ph"], vec!["?"]),
            ]
        );
    }

    #[test]
    fn what_breaks_the_grammar_is_refused_with_its_line() {
        for (text, line, what) in [
            (
                "\n\nx $p |- ph $= $.",
                3,
                "the proof is empty: write ? to have it searched",
            ),
            ("x $p |- ph $= y", 1, "the text ends inside a statement"),
            ("$( open", 1, "the text ends inside a comment"),
            ("$( $( $)", 1, "a comment inside a comment"),
            ("a!b $p", 1, "expected a label or a keyword"),
            ("a b", 1, "expected $f $e $a or $p after a label"),
            ("a $f wff $.", 1, "$f takes a type and a variable"),
            ("a $e $.", 1, "the statement is empty"),
            ("a $e |- $p $.", 1, "a keyword inside a statement"),
        ] {
            assert_eq!(
                items(text),
                Err(ProofRefusal::Malformed { line, what }),
                "{text:?}"
            );
        }
    }

    #[test]
    fn inclusions_and_foreign_bytes_are_refused() {
        assert_eq!(
            items("\n$[ x.mm $]"),
            Err(ProofRefusal::Inclusion { line: 2 })
        );
        let foreign = items("a $e |- \u{3c6} $.").unwrap_err();
        assert_eq!(foreign.code(), "HMS-PROOF-BYTE");
    }
}
