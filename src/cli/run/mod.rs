//! `vault run`.

mod base;
mod env_file;
mod options;
mod plan;
mod ready;
mod value;

pub use options::Args;

use super::agent::{self, Outcome};
use super::context::Context;
use super::read;
use super::report::Report;
use super::scratch::{self, Scratch};
use crate::child::mask::SHORTEST;
use crate::child::{self, Argv, Mask, Start, fifo, session};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use crate::sys::{self, Signals};
use crate::vault::{Errand, Handed};
use base::Base;
use options::Variables;
use plan::{For, Plan};
use ready::Ready;
use std::os::fd::RawFd;
use std::path::Path;

/// Starts it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    cx.fail_with_code(child::OWN_FAILURE);
    args.check()?;
    let Args { ref variables, ref manner, .. } = args;
    let mut base = Base::read(variables, cx)?;
    let mut plan = Plan::read(&args, &mut base, cx)?;
    let program = Argv::of(args.command).ok_or_else(|| {
        Error::usage("which program is to be started?").hint("vault run --cred NAME -- COMMAND")
    })?;
    let found = program.find(base.var("PATH"));
    let found = found.map_err(|(error, code)| failed(cx, error, code))?;
    scratch::sweep_all(&cx.world);
    let (handed, of) = match deliver(&mut plan, variables, &program, cx)? {
        Delivered::Here(handed, of) => (handed, of),
        // to whoever starts the program, or it was said there what is wrong
        Delivered::Elsewhere => return Ok(Report::Nothing),
    };
    // from here on nothing ends us before what is made now is wiped
    let signals = (!plan.others.is_empty()).then(Signals::noted);
    let mut ready = Ready::make(&plan, &of, handed, cx)?;
    let mut command = program.command_at(&found);
    command.envs(base.plain);
    ready.hand_to(&mut command)?;
    cx.pass_on();
    if signals.as_ref().is_some_and(Signals::came) {
        return Err(Error::new(ErrorKind::Aborted, "told to end; nothing was started"));
    }
    keep_keys(cx);
    sys::unharden();
    if manner.replace {
        let why = child::replace(command);
        return Err(not_started(cx, &found, &why));
    }
    let secrets = std::mem::take(&mut ready.secrets);
    note_short(&secrets, manner.mask, cx);
    cx.pass_on();
    let pipes = std::mem::take(&mut ready.pipes);
    let start = Start { command, secrets, mask: manner.mask, has_input: ready.has_input };
    let ended = child::run(start, || {
        pipes.into_iter().try_for_each(|(path, value)| fifo::serve(path, value))
    });
    if let Some(Err(left)) = ready.scratch.take().map(Scratch::wipe) {
        // how the program ended is what whoever waits for us wants to know
        cx.warn(&format!("{}; {}", left.message(), left.hints().join("; ")));
    }
    cx.end_as(ended.map_err(|why| not_started(cx, &found, &why))?);
    Ok(Report::Nothing)
}

/// Says once that some secrets are too short to be hidden.
fn note_short(secrets: &[Secret], mask: Mask, cx: &Context) {
    let least = SHORTEST;
    if session::applies(mask) && secrets.iter().any(|secret| secret.len() < least) {
        cx.note(&format!("values of less than {least} bytes are not hidden in the output"));
    }
}

/// What became of the values.
enum Delivered {
    Here(Vec<Handed>, Vec<For>),
    Elsewhere,
}

/// What is wanted, and what for; the vault is closed again when this returns.
fn deliver(
    plan: &mut Plan,
    options: &Variables,
    program: &Argv,
    cx: &Context,
) -> Result<Delivered> {
    let has_credentials =
        !options.cred.is_empty() || !options.tag.is_empty() || options.client.is_some();
    let (wants, of) = plan.wants(Vec::new());
    if wants.is_empty() && !has_credentials {
        plan.check_only()?;
        return Ok(Delivered::Here(Vec::new(), Vec::new()));
    }
    match agent::values(cx, &plan.texts)? {
        Outcome::Values(handed) => return Ok(from_agent(handed, of)),
        Outcome::Ended(code, _) => {
            cx.end_with_code(code);
            return Ok(Delivered::Elsewhere);
        }
        Outcome::Nothing => {}
    }
    let mut vault = cx.unlocked()?;
    let (wants, of) = plan.wants(plan::credentials(options, cx, &mut vault)?);
    let errand = Errand { action: "run", command: Some(program.name()) };
    let handed = vault.deliver_chosen(&wants, &errand, |offers| plan.choose(&wants, offers))?;
    if let Some(deputy) = &cx.deputy {
        deputy.hand_back(&handed)?;
        return Ok(Delivered::Elsewhere);
    }
    Ok(Delivered::Here(handed, of))
}

/// Values that the agent has found. It knows which credentials are meant, and they come last.
fn from_agent(handed: Vec<Handed>, mut of: Vec<For>) -> Delivered {
    let wants = handed.iter().map(|one| one.want + 1).max().unwrap_or_default();
    of.resize(wants.max(of.len()), For::Credential);
    Delivered::Here(handed, of)
}

/// Keeps descriptors with our passphrase or key to ourselves, by whichever name they were given.
fn keep_keys(cx: &Context) {
    let named = cx.world.var("VAULT_PASSPHRASE_FD").and_then(|text| text.to_str()?.parse().ok());
    let files = ["VAULT_KEY_FILE", "VAULT_PASSPHRASE_FILE"].map(|name| cx.world.var(name));
    let files = files.into_iter().flatten().map(Path::new).chain(cx.globals.key_file.as_deref());
    let numbers = named.into_iter().chain(files.filter_map(read::descriptor_of));
    numbers.filter(|number: &RawFd| *number > 2).for_each(sys::keep_from_children);
}

fn not_started(cx: &Context, program: &Path, why: &std::io::Error) -> Error {
    let (error, code) = child::not_started(program.as_os_str(), why);
    failed(cx, error, code)
}

fn failed(cx: &Context, error: Error, code: u8) -> Error {
    cx.fail_with_code(code);
    error
}
