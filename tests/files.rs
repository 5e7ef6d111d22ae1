//! Our files: private whatever the umask, and never taken from somebody who got there first.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "helpers of tests may do what tests may, and clarity comes before speed"
)]

mod support;

use rustix::process::geteuid;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Answer, Sandbox, VAULT, files, json};

/// The program, given up after 50 seconds: then the code is 124.
fn timed(sandbox: &Sandbox, args: &[&str]) -> Answer {
    let mut command = sandbox.command("timeout");
    Answer::of(command.args(["50", VAULT]).args(args))
}

#[test]
fn files_are_private_whatever_the_umask() {
    for umask in ["000", "022", "077"] {
        let sandbox = Sandbox::bare();
        let session = format!(
            "umask {umask}
             run() {{ \"$VAULT\" --quiet --key-file made/key \"$@\" >/dev/null; }}
             mkdir made
             run init
             printf hunter2 | run cred add x --stdin
             printf '{{\"name\":\"y\",\"type\":\"password\",\"secrets\":{{\"password\":\"p\"}}}}' | run import
             run cred get x; run cred list; run cred rm x; run cred purge x --yes
             run doctor; run audit verify
             rm -r $XDG_STATE_HOME/vault; run trust-state --yes
             run --vault made/deep/er/other.db init
             run --vault made/deep/er/other.db cred list"
        );
        let mut shell = sandbox.command("sh");
        let answer = Answer::of(shell.args(["-ec", &session]).env("VAULT", VAULT));
        assert_eq!((answer.code, answer.err.as_str()), (0, ""), "umask {umask}");
        let mut count = 0;
        for top in ["data", "state", "made", "tmp", "home"] {
            for file in files(&sandbox.path(top)) {
                assert_mode(&file, 0o600, umask);
                count += 1;
                let above = file.ancestors().skip(1);
                // the directories that the test made itself are not the program's
                for dir in above.take_while(|dir| *dir != sandbox.path(top)) {
                    assert_mode(dir, 0o700, umask);
                }
            }
        }
        assert!(count >= 12, "only {count} files");
    }
}

fn assert_mode(path: &Path, mode: u32, umask: &str) {
    let found = path.symlink_metadata().unwrap().mode() & 0o7777;
    assert_eq!(found, mode, "{} under umask {umask}: {found:o}", path.display());
}

/// What somebody may have put where one of our files is to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Trap {
    Symlink,
    Dangling,
    Fifo,
    HardLink,
    Readable,
    Directory,
    Foreign,
}

const TRAPS: [Trap; 7] = [
    Trap::Symlink,
    Trap::Dangling,
    Trap::Fifo,
    Trap::HardLink,
    Trap::Readable,
    Trap::Directory,
    Trap::Foreign,
];

/// Sets the trap where `path` was, which is kept beside it; says whether it could.
fn set(trap: Trap, path: &Path) -> bool {
    let kept = kept(path);
    match trap {
        Trap::HardLink => fs::hard_link(path, &kept).unwrap(),
        Trap::Readable => fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap(),
        Trap::Foreign => return chown(path, Some(geteuid().as_raw() + 65_534), None).is_ok(),
        Trap::Symlink | Trap::Dangling | Trap::Fifo | Trap::Directory => {
            fs::rename(path, &kept).unwrap();
            match trap {
                Trap::Symlink => symlink(&kept, path).unwrap(),
                Trap::Dangling => symlink(path.with_extension("prey"), path).unwrap(),
                Trap::Directory => fs::create_dir(path).unwrap(),
                _ => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
            }
        }
    }
    true
}

fn unset(trap: Trap, path: &Path) {
    match trap {
        Trap::HardLink => fs::remove_file(kept(path)).unwrap(),
        Trap::Readable => fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap(),
        Trap::Foreign => chown(path, Some(geteuid().as_raw()), None).unwrap(),
        Trap::Directory => fs::remove_dir(path).unwrap(),
        Trap::Symlink | Trap::Dangling | Trap::Fifo => fs::remove_file(path).unwrap(),
    }
    if kept(path).exists() {
        fs::rename(kept(path), path).unwrap();
    }
}

fn kept(path: &Path) -> PathBuf {
    path.with_extension("kept")
}

/// Every file of a vault in use.
fn ours(sandbox: &Sandbox) -> Vec<PathBuf> {
    let beside = ["vault.db", "vault.db-wal", "vault.db-shm", "vault.db.lock"];
    let mut all: Vec<_> = beside.iter().map(|name| sandbox.path("data/vault").join(name)).collect();
    all.extend(files(&sandbox.path("state")));
    assert_eq!(all.len(), 6, "the seal and the path record, too");
    all
}

#[test]
fn whatever_lies_at_one_of_our_paths_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let id = json(&sandbox.ok(&["status", "--json"], b""))["vault_id"].clone();
    for path in ours(&sandbox) {
        for trap in TRAPS {
            if !set(trap, &path) {
                support::unable("only the superuser can give files away");
                continue;
            }
            let before = fs::read(kept(&path)).ok();
            for args in [&["cred", "get", "x"][..], &["cred", "set", "x", "--generate"]] {
                let answer = timed(&sandbox, args);
                let at = format!("{trap:?} at {}: {}", path.display(), answer.all());
                assert_eq!(answer.code, 14, "{at}");
                assert!(answer.out.is_empty() && answer.err.starts_with("error: "), "{at}");
                assert!(answer.err.contains(path.file_name().unwrap().to_str().unwrap()), "{at}");
            }
            assert_eq!(fs::read(kept(&path)).ok(), before, "{trap:?} at {}", path.display());
            assert!(!path.with_extension("prey").exists(), "a dangling link was followed");
            unset(trap, &path);
        }
    }
    assert_eq!(sandbox.ok(&["cred", "get", "x"], b""), b"hunter2");
    assert_eq!(json(&sandbox.ok(&["status", "--json"], b""))["vault_id"], id);
}

#[test]
fn directories_in_which_others_can_write_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let seal = files(&sandbox.path("state")).into_iter().find(|path| path.ends_with("seal"));
    let seal_dir = seal.unwrap().parent().unwrap().to_owned();
    for dir in [sandbox.path("data/vault"), seal_dir] {
        for mode in [0o777, 0o770, 0o702] {
            fs::set_permissions(&dir, Permissions::from_mode(mode)).unwrap();
            let answer = timed(&sandbox, &["cred", "get", "x"]);
            let at = format!("{} {mode:o}: {}", dir.display(), answer.all());
            assert_eq!(answer.code, 14, "{at}");
            assert!(answer.err.contains("can be written by others"), "{at}");
            assert!(answer.err.contains("hint: chmod go-w "), "{at}");
        }
        fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();
    }
    assert_eq!(sandbox.ok(&["cred", "get", "x"], b""), b"hunter2");
}

#[test]
fn a_vault_is_never_made_over_anything() {
    let key = |sandbox: &Sandbox| sandbox.path("key").exists();
    for trap in TRAPS.into_iter().filter(|trap| *trap != Trap::Foreign) {
        let sandbox = Sandbox::bare();
        sandbox.file("data/vault.db", "mine");
        let path = sandbox.path("data/vault.db");
        set(trap, &path);
        let args = ["--vault", "data/vault.db", "init", "--key-file", "key"];
        let answer = timed(&sandbox, &args);
        assert_eq!(answer.code, 13, "{trap:?}: {}", answer.all());
        assert!(answer.err.starts_with("error: there is a file already"), "{}", answer.err);
        assert!(!key(&sandbox) && !path.with_extension("prey").exists());
        unset(trap, &path);
        assert_eq!(fs::read(&path).unwrap(), b"mine", "{trap:?}");
        // and the lock beside it
        fs::remove_file(&path).unwrap();
        let lock = sandbox.path("data/vault.db.lock");
        sandbox.file("data/vault.db.lock", "");
        set(trap, &lock);
        let answer = timed(&sandbox, &args);
        assert_eq!(answer.code, 14, "{trap:?}: {}", answer.all());
        // the key file has been published by then, and so stays
        assert!(key(&sandbox) && !path.exists(), "{trap:?}");
    }
}

#[test]
fn a_key_file_is_never_made_over_anything() {
    for trap in TRAPS.into_iter().filter(|trap| *trap != Trap::Foreign) {
        let sandbox = Sandbox::bare();
        sandbox.file("key", "mine, and no key");
        let path = sandbox.path("key");
        set(trap, &path);
        let answer = timed(&sandbox, &["init", "--key-file", "key"]);
        let at = format!("{trap:?}: {}", answer.all());
        assert!([10, 11, 14].contains(&answer.code), "{at}");
        assert!(answer.err.starts_with("error: ") && !answer.err.contains("mine"), "{at}");
        assert!(!sandbox.database().exists(), "{at}");
        assert!(!path.with_extension("prey").exists(), "{trap:?}: a link was followed");
        unset(trap, &path);
        assert_eq!(fs::read(&path).unwrap(), b"mine, and no key", "{trap:?}");
    }
}

#[test]
fn a_key_file_that_is_there_is_used_and_left_alone() {
    let sandbox = Sandbox::new();
    let key = fs::read(sandbox.path("key")).unwrap();
    sandbox.ok(&["--vault", "other.db", "init"], b"");
    assert_eq!(fs::read(sandbox.path("key")).unwrap(), key);
    sandbox.ok(&["--vault", "other.db", "audit", "verify"], b"");
}

#[test]
fn unwritable_places_are_named() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    // a state directory that cannot be: it is a file
    sandbox.file("blocked", "");
    let mut command = sandbox.vault(&["cred", "get", "x"]);
    let answer = Answer::of(command.env("XDG_STATE_HOME", sandbox.path("blocked")));
    assert_eq!(answer.code, 18, "{}", answer.all());
    assert!(answer.out.is_empty(), "no record, no secret");
    assert!(answer.err.contains("hint: "), "{}", answer.err);
}
