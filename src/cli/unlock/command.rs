//! A passphrase from a shell command: listened to for a while, then ended with all that it started.

use crate::cli::context::Context;
use crate::cli::read::KEY_MAX;
use crate::error::{Error, ErrorKind, Result};
use crate::sys;
use rustix::process::{Pid, Signal, getpgrp, kill_process_group};
use rustix::termios::{tcgetpgrp, tcsetpgrp};
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long a passphrase command may take.
const DEADLINE: Duration = Duration::from_mins(1);

/// The output of a shell command, which sees no VAULT_ variable: a passphrase command that calls
/// `vault` would otherwise call itself for ever.
pub(super) fn run(cx: &Context, command: &OsStr) -> Result<Zeroizing<Vec<u8>>> {
    let failed = |why: &str| {
        Error::new(ErrorKind::Locked, format!("the passphrase command {why}"))
            .hint("try it by hand; it is in VAULT_PASSPHRASE_COMMAND")
    };
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .env_clear()
        .envs(cx.world.child_env())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|_| failed("could not be started"))?;
    let _lent = Lent::to(&child);
    let Some(output) = listen(&mut child, DEADLINE) else {
        end(&mut child);
        return Err(failed("did not answer in time"));
    };
    match child.wait() {
        Ok(status) if status.success() => Ok(output),
        Ok(_) | Err(_) => Err(failed("failed")),
    }
}

/// Ends `child`, which leads a group of processes, and all that it has started in it.
pub fn end(child: &mut Child) {
    if let Some(group) = group_of(child) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

fn group_of(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// The terminal, lent to the group of a child that may want to ask something there; taken back when
/// dropped.
struct Lent {
    terminal: File,
    ours: Pid,
}

impl Lent {
    /// Lends it, if it is ours to lend.
    fn to(child: &Child) -> Option<Self> {
        let terminal = File::options().read(true).write(true).open("/dev/tty").ok()?;
        let ours = getpgrp();
        let theirs = group_of(child)?;
        if tcgetpgrp(&terminal).ok()? != ours {
            return None;
        }
        tcsetpgrp(&terminal, theirs).ok()?;
        // it may have been stopped for reading too early
        let _ = kill_process_group(theirs, Signal::CONT);
        Some(Self { terminal, ours })
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // from the background this is allowed only to who ignores the signal for it
        let _ = sys::without_background_stop(|| tcsetpgrp(&self.terminal, self.ours));
    }
}

/// What `child` writes until it is done, unless that takes longer than `deadline`.
fn listen(child: &mut Child, deadline: Duration) -> Option<Zeroizing<Vec<u8>>> {
    let until = Instant::now() + deadline;
    let pipe = child.stdout.take()?;
    let (hear, heard) = mpsc::channel();
    std::thread::spawn(move || {
        let mut output = Zeroizing::new(Vec::with_capacity(4096));
        let limit = u64::try_from(KEY_MAX).unwrap_or(u64::MAX);
        let read = pipe.take(limit).read_to_end(&mut output);
        // the listener may have given up
        let _ = hear.send(read.map(|_| output));
    });
    let output = heard.recv_timeout(deadline).ok()?.ok()?;
    while Instant::now() < until {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(Duration::from_millis(5)),
            Ok(Some(_)) | Err(_) => return Some(output),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::test_kill_process_group;

    #[test]
    fn a_command_that_hangs_is_given_up() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "sleep 600 & wait"]).stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap();
        let group = group_of(&child).unwrap();
        assert!(listen(&mut child, Duration::from_millis(300)).is_none());
        assert!(test_kill_process_group(group).is_ok());
        end(&mut child);
        // what it had started is gone as well, as soon as somebody has buried it
        let all_gone = (0..6000).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            nobody_runs_in(group)
        });
        assert!(all_gone);
    }

    /// Whether no process of `group` runs; the dead that nobody has buried do not count.
    fn nobody_runs_in(group: Pid) -> bool {
        if test_kill_process_group(group).is_err() {
            return true;
        }
        let stats = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let stats = stats.filter_map(|e| std::fs::read_to_string(e.path().join("stat")).ok());
        let group = group.as_raw_nonzero().to_string();
        let mut members = stats.filter_map(|stat| {
            let after = stat.rsplit_once(") ")?.1;
            let mut words = after.split(' ');
            let (how, _, of) = (words.next()?, words.next()?, words.next()?);
            (of == group).then(|| how.to_owned())
        });
        members.all(|how| how == "Z")
    }
}
