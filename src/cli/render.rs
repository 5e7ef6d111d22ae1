//! Stub: written elsewhere.
use super::report::Report;
use crate::error::{Error, Result};
use std::io::Write;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    Table,
    Json,
    Plain,
}
pub struct Style {
    pub terminal: bool,
    pub width: usize,
    pub color: bool,
    pub quiet: bool,
    pub raw: bool,
}
pub fn report(
    _r: Report,
    _f: Format,
    _out: &mut dyn Write,
    _err: &mut dyn Write,
    _s: &Style,
) -> Result<()> {
    Ok(())
}
pub fn error(e: &Error, _json: bool, err: &mut dyn Write) {
    let _ = writeln!(err, "error: {}", e.message());
    for h in e.hints() {
        let _ = writeln!(err, "hint: {h}");
    }
}
