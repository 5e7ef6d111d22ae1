//! `vault init`.

use super::context::Context;
use super::key::{file, passphrase};
use super::plugins;
use super::read::quoted;
use super::report::{Cell, Report};
use super::unlock::{self, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::vault::{Key, Place, Vault, Wrap};
use std::path::Path;
use std::rc::Rc;

/// Make a vault
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault init
  vault init --key-file ~/vault.key
  vault init --key-file ~/.ssh/id_ed25519
  VAULT_PASSPHRASE_FILE=/run/secrets/pass vault init
  vault init --key-file identity.txt --recipient age1yubikey1qw…

With --key-file the file is made, unless it is there already, and there is no passphrase. It may be a
private SSH key, Ed25519 or RSA; or the identity of an age plugin, with its --recipient (`vault help config`
tells how the program of the plugin is named). `vault key add` adds further ways to unlock, `vault key add paper
--recovery` one on paper.")]
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
    let (key, made) = file::reuse_or_make(cx, path)?;
    let (label, what) = match key {
        Key::Ssh(_) => ("ssh key", "SSH key"),
        _ => ("key file", "key file"),
    };
    let wrap = plugins::wrap_for(cx, &key, recipient, path)?;
    // From here on somebody else's `init` may have found the key file and used it: it stays,
    // whatever becomes of this one.
    make(cx, place, (&key, &wrap), label).map_err(|e| {
        match made && e.kind() != ErrorKind::Conflict {
            true => e.hint(format!("the key file {} stays for the next attempt", quoted(path))),
            false => e,
        }
    })?;
    let shown = quoted(path);
    cx.note_later(match made {
        true => format!("made the key file {shown}"),
        false => format!("it opens with the {what} {shown} that was there"),
    });
    cx.note_later(format!(
        "without the {what} nobody reads it again, nor do we: keep a copy somewhere safe"
    ));
    Ok(done(cx, place, label))
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

fn ask(cx: &Context, allow_weak: bool) -> Result<Key> {
    let Some(mut terminal) = cx.terminal() else {
        let what = "no passphrase and no key file given, and there is no terminal to ask on";
        return Err(Error::new(ErrorKind::Locked, what)
            .hint("vault init --key-file FILE")
            .hint("set VAULT_PASSPHRASE_FILE"));
    };
    let question = "Passphrase for the new vault";
    passphrase::ask(&mut terminal, question, allow_weak, "given up, no vault was made")
        .map(Key::Passphrase)
}

fn strong(key: Key, allow_weak: bool) -> Result<Key> {
    match key {
        Key::Passphrase(secret) => passphrase::strong(secret, allow_weak).map(Key::Passphrase),
        key => Ok(key),
    }
}

fn taken(place: &Place) -> Error {
    let what = format!("there is a file already: `{}`", place.file.display());
    Error::new(ErrorKind::Conflict, what)
        .hint("look at it: `vault status`")
        .hint("make another: `vault --vault FILE init`")
}
