//! Service managers: in the foreground, and at a socket that was made before.

use crate::Desk;
use crate::support::waiting::{PATIENCE, soon};
use crate::support::{Answer, require};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use std::fs::{self, Permissions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

#[test]
fn in_the_foreground_it_serves_until_told_to_end() {
    let desk = Desk::locked();
    let key = desk.sandbox.path("key");
    let mut unlock = desk.vault(&["--key-file", key.to_str().unwrap(), "unlock", "--foreground"]);
    let child = unlock.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    soon("an agent that serves", || !desk.is_locked());
    assert_eq!(desk.pid(), i32::try_from(child.id()).unwrap());
    let second = desk.run(&["--key-file", key.to_str().unwrap(), "unlock", "--foreground"]);
    assert_eq!(second.code, 13, "{}", second.err);
    crate::signal(desk.pid(), Signal::TERM);
    let ended = Answer::from(child.wait_with_output().unwrap());
    assert_eq!((ended.code, &ended.out[..]), (0, &b""[..]), "{}", ended.all());
    assert_eq!(desk.cause_of_lock(), "signal");
}

#[test]
fn at_a_socket_of_the_service_manager_it_waits_to_be_unlocked() {
    if !require("systemd-socket-activate") {
        return;
    }
    let desk = Desk::unlocked();
    let socket = desk.socket();
    desk.ok(&["lock"]);
    let mut command = desk.sandbox.command("systemd-socket-activate");
    command.arg("-l").arg(&socket);
    for name in ["HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"] {
        command.args(["-E", name]);
    }
    let mut command = desk.dress(command, &[crate::support::VAULT, "unlock", "--foreground"]);
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    soon("a socket", || socket.exists());
    // nobody has unlocked it: others are told so, in time
    let answer = desk.run(&["--no-input", "cred", "get", "db/main"]);
    assert_eq!(answer.code, 12, "{}", answer.err);
    assert_eq!(desk.standing()["state"], "locked");
    desk.unlock(&[]);
    assert_eq!(desk.standing()["pid"], child.id());
    assert_eq!(desk.ok(&["cred", "get", "db/main"]), b"the-value");
    desk.ok(&["lock"]);
    assert!(child.wait().unwrap().success());
    assert!(socket.exists(), "the socket is the service manager's");
}

/// A service manager goes on listening, and starts another one for whoever comes next.
#[test]
fn at_a_socket_that_stays_it_locks_and_is_unlocked_again() {
    let desk = Desk::unlocked();
    let socket = desk.socket();
    desk.ok(&["lock"]);
    let listener = UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, Permissions::from_mode(0o600)).unwrap();
    let is_over = AtomicBool::new(false);
    let begun = Instant::now();
    let serve = || {
        while !is_over.load(Ordering::SeqCst) && begun.elapsed() < 5 * PATIENCE {
            let wait = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
            if poll(&mut [PollFd::new(&listener, PollFlags::IN)], Some(&wait)) == Ok(0) {
                continue;
            }
            let line =
                "exec 3<&0; export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$0\" unlock --foreground";
            let command = desk.sandbox.command("sh");
            let mut agent = desk.dress(command, &["-c", line, crate::support::VAULT]);
            agent.stdin(OwnedFd::from(listener.try_clone().unwrap()));
            assert!(agent.status().unwrap().success());
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(serve);
        for _ in 0..2 {
            desk.unlock(&[]);
            assert_ne!(desk.standing()["pid"], std::process::id());
            assert_eq!(desk.ok(&["cred", "get", "db/main"]), b"the-value");
            let since = Instant::now();
            desk.ok(&["lock"]);
            // it would wait for ten seconds if it did not hear of the end
            assert!(since.elapsed() < Duration::from_secs(9));
        }
        is_over.store(true, Ordering::SeqCst);
    });
    assert_eq!(desk.count("lock"), 3);
}

/// What a unit has for hardening leaves it working.
#[test]
fn it_works_without_privileges_to_gain() {
    if !require("setpriv") {
        return;
    }
    let desk = Desk::locked();
    let key = desk.sandbox.path("key");
    let mut command = desk.sandbox.command("setpriv");
    command.args(["--no-new-privs", crate::support::VAULT]);
    let mut command = desk.dress(command, &["--key-file", key.to_str().unwrap(), "unlock"]);
    assert_eq!(Answer::of(&mut command).code, 0);
    assert_eq!(desk.ok(&["cred", "get", "db/main"]), b"the-value");
}
