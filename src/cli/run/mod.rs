//! `vault run`.

use super::context::Context;
use super::report::Report;
use crate::child::{self, Argv, Mask, Start, session};
use crate::error::{Error, Result};
use crate::model::{Reference, Secret};
use crate::vault::{Errand, Handed, Mode, Want, What};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::str::FromStr;

/// Start a program with secrets in its environment
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault run -e PGPASSWORD=vault://db/main -- psql -h db.example.com -U app shop
  vault run -e TOKEN=vault://github/token -- sh -c 'curl -H \"Authorization: Bearer $TOKEN\" https://api.github.com/user'

The exit code is that of the program, or 128 and the number of the signal that ended it; 125 when it was
not started for a reason of ours, 126 when it cannot be started, 127 when there is no such program.")]
pub struct Args {
    /// Set a variable to what a reference names; may be given several times
    #[arg(short = 'e', long = "env", value_name = "VAR=REFERENCE", value_parser = Assigned::from_str)]
    env: Vec<Assigned>,

    /// Hide secrets in its output: where that goes to a terminal, always, or never
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    mask: Mask,

    /// The program and its arguments, after `--`
    #[arg(last = true, value_name = "COMMAND", value_hint = clap::ValueHint::CommandWithArguments)]
    command: Vec<OsString>,
}

/// Something on the command line that is to be what a reference names.
#[derive(Clone, Debug)]
pub struct Assigned {
    name: String,
    reference: Reference,
}

impl FromStr for Assigned {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, reference) = text.split_once('=').ok_or_else(|| {
            Error::usage("a variable is written as NAME=REFERENCE")
                .hint("-e TOKEN=vault://NAME/FIELD")
        })?;
        if !child::is_variable(name) {
            let what =
                "the name of a variable is letters, digits and `_`, and begins with no digit";
            return Err(Error::usage(what).hint("-e TOKEN=vault://NAME/FIELD"));
        }
        Ok(Self { name: name.to_owned(), reference: reference.parse()? })
    }
}

/// Starts it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    cx.fail_with_code(child::OWN_FAILURE);
    let program = Argv::of(args.command).ok_or_else(|| {
        Error::usage("which program is to be started?")
            .hint("vault run -e VAR=REFERENCE -- COMMAND")
    })?;
    let want =
        |one: &Assigned| Want { what: What::Reference(one.reference.clone()), mode: Mode::Env };
    let wants: Vec<Want> = args.env.iter().map(want).collect();
    let handed = deliver(cx, &wants, &program)?;
    let mut command = program.command();
    command.envs(child::inherited(&cx.world));
    for one in &handed {
        command.env(&args.env[one.want].name, OsStr::from_bytes(one.value.expose()));
    }
    let secrets: Vec<Secret> =
        handed.into_iter().filter(|one| one.is_secret).map(|one| one.value).collect();
    if session::applies(args.mask) && secrets.iter().any(|one| one.len() < child::mask::SHORTEST) {
        let most = child::mask::SHORTEST;
        cx.note(&format!("values of less than {most} bytes are not hidden in the output"));
    }
    cx.pass_on();
    match child::run(Start { command, secrets, mask: args.mask }) {
        Ok(status) => {
            cx.end_with_code(child::code_of(status));
            Ok(Report::Nothing)
        }
        Err(why) => {
            let (error, code) = child::not_started(&program.program, &why);
            cx.fail_with_code(code);
            Err(error)
        }
    }
}

/// What is wanted; the vault is closed again when this returns.
fn deliver(cx: &Context, wants: &[Want], program: &Argv) -> Result<Vec<Handed>> {
    if wants.is_empty() {
        return Ok(Vec::new());
    }
    let errand = Errand { action: "run", command: Some(program.name()) };
    cx.unlocked()?.deliver(wants, &errand)
}
