//! What an error says of where a key came from, or was meant to come from: scripts have many places for it.

use super::Source;
use crate::cli::context::Context;
use crate::error::{Error, ErrorKind};
use std::path::Path;

/// The variables that lead to a key.
const LEADING: [&str; 5] = [
    "VAULT_KEY",
    "VAULT_KEY_FILE",
    "VAULT_PASSPHRASE_FILE",
    "VAULT_PASSPHRASE_FD",
    "VAULT_PASSPHRASE_COMMAND",
];

/// Says which variable gave what does not open the vault, if one did.
pub(super) fn given_by(cx: &Context, error: Error, source: Option<&Source>) -> Error {
    let is_typed = cx.globals.key_file.is_some();
    let name = match source {
        _ if error.kind() != ErrorKind::WrongKey => return error,
        None => return error,
        Some(Source::KeyFile(_)) if is_typed => return error,
        Some(Source::IdentityText) => "VAULT_KEY",
        Some(Source::KeyFile(_)) => "VAULT_KEY_FILE",
        Some(Source::PassphraseFile(_)) => "VAULT_PASSPHRASE_FILE",
        Some(Source::PassphraseFd(_)) => "VAULT_PASSPHRASE_FD",
        Some(Source::PassphraseCommand(_)) => "VAULT_PASSPHRASE_COMMAND",
    };
    error.hint(format!("it was given by {name}"))
}

/// Says where the name of a key file comes from, when nobody has typed it just now.
pub(super) fn named_by(cx: &Context, error: Error, path: &Path) -> Error {
    let is_typed = cx.globals.key_file.is_some();
    let is_named = cx.world.var("VAULT_KEY_FILE").is_some_and(|named| Path::new(named) == path);
    if is_typed || !is_named {
        return error;
    }
    let error = error.hint("it is named by VAULT_KEY_FILE");
    match path.to_str().is_some_and(|path| path.starts_with("~/") || path.contains('$')) {
        true => error.hint("no shell has read it: write the directory in full"),
        false => error,
    }
}

/// Says which variables were meant to lead to a key, and do not.
pub(super) fn missing(cx: &Context, error: Error) -> Error {
    let empty = LEADING.into_iter().filter(|name| cx.world.is_empty_var(name));
    let error = empty.fold(error, |error, name| error.hint(format!("{name} is set, but empty")));
    match cx.world.var("VAULT_PASSPHRASE") {
        Some(_) => error.hint(
            "VAULT_PASSPHRASE is not read: write it into a file, and name that in \
             VAULT_PASSPHRASE_FILE",
        ),
        None => error,
    }
}

/// A passphrase was typed wrong as often as may be: perhaps there is another way.
pub(super) fn forgotten(error: Error, slots: &[String]) -> Error {
    let has_other = slots.iter().any(|kind| kind != "passphrase");
    match error.kind() {
        ErrorKind::WrongKey if has_other => error
            .hint("another key opens it, too: vault key list")
            .hint("with that, make a new passphrase: vault --key-file FILE key passwd"),
        _ => error,
    }
}
