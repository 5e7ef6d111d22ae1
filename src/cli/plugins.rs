//! Keys that age plugins hold: which programs may be started, and who answers them. A program is started only
//! if the configuration file names it: what lies in `PATH` is for others to choose.

use super::alert_settings::Span;
use super::context::Context;
use super::escape;
use super::prompt::Terminal;
use super::read::{quote, quoted};
use super::{config, toml_text};
use crate::child::Argv;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use crate::plugin::{self, Identities, Name, Program, RecipientText, Talk};
use crate::vault::{Device, Key, Wrap};
use age::DecryptError;
use age_core::format::{FileKey, Stanza};
use serde::Deserialize;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A `[plugin.NAME]` of the configuration file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    program: PathBuf,
    timeout: Option<Span>,
}

impl Settings {
    /// Whether a plugin of this name can be started so.
    ///
    /// # Errors
    /// Usage (2), saying what is wrong.
    pub fn check(&self, name: &str) -> Result<()> {
        if Name::of(name).is_none() {
            return Err(Error::usage(format!("`{name}` cannot be the name of a plugin"))
                .hint("that of `age-plugin-yubikey` is `yubikey`"));
        }
        match self.program.is_absolute() {
            true => Ok(()),
            false => Err(Error::usage("`program` must begin with a slash")
                .hint("for example: program = \"/usr/bin/age-plugin-yubikey\"")),
        }
    }

    /// What is wrong with the program, if anything.
    #[must_use]
    pub fn problem(&self) -> Option<Error> {
        plugin::judge(&self.program).err()
    }
}

/// The key that the text of a file is, if that is one of a plugin.
///
/// # Errors
/// Wrong key (11) for a malformed one; refused (14) when its program is not in the configuration file.
pub fn key(cx: &Context, text: Secret, whence: &str) -> Result<Key> {
    let identities = Identities::parse(text, whence)?;
    let program = program(cx, identities.name())?;
    let identity = plugin::Identity::new(identities, program, Box::new(Person::of(cx)));
    Ok(Key::Plugin(Box::new(Held(identity))))
}

/// Whom a slot is made for, by a recipient as people write it: a plugin's, or any other.
///
/// # Errors
/// Usage (2) for what is none, unsupported (4) for SSH keys that cannot decrypt; refused (14) when the
/// program of the plugin is not in the configuration file.
pub fn wrap(cx: &Context, text: &str) -> Result<Wrap> {
    let text = text.trim();
    if !plugin::is_recipient(text) {
        return Wrap::recipient(text);
    }
    let recipient = RecipientText::parse(text)?;
    let program = program(cx, recipient.name())?;
    let recipient = plugin::Recipient::new(recipient, program, Box::new(Person::of(cx)));
    Ok(Wrap::plugin(text, Box::new(recipient)))
}

/// Whom a slot is made for that `key`, which is in `file`, is to open. That of a plugin does not tell its
/// recipient; others do.
///
/// # Errors
/// Usage (2) when a recipient is missing or one too many; as [`wrap`].
pub fn wrap_for(cx: &Context, key: &Key, recipient: Option<&str>, file: &Path) -> Result<Wrap> {
    match (key, recipient) {
        (Key::Plugin(_), Some(text)) => wrap(cx, text),
        (Key::Plugin(_), None) => {
            Err(Error::usage("the recipient of the plugin's identity must be named")
                .hint("what made the identity has printed it: `age1NAME1…`")
                .hint(format!("vault init --key-file {} --recipient RECIPIENT", quoted(file))))
        }
        (_, None) => Wrap::for_key(key),
        (_, Some(_)) => {
            Err(Error::usage("the recipient of this key file is known: it is no plugin's")
                .hint(format!("vault init --key-file {}", quoted(file))))
        }
    }
}

/// The error for a recipient without its identity.
#[must_use]
pub fn recipient_alone() -> Error {
    Error::usage("`--recipient` goes with a key file that holds the identity of an age plugin")
        .hint("vault init --key-file IDENTITY --recipient RECIPIENT")
}

/// The program that the configuration file names.
fn program(cx: &Context, name: &Name) -> Result<Program> {
    let settings = config::load(&cx.world)?.plugin(name.as_str());
    let Some(Settings { program, timeout }) = settings else { return Err(not_named(cx, name)) };
    Ok(Program::new(name.clone(), program, timeout.map(Span::duration), &cx.world))
}

/// With the line that names it, if somebody finds it trustworthy.
fn not_named(cx: &Context, name: &Name) -> Error {
    let what = format!("the configuration file names no program for the plugin `{name}`");
    let error = Error::new(ErrorKind::Refused, what);
    let called = name.program();
    let found = Argv::of(vec![called.clone().into()])
        .and_then(|argv| argv.find(cx.world.var("PATH")).ok())
        .filter(|path| path.is_absolute());
    let Some((file, _)) = cx.world.config_file() else { return error.hint("vault help config") };
    match found {
        Some(path) => error
            .hint(format!("there is one: {}; if you trust it:", path.display()))
            .hint(line_to_paste(name, &path, &file)),
        None => error
            .hint(format!(
                "it is not in `PATH` either; where you have it, say so in `{}`:",
                file.display()
            ))
            .hint(line_to_paste(name, &Path::new("/usr/bin").join(called), &file)),
    }
}

fn line_to_paste(name: &Name, program: &Path, file: &Path) -> String {
    let make = match file.parent() {
        Some(dir) if !dir.exists() => format!("mkdir -p {} && ", quote(&dir.to_string_lossy())),
        _ => String::new(),
    };
    let name = match name.as_str().contains(['.', '+']) {
        true => toml_text::quoted(name.as_str()),
        false => name.to_string(),
    };
    let program = toml_text::quoted(&program.to_string_lossy());
    let (table, line) = (format!("[plugin.{name}]"), format!("program = {program}"));
    let (table, line) = (quote(&table), quote(&line));
    format!("{make}printf '%s\\n' '' {table} {line} >> {}", quote(&file.to_string_lossy()))
}

/// The identity of a plugin as a key.
struct Held(plugin::Identity);

impl age::Identity for Held {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<std::result::Result<FileKey, DecryptError>> {
        self.0.unwrap_stanza(stanza)
    }

    fn unwrap_stanzas(
        &self,
        stanzas: &[Stanza],
    ) -> Option<std::result::Result<FileKey, DecryptError>> {
        self.0.unwrap_stanzas(stanzas)
    }
}

impl Device for Held {
    fn failure(&self) -> Option<Error> {
        self.0.failure()
    }
}

/// The user, who answers plugins at the terminal.
struct Person {
    may_be_asked: bool,
    is_quiet: bool,
}

impl Person {
    fn of(cx: &Context) -> Self {
        Self { may_be_asked: !cx.globals.no_input, is_quiet: cx.globals.quiet }
    }

    fn terminal(&self) -> Option<Terminal> {
        if self.may_be_asked { Terminal::controlling().filter(Terminal::is_ours) } else { None }
    }
}

impl Talk for Person {
    /// On the terminal, whatever is quiet: it may be what to do, as to touch a token.
    fn message(&self, plugin: &Name, text: &str) {
        let line = format!("{plugin}: {}\n", escape::shown(text));
        match self.terminal() {
            Some(mut terminal) => drop(terminal.say(&line)),
            None if self.is_quiet => {}
            // a closed stderr is no reason to fail
            None => drop(write!(std::io::stderr(), "note: {line}")),
        }
    }

    fn ask(&self, plugin: &Name, question: &str, is_secret: bool) -> Result<Option<Secret>> {
        let Some(mut terminal) = self.terminal() else { return Ok(None) };
        let question = format!("{plugin}: {question}");
        match is_secret {
            true => terminal.secret(&question).map(Some),
            false => Ok(Some(Secret::from_bytes(terminal.line(&question)?.as_bytes()))),
        }
    }

    fn choose(
        &self,
        plugin: &Name,
        question: &str,
        yes: &str,
        no: Option<&str>,
    ) -> Result<Option<bool>> {
        let Some(mut terminal) = self.terminal() else { return Ok(None) };
        let choice = match no {
            Some(no) => format!("yes: {yes}, no: {no}"),
            None => format!("yes: {yes}"),
        };
        terminal.confirm(&format!("{plugin}: {question} ({choice})")).map(Some)
    }

    fn waits(&self, plugin: &Name) -> bool {
        let Some(mut terminal) = self.terminal() else { return false };
        let line = format!("waiting for the plugin {plugin}; it may want to be touched\n");
        terminal.say(&line).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_to_paste_is_understood() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("it's here/config.toml");
        for name in ["yubikey", "a.b"] {
            let name = Name::of(name).unwrap();
            let line = line_to_paste(&name, Path::new("/opt/a \"b\"/it's"), &file);
            assert!(line.contains("printf") && !line.contains('\n'), "{line}");
            let done = std::process::Command::new("sh").args(["-c", &line]).status();
            assert!(done.unwrap().success(), "{line}");
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let read: toml::Table = text.parse().unwrap();
        for name in ["yubikey", "a.b"] {
            assert_eq!(read["plugin"][name]["program"].as_str(), Some("/opt/a \"b\"/it's"));
        }
    }
}
