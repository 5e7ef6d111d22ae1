//! At a terminal, with a shell that controls jobs.

use crate::sandbox;
use crate::support::pty::Pty;
use crate::support::{Sandbox, VAULT, require};

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
    terminal.send(format!("{run}sleep 100; echo code-$?\r"));
    terminal.expect("\r\n");
    std::thread::sleep(std::time::Duration::from_millis(700));
    terminal.send("\u{3}");
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
    terminal.send("sleep 100\r");
    std::thread::sleep(std::time::Duration::from_millis(300));
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
