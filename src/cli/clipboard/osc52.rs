//! The clipboard of the terminal, by the escape sequence OSC 52: the way through SSH. A terminal does
//! not tell whether it obeyed, nor what its clipboard holds.

use super::Keep;
use super::holder::{TERMINAL, again};
use crate::cli::context::Context;
use crate::cli::prompt::Terminal;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use crate::sys;
use data_encoding::BASE64;
use std::fs::File;
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;
use zeroize::Zeroizing;

/// The terminal, if it is one that does not show what it does not understand.
///
/// # Errors
/// Unsupported (4).
pub(super) fn terminal(cx: &Context) -> Result<Terminal> {
    let kind = cx.world.var("TERM").and_then(|kind| kind.to_str());
    match Terminal::open(&cx.world) {
        Some(terminal) if kind.is_some_and(|kind| !POOR.contains(&kind)) => Ok(terminal),
        Some(_) => Err(impossible("this terminal has no clipboard")),
        None => Err(impossible("there is no terminal whose clipboard could be used")),
    }
}

/// Sends the value, and has the clipboard cleared later.
pub(super) fn copy(mut to: Terminal, value: &Secret, keep: Keep, cx: &Context) -> Result<()> {
    let encoded = Zeroizing::new(BASE64.encode(value.expose()));
    let sequence = Zeroizing::new(format!("\x1b]52;c;{}\x07", *encoded));
    to.say(&sequence)?;
    if keep.0.is_none() {
        return Ok(());
    }
    let mut clearer = again(&cx.world, keep)?;
    clearer.arg(TERMINAL).stdin(to.into_file()).stdout(Stdio::null());
    if clearer.spawn().is_err() {
        cx.warn("the clipboard of the terminal will not be cleared: no process can be started");
    }
    Ok(())
}

/// Waits, then clears the clipboard of the terminal that is standard input, whatever it holds.
pub(super) fn clear_later(keep: Option<Duration>) -> Option<()> {
    let mut terminal = File::from(sys::duplicate(0).ok()?);
    std::thread::sleep(keep?);
    terminal.write_all(CLEAR).ok()
}

fn impossible(why: &str) -> Error {
    Error::new(ErrorKind::Unsupported, why)
        .hint("print it: vault cred get NAME, or vault cred totp NAME")
}

/// Terminals that are known to have no clipboard, or to show the sequence.
const POOR: &[&str] = &["dumb", "linux", "unknown"];

/// An empty value, and then what is no value: some terminals obey the one, some the other.
const CLEAR: &[u8] = b"\x1b]52;c;\x07\x1b]52;c;!\x07";
