//! What GitHub Actions read: the file of environment variables, and the commands that keep values out of the
//! logs.

use super::{Document, Pair, Title, Wrong, each, quote};

pub(super) fn document(pairs: &[Pair<'_>], title: Title<'_>) -> Result<Document, Wrong> {
    // whoever wrote the line before may not have ended it; empty ones are skipped
    each("\n", pairs, |pair, out| {
        let text = value(pair)?;
        if title.mark.is_empty() || text.contains(title.mark) {
            return Err("has the mark in it that would end it");
        }
        if text.ends_with('\r') {
            return Err("ends with a carriage return");
        }
        for part in [pair.name, "<<", title.mark, "\n", text, "\n", title.mark, "\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        Ok(())
    })
}

/// The commands, for standard output: each line of a secret is masked. Very short lines beside longer ones are
/// left out; they would mask half of the log.
///
/// # Errors
/// As [`super::Format::document`].
pub fn masks(pairs: &[Pair<'_>]) -> Result<Document, Wrong> {
    each("", pairs, |pair, out| {
        let text = value(pair)?;
        if !pair.is_secret {
            return Ok(());
        }
        let has_longer = text.lines().any(|line| line.len() >= SHORTEST);
        for line in text.lines().filter(|line| !has_longer || line.len() >= SHORTEST) {
            let line = zeroize::Zeroizing::new(line.replace('%', "%25").replace('\r', "%0D"));
            for part in ["::add-mask::", line.as_str(), "\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        Ok(())
    })
}

fn value<'a>(pair: &Pair<'a>) -> Result<&'a str, &'static str> {
    let text = quote::text(pair.value)?;
    if text.contains('\0') { Err(quote::NUL) } else { Ok(text) }
}

const SHORTEST: usize = 4;
