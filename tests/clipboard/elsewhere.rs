//! Where there is no desktop: nothing, or a terminal that has a clipboard of its own.

use super::support::pty::Pty;
use super::support::{Answer, Sandbox, VAULT, require};
use data_encoding::BASE64;
use std::fs;

/// Nothing is printed instead, nothing is decrypted, and nothing is logged as if it had been.
#[test]
fn without_a_clipboard_nothing_leaves() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    sandbox.ok(&["cred", "set", "x", "totp", "--stdin"], b"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    let entries = sandbox.entries();
    for display in [None, Some(":987"), Some("nonsense")] {
        for args in [&["cred", "copy", "x"][..], &["cred", "totp", "x", "--copy"]] {
            let mut command = sandbox.vault(args);
            display.map(|display| command.env("DISPLAY", display));
            let answer = Answer::of(&mut command);
            assert_eq!((answer.code, answer.out.len()), (4, 0), "{}", answer.err);
            assert!(answer.err.starts_with("error: no clipboard can be reached"), "{}", answer.err);
            assert!(answer.err.contains("hint: let the terminal copy it: add --osc52"));
        }
    }
    let mut nowhere = sandbox.detached(&["cred", "copy", "x", "--osc52"]);
    if require("setsid") {
        let answer = Answer::of(&mut nowhere);
        assert_eq!((answer.code, answer.out.len()), (4, 0), "{}", answer.err);
        assert!(answer.err.contains("there is no terminal"), "{}", answer.err);
    }
    assert_eq!(sandbox.entries(), entries);
}

#[test]
fn what_is_wrong_with_the_options_is_said_first() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let entries = sandbox.entries();
    for (args, why) in [
        (&["cred", "copy", "x", "--clear-after", "soon"][..], "or `never`"),
        (&["cred", "copy", "x", "--clear-after=-5s"], "or `never`"),
        (&["cred", "copy", "x", "--clear-after", "0s"], "between one second and 100 years"),
        (&["cred", "totp", "x", "--osc52"], "add --copy"),
        (&["cred", "totp", "x", "--clear-after", "5s"], "add --copy"),
    ] {
        let answer = sandbox.run(args);
        assert_eq!((answer.code, answer.out.len()), (2, 0), "{args:?}: {}", answer.err);
        assert!(answer.err.contains(why), "{args:?}: {}", answer.err);
    }
    assert_eq!(sandbox.entries(), entries);
}

#[test]
fn the_terminal_copies_and_clears() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2\xff");
    let sequence = format!("\x1b]52;c;{}\x07", BASE64.encode(b"hunter2\xff"));
    // standard output may go anywhere: the terminal is the one of the session
    let line = format!("{VAULT} cred copy x --osc52 --clear-after 1s >out && read x");
    let mut terminal = Pty::shell(&sandbox, &line);
    let clear = "\x1b]52;c;\x07\x1b]52;c;!\x07";
    terminal.expect(clear);
    terminal.send("\r");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    let said =
        "copied `password` of `x` to the clipboard of the terminal, if it allows that, for 1s";
    assert_eq!(screen, format!("{sequence}{said}\r\n{clear}\r\n"));
    assert_eq!(fs::read(sandbox.path("out")).unwrap(), b"");
    let entry = &sandbox.log(&["--limit", "1"])[0];
    assert_eq!((&entry["action"], &entry["details"]["mode"]), (&"copy".into(), &"osc52".into()));
    let never = ["cred", "copy", "x", "--osc52", "--clear-after", "never", "-q"];
    let (code, screen) = Pty::vault(&sandbox, &never, &[]).end();
    assert_eq!((code, screen), (0, sequence));
}

#[test]
fn a_terminal_without_a_clipboard_gets_nothing() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    sandbox.add("large", &vec![b'x'; 74_995]);
    for (name, term, why) in [
        ("x", "linux", "this terminal has no clipboard"),
        ("x", "dumb", "this terminal has no clipboard"),
        ("large", "xterm", "is too large for a clipboard"),
    ] {
        let env = [("TERM", term)];
        let (code, screen) = Pty::vault(&sandbox, &["cred", "copy", name, "--osc52"], &env).end();
        assert_eq!(code, 4, "{screen}");
        assert!(screen.contains(why) && !screen.contains("]52"), "{screen}");
    }
    sandbox.ok(&["cred", "set", "large", "--stdin"], &vec![b'x'; 74_994]);
    let most = ["cred", "copy", "large", "--osc52", "--clear-after", "never"];
    assert_eq!(Pty::vault(&sandbox, &most, &[]).finish().0, 0);
}
