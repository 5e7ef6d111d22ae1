//! A recovery slot: its key is on a sheet and nowhere else. The slot is stored only when the sheet has arrived,
//! so that none is without one.

use super::sheet::Sheet;
use crate::cli::context::Context;
use crate::cli::escape;
use crate::cli::guard::is_nowhere;
use crate::cli::prompt::Terminal;
use crate::cli::render::Format;
use crate::cli::report::{Cell, Report};
use crate::cli::speak::{is_colored, speak_first};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use crate::vault::{Key, NewSlot, Unlocked, Vault};
use rustix::fs::FileType;

/// Fails when a sheet would be shown on a terminal where nobody can say that they have it, or thrown away
/// (a closed standard output is `/dev/null`, too).
///
/// # Errors
/// Usage (2).
pub fn ensure_place(cx: &Context) -> Result<()> {
    if is_nowhere(std::io::stdout()) {
        return Err(Error::usage("the sheet would go nowhere, and without it there is no slot")
            .hint("print it: vault key add LABEL --recovery | lp"));
    }
    match cx.world.stdout_is_terminal && cx.terminal().is_none() {
        true => Err(Error::usage("nobody can say whether the sheet is on paper")
            .hint("print it: vault key add LABEL --recovery | lp")),
        false => Ok(()),
    }
}

/// Hands over the sheet, then stores the slot.
///
/// # Errors
/// Aborted (3) when it is not on paper, I/O (18) when it did not arrive; what storing finds.
pub fn add(
    cx: &Context,
    vault: &mut Vault<Unlocked>,
    slot: &NewSlot,
    proof: &Key,
) -> Result<Report> {
    let Key::Identity(key) = proof else {
        return Err(Error::internal("a recovery sheet without a key"));
    };
    let sheet = Sheet {
        file: file_name(vault),
        vault_id: vault.id(),
        fingerprint: vault.fingerprint(),
        label: escape::shown(slot.label()).into_owned(),
        made_at: cx.world.now(),
        key,
    };
    hand_over(cx, &sheet)?;
    vault.store_slot(slot).map_err(|e| {
        e.hint("the sheet has been handed over: it opens nothing, unless its slot is there: vault key list")
    })?;
    warn_of_readers(cx);
    let label = slot.label();
    if cx.world.stdout_is_terminal {
        cx.note_later("the screen still shows the key: clear it, and what can be scrolled back to");
    }
    cx.note_later(format!("added the recovery slot `{label}`; try it, with the key in a file: vault --key-file FILE key test"));
    Ok(Report::Nothing)
}

/// The shell made the file that the sheet may have gone into, for all to read.
fn warn_of_readers(cx: &Context) {
    let is_open = rustix::fs::fstat(std::io::stdout()).is_ok_and(|about| {
        FileType::from_raw_mode(about.st_mode).is_file() && about.st_mode & 0o077 != 0
    });
    if is_open {
        cx.warn("others can read the file that the sheet is in, and with it the key: chmod 600 it, print it, remove it");
    }
}

fn file_name(vault: &Vault<Unlocked>) -> String {
    let name = vault.file().file_name().unwrap_or_default().to_string_lossy();
    escape::shown(&name).into_owned()
}

fn hand_over(cx: &Context, sheet: &Sheet<'_>) -> Result<()> {
    let not_arrived = |e: Error| e.hint("nothing was changed; without its sheet there is no slot");
    if cx.format() == Format::Json {
        speak_first(cx, Report::Item(item(sheet))).map_err(not_arrived)?;
    } else if cx.world.stdout_is_terminal {
        let mut terminal = cx.terminal().ok_or_else(lost)?;
        return on_terminal(cx, &mut terminal, sheet);
    } else {
        speak_first(cx, Report::Answer(sheet.text(false)?)).map_err(not_arrived)?;
    }
    match cx.world.stdout_is_terminal {
        true => ask(&mut cx.terminal().ok_or_else(lost)?),
        false => Ok(()),
    }
}

fn on_terminal(cx: &Context, terminal: &mut Terminal, sheet: &Sheet<'_>) -> Result<()> {
    terminal.say(&String::from_utf8_lossy(sheet.text(is_colored(cx))?.expose()))?;
    ask(terminal)
}

fn ask(terminal: &mut Terminal) -> Result<()> {
    let given_up = "given up, the slot was not made; what was shown opens nothing";
    terminal.go_on("Do you have it on paper?", given_up)
}

fn lost() -> Error {
    Error::new(ErrorKind::Io, "the terminal has gone")
}

/// The sheet for programs.
fn item(sheet: &Sheet<'_>) -> Vec<(&'static str, Cell<'static>)> {
    vec![
        ("label", Cell::owned(&*sheet.label)),
        ("type", Cell::owned("recovery")),
        ("file", Cell::owned(&*sheet.file)),
        ("vault", Cell::owned(&*sheet.vault_id)),
        ("fingerprint", Cell::owned(&*sheet.fingerprint)),
        ("created_at", Cell::Time(sheet.made_at)),
        ("recovery_key", Cell::Secret(Secret::from_bytes(sheet.key.expose()))),
    ]
}
