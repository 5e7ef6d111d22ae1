//! Other programs: starting one with what it is to get, and what became of it. Knows nothing of vaults.

pub mod mask;
mod monitor;
mod pumps;
pub mod session;
mod terminal;

use crate::error::{Error, ErrorKind};
use crate::model::Secret;
use crate::world::World;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

/// The code of a run whose program was not started for a reason of ours, as `env` and `timeout` have it.
pub const OWN_FAILURE: u8 = 125;
/// The code when the program is there and cannot be started, as shells have it.
const CANNOT_START: u8 = 126;
/// The code when there is no such program, as shells have it.
const NO_SUCH_PROGRAM: u8 = 127;

/// A program and its arguments, which are handed over as they are, through no shell.
#[derive(Clone, Debug)]
pub struct Argv {
    /// The program: a path, or a name to be looked for in `PATH`.
    pub program: OsString,
    /// What follows it.
    pub args: Vec<OsString>,
}

impl Argv {
    /// Nothing when there is no program among `words`.
    #[must_use]
    pub fn of(words: Vec<OsString>) -> Option<Self> {
        let mut words = words.into_iter();
        let program = words.next().filter(|word| !word.is_empty())?;
        Some(Self { program, args: words.collect() })
    }

    /// The name of the program, without its directory: what the log tells.
    #[must_use]
    pub fn name(&self) -> String {
        let path = std::path::Path::new(&self.program);
        path.file_name().unwrap_or(&self.program).to_string_lossy().into_owned()
    }

    /// The command for it, with nothing in its environment.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear();
        command
    }
}

/// A program that is to be started, with the secrets it was given.
pub struct Start {
    /// The program, its arguments and its environment.
    pub command: Command,
    /// What is to be hidden in its output.
    pub secrets: Vec<Secret>,
    /// Which output.
    pub mask: Mask,
}

/// Which output has secrets hidden in it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum Mask {
    /// What goes to a terminal
    #[default]
    Auto,
    /// Whatever it goes to
    Always,
    /// None
    Never,
}

/// Runs it to its end.
///
/// # Errors
/// It could not be started.
pub fn run(mut start: Start) -> io::Result<ExitStatus> {
    if !session::is_needed(&start.secrets, start.mask) {
        start.secrets.clear();
        return start.command.status();
    }
    session::masked(start, || Ok(()), |mut command| command.status())
}

/// The environment for a child: that of this process, without what is ours.
pub fn inherited(world: &World) -> impl Iterator<Item = (&OsStr, &OsStr)> {
    world.child_env()
}

/// Whether the environment can have a variable of this name.
#[must_use]
pub fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The exit code that stands for how a program ended: its own, or 128 and the number of the signal.
#[must_use]
pub fn code_of(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(OWN_FAILURE)
}

/// What is said when a program could not be started, and the code for it.
#[must_use]
pub fn not_started(program: &OsStr, why: &io::Error) -> (Error, u8) {
    let shown = String::from_utf8_lossy(program.as_bytes());
    match why.kind() {
        io::ErrorKind::NotFound => (
            Error::new(ErrorKind::NotFound, format!("there is no program `{shown}`"))
                .hint("see where it is: command -v NAME"),
            NO_SUCH_PROGRAM,
        ),
        _ => (Error::io(format!("cannot start `{shown}`"), why), CANNOT_START),
    }
}
