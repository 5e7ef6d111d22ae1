//! The clients of the agent: a thread each, so that one that is slow, silent or malicious keeps nobody
//! else waiting. What takes a key is passed on to the one thread that has the vault.

use super::confirm::Confirm;
use super::wire::{self, LONGEST, Question};
use super::{Asked, Event, Keys};
use crate::cli::socket::peer;
use crate::kind::signature::Wish;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What all clients share.
pub(super) struct Desk {
    pub(super) keys: Keys,
    /// Who is asked before each signature, if anybody. One question at a time.
    pub(super) confirm: Option<Mutex<Confirm>>,
    /// How many there are.
    pub(super) clients: AtomicUsize,
}

/// Serves whoever comes, for as long as the process lives.
pub(super) fn serve(listener: UnixListener, desk: Arc<Desk>, events: Sender<Event>) {
    thread::spawn(move || {
        loop {
            match listener.accept() {
                Ok((stream, _)) => admit(stream, &desk, &events),
                // no descriptors are left, say; there will be some again
                Err(_) => thread::sleep(Duration::from_millis(50)),
            }
        }
    });
}

/// Gives a client a thread, unless there are too many, or it is somebody else's.
fn admit(stream: UnixStream, desk: &Arc<Desk>, events: &Sender<Event>) {
    let ours = rustix::process::geteuid().as_raw();
    let Some((_, pid)) = peer(&stream).filter(|(user, _)| *user == ours) else { return };
    let Some(seat) = Seat::take(desk) else { return };
    let client = Client { stream, program: pid.and_then(program), seat, events: events.clone() };
    // without a thread the client is hung up on
    let _ = thread::Builder::new().stack_size(STACK).spawn(move || client.serve());
}

/// One of the places for clients; free again when dropped.
struct Seat(Arc<Desk>);

impl Seat {
    fn take(desk: &Arc<Desk>) -> Option<Self> {
        let seat = Self(Arc::clone(desk));
        (desk.clients.fetch_add(1, Ordering::SeqCst) < MOST).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.clients.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Client {
    stream: UnixStream,
    /// The name of its program.
    program: Option<String>,
    seat: Seat,
    events: Sender<Event>,
}

impl Client {
    /// Until it hangs up, or does not keep to the protocol.
    fn serve(mut self) {
        while let Ok(message) = self.message() {
            let answer = match Question::read(&message) {
                Question::Keys => {
                    wire::keys(self.seat.0.keys.iter().map(|key| (&key.public, key.name.as_str())))
                }
                Question::Signature(wish) => {
                    self.signature(wish).map_or_else(wire::failure, |s| wire::signature(&s))
                }
                Question::Other => wire::failure(),
            };
            if self.answer(&answer).is_err() {
                return;
            }
        }
    }

    /// None if there is no such key, it is not allowed, or it did not work.
    fn signature(&self, wish: Wish) -> Option<Vec<u8>> {
        let key = self.seat.0.keys.iter().find(|key| key.public == wish.key)?;
        if let Some(confirm) = &self.seat.0.confirm {
            let confirm = confirm.lock().ok()?;
            confirm.allows(self.program.as_deref(), key.name.as_str()).then_some(())?;
        }
        let (back, answer) = mpsc::channel();
        let (name, program) = (key.name.clone(), self.program.clone());
        self.events.send(Event::Asked(Asked { name, wish, program, back })).ok()?;
        answer.recv().ok().flatten()
    }

    /// The next message, without its length. A client may be silent for as long as it likes, but not
    /// within a message.
    fn message(&mut self) -> io::Result<Vec<u8>> {
        let mut head = [0; 4];
        self.stream.set_read_timeout(None)?;
        self.stream.read_exact(&mut head[..1])?;
        let until = Instant::now() + PATIENCE;
        self.fill(&mut head[1..], until)?;
        let length = usize::try_from(u32::from_be_bytes(head)).unwrap_or(usize::MAX);
        if !(1..=LONGEST).contains(&length) {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut message = vec![0; length];
        self.fill(&mut message, until)?;
        Ok(message)
    }

    fn fill(&mut self, mut rest: &mut [u8], until: Instant) -> io::Result<()> {
        while !rest.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            self.stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
            match self.stream.read(rest) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => rest = &mut rest[read..],
                Err(e) if e.kind() == ErrorKind::Interrupted && !left.is_zero() => {}
                Err(e) => return Err(e),
            }
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }

    fn answer(&mut self, answer: &[u8]) -> io::Result<()> {
        self.stream.set_write_timeout(Some(PATIENCE))?;
        self.stream.write_all(answer)
    }
}

/// The name of a program that runs.
fn program(pid: i32) -> Option<String> {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(name.trim_end().to_owned())
}

/// So many clients at once; each costs a thread and a descriptor.
const MOST: usize = 256;
/// What a thread has for its calls: it keeps messages elsewhere.
const STACK: usize = 256 << 10;
/// How long a message may take to come, and an answer to be taken.
const PATIENCE: Duration = Duration::from_secs(10);
