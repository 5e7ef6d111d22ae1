//! Who is acting: what the log can know of the user, the machine and the calling programs.

use crate::world::World;
use rustix::fd::AsFd;
use std::path::Path;

/// Who and where from. Names only; never an argument list.
#[derive(Clone)]
pub(in crate::vault) struct Actor {
    pub(in crate::vault) user: String,
    pub(in crate::vault) uid: u32,
    pub(in crate::vault) host: String,
    pub(in crate::vault) tty: Option<String>,
    pub(in crate::vault) remote: Option<String>,
    pub(in crate::vault) program: Option<String>,
    pub(in crate::vault) parent: Option<String>,
}

impl Actor {
    pub(in crate::vault) fn of_this_process(world: &World) -> Self {
        let uid = rustix::process::getuid().as_raw();
        let (program, grandparent) = caller(rustix::process::getppid());
        Self {
            user: user_name(uid).unwrap_or_else(|| uid.to_string()),
            uid,
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            tty: terminal(),
            remote: world
                .var("SSH_CONNECTION")
                .and_then(|v| v.to_str())
                .and_then(|v| v.split(' ').next())
                .map(short),
            program,
            parent: caller(grandparent).0,
        }
    }
}

/// The system's own record, not `$USER`, which anyone can set.
fn user_name(uid: u32) -> Option<String> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    users.lines().find_map(|line| {
        let mut parts = line.split(':');
        let name = parts.next()?;
        (parts.nth(1)?.parse() == Ok(uid)).then(|| short(name))
    })
}

/// The terminal of the first standard stream that has one.
fn terminal() -> Option<String> {
    use rustix::termios::{isatty, ttyname};
    let (i, o, e) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let name =
        |fd: rustix::fd::BorrowedFd<'_>| isatty(fd).then(|| ttyname(fd, Vec::new()).ok()).flatten();
    let found = name(i.as_fd()).or_else(|| name(o.as_fd())).or_else(|| name(e.as_fd()))?;
    Some(short(&found.to_string_lossy()))
}

/// A process's program name and its parent, from the kernel's one-line record
/// (`proc_pid_stat(5)`): `pid (name) state ppid …`. The name may itself hold brackets.
fn caller(pid: Option<rustix::process::Pid>) -> (Option<String>, Option<rustix::process::Pid>) {
    let read = |pid: rustix::process::Pid| {
        let path = format!("/proc/{}/stat", pid.as_raw_nonzero());
        let bytes = std::fs::read(Path::new(&path)).ok()?;
        let line = String::from_utf8_lossy(&bytes).into_owned();
        let (head, tail) = line.rsplit_once(')')?;
        let name = short(head.split_once('(')?.1);
        let parent = tail.split_whitespace().nth(1)?.parse().ok();
        Some((Some(name), parent.and_then(rustix::process::Pid::from_raw)))
    };
    pid.and_then(read).unwrap_or_default()
}

/// An entry stays small whatever the system says.
fn short(text: &str) -> String {
    text.chars().take(255).collect()
}
