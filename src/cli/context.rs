//! What a command may ask of its surroundings: the vault, locked or unlocked; the user; stderr.

use super::agent::Deputy;
use super::guard::Guard;
use super::prompt::Terminal;
use super::render::Format;
use super::{escape, sink, unlock};
use crate::child;
use crate::error::{Error, ErrorKind, Result};
use crate::vault::{Locked, Place, Purpose, State, Unlocked, Vault, Warnings};
use crate::world::World;
use clap::builder::PossibleValuesParser;
use std::cell::{Cell, RefCell};
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::rc::Rc;

/// Options that every command has.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// The vault file [environment: `VAULT_FILE`]
    #[arg(long, global = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub vault: Option<PathBuf>,

    /// Unlock with this key file [environment: `VAULT_KEY_FILE`]
    #[arg(long, global = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub key_file: Option<PathBuf>,

    /// Unlock only the vault with this fingerprint [environment: `VAULT_FINGERPRINT`]
    #[arg(long, global = true, value_name = "FINGERPRINT",
          value_parser = super::unlock::parse_fingerprint)]
    pub pin: Option<String>,

    /// How to answer; a table on a terminal, plain otherwise
    #[arg(long, global = true, value_name = "FORMAT",
          value_parser = PossibleValuesParser::new(["table", "json", "plain"]))]
    pub format: Option<String>,

    /// Answer in JSON, errors too
    #[arg(long, global = true)]
    pub json: bool,

    /// No notes, no warnings, no progress
    #[arg(long, short, global = true)]
    pub quiet: bool,

    /// Never ask; fail instead
    #[arg(long, global = true)]
    pub no_input: bool,

    /// Why: goes into the audit log
    #[arg(long, global = true, value_name = "TEXT", value_parser = reason)]
    pub reason: Option<String>,
}

/// Notes for when the command has said what it did; shared with what is told while it is shown.
pub type Later = Rc<RefCell<Vec<String>>>;

/// The surroundings of one command.
pub struct Context {
    /// Clock, environment, terminal.
    pub world: Rc<World>,
    /// The options every command has.
    pub globals: Globals,
    /// The whole command line.
    pub line: Vec<OsString>,
    /// In the agent: what it has for the command.
    pub deputy: Option<Rc<Deputy>>,
    exit: Cell<Option<u8>>,
    failure: Cell<Option<u8>>,
    interrupted: Cell<bool>,
    raw: Cell<bool>,
    heard: RefCell<Vec<Warnings>>,
    later: Later,
}

impl Context {
    /// The surroundings as `globals` and `world` have them.
    #[must_use]
    pub fn new(globals: Globals, world: Rc<World>) -> Self {
        let (exit, failure, raw) = (Cell::new(None), Cell::new(None), Cell::new(false));
        let (interrupted, heard, later) = (Cell::new(false), RefCell::default(), Later::default());
        let (line, deputy) = (Vec::new(), None);
        Self { world, globals, line, deputy, exit, failure, interrupted, raw, heard, later }
    }

    /// Lets the run end with the code of `kind`, although there is an answer.
    pub fn end_with(&self, kind: ErrorKind) {
        self.end_with_code(kind.code());
    }

    /// Lets the run end with this code when nothing fails any more: that of a program.
    pub fn end_with_code(&self, code: u8) {
        self.exit.set(Some(code));
    }

    /// Lets the run end as a program did: with its code, or by the interrupt that ended it.
    pub fn end_as(&self, status: ExitStatus) {
        self.end_with_code(child::code_of(status));
        self.interrupted.set(status.signal() == Some(libc::SIGINT));
    }

    /// Whether an interrupt has ended the program that was run. It ends us too: a shell goes on with its
    /// loop after a mere code.
    #[must_use]
    pub fn was_interrupted(&self) -> bool {
        self.interrupted.get()
    }

    /// Lets every failure from now on end the run with this code.
    pub fn fail_with_code(&self, code: u8) {
        self.failure.set(Some(code));
    }

    /// The code the run ends with when it fails for `error`.
    #[must_use]
    pub fn failure_code(&self, error: &Error) -> u8 {
        self.failure.get().unwrap_or(error.kind().code())
    }

    /// The code the run ends with when nothing fails any more.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.exit.get().unwrap_or(0)
    }

    /// Lets secrets reach a terminal that they could drive, if `raw`.
    pub fn show_raw(&self, raw: bool) {
        self.raw.set(raw);
    }

    /// Whether secrets may reach a terminal whatever they contain.
    #[must_use]
    pub fn shows_raw(&self) -> bool {
        self.raw.get()
    }

    /// How to answer.
    #[must_use]
    pub fn format(&self) -> Format {
        match self.globals.format.as_deref() {
            _ if self.globals.json => Format::Json,
            Some("json") => Format::Json,
            Some("table") => Format::Table,
            Some("plain") => Format::Plain,
            // `import --format` names what is read
            Some(_) | None if self.world.stdout_is_terminal => Format::Table,
            Some(_) | None => Format::Plain,
        }
    }

    /// Where the vault is.
    ///
    /// # Errors
    /// Usage (2) when there is no home directory to look in.
    pub fn place(&self) -> Result<Place> {
        match &self.deputy {
            Some(deputy) => Ok(deputy.place()),
            None => self.named_place(),
        }
    }

    /// Where the vault is that command line and environment name.
    ///
    /// # Errors
    /// Usage (2) when there is no home directory to look in.
    pub fn named_place(&self) -> Result<Place> {
        let named = self.globals.vault.clone();
        let named = named.or_else(|| self.world.var("VAULT_FILE").map(PathBuf::from));
        let file = named.map_or_else(|| self.world.default_vault_file(), Ok)?;
        Ok(Place { file, state_dir: self.world.state_dir()? })
    }

    /// Why the vault is used.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        Purpose { reason: self.globals.reason.clone(), incident: None }
    }

    /// The vault, without its keys.
    ///
    /// # Errors
    /// Whatever [`Vault::open`] finds.
    pub fn locked(&self) -> Result<Vault<Locked>> {
        let mut vault = Vault::open(&self.place()?, Rc::clone(&self.world), self.purpose())?;
        vault.guard(Rc::new(Guard::new(Rc::clone(&self.world), self.globals.quiet)));
        vault.attach(sink::all(&self.world));
        self.listen(&vault);
        Ok(vault)
    }

    /// The vault, with its keys.
    ///
    /// # Errors
    /// Locked (12) when there is no way to get a key; wrong key (11); whatever opening finds.
    pub fn unlocked(&self) -> Result<Vault<Unlocked>> {
        match &self.deputy {
            Some(deputy) => deputy.unlocked(self),
            None => unlock::vault(self),
        }
    }

    /// Whether a key can be had without asking a person.
    #[must_use]
    pub fn has_key_source(&self) -> bool {
        self.deputy.is_some() || unlock::source(self).is_some()
    }

    /// Whether an agent may be asked: we are none, and nobody has named a key.
    #[must_use]
    pub fn may_use_agent(&self) -> bool {
        self.deputy.is_none() && self.globals.key_file.is_none()
    }

    /// The user's terminal, unless there is none or asking was forbidden.
    #[must_use]
    pub fn terminal(&self) -> Option<Terminal> {
        if self.globals.no_input { None } else { Terminal::open(&self.world) }
    }

    /// Something worth knowing, for people.
    pub fn note(&self, text: &str) {
        self.say("note", text);
    }

    /// Something that may be wrong.
    pub fn warn(&self, text: &str) {
        self.say("warning", text);
    }

    /// A note for when the command has said what it did.
    pub fn note_later(&self, text: impl Into<String>) {
        self.later.borrow_mut().push(text.into());
    }

    /// Where notes go that come up while the answer is shown.
    #[must_use]
    pub fn later(&self) -> Later {
        Rc::clone(&self.later)
    }

    /// Says what was put off.
    pub fn say_later(&self) {
        self.later.take().iter().for_each(|text| self.note(text));
    }

    /// Hears what `vault` will have to say, whatever becomes of it.
    pub fn listen<S: State>(&self, vault: &Vault<S>) {
        self.heard.borrow_mut().push(vault.warnings());
    }

    /// Passes on what vaults had to say until now.
    pub fn pass_on(&self) {
        let heard = self.heard.borrow();
        heard.iter().flat_map(Warnings::take).for_each(|warning| self.warn(&warning));
    }

    /// Asks `question`; a no ends the run.
    ///
    /// # Errors
    /// Aborted (3) at no; refused (14) with `hint` when nobody can be asked.
    pub fn confirm(&self, question: &str, hint: &str) -> Result<()> {
        let Some(mut terminal) = self.terminal() else {
            let what = "this needs a confirmation, and there is no terminal to ask on";
            return Err(Error::new(ErrorKind::Refused, what).hint(hint));
        };
        terminal.go_on(question, "given up, nothing was changed")
    }

    fn say(&self, word: &str, text: &str) {
        if !self.globals.quiet {
            // a closed stderr is no reason to fail
            let _ = writeln!(std::io::stderr(), "{word}: {}", escape::shown(text));
        }
    }
}

fn reason(text: &str) -> Result<String> {
    if text.trim().is_empty() || text.len() > 500 || text.chars().any(char::is_control) {
        return Err(Error::usage("a reason is one line of 1 to 500 bytes"));
    }
    Ok(text.to_owned())
}
