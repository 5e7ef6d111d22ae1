//! A plugin that asks, with somebody at a terminal.

use super::support::pty::Pty;
use super::support::require;
use super::{get, install, nothing_runs, toy, with_toy};

const GET: &[&str] = &["--key-file", "id", "cred", "get", "alpha"];
const ASKS: &str = "head, pin = said('request-secret', b'\\x1b[2JPIN?')\n\
    head, serial = said('request-public', b'Serial')\n\
    yes, _ = said('confirm ' + enc(b'use it') + ' ' + enc(b'leave it'), b'Now?')\n\
    if (pin, serial, yes) != (b'1234', b'77', ['ok', 'yes']):\n\
    \x20   said('error internal', b'wrong PIN')\n\
    \x20   say('done')\n\
    \x20   sys.exit()";

#[test]
fn what_it_asks_is_answered() {
    if !require("python3") || !require("setsid") {
        return;
    }
    let sandbox = with_toy("");
    install(&sandbox, &toy(ASKS));
    let ask = |pin: &str, choice: &str| {
        let mut pty = Pty::vault(&sandbox, GET, &[]);
        pty.expect("toy: \\u{1b}[2JPIN?");
        pty.send(format!("{pin}\r"));
        pty.expect("toy: Serial");
        pty.send("77\r");
        pty.expect("toy: Now? (yes: use it, no: leave it)");
        pty.send(format!("{choice}\r"));
        let (code, screen) = pty.end();
        assert!(!screen.contains(pin) && !screen.contains("\u{1b}[2J"), "{screen}");
        nothing_runs(&sandbox);
        (code, screen)
    };
    let (code, screen) = ask("1234", "yes");
    assert!(code == 0 && screen.contains("the-secret-of-alpha"), "{screen}");
    let (code, screen) = ask("4321", "yes");
    assert!(code == 12 && screen.contains("the plugin `toy` failed: wrong PIN"), "{screen}");
    assert_eq!(ask("1234", "no").0, 12);
}

#[test]
fn giving_up_ends_it() {
    if !require("python3") || !require("setsid") {
        return;
    }
    let sandbox = with_toy("");
    install(&sandbox, &toy(ASKS));
    let mut pty = Pty::vault(&sandbox, GET, &[]);
    pty.expect("PIN?");
    pty.send("\u{3}");
    assert_eq!(pty.end().0, 3);
    nothing_runs(&sandbox);
    // while it waits for a touch
    install(&sandbox, &toy("said('msg', b'Touch it')\ntime.sleep(600)"));
    let mut pty = Pty::vault(&sandbox, GET, &[]);
    pty.expect("toy: Touch it");
    pty.send("\u{3}");
    let (code, screen) = pty.end();
    assert!(code == 3 && screen.contains("given up"), "{screen}");
    nothing_runs(&sandbox);
}

/// Ten seconds of silence are too long for nobody, and not for somebody who is told to touch something.
#[test]
fn one_that_is_silent_is_waited_for_only_where_somebody_is() {
    if !require("python3") || !require("setsid") {
        return;
    }
    let sandbox = with_toy("");
    install(&sandbox, &toy("time.sleep(15)"));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut pty = Pty::vault(&sandbox, GET, &[]);
            pty.expect("waiting for the plugin toy; it may want to be touched");
            let (code, screen) = pty.end();
            assert!(code == 0 && screen.contains("the-secret-of-alpha"), "{screen}");
        });
        let answer = get(&sandbox);
        assert!(answer.code == 12 && answer.err.contains("within 10 s"), "{}", answer.err);
        assert!(answer.err.contains("hint: if it needs longer: timeout"), "{}", answer.err);
    });
    nothing_runs(&sandbox);
}
