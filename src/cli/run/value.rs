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
    /// Reads one that stands at `origin`.
    ///
    /// # Errors
    /// Usage (2) with its place, for a reference or a template that is none.
    pub fn read(text: &[u8], origin: &Origin) -> Result<Self> {
        if Template::is_meant(text) {
            return Template::parse(text, origin).map(|t| Self::Filled(t.without_quotes()));
        }
        match std::str::from_utf8(text) {
            Ok(reference) if Reference::is_meant(reference) => {
                let reference = reference.parse::<Reference>();
                reference.map(Self::Whole).map_err(|e| super::about(&origin.to_string(), &e))
            }
            Ok(_) | Err(_) => Ok(Self::Plain(Secret::from_bytes(text))),
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
    /// Usage (2) with its place, when a filter cannot write a value; internal (1) when one is missing.
    pub fn fill(&self, values: &[&Secret]) -> Result<Secret> {
        let bytes = match self {
            Self::Plain(text) => text.expose(),
            Self::Whole(_) => {
                let value = values.first().ok_or_else(|| Error::internal("a value is missing"))?;
                value.expose()
            }
            Self::Filled(template) => return template.fill(values),
        };
        Ok(Secret::from_bytes(bytes))
    }
}
