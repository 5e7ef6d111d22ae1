//! Stub: written elsewhere.
use super::Kind;
use crate::model::{FieldName, Metadata};
pub fn warnings(_k: &Kind, _f: &FieldName, _v: &[u8], _m: &Metadata) -> Vec<String> {
    Vec::new()
}
