//! Where keys come from. In order: `--key-file`, `VAULT_KEY`, `VAULT_KEY_FILE`,
//! `VAULT_PASSPHRASE_FILE`, `VAULT_PASSPHRASE_FD`, `VAULT_PASSPHRASE_COMMAND`,
//! and a question on the terminal.

use super::context::Context;
use super::escape;
use super::read::{self, KEY_MAX, Privacy};
use super::value::without_final_newline;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use crate::sys;
use crate::vault::{Key, Nobody, Person, SshKey, Unlocked, Vault, parse_identity};
use rustix::process::{Pid, Signal, getpgrp, kill_process_group};
use rustix::termios::{tcgetpgrp, tcsetpgrp};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long a passphrase command may take.
const DEADLINE: Duration = Duration::from_mins(1);
/// How often a wrong passphrase may be typed.
const ATTEMPTS: u32 = 3;

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
    // read first: a descriptor of the vault's own must not be taken for an inherited one
    let configured = source(cx).map(|source| key(cx, &source)).transpose()?;
    match configured {
        Some(key) => cx.locked()?.unlock_with(&key, &At(cx)),
        None => ask(cx),
    }
}

/// A key for a vault that cannot be opened as it is, so that nobody knows which sort it wants.
///
/// # Errors
/// As for [`vault`].
pub fn any_key(cx: &Context) -> Result<Key> {
    if let Some(source) = source(cx) {
        return key(cx, &source);
    }
    let mut terminal = cx.terminal().ok_or_else(no_way_in)?;
    passphrase(terminal.secret(&question(cx)?)?, "what was typed")
}

/// The key that `source` gives.
///
/// # Errors
/// As for [`vault`].
pub fn key(cx: &Context, source: &Source) -> Result<Key> {
    match source {
        Source::IdentityText => {
            let text = cx.world.var("VAULT_KEY").unwrap_or_default();
            identity(Secret::from_bytes(text.as_bytes()), "VAULT_KEY")
        }
        Source::KeyFile(path) => {
            let text = read::file(path, KEY_MAX, Privacy::Required)?;
            file_key(cx, text, &format!("`{}`", escape::shown(&path.to_string_lossy())))
        }
        Source::PassphraseFile(path) => {
            let (text, exposed) = read::file_and_exposure(path, KEY_MAX)?;
            if exposed {
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
            passphrase(read::descriptor(number, KEY_MAX)?, "VAULT_PASSPHRASE_FD")
        }
        Source::PassphraseCommand(command) => {
            let output = run(cx, command)?;
            let line = output.split(|byte| *byte == b'\n').next().unwrap_or_default();
            passphrase(Secret::from_bytes(line), "the passphrase command")
        }
    }
}

fn ask(cx: &Context) -> Result<Vault<Unlocked>> {
    let mut vault = cx.locked()?;
    if !vault.slot_types()?.iter().any(|slot| slot == "passphrase") {
        return Err(Error::new(ErrorKind::Locked, "this vault opens with a key file only")
            .hint("give it: `--key-file FILE`, or set VAULT_KEY_FILE"));
    }
    let Some(mut terminal) = cx.terminal() else {
        return Err(no_way_in());
    };
    let question = question(cx)?;
    for left in (0..ATTEMPTS).rev() {
        let typed = terminal.secret(&question)?;
        match vault.unlock_with(&passphrase(typed, "what was typed")?, &At(cx)) {
            Err(e) if e.kind() == ErrorKind::WrongKey && left > 0 => {
                terminal.say("That is not it. Once more.\n")?;
                vault = cx.locked()?;
            }
            result => return result,
        }
    }
    Err(no_way_in())
}

fn question(cx: &Context) -> Result<String> {
    let file = cx.place()?.file;
    Ok(format!("Passphrase for {}", escape::shown(&file.to_string_lossy())))
}

fn no_way_in() -> Error {
    Error::new(ErrorKind::Locked, "the vault is locked, and there is no terminal to ask on")
        .hint("set VAULT_KEY_FILE or VAULT_PASSPHRASE_FILE, or give `--key-file FILE`")
}

/// The user at the terminal, if there is one.
pub struct At<'c>(pub &'c Context);

impl Person for At<'_> {
    fn second_factor(&self, label: &str) -> Result<Secret> {
        let Self(cx) = self;
        if let Some(source) = passphrase_source(cx) {
            return match key(cx, &source)? {
                Key::Passphrase(secret) => Ok(secret),
                _ => Nobody.second_factor(label),
            };
        }
        let Some(mut terminal) = cx.terminal() else { return Nobody.second_factor(label) };
        let question = format!("Passphrase that goes with the key, for `{}`", escape::shown(label));
        without_line_end(terminal.secret(&question)?, "what was typed")
    }

    fn recognises(&self, fingerprint: &str) -> Result<()> {
        Nobody.recognises(fingerprint)
    }
}

/// The key in a file: an age identity or a private SSH key, whose own passphrase is asked for.
fn file_key(cx: &Context, text: Secret, whence: &str) -> Result<Key> {
    if SshKey::is_meant(&text) {
        return SshKey::read(&text, || ssh_passphrase(cx, whence)).map(Key::Ssh);
    }
    identity(text, whence)
}

fn ssh_passphrase(cx: &Context, whence: &str) -> Result<Secret> {
    let Some(mut terminal) = cx.terminal() else {
        let what =
            format!("the SSH key {whence} has a passphrase, and there is no terminal to ask on");
        return Err(Error::new(ErrorKind::Locked, what).hint(
            "an SSH agent signs and cannot decrypt: use a key file for what runs unattended",
        ));
    };
    without_line_end(
        terminal.secret(&format!("Passphrase of the SSH key {whence}"))?,
        "what was typed",
    )
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

fn without_line_end(text: Secret, whence: &str) -> Result<Secret> {
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

/// The output of a shell command, which sees no VAULT_ variable: a passphrase command that calls
/// `vault` would otherwise call itself for ever.
fn run(cx: &Context, command: &OsStr) -> Result<Zeroizing<Vec<u8>>> {
    let failed = |why: &str| {
        Error::new(ErrorKind::Locked, format!("the passphrase command {why}"))
            .hint("try it by hand; it is in VAULT_PASSPHRASE_COMMAND")
    };
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .env_clear()
        .envs(cx.world.child_env())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|_| failed("could not be started"))?;
    let _lent = Lent::to(&child);
    let Some(output) = listen(&mut child, DEADLINE) else {
        end(&mut child);
        return Err(failed("did not answer in time"));
    };
    match child.wait() {
        Ok(status) if status.success() => Ok(output),
        Ok(_) | Err(_) => Err(failed("failed")),
    }
}

/// Ends `child`, which leads a group of processes, and all that it has started in it.
pub fn end(child: &mut Child) {
    if let Some(group) = group_of(child) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

fn group_of(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// The terminal, lent to the group of a child that may want to ask something there; taken back when
/// dropped.
struct Lent {
    terminal: File,
    ours: Pid,
}

impl Lent {
    /// Lends it, if it is ours to lend.
    fn to(child: &Child) -> Option<Self> {
        let terminal = File::options().read(true).write(true).open("/dev/tty").ok()?;
        let ours = getpgrp();
        let theirs = group_of(child)?;
        if tcgetpgrp(&terminal).ok()? != ours {
            return None;
        }
        tcsetpgrp(&terminal, theirs).ok()?;
        // it may have been stopped for reading too early
        let _ = kill_process_group(theirs, Signal::CONT);
        Some(Self { terminal, ours })
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // from the background this is allowed only to who ignores the signal for it
        let _ = sys::without_background_stop(|| tcsetpgrp(&self.terminal, self.ours));
    }
}

/// What `child` writes until it is done, unless that takes longer than `deadline`.
fn listen(child: &mut Child, deadline: Duration) -> Option<Zeroizing<Vec<u8>>> {
    let until = Instant::now() + deadline;
    let pipe = child.stdout.take()?;
    let (hear, heard) = mpsc::channel();
    std::thread::spawn(move || {
        let mut output = Zeroizing::new(Vec::with_capacity(4096));
        let limit = u64::try_from(KEY_MAX).unwrap_or(u64::MAX);
        let read = pipe.take(limit).read_to_end(&mut output);
        // the listener may have given up
        let _ = hear.send(read.map(|_| output));
    });
    let output = heard.recv_timeout(deadline).ok()?.ok()?;
    while Instant::now() < until {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(Duration::from_millis(5)),
            Ok(Some(_)) | Err(_) => return Some(output),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::World;
    use rustix::process::test_kill_process_group;
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

    #[test]
    fn a_command_that_hangs_is_given_up() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "sleep 30 & wait"]).stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap();
        let group = group_of(&child).unwrap();
        assert!(listen(&mut child, Duration::from_millis(300)).is_none());
        assert!(test_kill_process_group(group).is_ok());
        end(&mut child);
        // what it had started is gone as well, as soon as somebody has buried it
        let all_gone = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            nobody_runs_in(group)
        });
        assert!(all_gone);
    }

    /// Whether no process of `group` runs; the dead that nobody has buried do not count.
    fn nobody_runs_in(group: Pid) -> bool {
        if test_kill_process_group(group).is_err() {
            return true;
        }
        let stats = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let stats = stats.filter_map(|e| std::fs::read_to_string(e.path().join("stat")).ok());
        let group = group.as_raw_nonzero().to_string();
        let mut members = stats.filter_map(|stat| {
            let after = stat.rsplit_once(") ")?.1;
            let mut words = after.split(' ');
            let (how, _, of) = (words.next()?, words.next()?, words.next()?);
            (of == group).then(|| how.to_owned())
        });
        members.all(|how| how == "Z")
    }
}
