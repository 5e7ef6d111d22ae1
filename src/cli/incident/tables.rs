//! What `blast` and `report` tell in the same way: linked credentials, and what verifying the log found.

use crate::cli::report::Cell;
use crate::vault::{IncidentEvent, LinkState, Linked, LogVerdict};

/// A row of a table inside an answer.
pub type Row = Vec<(&'static str, Cell<'static>)>;

/// A linked credential, for people.
pub fn linked_in_words(link: &Linked) -> Row {
    let place = Some(link.place).filter(|place| *place != "live");
    vec![
        ("name", Cell::owned(link.name.as_str())),
        ("exposure", Cell::Text(link.exposure.word().into())),
        ("state", Cell::owned(link.says())),
        ("place", place.map_or(Cell::None, |place| Cell::owned(format!("in the {place}")))),
    ]
}

/// All of it.
pub fn linked(link: &Linked) -> Row {
    let (left, at) = match &link.state {
        LinkState::Partly(left) => (left.clone(), None),
        LinkState::Rotated(at) | LinkState::Verified(at) | LinkState::Waived(at) => {
            (Vec::new(), Some(*at))
        }
        LinkState::Open | LinkState::NotExposed => (Vec::new(), None),
    };
    vec![
        ("name", Cell::owned(link.name.as_str())),
        ("id", Cell::owned(link.credential.to_string())),
        ("place", Cell::Text(link.place.into())),
        ("exposure", Cell::Text(link.exposure.word().into())),
        ("linked", Cell::Time(link.linked_at)),
        ("state", Cell::Text(link.state.word().into())),
        ("since", Cell::time(at)),
        ("not_rotated", Cell::List(left.into_iter().map(Into::into).collect())),
    ]
}

/// What an event was about, in few words; that a person opened the incident goes without saying.
pub fn detail(event: &IncidentEvent) -> Option<&str> {
    event.detail.as_deref().filter(|detail| (&*event.kind, *detail) != ("open", "person"))
}

/// What verifying the log found, in the words of `audit verify`.
pub fn verdict(log: &LogVerdict) -> Cell<'static> {
    let pair = |key: &str, cell| (key.to_owned(), cell);
    Cell::Map(vec![
        pair("intact", Cell::Flag(true)),
        pair("entries", Cell::Int(i64::try_from(log.entries).unwrap_or(i64::MAX))),
        pair("last", Cell::Int(log.last)),
        pair("head", Cell::owned(hex(&log.head))),
        pair("authenticated", Cell::Flag(log.authenticated)),
        pair("complete_to", log.complete_to.map_or(Cell::None, Cell::Int)),
        pair("gaps", Cell::List(log.gaps.iter().map(|gap| gap.clone().into()).collect())),
    ])
}

/// The same in a sentence.
pub fn verdict_in_words(log: &LogVerdict) -> String {
    let marks = if log.authenticated { "its marks checked" } else { "not all of it marked" };
    let end = match log.complete_to {
        Some(seq) => format!("complete up to entry {seq}"),
        None => "nobody knows whether it is complete".to_owned(),
    };
    format!("intact, {marks}, {end}")
}

/// Text if there is any.
pub fn text(text: Option<&str>) -> Cell<'static> {
    text.map_or(Cell::None, Cell::owned)
}

/// A count.
pub fn integer(count: usize) -> Cell<'static> {
    Cell::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Bytes as digits.
pub fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}
