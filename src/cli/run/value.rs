//! What a variable is set to: a text, or what references in it lead to.

use crate::error::{Error, Result};
use crate::model::{Reference, Secret};
use crate::template::{Origin, Template};

/// A value, as it was written.
pub enum Value {
    /// A text without references; it may be a secret all the same.
    Plain(Secret),
    /// A reference, and nothing else.
    Whole(Reference),
    /// A text with references in braces.
    Filled(Template),
}

impl Value {
    /// Reads one that begins at `origin`; `place` is what errors say of a whole one.
    ///
    /// # Errors
    /// Usage (2) for a reference that is none.
    pub fn read(text: &[u8], origin: &Origin, place: &str) -> Result<Self> {
        if Template::is_meant(text) {
            return Template::parse(text, origin).map(Self::Filled);
        }
        match std::str::from_utf8(text) {
            Ok(reference) if Reference::is_meant(reference) => {
                let read: Result<Reference> = reference.parse();
                read.map(|read| Self::Whole(read.written_at(place.to_owned()))).map_err(|e| {
                    let error = Error::new(e.kind(), format!("{place}: {}", e.message()));
                    e.hints().iter().fold(error, |error, hint| error.hint(hint.as_str()))
                })
            }
            Ok(_) | Err(_) => Ok(Self::Plain(Secret::from_bytes(text))),
        }
    }

    /// The same from a file whose quotes were read already.
    #[must_use]
    pub fn without_quotes(self) -> Self {
        match self {
            Self::Filled(template) => Self::Filled(template.without_quotes()),
            other => other,
        }
    }

    /// Whether there is a reference in it.
    #[must_use]
    pub fn has_references(&self) -> bool {
        !self.references().is_empty()
    }

    /// The references in it, in order.
    #[must_use]
    pub fn references(&self) -> Vec<&Reference> {
        match self {
            Self::Plain(_) => Vec::new(),
            Self::Whole(reference) => vec![reference],
            Self::Filled(template) => template.slots().map(|slot| &slot.reference).collect(),
        }
    }

    /// The value, with what its references led to, in their order.
    ///
    /// # Errors
    /// Usage (2) when a filter cannot write one; internal (1) when one is missing.
    pub fn fill(&self, values: &[&Secret]) -> Result<Secret> {
        match self {
            Self::Plain(text) => Ok(Secret::from_bytes(text.expose())),
            Self::Whole(_) => {
                let value = values.first().ok_or_else(|| Error::internal("a value is missing"))?;
                Ok(Secret::from_bytes(value.expose()))
            }
            Self::Filled(template) => template.fill(values),
        }
    }
}
