//! A program beside us: signals are passed on to it, stops are followed, its end is awaited. It stays in
//! our process group, so that the shell we were started from sees one job.

use crate::sys::{Came, Caught};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, waitpid};
use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

/// What is passed on, and the end of the program. The rest does to us what it does to everybody.
const HEARD: [i32; 10] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGCONT,
    libc::SIGWINCH,
    libc::SIGTSTP,
    libc::SIGCHLD,
];

/// Starts the program, and is there for it until it ends.
///
/// # Errors
/// It could not be started.
pub(super) fn run(mut command: Command) -> io::Result<ExitStatus> {
    // before the start, so that nothing is missed; what is ignored stays so, for the program too
    let caught = Caught::these(&HEARD)?;
    let child = command.spawn()?;
    drop(command); // and with it our copies of what was handed over
    let child = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let child = child.ok_or_else(|| io::Error::other("a process without a number"))?;
    loop {
        let came = caught.next()?;
        if is_for(&came, child)
            && let Some(signal) = Signal::from_named_raw(came.signal)
        {
            // it may have ended just now
            let _ = kill_process(child, signal);
        }
        if let Some(status) = look(child)? {
            return Ok(status);
        }
    }
}

/// Whether a signal is to be passed on: what the terminal sends, it sends to the program as well, and
/// what the program itself sends to its group is not meant for it.
fn is_for(came: &Came, child: Pid) -> bool {
    let from_another = came.sender.is_some_and(|sender| sender != child.as_raw_nonzero().get());
    came.signal != libc::SIGCHLD && from_another
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
    if status.stopping_signal() == Some(libc::SIGTSTP) && File::open("/dev/tty").is_ok() {
        kill_process(getpid(), Signal::STOP)?;
    }
    Ok(())
}
