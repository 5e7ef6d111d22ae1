//! The command line: it listens, asks and speaks. The path of a command is its file.

#![allow(clippy::needless_pass_by_value, reason = "a command owns its arguments")]

pub mod clipboard;
pub mod complete;
pub mod config;
pub mod context;
pub mod digest;
pub mod editing;
pub mod editor;
pub mod escape;
pub mod html;
pub mod man;
pub mod plugins;
pub mod progress;
pub mod prompt;
pub mod read;
pub mod record;
pub mod render;
pub mod report;
pub mod save;
pub mod scratch;
pub mod selftest;
pub mod sink;
pub mod toml_text;
pub mod unlock;
pub mod usage;
pub mod value;

mod agent;
mod alert_settings;
mod audit;
mod completions;
mod cred;
mod demo;
mod doctor;
mod export;
mod generate;
mod guard;
mod help_topics;
mod helper;
mod import;
mod incident;
mod init;
mod inject;
mod jsonl;
mod key;
mod man_pages;
mod rekey;
mod route;
mod run;
mod showing;
mod socket;
mod speak;
mod ssh_agent;
mod status;
mod tree;
mod trust_state;
mod whose;

use crate::error::{Error, ErrorKind, Result};
use crate::sys;
use crate::world::World;
use clap::{CommandFactory, FromArgMatches};
use context::{Context, Globals};
use render::Format;
use report::Report;
use speak::speak;
use std::ffi::OsString;
use std::io::Write;
use std::mem::ManuallyDrop;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::rc::Rc;

/// Keep credentials of clients, services and machines in one encrypted file, and know who used them
#[derive(clap::Parser)]
#[command(
    name = "vault",
    version,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    infer_long_args = false,
    after_help = "Examples:
  vault init
  vault cred add gitea-admin --username admin --url https://git.example.com
  DB_PASS=$(vault cred get db/main)
  vault audit show --since 7d

`vault help exit-codes` and `vault help environment` explain what scripts need, `vault help config` \
                  what can be configured."
)]
pub struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

tree::commands! {
    enum Command {
        Init(init::Args) leaf "init" "Make a vault",
        Unlock(agent::unlock::Args) leaf "unlock"
            "Keep the vault unlocked for a while: an agent holds the keys, and other commands use it",
        Lock(agent::lock::Args) leaf "lock" "Lock the vault: the agent drops the keys and ends",
        Status(status::Args) leaf "status"
            "Tell where the vault is and how it stands, without unlocking",
        Doctor(doctor::Args) leaf "doctor"
            "Look for problems: files, keys, schema, database and, when unlocked, every row",
        Cred(cred::Command) group "cred" "Keep, find and use credentials",
        Audit(audit::Command) group "audit"
            "See who touched what, when and why, and prove it",
        Incident(incident::Command) group "incident"
            "Write down what happened, which credentials it exposes, and what was done about it",
        Key(key::Command) group "key"
            "Say what opens the vault: passphrases, key files, SSH keys, a sheet of paper",
        Rekey(rekey::Args) leaf "rekey"
            "Give the vault new keys: everything is sealed anew, and old keys open it no more",
        TrustState(trust_state::Args) leaf "trust-state"
            "Accept a vault file that is older than its seal, after you restored it yourself",
        Whose(Box<whose::Args>) leaf "whose"
            "Find out whose secret a leaked text is, and who has read it, without showing any",
        Run(Box<run::Args>) leaf "run" "Start a program with secrets in its environment",
        Helper(helper::Command) group "helper"
            "Answer programs that ask for a secret in a protocol of their own",
        Inject(inject::Args) leaf "inject" "Fill secrets into a template",
        Export(Box<export::Args>) eager "export"
            "Write credentials as a document for other programs",
        SshAgent(Box<ssh_agent::Args>) leaf "ssh-agent"
            "Lend your SSH keys to a program, without handing them over",
        Import(import::Args) eager "import"
            "Store many credentials at once: all of them or none",
        Generate(Box<generate::Args>) eager "generate"
            "Make up passwords, passphrases, PINs, keys; without a vault",
        Completions(completions::Args) leaf "completions"
            "Print the completion script of a shell; it knows the names of your credentials",
        Man(man_pages::Args) leaf "man" "Write the manual pages into a directory",
        Demo(demo::Args) leaf "demo"
            "Walk through the main commands on a vault that is thrown away afterwards",
        Selftest(selftest::Command) group "selftest"
            "Try on this machine whether the program does what it promises",
        Help(help_topics::Args) leaf "help"
            "Explain a command, or a topic: exit-codes, environment, config, references, variables",
    }
}

/// Does what the command line says. A fault of our own ends with code 1, not with the 101 of the
/// language; its one line is the panic hook's.
#[must_use]
pub fn main() -> ExitCode {
    caught(|| start(helper::as_called(std::env::args_os().collect())))
}

fn caught(work: impl FnOnce() -> ExitCode) -> ExitCode {
    // what `work` owned is dropped by then, and so wiped; nothing of it is looked at again
    std::panic::catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| ExitCode::from(ErrorKind::Internal.code()))
}

fn start(args: Vec<OsString>) -> ExitCode {
    if let Some(end) = agent::answer(&args).or_else(|| clipboard::answer(&args)) {
        return end;
    }
    let world = Rc::new(World::real());
    if let Some(end) = guard::answer(&args) {
        return end;
    }
    if let Some(answer) = complete::answer(&args, command, &world) {
        // a shell that has stopped listening is no failure
        let _ = std::io::stdout().write_all(&answer);
        return ExitCode::SUCCESS;
    }
    match parse(&args) {
        Ok(cli) => ended(carried_out(cli, world, args, None)),
        Err(stop) => end(stop, &args),
    }
}

/// The definition of the whole command line: what completions and manual pages are made from.
#[must_use]
pub fn command() -> clap::Command {
    let mut tree = tree::flowing(Cli::command());
    tree.build();
    tree
}

fn parse(args: &[OsString]) -> std::result::Result<Cli, usage::Stop> {
    match tree::pruned(args, || understood(Cli::command(), args)) {
        Err(version) if version.kind() == clap::error::ErrorKind::DisplayVersion => {
            Err(usage::explain(&version, args, command))
        }
        Ok(cli) => Ok(cli),
        // Only the whole tree knows what else could have been meant, and its help lists everything.
        Err(_) => understood(tree::flowing(Cli::command()), args)
            .map_err(|wrong| usage::explain(&wrong, args, command)),
    }
}

fn understood(tree: clap::Command, args: &[OsString]) -> std::result::Result<Cli, clap::Error> {
    // Not dropped: taking the tree apart piece by piece costs as much as a look-up in the vault.
    let mut tree = ManuallyDrop::new(tree);
    let mut matches = tree.try_get_matches_from_mut(args)?;
    Cli::from_arg_matches_mut(&mut matches)
}

/// Ends with that code, or by the interrupt that ended a program.
fn ended((code, was_interrupted): (u8, bool)) -> ExitCode {
    if was_interrupted {
        sys::end_by(libc::SIGINT);
    }
    ExitCode::from(code)
}

/// Carries out a command, here or in the agent, of which `deputy` is one then. The code it ends with, and
/// whether an interrupt has ended it.
fn carried_out(
    cli: Cli,
    world: Rc<World>,
    line: Vec<OsString>,
    deputy: Option<Rc<agent::Deputy>>,
) -> (u8, bool) {
    let mut cx = Context::new(cli.globals, world);
    (cx.line, cx.deputy) = (line, deputy);
    let done = match route::elsewhere(&cli.command, &cx) {
        Ok(Some(ended)) => return ended,
        Ok(None) => dispatch(cli.command, &mut cx),
        Err(error) => Err(error),
    };
    cx.pass_on();
    let answer = done.and_then(|report| speak(&cx, report));
    cx.pass_on(); // rows are read while they are shown
    match answer {
        Ok(()) => {
            cx.say_later();
            let (code, was_interrupted) = (cx.exit_code(), cx.was_interrupted());
            drop(cx); // and with it what is to be wiped
            (code, was_interrupted)
        }
        Err(error) => {
            render::error(&error, cx.format() == Format::Json, &mut std::io::stderr());
            (cx.failure_code(&error), false)
        }
    }
}

fn dispatch(command: Command, cx: &mut Context) -> Result<Report> {
    match command {
        Command::Init(args) => init::run(args, cx),
        Command::Status(args) => status::run(args, cx),
        Command::Doctor(args) => doctor::run(args, cx),
        Command::Cred(command) => cred::run(command, cx),
        Command::Audit(command) => audit::run(command, cx),
        Command::Incident(command) => incident::run(command, cx),
        Command::Key(command) => key::run(command, cx),
        Command::Whose(args) => whose::run(*args, cx),
        Command::Run(args) => run::run(*args, cx),
        Command::Helper(command) => helper::run(command, cx),
        Command::Inject(args) => inject::run(args, cx),
        Command::Export(args) => export::run(*args, cx),
        Command::SshAgent(args) => ssh_agent::run(*args, cx),
        Command::Import(args) => import::run(args, cx),
        Command::Generate(args) => generate::run(*args, cx),
        Command::Completions(args) => completions::run(args, cx),
        Command::Man(args) => man_pages::run(args, cx),
        Command::Demo(args) => demo::run(args, cx),
        Command::Selftest(command) => selftest::run(command, cx),
        Command::Unlock(args) => agent::unlock::run(args, cx),
        Command::Lock(args) => agent::lock::run(args, cx),
        Command::TrustState(args) => trust_state::run(args, cx),
        Command::Rekey(args) => rekey::run(args, cx),
        Command::Help(args) => help_topics::run(args, cx),
    }
}

/// Writes help, or whatever else needs no vault, to standard output.
fn written(text: &[u8]) -> Result<()> {
    let mut out = std::io::stdout();
    heard(out.write_all(text).and_then(|()| out.flush()))
}

/// A reader who has seen enough is no failure; a full disk is.
fn heard(outcome: std::io::Result<()>) -> Result<()> {
    match outcome {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::io("cannot write the answer", &e))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn end(stop: usage::Stop, args: &[OsString]) -> ExitCode {
    let json = usage::wants_json(args);
    match stop {
        usage::Stop::Answer(text) => match written(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error, error.kind().code(), json),
        },
        usage::Stop::Help(text) if !json => {
            let _ = std::io::stderr().write_all(text.as_bytes());
            ExitCode::from(2)
        }
        usage::Stop::Help(_) => {
            fail(&Error::usage("no command given").hint("vault --help"), 2, json)
        }
        usage::Stop::Wrong(error, code) => fail(&error, code, json),
    }
}

fn fail(error: &Error, code: u8, json: bool) -> ExitCode {
    render::error(error, json, &mut std::io::stderr());
    ExitCode::from(code)
}

#[cfg(test)]
mod tests;
