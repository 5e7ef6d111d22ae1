//! Formats of which every pair is a line of its own.

use super::{Document, LINES, Pair, Title, Wrong, each, quote};

pub(super) fn shell(pairs: &[Pair<'_>], _: Title<'_>) -> Result<Document, Wrong> {
    quoted(pairs, "export ", "=", quote::shell)
}

pub(super) fn fish(pairs: &[Pair<'_>], _: Title<'_>) -> Result<Document, Wrong> {
    quoted(pairs, "set -gx ", " ", quote::fish)
}

pub(super) fn json(pairs: &[Pair<'_>], _: Title<'_>) -> Result<Document, Wrong> {
    let mut first = true;
    let mut out = each("{", pairs, |pair, out| {
        let comma = if std::mem::take(&mut first) { "" } else { "," };
        out.extend_from_slice(format!("{comma}\n  \"{}\": ", pair.name).as_bytes());
        out.extend_from_slice(&quote::json(pair.value)?);
        Ok(())
    })?;
    out.extend_from_slice(b"\n}\n");
    Ok(out)
}

pub(super) fn yaml(pairs: &[Pair<'_>], _: Title<'_>) -> Result<Document, Wrong> {
    // the names are quoted too: `NO` is no text in YAML 1.1
    quoted(pairs, "\"", "\": ", quote::yaml)
}

pub(super) fn docker(pairs: &[Pair<'_>], _: Title<'_>) -> Result<Document, Wrong> {
    each("", pairs, |pair, out| {
        let text = quote::text(pair.value)?;
        if text.contains('\0') {
            return Err(quote::NUL);
        }
        if text.contains(['\n', '\r']) {
            return Err(LINES);
        }
        if pair.name.len() + text.len() >= LONGEST_LINE {
            return Err("has more bytes than a line may have");
        }
        line(out, &[pair.name, "=", text]);
        Ok(())
    })
}

pub(super) fn tfvars(pairs: &[Pair<'_>], _: Title<'_>) -> Result<Document, Wrong> {
    each("", pairs, |pair, out| {
        let name = pair.name.to_ascii_lowercase();
        if META_ARGUMENTS.contains(&&*name) {
            return Err("has a name that Terraform keeps for itself");
        }
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b" = ");
        out.extend_from_slice(&quote::hcl(pair.value)?);
        out.push(b'\n');
        Ok(())
    })
}

fn quoted(
    pairs: &[Pair<'_>],
    before: &str,
    between: &str,
    quote: quote::Quote,
) -> Result<Document, Wrong> {
    each("", pairs, |pair, out| {
        let value = quote(pair.value)?;
        for part in [before, pair.name, between] {
            out.extend_from_slice(part.as_bytes());
        }
        out.extend_from_slice(&value);
        out.push(b'\n');
        Ok(())
    })
}

fn line(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts.iter().copied().chain(["\n"]) {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Docker reads lines of at most 64 KiB.
const LONGEST_LINE: usize = 64_000;

/// What no variable of Terraform may be called.
const META_ARGUMENTS: &[&str] =
    &["count", "depends_on", "for_each", "lifecycle", "locals", "providers", "source", "version"];
