//! Bash hands over the line and expects candidates quoted as its user began to quote.
//!
//! Readline replaces only what follows the last word break (`:` or `=`, say) or an open quotation
//! mark, so that is what is sent back.

use super::{Candidate, Line, Quote};
use crate::world::World;
use std::mem;

/// The line from the environment, as far as the cursor.
pub(super) fn read(world: &World) -> Option<Line> {
    let text = world.var(LINE)?.to_str()?;
    let breaks = world.var(BREAKS).and_then(|breaks| breaks.to_str()).unwrap_or_default();
    Some(parse(text, breaks))
}

/// One candidate a line.
pub(super) fn write(words: &[Candidate], line: &Line) -> Vec<u8> {
    let mut answer = String::from("words\n");
    for rest in words.iter().filter_map(|(word, _)| word.get(line.kept..)) {
        quote(rest, line.quote, &mut answer);
        answer.push_str(closing(line.quote));
        answer.push('\n');
    }
    answer.into_bytes()
}

fn parse(text: &str, breaks: &str) -> Line {
    let mut line = Line::default();
    let mut begun = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' => {
                if mem::take(&mut begun) {
                    line.words.push(mem::take(&mut line.current).into());
                    line.kept = 0;
                }
                continue;
            }
            '\'' => open(&mut line, Quote::Single, &mut chars),
            '"' => open(&mut line, Quote::Double, &mut chars),
            '\\' => line.current.extend(chars.next()),
            _ => {
                line.current.push(c);
                if breaks.contains(c) {
                    line.kept = line.current.len();
                }
            }
        }
        begun = true;
    }
    line
}

/// Reads a quotation to its end. If it has none, readline replaces from its beginning.
fn open(line: &mut Line, quote: Quote, chars: &mut std::str::Chars<'_>) {
    let from = line.current.len();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Quote::Single, '\'') | (Quote::Double, '"') => return,
            (Quote::Double, '\\') => match chars.next() {
                Some(c @ ('$' | '`' | '"' | '\\')) => line.current.push(c),
                Some(c) => line.current.extend(['\\', c]),
                None => {}
            },
            (Quote::None | Quote::Single | Quote::Double, _) => line.current.push(c),
        }
    }
    line.kept = from;
    line.quote = quote;
}

fn quote(text: &str, quote: Quote, out: &mut String) {
    for c in text.chars() {
        match quote {
            Quote::Single if c == '\'' => out.push_str("'\\''"),
            // a backslash would not hide it from the history
            Quote::Double if c == '!' => out.push_str("\"\\!\""),
            Quote::Double if matches!(c, '"' | '\\' | '$' | '`') => out.extend(['\\', c]),
            Quote::None if !is_literal(c) => out.extend(['\\', c]),
            Quote::None | Quote::Single | Quote::Double => out.push(c),
        }
    }
}

/// The end of a quotation. Readline adds it only where the text does not end with that very character,
/// which it takes for the end.
fn closing(quote: Quote) -> &'static str {
    match quote {
        Quote::None => "",
        Quote::Single => "'",
        Quote::Double => "\"",
    }
}

/// Whether an unquoted character stands for itself. `~` and `#` mean something else at the beginning
/// of a word only, but a backslash before them does no harm elsewhere.
fn is_literal(c: char) -> bool {
    !c.is_ascii() || c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c)
}

const LINE: &str = "VAULT_COMPLETE_LINE";
const BREAKS: &str = "VAULT_COMPLETE_BREAKS";

#[cfg(test)]
mod tests {
    use super::*;

    const WORD_BREAKS: &str = " \t\n\"'@><=;|&(:";

    fn kept_and_current(text: &str) -> (usize, String, Quote) {
        let line = parse(text, WORD_BREAKS);
        (line.kept, line.current, line.quote)
    }

    #[test]
    fn words_are_what_bash_takes_them_for() {
        let line = parse(r#"vault  cred 'a b'c "d\$\x" e\ f "#, WORD_BREAKS);
        let words: Vec<_> = line.words.iter().map(|word| word.to_str().unwrap()).collect();
        assert_eq!(words, ["vault", "cred", "a bc", "d$\\x", "e f"]);
        assert_eq!((line.current.as_str(), line.kept), ("", 0));
    }

    #[test]
    fn what_readline_replaces() {
        assert_eq!(kept_and_current("v host:54"), (5, "host:54".into(), Quote::None));
        assert_eq!(kept_and_current(r"v host\:54"), (0, "host:54".into(), Quote::None));
        assert_eq!(kept_and_current("v --to=a'b c"), (6, "--to=ab c".into(), Quote::Single));
        assert_eq!(kept_and_current("v 'a:b'c"), (0, "a:bc".into(), Quote::None));
        assert_eq!(kept_and_current("v \"it's"), (0, "it's".into(), Quote::Double));
        assert_eq!(kept_and_current("v a\\"), (0, "a".into(), Quote::None));
    }

    #[test]
    fn candidates_continue_the_users_quoting() {
        let words = [(r#"it's "q" $x\!"#.to_owned(), None)];
        let answer = |text| {
            let answer = write(&words, &parse(text, WORD_BREAKS));
            String::from_utf8(answer).unwrap()
        };
        assert_eq!(answer("v it"), "words\nit\\'s\\ \\\"q\\\"\\ \\$x\\\\\\!\n");
        assert_eq!(answer("v 'it"), "words\nit'\\''s \"q\" $x\\!'\n");
        assert_eq!(answer("v \"it"), "words\nit's \\\"q\\\" \\$x\\\\\"\\!\"\"\n");
    }
}
