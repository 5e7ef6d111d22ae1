//! Questions to a person, on the controlling terminal and nowhere else: standard input is data and
//! standard error may be a file. Knows nothing of what is asked for.

mod quiet;

use self::quiet::{Quiet, Reader};
use crate::cli::escape;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use crate::sys::Signals;
use crate::world::World;
use dialoguer::FuzzySelect;
use dialoguer::console::{Term, truncate_str};
use dialoguer::theme::{SimpleTheme, Theme};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{self, OptionalActions, Termios};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use zeroize::{Zeroize, Zeroizing};

/// The controlling terminal, or that of whoever we work for.
pub struct Terminal(File);

impl Terminal {
    /// The terminal, unless there is none.
    #[must_use]
    pub fn open(world: &World) -> Option<Self> {
        let Some(client) = &world.client else { return Self::controlling() };
        client.terminal.as_ref()?.try_clone().ok().map(Self)
    }

    /// The one that controls this process, unless there is none.
    #[must_use]
    pub fn controlling() -> Option<Self> {
        let tty = File::options().read(true).write(true).open("/dev/tty").ok()?;
        termios::isatty(&tty).then_some(Self(tty))
    }

    /// Whether we are in its foreground, so that a question can be answered.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        termios::tcgetpgrp(&self.0).is_ok_and(|group| group == rustix::process::getpgrp())
    }

    /// How it is set, for [`Self::restore`].
    #[must_use]
    pub fn settings(&self) -> Option<Termios> {
        termios::tcgetattr(&self.0).ok()
    }

    /// Sets it as it was: for whoever ends while a question is still open in another thread.
    pub fn restore(&self, before: &Termios) {
        // nothing can be done if it fails; the shell resets the terminal at its own prompt
        let _ = termios::tcsetattr(&self.0, OptionalActions::Drain, before);
    }

    /// The terminal as a file, for another process.
    #[must_use]
    pub fn into_file(self) -> File {
        self.0
    }

    /// Asks for a secret; what is typed does not show.
    ///
    /// # Errors
    /// Aborted (3) at Ctrl-C or Ctrl-D; usage (2) when nothing was typed.
    pub fn secret(&mut self, question: &str) -> Result<Secret> {
        let tty = self.again()?;
        self.hidden(&mut Reader::of(&tty)?, question)
    }

    /// Asks for a secret twice.
    ///
    /// # Errors
    /// As [`Self::secret`]; usage (2) when the two differ.
    pub fn secret_twice(&mut self, question: &str) -> Result<Secret> {
        // between the questions, too: a paste goes on
        let tty = self.again()?;
        let mut reader = Reader::of(&tty)?;
        let first = self.hidden(&mut reader, question)?;
        let again = self.hidden(&mut reader, &format!("{question} again"))?;
        if first.expose() == again.expose() {
            return Ok(first);
        }
        self.discard();
        Err(Error::usage("the two do not match")
            .hint("if you pasted several lines: from a file or pipe they are taken whole"))
    }

    /// Asks a yes/no question; the default is no. The answer is a line, so that nothing of it is
    /// left for the next question.
    ///
    /// # Errors
    /// Aborted (3) at Ctrl-C or Ctrl-D, or when the terminal has gone.
    pub fn confirm(&mut self, question: &str) -> Result<bool> {
        self.yes_or_no(question, false)
    }

    /// Asks whether to go on: a no ends the run, as Ctrl-C and Ctrl-D do, and says `given_up`.
    ///
    /// # Errors
    /// Aborted (3).
    pub fn go_on(&mut self, question: &str, given_up: &str) -> Result<()> {
        match self.confirm(question) {
            Ok(true) => Ok(()),
            Err(e) if e.kind() != ErrorKind::Aborted => Err(e),
            Ok(false) | Err(_) => Err(Error::new(ErrorKind::Aborted, given_up)),
        }
    }

    /// The same as [`Self::confirm`]; the default is yes.
    ///
    /// # Errors
    /// As [`Self::confirm`].
    pub fn agree(&mut self, question: &str) -> Result<bool> {
        self.yes_or_no(question, true)
    }

    fn yes_or_no(&mut self, question: &str, default: bool) -> Result<bool> {
        let question = look(|theme, text| {
            theme.format_confirm_prompt(text, &escape::shown(question), Some(default))
        });
        loop {
            let typed = self.read_line(&question)?;
            match typed.expose().trim_ascii().to_ascii_lowercase().as_slice() {
                b"y" | b"yes" => return Ok(true),
                b"n" | b"no" => return Ok(false),
                b"" => return Ok(default),
                _ => self.say("Write yes or no.\n")?,
            }
        }
    }

    /// Asks for a line of text.
    ///
    /// # Errors
    /// Aborted (3) at Ctrl-C or Ctrl-D, or when the terminal has gone.
    pub fn line(&mut self, question: &str) -> Result<String> {
        let question =
            look(|theme, text| theme.format_input_prompt(text, &escape::shown(question), None));
        let typed = self.read_line(&question)?;
        Ok(String::from_utf8_lossy(typed.expose()).into_owned())
    }

    /// Lets one of `items` be chosen, narrowed down by what is typed. Tells its place.
    ///
    /// # Errors
    /// Aborted (3) at Escape or Ctrl-C; I/O (18).
    pub fn pick(&mut self, question: &str, items: &[String]) -> Result<usize> {
        let wrong = |e: std::io::Error| Error::io("cannot use the terminal", &e);
        let ends = (self.0.try_clone().map_err(wrong)?, self.0.try_clone().map_err(wrong)?);
        let term = Term::read_write_pair(ends.0, ends.1);
        let lines = lines(items, usize::from(term.size().1));
        let select = FuzzySelect::with_theme(&SimpleTheme).with_prompt(question).items(&lines);
        let select = select.default(0).max_length(MOST).highlight_matches(false).report(false);
        // before the list is shown: between two keys the library lets the terminal take Ctrl-C itself,
        // and at one that it reads it would end the program, and leave the cursor hidden
        let tty = self.0.try_clone().map_err(wrong)?;
        let (quiet, signals) = (Quiet::enter(&tty)?, Signals::noted());
        let keys = Keys::from(&tty);
        let picked = select.interact_on_opt(&term);
        drop((keys, quiet, signals));
        match picked {
            Ok(Some(at)) => Ok(at),
            Ok(None) => Err(given_up()),
            Err(_) => {
                // the terminal may have gone, and giving up is all there is to do
                let _ = term.show_cursor().and_then(|()| term.write_line(""));
                Err(given_up())
            }
        }
    }

    /// Writes to the terminal.
    ///
    /// # Errors
    /// I/O (18) when the terminal has gone.
    pub fn say(&mut self, text: &str) -> Result<()> {
        self.0.write_all(text.as_bytes()).map_err(|e| Error::io("cannot write to the terminal", &e))
    }

    /// The terminal as a file of its own, so that what reads from it does not hold on to this.
    fn again(&self) -> Result<File> {
        self.0.try_clone().map_err(|e| Error::io("cannot use the terminal", &e))
    }

    fn hidden(&mut self, reader: &mut Reader<'_>, question: &str) -> Result<Secret> {
        let question =
            look(|theme, text| theme.format_password_prompt(text, &escape::shown(question)));
        match self.answer(reader, &question, false)? {
            typed if typed.is_empty() => {
                self.discard();
                Err(Error::usage("nothing was typed"))
            }
            typed => Ok(typed),
        }
    }

    fn read_line(&mut self, question: &str) -> Result<Secret> {
        let tty = self.again()?;
        self.answer(&mut Reader::of(&tty)?, question, true)
    }

    /// Reads a line byte by byte. Not by the terminal's own line editor, which cuts lines at 4,095
    /// bytes, and which leaves the echo off when Ctrl-C ends the program. There is a reader before the
    /// question: somebody, or a program, may answer at once.
    fn answer(&mut self, reader: &mut Reader<'_>, question: &str, shows: bool) -> Result<Secret> {
        self.say(&format!("{question} "))?;
        let typed = self.keys(reader, shows);
        self.say("\n")?;
        typed
    }

    fn keys(&mut self, reader: &mut Reader<'_>, shows: bool) -> Result<Secret> {
        let mut line = Zeroizing::new(Vec::with_capacity(1024));
        loop {
            let byte = reader.byte()?.ok_or_else(given_up)?;
            let before = columns(&line);
            match edit(&mut line, byte) {
                Edit::More if line.len() <= Secret::MAX => {}
                Edit::More => return Err(Error::usage("a value has at most 16 MiB")),
                Edit::Done => return Ok(Secret::from_bytes(&line)),
                Edit::GiveUp => return Err(given_up()),
            }
            if shows {
                self.redraw(before, &line)?;
            }
        }
    }

    /// Throws away what else was typed. When somebody pastes several lines, those behind the second
    /// would be commands for the shell, and in its history.
    fn discard(&mut self) {
        let Ok(tty) = self.0.try_clone() else { return };
        let Ok(_quiet) = Quiet::enter(&tty) else { return };
        let mut block = Zeroizing::new([0; 4096]);
        for _ in 0..Secret::MAX / block.len() {
            let waiting = &mut [PollFd::new(&tty, PollFlags::IN)];
            let more = poll(waiting, Some(&PASTE_GAP)).is_ok_and(|ready| ready > 0);
            if !more || !(&tty).read(block.as_mut()).is_ok_and(|read| read > 0) {
                return;
            }
        }
    }

    /// Shows a line again that had `before` columns: those are wiped first.
    fn redraw(&mut self, before: usize, line: &[u8]) -> Result<()> {
        let (back, blank) = ("\u{8}".repeat(before), " ".repeat(before));
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
        self.say(&format!("{back}{blank}{back}{}", escape::shown(text)))
    }
}

/// Standard input as the terminal, until dropped: there, or else at the controlling terminal, is where the
/// library looks for keys, and somebody else's terminal does not control us.
struct Keys {
    before: Option<OwnedFd>,
}

impl Keys {
    fn from(tty: &File) -> Self {
        let stdin = std::io::stdin();
        if termios::isatty(&stdin) || File::open("/dev/tty").is_ok() {
            return Self { before: None };
        }
        let before = stdin.as_fd().try_clone_to_owned().ok();
        Self { before: before.filter(|_| rustix::stdio::dup2_stdin(tty).is_ok()) }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // what cannot be put back is the terminal from now on
        let _ = self.before.as_ref().map(rustix::stdio::dup2_stdin);
    }
}

/// One line an item, escaped, no wider than the terminal, and no two alike: a name could be made to
/// look like the escaped form of another.
fn lines(items: &[String], width: usize) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let line = |item: &String| {
        let shown = escape::shown(item);
        let mut line = truncate_str(&shown, width.saturating_sub(8).max(16), "…").into_owned();
        while !seen.insert(line.clone()) {
            line.push('\'');
        }
        line
    };
    items.iter().map(line).collect()
}

/// A paste is over when nothing came for so long.
const PASTE_GAP: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// So many items are shown at once.
const MOST: usize = 12;

/// How wide a line is that was drawn by [`Terminal::redraw`].
fn columns(line: &[u8]) -> usize {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
    unicode_width::UnicodeWidthStr::width(escape::shown(text).as_ref())
}

/// A question as people know it from other programs.
fn look(format: impl FnOnce(&SimpleTheme, &mut String) -> std::fmt::Result) -> String {
    let mut text = String::new();
    // writing to a string does not fail
    let _ = format(&SimpleTheme, &mut text);
    text.trim_end().to_owned()
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

fn given_up() -> Error {
    Error::new(ErrorKind::Aborted, "given up")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_lines_are_alike() {
        let long = "x".repeat(300);
        let items = ["a\u{202e}b", "a\\u{202e}b", &long, &format!("{long}y")].map(str::to_owned);
        let lines = lines(&items, 80);
        assert_eq!(lines[..2], ["a\\u{202e}b", "a\\u{202e}b'"]);
        assert!(lines[2].len() < 80 && lines[2] != lines[3], "{lines:?}");
    }

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
