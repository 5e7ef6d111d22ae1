//! Where keys come from when no agent has them (`cli::agent`). In order: `--key-file`, `VAULT_KEY`, `VAULT_KEY_FILE`,
//! `VAULT_PASSPHRASE_FILE`, `VAULT_PASSPHRASE_FD`, `VAULT_PASSPHRASE_COMMAND`,
//! and a question on the terminal.

mod command;
mod fingerprint;
mod person;
mod whence;

pub use command::end;
pub use fingerprint::parse as parse_fingerprint;
pub use person::{At, file_key};

use super::context::Context;
use super::escape;
use super::read::{self, Privacy};
use super::value::without_final_newline;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use crate::vault::{Key, Locked, Proof, Unlocked, Vault, parse_identity};
use std::ffi::{OsStr, OsString};
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// How often a wrong passphrase may be typed.
const ATTEMPTS: u32 = 3;
const ONCE_MORE: &str = "That is not it. Once more.\n";

/// A way to a key without asking a person.
#[derive(Debug, Eq, PartialEq)]
pub enum Source {
    /// The text of an age identity, in `VAULT_KEY`.
    IdentityText,
    /// An age identity file.
    KeyFile(PathBuf),
    /// A file whose content, one line, is the passphrase.
    PassphraseFile(PathBuf),
    /// An inherited descriptor that delivers the passphrase, one line.
    PassphraseFd(OsString),
    /// A shell command whose first line of output is the passphrase.
    PassphraseCommand(OsString),
}

/// The way that is configured, if any.
#[must_use]
pub fn source(cx: &Context) -> Option<Source> {
    let var = |name| cx.world.var(name).map(OsStr::to_owned);
    if let Some(path) = &cx.globals.key_file {
        return Some(Source::KeyFile(path.clone()));
    }
    if var("VAULT_KEY").is_some() {
        return Some(Source::IdentityText);
    }
    var("VAULT_KEY_FILE").map(|path| Source::KeyFile(path.into())).or_else(|| passphrase_source(cx))
}

/// The way to a passphrase that is configured, if any.
#[must_use]
pub fn passphrase_source(cx: &Context) -> Option<Source> {
    let var = |name| cx.world.var(name).map(OsStr::to_owned);
    var("VAULT_PASSPHRASE_FILE")
        .map(|path| Source::PassphraseFile(path.into()))
        .or_else(|| var("VAULT_PASSPHRASE_FD").map(Source::PassphraseFd))
        .or_else(|| var("VAULT_PASSPHRASE_COMMAND").map(Source::PassphraseCommand))
}

/// The vault, unlocked by whatever way there is.
///
/// # Errors
/// Locked (12) when there is none, or a passphrase command failed; wrong key (11); and whatever
/// reading the source and opening the vault find.
pub fn vault(cx: &Context) -> Result<Vault<Unlocked>> {
    with_its_key(cx).map(|(vault, _)| vault)
}

/// The same, and what it was unlocked with: a key that was given or typed now, and nothing else.
///
/// # Errors
/// As for [`vault`].
pub fn with_its_key(cx: &Context) -> Result<(Vault<Unlocked>, Key)> {
    with_key(cx, |vault, key, at| Ok((vault.unlock_with(&key, at)?, key)))
}

/// The same with the key kept as the proof that it opens its slot: what gives the vault other keys takes
/// nothing else.
///
/// # Errors
/// As for [`vault`].
pub fn proving(cx: &Context) -> Result<(Vault<Unlocked>, Proof)> {
    with_key(cx, |vault, key, at| vault.unlock_proving(key, at))
}

fn with_key<T>(cx: &Context, open: impl Fn(Vault<Locked>, Key, &At<'_>) -> Result<T>) -> Result<T> {
    trying(cx, || cx.locked()?.slot_types(), |key, at| open(cx.locked()?, key, at))
}

/// Opens with the key that is configured; without one, with what is typed, which may be wrong a few times.
/// `types` are those of the vault's slots.
///
/// # Errors
/// As for [`vault`], and those of `open`.
pub fn trying<T>(
    cx: &Context,
    types: impl FnOnce() -> Result<Vec<String>>,
    open: impl Fn(Key, &At<'_>) -> Result<T>,
) -> Result<T> {
    // said before anybody is asked for anything
    fingerprint::wanted(cx)?;
    let at = At::of(cx);
    let Some(source) = source(cx) else {
        return ask(cx, &types()?, |key| open(key, &at));
    };
    // read first: a descriptor of the vault's own must not be taken for an inherited one
    open(key(cx, &source)?, &at).map_err(|e| match at.was_asked() {
        true => whence::given_by(cx, e, passphrase_source(cx).as_ref()),
        false => whence::given_by(cx, e, Some(&source)),
    })
}

/// A key for a vault with slots of these types that cannot be opened as it is.
///
/// # Errors
/// As for [`vault`].
pub fn any_key(cx: &Context, types: Vec<String>) -> Result<Key> {
    trying(cx, || Ok(types), |key, _| Ok(key))
}

/// The key that `source` gives.
///
/// # Errors
/// As for [`vault`].
pub fn key(cx: &Context, source: &Source) -> Result<Key> {
    match source {
        Source::IdentityText => {
            let text = cx.world.var("VAULT_KEY").unwrap_or_default();
            let is_path = text.as_bytes().starts_with(b"/");
            person::text_key(cx, Secret::from_bytes(text.as_bytes()), "VAULT_KEY").map_err(|e| {
                match is_path {
                    true => e.hint("a file with the key is named by VAULT_KEY_FILE"),
                    false => e,
                }
            })
        }
        Source::KeyFile(path) => {
            let (text, is_exposed) =
                read::key(path, Privacy::Required).map_err(|e| whence::named_by(cx, e, path))?;
            if is_exposed {
                cx.warn("others can read the key file; it is taken because it was mounted so");
            }
            file_key(cx, text, &format!("`{}`", escape::shown(&path.to_string_lossy())))
        }
        Source::PassphraseFile(path) => {
            let (text, is_exposed) = read::key(path, Privacy::AsItIs)
                .map_err(|e| e.hint("it is named by VAULT_PASSPHRASE_FILE"))?;
            if is_exposed {
                // not refused: containers mount their secrets so
                cx.warn("others can read the file that VAULT_PASSPHRASE_FILE names");
            }
            passphrase(text, "the passphrase file")
        }
        Source::PassphraseFd(number) => {
            let number = number.to_str().and_then(|text| text.parse::<RawFd>().ok());
            let number = number.filter(|fd| *fd >= 0).ok_or_else(|| {
                Error::usage("VAULT_PASSPHRASE_FD is not the number of a descriptor")
            })?;
            let text = read::key_descriptor(number).map_err(|e| {
                e.hint(format!("VAULT_PASSPHRASE_FD names it; in a shell, give it: {number}< FILE"))
            })?;
            passphrase(text, "VAULT_PASSPHRASE_FD")
        }
        Source::PassphraseCommand(command) => {
            let output = command::run(cx, command)?;
            let line = output.split(|byte| *byte == b'\n').next().unwrap_or_default();
            passphrase(Secret::from_bytes(line), "the passphrase command")
        }
    }
}

fn ask<T>(cx: &Context, types: &[String], open: impl Fn(Key) -> Result<T>) -> Result<T> {
    check_passphrase_slot(types).map_err(|e| whence::missing(cx, e))?;
    let Some(mut terminal) = cx.terminal() else {
        return Err(whence::missing(cx, no_way_in()));
    };
    let question = question(cx)?;
    for left in (0..ATTEMPTS).rev() {
        let answer = terminal.secret(&question)?;
        match open(passphrase(answer, "what was typed")?) {
            Err(e) if e.kind() == ErrorKind::WrongKey && left > 0 => terminal.say(ONCE_MORE)?,
            result => return result.map_err(|e| whence::forgotten(e, types)),
        }
    }
    Err(no_way_in())
}

/// A passphrase is all that somebody can be asked for: of a vault that has none it is said what it takes.
fn check_passphrase_slot(types: &[String]) -> Result<()> {
    let has = |kind: &str| types.iter().any(|slot| slot == kind);
    if has("passphrase") {
        return Ok(());
    }
    let ways: Vec<_> = WAYS.iter().filter(|(kind, _)| has(kind)).map(|(_, way)| *way).collect();
    let ways = match &ways[..] {
        [] => "a key".to_owned(),
        [one] => (*one).to_owned(),
        [all @ .., last] => format!("{} or {last}", all.join(", ")),
    };
    let error = Error::new(ErrorKind::Locked, format!("this vault opens only with {ways}"))
        .hint("give it: `--key-file FILE`, or set VAULT_KEY_FILE");
    Err(match has("two_factor") {
        true => error.hint("a passphrase besides is asked for, or set VAULT_PASSPHRASE_FILE"),
        false => error,
    })
}

/// What opens slots besides a passphrase, by their types.
const WAYS: &[(&str, &str)] = &[
    ("key_file", "a key file"),
    ("ssh", "an SSH key"),
    ("plugin", "an age plugin's identity"),
    ("two_factor", "a key and a passphrase together"),
    ("recovery", "the key of a recovery sheet"),
];

fn question(cx: &Context) -> Result<String> {
    let file = cx.place()?.file;
    Ok(format!("Passphrase for {}", escape::shown(&file.to_string_lossy())))
}

fn no_way_in() -> Error {
    Error::new(ErrorKind::Locked, "the vault is locked, and there is no terminal to ask on")
        .hint("set VAULT_KEY_FILE or VAULT_PASSPHRASE_FILE, or give `--key-file FILE`")
        .hint("or, on a terminal, for a while: vault unlock")
}

/// Takes `text` for an age identity file, after a look at whether it is one.
///
/// # Errors
/// Wrong key (11); the message does not quote the text.
pub fn identity(text: Secret, whence: &str) -> Result<Key> {
    match parse_identity(&text) {
        Ok(_) => Ok(Key::Identity(text)),
        Err(e) => {
            let error = Error::new(e.kind(), format!("{whence} is not an age identity"));
            Err(e.hints().iter().fold(error, |error, hint| error.hint(hint.as_str())))
        }
    }
}

/// Takes `text`, less its final newline, for a passphrase.
///
/// # Errors
/// Usage (2) when it is empty, several lines, or no UTF-8.
pub fn passphrase(text: Secret, whence: &str) -> Result<Key> {
    without_line_end(text, whence).map(Key::Passphrase)
}

/// The same, without calling it a key.
///
/// # Errors
/// As [`passphrase`].
pub fn without_line_end(text: Secret, whence: &str) -> Result<Secret> {
    let text = without_final_newline(text);
    let wrong = |why: &str| Err(Error::usage(format!("{whence} {why}")));
    let Ok(line) = std::str::from_utf8(text.expose()) else {
        return wrong("gave no UTF-8 text");
    };
    if line.is_empty() {
        return wrong("gave an empty passphrase");
    }
    if line.contains(['\n', '\0']) {
        return wrong("gave more than one line");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::World;
    use std::rc::Rc;

    fn context(env: &[(&str, &str)]) -> Context {
        let env: Vec<_> = env.iter().map(|(k, v)| (*k, OsStr::new(*v))).collect();
        Context::new(crate::cli::context::Globals::default(), Rc::new(World::fake(&env, None)))
    }

    #[test]
    fn the_first_source_wins() {
        let cx = context(&[("VAULT_KEY_FILE", "/k"), ("VAULT_PASSPHRASE_FD", "3")]);
        assert_eq!(source(&cx), Some(Source::KeyFile("/k".into())));
        assert_eq!(passphrase_source(&cx), Some(Source::PassphraseFd("3".into())));
        assert_eq!(source(&context(&[("VAULT_TOKEN", "x")])), None);
    }

    #[test]
    fn what_a_vault_without_a_passphrase_takes_is_said() {
        let said = |types: &[&str]| {
            let types: Vec<String> = types.iter().map(|&kind| kind.into()).collect();
            check_passphrase_slot(&types).map_err(|e| e.message().to_owned())
        };
        assert!(said(&["ssh", "passphrase"]).is_ok());
        for (types, ways) in [
            (&["key_file", "key_file"][..], "a key file"),
            (&["ssh", "key_file"], "a key file or an SSH key"),
            (&["two_factor"], "a key and a passphrase together"),
            (
                &["recovery", "plugin", "ssh"],
                "an SSH key, an age plugin's identity or the key of a recovery sheet",
            ),
        ] {
            assert_eq!(said(types), Err(format!("this vault opens only with {ways}")));
        }
    }

    #[test]
    fn a_malformed_key_is_a_wrong_key_and_is_not_quoted() {
        let wrong = identity(Secret::from_bytes(b"AGE-SECRET-KEY-1CANARY"), "`k`").err().unwrap();
        assert_eq!(wrong.kind(), ErrorKind::WrongKey);
        assert!(!format!("{wrong:?}").contains("CANARY"));
        assert!(identity(Secret::from_bytes(b"# only a comment\n"), "`k`").is_err());
    }

    #[test]
    fn commands_give_their_first_line_and_see_no_vault_variable() {
        let cx = context(&[("PATH", "/usr/bin:/bin"), ("VAULT_KEY", "canary")]);
        let said = |command: &str| {
            let key = key(&cx, &Source::PassphraseCommand(command.into()));
            key.map(|key| match key {
                Key::Passphrase(text) => String::from_utf8(text.expose().to_vec()).unwrap(),
                _ => panic!("no passphrase"),
            })
        };
        assert_eq!(said("printf 'one\\ntwo\\n'").unwrap(), "one");
        assert_eq!(said("echo \"<$VAULT_KEY>\"").unwrap(), "<>");
        assert_eq!(said("echo x; exit 3").err().map(|e| e.kind()), Some(ErrorKind::Locked));
        assert_eq!(said("true").err().map(|e| e.kind()), Some(ErrorKind::Usage));
    }
}
