//! The process is a poor place to steal from: while a command waits at a prompt with the keys in
//! memory, another process of the same user sees neither its memory nor its environment, and no core
//! is dumped.

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

use std::fs;
use std::process::Command;
use support::pty::Pty;
use support::{Sandbox, require};

/// Starts `words` at a terminal as an ordinary user.
fn start(sandbox: &Sandbox, before: &[&str], words: &[&str]) -> Pty {
    let mut command = sandbox.command("setsid");
    command.args(["-c", "-w"]).args(before).args(words).env("VAULT_TEST", "marker");
    Pty::start(command)
}

/// Whether another process of that user can read `/proc/PID/NAME`.
fn can_read(before: &[&str], pid: u32, name: &str) -> bool {
    let read = format!("head -c 1 /proc/{pid}/{name} >/dev/null");
    let words = before.iter().copied().chain(["sh", "-c", &read]).collect::<Vec<_>>();
    let output = Command::new(words[0]).args(&words[1..]).output().unwrap();
    output.status.success()
}

#[test]
fn memory_and_environment_are_closed_while_a_command_waits() {
    if !cfg!(target_os = "linux") || !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let program = sandbox.program();
    let program = program.to_str().unwrap();
    let Some(before) = sandbox.ordinary() else { return };
    for (args, question) in [
        (&["cred", "add", "y"][..], "Value of password: "),
        (&["cred", "set", "x", "password"], "Value of password: "),
        (&["cred", "purge", "x"], "to destroy it"),
        (&["trust-state"], "Did you restore"),
    ] {
        if args[0] == "trust-state" {
            // so that there is something to ask about
            fs::remove_dir_all(sandbox.path("state/vault")).unwrap();
        }
        let mut terminal = start(&sandbox, &before, &[&[program], args].concat());
        terminal.expect(question);
        let pid = terminal.pid();
        for name in ["environ", "maps", "mem", "auxv"] {
            assert!(!can_read(&before, pid, name), "{args:?}: {name} can be read");
        }
        assert!(can_read(&before, pid, "stat"), "the process is not there");
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        let words: Vec<_> = core.split_whitespace().collect();
        assert_eq!(words[4..6], ["0", "0"], "{core}");
        terminal.send("\u{3}");
        assert_ne!(terminal.finish().0, 0);
    }
    // the same look at a program that does not protect itself
    let mut open = start(&sandbox, &before, &["sh", "-c", "echo ready; read x"]);
    open.expect("ready");
    assert!(can_read(&before, open.pid(), "environ"), "the look is blind");
    assert!(can_read(&before, open.pid(), "maps"), "the look is blind");
    open.send("\r");
    open.finish();
}

#[test]
fn a_crash_leaves_no_core() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    let mut command = sandbox.command("setsid");
    let line = "ulimit -c unlimited; exec \"$VAULT\" cred add y";
    command.args(["-c", "-w", "sh", "-c", line]).env("VAULT", support::VAULT);
    let mut terminal = Pty::start(command);
    terminal.expect("Value of password: ");
    let kill = ["-s", "ABRT", &terminal.pid().to_string()].map(str::to_owned);
    assert!(Command::new("kill").args(kill).status().unwrap().success());
    assert_ne!(terminal.finish().0, 0);
    let cores = support::files(sandbox.root());
    let name = |path: &std::path::PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    assert!(!cores.iter().map(name).any(|name| name.starts_with("core")), "{cores:?}");
}
