//! Notes and warnings: said when they should be, once, in order, and never with `--quiet`.

use super::support::{Answer, Sandbox, files};

#[test]
fn a_vault_is_made_before_anything_is_said_of_it() {
    let sandbox = Sandbox::bare();
    let made = sandbox.run(&["init", "--key-file", "key"]);
    let lines: Vec<_> = made.err.lines().collect();
    assert!(lines[0].starts_with("made a vault: "), "{}", made.err);
    assert!(lines[1..].iter().all(|line| line.starts_with("note: ")), "{}", made.err);
    assert_eq!(lines.len(), 4, "{}", made.err);
}

#[test]
fn an_empty_vault_tells_how_to_begin() {
    let sandbox = Sandbox::new();
    assert!(sandbox.run(&["cred", "list"]).err.contains("vault cred add NAME"));
    assert!(!sandbox.run(&["cred", "list", "--client", "x"]).err.contains("cred add"));
    sandbox.add("x", b"value");
    assert_eq!(sandbox.run(&["cred", "list"]).err, "");
    assert!(!sandbox.run(&["cred", "list", "--search", "zzz"]).err.contains("cred add"));
}

#[test]
fn a_beginning_is_completed_aloud() {
    let sandbox = Sandbox::new();
    sandbox.add("db/main", b"hunter2");
    let note = "note: `db/ma` is `db/main`\n";
    for args in [&["get"][..], &["show"], &["show", "--reveal"]] {
        let run = |name| sandbox.run(&[&["cred"], args, &[name]].concat());
        assert_eq!(run("db/ma").err, note, "{args:?}");
        assert_eq!(run("db/main").err, "", "{args:?}");
        let quiet = sandbox.run(&[&["cred"], args, &["db/ma", "--quiet"]].concat());
        assert_eq!((quiet.code, quiet.err.as_str()), (0, ""), "{args:?}");
    }
    let mut locked = sandbox.vault(&["cred", "show", "db/ma"]);
    assert!(Answer::of(locked.env_remove("VAULT_KEY_FILE")).err.contains(note));
}

#[test]
fn what_has_expired_is_said_so() {
    let sandbox = Sandbox::new();
    sandbox.add("old", b"hunter2");
    sandbox.add("new", b"hunter3");
    sandbox.ok(&["cred", "set", "old", "--expires", "2001-02-03T04:05:06Z"], b"");
    sandbox.ok(&["cred", "set", "new", "--expires", "90d"], b"");
    let warning = "warning: `old` expired on 2001-02-03\n";
    for args in [&["get"][..], &["show"], &["show", "--reveal"], &["get", "--json"]] {
        let run = |name| sandbox.run(&[&["cred"], args, &[name]].concat());
        assert_eq!((run("old").code, run("old").err.as_str()), (0, warning), "{args:?}");
        assert_eq!(run("new").err, "", "{args:?}");
        let quiet = sandbox.run(&[&["cred"], args, &["old", "-q"]].concat());
        assert_eq!((quiet.code, quiet.err.as_str()), (0, ""), "{args:?}");
    }
}

/// A missing seal is what the vault warns of in the first command that unlocks.
#[test]
fn the_warnings_of_the_vault_survive_a_failure() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    for (args, code) in [
        (&["cred", "get", "x"][..], 0),
        (&["cred", "get", "nowhere"], 10),
        (&["cred", "get", "x", "totp"], 10),
        (&["cred", "rename", "x", "x"], 13),
        (&["cred", "rm", "nowhere"], 10),
    ] {
        let seals = files(&sandbox.path("state"));
        let seals = seals.iter().filter(|file| file.ends_with("seal")).collect::<Vec<_>>();
        assert_eq!(seals.len(), 1);
        std::fs::remove_file(seals[0]).unwrap();
        let answer = sandbox.run(args);
        assert_eq!(answer.code, code, "{args:?}: {}", answer.err);
        let warnings = answer.err.matches("warning: this machine had no usable seal").count();
        assert_eq!(warnings, 1, "{args:?}: {}", answer.err);
    }
}
