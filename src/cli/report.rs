//! What a command answers. A report has no opinion about colour, width or JSON; `render` has.

use crate::error::Result;
use crate::model::{Secret, Timestamp};
use std::borrow::Cow;

/// One value of an answer. Long tables borrow from the row they show.
pub enum Cell<'a> {
    /// Stored or computed text; escaped for the terminal when it is shown.
    Text(Cow<'a, str>),
    /// A number.
    Int(i64),
    /// A number among others, of which `most` is the greatest: people see a bar beside it.
    Bar {
        /// The number.
        count: i64,
        /// The greatest of them.
        most: i64,
    },
    /// Yes or no.
    Flag(bool),
    /// A moment.
    Time(Timestamp),
    /// Several texts.
    List(Vec<Cow<'a, str>>),
    /// A table inside an answer: shown indented or, in JSON, as an object.
    Map(Vec<(String, Cell<'a>)>),
    /// Several things of one shape: lines with columns or, in JSON, an array of objects.
    Rows(Vec<Vec<(&'static str, Cell<'a>)>>),
    /// A secret that was asked for.
    Secret(Secret),
    /// A secret that was not asked for: dots, `null` in JSON.
    Hidden,
    /// Nothing.
    None,
}

impl<'a> Cell<'a> {
    /// Text if there is any, else nothing.
    #[must_use]
    pub fn text(value: Option<&'a str>) -> Self {
        value.map_or(Self::None, |text| Self::Text(Cow::Borrowed(text)))
    }

    /// Text that the cell owns.
    pub fn owned(value: impl Into<String>) -> Self {
        Self::Text(Cow::Owned(value.into()))
    }

    /// A moment if there is one, else nothing.
    pub fn time(value: Option<Timestamp>) -> Self {
        value.map_or(Self::None, Self::Time)
    }
}

/// A column of a table: its name is the JSON key.
#[derive(Clone)]
pub struct Column {
    /// Its heading and JSON key.
    pub name: &'static str,
}

/// Receives one row of a table; the row borrows from the producer and is gone after the call.
pub type Sink<'a> = dyn FnMut(&[Cell<'_>]) -> Result<()> + 'a;

/// Produces the rows of a table, the same rows each time it is called. Called once for plain and
/// JSON output, and a second time for long tables, whose column widths must be known first.
pub type Rows = dyn FnMut(&mut Sink<'_>) -> Result<()>;

/// Produces lines, without their ends, once.
pub type Lines = dyn FnMut(&mut dyn FnMut(&str) -> Result<()>) -> Result<()>;

/// The shapes an answer can have.
pub enum Report {
    /// Many things of one shape, streamed. `empty` is said on stderr when there are none.
    Table {
        /// In order.
        columns: Cow<'static, [Column]>,
        /// Called for the rows.
        rows: Box<Rows>,
        /// Said when there are none.
        empty: &'static str,
    },
    /// The same without an end: each row is shown when it comes, and `rows` is called once.
    Stream {
        /// In order.
        columns: &'static [Column],
        /// How wide people see them, but the last; wider cells push the rest aside.
        widths: &'static [usize],
        /// Called for the rows; returns when there is nobody to show more to.
        rows: Box<Rows>,
    },
    /// One thing.
    Item(Vec<(&'static str, Cell<'static>)>),
    /// The bytes of a secret, and nothing else.
    Value(Secret),
    /// What a protocol demands, byte for byte, whatever format was asked for.
    Answer(Secret),
    /// Something was done: a sentence for people (stderr), an object for programs (JSON).
    Done {
        /// For people.
        message: String,
        /// For programs.
        item: Vec<(&'static str, Cell<'static>)>,
    },
    /// Lines that are themselves the product, and may be many.
    Lines {
        /// Called for them.
        lines: Box<Lines>,
        /// Whether each is a JSON object.
        are_json: bool,
    },
    /// Nothing is left to be said.
    Nothing,
    /// Plain text that is itself the product (completion scripts, help topics).
    Text(String),
}
