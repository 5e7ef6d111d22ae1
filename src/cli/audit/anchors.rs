//! Heads of the log that were kept elsewhere, as they come: signed notes, or lines of JSON with a
//! `seq` and a `hash`, as exports and sinks write them.

use crate::error::{Error, Result};
use crate::vault::{Anchor, Checkpoint};
use data_encoding::HEXLOWER_PERMISSIVE;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use uuid::Uuid;

/// The longest line, in bytes.
const LONGEST: usize = 1 << 20;

/// The anchors in a file, or on standard input for `-`.
///
/// # Errors
/// Usage (2) with the number of the line, not found (10), I/O (18).
pub fn read(path: &Path) -> Result<Vec<Anchor>> {
    let all = if path == Path::new("-") {
        parse(&mut std::io::stdin().lock(), "standard input")
    } else {
        let shown = format!("`{}`", path.display());
        let file = File::open(path).map_err(|e| Error::io(format!("cannot read {shown}"), &e))?;
        parse(&mut BufReader::new(file), &shown)
    }?;
    match all.is_empty() {
        true => Err(Error::usage("there is no anchor in what was given")
            .hint("make one: vault audit checkpoint -o FILE")),
        false => Ok(all),
    }
}

fn parse(from: &mut dyn BufRead, shown: &str) -> Result<Vec<Anchor>> {
    let mut lines = Lines { from, number: 0, shown };
    let mut all = Vec::new();
    while let Some(line) = lines.next()? {
        let number = lines.number;
        let anchor = match line.as_bytes() {
            [] => continue,
            [b'{', ..] => document(&line),
            _ => note(line, &mut lines)?,
        };
        let anchor = anchor.ok_or_else(|| lines.wrong(number))?;
        all.push(Anchor { line: number, ..anchor });
    }
    Ok(all)
}

/// A note from its first line on: text up to an empty line, signatures up to the next one.
fn note(first: String, lines: &mut Lines<'_>) -> Result<Option<Anchor>> {
    let mut text = vec![first];
    text.extend(lines.paragraph()?);
    let signatures = lines.paragraph()?;
    Ok(Checkpoint::parse(&borrowed(&text), &borrowed(&signatures)).map(|note| Anchor {
        line: 0,
        vault: Some(note.head.vault),
        seq: note.head.seq,
        hash: note.head.hash,
        note: Some(note),
    }))
}

fn borrowed(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}

fn document(line: &str) -> Option<Anchor> {
    let value: serde_json::Value = serde_json::from_str(line).ok()?;
    let vault = match value.get("vault") {
        Some(vault) => Some(Uuid::try_parse(vault.as_str()?).ok()?),
        None => None,
    };
    let hash = HEXLOWER_PERMISSIVE.decode(value.get("hash")?.as_str()?.as_bytes()).ok()?;
    let seq = value.get("seq")?.as_i64().filter(|seq| *seq > 0)?;
    Some(Anchor { line: 0, vault, seq, hash: hash.try_into().ok()?, note: None })
}

/// Lines with their numbers, none of them too long.
struct Lines<'a> {
    from: &'a mut dyn BufRead,
    number: usize,
    shown: &'a str,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<String>> {
        let mut line = Vec::new();
        let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
        let failed = |e| Error::io(format!("cannot read {}", self.shown), &e);
        Read::take(&mut self.from, limit).read_until(b'\n', &mut line).map_err(failed)?;
        if line.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let whole = line.len() < LONGEST || line.ends_with(b"\n");
        let text = String::from_utf8(line).ok().filter(|_| whole);
        let text = text.ok_or_else(|| self.wrong(self.number))?;
        Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
    }

    fn paragraph(&mut self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        while let Some(line) = self.next()?.filter(|line| !line.is_empty()) {
            lines.push(line);
        }
        Ok(lines)
    }

    fn wrong(&self, number: usize) -> Error {
        Error::usage(format!("line {number} of {} is no anchor", self.shown)).hint(
            "an anchor is a note of `vault audit checkpoint`, or a line of JSON with seq and hash",
        )
    }
}
