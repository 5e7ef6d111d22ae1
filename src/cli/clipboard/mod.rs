//! Ways to a clipboard: that of the desktop, which a process of our own serves, or that of the
//! terminal. Whether there is one is found out before the vault is opened.

mod holder;
mod osc52;

pub use holder::answer;

use super::context::Context;
use super::cred::words;
use super::prompt::Terminal;
use super::report::Cell;
use crate::error::{Error, Result};
use crate::model::{Secret, parse_duration};
use crate::vault::To;
use holder::Holder;
use std::time::Duration;

/// Which clipboard, and for how long.
#[derive(clap::Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "The clipboard")]
pub struct ClipboardArgs {
    /// Clear it after that time (45s), or `never`
    #[arg(long, value_name = "SPAN", value_parser = keep)]
    clear_after: Option<Keep>,

    /// Let the terminal copy it, as over SSH (escape sequence OSC 52)
    #[arg(long)]
    osc52: bool,
}

/// How long a clipboard may keep a value; none is for ever.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Keep(Option<Duration>);

/// A clipboard that is there.
pub struct Clipboard {
    way: Way,
    keep: Keep,
}

enum Way {
    Desktop(Holder),
    Terminal(Terminal),
}

impl ClipboardArgs {
    /// Whether any of them was used.
    #[must_use]
    pub fn given(&self) -> bool {
        self.clear_after.is_some() || self.osc52
    }

    /// Reaches the clipboard; nothing is put there yet.
    ///
    /// # Errors
    /// Unsupported (4) when there is none.
    pub fn open(&self, cx: &Context) -> Result<Clipboard> {
        let keep = self.clear_after.unwrap_or(Keep(Some(USUAL)));
        let way = match self.osc52 {
            true => Way::Terminal(osc52::terminal(cx)?),
            false => Way::Desktop(Holder::start(&cx.world, keep)?),
        };
        Ok(Clipboard { way, keep })
    }
}

impl Clipboard {
    /// Which it is, for the log.
    #[must_use]
    pub fn to(&self) -> To {
        match self.way {
            Way::Desktop(_) => To::Clipboard,
            Way::Terminal(_) => To::Terminal,
        }
    }

    /// Puts `value` there; what becomes of it then, for people.
    ///
    /// # Errors
    /// Unsupported (4) when the clipboard has gone or refuses; I/O (18).
    pub fn put(self, value: &Secret, cx: &Context) -> Result<String> {
        let until = match self.keep.0 {
            None => "until something else is copied".to_owned(),
            Some(span) => format!("for {}", shown(span)),
        };
        match self.way {
            Way::Desktop(holder) => {
                holder.take(value)?;
                Ok(format!("to the clipboard, {until}"))
            }
            Way::Terminal(terminal) => {
                osc52::copy(terminal, value, self.keep, cx)?;
                Ok(format!("to the clipboard of the terminal, if it allows that, {until}"))
            }
        }
    }

    /// What is known of it, for programs.
    #[must_use]
    pub fn item(&self) -> Vec<(&'static str, Cell<'static>)> {
        let span = self.keep.0.and_then(|span| i64::try_from(span.as_secs()).ok());
        let clear_after = span.map_or(Cell::None, Cell::Int);
        vec![("to", Cell::owned(self.to().word())), ("clear_after", clear_after)]
    }
}

fn keep(text: &str) -> Result<Keep> {
    if text == "never" {
        return Ok(Keep(None));
    }
    let seconds = parse_duration(text).map_err(|e| e.hint("or `never`"))?;
    let seconds = u64::try_from(seconds).map_err(|_| Error::internal("a negative span"))?;
    Ok(Keep(Some(Duration::from_secs(seconds))))
}

fn shown(span: Duration) -> String {
    i64::try_from(span.as_secs()).map_or_else(|_| "ever".to_owned(), words)
}

/// How long a value stays when nobody says otherwise.
const USUAL: Duration = Duration::from_secs(45);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_never() {
        assert_eq!(keep("45s").unwrap(), Keep(Some(USUAL)));
        assert_eq!(keep("never").unwrap(), Keep(None));
        for bad in ["", "45", "-1s", "0s", "soon", "Never"] {
            assert!(keep(bad).is_err(), "{bad}");
        }
        assert_eq!(shown(Duration::from_secs(90)), "90s");
        assert_eq!(shown(Duration::from_mins(2)), "2m");
    }
}
