//! At a terminal, with a shell that controls jobs.

use crate::support::pty::Pty;
use crate::support::{Sandbox, VAULT, require};
use crate::{sandbox, wait_for};

fn shell(sandbox: &Sandbox) -> Pty {
    let mut command = sandbox.command("setsid");
    command
        .args(["-c", "-w", "bash", "--norc", "--noprofile", "-i"])
        .env("VAULT", VAULT)
        .env("PS1", "> ");
    command.env("HISTFILE", "");
    let mut terminal = Pty::start(command);
    terminal.expect("> ");
    terminal
}

#[test]
fn a_job_is_interrupted_stopped_and_goes_on() {
    if !require("bash") || !require("setsid") {
        return;
    }
    let sandbox = sandbox();
    let mut terminal = shell(&sandbox);
    let run = "$VAULT run --mask never -e A=vault://x -- ";
    terminal.send(format!("{run}sh -c 'echo up-$((1+1)); exec sleep 100'\r"));
    terminal.expect("up-2");
    terminal.send("\u{3}");
    terminal.expect("> "); // what is typed before is thrown away
    terminal.send("echo code-$?\r");
    terminal.expect("code-130");
    terminal.send(format!("{run}bash -c 'echo on-$((1+1)); read l; echo got-$l'\r"));
    terminal.expect("on-2");
    terminal.send("\u{1a}");
    terminal.expect("Stopped");
    terminal.send("echo here-$((2+3))\r");
    terminal.expect("here-5");
    terminal.send("fg\r");
    terminal.expect("run");
    terminal.send("typed\r");
    terminal.expect("got-typed");
    // a shell in it, with jobs of its own
    terminal.send(format!("{run}bash --norc --noprofile -i\r"));
    terminal.expect("bash");
    terminal.send("sh -c 'echo in-$((1+1)); exec sleep 100'\r");
    terminal.expect("in-2");
    terminal.send("\u{1a}");
    terminal.expect("Stopped");
    terminal.send("kill %1; echo $A-inner\r");
    terminal.expect("hunter2-hunter2-inner");
    terminal.send("exit 3\r");
    terminal.send("echo outer-$?\r");
    terminal.expect("outer-3");
    terminal.send("exit 0\r");
    assert_eq!(terminal.end().0, 0);
}

/// Lines that a file has, once it has as many as `wanted` and after a while in which more could come.
fn lines(sandbox: &Sandbox, name: &str, wanted: usize) -> usize {
    let count =
        || std::fs::read_to_string(sandbox.path(name)).map_or(0, |text| text.lines().count());
    wait_for(name, || count() >= wanted);
    std::thread::sleep(std::time::Duration::from_millis(200));
    count()
}

#[test]
fn an_interrupt_ends_a_loop_of_the_shell() {
    if !require("bash") || !require("setsid") {
        return;
    }
    let sandbox = sandbox();
    for mask in ["auto", "never"] {
        let mut terminal = shell(&sandbox);
        let run = format!("$VAULT run --mask {mask} -e A=vault://x --");
        terminal.send(format!(
            "for i in 1 2 3; do {run} sh -c 'echo $1-$1; exec sleep 100' . $i; done\r"
        ));
        terminal.expect("1-1");
        terminal.send("\u{3}");
        terminal.expect("> ");
        terminal.send("echo code-$?; exit 0\r");
        terminal.expect("code-130");
        let (_, screen) = terminal.end();
        assert!(!screen.contains("2-2"), "{mask}: {screen}");
    }
}

#[test]
fn what_the_terminal_sends_comes_once() {
    if !require("bash") || !require("setsid") {
        return;
    }
    let sandbox = sandbox();
    let mut terminal = shell(&sandbox);
    let script = "trap 'echo >> int' INT; trap '' TSTP; trap 'exit 9' QUIT; echo up-$((1+1)); \
                  while :; do sleep 0.05; done";
    terminal.send(
        format!("$VAULT run --mask never -e A=vault://x -- bash -c \"{script}\"; echo $?-end\r")
            .replace("$((", "\\$(("),
    );
    terminal.expect("up-2");
    for times in 1..=3 {
        terminal.send("\u{3}");
        assert_eq!(lines(&sandbox, "int", times), times);
    }
    // who ignores Ctrl-Z goes on, and we with him
    terminal.send("\u{1a}");
    terminal.send("\u{3}");
    assert_eq!(lines(&sandbox, "int", 4), 4);
    terminal.send("\u{1c}");
    terminal.expect("9-end");
    terminal.send("exit 0\r");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn stopped_by_somebody_else_it_goes_on_with_the_program() {
    if !require("bash") || !require("setsid") {
        return;
    }
    let sandbox = sandbox();
    let mut terminal = shell(&sandbox);
    let script = "echo \\$PPID > pid; echo \\$\\$ > child; while :; do sleep 0.05; done";
    terminal.send(format!("$VAULT run --mask never -e A=vault://x -- bash -c \"{script}\"\r"));
    let number = |name: &str| std::fs::read_to_string(sandbox.path(name)).unwrap_or_default();
    wait_for("the program", || number("child").ends_with('\n'));
    let (ours, child) = (number("pid").trim().to_owned(), number("child").trim().to_owned());
    let state = |pid: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(") ").next().and_then(|rest| rest.chars().next()).unwrap_or('-')
    };
    let send = |signal: &str| {
        assert!(
            std::process::Command::new("kill").args([signal, &ours]).status().unwrap().success()
        );
    };
    send("-TSTP");
    terminal.expect("Stopped");
    assert_eq!((state(&ours), state(&child)), ('T', 'T'));
    send("-CONT");
    wait_for("the program", || state(&ours) != 'T' && state(&child) != 'T');
    send("-TERM");
    wait_for("its end", || state(&child) == '-' && ['-', 'Z'].contains(&state(&ours)));
    terminal.send("exit 0\r");
    terminal.send("exit 0\r");
    terminal.end();
}

#[test]
fn at_a_terminal_standard_input_is_what_was_said() {
    if !require("setsid") {
        return;
    }
    let sandbox = sandbox();
    for mask in ["auto", "never"] {
        let line = "tr a-z A-Z; echo .";
        let args = ["run", "--mask", mask, "--stdin", "vault://x", "--", "sh", "-c", line];
        let (code, screen) = Pty::vault(&sandbox, &args, &[]).end();
        assert_eq!((code, screen.as_str()), (0, "HUNTER2-HUNTER2.\r\n"), "{mask}");
    }
}
