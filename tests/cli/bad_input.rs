//! Every wrong input: one clear line, a hint, its code, and nothing changed.

use super::support::{Answer, Sandbox, json, require};
use super::{refused, says, tells};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

#[test]
fn no_vault_yet() {
    let sandbox = Sandbox::bare();
    for args in [
        &["cred", "list"][..],
        &["cred", "get", "x"],
        &["status"],
        &["audit", "show"],
        &["doctor"],
        &["audit", "verify"],
        &["cred", "show", "x"],
    ] {
        let answer = sandbox.run(args);
        says(&answer, 10, "no vault at `", "make one with `vault init`");
        assert!(!answer.err.contains("note: "), "{}", answer.err);
        let args = [&["--json"], args].concat();
        tells(&sandbox.run(&args), 10, "not_found", "no vault at `");
    }
    let files: Vec<_> = ["data", "state", "home", "tmp"].map(|dir| sandbox.path(dir)).into();
    assert!(files.iter().all(|dir| super::support::files(dir).is_empty()), "something was made");
}

#[test]
fn a_vault_is_there_already() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    refused(
        &sandbox,
        &["init"],
        b"",
        (13, "there is a file already", "vault --vault FILE init"),
        0,
    );
    let other = sandbox.path("other-key");
    let args = ["init", "--key-file", other.to_str().unwrap()];
    refused(&sandbox, &args, b"", (13, "there is a file already", "vault status"), 0);
    assert!(!other.exists());
}

#[test]
fn a_weak_passphrase() {
    let sandbox = Sandbox::bare();
    sandbox.file("pass", "hunter2\n");
    let mut command = sandbox.vault(&["init"]);
    let answer = Answer::of(command.env("VAULT_PASSPHRASE_FILE", "pass"));
    says(&answer, 14, "too easy to guess", "--allow-weak");
    assert!(!answer.all().contains("hunter2"));
    assert!(!sandbox.database().exists());
}

#[test]
fn an_unknown_name_with_the_nearest_ones() {
    let sandbox = Sandbox::new();
    for name in ["db/main", "db/man", "web/main", "unlike"] {
        sandbox.add(name, b"hunter2");
    }
    for args in [
        &["cred", "get", "db/mian"][..],
        &["cred", "show", "db/mian"],
        &["cred", "show", "db/mian", "--reveal"],
        &["cred", "set", "db/mian", "--owner", "me"],
        &["cred", "rename", "db/mian", "new"],
        &["cred", "rm", "db/mian"],
        &["cred", "purge", "db/mian", "--yes"],
    ] {
        let wrong = (10, "no credential named `db/mian`", "did you mean `db/main`");
        let answer = refused(&sandbox, args, b"", wrong, 1);
        assert!(answer.err.contains("\n  db/main\n"), "{}", answer.err);
    }
    let told = sandbox.run(&["cred", "get", "db/mian", "--json"]);
    let error = tells(&told, 10, "not_found", "db/mian");
    assert_eq!(error["candidates"][0], "db/main");
    refused(&sandbox, &["cred", "get", "zzz"], b"", (10, "`zzz`", "vault cred list"), 1);
    let trash = (10, "no credential named `db/main` in the trash", "--deleted");
    refused(&sandbox, &["cred", "restore", "db/main"], b"", trash, 1);
    sandbox.ok(&["cred", "rm", "unlike"], b"");
    let removed = (10, "no credential named `unlike`", "it is in the trash; `vault cred restore`");
    refused(&sandbox, &["cred", "get", "unlike"], b"", removed, 1);
    let port = (2, "`--port`: not a port", "from 1 to 65535");
    refused(&sandbox, &["cred", "set", "db/main", "--port", "70000"], b"", port, 0);
}

#[test]
fn which_one_is_destroyed_is_never_guessed() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"old");
    sandbox.ok(&["cred", "rm", "x"], b"");
    sandbox.add("x", b"new");
    let both = (13, "a live credential named `x` and one in the trash", "purge x --deleted");
    let answer = refused(&sandbox, &["cred", "purge", "x", "--yes"], b"", both, 0);
    assert!(answer.err.contains("`vault cred rm x`"), "{}", answer.err);
    sandbox.ok(&["cred", "purge", "x", "--deleted", "--yes"], b"");
    assert_eq!(sandbox.ok(&["cred", "get", "x"], b""), b"new");
    let none = (10, "no credential named `x` in the trash", "vault cred list --deleted");
    refused(&sandbox, &["cred", "purge", "x", "--deleted", "--yes"], b"", none, 1);
    // what is not there needs no confirmation
    refused(&sandbox, &["--no-input", "cred", "purge", "x", "--deleted"], b"", none, 1);
    let unknown = (10, "no credential named `y`", "vault cred list");
    refused(&sandbox, &["--no-input", "cred", "purge", "y"], b"", unknown, 1);
    // the only one there is, wherever it is
    sandbox.ok(&["cred", "rm", "x"], b"");
    let asks = (14, "needs a confirmation", "vault cred purge x --yes --deleted");
    refused(&sandbox, &["--no-input", "cred", "purge", "x"], b"", asks, 0);
    sandbox.ok(&["cred", "purge", "x", "--yes"], b"");
    let gone = (10, "no credential named `x` in the trash", "");
    refused(&sandbox, &["cred", "restore", "x"], b"", gone, 1);
}

#[test]
fn an_ambiguous_beginning_with_its_candidates() {
    let sandbox = Sandbox::new();
    sandbox.add("prod/db", b"one");
    sandbox.add("prod/web", b"two");
    for args in [&["cred", "get", "prod"][..], &["cred", "show", "prod"]] {
        let wrong = (13, "`prod` fits several credentials", "write more of the name");
        let answer = refused(&sandbox, args, b"", wrong, 0);
        assert!(answer.err.contains("\n  prod/db\n  prod/web\n"), "{}", answer.err);
        let told = sandbox.run(&[&["--json"], args].concat());
        let error = tells(&told, 13, "conflict", "several");
        assert_eq!(error["candidates"], serde_json::json!(["prod/db", "prod/web"]));
    }
    assert_eq!(sandbox.ok(&["cred", "get", "prod/w"], b""), b"two");
    // what changes something wants the whole name
    let wrong = (10, "no credential named `prod/w`", "");
    for args in [
        &["cred", "rm", "prod/w"][..],
        &["cred", "purge", "prod/w", "--yes"],
        &["cred", "rename", "prod/w", "new"],
        &["cred", "set", "prod/w", "--owner", "me"],
    ] {
        refused(&sandbox, args, b"", wrong, 1);
    }
}

#[test]
fn bytes_that_are_no_text_in_arguments() {
    let sandbox = Sandbox::new();
    let bad = OsStr::from_bytes(b"na\xffme");
    for before in [&["cred", "get"][..], &["cred", "add"], &["cred", "list", "--client"], &[]] {
        let mut command = sandbox.vault(before);
        let answer = Answer::of(command.arg(bad));
        assert_eq!(answer.code, 2, "{}", answer.err);
        assert!(!answer.err.contains("na"), "{}", answer.err);
        says(&answer, 2, "", "--help");
    }
    // a path may be anything
    let mut command = sandbox.vault(&["--vault"]);
    let answer = Answer::of(command.arg(bad).args(["cred", "list"]));
    says(&answer, 10, "no vault at `", "vault init");
    let mut json = sandbox.vault(&["--json", "--vault"]);
    tells(&Answer::of(json.arg(bad).args(["cred", "list"])), 10, "not_found", "no vault at");
}

#[test]
fn a_clock_set_backwards() {
    if !require("faketime") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let past = |args: &[&str], input: &[u8]| {
        let mut command = sandbox.command("faketime");
        Answer::fed(command.arg("2001-02-03 04:05:06").arg(super::support::VAULT).args(args), input)
    };
    // work goes on, and the log keeps its order and the times as the clock had them
    assert_eq!(past(&["cred", "get", "x"], b"").out, b"hunter2");
    assert_eq!(past(&["cred", "add", "y", "--stdin"], b"hunter3").code, 0);
    let last = sandbox.log(&["--limit", "1"]);
    assert!(last[0]["at"].as_str().unwrap().starts_with("2001-02-03T"), "{last:?}");
    assert_eq!(sandbox.ok(&["cred", "get", "y"], b""), b"hunter3");
    let verdict = json(&sandbox.ok(&["audit", "verify", "--json"], b""));
    assert_eq!(verdict["intact"], true, "{verdict}");
    assert_eq!(sandbox.run(&["doctor"]).code, 0);
}

#[test]
fn empty_secrets() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let wrong = (2, "the value is empty", "nothing was stored");
    for input in [&b""[..], b"\n"] {
        refused(&sandbox, &["cred", "add", "new", "--stdin"], input, wrong, 0);
        refused(&sandbox, &["cred", "set", "x", "--stdin"], input, wrong, 0);
    }
    let file = sandbox.file("empty", "");
    refused(&sandbox, &["cred", "add", "new", "--file", &file], b"", wrong, 0);
    let notes = ["cred", "add", "new", "--stdin", "--notes-file", &file];
    refused(&sandbox, &notes, b"x", (2, "the notes are empty", ""), 0);
}

#[test]
fn metadata_that_is_wrong() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let mut without = Vec::new();
    for (option, value, code, message) in [
        ("--expires", "soon", 2, "`--expires`"),
        ("--expires", "2027-02-30", 2, "`--expires`"),
        ("--expires", "2027-13-01", 2, "`--expires`"),
        ("--expires", "-5d", 2, "--expires"),
        ("--rotate-every", "often", 2, "`--rotate-every`"),
        ("--rotate-every", "0d", 2, "`--rotate-every`"),
        ("--rotate-every", "999y", 2, "`--rotate-every`"),
        ("--port", "0", 2, "port"),
        ("--port", "65536", 2, "port"),
        ("--port", "ssh", 2, "port"),
        ("--port", "22x", 2, "port"),
        ("--url", "no address", 2, ""),
        ("--url", "https://", 2, ""),
        ("--url", "https://user:Canary@example.com", 14, "password"),
        ("--url", "https://exa mple.com", 2, ""),
        ("--host", "https://example.com/path", 2, ""),
        ("--tag", "two words", 2, "a tag has no white space"),
        ("--tag", "", 2, "a tag cannot be empty"),
        ("--field", "Upper=x", 2, "a field name is"),
        ("--field", "nothing", 2, "KEY=VALUE"),
        ("--field", "tags=x", 2, "`tags` is not a field of its own"),
        ("--field", "notes=Canary", 2, "notes are kept sealed"),
        ("--field", "password=Canary", 14, "sounds like a secret"),
        ("--field", "api_key=Canary", 14, "sounds like a secret"),
        ("--field", "db_password=Canary", 14, "sounds like a secret"),
        ("--field", "auth_token=Canary", 14, "sounds like a secret"),
        ("--description", "postgres://u:Canary@db/x", 14, "password"),
        ("--description", "-----BEGIN PRIVATE KEY-----Canary", 14, "private key"),
        ("--reason", "", 2, "a reason is one line"),
        ("--reason", "two\nlines", 2, "a reason is one line"),
    ] {
        let option = format!("{option}={value}");
        for args in
            [&["cred", "add", "new", "--stdin", &option][..], &["cred", "set", "x", &option]]
        {
            let answer = refused(&sandbox, args, b"secret", (code, message, ""), 0);
            assert!(!answer.all().contains("Canary"), "{}", answer.all());
            if !answer.err.contains("hint: ") {
                without.push(option.clone());
            }
        }
    }
    assert_eq!(without, Vec::<String>::new(), "no hint");
}

#[test]
fn names_that_are_wrong() {
    let sandbox = Sandbox::new();
    let long = "x".repeat(256);
    for (name, message) in [
        ("", "cannot be empty"),
        (" x", "white space"),
        ("x\n", "control characters"),
        ("a\u{1b}[2Jb", "control characters"),
        (&long, "at most 255 bytes"),
    ] {
        refused(&sandbox, &["cred", "add", name, "--stdin"], b"x", (2, message, "--help"), 0);
    }
    sandbox.add("x", b"hunter2");
    refused(&sandbox, &["cred", "rename", "x", ""], b"", (2, "cannot be empty", ""), 0);
    refused(&sandbox, &["cred", "set", "x"], b"", (2, "nothing to change", "metadata option"), 0);
    let wrong = (2, "`username` is no secret field", "--username");
    refused(&sandbox, &["cred", "set", "x", "username", "--stdin"], b"y", wrong, 0);
    // what only the credential itself can tell: it was looked at, and the log says so
    let content = sandbox.content();
    let pin = sandbox.run_in(&["cred", "set", "x", "pin", "--stdin"], b"y");
    says(&pin, 10, "no such secret field", "`password` has: password, totp");
    says(&sandbox.run(&["cred", "set", "x", "--remove-tag", "t"]), 10, "no tag `t`", "");
    let field = sandbox.run(&["cred", "set", "x", "--remove-field", "f"]);
    says(&field, 10, "no public field `f`", "");
    assert_eq!(sandbox.content(), content);
}
