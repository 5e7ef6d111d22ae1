//! Templates: text with references in braces, `{{ vault://NAME/FIELD | FILTER }}`. Knows neither vaults nor
//! the command line.
//!
//! Only `{{` before `vault://` opens one; all other braces belong to others (Helm, Jinja) and stand as they
//! are. One pass: what was put in is never looked at again.

use crate::error::{Error, Result};
use crate::formats::quote::{self, Quote};
use crate::model::{Reference, SCHEME, Secret};
use zeroize::Zeroizing;

/// A template that was read.
pub struct Template {
    pieces: Vec<Piece>,
}

/// A place in a template that a value belongs into.
pub struct Slot {
    /// What belongs there; it knows where it is written.
    pub reference: Reference,
    filters: Vec<&'static Filter>,
}

/// Where a text stands, for errors.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    /// The file, as people name it.
    pub file: String,
    /// The line of the first byte, from 1.
    pub line: usize,
    /// The column of the first byte, from 1.
    pub column: usize,
}

/// A way to write a value.
pub struct Filter {
    /// Its name in templates.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    quote: Quote,
}

/// All of them, in the order of the manual.
pub const FILTERS: &[Filter] = &[
    Filter { name: "raw", about: "as it is; the default", quote: quote::raw },
    Filter { name: "json", about: "a JSON string with its quotes", quote: quote::json },
    Filter {
        name: "shell",
        about: "one quoted word of sh, dash, bash or zsh",
        quote: quote::shell,
    },
    Filter { name: "yaml", about: "a double-quoted scalar of YAML", quote: quote::yaml },
    Filter { name: "url", about: "percent-encoded", quote: quote::url },
    Filter { name: "base64", about: "base64 on one line", quote: quote::base64 },
];

enum Piece {
    Text(Vec<u8>),
    Slot(Slot),
}

impl Origin {
    /// The beginning of a file.
    #[must_use]
    pub fn start_of(file: impl Into<String>) -> Self {
        Self { file: file.into(), line: 1, column: 1 }
    }

    /// The place behind `before`, which begins here.
    fn of(&self, before: &[u8]) -> Self {
        let line = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines = memchr::memchr_iter(b'\n', before).count();
        // what continues a character of UTF-8 is no column
        let columns = before[line..].iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        let first = if lines == 0 { self.column } else { 1 };
        Self { file: self.file.clone(), line: self.line + lines, column: first + columns }
    }

    fn wrong(&self, what: &str) -> Error {
        Error::usage(format!("{self}: {what}"))
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl Template {
    /// Reads one. Outside of the braces it may be any bytes.
    ///
    /// # Errors
    /// Usage (2) with file, line and column: braces that are not closed, what is no reference, an unknown
    /// filter.
    pub fn parse(text: &[u8], origin: &Origin) -> Result<Self> {
        let mut pieces = Vec::new();
        let mut plain = Vec::new();
        let mut at = 0;
        let (mut here, mut known) = (origin.clone(), 0);
        while let Some(open) = next(text, at) {
            plain.extend_from_slice(&text[at..open.backslashes]);
            // in pairs they stand for themselves, as before a quote
            let count = open.braces - open.backslashes;
            plain.extend(std::iter::repeat_n(b'\\', count / 2));
            if count % 2 == 1 {
                plain.extend_from_slice(BEGIN);
                at = open.braces + BEGIN.len();
                continue;
            }
            let place = here.of(&text[known..open.braces]);
            (here, known) = (place.clone(), open.braces);
            let (inner, end) = inside(text, open.braces, &place)?;
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
            pieces.push(Piece::Slot(Slot::parse(inner, &place)?));
            at = end;
        }
        plain.extend_from_slice(&text[at..]);
        pieces.push(Piece::Text(plain));
        Ok(Self { pieces })
    }

    /// Whether there is a place for a value in `text`, or what would be one if it were right.
    #[must_use]
    pub fn is_meant(text: &[u8]) -> bool {
        next(text, 0).is_some()
    }

    /// The same for the value of a variable in a file whose quotes were read already: quotes of a shell, which
    /// the last filter would write for whoever reads the filled file, are left out.
    #[must_use]
    pub fn without_quotes(mut self) -> Self {
        for piece in &mut self.pieces {
            if let Piece::Slot(slot) = piece {
                slot.filters.pop_if(|filter| filter.name == "shell");
            }
        }
        self
    }

    /// The places for values, in order.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Slot(slot) => Some(slot),
            Piece::Text(_) => None,
        })
    }

    /// The text with a value in each place; `values` are in the order of [`Template::slots`].
    ///
    /// # Errors
    /// Usage (2) with file, line and column, when a filter cannot write a value.
    pub fn fill(&self, values: &[&Secret]) -> Result<Secret> {
        let mut values = values.iter();
        let mut out = Zeroizing::new(Vec::new());
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Slot(slot) => {
                    let value = values.next();
                    let value = value.ok_or_else(|| Error::internal("a value is missing"))?;
                    out.extend_from_slice(&slot.written(value)?);
                }
            }
        }
        Ok(Secret::new(out))
    }
}

impl Slot {
    fn parse(inner: &str, place: &Origin) -> Result<Self> {
        let mut parts = inner.split('|').map(str::trim);
        let reference = parts.next().unwrap_or_default();
        let reference: Reference = reference.parse().map_err(|e: Error| {
            e.hints().iter().fold(place.wrong(e.message()), |error, hint| error.hint(hint.as_str()))
        })?;
        let filters = parts.map(|name| filter(name, place)).collect::<Result<_>>()?;
        Ok(Self { reference: reference.written_at(place.to_string()), filters })
    }

    fn written(&self, value: &Secret) -> Result<Zeroizing<Vec<u8>>> {
        let mut text = Zeroizing::new(value.expose().to_vec());
        for filter in &self.filters {
            text = (filter.quote)(&text).map_err(|why| {
                let place = self.reference.place().unwrap_or_default();
                let what =
                    format!("{place}: the value {why}, which `{}` cannot write", filter.name);
                Error::usage(what).hint(format!("{{{{ {} | base64 }}}}", self.reference))
            })?;
        }
        Ok(text)
    }
}

/// Where a reference opens.
struct Open {
    /// The first of the backslashes before it.
    backslashes: usize,
    /// The first brace.
    braces: usize,
}

/// The next one from `from` on.
fn next(text: &[u8], from: usize) -> Option<Open> {
    let found = memchr::memmem::find_iter(&text[from..], BEGIN).map(|at| from + at);
    // of three braces the last two count
    let last = |at: usize| at + text[at + BEGIN.len()..].iter().take_while(|b| **b == b'{').count();
    let braces = found.map(last).find(|at| is_meant(&text[at + BEGIN.len()..]))?;
    let before = text[from..braces].iter().rev().take_while(|byte| **byte == b'\\').count();
    Some(Open { backslashes: braces - before, braces })
}

fn is_meant(after: &[u8]) -> bool {
    after.trim_ascii_start().starts_with(SCHEME.as_bytes())
}

/// What stands between the braces that open at `open`, and where it goes on behind them.
fn inside<'t>(text: &'t [u8], open: usize, place: &Origin) -> Result<(&'t str, usize)> {
    let from = open + BEGIN.len();
    let rest = &text[from..];
    let end = memchr::memmem::find(rest, END);
    let end = end.filter(|end| memchr::memmem::find(&rest[..*end], BEGIN).is_none());
    let end = end
        .ok_or_else(|| place.wrong("`{{` is not closed").hint("write {{ vault://NAME/FIELD }}"))?;
    let inner = std::str::from_utf8(&rest[..end])
        .map_err(|_| place.wrong("what stands in the braces is not UTF-8"))?;
    Ok((inner, from + end + END.len()))
}

fn filter(name: &str, place: &Origin) -> Result<&'static Filter> {
    FILTERS.iter().find(|filter| filter.name == name).ok_or_else(|| {
        let names: Vec<&str> = FILTERS.iter().map(|filter| filter.name).collect();
        place
            .wrong(&format!("unknown filter `{name}`"))
            .hint(format!("filters: {}", names.join(", ")))
            .hint("in the name of a credential, write `|` as %7C")
    })
}

const BEGIN: &[u8] = b"{{";
const END: &[u8] = b"}}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use proptest::prelude::*;

    fn parsed(text: &[u8]) -> Result<Template> {
        Template::parse(text, &Origin::start_of("t"))
    }

    fn filled(text: &str, values: &[&[u8]]) -> Result<Vec<u8>> {
        let values: Vec<Secret> = values.iter().map(|value| Secret::from_bytes(value)).collect();
        let values: Vec<&Secret> = values.iter().collect();
        Ok(parsed(text.as_bytes())?.fill(&values)?.expose().to_vec())
    }

    #[test]
    fn values_are_put_in_once() {
        let text = "a={{ vault://a }} b={{vault://b/c|json}}{{\n\tvault://d | url | shell\n}}";
        let got = filled(text, &[b"{{ vault://b }}", b"\"", b"it's"]).unwrap();
        assert_eq!(got, br#"a={{ vault://b }} b="\""'it%27s'"#);
        let references: Vec<String> = parsed(text.as_bytes())
            .unwrap()
            .slots()
            .map(|slot| format!("{} {}", slot.reference.place().unwrap(), slot.reference))
            .collect();
        assert_eq!(references, ["t:1:3 vault://a", "t:1:21 vault://b/c", "t:1:41 vault://d"]);
    }

    #[test]
    fn a_file_of_variables_can_be_filled_or_read() {
        let value = Secret::from_bytes(b"it's");
        let read = |text: &str| {
            let template = parsed(text.as_bytes()).unwrap().without_quotes();
            template.fill(&[&value]).unwrap().expose().to_vec()
        };
        assert_eq!(filled("{{ vault://a | shell }}", &[b"it's"]).unwrap(), br"'it'\''s'");
        assert_eq!(read("{{ vault://a | shell }}"), b"it's");
        assert_eq!(read("http://{{ vault://a | url | shell }}/"), b"http://it%27s/");
        assert!(Template::is_meant(b"a {{ vault://") && !Template::is_meant(b"{{ a }} vault://a"));
    }

    #[test]
    fn other_braces_are_left_alone() {
        let text = "{{ .Values.x }} {{{{ }} {{ 'vault://a' }} {{- vault://b }} {{ x | y";
        assert_eq!(filled(text, &[]).unwrap(), text.as_bytes());
        assert_eq!(filled("{{{ vault://a }}}", &[b"x"]).unwrap(), b"{x}");
        let bytes = b"\xff{{ vault://a }}\xfe\0";
        assert_eq!(
            parsed(bytes).unwrap().fill(&[&Secret::from_bytes(b"\x80")]).unwrap().expose(),
            b"\xff\x80\xfe\0"
        );
    }

    #[test]
    fn a_backslash_takes_the_meaning_away() {
        for (text, expected) in [
            (r"\{{ vault://a }}", r"{{ vault://a }}"),
            (r"C:\\{{ vault://a }}", r"C:\x"),
            (r"\\\{{ vault://a }}", r"\{{ vault://a }}"),
            (r"\n \\ \{{ .x }}", r"\n \\ \{{ .x }}"),
        ] {
            let count = parsed(text.as_bytes()).unwrap().slots().count();
            let got = filled(text, &[b"x".as_slice()][..count]).unwrap();
            assert_eq!(String::from_utf8(got).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_found_where_it_is() {
        for (text, place, why) in [
            ("x\né {{ vault://a", "t:2:3", "not closed"),
            ("{{ vault://a }\n{{ vault://b }}", "t:1:1", "not closed"),
            ("{{ vault://a }", "t:1:1", "not closed"),
            ("ab{{ vault://a | jsno }}", "t:1:3", "unknown filter `jsno`"),
            ("{{ vault://a | }}", "t:1:1", "unknown filter ``"),
            ("{{ vault:// }}", "t:1:1", "names a credential"),
            ("{{ vault://a?b=c }}", "t:1:1", "after `?`"),
            ("{{ vault://a\nb }}", "t:1:1", "names a credential"),
        ] {
            let error = parsed(text.as_bytes()).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
            assert!(error.message().starts_with(&format!("{place}: ")), "{}", error.message());
            assert!(error.message().contains(why), "{}", error.message());
            assert!(!error.hints().is_empty() && !error.message().contains('\n'), "{text}");
        }
        let list = parsed(b"{{ vault://a | x }}").err().unwrap();
        assert!(list.hints()[0].contains("raw, json, shell, yaml, url, base64"));
        let from = Origin { file: "f".into(), line: 7, column: 5 };
        let error = Template::parse(b"a{{ vault://a", &from).err().unwrap();
        assert!(error.message().starts_with("f:7:6: "), "{}", error.message());
    }

    #[test]
    fn what_a_filter_cannot_write_is_refused() {
        let error = filled("\n {{ vault://a | shell }}", &[b"hunter2\0"]).err().unwrap();
        assert_eq!(error.message(), "t:2:2: the value has a NUL byte, which `shell` cannot write");
        assert!(error.hints()[0].contains("base64"));
        assert!(filled("{{ vault://a | json }}", &[b"\xff"]).is_err());
        assert!(filled("{{ vault://a | base64 | json }}", &[b"\xff"]).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>, text in "([{}\\\\ |a\n]|vault://){0,20}") {
            if let Ok(template) = parsed(&bytes) {
                let same = template.fill(&[]).unwrap();
                prop_assert_eq!(same.expose(), &bytes[..]);
            }
            if let Ok(template) = parsed(text.as_bytes()) {
                let value = Secret::from_bytes(b"x");
                let values: Vec<&Secret> = template.slots().map(|_| &value).collect();
                template.fill(&values).unwrap();
            }
        }
    }
}
