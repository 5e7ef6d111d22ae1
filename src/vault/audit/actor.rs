//! Who is acting: what the log can know of the user, the machine and the calling programs.

use crate::world::World;
use rustix::fd::AsFd;
use rustix::process::Pid;
use std::fs::File;
use std::io::Read;

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
        let caller = match &world.client {
            None => rustix::process::getppid(),
            Some(client) => {
                client.pid.and_then(Pid::from_raw).and_then(caller).and_then(|(_, by)| by)
            }
        };
        let callers = callers(caller);
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
            program: program(&callers),
            parent: callers.into_iter().next(),
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

/// Who wants it: the nearest caller that is no shell, which only passes on what it was told; if there
/// are none but shells, the nearest.
fn program(callers: &[String]) -> Option<String> {
    let wants = callers.iter().find(|name| !is_shell(name));
    wants.or(callers.first()).cloned()
}

/// The names of the programs that led here, the nearest first, up to the first that is no shell, and
/// no further than [`FAR`].
fn callers(mut pid: Option<Pid>) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(FAR);
    while names.len() < FAR && names.last().is_none_or(|name| is_shell(name)) {
        let Some((name, parent)) = pid.and_then(caller) else { break };
        names.push(name);
        pid = parent;
    }
    names
}

fn is_shell(name: &str) -> bool {
    SHELLS.contains(&name)
}

/// A process's program name and its parent, from the kernel's one-line record
/// (`proc_pid_stat(5)`): `pid (name) state ppid …`. The name may itself hold brackets.
fn caller(pid: Pid) -> Option<(String, Option<Pid>)> {
    let path = format!("/proc/{}/stat", pid.as_raw_nonzero());
    // The kernel makes the line at the first read; all that is wanted stands at its beginning.
    let mut start = [0; 256];
    let length = File::open(path).and_then(|mut file| file.read(&mut start)).ok()?;
    let line = String::from_utf8_lossy(&start[..length]);
    let (head, tail) = line.rsplit_once(')')?;
    let name = short(head.split_once('(')?.1);
    let parent = tail.split_whitespace().nth(1)?.parse().ok();
    Some((name, parent.and_then(Pid::from_raw)))
}

/// An entry stays small whatever the system says.
fn short(text: &str) -> String {
    text.chars().take(255).collect()
}

/// How many callers are looked at.
const FAR: usize = 3;

/// Programs that run others for somebody else.
const SHELLS: &[&str] =
    &["ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "mksh", "sh", "tcsh", "zsh"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_the_nearest_that_is_no_shell() {
        let program = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            super::program(&names)
        };
        assert_eq!(program(&["make", "bash"]).as_deref(), Some("make"));
        assert_eq!(program(&["sh", "bash", "ansible"]).as_deref(), Some("ansible"));
        assert_eq!(program(&["bash", "zsh", "sh"]).as_deref(), Some("bash"));
        assert_eq!(program(&[]), None);
    }

    #[test]
    fn the_chain_ends_somewhere() {
        let own = callers(Some(rustix::process::getpid()));
        assert!((1..=FAR).contains(&own.len()), "{own:?}");
        assert_eq!(callers(None), [""; 0]);
    }
}
