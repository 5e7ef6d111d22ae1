//! A program beside us: signals are passed on to it, stops are followed, its end is awaited. It stays in
//! our process group, so that the shell we were started from sees one job.

use crate::sys;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, waitpid};
use signal_hook::consts::signal::{
    SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SIGWINCH,
};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::origin::WithOrigin;
use signal_hook::low_level::siginfo::{Cause, Origin};
use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

/// What is passed on. The rest does to us what it does to everybody.
const PASSED_ON: [i32; 9] =
    [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH, SIGTSTP];

/// Starts the program, and is there for it until it ends.
///
/// # Errors
/// It could not be started.
pub(super) fn run(mut command: Command) -> io::Result<ExitStatus> {
    // before the start, so that nothing is missed; what is ignored stays so, for the program too
    let heard = PASSED_ON.into_iter().filter(|signal| !sys::is_ignored(*signal));
    let mut signals = SignalsInfo::<WithOrigin>::new(heard.chain([SIGCHLD]))?;
    let child = command.spawn()?;
    drop(command); // and with it our copies of what was handed over
    let child = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let child = child.ok_or_else(|| io::Error::other("a process without a number"))?;
    loop {
        for origin in signals.wait() {
            if is_for(&origin, child)
                && let Some(signal) = Signal::from_named_raw(origin.signal)
            {
                // it may have ended just now
                let _ = kill_process(child, signal);
            }
        }
        if let Some(status) = look(child)? {
            return Ok(status);
        }
    }
}

/// Whether a signal is to be passed on: what the terminal sends, it sends to the program as well, and
/// what the program itself sends to its group is not meant for it.
fn is_for(origin: &Origin, child: Pid) -> bool {
    let from_child =
        origin.process.is_some_and(|sender| sender.pid == child.as_raw_nonzero().get());
    origin.signal != SIGCHLD && origin.cause != Cause::Kernel && !from_child
}

/// What has become of the program, if it has ended. As the first process of a container we bury whoever
/// is left to us, too.
fn look(child: Pid) -> io::Result<Option<ExitStatus>> {
    let whom = if getpid().is_init() { None } else { Some(child) };
    while let Some((pid, status)) = waitpid(whom, WaitOptions::NOHANG | WaitOptions::UNTRACED)? {
        match pid == child {
            true if status.stopped() => follow(status)?,
            true => return Ok(Some(ExitStatus::from_raw(status.as_raw()))),
            false => {}
        }
    }
    Ok(None)
}

/// Stops as the program did at the terminal, so that the shell takes over. When it lets us go on, it lets
/// the whole group.
fn follow(status: WaitStatus) -> io::Result<()> {
    // without a terminal nobody would let us go on
    if status.stopping_signal() == Some(SIGTSTP) && File::open("/dev/tty").is_ok() {
        kill_process(getpid(), Signal::STOP)?;
    }
    Ok(())
}
