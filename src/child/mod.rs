//! Other programs: starting one with what it is to get, and what became of it. Knows nothing of vaults.

pub mod fifo;
pub mod find;
pub mod mask;
pub mod memory;
mod monitor;
mod pumps;
pub mod session;
mod supervise;
mod terminal;

use crate::error::{Error, ErrorKind};
use crate::model::Secret;
use crate::world::World;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
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
        self.command_at(Path::new(&self.program))
    }

    /// The same for a program that was found there; it sees itself called as it was.
    #[must_use]
    pub fn command_at(&self, path: &Path) -> Command {
        let mut command = Command::new(path);
        command.arg0(&self.program).args(&self.args).env_clear();
        command
    }
}

/// A program that is ready to be started.
pub struct Start {
    /// The program with its arguments, environment and descriptors, as it is to be started.
    pub command: Command,
    /// What is not to be seen in its output.
    pub secrets: Vec<Secret>,
    /// In which of its output.
    pub mask: Mask,
    /// Whether it has a standard input of its own, whatever ours is.
    pub has_input: bool,
}

/// Where secrets in the output of a program are made unreadable.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mask {
    /// On terminals; pipes and files get the bytes as they are.
    #[default]
    Auto,
    /// On terminals, in pipes and in files.
    Always,
    /// Nowhere.
    Never,
}

/// Starts the program and waits for its end; signals that are sent to us are passed on. Where its output goes
/// to a terminal and secrets are hidden in it, it gets a terminal of its own; otherwise it stays in our
/// process group. `beside`, which may start threads, is called just before.
///
/// # Errors
/// It could not be started.
pub fn run(mut start: Start, beside: impl FnOnce() -> io::Result<()>) -> io::Result<ExitStatus> {
    if session::is_needed(&start.secrets, start.mask) {
        return session::masked(start, beside, supervise::run);
    }
    start.secrets.clear();
    beside()?;
    supervise::run(start.command)
}

/// Becomes the program; returns only if it cannot.
#[must_use]
pub fn replace(mut command: Command) -> io::Error {
    command.exec()
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
    let error = match why.kind() {
        // it was found before: this is about the program that is to read it
        io::ErrorKind::NotFound if program.as_bytes().contains(&b'/') => Error::new(
            ErrorKind::NotFound,
            format!("cannot start `{shown}`: what runs it is missing"),
        )
        .hint(format!("see what it begins with: head -n 1 {shown}")),
        io::ErrorKind::NotFound => return (find::nowhere(program), NO_SUCH_PROGRAM),
        io::ErrorKind::ArgumentListTooLong => Error::io(format!("cannot start `{shown}`"), why)
            .hint("hand long values over as files: --file VAR=REFERENCE"),
        _ => Error::io(format!("cannot start `{shown}`"), why),
    };
    (error, CANNOT_START)
}
