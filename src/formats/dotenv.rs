//! Files as `.env`. There is no standard; this writes only what a shell that reads the file, Docker Compose,
//! python-dotenv and the dotenv of Node.js all read alike, and refuses the rest:
//!
//! - single quotes, unless there is one in the value;
//! - then double quotes, in which nothing is escaped, so that the value has none of ``\ " $ ` ``;
//! - no two backslashes in a row, and none at the end; no `${`; no carriage return; UTF-8;
//! - no reference, which `vault run --env-file` would follow.

use super::{Document, Pair, RETURNS, Title, Wrong, each, quote};
use crate::model::SCHEME;

pub(super) fn document(pairs: &[Pair<'_>], _: Title<'_>) -> Result<Document, Wrong> {
    each("", pairs, |pair, out| {
        let text = quote::text(pair.value)?;
        let mark = mark(text)?;
        for part in [pair.name, "=", mark, text, mark, "\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        Ok(())
    })
}

/// The quotation mark for a value.
fn mark(text: &str) -> Result<&'static str, &'static str> {
    if text.contains('\0') {
        return Err(quote::NUL);
    }
    if text.contains('\r') {
        return Err(RETURNS);
    }
    if text.contains(SCHEME) {
        return Err("has a reference in it that `vault run` would follow");
    }
    if text.contains("${") || text.contains("\\\\") || text.ends_with('\\') {
        return Err("has characters that its readers do not read alike");
    }
    match (text.contains('\''), text.contains(['\\', '"', '$', '`'])) {
        (false, _) => Ok("'"),
        (true, false) => Ok("\""),
        (true, true) => Err("has a quote and other characters that its readers do not read alike"),
    }
}
