//! Files of variables, as `.env` files are: what is in one, by line. Knows nothing of references.

use crate::error::{Error, Result};

/// A variable that such a file sets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// Where, from 1.
    pub number: usize,
    /// Where in that line its value begins, from 1.
    pub column: usize,
    /// Its name, as it is written; whether it is one is for others to say.
    pub name: String,
    /// Its value, without its quotes.
    pub value: Vec<u8>,
}

/// The variables in `text`. Lines are `NAME=VALUE`, with `export` before them if you like; `#` begins a
/// remark, at the beginning of a line or after a blank. Nothing between single quotes is special; between
/// double quotes, and there only, a backslash is: `\n \r \t \" \\ \$`. What is quoted may have several
/// lines. Nothing is expanded.
///
/// # Errors
/// Usage (2) with the line in the file called `shown`; quotes nothing of it.
pub fn parse(text: &[u8], shown: &str) -> Result<Vec<Line>> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut reader = Reader { text, at: 0, line: 1, start: 0 };
    let mut lines = Vec::new();
    while reader.skip_to_word() {
        let number = reader.line;
        let line = reader.line(number);
        lines.push(line.map_err(|(number, why)| {
            Error::usage(format!("{shown}:{number}: {why}"))
                .hint("a line is NAME=VALUE or NAME='VALUE'")
        })?);
    }
    Ok(lines)
}

/// What was read, or where something is wrong, and what.
type Read<T> = std::result::Result<T, (usize, &'static str)>;

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
    /// Where that line begins.
    start: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        if byte == b'\n' {
            (self.line, self.start) = (self.line + 1, self.at);
        }
        Some(byte)
    }

    fn skip_while(&mut self, fits: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&fits) {
            self.next();
        }
    }

    /// Goes to the next line that says something; no more if there is none.
    fn skip_to_word(&mut self) -> bool {
        loop {
            self.skip_while(|byte| byte.is_ascii_whitespace());
            match self.peek() {
                Some(b'#') => self.skip_while(|byte| byte != b'\n'),
                Some(_) => return true,
                None => return false,
            }
        }
    }

    fn line(&mut self, number: usize) -> Read<Line> {
        let start = self.at;
        self.skip_while(|byte| !matches!(byte, b'=' | b'\n'));
        let name = self.text[start..self.at].trim_ascii();
        if self.next() != Some(b'=') {
            return Err((number, "there is no `=` in this line"));
        }
        let name = name
            .strip_prefix(b"export")
            .filter(|rest| rest.starts_with(b" ") || rest.starts_with(b"\t"))
            .unwrap_or(name);
        let name =
            std::str::from_utf8(name.trim_ascii()).map_err(|_| (number, "a name is no text"))?;
        self.skip_while(|byte| matches!(byte, b' ' | b'\t'));
        let quotes = usize::from(matches!(self.peek(), Some(b'\'' | b'"')));
        let column = self.at - self.start + 1 + quotes;
        let value = match self.peek() {
            Some(b'\'' | b'"') => self.quoted()?,
            _ => self.plain(),
        };
        match value.contains(&0) {
            true => Err((number, "a variable cannot have a NUL byte")),
            false => Ok(Line { number, column, name: name.to_owned(), value }),
        }
    }

    /// Up to the end of the line, or a remark.
    fn plain(&mut self) -> Vec<u8> {
        let start = self.at;
        let mut before = b' ';
        while let Some(byte) = self.peek().filter(|byte| *byte != b'\n') {
            if byte == b'#' && before.is_ascii_whitespace() {
                break;
            }
            before = byte;
            self.next();
        }
        let value = self.text[start..self.at].trim_ascii_end().to_vec();
        self.skip_while(|byte| byte != b'\n');
        value
    }

    /// One or several quoted parts, with nothing between them but `\'` and the like, as shells have it.
    fn quoted(&mut self) -> Read<Vec<u8>> {
        let mut value = Vec::new();
        loop {
            match self.peek() {
                Some(quote @ (b'\'' | b'"')) => self.part(quote, &mut value)?,
                Some(b'\\') if self.text.get(self.at + 1).is_some_and(|next| *next != b'\n') => {
                    self.next();
                    value.extend(self.next());
                }
                _ => break,
            }
        }
        self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
        match self.peek() {
            None | Some(b'\n') => Ok(value),
            Some(b'#') => {
                self.skip_while(|byte| byte != b'\n');
                Ok(value)
            }
            Some(_) => Err((self.line, "something stands behind the closing quote")),
        }
    }

    fn part(&mut self, quote: u8, value: &mut Vec<u8>) -> Read<()> {
        let open = self.line;
        self.next();
        loop {
            match self.next() {
                None => return Err((open, "a quote is not closed")),
                Some(byte) if byte == quote => return Ok(()),
                Some(b'\\') if quote == b'"' => match self.next() {
                    Some(b'n') => value.push(b'\n'),
                    Some(b'r') => value.push(b'\r'),
                    Some(b't') => value.push(b'\t'),
                    Some(byte @ (b'"' | b'\\' | b'$' | b'`')) => value.push(byte),
                    Some(byte) => value.extend([b'\\', byte]),
                    None => return Err((open, "a quote is not closed")),
                },
                Some(byte) => value.push(byte),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        let lines = parse(text.as_bytes(), "`f`").unwrap();
        lines.into_iter().map(|line| (line.name, String::from_utf8(line.value).unwrap())).collect()
    }

    fn one(text: &str) -> String {
        let mut all = read(&format!("X={text}"));
        assert_eq!(all.len(), 1, "{text}");
        all.remove(0).1
    }

    #[test]
    fn values_are_what_they_look_like() {
        for (text, value) in [
            ("", ""),
            ("a b  ", "a b"),
            ("a#b # remark", "a#b"),
            ("# remark", ""),
            ("'a # b'", "a # b"),
            (r"'a\n$b'", r"a\n$b"),
            (r#""a\n\"\\\$b\x" # remark"#, "a\n\"\\$b\\x"),
            ("'two\nlines'", "two\nlines"),
            (r"'it'\''s'", "it's"),
            (r#"'it'"'"'s'"#, "it's"),
            ("$HOME `id` $(id)", "$HOME `id` $(id)"),
            ("a=b", "a=b"),
            ("'grün'", "grün"),
            (r"C:\dir", r"C:\dir"),
        ] {
            assert_eq!(one(text), value, "{text}");
        }
    }

    #[test]
    fn lines_may_be_dressed_up() {
        let text = "\u{feff}# first\r\n\r\nA=1\r\n  export B = 'x' \r\n\n#C=3\nD=\"2\"\nexporter=4";
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            read(text),
            [pair("A", "1"), pair("B", "x"), pair("D", "2"), pair("exporter", "4")]
        );
        assert_eq!(read(""), []);
    }

    #[test]
    fn what_is_wrong_is_said_by_line_and_not_quoted() {
        for (text, said) in [
            ("A=1\nhunter2\nB=2", "`f`:2: there is no `=` in this line"),
            ("A='x\nhunter2\n", "`f`:1: a quote is not closed"),
            ("\n\nA=\"x\\", "`f`:3: a quote is not closed"),
            ("A='x'hunter2", "`f`:1: something stands behind the closing quote"),
            ("A='\n\nx' hunter2", "`f`:3: something stands behind the closing quote"),
            ("A=a\0b", "`f`:1: a variable cannot have a NUL byte"),
        ] {
            let error = parse(text.as_bytes(), "`f`").unwrap_err();
            assert_eq!(error.message(), said);
            assert!(!format!("{error:?}").contains("hunter2"));
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_crashes_it(text: Vec<u8>) {
            let _ = parse(&text, "`f`");
        }

        #[test]
        fn what_is_quoted_is_read_back(value in "[^\0']*") {
            proptest::prop_assert_eq!(one(&format!("'{value}' # x")), value);
        }
    }
}
