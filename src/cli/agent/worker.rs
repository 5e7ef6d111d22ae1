//! A worker: a copy of the agent that answers one client and ends. It puts on the client's surroundings and
//! carries out the command as the client would have, but with the keys.

use super::deputy::Deputy;
use super::enter;
use super::held::Held;
use super::left::Left;
use super::renew;
use super::request::{DIRECTORY, Request, Rest, TERMINAL, Verb, read, seen};
use super::serve::{WAS_USED, tell, word};
use super::wire::{Frame, LONGEST, VERSION, frame, list, receive, send};
use crate::cli::context::Context;
use crate::cli::prompt::Terminal;
use crate::cli::socket::peer;
use crate::cli::{self, Cli};
use crate::sys;
use crate::vault::{Place, Purpose};
use crate::world::{Client, World};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, fchdir, geteuid, kill_process};
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::rc::Rc;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a command may take that nobody at a terminal waits for.
const HOUR: Timespec = Timespec { tv_sec: 3600, tv_nsec: 0 };
/// How long one that was told to end may take.
const GRACE: Duration = Duration::from_secs(5);

/// Answers `client`. How the worker is to end.
pub(super) fn serve(
    client: UnixStream,
    agent: &UnixDatagram,
    held: Option<Held>,
    left: Option<&Left>,
    file: Option<(u64, u64)>,
) -> i32 {
    // a copy of what the agent might have drawn from would draw the same as another worker
    if rand::rng().reseed().is_err() {
        return 0;
    }
    let ours = geteuid().as_raw();
    let Some((_, pid)) = peer(&client).filter(|(user, _)| *user == ours) else { return 0 };
    // a client that says nothing, or nonsense, is hung up on
    let Ok((asked, files)) = receive(&client, LONGEST, Some(PATIENCE)) else { return 0 };
    let _ = client.set_read_timeout(None);
    let Some(request) = read(&asked.body).filter(|_| asked.sort == frame::REQUEST) else {
        return 0;
    };
    drop(asked);
    let here = Here { client, agent, held, pid, left, file };
    here.answer(request, files)
}

/// Tells a client whether its keys, or terms, were taken.
pub(super) fn answer_fill(client: &UnixStream, is_taken: bool) {
    // it may not wait any more
    let _ = match is_taken {
        true => send(client, frame::ENDED, &[0, 0], &[]),
        false => send(client, frame::REFUSED, &list([&b"keys"[..], b""]), &[]),
    };
}

struct Here<'a> {
    client: UnixStream,
    agent: &'a UnixDatagram,
    held: Option<Held>,
    pid: Option<i32>,
    left: Option<&'a Left>,
    file: Option<(u64, u64)>,
}

impl Here<'_> {
    /// How the worker is to end.
    fn answer(self, request: Request, files: Vec<OwnedFd>) -> i32 {
        let is_same = request.version == VERSION;
        match (request.verb, request.rest) {
            // any version must be able to have the keys dropped
            (Some(Verb::Lock), rest) => self.lock(rest),
            _ if !is_same => self.refuse("version", VERSION),
            (Some(Verb::Status), _) => self.tell_standing(),
            (Some(Verb::Fill), Some(_)) => self.fill(files),
            (Some(Verb::Renew), Some(rest)) => self.renew(&rest),
            (Some(verb @ (Verb::Run | Verb::Values)), Some(rest)) => self.run(verb, rest, files),
            (None | Some(_), _) => self.refuse("request", ""),
        }
    }

    /// Enters it, and has the agent do it, which answers.
    fn lock(self, rest: Option<Rest>) -> i32 {
        if let Some(held) = &self.held {
            let texts = rest.as_ref().and_then(|rest| rest.texts.first());
            let cause =
                texts.and_then(|text| CAUSES.iter().find(|one| one.as_bytes() == text.expose()));
            let args = rest.as_ref().map(|rest| &rest.args[..]).unwrap_or_default();
            let reason = cli::parse(args).ok().and_then(|cli| cli.globals.reason);
            if let Some(rest) = &rest {
                sys::put_on_environment(&rest.env);
            }
            let client = Client { pid: self.pid, terminal: None };
            let purpose = Purpose { reason, incident: None };
            enter::locked(&held.about, cause.unwrap_or(&CAUSES[0]), Some((client, purpose)));
        }
        let _ = tell(self.agent, word::LOCK, &[], &[self.client.into()]);
        0
    }

    fn tell_standing(self) -> i32 {
        let held = self.held.as_ref();
        let standing = json!({
            "version": VERSION,
            "locked": held.is_none() || self.left.is_some_and(Left::is_up),
            "file": held.map(|held| held.about.file.display().to_string()),
            "slot": held.map(|held| &held.about.terms.slot),
            "since": held.map(|held| held.about.terms.since),
            "idle": held.map(|held| held.about.terms.idle),
            "max": held.map(|held| held.about.terms.max),
            "idle_left": self.left.map(|left| left.idle),
            "max_left": self.left.map(|left| left.max),
            "memory": held.map(Held::memory),
        });
        let _ = send(&self.client, frame::STANDING, standing.to_string().as_bytes(), &[]);
        0
    }

    /// Passes keys on to the agent, which answers.
    fn fill(self, files: Vec<OwnedFd>) -> i32 {
        match files.into_iter().next().filter(|_| self.held.is_none()) {
            Some(keys) => _ = tell(self.agent, word::FILL, &[], &[keys, self.client.into()]),
            None => answer_fill(&self.client, false),
        }
        0
    }

    /// Passes other terms on to the agent, which answers, for a client that shows that it has the keys.
    fn renew(self, rest: &Rest) -> i32 {
        let Some(held) = &self.held else { return self.refuse("locked", "") };
        if held.place().identity() != self.file {
            return self.refuse("vault", "");
        }
        match renew::terms(&self.client, held, rest) {
            Some(terms) => _ = tell(self.agent, word::RENEW, &terms, &[self.client.into()]),
            None => answer_fill(&self.client, false),
        }
        0
    }

    /// Says that it is not done, in a word for programs, and what people should know.
    fn refuse(&self, why: &str, text: &str) -> i32 {
        refuse(&self.client, why, text)
    }

    fn run(mut self, verb: Verb, rest: Rest, files: Vec<OwnedFd>) -> i32 {
        let time_is_up = self.left.is_some_and(Left::is_up);
        let Some(held) = self.held.take().filter(|_| !time_is_up) else {
            return self.refuse("locked", "");
        };
        let place = held.place();
        if rest.file != place.file.as_os_str() {
            return self.refuse("vault", "");
        }
        if rest.seen != seen(&place) || place.identity() != self.file {
            return self.refuse("elsewhere", "");
        }
        let fits = |cli: &Cli| match verb {
            Verb::Values => cli.is_run(),
            Verb::Run | Verb::Status | Verb::Fill | Verb::Renew | Verb::Lock => cli.is_for_agent(),
        };
        match cli::parse(&rest.args).ok().filter(fits) {
            Some(cli) => self.carry_out(verb, cli, held, rest, files).unwrap_or(WAS_USED),
            None => self.refuse("request", ""),
        }
    }

    fn carry_out(
        self,
        verb: Verb,
        cli: Cli,
        held: Held,
        rest: Rest,
        files: Vec<OwnedFd>,
    ) -> io::Result<i32> {
        let (client, agent, terminal) = put_on(self.client, self.agent, &rest, files)?;
        let world = Rc::new(World::real_for(Client { pid: self.pid, terminal }));
        if !names(&cli, &world, &held.place()) {
            return Ok(refuse(&client, "elsewhere", ""));
        }
        tell(&agent, word::USED, &[], &[])?;
        send(&client, frame::ACCEPTED, &[], &[])?;
        let (answer, answers) = mpsc::channel();
        guard(client.try_clone()?, answer, Terminal::open(&world));
        let deputy = Rc::new(Deputy {
            held,
            client: client.try_clone()?,
            answers,
            is_for_values: verb == Verb::Values,
            texts: RefCell::new(rest.texts.into()),
            is_stale: Cell::new(false),
            file: self.file,
        });
        let (code, was_interrupted) =
            cli::carried_out(cli, world, rest.args, Some(Rc::clone(&deputy)));
        if deputy.is_stale.get() {
            let _ = tell(&agent, word::STALE, &[], &[]);
        }
        let _ = io::stdout().flush();
        send(&client, frame::ENDED, &[code, u8::from(was_interrupted)], &[])?;
        Ok(WAS_USED)
    }
}

fn refuse(client: &UnixStream, why: &str, text: &str) -> i32 {
    let body = list([why.as_bytes(), text.as_bytes()]);
    // it may not wait any more
    let _ = send(client, frame::REFUSED, &body, &[]);
    0
}

/// Whether a command is about the vault at `place`, and the seals there: what a request says of that besides
/// its command line and environment may be anything.
fn names(cli: &Cli, world: &Rc<World>, place: &Place) -> bool {
    let cx = Context::new(cli.globals.clone(), Rc::clone(world));
    cx.named_place().is_ok_and(|named| named.is(place))
}

/// Puts on the surroundings of the client. Its connection and the agent's, under other numbers; and its
/// terminal.
fn put_on(
    client: UnixStream,
    agent: &UnixDatagram,
    rest: &Rest,
    files: Vec<OwnedFd>,
) -> io::Result<(UnixStream, UnixDatagram, Option<File>)> {
    if files.len() != rest.numbers.len() || rest.numbers.iter().any(|number| *number > HIGHEST) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let (mut terminal, mut placed) = (None, Vec::new());
    for (file, number) in files.into_iter().zip(&rest.numbers) {
        match *number {
            DIRECTORY => fchdir(&file)?,
            TERMINAL => {
                let isatty = |file: &File| rustix::termios::isatty(file);
                terminal = Some(File::from(file)).filter(isatty);
            }
            number => placed.push((file, number)),
        }
    }
    placed.retain(|(_, number)| *number >= 0);
    let aside = terminal.as_ref().map(AsRawFd::as_raw_fd);
    let kept: Vec<RawFd> =
        [client.as_raw_fd(), agent.as_fd().as_raw_fd()].into_iter().chain(aside).collect();
    let mut kept = sys::put_on_files(placed, &kept)?.into_iter();
    // their numbers may be those of other files by now
    std::mem::forget((client, terminal));
    sys::put_on_environment(&rest.env);
    sys::set_before_hardening(rest.umask.0, rest.umask.1);
    let missing = || io::Error::from(io::ErrorKind::InvalidInput);
    let client = kept.next().map(UnixStream::from).ok_or_else(missing)?;
    let agent = kept.next().map(UnixDatagram::from).ok_or_else(missing)?;
    Ok((client, agent, kept.next().map(File::from)))
}

/// Listens to the client from now on; ends this process when it has gone.
fn guard(client: UnixStream, answer: Sender<Frame>, terminal: Option<Terminal>) {
    let before = terminal.as_ref().and_then(Terminal::settings);
    std::thread::spawn(move || {
        watch(&client, &answer, terminal.is_some());
        if let (Some(terminal), Some(before)) = (&terminal, &before) {
            // what they type next is shown again
            terminal.restore(before);
        }
        end_self(Signal::TERM);
        std::thread::sleep(GRACE);
        end_self(Signal::KILL);
    });
}

/// Passes on what the client sends, until it hangs up or its time is up.
fn watch(client: &UnixStream, answers: &Sender<Frame>, has_terminal: bool) {
    let patience = if has_terminal { None } else { Some(&HOUR) };
    loop {
        let ready = poll(&mut [PollFd::new(client, PollFlags::IN)], patience);
        if matches!(ready, Ok(0)) {
            return;
        }
        let Ok((frame, _)) = receive(client, LONGEST, None) else { return };
        match (frame.sort, &frame.body[..]) {
            (frame::SIGNAL, [number]) => {
                match SIGNALS.iter().find(|one| one.as_raw() == i32::from(*number)) {
                    Some(signal) => end_self(*signal),
                    None => return,
                }
            }
            (frame::EDITED, _) => {
                // nobody waits for one that was not asked for
                let _ = answers.send(frame);
            }
            _ => return,
        }
    }
}

fn end_self(signal: Signal) {
    let own = i32::try_from(std::process::id()).ok().and_then(Pid::from_raw);
    let _ = own.map(|own| kill_process(own, signal));
}

/// What clients may pass on.
const SIGNALS: [Signal; 4] = [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT];
/// Why the keys are dropped, in the words of the log: when somebody asks for it, or does what changes them.
pub(super) const CAUSES: [&str; 3] = ["asked", "keys_changed", "replaced"];
/// The highest number of a descriptor.
const HIGHEST: RawFd = 900;
