//! Asking before each signature: whoever says nothing has said no.

use crate::support::pty::Pty;
use crate::support::{Answer, Sandbox, VAULT, require};
use crate::{ED25519, with_key};
use std::fs;

const SIGN: &[&str] = &[
    "ssh-agent",
    "--confirm",
    "--",
    "ssh-keygen",
    "-Y",
    "sign",
    "-n",
    "x",
    "-f",
    "deploy.pub",
    "text",
];

fn sandbox() -> Option<Sandbox> {
    let sandbox = with_key("deploy", ED25519)?;
    fs::write(sandbox.path("text"), "something").unwrap();
    Some(sandbox)
}

/// A program that asks, and writes down what it was asked.
fn asking(sandbox: &Sandbox, answer: &str) -> String {
    let asked = sandbox.path("asked");
    let script = format!(
        "#!/bin/sh\nprintf '%s %s' \"$SSH_ASKPASS_PROMPT\" \"$1\" > {}\n{answer}\n",
        asked.display()
    );
    sandbox.script("askpass", script)
}

#[test]
fn the_program_that_asks_decides() {
    let Some(sandbox) = sandbox() else { return };
    for (answer, signs) in
        [("exit 0", true), ("echo yes", true), ("exit 1", false), ("echo no", false)]
    {
        let askpass = asking(&sandbox, answer);
        let done = Answer::of(sandbox.detached(SIGN).env("SSH_ASKPASS", askpass));
        assert_eq!(done.code == 0, signs, "{answer}: {}", done.err);
        assert_eq!(sandbox.path("text.sig").exists(), signs);
        let asked = fs::read_to_string(sandbox.path("asked")).unwrap();
        assert_eq!(asked, "confirm Let `ssh-keygen` sign with the key of `deploy`?");
        let _ = fs::remove_file(sandbox.path("text.sig"));
    }
    assert_eq!(sandbox.log(&["--action", "decrypt"]).len(), 2);
}

#[test]
fn without_anybody_to_ask_nothing_is_started() {
    let Some(sandbox) = sandbox() else { return };
    if !require("setsid") {
        return;
    }
    let before = sandbox.entries();
    let args = ["ssh-agent", "--confirm", "--", "touch", "started"];
    let answer = Answer::of(&mut sandbox.detached(&args));
    assert_eq!(answer.code, 125, "{}", answer.err);
    assert!(answer.err.contains("nobody can be asked"), "{}", answer.err);
    assert!(!sandbox.path("started").exists());
    assert_eq!(sandbox.entries(), before);
}

#[test]
fn at_a_terminal_the_default_is_no() {
    let Some(sandbox) = sandbox() else { return };
    for (typed, signs) in [("y\r", true), ("\r", false), ("n\r", false), ("\u{3}", false)] {
        let mut pty = Pty::vault(&sandbox, SIGN, &[]);
        pty.expect("sign with the key of `deploy`?");
        pty.send(typed);
        let (code, screen) = pty.end();
        assert_eq!(code == 0, signs, "{typed:?}: {screen}");
        assert_eq!(sandbox.path("text.sig").exists(), signs);
        let _ = fs::remove_file(sandbox.path("text.sig"));
    }
}

#[test]
fn a_question_left_open_leaves_the_terminal_as_it_was() {
    let Some(sandbox) = sandbox() else { return };
    let sign =
        "ssh-keygen -Y sign -n x -f deploy.pub text & while ! test -e over; do sleep 0.1; done";
    let line = format!("{VAULT} ssh-agent --confirm -- sh -c '{sign}'; stty -a; echo done");
    let mut pty = Pty::shell(&sandbox, &line);
    pty.expect("sign with the key of `deploy`?");
    fs::write(sandbox.path("over"), "").unwrap();
    pty.expect("done");
    let (_, screen) = pty.end();
    assert!(screen.contains(" echo ") && screen.contains(" icanon "), "{screen}");
    assert!(!sandbox.path("text.sig").exists());
}
