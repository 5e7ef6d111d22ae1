//! What options of incidents may say: words from a table, moments of the past, texts.

use crate::cli::context::Context;
use crate::cli::cred::named;
use crate::cli::read;
use crate::error::{Error, Result};
use crate::model::incident::{Exposure, IncidentOutcome, IncidentStatus, IncidentType, Severity};
use crate::model::{Timestamp, parse_when};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use std::str::FromStr;

/// The longest text: 1 MiB.
const LONGEST: usize = 1 << 20;

/// What `--type` can be.
pub(super) fn types() -> impl TypedValueParser<Value = IncidentType> {
    one_of(IncidentType::ALL.iter().map(|one| (one.word(), one.about())))
}

/// What `--severity` can be.
pub(super) fn severities() -> impl TypedValueParser<Value = Severity> {
    one_of(Severity::ALL.iter().map(|one| (one.word(), one.about())))
}

/// What `--status` can be.
pub(super) fn statuses() -> impl TypedValueParser<Value = IncidentStatus> {
    one_of(IncidentStatus::ALL.iter().map(|one| (one.word(), one.about())))
}

/// What `--outcome` can be.
pub(super) fn outcomes() -> impl TypedValueParser<Value = IncidentOutcome> {
    one_of(IncidentOutcome::ALL.iter().map(|one| (one.word(), one.about())))
}

/// What `--exposure` can be.
pub(super) fn exposures() -> impl TypedValueParser<Value = Exposure> {
    one_of(Exposure::ALL.iter().map(|one| (one.word(), one.about())))
}

/// Words with what they mean, for help and completion.
fn one_of<T: Clone + FromStr<Err = Error> + Send + Sync + 'static>(
    words: impl Iterator<Item = (&'static str, &'static str)>,
) -> impl TypedValueParser<Value = T> {
    let values = words.map(|(word, about)| PossibleValue::new(word).help(about));
    PossibleValuesParser::new(values).try_map(|word| word.parse::<T>())
}

/// A moment that has been; nothing if `text` is empty.
///
/// # Errors
/// Usage (2) for what is no moment, or is still to come.
pub(super) fn past(option: &str, text: &str, cx: &Context) -> Result<Option<Timestamp>> {
    if text.is_empty() {
        return Ok(None);
    }
    let now = cx.world.now();
    match parse_when(text, now, false).map_err(|e| named(option, &e))? {
        at if at <= now => Ok(Some(at)),
        _ => Err(Error::usage(format!("`{option}`: this has not happened yet"))
            .hint("write a date that has been, or a span like 2h for two hours ago")),
    }
}

/// A text from standard input.
///
/// # Errors
/// Usage (2) when it is empty, too long or no text; I/O (18).
pub(super) fn from_stdin() -> Result<String> {
    let read = read::stdin(LONGEST)?;
    written(read.expose())
}

/// What somebody wrote, without the line ends behind it.
///
/// # Errors
/// Usage (2) when it is empty or no text.
pub(super) fn written(bytes: &[u8]) -> Result<String> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::usage("the text is not valid UTF-8"));
    filled(text?.trim_end_matches(['\n', '\r']))
}

/// A text on the command line that must say something.
///
/// # Errors
/// Usage (2) when it is empty.
pub(super) fn filled(text: &str) -> Result<String> {
    match text.trim().is_empty() {
        true => Err(Error::usage("the text is empty")),
        false => Ok(text.to_owned()),
    }
}
