//! Nothing prompts without a terminal, and nothing hangs.

use super::support::leaves::{LEAVES, Leaf, filled};
use super::support::{Answer, Sandbox, require};
use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// So long a command may take, on a busy machine: less than the minute after which what does not come is
/// given up. And one that runs many others.
const LONGEST: Duration = Duration::from_secs(50);
const LONGEST_OF_MANY: Duration = Duration::from_mins(15);
const OF_MANY: &[&str] = &["demo", "selftest io"];

/// The names of all commands, as the parser has them.
fn names(command: &clap::Command, before: &str, all: &mut BTreeSet<String>) {
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let name = format!("{before} {}", sub.get_name());
        match sub.has_subcommands() {
            true => names(sub, &name, all),
            false => _ = all.insert(name.trim_start().to_owned()),
        }
    }
}

/// Ends `command` if it does not end by itself. What is written to its standard input never ends, unless it
/// reads nothing.
fn answer(command: &mut Command, endless: bool) -> Answer {
    answer_in(command, endless, LONGEST)
}

fn answer_in(command: &mut Command, endless: bool, longest: Duration) -> Answer {
    command.stdin(if endless { Stdio::piped() } else { Stdio::null() });
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pipe = child.stdin.take();
    let since = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if since.elapsed() > longest {
            _ = child.kill();
            panic!("it hangs: {command:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(pipe);
    child.wait_with_output().unwrap().into()
}

fn keyless(sandbox: &Sandbox, leaf: &Leaf) -> Command {
    let mut command = sandbox.detached(&leaf.words());
    command.env_remove("VAULT_KEY_FILE");
    command
}

#[test]
fn every_command_ends_where_nobody_can_be_asked() {
    if !require("setsid") {
        return;
    }
    let mut all = BTreeSet::new();
    names(&vault::cli::command(), "", &mut all);
    let known: BTreeSet<String> = LEAVES.iter().map(|leaf| leaf.path.to_owned()).collect();
    let missing: Vec<_> = all.difference(&known).collect();
    assert!(missing.is_empty(), "not in tests/support/leaves.rs: {missing:?}");
    let all = |leaf: &&Leaf| all.contains(leaf.path) && !OF_MANY.contains(&leaf.path);
    let sandbox = filled();
    let mut wrong = Vec::new();
    for leaf in LEAVES.iter().filter(all) {
        let got = answer(&mut keyless(&sandbox, leaf), !leaf.reads);
        let errors = got.err.lines().filter(|line| line.starts_with("error: ")).count();
        let hints = got.err.lines().filter(|line| line.starts_with("hint: ")).count();
        let is_told = leaf.keyless == 0 || (errors == 1 && hints >= 1);
        if got.code != leaf.keyless || !is_told {
            wrong.push(format!("{}: {}, {}", leaf.path, got.code, got.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn those_that_run_others_end_as_well() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::bare();
    for leaf in LEAVES.iter().filter(|leaf| OF_MANY.contains(&leaf.path)) {
        let got = answer_in(&mut keyless(&sandbox, leaf), true, LONGEST_OF_MANY);
        assert_eq!(got.code, leaf.keyless, "{}: {}", leaf.path, got.err);
    }
}

/// With a key each of them does what it is for, without a terminal, and again without waiting.
#[test]
fn every_command_works_where_nobody_can_be_asked() {
    if !require("setsid") {
        return;
    }
    for leaf in LEAVES.iter().filter(|leaf| leaf.holds) {
        let sandbox = filled();
        let got = answer(&mut sandbox.detached(&leaf.words()), true);
        assert_ne!(got.code, 12, "{}: {}", leaf.path, got.err);
        assert!(!got.err.contains("no terminal"), "{}: {}", leaf.path, got.err);
    }
}

#[test]
fn no_source_of_a_key_keeps_it_waiting_once_it_is_closed() {
    let sandbox = filled();
    let mkfifo = sandbox.command("mkfifo").args(["pipe", "late"]).status().unwrap();
    assert!(mkfifo.success());
    for (variable, line, code) in [
        // somebody opens it and closes it
        ("VAULT_PASSPHRASE_FILE", "(: > pipe) & exec \"$VAULT\" cred get x", 2),
        ("VAULT_KEY_FILE", "(: > pipe) & exec \"$VAULT\" cred get x", 11),
        // or is late
        ("VAULT_KEY_FILE", "(sleep 1; cat key > pipe) & exec \"$VAULT\" cred get x", 0),
    ] {
        let mut shell = sandbox.command("sh");
        shell.args(["-c", line]).env_remove("VAULT_KEY_FILE");
        let got = answer(shell.env(variable, "pipe").env("VAULT", super::support::VAULT), true);
        assert_eq!(got.code, code, "{line}: {}", got.err);
    }
    for (line, code, message) in [
        ("VAULT_PASSPHRASE_FD=7 exec \"$VAULT\" cred get x 7<&-", 2, "descriptor 7 is not open"),
        ("VAULT_PASSPHRASE_FD=7 exec \"$VAULT\" cred get x 7</dev/null", 2, "empty passphrase"),
        ("VAULT_PASSPHRASE_FD=7 exec \"$VAULT\" cred get x 7>out", 18, "cannot read descriptor 7"),
        ("VAULT_PASSPHRASE_COMMAND='read x; exit 1' exec \"$VAULT\" cred get x", 12, "failed"),
        (
            "VAULT_PASSPHRASE_COMMAND='cat /dev/zero' exec \"$VAULT\" cred get x",
            12,
            "passphrase command",
        ),
        ("VAULT_PASSPHRASE_COMMAND='kill -9 $$' exec \"$VAULT\" cred get x", 12, "failed"),
    ] {
        let mut shell = sandbox.command("sh");
        shell.args(["-c", line]).env_remove("VAULT_KEY_FILE").env("VAULT", super::support::VAULT);
        let got = answer(&mut shell, true);
        assert_eq!(got.code, code, "{line}: {}", got.err);
        assert!(got.err.contains(message), "{line}: {}", got.err);
    }
}
