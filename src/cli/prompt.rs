//! Questions to a person, on the controlling terminal and nowhere else: standard input is data and
//! standard error may be a file. Knows nothing of what is asked for.

use crate::cli::escape;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use dialoguer::console::Term;
use rustix::termios::{self, LocalModes, OptionalActions, SpecialCodeIndex, Termios};
use std::fs::File;
use std::io::{Read, Write};
use zeroize::{Zeroize, Zeroizing};

/// The controlling terminal.
pub struct Terminal(File);

impl Terminal {
    /// The terminal, unless there is none.
    #[must_use]
    pub fn open() -> Option<Self> {
        let tty = File::options().read(true).write(true).open("/dev/tty").ok()?;
        termios::isatty(&tty).then_some(Self(tty))
    }

    /// Asks for a secret; what is typed does not show.
    ///
    /// # Errors
    /// Aborted (3) at Ctrl-C or Ctrl-D; usage (2) when nothing was typed.
    pub fn secret(&mut self, question: &str) -> Result<Secret> {
        let typed = self.read_hidden(question);
        self.say("\n")?;
        match typed? {
            typed if typed.is_empty() => Err(Error::usage("nothing was typed")),
            typed => Ok(typed),
        }
    }

    /// Asks for a secret twice.
    ///
    /// # Errors
    /// As [`Self::secret`]; usage (2) when the two differ.
    pub fn secret_twice(&mut self, question: &str) -> Result<Secret> {
        let first = self.secret(question)?;
        let again = self.secret(&format!("{question} again"))?;
        match first.expose() == again.expose() {
            true => Ok(first),
            false => Err(Error::usage("the two do not match")),
        }
    }

    /// Asks a yes/no question; the default is no. The answer is a line, so that nothing of it is
    /// left for the next question.
    ///
    /// # Errors
    /// Aborted (3) at Ctrl-C, or when the terminal has gone.
    pub fn confirm(&mut self, question: &str) -> Result<bool> {
        loop {
            let typed = self.line(&format!("{question} [y/N]"))?;
            match typed.trim().to_ascii_lowercase().as_str() {
                "y" | "yes" => return Ok(true),
                "n" | "no" | "" => return Ok(false),
                _ => self.say("Write yes or no.\n")?,
            }
        }
    }

    /// Asks for a line of text.
    ///
    /// # Errors
    /// Aborted (3) at Ctrl-C, or when the terminal has gone.
    pub fn line(&mut self, question: &str) -> Result<String> {
        let side = || self.0.try_clone().map_err(|e| Error::io("cannot use the terminal", &e));
        let terminal = Term::read_write_pair(side()?, side()?);
        dialoguer::Input::<String>::new()
            .with_prompt(escape::shown(question))
            .allow_empty(true)
            .interact_on(&terminal)
            .map_err(|_| given_up())
    }

    /// Writes to the terminal.
    ///
    /// # Errors
    /// I/O (18) when the terminal has gone.
    pub fn say(&mut self, text: &str) -> Result<()> {
        self.0.write_all(text.as_bytes()).map_err(|e| Error::io("cannot write to the terminal", &e))
    }

    /// The next byte of what is typed; none at the end.
    fn byte(&self) -> Result<Option<u8>> {
        let mut byte = [0u8];
        loop {
            match (&self.0).read(&mut byte) {
                Ok(0) => return Ok(None),
                Ok(_) => return Ok(Some(byte[0])),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Error::io("cannot read from the terminal", &e)),
            }
        }
    }

    /// Reads a line byte by byte. Not by the terminal's own line editor, which cuts lines at 4,095
    /// bytes, and which leaves the echo off when Ctrl-C ends the program.
    fn read_hidden(&self, question: &str) -> Result<Secret> {
        // before the question: somebody, or a program, may answer at once
        let _quiet = Quiet::enter(&self.0)?;
        (&self.0)
            .write_all(format!("{question}: ").as_bytes())
            .map_err(|e| Error::io("cannot write to the terminal", &e))?;
        let mut line = Zeroizing::new(Vec::with_capacity(1024));
        loop {
            let Some(byte) = self.byte()? else {
                return Err(given_up());
            };
            match edit(&mut line, byte) {
                Edit::More if line.len() <= Secret::MAX => {}
                Edit::More => return Err(Error::usage("a value has at most 16 MiB")),
                Edit::Done => return Ok(Secret::from_bytes(&line)),
                Edit::GiveUp => return Err(given_up()),
            }
        }
    }
}

#[derive(Debug, Eq, PartialEq)]
enum Edit {
    More,
    Done,
    GiveUp,
}

/// One key of a hidden line: Enter, Backspace, Ctrl-U, Ctrl-C, Ctrl-D, or a byte of the value.
fn edit(line: &mut Vec<u8>, byte: u8) -> Edit {
    match byte {
        b'\n' | b'\r' => return Edit::Done,
        0x03 => return Edit::GiveUp,
        0x04 => {
            return if line.is_empty() { Edit::GiveUp } else { Edit::Done };
        }
        0x08 | 0x7f => {
            // a whole character: continuation bytes, then the byte that leads them
            while line.pop().is_some_and(|last| last & 0b1100_0000 == 0b1000_0000) {}
        }
        0x15 => line.zeroize(),
        byte => line.push(byte),
    }
    Edit::More
}

/// A terminal that neither echoes nor edits nor signals, until dropped.
struct Quiet<'t> {
    tty: &'t File,
    before: Termios,
}

impl<'t> Quiet<'t> {
    fn enter(tty: &'t File) -> Result<Self> {
        let wrong = |e: rustix::io::Errno| Error::io("cannot hide what is typed", &e.into());
        let before = termios::tcgetattr(tty).map_err(wrong)?;
        let mut hidden = before.clone();
        hidden.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        hidden.special_codes[SpecialCodeIndex::VMIN] = 1;
        hidden.special_codes[SpecialCodeIndex::VTIME] = 0;
        termios::tcsetattr(tty, OptionalActions::Drain, &hidden).map_err(wrong)?;
        Ok(Self { tty, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        // nothing can be done if it fails; the shell resets the terminal at its own prompt
        let _ = termios::tcsetattr(self.tty, OptionalActions::Drain, &self.before);
    }
}

fn given_up() -> Error {
    Error::new(ErrorKind::Aborted, "given up")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_edit_the_hidden_line() {
        let mut line = Vec::new();
        for byte in "gröx\u{7f}\u{7f}\u{7f}reen".bytes() {
            assert_eq!(edit(&mut line, byte), Edit::More);
        }
        assert_eq!(line, b"green");
        edit(&mut line, 0x15);
        assert!(line.is_empty());
        assert_eq!(edit(&mut line, 0x04), Edit::GiveUp);
        edit(&mut line, b'x');
        assert_eq!(edit(&mut line, 0x04), Edit::Done);
        assert_eq!(edit(&mut line, 0x03), Edit::GiveUp);
        assert_eq!(edit(&mut line, b'\r'), Edit::Done);
    }
}
