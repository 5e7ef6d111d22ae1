//! The options of `vault run`, as they are written.

use crate::child::{self, Mask};
use crate::cli::complete;
use crate::error::{Error, Result};
use crate::model::{Label, Reference};
use crate::world::leads_to_keys;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap_complete::engine::ArgValueCompleter;
use std::ffi::OsString;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::str::FromStr;

/// Start a program with secrets in its environment
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault run --cred db/main -- psql
  vault run -e GH_TOKEN=vault://github/token -- gh pr list
  vault run --env-file .env --reason 'ticket 42' -- ./deploy
  vault run --file KEY=vault://web/tls/private_key -- sh -c 'openssl pkey -in \"$KEY\" -noout -check'
  vault run --stdin vault://registry -- docker login --username ci --password-stdin
  vault run --clean --fd 3=vault://backup -- restic --password-file /dev/fd/3 snapshots

All references lead somewhere, or nothing is started; `vault help references` tells how they are written.
The program and its arguments are passed on as they are, through no shell. It never gets the variables that
lead to the keys of vault itself (VAULT_KEY…, VAULT_PASSPHRASE…), and the vault is closed before it starts. The log tells which values it got, how,
its name, and the reason.

A file of variables has lines NAME=VALUE. A value may be a reference, a text with {{ REFERENCE }} in it as
`vault inject` takes it, or any text; between single quotes everything stands for itself, between double
quotes \\n, \\t, \\\" and \\\\ do not; nothing is expanded.

The exit code is that of the program, or 128 and the number of the signal that ended it; 125 when it was
not started for a reason of ours, 126 when it cannot be started, 127 when there is no such program.")]
pub struct Args {
    /// The program and its arguments, after `--`
    #[arg(last = true, value_name = "COMMAND", value_hint = clap::ValueHint::CommandWithArguments)]
    pub(super) command: Vec<OsString>,

    #[command(flatten)]
    pub(super) variables: Variables,

    #[command(flatten)]
    pub(super) others: Others,

    #[command(flatten)]
    pub(super) manner: Manner,
}

/// What is in its environment.
#[derive(clap::Args)]
#[command(next_help_heading = "Variables")]
pub struct Variables {
    /// Set a variable to what a reference names; may be given several times
    #[arg(short = 'e', long = "env", value_name = "VAR=REFERENCE")]
    pub(super) env: Vec<Assigned>,

    /// Set the variables that a file names, such as `.env`; may be given several times
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(super) env_file: Vec<PathBuf>,

    /// Set the variables in which programs look for this credential; may be given several times
    #[arg(long, value_name = "NAME", add = ArgValueCompleter::new(complete::names))]
    pub(super) cred: Vec<String>,

    /// The same for all credentials with this tag; if given several times, with all of them
    #[arg(long, value_name = "TAG")]
    pub(super) tag: Vec<Label>,

    /// The same for all credentials of this client
    #[arg(long, value_name = "CLIENT")]
    pub(super) client: Option<String>,

    /// How variables are called: as programs expect them, or after credential and field
    #[arg(long, value_name = "NAMES", action = clap::ArgAction::Set,
          default_value = "customary", hide_default_value = true,
          value_parser = PossibleValuesParser::new(["customary", "full"]).map(|word| word == "full"))]
    pub(super) names: bool,

    /// Of files and credentials only these variables, all of which there must be
    #[arg(long, value_name = "VARS", value_delimiter = ',')]
    pub(super) only: Vec<String>,

    /// Resolve references in the variables that are there already, too
    #[arg(long)]
    pub(super) resolve_env: bool,

    /// Hand on none of the variables that are there already, but PATH, HOME, LANG and the like
    #[arg(long)]
    pub(super) clean: bool,

    /// With `--clean`: exactly these; `LC_*` stands for all that begin so
    #[arg(long, value_name = "VARS", value_delimiter = ',', requires = "clean")]
    pub(super) keep: Option<Vec<String>>,
}

/// What it gets otherwise.
#[derive(clap::Args)]
#[command(next_help_heading = "Files and pipes")]
pub struct Others {
    /// Set a variable to the path of a private file in memory, which is wiped at the end
    #[arg(long, value_name = "VAR=REFERENCE")]
    pub(super) file: Vec<Assigned>,

    /// Set a variable to the path of a named pipe, which can be read once
    #[arg(long, value_name = "VAR=REFERENCE")]
    pub(super) fifo: Vec<Assigned>,

    /// Open a descriptor, 3 to 255, to read the value from; also as /dev/fd/N
    #[arg(long, value_name = "N=REFERENCE")]
    pub(super) fd: Vec<Numbered>,

    /// Let it read the value from standard input
    #[arg(long, value_name = "REFERENCE")]
    pub(super) stdin: Option<Reference>,
}

/// How it is run.
#[derive(clap::Args)]
#[command(next_help_heading = "Manner")]
pub struct Manner {
    /// Make secrets in its output unreadable: on a terminal, always, or never
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_default_value = true,
          value_parser = PossibleValuesParser::new(["auto", "always", "never"]).map(|word| masked(&word)))]
    pub(super) mask: Mask,

    /// Become the program instead of waiting for it; nothing is made unreadable
    #[arg(long)]
    pub(super) replace: bool,
}

/// A variable that is to be what a reference names.
#[derive(Clone, Debug)]
pub struct Assigned {
    pub(super) name: String,
    pub(super) reference: Reference,
}

/// A descriptor on which it is to be.
#[derive(Clone, Debug)]
pub struct Numbered {
    pub(super) number: RawFd,
    pub(super) reference: Reference,
}

impl FromStr for Assigned {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let hint = "write it as TOKEN=vault://NAME/FIELD";
        let (name, reference) = text
            .split_once('=')
            .ok_or_else(|| Error::usage("a variable is written as VAR=REFERENCE").hint(hint))?;
        check_name(name).map_err(|why| Error::usage(why).hint(hint))?;
        Ok(Self { name: name.to_owned(), reference: reference.parse()? })
    }
}

impl FromStr for Numbered {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::usage("a descriptor is written as N=REFERENCE, N from 3 to 255");
        let wrong = || wrong().hint("write it as 3=vault://NAME/FIELD");
        let (number, reference) = text.split_once('=').ok_or_else(wrong)?;
        let number = number.parse().ok().filter(|number| (3..=255).contains(number));
        Ok(Self { number: number.ok_or_else(wrong)?, reference: reference.parse()? })
    }
}

/// Whether a variable of this name can be set for a program.
///
/// # Errors
/// Why not.
pub fn check_name(name: &str) -> std::result::Result<(), &'static str> {
    match child::is_variable(name) {
        false => Err("the name of a variable is letters, digits and `_`, and begins with no digit"),
        true if leads_to_keys(name.as_bytes()) => {
            Err("variables that lead to the keys of vault itself are for no program")
        }
        true => Ok(()),
    }
}

impl Args {
    /// # Errors
    /// Usage (2) for options that cannot be together.
    pub(super) fn check(&self) -> Result<()> {
        let with = |option: &str, why: &str| {
            Err(Error::usage(format!("`--replace` and `{option}` cannot be together: {why}"))
                .hint("leave out `--replace`"))
        };
        let nobody = "nobody would be left to remove what was made for it";
        match &self.manner {
            Manner { replace: false, .. } => Ok(()),
            _ if !self.others.file.is_empty() => with("--file", nobody),
            _ if !self.others.fifo.is_empty() => with("--fifo", nobody),
            Manner { mask: Mask::Always, .. } => {
                with("--mask always", "nobody would be left to read its output")
            }
            Manner { mask: Mask::Auto | Mask::Never, .. } => Ok(()),
        }
    }
}

fn masked(word: &str) -> Mask {
    match word {
        "always" => Mask::Always,
        "never" => Mask::Never,
        _ => Mask::Auto,
    }
}
