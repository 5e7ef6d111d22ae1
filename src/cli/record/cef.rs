//! `ArcSight`'s Common Event Format, one entry a line. It has no place for MACs: the chain is checked
//! from JSON Lines.

use crate::vault::Record;
use data_encoding::HEXLOWER;
use std::fmt::Write;

/// An entry.
#[must_use]
pub fn line(record: &Record<'_>) -> String {
    let Record { vault, entry, counter, .. } = *record;
    let severity = if entry.outcome == "ok" { 3 } else { 7 };
    let action = head(&entry.action);
    let version = env!("CARGO_PKG_VERSION");
    let mut line = format!("CEF:0|vault|vault|{version}|{action}|{action}|{severity}|");
    let (uid, fields, id) = (entry.uid.to_string(), entry.fields.join(","), vault.to_string());
    let (seq, at, hash) =
        (entry.seq.to_string(), entry.at.0.to_string(), HEXLOWER.encode(&entry.hash));
    let (counter, segment) = (counter.to_string(), entry.segment.map(|id| id.to_string()));
    let remote = entry.remote.as_deref();
    let is_ipv4 = remote.is_some_and(|at| at.parse::<std::net::Ipv4Addr>().is_ok());
    for (key, label, value) in [
        ("rt", "", Some(at.as_str())),
        ("externalId", "", Some(&seq)),
        ("deviceExternalId", "", Some(&id)),
        ("outcome", "", Some(&entry.outcome)),
        ("suser", "", Some(&entry.user)),
        ("suid", "", Some(&uid)),
        ("shost", "", Some(&entry.host)),
        ("src", "", remote.filter(|_| is_ipv4)),
        ("c6a2", "remote", remote.filter(|_| !is_ipv4)),
        ("sproc", "", entry.program.as_deref()),
        ("requestClientApplication", "", Some(&entry.agent)),
        ("reason", "", entry.reason.as_deref()),
        ("cs1", "credential", entry.name.as_deref()),
        ("cs2", "fields", Some(fields.as_str()).filter(|fields| !fields.is_empty())),
        ("cs3", "hash", Some(&hash)),
        ("cs4", "details", entry.details.as_deref()),
        ("cs5", "incident", entry.incident.as_deref()),
        ("cs6", "parent", entry.parent.as_deref()),
        ("cn1", "counter", Some(&counter)),
        ("cn2", "segment", segment.as_deref()),
    ] {
        let Some(value) = value else { continue };
        if !label.is_empty() {
            _ = write!(line, "{key}Label={label} ");
        }
        _ = write!(line, "{key}={} ", extension(value));
    }
    line.truncate(line.trim_end().len());
    line
}

/// A part of the header: bars and backslashes are escaped, and there is no way to write a new line.
fn head(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '|' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A value of the extension: equals signs and backslashes are escaped, line ends written as such.
fn extension(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '=' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => _ = write!(out, "\\\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::tests::{hostile, record};
    use super::*;

    #[test]
    fn header_and_extension_are_escaped_each_in_its_way() {
        let mut entry = hostile();
        entry.action = "a|b\\c\nd".into();
        let line = line(&record(&entry));
        let version = env!("CARGO_PKG_VERSION");
        let begin =
            format!("CEF:0|vault|vault|{version}|a\\|b\\\\c d|a\\|b\\\\c d|7|rt=1800000000123 ");
        assert!(line.starts_with(&begin), "{line}");
        assert!(line.contains(" cs1Label=credential cs1=a|b\\=c\\\\d \"é\""), "{line}");
        assert!(line.contains(" suser=\\=HYPERLINK(1) suid=1000 shost=two words src=203.0.113.7 "));
        assert!(line.contains(" sproc=x\\ny\\\\u001b[31m "), "{line}");
        assert!(!line.contains('\n') && !line.ends_with(' '), "{line}");
    }
}
