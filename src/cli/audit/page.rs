//! The report on the audit log as a page.

use super::summary::{Reads, Summary, TOLD};
use super::tally::{Count, date};
use crate::cli::html::{self, Column, Markup, table};
use crate::cli::report::Cell;
use crate::error::Result;
use crate::model::Timestamp;
use crate::vault::{Entry, EntryFilter, LogVerdict};
use std::collections::BTreeMap;

/// What a report is on.
pub(super) struct About {
    /// The vault's file.
    pub(super) file: String,
    /// When it is made.
    pub(super) made: Timestamp,
    /// Whether the log is intact.
    pub(super) verdict: Result<LogVerdict>,
    /// Which entries it is on.
    pub(super) filter: EntryFilter,
    /// The last entry that was looked at.
    pub(super) last: i64,
}

/// How many users, credentials and programs are named.
const NAMED: usize = 20;

/// So many columns at most, and of how many days one can be.
const COLUMNS: i64 = 130;
const SPANS: [(i64, &str); 5] =
    [(1, "day"), (7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "365 days")];

/// The page.
pub(super) fn page(about: &About, summary: &Summary, refusals: &[Entry]) -> String {
    html::page("Audit report", |m| {
        m.facts(&facts(about, summary));
        m.figures(&figures(summary));
        if summary.all().entries == 0 {
            m.leaf("p", &[], "No entries fit.");
        } else {
            charts(m, summary);
            tables(m, summary);
            failures(m, summary, refusals);
        }
        proof(m, about);
    })
}

fn facts(about: &About, summary: &Summary) -> Vec<(&'static str, String)> {
    let f = &about.filter;
    let when = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let span = summary.span().map(|(first, last)| format!("{first} to {last}"));
    let all = [
        ("Vault", Some(about.file.clone())),
        ("Made", Some(about.made.to_string())),
        ("Not before", when(f.since)),
        ("Before", when(f.until)),
        ("Credential", f.cred.clone()),
        ("Client", f.client.clone()),
        ("Incident", f.incident.clone()),
        ("Actions", Some(f.actions.join(", ")).filter(|actions| !actions.is_empty())),
        ("Outcome", f.outcome.clone()),
        ("User", f.actor.clone()),
        ("Machine", f.host.clone()),
        ("Program", f.program.clone()),
        ("Reason contains", f.reason.clone()),
        ("Text", f.text.clone()),
        ("Entries from", span),
    ];
    all.into_iter().filter_map(|(what, fact)| Some((what, fact?))).collect()
}

fn figures(summary: &Summary) -> [(&'static str, String); 6] {
    let all = summary.all();
    [
        ("entries", all.entries.to_string()),
        ("values handed out", summary.reads().to_string()),
        ("credentials read", summary.credentials().to_string()),
        ("refused", all.refused.to_string()),
        ("failed", all.failed.to_string()),
        ("failed unlocks", summary.unlocks_failed().to_string()),
    ]
}

fn charts(m: &mut Markup, summary: &Summary) {
    m.section("Activity", |m| {
        let (span, columns) = columns(summary.days());
        let about = format!("Entries by {span}, UTC; in red those that were refused or failed.");
        html::columns(m, &about, &columns);
    });
    m.section("Hours", |m| {
        let hours: Vec<String> = (0..24).map(|hour| format!("{hour:02}")).collect();
        let counts: Vec<Vec<i64>> = summary.hours().iter().map(|day| day.to_vec()).collect();
        let about =
            "Entries by day of the week and hour, UTC: what is done at unusual hours stands alone.";
        html::heat(m, about, &WEEK, &hours, &counts);
    });
}

const WEEK: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// The days as columns, several together if they are many. Days without entries are there, too.
fn columns(days: &BTreeMap<i64, Count>) -> (&'static str, Vec<Column>) {
    let (Some((first, _)), Some((last, _))) = (days.first_key_value(), days.last_key_value())
    else {
        return ("day", Vec::new());
    };
    let length = last.saturating_sub(*first).saturating_add(1);
    let fits = SPANS.iter().find(|(days, _)| length.div_euclid(*days) < COLUMNS);
    let Some((span, word)) = fits else {
        // a clock was wrong by lifetimes: no chart could show the gap
        return ("day with entries", days.iter().map(|(day, count)| column(*day, count)).collect());
    };
    let mut all: Vec<Column> = Vec::new();
    let mut from = *first;
    while from <= *last {
        let mut sum = Count::default();
        for count in days.range(from..from + span).map(|(_, count)| count) {
            sum.entries += count.entries;
            sum.refused += count.refused;
            sum.failed += count.failed;
        }
        all.push(column(from, &sum));
        from += span;
    }
    (word, all)
}

fn column(day: i64, count: &Count) -> Column {
    Column { label: date(day), count: count.entries, bad: count.refused + count.failed }
}

fn tables(m: &mut Markup, summary: &Summary) {
    m.section("Readers", |m| {
        let heads = ["User", "Values", "Credentials", "Last"];
        reads(m, heads, &summary.readers());
    });
    m.section("Most read credentials", |m| {
        let heads = ["Credential", "Values", "Users", "Last"];
        reads(m, heads, &summary.read());
    });
    m.section("Programs", |m| {
        let programs = summary.programs();
        let most = programs.first().map_or(0, |(_, count)| *count);
        let rows = programs.iter().take(NAMED).map(|(name, count)| {
            let name = if name.is_empty() { "(not known)" } else { name };
            vec![Cell::text(Some(name)), Cell::Bar { count: *count, most }]
        });
        table(m, &["Calling program", "Entries"], &rows.collect::<Vec<_>>());
        more(m, programs.len());
    });
}

fn reads(m: &mut Markup, heads: [&str; 4], all: &[(&str, &Reads)]) {
    if all.is_empty() {
        m.leaf("p", &[], "No value was handed out.");
        return;
    }
    let most = all.first().map_or(0, |(_, reads)| reads.count);
    let row = |(name, reads): &(&'_ str, &Reads)| {
        vec![
            Cell::owned(*name),
            Cell::Bar { count: reads.count, most },
            Cell::Int(i64::try_from(reads.others.len()).unwrap_or(i64::MAX)),
            Cell::Time(reads.last),
        ]
    };
    table(m, &heads, &all.iter().take(NAMED).map(row).collect::<Vec<_>>());
    more(m, all.len());
}

fn more(m: &mut Markup, all: usize) {
    if let Some(more) = all.checked_sub(NAMED).filter(|more| *more > 0) {
        m.leaf("p", &[("class", "note")], &format!("and {more} more"));
    }
}

fn failures(m: &mut Markup, summary: &Summary, refusals: &[Entry]) {
    m.section("Refused and failed", |m| {
        if refusals.is_empty() {
            m.leaf("p", &[], "Nothing was refused, and nothing failed.");
            return;
        }
        let all = summary.failures();
        let most = all.first().map_or(0, |(_, _, count)| *count);
        let rows: Vec<_> = all
            .iter()
            .map(|(action, outcome, count)| {
                let (count, most) = (*count, most);
                vec![Cell::text(Some(action)), Cell::text(Some(outcome)), Cell::Bar { count, most }]
            })
            .collect();
        table(m, &["Action", "Outcome", "Entries"], &rows);
    });
    if refusals.is_empty() {
        return;
    }
    m.element("section", &[("class", "long")], |m| {
        let all = summary.all().refused + summary.all().failed;
        let shown = refusals.len().min(TOLD);
        m.leaf("h2", &[], &format!("The latest {shown} of these {all}"));
        let rows: Vec<_> = refusals.iter().map(refusal).collect();
        let heads = [
            "Entry",
            "Time",
            "User",
            "Machine",
            "Program",
            "Action",
            "Outcome",
            "Credential",
            "Reason",
        ];
        table(m, &heads, &rows);
    });
}

fn refusal(entry: &Entry) -> Vec<Cell<'_>> {
    vec![
        Cell::Int(entry.seq),
        Cell::Time(entry.at),
        Cell::text(Some(&entry.user)),
        Cell::text(Some(&entry.host)),
        Cell::text(entry.program.as_deref()),
        Cell::text(Some(&entry.action)),
        Cell::text(Some(&entry.outcome)),
        Cell::text(entry.name.as_deref()),
        Cell::text(entry.reason.as_deref()),
    ]
}

fn proof(m: &mut Markup, about: &About) {
    m.section("Proof", |m| match &about.verdict {
        Err(e) => {
            m.leaf("p", &[("class", "bad")], "The log is NOT intact. Do not rely on this report.");
            m.leaf("p", &[], e.message());
        }
        Ok(verdict) => intact(m, verdict, about.last),
    });
}

fn intact(m: &mut Markup, verdict: &LogVerdict, last: i64) {
    let marks = match verdict.authenticated {
        true => "The log is intact: every entry was written by this program, in this order.",
        false => {
            "The public chain of the log is intact. The keyed marks were not checked: somebody who \
                  can write the file could have made the chain anew."
        }
    };
    m.leaf("p", &[("class", "good")], marks);
    let complete = match verdict.complete_to {
        Some(seq) => format!("up to entry {seq}, as this machine's seal attests"),
        None => "not known: this machine has no seal of the vault".into(),
    };
    m.facts(&[
        ("Entries in the log", verdict.entries.to_string()),
        ("Looked at up to", format!("entry {last}")),
        ("Checked up to", format!("entry {}", verdict.last)),
        ("Head", data_encoding::HEXLOWER.encode(&verdict.head)),
        ("Complete", complete),
    ]);
    for gap in &verdict.gaps {
        m.leaf("p", &[("class", "note")], gap);
    }
    let check = "To check it: vault audit verify --unlock. As long as the log is that of the head above, \
                 what stands here is what stands in it.";
    m.leaf("p", &[("class", "note")], check);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(days: &[i64]) -> BTreeMap<i64, Count> {
        days.iter().map(|day| (*day, Count { entries: 1, ..Count::default() })).collect()
    }

    #[test]
    fn a_chart_has_room_for_any_time() {
        let lengths = [1, 2, 129, 131, 400, 4000, 40_000, 4_000_000];
        for length in lengths {
            let (word, all) = columns(&days(&[20_000, 20_000 + length - 1]));
            assert!(all.len() <= 132, "{length}: {}", all.len());
            assert_eq!(all.iter().map(|column| column.count).sum::<i64>(), length.min(2), "{word}");
        }
        assert_eq!(columns(&days(&[1, 3])).1.len(), 3, "a day without entries is there");
        assert!(columns(&days(&[])).1.is_empty());
    }
}
