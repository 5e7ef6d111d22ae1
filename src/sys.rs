//! Process hygiene: the only module with `unsafe`. It knows nothing of vaults.
#![allow(unsafe_code)]

mod guise;
mod memory;
mod signals;

pub use guise::{
    before_hardening, inherited, put_on_environment, put_on_files, set_before_hardening,
    this_program,
};
pub use memory::{SECRET_MEMORY_MAX, SecretMemory};
pub use signals::{Came, Caught, Signals};
pub use signals::{end_by, ignore_hang_up, stop_group, without_background_stop};

use signals::{action, change};
use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

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
    // where it is ignored, nobody could tell how a program ended
    change(libc::SIGCHLD, &action(libc::SIG_DFL, 0));
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

/// The same for `command` alone: this process goes on with what it has.
pub fn unharden_child(command: &mut Command) {
    let give_back = || {
        unharden();
        Ok(())
    };
    // SAFETY: `give_back` allocates nothing and takes no lock; it reads atomics and makes system calls.
    unsafe { command.pre_exec(give_back) };
}

/// Keeps `fd` from programs that are started, if it is open.
pub fn keep_from_children(fd: RawFd) {
    // SAFETY: fcntl with F_SETFD takes plain integers and touches no memory of ours; for a number that
    // is not an open descriptor it fails with EBADF.
    unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
}

/// Starts something while descriptors that this process was started with, but the three standard ones, are
/// kept from programs; afterwards they are passed on as before. Not by a function between fork and exec, which
/// would make the library look for a shell where the system takes a file for no program.
pub fn without_inherited<T>(start: impl FnOnce() -> T) -> T {
    let inherited = inherited();
    inherited.iter().copied().for_each(keep_from_children);
    let started = start();
    for fd in inherited {
        // SAFETY: as in `keep_from_children`; nothing was set there before.
        unsafe { libc::fcntl(fd, libc::F_SETFD, 0) };
    }
    started
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
    Ok(adopt(new))
}

/// Takes charge of `new`, which the kernel has just made.
fn adopt(new: RawFd) -> OwnedFd {
    // SAFETY: the kernel has just made `new` for us, so it is open and nobody else owns it.
    unsafe { OwnedFd::from_raw_fd(new) }
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

/// Makes a copy of this process; tells its number, and nothing in the copy. Threads that are about to end
/// are waited for.
///
/// # Errors
/// There are other threads, which a copy would not have; or no more processes are allowed.
pub fn fork() -> io::Result<Option<i32>> {
    let wait = || std::thread::sleep(std::time::Duration::from_millis(1));
    if !is_alone() && !(0..200).any(|_| (wait(), is_alone()).1) {
        return Err(io::Error::other("there are other threads"));
    }
    // SAFETY: this is the only thread, so no lock is held by one that the copy lacks.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        copy => Ok(Some(copy)),
    }
}

/// Whether there is no thread but this one, as far as the system tells.
fn is_alone() -> bool {
    !std::fs::read_dir("/proc/self/task").is_ok_and(|all| all.count() > 1)
}

/// Ends a copy of this process with `code`, without what the original will do at its end.
pub fn end_copy(code: i32) -> ! {
    // SAFETY: it ends the process at once and runs nothing of ours.
    unsafe { libc::_exit(code) }
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
    fn a_closed_descriptor_is_an_error() {
        assert!(duplicate(-1).is_err());
        assert!(duplicate(987).is_err());
        assert!(duplicate(2).is_ok());
    }
}
