//! Every way to a key, and which comes first. Key files mostly: a passphrase costs a second each.

use super::support::pty::Pty;
use super::support::{Answer, Sandbox, json, require};
use super::{says, tells};
use std::process::Command;
use std::time::{Duration, Instant};

const PASSPHRASE: &str = "gravel ostrich penknife lullaby";

/// A vault that a passphrase opens, with one credential.
fn with_passphrase() -> Sandbox {
    let sandbox = Sandbox::bare();
    let file = sandbox.file("passphrase", format!("{PASSPHRASE}\n"));
    let mut init = sandbox.vault(&["init"]);
    let made = Answer::of(init.env("VAULT_PASSPHRASE_FILE", &file));
    assert_eq!(made.code, 0, "{}", made.err);
    let mut add = sandbox.vault(&["cred", "add", "x", "--stdin"]);
    let added = Answer::fed(add.env("VAULT_PASSPHRASE_FILE", &file), b"hunter2");
    assert_eq!(added.code, 0, "{}", added.err);
    sandbox
}

fn get(sandbox: &Sandbox) -> Command {
    sandbox.vault(&["--no-input", "cred", "get", "x"])
}

#[track_caller]
fn opens(command: &mut Command) {
    let answer = Answer::of(command);
    assert_eq!((answer.code, answer.out.as_slice()), (0, &b"hunter2"[..]), "{}", answer.err);
}

/// One vault for all of them: each derivation takes seconds.
#[test]
fn a_vault_with_a_passphrase() {
    let sandbox = with_passphrase();
    each_source_of_a_passphrase(&sandbox);
    a_wrong_passphrase_is_code_11(&sandbox);
    a_passphrase_source_that_fails(&sandbox);
    without_a_terminal_it_fails_at_once(&sandbox);
    a_passphrase_command_sees_no_variable_of_ours(&sandbox);
    machine_readable_status_needs_no_key(&sandbox);
}

fn each_source_of_a_passphrase(sandbox: &Sandbox) {
    opens(get(sandbox).env("VAULT_PASSPHRASE_FILE", "passphrase"));
    opens(get(sandbox).env("VAULT_PASSPHRASE_COMMAND", format!("printf '{PASSPHRASE}\\nmore\\n'")));
    let mut shell = sandbox.command("sh");
    shell.args(["-c", "VAULT_PASSPHRASE_FD=7 \"$VAULT\" cred get x 7<passphrase"]);
    opens(shell.env("VAULT", super::support::VAULT));
    // a file comes before a descriptor, a descriptor before a command
    let mut all = get(sandbox);
    all.env("VAULT_PASSPHRASE_FD", "99").env("VAULT_PASSPHRASE_COMMAND", "exit 1");
    opens(all.env("VAULT_PASSPHRASE_FILE", "passphrase"));
    let mut both = get(sandbox);
    both.env("VAULT_PASSPHRASE_FD", "99").env("VAULT_PASSPHRASE_COMMAND", "cat passphrase");
    says(&Answer::of(&mut both), 2, "descriptor 99 is not open", "");
}

fn a_wrong_passphrase_is_code_11(sandbox: &Sandbox) {
    sandbox.file("wrong", "wrong-Canary");
    let content = sandbox.content();
    let before = sandbox.entries();
    let answer = Answer::of(get(sandbox).env("VAULT_PASSPHRASE_FILE", "wrong"));
    says(&answer, 11, "does not open this vault", "it was given by VAULT_PASSPHRASE_FILE");
    assert!(!answer.all().contains("Canary"));
    assert_eq!((sandbox.content(), sandbox.entries()), (content, before + 1));
}

fn a_passphrase_source_that_fails(sandbox: &Sandbox) {
    sandbox.file("two-lines", "one\ntwo\n");
    sandbox.file("binary", b"\xff\xfe");
    sandbox.file("empty", "\n");
    let command = "VAULT_PASSPHRASE_COMMAND";
    for (name, value, code, message) in [
        ("VAULT_PASSPHRASE_FILE", "two-lines", 2, "more than one line"),
        ("VAULT_PASSPHRASE_FILE", "binary", 2, "no UTF-8"),
        ("VAULT_PASSPHRASE_FILE", "empty", 2, "empty passphrase"),
        ("VAULT_PASSPHRASE_FILE", "nowhere", 10, "no such file"),
        ("VAULT_PASSPHRASE_FILE", ".", 2, "neither a regular file nor a pipe"),
        ("VAULT_PASSPHRASE_FD", "x", 2, "not the number of a descriptor"),
        ("VAULT_PASSPHRASE_FD", "-1", 2, "not the number of a descriptor"),
        ("VAULT_PASSPHRASE_FD", "42", 2, "descriptor 42 is not open"),
        (command, "echo Canary; exit 3", 12, "passphrase command failed"),
        (command, "true", 2, "empty passphrase"),
        (command, "no-such-program 2>/dev/null", 12, "passphrase command failed"),
    ] {
        let answer = Answer::of(get(sandbox).env(name, value));
        says(&answer, code, message, "");
        assert!(!answer.all().contains("Canary"), "{}", answer.all());
        tells(
            &Answer::of(get(sandbox).arg("--json").env(name, value)),
            code,
            super::word(code),
            message,
        );
    }
}

#[test]
fn each_source_of_a_key() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let other = Sandbox::new();
    let wrong = other.path("key");
    let identity = std::fs::read_to_string(sandbox.path("key")).unwrap();
    let bare = || {
        let mut command = get(&sandbox);
        command.env_remove("VAULT_KEY_FILE");
        command
    };
    opens(bare().env("VAULT_KEY", &identity));
    opens(bare().env("VAULT_KEY", identity.lines().last().unwrap()));
    opens(bare().env("VAULT_KEY_FILE", "key"));
    opens(bare().args(["--key-file", "key"]));
    let mut pipe = sandbox.command("sh");
    pipe.args(["-c", "cat key | \"$VAULT\" cred get x --key-file /dev/stdin"]);
    opens(pipe.env("VAULT", super::support::VAULT));
    // the option first, then the key itself, then its file, then a passphrase
    opens(bare().args(["--key-file", "key"]).env("VAULT_KEY", "x").env("VAULT_KEY_FILE", &wrong));
    opens(bare().env("VAULT_KEY", &identity).env("VAULT_KEY_FILE", &wrong));
    opens(bare().env("VAULT_KEY_FILE", "key").env("VAULT_PASSPHRASE_FILE", "nowhere"));
}

#[test]
fn a_malformed_key_is_a_wrong_key_and_is_not_quoted() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    for text in [
        "",
        "Canary",
        "AGE-SECRET-KEY-1CANARY",
        "# Canary",
        "age1canary",
        "\0Canary",
        "AGE-PLUGIN-CANARY-1CANARY",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nCanary\n-----END OPENSSH PRIVATE KEY-----\n",
    ] {
        sandbox.file("bad", text);
        let answer = Answer::of(get(&sandbox).args(["--key-file", "bad"]));
        match text.starts_with("-----") {
            true => says(&answer, 11, "the SSH key is damaged or incomplete", "ssh-keygen -y -f"),
            false => says(&answer, 11, "`bad` is not an age identity", "AGE-SECRET-KEY-1"),
        }
        assert!(!answer.all().to_lowercase().contains("canary"), "{}", answer.all());
        if !text.contains('\0') && !text.is_empty() {
            let answer = Answer::of(get(&sandbox).env("VAULT_KEY", text));
            says(&answer, 11, "VAULT_KEY is not an age identity", "AGE-SECRET-KEY-1");
            assert!(!answer.all().to_lowercase().contains("canary"), "{}", answer.all());
        }
    }
    sandbox.file("large", vec![b'a'; (64 << 10) + 1]);
    says(&Answer::of(get(&sandbox).args(["--key-file", "large"])), 2, "more than 64 KiB", "");
    let missing = Answer::of(get(&sandbox).args(["--key-file", "nowhere"]));
    says(&missing, 10, "cannot read `nowhere`: no such file", "");
}

#[test]
fn a_mistyped_key_is_told_from_another_text() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let file = std::fs::read_to_string(sandbox.path("key")).unwrap();
    let key = file.lines().last().unwrap();
    let other = if key.ends_with('Q') { "P" } else { "Q" };
    for (text, hint) in [
        (format!("{}{other}", &key[..key.len() - 1]), "is mistyped: compare them group by group"),
        (key[..70].to_owned(), "54 characters follow AGE-SECRET-KEY-1, and there must be 58"),
        (format!("{key}AAAA"), "62 characters follow AGE-SECRET-KEY-1"),
        (format!("VAULT RECOVERY SHEET\n\n  {key}\n"), "copy only the line"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 kim@desk".to_owned(), "it is a public key"),
        ("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p".to_owned(), "public"),
    ] {
        sandbox.file("typed", &text);
        let answer = Answer::of(get(&sandbox).args(["--key-file", "typed"]));
        says(&answer, 11, "`typed` is not an age identity", hint);
        assert!(!answer.all().contains(&key[20..60]), "{}", answer.all());
    }
}

/// In scripts, what was meant to lead to a key is often empty, misnamed, or not expanded.
#[test]
fn a_source_that_leads_nowhere_is_named() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let key = sandbox.path("key");
    for (name, value, code, hint) in [
        ("VAULT_KEY", "", 12, "VAULT_KEY is set, but empty"),
        ("VAULT_PASSPHRASE_FILE", "", 12, "VAULT_PASSPHRASE_FILE is set, but empty"),
        ("VAULT_PASSPHRASE", "Canary", 12, "VAULT_PASSPHRASE is not read"),
        ("VAULT_KEY", key.to_str().unwrap(), 11, "is named by VAULT_KEY_FILE"),
        ("VAULT_KEY_FILE", "~/key", 10, "write the directory in full"),
        ("VAULT_KEY_FILE", "$HOME/key", 10, "write the directory in full"),
    ] {
        let mut command = sandbox.detached(&["cred", "get", "x"]);
        let answer = Answer::of(command.env_remove("VAULT_KEY_FILE").env(name, value));
        says(&answer, code, "", hint);
        assert!(!answer.all().contains("Canary"), "{}", answer.all());
    }
    let other = Sandbox::new();
    let wrong = Answer::of(get(&sandbox).env("VAULT_KEY_FILE", other.path("key")));
    says(&wrong, 11, "the key does not open this vault", "it was given by VAULT_KEY_FILE");
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    std::fs::set_permissions(sandbox.path("key"), PermissionsExt::from_mode(0o640)).unwrap();
    says(&Answer::of(&mut get(&sandbox)), 14, "others can read", "chmod 600 ");
}

fn without_a_terminal_it_fails_at_once(sandbox: &Sandbox) {
    if !require("setsid") {
        return;
    }
    let fast = |command: &mut Command| {
        let since = Instant::now();
        let answer = Answer::of(command);
        // who waited for somebody would wait for ever, and who waits for a pipe, for a minute
        assert!(since.elapsed() < Duration::from_secs(50), "{:?}", since.elapsed());
        answer
    };
    let secret = ["cred", "get", "x"];
    for args in [&secret[..], &["cred", "show", "x", "--reveal"], &["cred", "list", "--verify"]] {
        let answer = fast(&mut sandbox.detached(args));
        says(&answer, 12, "no terminal to ask on", "VAULT_KEY_FILE");
        says(
            &fast(&mut sandbox.vault(&[&["--no-input"], args].concat())),
            12,
            "no terminal",
            "--key-file",
        );
        let told = fast(&mut sandbox.detached(&[&["--json"], args].concat()));
        tells(&told, 12, "locked", "no terminal to ask on");
    }
    // what needs no key goes on
    assert_eq!(fast(&mut sandbox.detached(&["cred", "list"])).code, 0);
    assert_eq!(fast(&mut sandbox.detached(&["cred", "show", "x"])).code, 0);
    assert_eq!(fast(&mut sandbox.detached(&["audit", "verify"])).code, 0);
    let bare = Sandbox::bare();
    let answer = fast(&mut bare.detached(&["init"]));
    says(&answer, 12, "no terminal to ask on", "vault init --key-file FILE");
    assert!(!bare.database().exists());
}

#[test]
fn without_a_value_and_a_terminal_nothing_is_asked() {
    let sandbox = Sandbox::new();
    let args = ["--no-input", "cred", "add", "x"];
    super::refused(&sandbox, &args, b"piped", (2, "no value for `password`", "--stdin < FILE"), 0);
    sandbox.add("x", b"hunter2");
    let content = sandbox.content();
    let set = sandbox.run_in(&["--no-input", "cred", "set", "x", "password"], b"piped");
    says(&set, 2, "no value for `password`", "--generate");
    assert_eq!(sandbox.content(), content);
}

fn a_passphrase_command_sees_no_variable_of_ours(sandbox: &Sandbox) {
    let command = "env | grep -qE '^VAULT_(KEY|PASS)' && exit 1; cat passphrase";
    opens(
        get(sandbox).env("VAULT_PASSPHRASE_COMMAND", command).env("VAULT_FILE", sandbox.database()),
    );
}

#[test]
fn a_passphrase_file_that_others_can_read_is_said_once() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::bare();
    let path = sandbox.file("mounted", "gravel ostrich penknife lullaby\n");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o444)).unwrap();
    let mut init = sandbox.vault(&["init"]);
    let answer = Answer::of(init.env("VAULT_PASSPHRASE_FILE", "mounted"));
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert_eq!(
        answer.err.matches("warning: others can read the file").count(),
        1,
        "{}",
        answer.err
    );
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).unwrap();
    let mut add = sandbox.vault(&["cred", "add", "x", "--stdin"]);
    let answer = Answer::fed(add.env("VAULT_PASSPHRASE_FILE", "mounted"), b"hunter2");
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(!answer.err.contains("warning"), "{}", answer.err);
}

/// It leads a group of its own, and is all the same where the terminal's keys go.
#[test]
fn a_passphrase_command_may_ask_on_the_terminal() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::bare();
    sandbox.file("passphrase", "gravel ostrich penknife lullaby\n");
    let mut init = sandbox.vault(&["init"]);
    let made = Answer::of(init.env("VAULT_PASSPHRASE_FILE", "passphrase"));
    assert_eq!(made.code, 0, "{}", made.err);
    let command =
        "printf 'PIN: ' >/dev/tty; read pin </dev/tty; [ \"$pin\" = 1 ] && cat passphrase";
    let env = [("VAULT_PASSPHRASE_COMMAND", command)];
    let mut terminal = Pty::vault(&sandbox, &["cred", "add", "x"], &env);
    terminal.expect("PIN: ");
    terminal.send("1\r");
    // and the terminal is ours again afterwards
    terminal.expect("Value of password: ");
    terminal.send("hunter2\r");
    terminal.expect("again: ");
    terminal.send("hunter2\r");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
}

fn machine_readable_status_needs_no_key(sandbox: &Sandbox) {
    let status = json(&Answer::of(&mut sandbox.vault(&["status", "--json"])).out);
    assert_eq!(status["slots"]["passphrase"]["type"], "passphrase", "{status}");
    assert_eq!(status["credentials"], 1);
}
