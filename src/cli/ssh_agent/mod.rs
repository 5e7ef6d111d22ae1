//! `vault ssh-agent`.

mod clients;
mod confirm;
mod wire;

use super::complete;
use super::context::Context;
use super::cred::filter::FilterArgs;
use super::report::Report;
use super::socket::Socket;
use crate::child::{self, Argv, Mask, Start};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::signature::{PublicKey, Wish};
use crate::model::CredName;
use crate::sys::{self, Signals};
use crate::vault::{Errand, Filter, Listed, Unlocked, Vault};
use clap_complete::engine::ArgValueCompleter;
use clients::Desk;
use confirm::Confirm;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Lend your SSH keys to a program, without handing them over
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault ssh-agent -- ssh deploy@web1.example.com
  vault ssh-agent deploy-key -- git push
  vault ssh-agent --client acme --confirm -- bash
  vault ssh-agent --bind ~/.ssh/vault.sock

The program finds the agent by SSH_AUTH_SOCK. Keys are never written anywhere: each signature opens one in
the vault, which stays unlocked until the program ends, and is an entry in the log. Which keys there are is
read at the start, from the field `public_key`.

The exit code is that of the program, or 128 and the number of the signal that ended it; 125 when it was
not started for a reason of ours, 126 when it cannot be started, 127 when there is no such program.")]
pub struct Args {
    /// Only the keys of these credentials; of all if none is named
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(complete::names))]
    names: Vec<CredName>,

    /// Listen here; without a command, until interrupted
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    bind: Option<PathBuf>,

    /// Ask before each signature, through `$SSH_ASKPASS` or on the terminal
    #[arg(long)]
    confirm: bool,

    #[command(flatten)]
    filter: FilterArgs,

    /// The program and its arguments, after `--`
    #[arg(last = true, value_name = "COMMAND", help_heading = "Arguments", value_hint = clap::ValueHint::CommandWithArguments)]
    command: Vec<OsString>,
}

/// Serves the keys.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let program = Argv::of(args.command);
    match (&program, &args.bind) {
        (None, None) => return Err(for_whom()),
        (Some(_), _) => cx.fail_with_code(child::OWN_FAILURE),
        (None, Some(_)) => {}
    }
    let filter = args.filter.filter(cx.world.now())?;
    if filter.kind.as_ref().is_some_and(|kind| kind != SSH) {
        return Err(Error::usage("only credentials of the kind `ssh` have such keys")
            .hint("leave out `--type`"));
    }
    let filter = Filter { kind: Some(SSH.into()), names: args.names, ..filter };
    let confirm = args.confirm.then(|| Confirm::of(cx)).transpose()?;
    let bound = args.bind.as_deref().map(Socket::at).transpose()?;
    let mut vault = cx.unlocked()?;
    let keys = keys(&mut vault, &filter, cx)?;
    let (socket, listener) = bound.map_or_else(|| Socket::private(&cx.world), Ok)?;
    let (events, heard) = mpsc::channel();
    let (confirm, clients) = (confirm.map(Mutex::new), AtomicUsize::new(0));
    let desk = Arc::new(Desk { keys, confirm, clients });
    let _open = confirm::Open::none_yet(&desk);
    clients::serve(listener, desk, events.clone());
    let agent = Agent { vault, events: heard, cx };
    match program {
        Some(program) => agent.attend(&program, &socket, events),
        None => Ok(agent.until_told(&socket)),
    }
}

/// A key that is served.
struct Key {
    name: CredName,
    public: PublicKey,
}

/// The keys that are served. What all threads may know of them.
type Keys = Vec<Key>;

/// What the thread that has the vault waits for.
enum Event {
    /// Somebody wants a signature.
    Asked(Asked),
    /// The program has ended, or was not started.
    Ended(std::io::Result<ExitStatus>),
}

/// What somebody wants, and where the answer goes: none is a refusal.
struct Asked {
    name: CredName,
    wish: Wish,
    program: Option<String>,
    back: Sender<Option<Vec<u8>>>,
}

struct Agent<'c> {
    vault: Vault<Unlocked>,
    events: Receiver<Event>,
    cx: &'c Context,
}

impl Agent<'_> {
    /// Starts the program, and serves until it has ended.
    fn attend(mut self, program: &Argv, socket: &Socket, events: Sender<Event>) -> Result<Report> {
        let found = program.find(self.cx.world.var("PATH"));
        let found = found.map_err(|(error, code)| failed(self.cx, error, code))?;
        let mut command = program.command_at(&found);
        command.envs(child::inherited(&self.cx.world));
        command.env_remove("SSH_AGENT_PID").env("SSH_AUTH_SOCK", socket.path());
        sys::unharden_child(&mut command);
        self.cx.pass_on();
        std::thread::spawn(move || {
            let start = Start { command, secrets: Vec::new(), mask: Mask::Never, has_input: false };
            // nobody listens any more if it was given up
            let _ = events.send(Event::Ended(child::run(start, || Ok(()))));
        });
        loop {
            match self.events.recv() {
                Ok(Event::Asked(asked)) => self.answer(asked),
                Ok(Event::Ended(Ok(status))) => {
                    self.cx.end_as(status);
                    return Ok(Report::Nothing);
                }
                Ok(Event::Ended(Err(why))) => {
                    let (error, code) = child::not_started(found.as_os_str(), &why);
                    return Err(failed(self.cx, error, code));
                }
                Err(_) => return Err(Error::internal("nobody waits for the program")),
            }
        }
    }

    /// Serves until an interrupt or a request to end.
    fn until_told(mut self, socket: &Socket) -> Report {
        let signals = Signals::noted();
        self.cx.note(&format!(
            "listening; use it so: export SSH_AUTH_SOCK={}",
            super::read::quoted(socket.path())
        ));
        while !signals.came() {
            if let Ok(Event::Asked(asked)) = self.events.recv_timeout(MOMENT) {
                self.answer(asked);
            }
        }
        Report::Nothing
    }

    fn answer(&mut self, asked: Asked) {
        let errand = Errand { action: "decrypt", command: asked.program };
        let signature = self.vault.sign(&asked.name, &asked.wish, &errand);
        self.cx.pass_on();
        if let Err(e) = &signature {
            let hint = e.hints().first().map(|hint| format!(" ({hint})")).unwrap_or_default();
            self.cx.warn(&format!("nothing was signed: {e}{hint}"));
        }
        // a client that has gone needs no answer
        let _ = asked.back.send(signature.ok());
    }
}

/// The keys that fit the filter. What else fits is said once, with the reason why it is none.
fn keys(vault: &mut Vault<Unlocked>, filter: &Filter, cx: &Context) -> Result<Keys> {
    let mut keys: Keys = Vec::new();
    let mut seen: Vec<CredName> = Vec::new();
    vault.list(filter, &mut |row| {
        seen.push(row.name()?.parse()?);
        match public_key(row)? {
            Ok(public) if keys.iter().all(|key| key.public != public) => {
                keys.push(Key { name: row.name()?.parse()?, public });
            }
            // the same key under another name
            Ok(_) => {}
            Err(why) => cx.note(&format!("`{}` is not served: it {why}", row.name()?)),
        }
        Ok(())
    })?;
    let missing: Vec<_> = filter.names.iter().filter(|name| !seen.contains(name)).collect();
    match missing[..] {
        [] if keys.is_empty() => Err(none()),
        [] => Ok(keys),
        [name, ..] => Err(Error::new(
            ErrorKind::NotFound,
            format!("`{name}` is no SSH credential, or does not fit the filters"),
        )
        .hint("see which there are: vault cred list --type ssh")),
    }
}

/// The public key of a credential, or why its key is not served; nothing is opened for that.
fn public_key(row: &Listed<'_>) -> Result<std::result::Result<PublicKey, &'static str>> {
    if !row.secrets()?.iter().any(|(field, _)| field.as_str() == "private_key") {
        return Ok(Err("has no private key"));
    }
    let fields = row.fields()?;
    let line = fields.iter().find(|(field, _)| field.as_str() == "public_key");
    Ok(line.map_or(Err(NO_PUBLIC_KEY), |(_, line)| PublicKey::parse(line)))
}

/// The failure of a program that was not started, with its code.
fn failed(cx: &Context, error: Error, code: u8) -> Error {
    cx.fail_with_code(code);
    error
}

fn for_whom() -> Error {
    Error::usage("which program are the keys for?")
        .hint("vault ssh-agent -- COMMAND")
        .hint("or for any that knows the path: vault ssh-agent --bind PATH")
}

fn none() -> Error {
    Error::new(ErrorKind::NotFound, "there is no SSH key to serve")
        .hint("store one: vault cred add NAME --type ssh --file ~/.ssh/id_ed25519")
        .hint("see which there are: vault cred list --type ssh")
}

const SSH: &str = "ssh";
const NO_PUBLIC_KEY: &str = "has no `public_key`; store the line that `ssh-keygen -y` prints: vault cred set NAME --field public_key=LINE";
/// How often is looked whether somebody told us to end.
const MOMENT: Duration = Duration::from_millis(100);
