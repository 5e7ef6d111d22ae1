//! What a variable is set to: a text, or what references in it lead to.

use crate::error::{Error, Result};
use crate::model::{Reference, Secret};

/// A value, as it was written.
pub enum Value {
    /// A text without references; it may be a secret all the same.
    Plain(Secret),
    /// A reference, and nothing else.
    Whole(Reference),
}

impl Value {
    /// Reads one.
    ///
    /// # Errors
    /// Usage (2) for a reference that is none.
    pub fn read(text: &[u8]) -> Result<Self> {
        match std::str::from_utf8(text) {
            Ok(reference) if Reference::is_meant(reference) => reference.parse().map(Self::Whole),
            Ok(_) | Err(_) => Ok(Self::Plain(Secret::from_bytes(text))),
        }
    }

    /// Whether there is a reference in it.
    #[must_use]
    pub fn has_references(&self) -> bool {
        self.references().next().is_some()
    }

    /// The references in it, in order.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        match self {
            Self::Plain(_) => None,
            Self::Whole(reference) => Some(reference),
        }
        .into_iter()
    }

    /// The value, with what its references led to, in their order.
    ///
    /// # Errors
    /// Internal (1) when one is missing.
    pub fn fill(&self, values: &[&Secret]) -> Result<Secret> {
        let bytes = match self {
            Self::Plain(text) => text.expose(),
            Self::Whole(_) => {
                let value = values.first().ok_or_else(|| Error::internal("a value is missing"))?;
                value.expose()
            }
        };
        Ok(Secret::from_bytes(bytes))
    }
}
