//! Stub: written elsewhere.
use super::Kind;
use crate::error::Result;
use crate::model::{FieldName, Secret};
pub fn generate(_k: &Kind, _f: &FieldName, _n: Option<usize>) -> Result<Secret> {
    Ok(Secret::from_bytes(b"x"))
}
pub fn passphrase(_words: usize) -> Result<Secret> {
    Ok(Secret::from_bytes(b"x"))
}
