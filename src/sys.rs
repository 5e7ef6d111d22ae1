//! Process hygiene: the only file with `unsafe`. It knows nothing of vaults.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

/// Makes the process a poor place to steal from. Called first, before anything secret is read.
///
/// New files are private, there is no core dump, no debugger of the same user may attach, a full
/// quota is an error and not a signal, and a panic says where it happened but not with which values.
pub fn harden() {
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    UMASK.store(before.as_raw_mode(), Ordering::SeqCst);
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    // Best effort: a container may forbid either, and neither is a reason not to work.
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    // SAFETY: SIG_IGN installs no handler, so no code of ours runs in a signal context; called
    // before any thread is started.
    let before = unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    QUOTA_SIGNAL_IGNORED.store(before == libc::SIG_IGN, Ordering::SeqCst);
    std::panic::set_hook(Box::new(|panic| {
        let at =
            panic.location().map_or_else(String::new, |l| format!(" at {}:{}", l.file(), l.line()));
        let _ = writeln!(io::stderr(), "error: internal fault{at}\nhint: please report it");
    }));
}

/// What programs get that are started after [`unharden`].
static UMASK: AtomicU32 = AtomicU32::new(0o022);
static QUOTA_SIGNAL_IGNORED: AtomicBool = AtomicBool::new(false);

/// Gives back what a program that is started next would inherit and did not ask for: the mask of new
/// files, and the signal for a full quota. Called when nothing is left to be written.
pub fn unharden() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(UMASK.load(Ordering::SeqCst)));
    if !QUOTA_SIGNAL_IGNORED.load(Ordering::SeqCst) {
        // SAFETY: SIG_DFL installs no handler, so no code of ours runs in a signal context.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_DFL) };
    }
}

/// Whether `signal` is ignored, and so will be by the programs that are started.
#[must_use]
pub fn is_ignored(signal: libc::c_int) -> bool {
    let mut now = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action nothing is changed; the old one is written to memory of ours that
    // is large enough, and all bits zero are a value of it should the call fail.
    let now = unsafe {
        libc::sigaction(signal, std::ptr::null(), now.as_mut_ptr());
        now.assume_init()
    };
    now.sa_sigaction == libc::SIG_IGN
}

/// Keeps `fd` from programs that are started, if it is open.
pub fn keep_from_children(fd: RawFd) {
    // SAFETY: fcntl with F_SETFD takes plain integers and touches no memory of ours; for a number that
    // is not an open descriptor it fails with EBADF.
    unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
}

/// Lets the program of `command` have each of `files` under the number beside it, whatever it inherits
/// there otherwise.
///
/// # Errors
/// There are no descriptors left.
pub fn hand_over(command: &mut Command, files: Vec<(OwnedFd, RawFd)>) -> io::Result<()> {
    let mut placed = Vec::with_capacity(files.len());
    for (file, number) in files {
        // Invariant: every number is taken in this process, so that nothing which starts a program uses
        // it meanwhile, and no file is where a later one is to go.
        placed.push((rustix::io::fcntl_dupfd_cloexec(&file, number)?, number));
    }
    let place = move || {
        for (file, number) in &placed {
            // SAFETY: both calls take plain integers and are allowed after fork; what is at `number` is
            // used by nobody in the new process, which is about to become another program.
            let done = unsafe {
                match file.as_raw_fd() == *number {
                    true => libc::fcntl(*number, libc::F_SETFD, 0),
                    false => libc::dup2(file.as_raw_fd(), *number),
                }
            };
            if done < 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: `place` allocates nothing, locks nothing and makes two system calls that are allowed
    // between fork and exec.
    unsafe { command.pre_exec(place) };
    Ok(())
}

/// A second descriptor for the open file behind `fd`; `fd` itself stays open.
///
/// # Errors
/// `fd` is not open, or there are no descriptors left.
pub fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl with F_DUPFD_CLOEXEC takes plain integers and touches no memory of ours; for a
    // number that is not an open descriptor it fails with EBADF.
    let new = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
    if new < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made `new` for us, so it is open and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(new) })
}

/// Closes every descriptor but the three standard ones: for a process that was started with whatever
/// its starter had open, before it opens anything of its own.
pub fn close_inherited() {
    close_all_but(&[]);
}

/// Closes every descriptor but the three standard ones and `kept`: for a copy of this process, which does
/// not return from what it does.
pub fn close_all_but(kept: &[RawFd]) {
    let Ok(list) = std::fs::read_dir("/dev/fd") else {
        return;
    };
    let number = |name: std::ffi::OsString| name.to_str()?.parse::<RawFd>().ok();
    let open: Vec<RawFd> = list.filter_map(|entry| number(entry.ok()?.file_name())).collect();
    for fd in open.into_iter().filter(|fd| *fd > 2 && !kept.contains(fd)) {
        // SAFETY: closing touches no memory of ours, and nothing in this process uses the number: it
        // was inherited, or was that of the list, which is closed by now and so fails with EBADF.
        unsafe { libc::close(fd) };
    }
}

/// Does `work`, which uses the terminal from the background, without being stopped for it.
pub fn without_background_stop<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: SIG_IGN installs no handler, so no code of ours runs in a signal context.
    let before = unsafe { libc::signal(libc::SIGTTOU, libc::SIG_IGN) };
    let done = work();
    // SAFETY: `before` is what was there, set by this function's caller or by nobody: it is valid.
    unsafe { libc::signal(libc::SIGTTOU, before) };
    done
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

impl Signals {
    /// Notes them from now on.
    #[must_use]
    pub fn noted() -> Self {
        TOLD_TO_END.store(false, Ordering::SeqCst);
        CAME.store(false, Ordering::SeqCst);
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
    }
}

extern "C" fn note(signal: libc::c_int) {
    CAME.store(true, Ordering::SeqCst);
    if signal == libc::SIGHUP || signal == libc::SIGTERM {
        TOLD_TO_END.store(true, Ordering::SeqCst);
    }
}

/// Makes a copy of this process; tells its number, and nothing in the copy.
///
/// # Errors
/// There are other threads, which a copy would not have; or no more processes are allowed.
pub fn fork() -> io::Result<Option<i32>> {
    if std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() > 1) {
        return Err(io::Error::other("there are other threads"));
    }
    // SAFETY: this is the only thread, so no lock is held by one that the copy lacks.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        copy => Ok(Some(copy)),
    }
}

/// Ends a copy of this process, without what the original will do at its end.
pub fn end_copy() -> ! {
    // SAFETY: it ends the process at once and runs nothing of ours.
    unsafe { libc::_exit(0) }
}

/// Lets `command`, which has a process group of its own, begin in the foreground of `terminal`.
pub fn begin_in_foreground(command: &mut Command, terminal: OwnedFd) {
    let take = move || {
        // SAFETY: both take plain integers and may be called between fork and exec.
        let taken = without_background_stop(|| unsafe {
            libc::tcsetpgrp(terminal.as_raw_fd(), libc::getpgrp())
        });
        if taken == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    // SAFETY: `take` allocates nothing and takes no lock; it only makes system calls.
    unsafe { command.pre_exec(take) };
}

/// Lets this process live on when its terminal goes.
pub fn ignore_hang_up() {
    // SAFETY: SIG_IGN installs no handler, so no code of ours runs in a signal context.
    unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
}

/// Stops the process group of this process with `signal`; returns when it is to go on.
pub fn stop_group(signal: libc::c_int) {
    // SAFETY: SIG_DFL installs no handler; `kill` takes plain integers.
    unsafe {
        let before = libc::signal(signal, libc::SIG_DFL);
        libc::kill(0, signal);
        if before != libc::SIG_ERR {
            libc::signal(signal, before);
        }
    }
}

/// Signals that are told through a pipe until this is dropped, one byte each. One that is ignored stays so.
pub struct Caught {
    reader: io::PipeReader,
    _writer: io::PipeWriter,
    before: Vec<(libc::c_int, libc::sighandler_t)>,
}

/// Where the handler writes to.
static TELL: AtomicI32 = AtomicI32::new(-1);

impl Caught {
    /// Catches `signals` from now on.
    ///
    /// # Errors
    /// There are no descriptors left.
    pub fn these(signals: &[libc::c_int]) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        TELL.store(writer.as_raw_fd(), Ordering::SeqCst);
        let handler = tell as extern "C" fn(libc::c_int) as *const () as libc::sighandler_t;
        let mut before = Vec::new();
        for signal in signals {
            // SAFETY: the handler only loads an atomic and writes, which is allowed in a signal context.
            let was = unsafe { libc::signal(*signal, handler) };
            if was == libc::SIG_IGN {
                // SAFETY: SIG_IGN installs no handler.
                unsafe { libc::signal(*signal, libc::SIG_IGN) };
            } else if was != libc::SIG_ERR {
                before.push((*signal, was));
            }
        }
        Ok(Self { reader, _writer: writer, before })
    }

    /// Where they can be read.
    #[must_use]
    pub fn pipe(&self) -> &io::PipeReader {
        &self.reader
    }
}

impl Drop for Caught {
    fn drop(&mut self) {
        for (signal, handler) in &self.before {
            // SAFETY: the handler is what was there before, so it is valid.
            unsafe { libc::signal(*signal, *handler) };
        }
        TELL.store(-1, Ordering::SeqCst);
    }
}

/// A pipe takes thousands of these, and they are read at once: the write does not block.
extern "C" fn tell(signal: libc::c_int) {
    let byte = signal.to_ne_bytes()[if cfg!(target_endian = "big") { 3 } else { 0 }];
    // SAFETY: one byte of our own is read; a closed pipe is an error that changes nothing.
    unsafe { libc::write(TELL.load(Ordering::SeqCst), (&raw const byte).cast(), 1) };
}

/// The system's allocator, wiping what is given back: libraries that seal and open leave plaintext
/// in freed buffers otherwise.
struct Wiping;

#[global_allocator]
static ALLOCATOR: Wiping = Wiping;

// SAFETY: every call is passed on to `System` with the arguments it came with, so `System`'s
// guarantees hold; `dealloc` wipes the block first, while it is still ours alone. `realloc` is left
// to the trait's default (allocate, copy, free), so that growth is wiped too.
unsafe impl GlobalAlloc for Wiping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps `alloc`'s contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps `alloc_zeroed`'s contract, which is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller owns `block`, which has `layout.size()` bytes, until `System` has it.
        unsafe {
            wipe(block, layout.size());
            System.dealloc(block, layout);
        }
    }
}

/// Kept out of line: inlined into every drop it would add a megabyte to the program.
///
/// # Safety
/// `block` has `size` bytes that nobody else uses.
#[inline(never)]
unsafe fn wipe(block: *mut u8, size: usize) {
    // SAFETY: the caller's promise. A plain fill is many times faster than volatile writes, and the
    // next line keeps the compiler from leaving it out.
    unsafe { block.write_bytes(0, size) };
    std::hint::black_box(block);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_to_end_is_noted_and_an_interrupt_is_not() {
        let signals = Signals::noted();
        let raise = |signal| rustix::process::kill_process(rustix::process::getpid(), signal);
        raise(rustix::process::Signal::INT).unwrap();
        while !signals.came() {
            std::thread::yield_now(); // another thread may have got it
        }
        assert!(!signals.told_to_end());
        raise(rustix::process::Signal::TERM).unwrap();
        while !signals.told_to_end() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_closed_descriptor_is_an_error() {
        assert!(duplicate(-1).is_err());
        assert!(duplicate(987).is_err());
        assert!(duplicate(2).is_ok());
    }
}
