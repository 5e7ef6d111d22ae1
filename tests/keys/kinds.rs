//! Every kind of slot: added, opened by the program and by stock `age`, listed, removed.

use super::support::pty::Pty;
use super::support::{Answer, Sandbox, require};
use super::*;
use std::os::unix::fs::PermissionsExt;

#[test]
fn keys_open_until_they_are_removed() {
    if !require("age") || !require("ssh-keygen") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    ssh_keygen(&sandbox, "ed", &["-t", "ed25519", "-N", ""]);
    ssh_keygen(&sandbox, "rsa", &["-t", "rsa", "-b", "2048", "-N", ""]);
    ssh_keygen(&sandbox, "named", &["-t", "ed25519", "-N", ""]);
    let line = std::fs::read_to_string(sandbox.path("named.pub")).unwrap();
    for (label, kind, key, options) in [
        ("file", "key_file", "other", &["--new-key-file", "other"][..]),
        ("ed", "ssh", "ed", &["--ssh", "ed"]),
        // beside a public key the private one is found
        ("rsa", "ssh", "rsa", &["--ssh", "rsa.pub"]),
        ("named", "ssh", "named", &["--recipient", &line, "--identity", "named"]),
    ] {
        let out = sandbox.ok(&[&["--json", "key", "add", label], options].concat(), b"");
        assert_eq!(json(&out)["type"], kind);
        assert_eq!(sandbox.ok(&["--key-file", key, "cred", "get", "x"], b""), b"hunter2");
        let opened = age(&sandbox, &sealed(&sandbox, label), &sandbox.path(key));
        assert!(is_content(&opened.out), "{label}: {}", opened.err);
    }
    // nobody else's key opens them: the check above can fail
    assert!(!is_content(&age(&sandbox, &sealed(&sandbox, "ed"), &sandbox.path("rsa")).out));
    let found = types(&sandbox);
    let found: Vec<_> = found.iter().map(|(label, kind)| (label.as_str(), kind.as_str())).collect();
    let all = [("key file", "key_file"), ("file", "key_file"), ("ed", "ssh"), ("rsa", "ssh")];
    assert_eq!(found, [&all[..], &[("named", "ssh")]].concat());
    for (label, key) in [("file", "other"), ("ed", "ed"), ("rsa", "rsa"), ("named", "named")] {
        sandbox.ok(&["key", "rm", label, "--yes"], b"");
        let shut = sandbox.run(&["--key-file", key, "cred", "get", "x"]);
        says(&shut, 11, "does not open this vault", "");
    }
    assert_eq!(labels(&sandbox), ["key file"]);
    sandbox.ok(&["audit", "verify"], b"");
}

#[test]
fn a_slot_with_two_factors_takes_both() {
    if !require("age") || !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    sandbox.file("pass", PASSPHRASE);
    let from = ["--with-passphrase", "--new-passphrase-file", "pass"];
    sandbox.ok(&[&["key", "add", "two", "--new-key-file", "second"], &from[..]].concat(), b"");
    let get = ["--key-file", "second", "cred", "get", "x"];
    says(&Answer::of(&mut sandbox.detached(&get)), 12, "takes a passphrase besides", "");
    let with = |file: &str| Answer::of(sandbox.detached(&get).env("VAULT_PASSPHRASE_FILE", file));
    assert_eq!(with("pass").out, b"hunter2");
    sandbox.file("wrong", ANOTHER);
    says(&with("wrong"), 11, "does not open the slot `two`", "vault key list");
    let alone = by_passphrase(&sandbox, "pass", &["cred", "get", "x"]);
    says(&alone, 11, "does not open", "goes with a key");

    // the same key with another passphrase is another slot
    sandbox.file("theirs", "walrus trombone ledger quarry");
    let from = ["--with-passphrase", "--new-passphrase-file", "theirs"];
    sandbox.ok(&[&["key", "add", "other", "--new-key-file", "second"], &from[..]].concat(), b"");
    assert_eq!((with("pass").out, with("theirs").out), (b"hunter2".into(), b"hunter2".into()));
    says(&with("wrong"), 11, "does not open the slot `two`", "vault key list");
    let last = sandbox.log(&["--action", "decrypt", "--limit", "1"]);
    assert_eq!(last[0]["details"]["slot"], "other");
    each_attempt_counts(&sandbox, &get);
    sandbox.ok(&["key", "rm", "other", "--yes"], b"");

    // with the same key alone in another slot, that one is told all the same
    sandbox.ok(&["key", "add", "one", "--new-key-file", "second"], b"");
    let tried = sandbox.run(&["--json", "--key-file", "second", "key", "test"]);
    assert!(tried.code == 0 && tried.err.contains("takes a passphrase besides"), "{}", tried.err);
    let opens: Vec<_> = json(&tried.out)["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|slot| slot["opens"].as_bool().unwrap())
        .collect();
    assert_eq!(opens, [false, false, true]);
    sandbox.ok(&["key", "rm", "one", "--yes"], b"");
    let tried = sandbox.run(&["--key-file", "second", "key", "test"]);
    says(&tried, 12, "takes a passphrase besides", "VAULT_PASSPHRASE_FILE");

    // stock age: the key first, then the passphrase
    let inner = age(&sandbox, &sealed(&sandbox, "two"), &sandbox.path("second"));
    assert!(inner.out.starts_with(b"age-encryption.org/v1\n-> scrypt "), "{}", inner.err);
    std::fs::write(sandbox.path("inner"), &inner.out).unwrap();
    let mut age = Pty::shell(&sandbox, "age -d -o opened inner");
    age.expect("passphrase");
    age.send(format!("{PASSPHRASE}\r"));
    assert_eq!(age.finish().0, 0);
    assert!(is_content(&std::fs::read(sandbox.path("opened")).unwrap()));
}

/// Two slots of one key, `two` and `other`, and what does not open the first.
fn each_attempt_counts(sandbox: &Sandbox, get: &[&str]) {
    // also when it comes through a pipe, which is read once; and an attempt is entered
    let piped = |file: &str| {
        let key = "VAULT_KEY_FILE=second VAULT_PASSPHRASE_FD=0";
        let line = format!("cat {file} | {key} {} cred get x", support::VAULT);
        Answer::of(sandbox.command("sh").args(["-c", &line]))
    };
    assert_eq!(piped("theirs").out, b"hunter2");
    let entries = sandbox.entries();
    let wrong = piped("wrong");
    says(&wrong, 11, "does not open the slot `two`", "it was given by VAULT_PASSPHRASE_FD");
    assert!(!wrong.err.contains("VAULT_KEY_FILE"), "{}", wrong.err);
    // nor does one who gives up afterwards undo it
    let mut typed = Pty::vault(sandbox, get, &[]);
    typed.expect("for `two`");
    typed.send("walrus\r");
    typed.expect("for `other`");
    typed.send("\u{3}");
    let (code, screen) = typed.end();
    assert_eq!(code, 11, "{screen}");
    assert_eq!(sandbox.entries(), entries + 2);
}

#[test]
fn a_passphrase_is_asked_for_twice_or_read_from_a_descriptor() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let content = sandbox.content();
    let mut differ = Pty::vault(&sandbox, &["key", "add", "desk"], &[]);
    differ.expect("six random words for you?");
    differ.send("n\r");
    differ.expect("New passphrase: ");
    differ.send(format!("{PASSPHRASE}\r"));
    differ.expect("again: ");
    differ.send(format!("{ANOTHER}\r"));
    let (code, screen) = differ.end();
    assert!(code == 2 && screen.contains("do not match"), "{screen}");
    assert_eq!(sandbox.content(), content);

    let mut typed = Pty::vault(&sandbox, &["key", "add", "desk", "--passphrase"], &[]);
    typed.expect("six random words for you?");
    typed.send("n\r");
    for _ in 0..2 {
        typed.expect("New passphrase");
        typed.expect(": ");
        typed.send(format!("{PASSPHRASE}\r"));
    }
    let (code, screen) = typed.end();
    assert!(code == 0 && !screen.contains("ostrich"), "{screen}");
    sandbox.file("pass", PASSPHRASE);
    assert_eq!(by_passphrase(&sandbox, "pass", &["cred", "get", "x"]).out, b"hunter2");

    let mut shell = sandbox.command("sh");
    shell.args(["-c", "\"$V\" key add fd --new-passphrase-fd 7 7<pass"]).env("V", support::VAULT);
    assert_eq!(Answer::of(&mut shell).code, 0);
    assert_eq!(labels(&sandbox), ["key file", "desk", "fd"]);
}

/// What another program hands over can be read once.
#[test]
fn keys_come_from_pipes() {
    if !require("ssh-keygen") {
        return;
    }
    let sandbox = Sandbox::new();
    ssh_keygen(&sandbox, "id", &["-t", "ed25519", "-N", ""]);
    for (label, line) in [
        ("ssh", "cat id | \"$V\" key add ssh --ssh /dev/stdin"),
        ("other", "cat id.pub | \"$V\" key add other --recipient-file /dev/stdin --identity id"),
        ("third", "cat id | \"$V\" key add third --recipient-file id.pub --identity /dev/stdin"),
    ] {
        let mut shell = sandbox.command("sh");
        let added = Answer::of(shell.args(["-c", line]).env("V", support::VAULT));
        assert_eq!(added.code, 0, "{line}: {}", added.err);
        let tried = sandbox.run(&["--key-file", "id", "key", "test", label]);
        assert_eq!(tried.code, 0, "{}", tried.err);
    }
    // in a file others must not read it
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(sandbox.path("id"), open).unwrap();
    refused(
        &sandbox,
        &["key", "add", "x", "--ssh", "id"],
        (14, "others can read", "chmod 600"),
        false,
    );
}

#[test]
fn an_encrypted_ssh_key_asks_for_its_passphrase() {
    if !require("setsid") || !require("ssh-keygen") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    ssh_keygen(&sandbox, "id", &["-t", "ed25519", "-N", "of-the-key"]);
    let said = (12, "has a passphrase, and there is no terminal", "signs and cannot decrypt");
    refused(&sandbox, &["key", "add", "laptop", "--ssh", "id"], said, false);
    for (typed, code) in [(&["wrong", "typo", "again"][..], 11), (&["wrong", "of-the-key"], 0)] {
        let mut add = Pty::vault(&sandbox, &["key", "add", "laptop", "--ssh", "id"], &[]);
        for typed in typed {
            add.expect("Passphrase of the SSH key ");
            add.send(format!("{typed}\r"));
        }
        let (got, screen) = add.end();
        assert_eq!(got, code, "{screen}");
        assert_eq!(screen.matches("Once more.").count(), typed.len() - 1, "{screen}");
    }
    let mut get = Pty::vault(&sandbox, &["--key-file", "id", "cred", "get", "x"], &[]);
    get.expect("Passphrase of the SSH key ");
    get.send("of-the-key\r");
    let (code, screen) = get.end();
    assert!(code == 0 && screen.contains("hunter2"), "{screen}");
}

#[test]
fn a_vault_can_begin_with_an_ssh_key() {
    if !require("ssh-keygen") {
        return;
    }
    let sandbox = Sandbox::bare();
    ssh_keygen(&sandbox, "id", &["-t", "ed25519", "-N", ""]);
    let made = sandbox.run(&["--key-file", "id", "init", "--json"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let list = json(&sandbox.ok(&["--key-file", "id", "key", "list", "--json"], b""));
    let public = std::fs::read_to_string(sandbox.path("id.pub")).unwrap();
    let slot = &list["items"][0];
    assert_eq!((&slot["label"], &slot["type"]), (&"ssh key".into(), &"ssh".into()));
    assert_eq!(slot["recipient"].as_str().unwrap(), public.trim());
    // locked, nobody learns whose key it is
    let locked = json(&sandbox.ok(&["key", "list", "--json"], b""));
    assert_eq!(locked["items"][0]["recipient"], serde_json::Value::Null);
    let bytes = std::fs::read(sandbox.database()).unwrap();
    assert!(!support::contains(&bytes, public.split(' ').nth(1).unwrap().trim().as_bytes()));
}

#[test]
fn a_key_is_tried_on_the_slots_and_the_log_has_it() {
    let sandbox = Sandbox::new();
    sandbox.ok(&["key", "add", "file", "--new-key-file", "other"], b"");
    let out = sandbox.ok(&["--key-file", "other", "key", "test", "--json"], b"");
    let items = json(&out)["items"].clone();
    let opens = |label: &str| {
        let all = items.as_array().unwrap();
        all.iter().find(|slot| slot["label"] == label).unwrap()["opens"].clone()
    };
    assert_eq!((opens("file"), opens("key file")), (true.into(), false.into()));
    let last = &sandbox.log(&["--limit", "1"])[0];
    assert_eq!((&last["action"], &last["details"]["slot"]), (&"unlock".into(), &"file".into()));
    let wrong = ["--key-file", "other", "key", "test", "key file"];
    refused(&sandbox, &wrong, (11, "does not open the slot `key file`", "vault key test"), true);
    assert_eq!(sandbox.log(&["--limit", "1"])[0]["action"], "unlock_failed");
    refused(&sandbox, &["key", "test", "nobody"], (10, "no slot `nobody`", "key list"), false);
}

#[test]
fn the_shell_is_told_the_labels() {
    let sandbox = Sandbox::new();
    sandbox.ok(&["key", "add", "other", "--new-key-file", "key"], b"");
    let ask = |words: &[&str]| {
        let all = [&["__complete", "zsh", "--", "vault", "key"], words].concat();
        String::from_utf8(sandbox.ok(&all, b"")).unwrap()
    };
    assert_eq!(ask(&["rm", ""]), "words\nkey file\tkey_file\nother\tkey_file\n");
    assert_eq!(ask(&["passwd", "o"]), "words\nother\tkey_file\n");
}
