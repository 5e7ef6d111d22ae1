//! Signals: those that are noted, those that are passed on, and what they do meanwhile. Knows nothing of
//! programs.

use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};

/// Does `work`, which uses the terminal from the background, without being stopped for it.
pub fn without_background_stop<T>(work: impl FnOnce() -> T) -> T {
    during(libc::SIGTTOU, libc::SIG_IGN, work)
}

/// Signals that would end the process at once are only noted until this is dropped: something must be
/// wiped first. Programs started meanwhile have the signals as usual.
pub struct Signals {
    before: [(libc::c_int, libc::sighandler_t); 4],
}

/// Whether one came that means the process itself. An interrupt is for the program at the terminal.
static TOLD_TO_END: AtomicBool = AtomicBool::new(false);

/// Whether any of them came.
static CAME: AtomicBool = AtomicBool::new(false);

/// How many are noting them: what came while somebody did stays so for those within.
static NOTING: AtomicUsize = AtomicUsize::new(0);

impl Signals {
    /// Notes them from now on.
    #[must_use]
    pub fn noted() -> Self {
        if NOTING.fetch_add(1, Ordering::SeqCst) == 0 {
            TOLD_TO_END.store(false, Ordering::SeqCst);
            CAME.store(false, Ordering::SeqCst);
        }
        let handler = note as extern "C" fn(libc::c_int) as *const () as libc::sighandler_t;
        let before = [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM].map(|signal| {
            // SAFETY: the handler only stores to atomics, which is allowed in a signal context.
            let before = unsafe { libc::signal(signal, handler) };
            if before == libc::SIG_IGN {
                // whoever started us wants that: nohup, or a shell for what runs in the background
                // SAFETY: SIG_IGN installs no handler.
                unsafe { libc::signal(signal, before) };
            }
            (signal, before)
        });
        Self { before }
    }

    /// Whether the process was told to end, by a hang-up or a request to terminate.
    #[must_use]
    pub fn told_to_end(&self) -> bool {
        TOLD_TO_END.load(Ordering::SeqCst)
    }

    /// Whether the process was told to end, or interrupted: for one that has the terminal to itself.
    #[must_use]
    pub fn came(&self) -> bool {
        CAME.load(Ordering::SeqCst)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for (signal, handler) in self.before.iter().filter(|(_, before)| *before != libc::SIG_ERR) {
            // SAFETY: the handler is what was there before, so it is valid.
            unsafe { libc::signal(*signal, *handler) };
        }
        NOTING.fetch_sub(1, Ordering::SeqCst);
    }
}

extern "C" fn note(signal: libc::c_int) {
    CAME.store(true, Ordering::SeqCst);
    if signal == libc::SIGHUP || signal == libc::SIGTERM {
        TOLD_TO_END.store(true, Ordering::SeqCst);
    }
}

/// Lets this process live on when its terminal goes.
pub fn ignore_hang_up() {
    change(libc::SIGHUP, &action(libc::SIG_IGN, 0));
}

/// Stops the process group of this process with `signal`; returns when it is to go on.
pub fn stop_group(signal: libc::c_int) {
    // SAFETY: `kill` takes plain integers.
    during(signal, libc::SIG_DFL, || unsafe { libc::kill(0, signal) });
}

/// Ends or stops this process by `signal`, for whoever looks what ended it. The first process of a container
/// goes on.
pub fn end_by(signal: libc::c_int) {
    // SAFETY: `raise` takes a plain integer.
    during(signal, libc::SIG_DFL, || unsafe { libc::raise(signal) });
}

/// Signals that are told through a socket until this is dropped. One that is ignored stays so.
pub struct Caught {
    reader: UnixStream,
    _writer: UnixStream,
    before: Vec<(libc::c_int, libc::sigaction)>,
}

/// A signal that came.
pub struct Came {
    /// Which one.
    pub signal: libc::c_int,
    /// The process that sent it, if one did (0 if it is of another container), and not a key.
    pub sender: Option<libc::pid_t>,
}

/// Where the handler writes to.
static TELL: AtomicI32 = AtomicI32::new(-1);

impl Caught {
    /// Catches `signals` from now on.
    ///
    /// # Errors
    /// There are no descriptors left.
    pub fn these(signals: &[libc::c_int]) -> io::Result<Self> {
        let (reader, writer) = UnixStream::pair()?;
        TELL.store(writer.as_raw_fd(), Ordering::SeqCst);
        let handler: extern "C" fn(_, _, _) = tell;
        let caught =
            action(handler as *const () as libc::sighandler_t, libc::SA_SIGINFO | libc::SA_RESTART);
        let mut before = Vec::new();
        for signal in signals {
            match change(*signal, &caught) {
                Some(was) if was.sa_sigaction == libc::SIG_IGN => {
                    change(*signal, &was);
                }
                was => before.extend(was.map(|was| (*signal, was))),
            }
        }
        Ok(Self { reader, _writer: writer, before })
    }

    /// The same, unless signals are caught already: whoever does that decides what becomes of them. None, too,
    /// when there are no descriptors left.
    #[must_use]
    pub fn unless_others_do(signals: &[libc::c_int]) -> Option<Self> {
        (TELL.load(Ordering::SeqCst) == -1).then(|| Self::these(signals).ok())?
    }

    /// The next one; waits for it.
    ///
    /// # Errors
    /// There is no socket any more.
    pub fn next(&self) -> io::Result<Came> {
        let mut told = [0; 12];
        (&self.reader).read_exact(&mut told)?;
        let number = |at| i32::from_ne_bytes([told[at], told[at + 1], told[at + 2], told[at + 3]]);
        let sender = (number(4) != 0).then_some(number(8));
        Ok(Came { signal: number(0), sender })
    }

    /// Readable when there is one.
    #[must_use]
    pub fn socket(&self) -> &UnixStream {
        &self.reader
    }

    /// Catches them no more; tells which came that nobody has asked for.
    #[must_use]
    pub fn rest(mut self) -> Vec<libc::c_int> {
        self.give_back();
        match self.reader.set_nonblocking(true) {
            Ok(()) => std::iter::from_fn(|| self.next().ok()).map(|came| came.signal).collect(),
            Err(_) => Vec::new(),
        }
    }

    fn give_back(&mut self) {
        for (signal, was) in self.before.drain(..) {
            change(signal, &was);
        }
        TELL.store(-1, Ordering::SeqCst);
    }
}

impl Drop for Caught {
    fn drop(&mut self) {
        self.give_back();
    }
}

extern "C" fn tell(signal: libc::c_int, about: *const libc::siginfo_t, _: *const libc::c_void) {
    // SAFETY: the system calls this with what it knows of the signal, who sent it included.
    let (code, sender) = unsafe { ((*about).si_code, (*about).si_pid()) };
    // numbers of what comes from the system itself are above that of `kill` on Linux
    let is_sent = if cfg!(target_os = "linux") { code <= 0 } else { sender != 0 };
    let told = [signal, i32::from(is_sent), sender];
    let (to, length) = (TELL.load(Ordering::SeqCst), size_of_val(&told));
    // SAFETY: memory of our own is read; the call does not wait, and hundreds find room. One that is closed
    // is an error that changes nothing.
    unsafe { libc::send(to, told.as_ptr().cast(), length, libc::MSG_DONTWAIT) };
}

/// Does `work` while `signal` is ignored, or does what it usually does.
fn during<T>(signal: libc::c_int, what: libc::sighandler_t, work: impl FnOnce() -> T) -> T {
    let before = change(signal, &action(what, 0));
    let done = work();
    if let Some(before) = before {
        change(signal, &before);
    }
    done
}

/// Lets `signal` do something else; tells what it did.
pub(super) fn change(signal: libc::c_int, to: &libc::sigaction) -> Option<libc::sigaction> {
    let mut before = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: `to` has no handler, one of this file, or what was there before; the old action is written
    // to memory of ours that is large enough.
    let done = unsafe { libc::sigaction(signal, to, before.as_mut_ptr()) };
    // SAFETY: it was written, as the call did not fail.
    (done == 0).then(|| unsafe { before.assume_init() })
}

/// What `handler` is to do, with `flags`.
pub(super) fn action(handler: libc::sighandler_t, flags: libc::c_int) -> libc::sigaction {
    // SAFETY: all bits zero are an action: the default, without flags, blocking nothing.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    (action.sa_sigaction, action.sa_flags) = (handler, flags);
    action
}
