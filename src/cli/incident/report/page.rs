//! The report as a page that stands alone.

use super::super::tables::Row;
use super::content::Content;
use crate::cli::html::{self, Markup, shown, table};
use crate::cli::report::Cell;

/// The page.
pub fn page(content: &Content) -> String {
    html::page(&format!("{}: {}", content.number, content.title), |m| {
        let told = content.facts.iter().filter(|(_, cell)| !matches!(cell, Cell::None));
        facts(m, told.map(|(key, cell)| (*key, shown(cell))));
        if content.log.is_err() {
            m.leaf("p", &[("class", "bad")], DO_NOT_RELY);
        }
        for (heading, said) in &content.texts {
            if let Some(said) = said {
                m.section(&capital(heading), |m| _ = m.paragraphs(said));
            }
        }
        if !content.references.is_empty() {
            m.section("References", |m| list(m, &content.references));
        }
        part(m, "Steps", &content.steps, "None.");
        part(m, "Credentials", &content.credentials.0, "None is linked.");
        part(m, "Timeline", &content.timeline, "Nothing happened.");
        proof(m, content);
        part(m, &content.log_heading(), &content.entries, "Nothing was entered in that time.");
    })
}

/// Said where nobody can miss it.
pub const DO_NOT_RELY: &str =
    "The log is NOT intact. Do not rely on what this report takes from it.";

fn facts(m: &mut Markup, facts: impl Iterator<Item = (&'static str, String)>) {
    let facts: Vec<(String, String)> = facts.map(|(key, fact)| (capital(key), fact)).collect();
    let facts: Vec<_> = facts.iter().map(|(key, fact)| (key.as_str(), fact.clone())).collect();
    m.facts(&facts);
}

fn list(m: &mut Markup, items: &[String]) {
    m.element("ul", &[], |m| {
        for item in items {
            m.leaf("li", &[], item);
        }
    });
}

/// A table that may go over several sheets.
fn part(m: &mut Markup, heading: &str, rows: &[Row], empty: &str) {
    m.element("section", &[("class", "long")], |m| {
        m.leaf("h2", &[], heading);
        match rows.first() {
            None => _ = m.leaf("p", &[("class", "note")], empty),
            Some(first) => {
                let heads: Vec<String> = first.iter().map(|(key, _)| capital(key)).collect();
                let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
                table(m, &heads, &cells(rows));
            }
        }
    });
}

fn cells(rows: &[Row]) -> Vec<Vec<Cell<'static>>> {
    let cell = |cell: &Cell<'_>| match cell {
        Cell::Time(at) => Cell::Time(*at),
        Cell::Int(number) => Cell::Int(*number),
        other => Cell::owned(shown(other)),
    };
    rows.iter().map(|row| row.iter().map(|(_, one)| cell(one)).collect()).collect()
}

fn proof(m: &mut Markup, content: &Content) {
    m.section("Proof", |m| match content.proof() {
        Ok(proof) => {
            facts(m, proof.into_iter());
            m.leaf("p", &[("class", "note")], HOW);
            if let Some((note, key)) = content.note() {
                m.lines(&note);
                m.leaf("p", &[("class", "note")], &how_signed(&key));
            }
        }
        Err(why) => {
            m.leaf("p", &[("class", "bad")], DO_NOT_RELY);
            m.leaf("p", &[], why);
        }
    });
}

/// How anybody checks it.
pub const HOW: &str = "The whole log was verified, and read at the same moment. To check it: vault audit \
    verify --unlock, and vault audit show with the number of an entry. As long as the last entry has the \
    hash that is named here as the head, and each other the hash below, what stands here is what stands in \
    the log, which goes on behind it.";

/// How anybody checks what was signed.
pub fn how_signed(key: &str) -> String {
    format!(
        "The note above is signed by the vault. Kept in a file, vault audit verify --anchor FILE compares \
         the log with it. The key that checks it without the vault's: {key}"
    )
}

/// A key as a heading.
pub fn capital(key: &str) -> String {
    let words = key.replace('_', " ");
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}
