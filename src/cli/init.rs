//! `vault init`.

use super::context::Context;
use super::plugins;
use super::read::{self, KEY_MAX, Privacy, quoted};
use super::report::{Cell, Report};
use super::unlock::{self, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::generate;
use crate::kind::strength::{self, strength};
use crate::vault::{self, Key, Place, Vault, Wrap};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::rc::Rc;
use uuid::Uuid;

/// Make a vault
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault init
  vault init --key-file ~/vault.key
  VAULT_PASSPHRASE_FILE=/run/secrets/pass vault init
  vault init --key-file identity.txt --recipient age1yubikey1qw…

With --key-file the file is made, unless it is there already, and there is no passphrase. If it holds the
identity of an age plugin, --recipient says whom the vault is sealed for, and `vault help config` how the
program of the plugin is named.")]
pub struct Args {
    /// The recipient that belongs to the key file, which is that of an age plugin
    #[arg(long, value_name = "RECIPIENT")]
    recipient: Option<String>,

    /// Accept a passphrase that can be guessed
    #[arg(long)]
    allow_weak: bool,
}

/// Makes it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let place = cx.place()?;
    if place.file.symlink_metadata().is_ok() {
        return Err(taken(&place)); // before somebody types a passphrase in vain
    }
    let source = unlock::source(cx);
    let is_there = matches!(&source, Some(Source::KeyFile(path)) if path.exists());
    if args.recipient.is_some() && !is_there {
        return Err(plugins::recipient_alone());
    }
    let chosen = match source {
        Some(Source::KeyFile(path)) => {
            return with_key_file(cx, &place, &path, args.recipient.as_deref());
        }
        Some(Source::IdentityText) => unlock::key(cx, &Source::IdentityText)?,
        Some(source) => strong(unlock::key(cx, &source)?, args.allow_weak)?,
        None => ask(cx, args.allow_weak)?,
    };
    let label = match chosen {
        Key::Passphrase(_) => "passphrase",
        Key::Identity(_) | Key::Ssh(_) | Key::Plugin(_) | Key::Both(..) => "key",
    };
    make(cx, &place, (&chosen, &Wrap::for_key(&chosen)?), label)?;
    if label == "passphrase" {
        cx.note_later(
            "without the passphrase nobody reads it again, nor do we: keep it somewhere safe",
        );
    }
    Ok(done(cx, &place, label))
}

fn with_key_file(
    cx: &Context,
    place: &Place,
    path: &Path,
    recipient: Option<&str>,
) -> Result<Report> {
    let (key, made) = match path.symlink_metadata() {
        Ok(_) => (reuse(cx, path)?, false),
        Err(_) => key_file(cx, path)?,
    };
    let wrap = plugins::wrap_for(cx, &key, recipient, path)?;
    // From here on somebody else's `init` may have found the key file and used it: it stays,
    // whatever becomes of this one.
    make(cx, place, (&key, &wrap), "key file").map_err(|e| {
        match made && e.kind() != ErrorKind::Conflict {
            true => e.hint(format!("the key file {} stays for the next attempt", quoted(path))),
            false => e,
        }
    })?;
    let shown = quoted(path);
    cx.note_later(match made {
        true => format!("made the key file {shown}"),
        false => format!("it opens with the key file {shown} that was there"),
    });
    cx.note_later(
        "without the key file nobody reads it again, nor do we: keep a copy somewhere safe",
    );
    Ok(done(cx, place, "key file"))
}

fn make(cx: &Context, place: &Place, founder: (&Key, &Wrap), label: &str) -> Result<()> {
    cx.listen(&Vault::init_for(place, Rc::clone(&cx.world), founder, label)?);
    Ok(())
}

fn done(cx: &Context, place: &Place, label: &'static str) -> Report {
    cx.note_later("next: `vault cred add NAME`");
    Report::Done {
        message: format!("made a vault: {}", place.file.display()),
        item: vec![
            ("file", Cell::owned(place.file.display().to_string())),
            ("slot", Cell::owned(label)),
        ],
    }
}

fn reuse(cx: &Context, path: &Path) -> Result<Key> {
    // a pipe that nobody writes to would be waited for without end
    if path.metadata().is_ok_and(|about| !about.is_file()) {
        let what = format!("`{}` is not a regular file", path.display());
        return Err(Error::new(ErrorKind::Refused, what)
            .hint("name a file that is not there yet, or give the key in VAULT_KEY"));
    }
    let text = read::file(path, KEY_MAX, Privacy::Required)?;
    let empty = text.is_empty();
    unlock::file_key(cx, text, &format!("`{}`", path.display())).map_err(|e| match empty {
        true => e.hint(format!("it is empty; if nothing needs it: rm {}", quoted(path))),
        false => e,
    })
}

/// A new key file, or the one that somebody else made in the meantime; and whether it is ours.
fn key_file(cx: &Context, path: &Path) -> Result<(Key, bool)> {
    let text = vault::new_key_file(cx.world.now());
    match publish(path, text.expose()) {
        Ok(()) => Ok((Key::Identity(text), true)),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok((reuse(cx, path)?, false)),
        Err(e) => Err(Error::io(format!("cannot make the key file `{}`", path.display()), &e)),
    }
}

/// Makes a file that was not there: private, whole and on disk before it has its name, and on disk
/// under its name before this returns. A vault whose key is lost in a crash is lost.
fn publish(path: &Path, text: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    // only as much of the name as leaves room for the rest
    let shown: String = name.to_string_lossy().chars().take(32).collect();
    let draft = parent.join(format!(".{shown}.new-{}", Uuid::new_v4().simple()));
    let published = write_new(&draft, text).and_then(|()| rename_new(&draft, path));
    if published.is_err() {
        // nobody else knows its name
        let _ = fs::remove_file(&draft);
    }
    published.and_then(|()| File::open(parent)?.sync_all())
}

fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
    let mut file = options.open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// Renames without ever replacing another file.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

fn ask(cx: &Context, allow_weak: bool) -> Result<Key> {
    let Some(mut terminal) = cx.terminal() else {
        let what = "no passphrase and no key file given, and there is no terminal to ask on";
        return Err(Error::new(ErrorKind::Locked, what)
            .hint("vault init --key-file FILE")
            .hint("set VAULT_PASSPHRASE_FILE"));
    };
    if !terminal.confirm("Make a passphrase of six random words for you?")? {
        let typed = terminal.secret_twice("Passphrase for the new vault")?;
        return strong(unlock::passphrase(typed, "what was typed")?, allow_weak);
    }
    let made = generate::passphrase(6);
    terminal.say("\n    ")?;
    terminal.say(&String::from_utf8_lossy(made.expose()))?;
    terminal.say(
        "\n\nIt is shown this once. Write it down, or keep it where you keep such things.\n",
    )?;
    match terminal.confirm("Do you have it?")? {
        true => Ok(Key::Passphrase(made)),
        false => Err(Error::new(ErrorKind::Aborted, "given up, no vault was made")),
    }
}

/// Refuses a passphrase that a thief of the file would guess.
fn strong(key: Key, allow_weak: bool) -> Result<Key> {
    let Key::Passphrase(secret) = &key else {
        return Ok(key);
    };
    if allow_weak || !strength(secret.expose()).is_weak() {
        return Ok(key);
    }
    let error = Error::new(ErrorKind::Refused, "the passphrase is too easy to guess");
    Err(strength::advice(secret.expose())
        .into_iter()
        .fold(error, Error::hint)
        .hint("take several unrelated words, or let `vault init` make them on a terminal")
        .hint("`--allow-weak` takes it all the same"))
}

fn taken(place: &Place) -> Error {
    let what = format!("there is a file already: `{}`", place.file.display());
    Error::new(ErrorKind::Conflict, what)
        .hint("look at it: `vault status`")
        .hint("make another: `vault --vault FILE init`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    #[test]
    fn weak_passphrases_are_refused_without_quoting_them() {
        let weak = || Key::Passphrase(Secret::from_bytes(b"hunter2"));
        let wrong = strong(weak(), false).err().unwrap();
        assert_eq!(wrong.kind(), ErrorKind::Refused);
        assert!(!format!("{wrong:?}").contains("hunter2"));
        assert!(strong(weak(), true).is_ok());
        let long = Key::Passphrase(Secret::from_bytes(b"gravel ostrich penknife lullaby"));
        assert!(strong(long, false).is_ok());
    }

    fn context() -> Context {
        let world = Rc::new(crate::world::World::fake(&[], None));
        Context::new(crate::cli::context::Globals::default(), world)
    }

    #[test]
    fn a_key_file_is_private_whole_and_never_overwritten() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let cx = context();
        assert!(key_file(&cx, &path).unwrap().1);
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(reuse(&cx, &path).is_ok() && !text.contains("age1"));
        let (Key::Identity(found), false) = key_file(&cx, &path).unwrap() else {
            panic!("not the one that is there");
        };
        assert_eq!(found.expose(), text.as_bytes());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "a draft was left");
    }

    #[test]
    fn an_empty_key_file_is_malformed_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        write_new(&path, b"").unwrap();
        let wrong = reuse(&context(), &path).err().unwrap();
        assert_eq!(wrong.kind(), ErrorKind::WrongKey);
        assert!(wrong.hints().iter().any(|hint| hint.contains("rm ")));
        assert!(path.exists());
    }
}
