//! What `vault status` tells of the agent.

use super::client::{exchange, refusal};
use super::place;
use super::request::Verb;
use super::wire::frame;
use crate::cli::context::Context;
use crate::cli::render::Format;
use crate::cli::report::Cell;
use crate::model::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// How it stands with the agent of this vault; none if there is none.
#[must_use]
pub fn standing(cx: &Context) -> Option<Vec<(String, Cell<'static>)>> {
    let place = cx.place().ok()?;
    let (path, stream, pid) = place::find(&cx.world, &place, |why| cx.warn(why))?;
    let answer = exchange(&stream, Verb::Status, cx, &place, ("", &[]), PATIENCE);
    let socket = Cell::owned(path.display().to_string());
    let mut all = vec![("pid".to_owned(), Cell::Int(pid.into())), ("socket".to_owned(), socket)];
    let Some(answer) = answer else {
        all.push(("state".to_owned(), Cell::owned("does not answer".to_owned())));
        return Some(all);
    };
    if let Some((_, version)) = refusal(&answer) {
        all.push(("version".to_owned(), Cell::owned(version)));
        all.push(("state".to_owned(), Cell::owned("of another version".to_owned())));
        return Some(all);
    }
    let told: Value =
        serde_json::from_slice(&answer.body).ok().filter(|_| answer.sort == frame::STANDING)?;
    all.extend(["version", "slot", "memory"].map(|key| (key.to_owned(), text(&told[key]))));
    let state = if told["locked"] == true { "locked" } else { "unlocked" };
    all.push(("state".to_owned(), Cell::owned(state.to_owned())));
    let since = told["since"].as_i64().map(Timestamp);
    all.push(("since".to_owned(), Cell::time(since)));
    let seconds = |key: &str| {
        let cell = told[key].as_i64().map(|seconds| match cx.format() {
            Format::Table => Cell::owned(clock(seconds)),
            Format::Plain | Format::Json => Cell::Int(seconds),
        });
        (key.to_owned(), cell.unwrap_or(Cell::None))
    };
    all.extend(["idle", "max", "idle_left", "max_left"].map(seconds));
    Some(all)
}

/// A time as people read it, from its greatest unit on: `7h 59m 57s`.
fn clock(seconds: i64) -> String {
    let units = [(seconds / 3600, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    let shown = units.iter().filter(|(count, _)| *count > 0);
    let shown: Vec<_> = shown.map(|(count, unit)| format!("{count}{unit}")).collect();
    if shown.is_empty() { "0s".to_owned() } else { shown.join(" ") }
}

fn text(value: &Value) -> Cell<'static> {
    value.as_str().map_or(Cell::None, |text| Cell::owned(text.to_owned()))
}

const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::clock;

    #[test]
    fn times_are_read_at_a_glance() {
        for (seconds, text) in
            [(0, "0s"), (59, "59s"), (900, "15m"), (28_797, "7h 59m 57s"), (360_000, "100h")]
        {
            assert_eq!(clock(seconds), text);
        }
    }
}
