//! New passphrases for the vault: typed twice or made up, or from where an option says; never a weak one
//! unasked.

use crate::cli::context::Context;
use crate::cli::prompt::Terminal;
use crate::cli::read::{self, Privacy};
use crate::cli::unlock;
use crate::error::{Error, ErrorKind, Result};
use crate::kind::generate;
use crate::kind::strength::{self, strength};
use crate::model::Secret;
use std::os::fd::RawFd;
use std::path::PathBuf;

/// Where a new passphrase comes from, if not from the terminal.
#[derive(clap::Args, Debug, Default)]
#[command(next_help_heading = "New passphrase")]
pub struct NewPassphrase {
    /// Read the new passphrase from this file, one line
    #[arg(long = "new-passphrase-file", value_name = "FILE", group = "new_passphrase",
          value_hint = clap::ValueHint::FilePath)]
    from_file: Option<PathBuf>,

    /// Read the new passphrase from an open descriptor, one line
    #[arg(long = "new-passphrase-fd", value_name = "N", group = "new_passphrase",
          value_parser = clap::value_parser!(RawFd).range(0..))]
    from_fd: Option<RawFd>,

    /// Accept a passphrase that can be guessed
    #[arg(long)]
    allow_weak: bool,
}

impl NewPassphrase {
    /// Whether an option says where it comes from.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.from_file.is_some() || self.from_fd.is_some()
    }

    /// The passphrase that an option leads to.
    ///
    /// # Errors
    /// Usage (2) for what is not one line, refused (14) for a weak one; what reading finds.
    pub fn given(&self, cx: &Context) -> Result<Option<Secret>> {
        let (text, whence) = if let Some(path) = &self.from_file {
            let (text, exposed) = read::key(path, Privacy::AsItIs)?;
            if exposed {
                cx.warn("others can read the file with the new passphrase");
            }
            (text, "the file with the new passphrase")
        } else if let Some(fd) = self.from_fd {
            (read::key_descriptor(fd)?, "the descriptor of the new passphrase")
        } else {
            return Ok(None);
        };
        strong(unlock::without_line_end(text, whence)?, self.allow_weak).map(Some)
    }

    /// What was given; otherwise somebody is asked for it.
    ///
    /// # Errors
    /// As [`ask`]; usage (2) when there is nobody to ask.
    pub fn or_ask(&self, given: Option<Secret>, question: &str, cx: &Context) -> Result<Secret> {
        if let Some(given) = given {
            return Ok(given);
        }
        let mut terminal = cx.terminal().ok_or_else(nobody)?;
        ask(&mut terminal, question, self.allow_weak, "given up, nothing was changed")
    }

    /// Fails when nothing was given and nobody can be asked.
    ///
    /// # Errors
    /// Usage (2).
    pub fn ensure_source(&self, cx: &Context) -> Result<()> {
        match self.is_given() || cx.terminal().is_some() {
            true => Ok(()),
            false => Err(nobody()),
        }
    }
}

/// A new passphrase from somebody at a terminal: six words made for them, or what they type twice.
///
/// # Errors
/// Usage (2) when the two differ, refused (14) for a weak one, aborted (3) with `given_up`.
pub fn ask(
    terminal: &mut Terminal,
    question: &str,
    allow_weak: bool,
    given_up: &str,
) -> Result<Secret> {
    made_or_typed(terminal, question, allow_weak).map_err(|e| match e.kind() {
        ErrorKind::Aborted => Error::new(ErrorKind::Aborted, given_up),
        _ => e,
    })
}

fn made_or_typed(terminal: &mut Terminal, question: &str, allow_weak: bool) -> Result<Secret> {
    if !terminal.confirm("Make a passphrase of six random words for you?")? {
        let typed = terminal.secret_twice(question)?;
        return strong(unlock::without_line_end(typed, "what was typed")?, allow_weak);
    }
    let made = generate::passphrase(6);
    terminal.say("\n    ")?;
    terminal.say(&String::from_utf8_lossy(made.expose()))?;
    terminal.say(
        "\n\nIt is shown this once. Write it down, or keep it where you keep such things.\n",
    )?;
    terminal.go_on("Do you have it?", "given up").map(|()| made)
}

/// Refuses a passphrase that a thief of the file would guess.
///
/// # Errors
/// Refused (14), with its score and what is wrong with it.
pub fn strong(secret: Secret, allow_weak: bool) -> Result<Secret> {
    let found = strength(secret.expose());
    if allow_weak || !found.is_weak() {
        return Ok(secret);
    }
    let what = format!("the passphrase is too easy to guess: score {} of 4, {found}", found.score);
    Err(strength::advice(secret.expose())
        .into_iter()
        .fold(Error::new(ErrorKind::Refused, what), Error::hint)
        .hint("take several unrelated words, or let them be made for you on a terminal")
        .hint("`--allow-weak` takes it all the same"))
}

fn nobody() -> Error {
    Error::usage("no new passphrase given, and there is no terminal to ask on")
        .hint("give it: --new-passphrase-file FILE, or --new-passphrase-fd N")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_passphrases_are_refused_without_quoting_them() {
        let weak = || Secret::from_bytes(b"hunter2");
        let wrong = strong(weak(), false).err().unwrap();
        assert_eq!(wrong.kind(), ErrorKind::Refused);
        assert!(!format!("{wrong:?}").contains("hunter2"));
        assert!(wrong.message().contains("score 1 of 4"), "{wrong}");
        assert!(strong(weak(), true).is_ok());
        assert!(strong(Secret::from_bytes(b"gravel ostrich penknife lullaby"), false).is_ok());
    }
}
