//! What can be kept: one file per kind, one line each in the table. The rest of the program derives
//! from it: `--type` values, completions, prompts, environment names, checks, the manual.

pub mod checks;
pub mod generate;
pub mod public;

use crate::error::Result;
use crate::model::{FieldName, Metadata, Secret};

/// A sort of credential.
pub struct Kind {
    /// Its own name; what is stored.
    pub name: &'static str,
    /// Other names people know it by.
    pub aliases: &'static [&'static str],
    /// One line, capitalised, no full stop.
    pub about: &'static str,
    /// The first secret field is the primary one: what `get NAME` prints.
    pub fields: &'static [Field],
    /// Whether any further field names are allowed (`custom`).
    pub open: bool,
    /// Reads what the secret values say about themselves (expiry, issuer, host) into the metadata,
    /// never overwriting what the user set, never copying anything secret.
    pub learn: Option<fn(&[(FieldName, Secret)], &mut Metadata)>,
}

/// One field of a kind.
pub struct Field {
    pub name: &'static str,
    pub secret: bool,
    pub required: bool,
    /// The customary environment variable.
    pub env: Option<&'static str>,
    pub about: &'static str,
    pub example: &'static str,
    /// Warnings about a value that looks wrong; they never quote it.
    pub check: Option<fn(&[u8]) -> Vec<String>>,
}

/// The kind called `name`, by its own name or an alias.
///
/// # Errors
/// Usage, with the list of kinds and the nearest match.
pub fn find(_name: &str) -> Result<&'static Kind> {
    unimplemented!()
}

pub static ALL: &[&Kind] = &[];
