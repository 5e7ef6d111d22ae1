//! `vault init`.

use super::context::Context;
use super::read::{self, KEY_MAX, Privacy, quoted};
use super::report::{Cell, Report};
use super::unlock::{self, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::generate;
use crate::vault::{self, Key, Place, Vault};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::rc::Rc;

/// Make a vault
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault init
  vault init --key-file ~/vault.key
  VAULT_PASSPHRASE_FILE=/run/secrets/pass vault init

With --key-file the file is made, unless it is there already, and there is no passphrase.")]
pub struct Args {
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
    let chosen = match unlock::source(cx) {
        Some(Source::KeyFile(path)) => return with_key_file(cx, &place, &path),
        Some(Source::IdentityText) => unlock::key(cx, &Source::IdentityText)?,
        Some(source) => strong(unlock::key(cx, &source)?, args.allow_weak)?,
        None => ask(cx, args.allow_weak)?,
    };
    let label = match chosen {
        Key::Passphrase(_) => "passphrase",
        Key::Identity(_) => "key",
    };
    make(cx, &place, &chosen, label)?;
    if label == "passphrase" {
        cx.note_later(
            "without the passphrase nobody reads it again, nor do we: keep it somewhere safe",
        );
    }
    Ok(done(cx, &place, label))
}

fn with_key_file(cx: &Context, place: &Place, path: &Path) -> Result<Report> {
    remove_stump(path)?;
    let old = path.symlink_metadata().is_ok();
    let key = if old { reuse(path)? } else { make_key_file(cx, path)? };
    if let Err(e) = make(cx, place, &key, "key file") {
        if !old && (e.kind() == ErrorKind::Conflict || place.file.symlink_metadata().is_err()) {
            // a key to nothing; leaving it would only confuse
            let _ = std::fs::remove_file(path);
        }
        return Err(e);
    }
    let shown = quoted(path);
    cx.note_later(match old {
        true => format!("it opens with the key file {shown} that was there"),
        false => format!("made the key file {shown}"),
    });
    cx.note_later(
        "without the key file nobody reads it again, nor do we: keep a copy somewhere safe",
    );
    Ok(done(cx, place, "key file"))
}

fn make(cx: &Context, place: &Place, key: &Key, label: &str) -> Result<()> {
    cx.listen(&Vault::init(place, Rc::clone(&cx.world), key, label)?);
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

/// An empty key file is what an `init` leaves that was ended before it wrote the key.
fn remove_stump(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_ok_and(|about| about.is_file() && about.len() == 0) {
        let failed = |e| Error::io(format!("cannot replace the empty file {}", quoted(path)), &e);
        return std::fs::remove_file(path).map_err(failed);
    }
    Ok(())
}

fn reuse(path: &Path) -> Result<Key> {
    // a pipe that nobody writes to would be waited for without end
    if path.metadata().is_ok_and(|about| !about.is_file()) {
        let what = format!("`{}` is not a regular file", path.display());
        return Err(Error::new(ErrorKind::Refused, what)
            .hint("name a file that is not there yet, or give the key in VAULT_KEY"));
    }
    let text = read::file(path, KEY_MAX, Privacy::Required)?;
    unlock::identity(text, &format!("`{}`", path.display()))
}

fn make_key_file(cx: &Context, path: &Path) -> Result<Key> {
    let text = vault::new_key_file(cx.world.now());
    write_new(path, text.expose())
        .map_err(|e| Error::io(format!("cannot make the key file `{}`", path.display()), &e))?;
    Ok(Key::Identity(text))
}

/// Writes a file that was not there, private from its first moment, and waits until it is on disk: a
/// vault whose key is lost in a crash is lost.
fn write_new(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
    let mut file = options.open(path)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let written = file
        .write_all(text)
        .and_then(|()| file.sync_all())
        .and_then(|()| File::open(parent.unwrap_or(Path::new(".")))?.sync_all());
    if written.is_err() {
        // half a key would only be in the way of the next attempt
        let _ = std::fs::remove_file(path);
    }
    written
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
    let text = std::str::from_utf8(secret.expose()).unwrap_or_default();
    let guessed = zxcvbn::zxcvbn(text, &["vault"]);
    if allow_weak || guessed.score() >= zxcvbn::Score::Three {
        return Ok(key);
    }
    let advice = guessed.feedback().and_then(zxcvbn::feedback::Feedback::warning);
    let error = Error::new(ErrorKind::Refused, "the passphrase is too easy to guess");
    // the advice is one of a fixed list of sentences and quotes nothing
    let error = advice.map(|why| why.to_string()).into_iter().fold(error, Error::hint);
    Err(error
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

    #[test]
    fn a_key_file_is_private_whole_and_never_overwritten() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let world = Rc::new(crate::world::World::fake(&[], None));
        let cx = Context::new(crate::cli::context::Globals::default(), world);
        assert!(make_key_file(&cx, &path).is_ok());
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        assert!(reuse(&path).is_ok());
        assert!(make_key_file(&cx, &path).is_err());
        assert!(!std::fs::read_to_string(&path).unwrap().contains("age1"));
    }
}
