//! People: what is asked through the agent is asked at their terminal, and leaves it as it was.

use crate::support::pty::Pty;
use crate::support::waiting::soon;
use crate::support::{VAULT, require};
use crate::{Desk, signal};
use rustix::process::Signal;

/// A line for the shell at a terminal, without a key.
fn shell(desk: &Desk, line: &str) -> Pty {
    let mut command = desk.sandbox.command("setsid");
    command.args(["-c", "-w"]);
    let line = line.replace("VAULT", VAULT);
    Pty::start(desk.dress(command, &["sh", "-c", &line]))
}

#[test]
fn a_hidden_value_is_asked_for_and_stored() {
    if !require("setsid") {
        return;
    }
    let desk = Desk::unlocked();
    let mut add = shell(&desk, "VAULT cred add new </dev/null >said");
    for question in ["Value of password: ", "Value of password again: "] {
        add.expect(question);
        add.send("hunter2Ü\r");
    }
    let (code, screen) = add.finish();
    let screen = String::from_utf8_lossy(&screen);
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains("hunter2"), "{screen}");
    assert_eq!(desk.ok(&["cred", "get", "new"]), "hunter2Ü".as_bytes());
    let log = desk.log();
    let entry =
        log.iter().find(|entry| entry["action"] == "create" && entry["name"] == "new").unwrap();
    assert!(entry["tty"].as_str().is_some_and(|tty| tty.starts_with("/dev/pts/")), "{entry}");
    assert_ne!(entry["program"], "vault");
}

#[test]
fn ctrl_c_and_the_end_of_the_agent_leave_the_echo_on() {
    if !require("setsid") || !require("stty") {
        return;
    }
    let desk = Desk::unlocked();
    let ask = "VAULT cred add new; echo code $?; stty -a";
    let mut given_up = shell(&desk, ask);
    given_up.expect("Value of password: ");
    given_up.send("abc\u{3}");
    given_up.expect("code 3");
    given_up.expect(" echo ");
    given_up.finish();

    let mut killed = shell(&desk, ask);
    killed.expect("Value of password: ");
    desk.ok(&["lock"]);
    killed.expect("the agent ended before it had answered");
    killed.expect("code 18");
    killed.expect(" echo ");
    killed.finish();
    assert_eq!(desk.run(&["cred", "show", "new"]).code, 10);
}

/// A signal to the client ends the command, wherever it is carried out.
#[test]
fn a_signal_reaches_the_command() {
    let desk = Desk::unlocked();
    for (one, code) in
        [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129), (Signal::KILL, 137)]
    {
        let (pid, slow) = (desk.pid(), desk.slow());
        soon("one worker", || children(pid) == 1);
        signal(slow.pid(), one);
        assert_eq!(slow.end().code, code);
        soon("the end of the worker", || children(pid) == 0);
    }
    assert_eq!(desk.run(&["cred", "show", "slow"]).code, 10);
}

/// How many processes an agent has started that are there still.
fn children(pid: i32) -> usize {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    list.split_whitespace().count()
}

#[test]
fn a_person_picks_whatever_standard_input_is() {
    if !require("setsid") {
        return;
    }
    let desk = Desk::unlocked();
    desk.sandbox.add("db/replica", b"the-other");
    for input in ["", "</dev/null"] {
        let mut pick = shell(&desk, &format!("VAULT cred get db {input} >value; echo code $?"));
        pick.expect("> db/main");
        pick.send("\u{1b}[B");
        pick.expect("> db/replica");
        pick.send("\r");
        pick.expect("code 0");
        pick.finish();
        assert_eq!(std::fs::read(desk.sandbox.path("value")).unwrap(), b"the-other");
    }
}

#[test]
fn the_editor_is_that_of_the_client() {
    if !require("setsid") {
        return;
    }
    let desk = Desk::unlocked();
    let editor = desk.sandbox.script(
        "editor",
        "#!/bin/sh\ntty > ed-tty; test -t 0 || exit 9\nsed -i 's/^#* *description = .*/description = \"edited\"/' \"$1\"\n",
    );
    let mut edit = shell(&desk, &format!("EDITOR={editor} VAULT cred edit db/main; echo code $?"));
    edit.expect("code 0");
    edit.finish();
    let shown = crate::support::json(&desk.ok(&["cred", "show", "db/main", "--json"]));
    assert_eq!(shown["description"], "edited", "{shown}");
    // one that fails, fails here as well
    let mut failing = shell(&desk, "EDITOR=false VAULT cred edit db/main; echo code $?");
    failing.expect("the editor `false` ended with code 1");
    failing.expect("code 3");
    failing.finish();
}
