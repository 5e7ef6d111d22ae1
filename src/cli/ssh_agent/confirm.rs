//! Asking a person before each signature: through the program that is named for that, or on the
//! terminal. Whatever is not a yes is a no.

use super::clients::Desk;
use crate::child;
use crate::cli::context::Context;
use crate::cli::escape;
use crate::cli::prompt::Terminal;
use crate::error::{Error, ErrorKind, Result};
use rustix::termios::Termios;
use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Who is asked.
pub(super) enum Confirm {
    /// A program in the manner of `ssh-askpass`, with the environment that it gets.
    Askpass(OsString, Vec<(OsString, OsString)>),
    /// Whoever is at the terminal.
    Terminal,
}

impl Confirm {
    /// Who can be asked.
    ///
    /// # Errors
    /// Refused (14) when nobody can.
    pub(super) fn of(cx: &Context) -> Result<Self> {
        let never = cx.world.var("SSH_ASKPASS_REQUIRE").is_some_and(|how| how == "never");
        match cx.world.var("SSH_ASKPASS").filter(|_| !never) {
            Some(program) => {
                let env = child::inherited(&cx.world).map(|(k, v)| (k.to_owned(), v.to_owned()));
                Ok(Self::Askpass(program.to_owned(), env.collect()))
            }
            None if cx.terminal().is_some() => Ok(Self::Terminal),
            None => Err(Error::new(
                ErrorKind::Refused,
                "nobody can be asked for confirmation: there is no terminal, and no SSH_ASKPASS",
            )
            .hint("name a program that asks: export SSH_ASKPASS=/usr/bin/ssh-askpass")),
        }
    }

    /// Asks whether `program` may sign with the key of `name`.
    pub(super) fn allows(&self, program: Option<&str>, name: &str) -> bool {
        let program = escape::shown(program.unwrap_or("a program"));
        let question = format!("Let `{program}` sign with the key of `{}`?", escape::shown(name));
        match self {
            Self::Askpass(askpass, env) => {
                let mut command = Command::new(askpass);
                command.arg(question).env_clear().envs(env.iter().map(|(k, v)| (k, v)));
                command.env("SSH_ASKPASS_PROMPT", "confirm");
                let said = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
                said.is_ok_and(|said| said.status.success() && is_yes(&said.stdout))
            }
            Self::Terminal => {
                // from the background nothing can be read: the question would never be answered
                let terminal = Terminal::controlling().filter(Terminal::is_ours);
                terminal.is_some_and(|mut terminal| terminal.confirm(&question).unwrap_or(false))
            }
        }
    }
}

/// Puts the terminal back when we end while a question is still open: it shows nothing of what is typed.
pub(super) struct Open(Arc<Desk>, Option<(Terminal, Termios)>);

impl Open {
    /// As the terminal is before there are questions.
    pub(super) fn none_yet(desk: &Arc<Desk>) -> Self {
        let terminal = desk.confirm.as_ref().and_then(|_| Terminal::controlling());
        let settings =
            terminal.and_then(|terminal| terminal.settings().map(|as_is| (terminal, as_is)));
        Self(Arc::clone(desk), settings)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let is_asked = self
            .0
            .confirm
            .as_ref()
            .is_some_and(|confirm| confirm.try_lock().map_or(true, |_| false));
        if let (true, Some((terminal, before))) = (is_asked, &mut self.1) {
            terminal.restore(before);
            let _ = terminal.say("\n");
        }
    }
}

/// As OpenSSH takes it: nothing, or a yes.
fn is_yes(said: &[u8]) -> bool {
    let line = said.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    line.is_empty() || line.eq_ignore_ascii_case(b"yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_one() {
        for yes in ["", "\n", "yes\n", "YES", "yes\r\n"] {
            assert!(is_yes(yes.as_bytes()), "{yes:?}");
        }
        for no in ["no\n", "y", "yes, please", " yes", "hunter2"] {
            assert!(!is_yes(no.as_bytes()), "{no:?}");
        }
        let asked =
            |program: &str| Confirm::Askpass(program.into(), Vec::new()).allows(None, "deploy");
        assert!(asked("/bin/true"));
        assert!(!asked("/bin/false"));
        assert!(!asked("/no/such/program"));
    }
}
