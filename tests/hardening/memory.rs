//! T12. Another process of the same user sees nothing of one that holds keys: from before the key is read,
//! while the keys are there, and while a value waits to be taken. The superuser sees everything; so both are
//! made ordinary users here.

use super::support::leaves::{LEAVES, filled};
use super::support::waiting::come as wait;
use super::support::{Sandbox, missing, require};
use rustix::fs::{FlockOperation, flock};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Tells of each process what could be done to it.
const LOOK: &str = r"
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long
SEIZE = 0x4206
def can(work):
    try:
        return work() is not False
    except OSError:
        return False
for pid in sys.argv[1:]:
    at = '/proc/' + pid + '/'
    done = {
        'environ': lambda: open(at + 'environ', 'rb').read(1),
        'maps': lambda: open(at + 'maps', 'rb').read(1),
        'auxv': lambda: open(at + 'auxv', 'rb').read(1),
        'mem': lambda: os.close(os.open(at + 'mem', os.O_RDONLY)),
        'write': lambda: os.close(os.open(at + 'mem', os.O_RDWR)),
        'fd': lambda: os.listdir(at + 'fd'),
        'attach': lambda: libc.ptrace(SEIZE, int(pid), None, None) == 0,
    }
    print(pid, *[name for name, work in done.items() if can(work)])
";

/// All of that; less where the system lets nobody trace but parents (Yama).
fn everything() -> &'static str {
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope");
    match scope.is_ok_and(|scope| scope.trim() != "0") {
        true => "environ maps auxv fd",
        false => "environ maps auxv mem write fd attach",
    }
}

/// Processes of an ordinary user, and a look at them by another one of his.
struct User {
    sandbox: Sandbox,
    /// The words that begin each of his commands.
    before: Vec<&'static str>,
}

/// Ended when dropped.
struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

impl User {
    fn new(sandbox: Sandbox) -> Option<Self> {
        if !cfg!(target_os = "linux") || !Path::new("/usr/bin/python3").exists() {
            missing("python3 is not installed");
            return None;
        }
        sandbox.program();
        fs::write(sandbox.path("look.py"), LOOK).unwrap();
        let before = sandbox.ordinary()?;
        Some(Self { sandbox, before })
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut all = self.before.iter().copied().chain(words.iter().copied());
        let mut command = self.sandbox.command(all.next().unwrap());
        command.args(all);
        command
    }

    fn start(&self, words: &[&str], set: impl FnOnce(&mut Command) -> &mut Command) -> Held {
        let mut command = self.command(words);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Held(set(&mut command).spawn().unwrap())
    }

    /// What could be done to each of `processes`.
    fn look(&self, processes: &[&Held]) -> BTreeMap<u32, String> {
        let numbers: Vec<String> = processes.iter().map(|held| held.0.id().to_string()).collect();
        let mut command = self.command(&["/usr/bin/python3", "look.py"]);
        let output = command.args(numbers).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told = String::from_utf8(output.stdout).unwrap();
        let line = |line: &str| {
            let (pid, done) = line.split_once(' ').unwrap_or((line, ""));
            (pid.parse().unwrap(), done.to_owned())
        };
        told.lines().map(line).collect()
    }

    /// Nothing could be done to any of them, and none would leave a core.
    #[track_caller]
    fn expect_closed(&self, processes: &[(&str, Held)]) {
        let all: Vec<&Held> = processes.iter().map(|(_, held)| held).collect();
        let done = self.look(&all);
        for (name, held) in processes {
            assert_eq!(done[&held.0.id()], "", "vault {name}");
            let limits = fs::read_to_string(format!("/proc/{}/limits", held.0.id())).unwrap();
            let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
            let words: Vec<_> = core.split_whitespace().collect();
            assert_eq!(words[4..6], ["0", "0"], "vault {name}");
        }
    }
}

/// The writing end of a pipe, once somebody reads it.
fn writer(path: &Path) -> Option<File> {
    File::options().write(true).custom_flags(libc::O_NONBLOCK).open(path).ok()
}

/// Whether a process waits for the lock of the vault.
fn is_queued(held: &Held) -> Option<()> {
    let locks = fs::read_to_string("/proc/locks").unwrap();
    let number = held.0.id().to_string();
    let waits = |line: &str| line.contains("->") && line.split(' ').any(|word| word == number);
    locks.lines().any(waits).then_some(())
}

/// Every command that unlocks is stopped twice: where it waits for its key, which comes through a pipe, and
/// where it has the keys of the vault and waits for its turn.
#[test]
fn no_command_that_holds_keys_can_be_looked_into() {
    let Some(user) = User::new(filled()) else { return };
    let key = fs::read(user.sandbox.path("key")).unwrap();
    let lock = File::open(user.sandbox.path("data/vault/vault.db.lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let leaves: Vec<_> = LEAVES.iter().filter(|leaf| leaf.holds).collect();
    for some in leaves.chunks(60) {
        let mut held = Vec::new();
        let mut pipes = Vec::new();
        for (at, leaf) in some.iter().enumerate() {
            let pipe = user.sandbox.path(&format!("pipe{at}"));
            _ = fs::remove_file(&pipe);
            let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
            rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).unwrap();
            if !user.before.is_empty() {
                std::os::unix::fs::chown(&pipe, Some(65534), None).unwrap();
            }
            let words = [vec!["./vault"], leaf.words()].concat();
            held.push((leaf.path, user.start(&words, |c| c.env("VAULT_KEY_FILE", &pipe))));
            pipes.push(pipe);
        }
        let writers: Vec<File> =
            pipes.iter().zip(some).map(|(pipe, leaf)| wait(leaf.path, || writer(pipe))).collect();
        user.expect_closed(&held);
        for mut writer in writers {
            writer.write_all(&key).unwrap();
        }
        let mut gone = Vec::new();
        for (name, held) in &mut held {
            let ended = |held: &mut Held| held.0.try_wait().unwrap().is_some().then_some(true);
            if wait(name, || is_queued(held).map(|()| false).or_else(|| ended(held))) {
                gone.push(*name);
            }
        }
        assert!(gone.is_empty(), "these did not come so far: {gone:?}");
        user.expect_closed(&held);
    }
}

/// A value that nobody takes stays in memory.
#[test]
fn nor_one_whose_answer_is_not_taken() {
    let sandbox = Sandbox::new();
    sandbox.add("large", &vec![b'x'; 1 << 20]);
    let Some(user) = User::new(sandbox) else { return };
    let mut held = Vec::new();
    let key = user.sandbox.path("key");
    for words in [
        &["./vault", "cred", "get", "large"][..],
        &["./vault", "cred", "show", "large", "--reveal", "--json"],
        &["./vault", "export", "--format", "json", "large"],
    ] {
        let started = user.start(words, |c| c.env("VAULT_KEY_FILE", &key).stdout(Stdio::piped()));
        held.push((words[2], started));
    }
    for (name, held) in &mut held {
        // the first bytes are there, and the rest waits
        use std::io::Read;
        let mut byte = [0];
        held.0.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
        assert!(held.0.try_wait().unwrap().is_none(), "{name} has ended");
    }
    user.expect_closed(&held);
}

/// While a program runs that was given secrets, `vault` is closed. The program itself is an ordinary one:
/// so is said in SECURITY.md.
#[test]
fn a_program_that_was_started_is_as_open_as_any() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    sandbox.ok(&["cred", "add", "k", "--type", "ssh", "--generate=ed25519"], b"");
    let Some(user) = User::new(sandbox) else { return };
    let key = user.sandbox.path("key");
    for words in [
        &["./vault", "run", "--cred", "x", "--", "sleep", "600"][..],
        &["./vault", "ssh-agent", "--", "sleep", "600"],
    ] {
        let held = user.start(words, |c| c.env("VAULT_KEY_FILE", &key));
        let number = held.0.id();
        let child: u32 = wait(words[1], || {
            let children: Vec<_> = fs::read_dir(format!("/proc/{number}/task")).ok()?.collect();
            let children = children.into_iter().flatten();
            let children = children.map(|task| fs::read_to_string(task.path().join("children")));
            let number = children.flatten().find_map(|list| list.trim().parse().ok())?;
            let name = fs::read_to_string(format!("/proc/{number}/comm")).ok()?;
            (name.trim() == "sleep").then_some(number)
        });
        let numbers = [number.to_string(), child.to_string()];
        let output = user.command(&["/usr/bin/python3", "look.py"]).args(numbers).output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        assert_eq!(told, format!("{number}\n{child} {}\n", everything()), "{words:?}");
        rustix::process::kill_process(
            rustix::process::Pid::from_raw(child.cast_signed()).unwrap(),
            rustix::process::Signal::KILL,
        )
        .unwrap();
    }
}

/// The same look at a program that does nothing about it.
#[test]
fn the_look_sees_what_is_open() {
    let Some(user) = User::new(Sandbox::new()) else { return };
    if !require("sleep") {
        return;
    }
    let open = user.start(&["sleep", "600"], |c| c.env("CANARY", "canary"));
    wait("sleep", || {
        let name = fs::read_to_string(format!("/proc/{}/comm", open.0.id())).ok()?;
        (name.trim() == "sleep").then_some(())
    });
    assert_eq!(user.look(&[&open])[&open.0.id()], everything());
}
