//! `vault audit show --follow`: entries as they come. Nothing is locked meanwhile, and nobody waits.

use super::show::row;
use crate::cli::report::{Column, Report, Sink};
use crate::error::Result;
use crate::sys::Signals;
use crate::vault::{EntryFilter, State, Vault};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The answer that goes on until it is stopped.
pub(super) fn report<S: State + 'static>(
    columns: &'static [Column],
    mut vault: Vault<S>,
    filter: EntryFilter,
    json: bool,
) -> Report {
    let rows = Box::new(move |sink: &mut Sink<'_>| {
        let signals = Signals::noted();
        let mut seen = vault.last_entry()?;
        let from = first(&mut vault, &EntryFilter { up_to: Some(seen), ..filter.clone() })?;
        let from = EntryFilter { after: Some(from.unwrap_or(seen)), ..new(&filter, seen) };
        vault.entries(&from, &mut |entry| row(entry, json, sink))?;
        while pause() && !signals.came() {
            let last = vault.last_entry()?;
            if last > seen {
                let next = EntryFilter { after: Some(seen), ..new(&filter, last) };
                vault.entries(&next, &mut |entry| row(entry, json, sink))?;
                seen = last;
            }
        }
        Ok(())
    });
    Report::Stream { columns, widths: WIDTHS, rows }
}

fn new(filter: &EntryFilter, last: i64) -> EntryFilter {
    EntryFilter { up_to: Some(last), oldest_first: true, limit: None, ..filter.clone() }
}

/// The number before that of the first entry to show, if one fits.
fn first<S: State>(vault: &mut Vault<S>, filter: &EntryFilter) -> Result<Option<i64>> {
    let mut first = None;
    vault.entries(filter, &mut |entry| {
        first = Some(entry.seq - 1);
        Ok(())
    })?;
    Ok(first)
}

/// Waits a moment. `false` when nobody reads any more.
fn pause() -> bool {
    let out = std::io::stdout();
    let mut fds = [PollFd::new(&out, PollFlags::empty())];
    let moment = Timespec { tv_sec: 0, tv_nsec: 250_000_000 };
    // a signal ends the wait early
    poll(&mut fds, Some(&moment)).is_err() || fds[0].revents().is_empty()
}

/// How wide the columns are that people see, as nobody knows what will come: most of it fits 80.
const WIDTHS: &[usize] = &[5, 20, 8, 7, 14, 8, 6];
