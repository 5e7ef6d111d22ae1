//! Changing a passphrase: the old one is gone from the file, and not from its copies.

use super::support::pty::Pty;
use super::support::{Answer, Sandbox, require};
use super::*;
use std::fs;

/// A vault with a passphrase slot besides the key file.
fn with_passphrase() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    sandbox.file("old", PASSPHRASE);
    sandbox.file("new", ANOTHER);
    sandbox.ok(&["key", "add", "desk", "--new-passphrase-file", "old"], b"");
    sandbox
}

#[test]
fn the_new_one_opens_and_the_old_one_only_copies() {
    let sandbox = with_passphrase();
    let before = slots(&sandbox)[1].clone();
    let copy = sandbox.path("copy");
    fs::create_dir(&copy).unwrap();
    for file in support::files(&sandbox.path("data/vault")) {
        fs::copy(&file, copy.join(file.file_name().unwrap())).unwrap();
    }
    let old = sealed(&sandbox, "desk");
    let change = ["key", "passwd", "--new-passphrase-file", "new"];
    let changed = by_passphrase(&sandbox, "old", &change);
    assert_eq!(changed.code, 0, "{}", changed.err);
    assert!(changed.err.contains("old copies of the file still open"), "{}", changed.err);
    let get = ["cred", "get", "x"];
    says(&by_passphrase(&sandbox, "old", &get), 11, "does not open this vault", "");
    assert_eq!(by_passphrase(&sandbox, "new", &get).out, b"hunter2");
    let after = slots(&sandbox)[1].clone();
    assert_eq!((&before["label"], &before["created_at"]), (&after["label"], &after["created_at"]));
    let on_disk = support::files(&sandbox.path("data"));
    let tail = &old[old.len() - 48..];
    assert!(on_disk.iter().all(|file| !support::contains(&fs::read(file).unwrap(), tail)));
    let mut elsewhere = sandbox.vault(&get);
    elsewhere.env_remove("VAULT_KEY_FILE").env("VAULT_PASSPHRASE_FILE", "old");
    elsewhere.env("VAULT_FILE", copy.join("vault.db")).env("XDG_STATE_HOME", sandbox.path("tmp"));
    assert_eq!(Answer::of(&mut elsewhere).out, b"hunter2");
    assert_eq!(sandbox.log(&["--action", "passwd"])[0]["details"]["label"], "desk");
}

/// What a command for the old one can read is not the new one.
#[test]
fn it_is_for_no_program_that_is_started() {
    let sandbox = with_passphrase();
    let line = "\"$V\" key passwd --new-passphrase-fd 7 7<new";
    let mut shell = sandbox.command("sh");
    shell.args(["-c", line]).env("V", support::VAULT).env_remove("VAULT_KEY_FILE");
    shell.env(
        "VAULT_PASSPHRASE_COMMAND",
        format!("cat <&7 >&2; cat {}", sandbox.path("old").display()),
    );
    let changed = Answer::of(&mut shell);
    assert!(changed.code == 0 && !changed.err.contains(ANOTHER), "{}", changed.err);
    assert_eq!(by_passphrase(&sandbox, "new", &["cred", "get", "x"]).out, b"hunter2");
}

#[test]
fn a_forgotten_one_is_replaced_with_another_key() {
    let sandbox = with_passphrase();
    sandbox.ok(&["key", "passwd", "desk", "--new-passphrase-file", "new"], b"");
    assert_eq!(by_passphrase(&sandbox, "new", &["cred", "get", "x"]).out, b"hunter2");
    let of_key = ["key", "passwd", "key file", "--new-passphrase-file", "new"];
    refused(&sandbox, &of_key, (2, "has no passphrase: its type is key_file", "key list"), false);
    let with = ["key", "passwd", "desk", "--identity", "key", "--new-passphrase-file", "new"];
    refused(&sandbox, &with, (2, "takes no key besides", "--identity"), false);
    let nobody = ["key", "passwd", "nobody", "--new-passphrase-file", "new"];
    refused(&sandbox, &nobody, (10, "no slot `nobody`", "vault key list"), true);
    sandbox.ok(&["key", "add", "second", "--new-passphrase-file", "old"], b"");
    let which = ["key", "passwd", "--new-passphrase-file", "new"];
    let answer = refused(&sandbox, &which, (13, "several slots", "vault key passwd LABEL"), false);
    assert!(answer.err.contains("desk") && answer.err.contains("second"), "{}", answer.err);
}

#[test]
fn that_of_two_factors_needs_the_key_as_well() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    sandbox.file("old", PASSPHRASE);
    sandbox.file("new", ANOTHER);
    let with = ["--with-passphrase", "--new-passphrase-file", "old"];
    sandbox.ok(&[&["key", "add", "two", "--new-key-file", "second"], &with[..]].concat(), b"");
    let change = ["key", "passwd", "two", "--new-passphrase-file", "new"];
    refused(&sandbox, &change, (11, "does not open the new slot", "--identity FILE"), true);
    sandbox.ok(&[&change[..], &["--identity", "second"]].concat(), b"");
    let get = ["--key-file", "second", "cred", "get", "x"];
    let with = |file: &str| Answer::of(sandbox.detached(&get).env("VAULT_PASSPHRASE_FILE", file));
    says(&with("old"), 11, "does not open the slot `two`", "");
    assert_eq!(with("new").out, b"hunter2");
}

#[test]
fn at_a_terminal_the_new_one_is_typed_twice() {
    if !require("setsid") {
        return;
    }
    let sandbox = with_passphrase();
    let content = sandbox.content();
    for (again, code) in [(PASSPHRASE, 2), (ANOTHER, 0)] {
        let mut passwd = Pty::vault(&sandbox, &["key", "passwd"], &[]);
        passwd.expect("six random words for you?");
        passwd.send("n\r");
        passwd.expect("New passphrase for the slot `desk`: ");
        passwd.send(format!("{ANOTHER}\r"));
        passwd.expect("again: ");
        passwd.send(format!("{again}\r"));
        let (got, screen) = passwd.end();
        assert!(got == code && !screen.contains("vicarage"), "{screen}");
        assert_eq!(sandbox.content() == content, code != 0);
    }
    assert_eq!(by_passphrase(&sandbox, "new", &["cred", "get", "x"]).out, b"hunter2");
}

/// Who has forgotten a passphrase is told of the other ways in, if there are any.
#[test]
fn a_forgotten_one_leads_to_other_keys() {
    if !require("setsid") {
        return;
    }
    let sandbox = with_passphrase();
    for has_other in [true, false] {
        let mut get = Pty::vault(&sandbox, &["cred", "get", "x"], &[("VAULT_KEY_FILE", "")]);
        for wrong in ["one", "two", "three"] {
            get.expect("Passphrase for ");
            get.send(format!("{wrong}\r"));
            get.expect(if wrong == "three" { "error: " } else { "Once more." });
        }
        let (code, screen) = get.end();
        assert_eq!(code, 11, "{screen}");
        assert_eq!(screen.contains("another key opens it, too: vault key list"), has_other);
        if has_other {
            let remove = ["key", "rm", "key file", "--yes"];
            assert_eq!(by_passphrase(&sandbox, "old", &remove).code, 0);
        }
    }
}
