//! Files and places that are not what they should be.

use super::support::{Answer, Sandbox, unable};
use super::{says, tells};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::Command;

/// An ordinary user's number.
const NOBODY: u32 = 65_534;

/// Runs `args` as somebody whom permissions bind, on a sandbox that is theirs.
fn unprivileged(sandbox: &Sandbox, args: &[&str]) -> Option<Command> {
    let program = sandbox.program();
    let before = sandbox.ordinary()?;
    let mut words = before.iter().map(OsStr::new).chain([program.as_os_str()]);
    let mut command = sandbox.command(words.next()?);
    command.args(words).args(args);
    Some(command)
}

#[test]
fn a_newer_database_is_not_touched() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let db = rusqlite::Connection::open(sandbox.database()).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    let before = fs::read(sandbox.database()).unwrap();
    for args in [&["cred", "get", "x"][..], &["cred", "list"], &["status"], &["audit", "show"]] {
        says(&sandbox.run(args), 4, "format 99, this program knows up to", "newer version");
        let args = [&["--json"], args].concat();
        tells(&sandbox.run(&args), 4, "unsupported", "format 99");
    }
    assert_eq!(fs::read(sandbox.database()).unwrap(), before);
}

#[test]
fn files_that_are_no_vault() {
    let sandbox = Sandbox::new();
    let sqlite = sandbox.path("other.db");
    let db = rusqlite::Connection::open(&sqlite).unwrap();
    db.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
    drop(db);
    fs::set_permissions(&sqlite, PermissionsExt::from_mode(0o600)).unwrap();
    sandbox.file("text", "# a note, and nothing else\n".repeat(50));
    sandbox.file("empty", "");
    sandbox.file("short", "SQLite format 3\0");
    for name in ["other.db", "text", "empty", "short"] {
        let before = fs::read(sandbox.path(name)).unwrap();
        for args in [&["cred", "list"][..], &["cred", "get", "x"], &["status"]] {
            let args = [&["--vault", name], args].concat();
            says(&sandbox.run(&args), 4, "not a vault", "--vault FILE");
            let args = [&["--json"], &args[..]].concat();
            tells(&sandbox.run(&args), 4, "unsupported", "not a vault");
        }
        assert_eq!(fs::read(sandbox.path(name)).unwrap(), before, "{name}");
    }
    says(&sandbox.run(&["--vault", ".", "cred", "list"]), 2, "names no file", "--vault FILE");
    says(&sandbox.run(&["--vault", "data", "cred", "list"]), 14, "is not a regular file", "");
}

#[test]
fn a_truncated_file() {
    let sandbox = Sandbox::new();
    for n in 0..20 {
        sandbox.add(&format!("x{n}"), b"hunter2");
    }
    // purging moves everything from the write-ahead log into the file
    sandbox.ok(&["cred", "purge", "x19", "--yes"], b"");
    let whole = fs::read(sandbox.database()).unwrap();
    let wal = sandbox.path("data/vault/vault.db-wal");
    let log = fs::read(&wal).unwrap();
    let mut lengths = vec![0, 1, 16, 99, 100, 511, 512, 4095, 4096, 4097, 8192, 20_000];
    lengths.extend([whole.len() / 2, whole.len() - 4096, whole.len() - 1]);
    for length in lengths {
        fs::write(sandbox.database(), &whole[..length]).unwrap();
        fs::write(&wal, &log).unwrap();
        _ = fs::remove_file(sandbox.path("data/vault/vault.db-shm"));
        let commands = [&["cred", "get", "x1"][..], &["cred", "set", "x1", "--generate"]];
        for args in commands {
            if length > whole.len() - 4096 {
                break; // what is missing there may be no business of theirs
            }
            let answer = sandbox.run(args);
            assert!([4, 15].contains(&answer.code), "{length}: {} {}", answer.code, answer.all());
            says(&answer, answer.code, "", "vault");
            assert!(answer.out.is_empty(), "{length}: {}", answer.all());
        }
        fs::write(sandbox.database(), &whole[..length]).unwrap();
        fs::write(&wal, &log).unwrap();
        let told = sandbox.run(&["doctor", "--json"]);
        assert!([4, 15, 16].contains(&told.code), "{length}: {} {}", told.code, told.all());
    }
    fs::write(sandbox.database(), &whole).unwrap();
    fs::write(&wal, &log).unwrap();
    assert_eq!(sandbox.ok(&["cred", "get", "x1"], b""), b"hunter2");
}

#[test]
fn a_read_only_directory() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let directory = sandbox.path("data/vault");
    let Some(mut get) = unprivileged(&sandbox, &["cred", "get", "x"]) else { return };
    assert_eq!(Answer::of(&mut get).out, b"hunter2");
    // the write-ahead log and its index are made anew: as on a fresh mount
    for name in ["vault.db-wal", "vault.db-shm", "vault.db.lock"] {
        fs::remove_file(directory.join(name)).unwrap();
    }
    let owner = fs::metadata(&directory).unwrap();
    fs::set_permissions(&directory, PermissionsExt::from_mode(0o500)).unwrap();
    for args in [&["cred", "get", "x"][..], &["cred", "list"], &["cred", "add", "y", "--generate"]]
    {
        let Some(mut command) = unprivileged(&sandbox, args) else { return };
        let answer = Answer::of(&mut command);
        assert!(answer.out.is_empty(), "{}", answer.all());
        says(&answer, 18, "", "");
        let json = [&["--json"], args].concat();
        let Some(mut command) = unprivileged(&sandbox, &json) else { return };
        tells(&Answer::of(&mut command), 18, "io", "");
    }
    fs::set_permissions(&directory, owner.permissions()).unwrap();
}

#[test]
fn a_directory_where_no_vault_can_be_made() {
    let sandbox = Sandbox::bare();
    fs::set_permissions(sandbox.path("data"), PermissionsExt::from_mode(0o500)).unwrap();
    let args = ["init", "--key-file", "key"];
    let Some(mut command) = unprivileged(&sandbox, &args) else { return };
    says(&Answer::of(&mut command), 18, "permission denied", "key stays for the next attempt");
    let key = fs::read(sandbox.path("key")).unwrap();
    fs::set_permissions(sandbox.path("data"), PermissionsExt::from_mode(0o700)).unwrap();
    let Some(mut command) = unprivileged(&sandbox, &args) else { return };
    let again = Answer::of(&mut command);
    assert_eq!(again.code, 0, "{}", again.err);
    assert_eq!(fs::read(sandbox.path("key")).unwrap(), key);
}

#[test]
fn an_empty_key_file_is_not_taken_for_a_new_one() {
    let sandbox = Sandbox::bare();
    sandbox.file("key", "");
    let answer = sandbox.run(&["init", "--key-file", "key"]);
    says(&answer, 11, "`key` is not an age identity", "rm key");
    assert!(sandbox.path("key").exists() && !sandbox.database().exists());
}

#[test]
fn somebody_elses_vault() {
    if !rustix::process::geteuid().is_root() {
        unable("only the superuser can give files away");
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    chown(sandbox.database(), Some(NOBODY), None).unwrap();
    says(&sandbox.run(&["cred", "get", "x"]), 14, "belongs to another user", "");
}

#[test]
fn no_home() {
    let sandbox = Sandbox::bare();
    let without = |args: &[&str]| {
        let mut command = sandbox.vault(args);
        let command = command.env_remove("HOME").env_remove("XDG_DATA_HOME");
        Answer::of(command.env_remove("XDG_STATE_HOME"))
    };
    for args in [&["cred", "list"][..], &["init", "--key-file", "key"], &["status"]] {
        says(&without(args), 2, "no home directory", "set HOME, or give both");
        let args = [&["--json"], args].concat();
        tells(&without(&args), 2, "usage", "no home directory");
    }
    assert!(!sandbox.path("key").exists());
    // nothing of the home is needed for what needs no vault, or when both places are named
    assert_eq!(without(&["completions", "bash"]).code, 0);
    let mut command = sandbox.vault(&["--vault", "v.db", "init", "--key-file", "key"]);
    let made = Answer::of(command.env_remove("HOME").env_remove("XDG_DATA_HOME"));
    assert_eq!(made.code, 0, "{}", made.err);
}

#[test]
fn a_file_size_limit() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let content = sandbox.content();
    let mut shell = sandbox.command("sh");
    shell.args(["-c", "ulimit -f 64; exec \"$VAULT\" cred add big --file big"]);
    sandbox.file("big", vec![b'x'; 1 << 20]);
    let answer = Answer::of(shell.env("VAULT", super::support::VAULT));
    says(&answer, 18, "nothing was changed", "ulimit -f");
    assert_eq!(sandbox.content(), content);
    sandbox.add("works-again", b"hunter2");
}
