//! What cannot open a vault, and what is said of it: one line, a hint, and nothing changed.

use super::support::{Sandbox, require};
use super::*;

#[test]
fn keys_that_cannot_decrypt_are_named() {
    if !require("ssh-keygen") {
        return;
    }
    let sandbox = Sandbox::new();
    ssh_keygen(&sandbox, "ec", &["-t", "ecdsa", "-N", ""]);
    ssh_keygen(&sandbox, "small", &["-t", "rsa", "-b", "1024", "-N", ""]);
    ssh_keygen(&sandbox, "alone", &["-t", "ed25519", "-N", ""]);
    std::fs::rename(sandbox.path("alone"), sandbox.path("elsewhere")).unwrap();
    ssh_keygen(&sandbox, "pair", &["-t", "ed25519", "-N", ""]);
    std::fs::copy(sandbox.path("alone.pub"), sandbox.path("pair.pub")).unwrap();
    ssh_keygen(&sandbox, "open", &["-t", "ed25519", "-N", ""]);
    std::fs::set_permissions(
        sandbox.path("open"),
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )
    .unwrap();
    sandbox
        .file("sk.pub", "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t a\n");
    sandbox.file("dsa.pub", "ssh-dss AAAAB3NzaC1kc3MAAACBAA== me\n");
    sandbox.file("text", "not a key\n");
    let _agent = std::os::unix::net::UnixListener::bind(sandbox.path("agent.sock")).unwrap();
    let line = std::fs::read_to_string(sandbox.path("alone.pub")).unwrap();
    for (file, code, message, hint) in [
        ("ec", 4, "`ecdsa-sha2-nistp256` cannot decrypt", "ssh-keygen -t ed25519"),
        ("ec.pub", 4, "`ecdsa-sha2-nistp256` cannot decrypt", "Ed25519"),
        ("sk.pub", 4, "`sk-ssh-ed25519@openssh.com`", "Ed25519"),
        ("dsa.pub", 4, "`ssh-dss`", "Ed25519"),
        ("small", 4, "fewer than 2048 bits", "2048 to 4096"),
        ("small.pub", 4, "fewer than 2048 bits", "2048 to 4096"),
        ("alone.pub", 14, "must be proven to open", "signs and cannot decrypt"),
        (line.trim(), 14, "must be proven to open", "--ssh"),
        ("pair.pub", 2, "is not the public half of", "--ssh FILE"),
        ("agent.sock", 4, "signs and cannot decrypt", "--ssh FILE"),
        ("open", 14, "others can read", "chmod 600"),
        ("text", 2, "is no SSH key", "--ssh"),
        ("nowhere", 10, "no such file", ""),
    ] {
        let args = ["key", "add", "new", "--ssh", file];
        refused(&sandbox, &args, (code, message, hint), false);
    }
}

#[test]
fn recipients_that_are_none() {
    let sandbox = Sandbox::new();
    for text in [
        "",
        "age1",
        "age1xyz",
        "ssh-ed25519",
        "ssh-ed25519 !!!!",
        "ssh-rsa AAAA",
        "-----BEGIN",
        "\u{1b}[2Jage1",
        "alice",
        "age1yubikey1qqqqqq",
    ] {
        let option = format!("--recipient={text}");
        let args = ["key", "add", "new", &option, "--identity", "key"];
        let answer = refused(&sandbox, &args, (2, "this is no", "one looks like"), false);
        assert!(!answer.err.contains('\u{1b}'));
    }
    // a key in the place of its recipient is not quoted
    let key = std::fs::read_to_string(sandbox.path("key")).unwrap();
    let key = key.lines().last().unwrap();
    let args = ["key", "add", "new", "--recipient", key, "--identity", "key"];
    let said = (2, "this is no recipient, but the key itself", "make another one");
    let answer = refused(&sandbox, &args, said, false);
    assert!(!answer.err.contains(&key[20..]));
    for (name, text) in [("none", "# nothing\n"), ("two", "age1a\nage1b\n"), ("binary", "\u{0}\n")]
    {
        sandbox.file(name, text);
        let args = ["key", "add", "new", "--recipient-file", name, "--identity", "key"];
        refused(&sandbox, &args, (2, "recipient", "one "), false);
    }
}

#[test]
fn options_that_say_too_little_or_too_much() {
    let sandbox = Sandbox::new();
    sandbox.file("pass", PASSPHRASE);
    sandbox.file("weak", "hunter2\n");
    let from = |more: &[&'static str]| [&["key", "add", "new"], more].concat();
    let weak = "score 1 of 4";
    for (args, code, message, hint) in [
        (from(&[]), 2, "no terminal to ask on", "--new-passphrase-file"),
        (from(&["--with-passphrase", "--new-passphrase-file", "pass"]), 2, "no key is named", ""),
        (from(&["--new-key-file", "k", "--new-passphrase-file", "pass"]), 2, "needs no", "--with"),
        (from(&["--identity", "key"]), 2, "and there is none", "--recipient"),
        (from(&["--new-passphrase-file", "weak"]), 14, weak, "--allow-weak"),
        (from(&["--new-passphrase-file", "nowhere"]), 10, "no such file", ""),
        (from(&["--new-passphrase-fd", "77"]), 2, "descriptor 77 is not open", ""),
        (from(&["--recovery", "--with-passphrase"]), 2, "cannot be together", ""),
        (vec!["key", "add", "", "--new-key-file", "k"], 2, "a label cannot be empty", ""),
        (vec!["key", "add", "a\u{7}", "--new-key-file", "k"], 2, "control characters", ""),
        (vec!["key", "passwd"], 2, "no terminal to ask on", "--new-passphrase-file"),
        (
            vec!["key", "rm", "key file"],
            14,
            "needs a confirmation",
            "vault key rm 'key file' --yes",
        ),
    ] {
        refused(&sandbox, &args, (code, message, hint), false);
    }
    assert!(!sandbox.path("k").exists(), "a key file was made for nothing");
    let long = "x".repeat(65);
    let args = ["key", "add", &long, "--new-key-file", "k"];
    refused(&sandbox, &args, (2, "at most 64 bytes", ""), false);
    let weak = refused(&sandbox, &from(&["--new-passphrase-file", "weak"]), (14, weak, ""), false);
    assert!(weak.err.contains("common password") && !weak.err.contains("hunter2"), "{}", weak.err);
    sandbox.ok(&from(&["--new-passphrase-file", "weak", "--allow-weak"]), b"");
}

#[test]
fn labels_are_taken_once_and_slots_are_sixteen() {
    let sandbox = Sandbox::new();
    let again = ["key", "add", "key file", "--new-key-file", "key"];
    let taken = (13, "there is a slot `key file` already", "vault key rm");
    refused(&sandbox, &again, taken, true);
    // at once: nobody is asked for a key first, and nothing is made
    let entries = sandbox.entries();
    let mut add = sandbox.detached(&["key", "add", "key file", "--new-key-file", "made"]);
    says(&Answer::of(add.env_remove("VAULT_KEY_FILE")), taken.0, taken.1, taken.2);
    assert!(sandbox.entries() == entries + 1 && !sandbox.path("made").exists());
    let last = &sandbox.log(&["--limit", "1"])[0];
    assert_eq!((&last["action"], &last["outcome"]), (&"key_add".into(), &"failed".into()));
    for at in 2..=16 {
        sandbox.ok(&["key", "add", &format!("slot {at}"), "--new-key-file", "key"], b"");
    }
    let more = ["key", "add", "more", "--new-key-file", "key"];
    refused(&sandbox, &more, (14, "16 slots", "vault key list"), true);
    assert_eq!(slots(&sandbox).len(), 16);
}

#[test]
fn what_does_not_open_the_new_slot_changes_nothing() {
    if !require("ssh-keygen") {
        return;
    }
    let sandbox = Sandbox::new();
    ssh_keygen(&sandbox, "a", &["-t", "ed25519", "-N", ""]);
    ssh_keygen(&sandbox, "b", &["-t", "ed25519", "-N", ""]);
    let args = |proof| ["key", "add", "new", "--recipient-file", "a.pub", "--identity", proof];
    let said = (11, "does not open the new slot", "private half");
    refused(&sandbox, &args("b"), said, true);
    refused(&sandbox, &args("key"), said, true);
    let last = &sandbox.log(&["--limit", "1"])[0];
    assert_eq!((&last["action"], &last["outcome"]), (&"key_add".into(), &"failed".into()));
    sandbox.ok(&args("a"), b"");
}
