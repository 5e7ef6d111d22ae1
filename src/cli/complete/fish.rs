//! Fish separates the words and quotes candidates itself, but hands over the current word as it was
//! typed.

use super::Line;

/// Takes the quotes off the current word.
pub(super) fn unquote(mut line: Line) -> Line {
    let mut plain = String::with_capacity(line.current.len());
    let mut quote = None;
    let mut chars = line.current.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if c == open => quote = None,
            (_, '\\') => match chars.next() {
                Some(c) if is_escape(quote, c) => plain.push(c),
                Some(c) => plain.extend(['\\', c]),
                None => {}
            },
            _ => plain.push(c),
        }
    }
    line.current = plain;
    line
}

/// Whether a backslash before `c` is part of the quoting. Letters make control characters, which no
/// name has.
fn is_escape(quote: Option<char>, c: char) -> bool {
    match quote {
        None => true,
        Some('"') => matches!(c, '"' | '\\' | '$'),
        Some(_) => matches!(c, '\'' | '\\'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_ways_to_quote() {
        for (typed, meant) in [
            ("db/m", "db/m"),
            ("my\\ s", "my s"),
            ("'my s", "my s"),
            ("\"it's \\\"q", "it's \"q"),
            ("'it\\'s \"q", "it's \"q"),
            ("\"a\\$b", "a$b"),
            ("'back\\\\sl", "back\\sl"),
            ("back\\\\", "back\\"),
            ("back\\", "back"),
        ] {
            let line = Line { current: typed.into(), ..Line::default() };
            assert_eq!(unquote(line).current, meant, "{typed}");
        }
    }
}
