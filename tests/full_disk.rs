//! A disk that is full, a file size that is limited, a place that cannot be written, no home, no
//! terminal: one clear line with a hint and its exit code, nothing handed out without an entry,
//! nothing lost, and everything works again at once when the cause is gone.

#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by panicking, says what it skips, and has surroundings of its own"
)]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use support::commands::{ADD, IMPORTED};
use support::oracle::{Case, Outcome, base, judge};
use support::{Answer, Sandbox, VAULT, require, unable};

/// An ordinary user, when the tests are run by root.
const NOBODY: u32 = 65_534;
/// Not a divisor of the page size, so that writes end within pages.
const STEP: u64 = 3_000;

fn cases() -> Vec<Case> {
    let base = base();
    let set = &["cred", "set", "alpha", "password", "--stdin"];
    vec![
        Case::new("add", ADD, b"the-secret-of-delta", &base),
        Case::new("set", set, b"a new secret", &base),
        Case::new("get", &["cred", "get", "alpha"], b"", &base),
        Case::new("rm", &["cred", "rm", "gamma"], b"", &base),
        Case::new("purge", &["cred", "purge", "junk", "--yes"], b"", &base),
        Case::new("import", &["import", "--format", "jsonl"], IMPORTED, &base),
        Case::new("rekey", &["rekey", "--yes"], b"", &base),
        Case::init(),
    ]
}

/// What was said of a disk without room: exit 18, a line, a hint; and the rest is in order.
fn check(case: &Case, answer: Answer, sandbox: &Sandbox, what: &str) -> bool {
    let full = answer.code != 0;
    if full {
        assert_eq!(answer.code, 18, "{what}: {}", answer.err);
        assert!(answer.err.starts_with("error: "), "{what}: {}", answer.err);
        assert!(answer.err.contains("\nhint: "), "{what}: {}", answer.err);
        assert!(answer.out.is_empty(), "{what}");
    }
    let outcome = Outcome {
        code: Some(answer.code),
        out: answer.out,
        err: answer.err,
        fired: full,
        hung: false,
        lasting: false,
    };
    judge(case, &outcome, sandbox)
        .unwrap_or_else(|why| panic!("{what}: {why}; {:?} {}", outcome.code, outcome.err));
    full
}

#[test]
fn a_limited_file_size() {
    if !require("prlimit") {
        return;
    }
    let mut failed = 0;
    for case in cases() {
        for limit in 0.. {
            let sandbox = case.base.copy();
            let limit = limit * STEP;
            let mut command = sandbox.command("prlimit");
            command.arg(format!("--fsize={limit}")).arg(VAULT).args(case.args);
            let answer = Answer::fed(&mut command, case.input);
            let what = format!("{} with files of at most {limit} bytes", case.title);
            if !check(&case, answer, &sandbox, &what) {
                break;
            }
            assert!(limit < 1 << 20, "{what}");
            failed += 1;
        }
    }
    eprintln!("{failed} runs without room");
    assert!(failed > 50);
}

/// A small file system in memory, taken away again with the test.
struct Disk(PathBuf);

impl Disk {
    /// Puts a file system of `size` bytes at `path`, unless that is not permitted.
    fn at(path: &Path, size: usize) -> Option<Self> {
        let size = format!("size={size},mode=700");
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", &size, "vault-test"]).arg(path).output();
        let mounted = mounted.is_ok_and(|output| output.status.success())
            || unable("a file system cannot be mounted here");
        mounted.then(|| Self(path.to_owned()))
    }

    fn read_only(&self) -> bool {
        let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(&self.0).output();
        remounted.is_ok_and(|output| output.status.success())
    }

    /// Leaves room for `free` bytes.
    fn fill(&self, free: usize) {
        use std::io::Write;
        let mut filler = fs::File::create(self.0.join("filler")).unwrap();
        while filler.write_all(&[0; 4096]).is_ok() {}
        let length = filler.metadata().unwrap().len();
        filler.set_len(length.saturating_sub(free as u64)).unwrap();
    }

    fn make_room(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Puts the files of a sandbox onto a disk of their own.
fn on_a_disk(base: &Sandbox, size: usize) -> Option<(Sandbox, Disk)> {
    let sandbox = Sandbox::fast();
    let disk = Disk::at(&sandbox.path("data"), size)?;
    base.copy_into(&sandbox);
    Some((sandbox, disk))
}

#[test]
fn a_full_disk() {
    if !(require("mount") && is_root()) {
        return;
    }
    let mut failed = 0;
    for case in cases() {
        for free in (0..).step_by(4096) {
            let Some((sandbox, disk)) = on_a_disk(&case.base, 1 << 20) else { return };
            disk.fill(free);
            let answer = sandbox.run_in(case.args, case.input);
            disk.make_room();
            let what = format!("{} with {free} bytes left", case.title);
            if !check(&case, answer, &sandbox, &what) {
                break;
            }
            failed += 1;
        }
    }
    eprintln!("{failed} runs without room");
    assert!(failed > 20);
}

/// What a rekey needs is there before it begins, or it does not begin.
#[test]
fn a_rekey_that_has_no_room_does_not_begin() {
    if !(require("mount") && is_root()) {
        return;
    }
    let base = Sandbox::fast();
    base.ok(&["init"], b"");
    base.add("large", &vec![b'x'; 700 << 10]);
    let Some((sandbox, disk)) = on_a_disk(&base, 8 << 20) else { return };
    let content = sandbox.content();
    let (entries, written) = (sandbox.entries(), support::files(&sandbox.path("data")));
    let size = |paths: &[PathBuf]| paths.iter().map(|p| p.metadata().unwrap().len()).sum::<u64>();
    let (before, rekeyed) = (size(&written), &["rekey", "--yes"]);
    disk.fill(1 << 20);
    let answer = sandbox.run(rekeyed);
    refused(&answer, "a rekey needs");
    assert!(answer.err.contains("MiB are free") && answer.err.contains("df -h"), "{answer:?}");
    assert_eq!((sandbox.content(), sandbox.entries()), (content, entries));
    let after = size(&written);
    assert!(after < before + (64 << 10), "{before} -> {after}");
    // it says what it needs, and no more
    let needed = answer.err.split_once("needs ").unwrap().1.split(' ').next().unwrap();
    let needed: usize = needed.parse().unwrap();
    disk.make_room();
    disk.fill(needed << 20);
    let answer = sandbox.run(rekeyed);
    assert_eq!(answer.code, 0, "{answer:?}");
    let got = sandbox.ok(&["cred", "get", "large"], b"");
    assert_eq!(got.len(), 700 << 10);
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root() || unable("only root may mount a file system")
}

/// Runs a command as an ordinary user, to whom permissions apply.
fn as_nobody(sandbox: &Sandbox, args: &[&str]) -> Answer {
    if !rustix::process::geteuid().is_root() {
        return sandbox.run(args);
    }
    // the program may be where nobody may look
    let program = sandbox.program();
    let mut command = sandbox.command("setpriv");
    let nobody = NOBODY.to_string();
    command.args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups"]);
    Answer::of(command.arg(program).args(args))
}

fn give_to_nobody(path: &Path) {
    if rustix::process::geteuid().is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                give_to_nobody(&entry.unwrap().path());
            }
        }
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Exit 18, a line that names the cause, a hint, and not a byte of the secret.
fn refused(answer: &Answer, cause: &str) {
    assert_eq!(answer.code, 18, "{answer:?}");
    assert!(answer.err.contains(cause), "{answer:?}");
    assert!(answer.err.contains("\nhint: "), "{answer:?}");
    assert!(answer.out.is_empty(), "{answer:?}");
}

#[test]
fn what_cannot_be_written_is_not_read() {
    if !require("setpriv") {
        return;
    }
    for (path, mode) in [
        ("data/vault", 0o500),
        ("data/vault/vault.db", 0o400),
        ("data/vault/vault.db-wal", 0o400),
        ("data/vault/vault.db.lock", 0o400),
    ] {
        let sandbox = Sandbox::fast();
        sandbox.ok(&["init"], b"");
        sandbox.add("a", b"secret");
        if mode == 0o500 {
            // nothing of what a writer makes is there
            fs::remove_file(sandbox.path("data/vault/vault.db-shm")).unwrap();
        }
        give_to_nobody(sandbox.root());
        let path = sandbox.path(path);
        let before = path.metadata().unwrap().permissions().mode();
        set_mode(&path, mode);
        let answer = as_nobody(&sandbox, &["cred", "get", "a"]);
        refused(&answer, "writ");
        set_mode(&path, before);
        let answer = as_nobody(&sandbox, &["cred", "get", "a"]);
        assert_eq!((answer.code, &answer.out[..]), (0, &b"secret"[..]), "{answer:?}");
    }
}

#[test]
fn a_new_vault_where_nothing_can_be_made() {
    if !require("setpriv") {
        return;
    }
    for dir in ["data", "state"] {
        let sandbox = Sandbox::fast();
        give_to_nobody(sandbox.root());
        set_mode(&sandbox.path(dir), 0o500);
        let answer = as_nobody(&sandbox, &["init"]);
        assert_eq!(answer.code, 18, "{answer:?}");
        assert!(answer.err.contains("permission denied"), "{answer:?}");
        assert!(!sandbox.database().exists());
        // a key file that was made stays, whole, for the next attempt
        set_mode(&sandbox.path(dir), 0o700);
        assert_eq!(as_nobody(&sandbox, &["init"]).code, 0);
    }
}

#[test]
fn a_read_only_file_system() {
    if !(require("mount") && is_root()) {
        return;
    }
    let base = base();
    let Some((sandbox, disk)) = on_a_disk(&base, 4 << 20) else { return };
    sandbox.ok(&["cred", "get", "alpha"], b"");
    if !disk.read_only() {
        unable("a file system cannot be made read-only here");
        return;
    }
    for args in [&["cred", "get", "alpha"][..], &["cred", "rm", "alpha"], &["cred", "list"]] {
        refused(&sandbox.run(args), "writ");
    }
    let made = sandbox.run(&["--vault", "data/other.db", "init"]);
    assert_eq!(made.code, 18, "{made:?}");
    assert!(made.err.contains("read-only"), "{made:?}");
}

#[test]
fn no_home() {
    let sandbox = Sandbox::fast();
    for args in [&["init"][..], &["status"], &["cred", "get", "a"], &["cred", "list"]] {
        let mut command = sandbox.command(VAULT);
        command.args(args).env_remove("HOME").env_remove("XDG_DATA_HOME");
        command.env_remove("XDG_STATE_HOME").env_remove("VAULT_KEY_FILE");
        let answer = Answer::of(&mut command);
        assert_eq!(answer.code, 2, "{answer:?}");
        assert!(answer.err.contains("no home directory"), "{answer:?}");
        assert!(answer.err.contains("\nhint: set HOME"), "{answer:?}");
    }
    assert!(!sandbox.database().exists());
}

#[test]
fn no_terminal() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::fast();
    sandbox.ok(&["init"], b"");
    sandbox.add("a", b"secret");
    let detached = |args: &[&str], keyed: bool| {
        let mut command = sandbox.command("setsid");
        command.args(["-w", VAULT]).args(args);
        if !keyed {
            command.env_remove("VAULT_KEY_FILE");
        }
        Answer::of(&mut command)
    };
    for (args, keyed, code) in [
        (&["cred", "get", "a"][..], false, 12),
        (&["cred", "get", "a"][..], true, 0),
        (&["--vault", "other.db", "init"][..], false, 12),
        (&["cred", "purge", "a"][..], true, 14),
    ] {
        let answer = detached(args, keyed);
        assert_eq!(answer.code, code, "{args:?}: {answer:?}");
        assert!(code == 0 || answer.err.contains("\nhint: "), "{args:?}: {answer:?}");
        assert!(code == 0 || answer.out.is_empty(), "{args:?}: {answer:?}");
    }
    let asked = detached(&["cred", "add", "b"], true);
    assert_ne!(asked.code, 0, "{asked:?}");
    sandbox.whole().unwrap();
}
