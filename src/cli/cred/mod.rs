//! Commands on credentials.

mod add;
pub mod check;
mod clone;
mod columns;
mod copy;
mod due;
mod edit;
pub mod expect;
pub(super) mod filter;
mod get;
mod hibp;
mod history;
mod list;
mod meta;
pub mod purge;
mod purge_old;
mod rename;
mod restore;
mod rm;
mod rollback;
pub mod rotate;
mod rotate_many;
mod set;
mod show;
mod totp;

use super::context::Context;
use super::report::Report;
use super::tree::commands;
use crate::error::{ErrorKind, Result};
use crate::kind::{self, Kind};
use crate::model::CredName;
use crate::vault::{State, Vault};
use clap_complete::engine::CompletionCandidate;

pub use filter::FilterArgs;
pub use meta::{named, set_field};
pub use show::words;

commands! {
    /// Keep, find and use credentials
    @after_help "Examples:
  vault cred add db/main --username app --host db.example.com
  vault cred list --client acme
  vault cred get db/main"
    pub enum Command {
        Add(Box<add::Args>) leaf "add" "Keep a new credential",
        Clone(Box<clone::Args>) leaf "clone" or "copy-from" "Keep a new credential like an old one",
        List(Box<list::Args>) leaf "list" "List credentials, without unlocking",
        Due(Box<due::Args>) leaf "due"
            "List what has expired or should be rotated, and what soon will, without unlocking",
        Check(Box<check::Args>) leaf "check"
            "Look for weak, reused, leaked, expired and forgotten secrets, without showing any",
        Show(show::Args) leaf "show" "Show what is known of a credential; secrets as dots",
        Get(get::Args) leaf "get" "Print one secret, byte for byte",
        Copy(copy::Args) leaf "copy" "Copy one secret to the clipboard, for a while",
        Totp(totp::Args) leaf "totp" "Print the one-time code of now",
        Set(Box<set::Args>) leaf "set"
            "Change a credential: its metadata, or a secret, which gets a new version",
        Rotate(Box<rotate::Args>) leaf "rotate"
            "Put a new value in the place of a secret; made up unless it is handed in",
        History(history::Args) leaf "history"
            "Show the versions of a credential: when, by whom, how and why",
        Rollback(rollback::Args) leaf "rollback"
            "Make an older value of a secret the current one again, as a new version",
        Edit(edit::Args) leaf "edit" "Change a credential in your editor",
        Rename(rename::Args) leaf "rename" "Give a credential another name",
        Rm(rm::Args) leaf "rm" "Move a credential to the trash",
        Restore(restore::Args) leaf "restore" "Bring a credential back from the trash",
        Purge(purge::Args) leaf "purge"
            "Destroy a credential, one of its versions, or what is old in the trash, for good",
    }
}

/// What `--type` can be.
fn kinds() -> Vec<CompletionCandidate> {
    let one = |kind: &Kind| CompletionCandidate::new(kind.name).help(Some(kind.about.into()));
    kind::ALL.iter().map(one).collect()
}

/// The credential that `text` is or begins, or that a person picks among those that it fits; whoever
/// wrote something else than its name is told which it is.
///
/// # Errors
/// Usage (2), conflict (13) when several fit, aborted (3) when nobody picks; I/O (18).
pub fn meant<S: State>(
    cx: &Context,
    vault: &Vault<S>,
    text: &str,
    deleted: bool,
) -> Result<CredName> {
    let name = match vault.search(text, deleted) {
        Ok(Some(name)) => name,
        // whether it exists is for the verb to say
        Ok(None) => picked(cx, vault, text, deleted)?.map_or_else(|| text.parse(), Ok)?,
        Err(e) if e.kind() == ErrorKind::Conflict => picked(cx, vault, text, deleted)?.ok_or(e)?,
        Err(e) => return Err(e),
    };
    if name.as_str() != text {
        cx.note(&format!("`{text}` is `{name}`"));
    }
    Ok(name)
}

/// The credential that a person picks among those that `text` fits, if there is a person and any fits.
fn picked<S: State>(
    cx: &Context,
    vault: &Vault<S>,
    text: &str,
    deleted: bool,
) -> Result<Option<CredName>> {
    let Some(mut terminal) = cx.terminal() else {
        return Ok(None);
    };
    let names = vault.candidates(text, deleted)?;
    match names.is_empty() {
        true => Ok(None),
        false => names[terminal.pick("Which credential", &names)?].parse().map(Some),
    }
}

impl Command {
    /// Whether it needs the keys, so that an agent is asked.
    pub fn is_for_agent(&self) -> bool {
        match self {
            Self::List(args) => args.is_for_agent(),
            Self::Due(_) => false,
            _ => true,
        }
    }
}

/// Runs one of them.
pub fn run(command: Command, cx: &mut Context) -> Result<Report> {
    match command {
        Command::Add(args) => add::run(*args, cx),
        Command::Clone(args) => clone::run(*args, cx),
        Command::List(args) => list::run(*args, cx),
        Command::Due(args) => due::run(*args, cx),
        Command::Check(args) => check::run(*args, cx),
        Command::Show(args) => show::run(args, cx),
        Command::Get(args) => get::run(args, cx),
        Command::Copy(args) => copy::run(args, cx),
        Command::Totp(args) => totp::run(args, cx),
        Command::Set(args) => set::run(*args, cx),
        Command::Rotate(args) => rotate::run(*args, cx),
        Command::History(args) => history::run(args, cx),
        Command::Rollback(args) => rollback::run(args, cx),
        Command::Edit(args) => edit::run(args, cx),
        Command::Rename(args) => rename::run(args, cx),
        Command::Rm(args) => rm::run(args, cx),
        Command::Restore(args) => restore::run(args, cx),
        Command::Purge(args) => purge::run(args, cx),
    }
}
