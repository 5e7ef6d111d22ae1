//! Questions, on a real terminal: what is typed does not show, and standard input is left alone.

use super::support::pty::Pty;
use super::support::waiting::{runs, soon};
use super::support::{Sandbox, VAULT, require};
use rustix::process::{Pid, Signal, kill_process};

const PASSPHRASE: &str = "gravel ostrich penknife lullaby";

#[test]
fn a_vault_made_and_used_at_the_terminal() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::bare();
    let mut init = Pty::vault(&sandbox, &["init"], &[]);
    init.expect("Make a passphrase of six random words for you?");
    init.send("perhaps\r");
    init.expect("Write yes or no.");
    init.expect("Make a passphrase of six random words for you?");
    init.send("n\r");
    for question in ["Passphrase for the new vault: ", "Passphrase for the new vault again: "] {
        init.expect(question);
        init.send(format!("{PASSPHRASE}\r"));
    }
    let (code, screen) = init.end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("made a vault") && !screen.contains("ostrich"), "{screen}");

    let mut add = Pty::vault(&sandbox, &["cred", "add", "x", "--username", "app"], &[]);
    add.expect("Passphrase for ");
    add.send("not this\r");
    add.expect("That is not it. Once more.");
    add.send(format!("{PASSPHRASE}\r"));
    add.expect("Value of password: ");
    add.send("hunter2Ü\r");
    add.expect("Value of password again: ");
    add.send("hunter2Ü\r");
    let (code, screen) = add.end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("added `x`") && !screen.contains("hunter2"), "{screen}");

    // the question is asked on the terminal whatever standard input and error are
    let line = format!("'{}' cred get x </dev/null >value 2>errors", super::support::VAULT);
    let mut get = Pty::shell(&sandbox, &line);
    get.expect("Passphrase for ");
    get.send(format!("{PASSPHRASE}\r"));
    assert_eq!(get.end().0, 0);
    assert_eq!(std::fs::read(sandbox.path("value")).unwrap(), "hunter2Ü".as_bytes());
    assert_eq!(std::fs::read(sandbox.path("errors")).unwrap(), b"");
}

#[test]
fn a_passphrase_made_for_you_is_shown_once_and_works() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::bare();
    let mut init = Pty::vault(&sandbox, &["init"], &[]);
    init.expect("Make a passphrase of six random words for you?");
    init.send("y\r");
    init.expect("Do you have it?");
    init.send("y\r");
    let (code, screen) = init.end();
    assert_eq!(code, 0, "{screen}");
    let words = screen.lines().find_map(|line| line.strip_prefix("    ")).unwrap().trim();
    let file = sandbox.file("passphrase", words);
    let mut verify = sandbox.vault(&["audit", "verify", "--json"]);
    let output = verify.env("VAULT_PASSPHRASE_FILE", file).output().unwrap();
    assert_eq!(super::json(&output.stdout)["authenticated"], true);
    assert!(super::support::files(&sandbox.path("data")).iter().all(|file| {
        !super::support::contains(&std::fs::read(file).unwrap(), words.as_bytes())
    }));
}

#[test]
fn giving_up_at_any_question_is_code_3_and_changes_nothing() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("x", b"value");
    let content = sandbox.content();
    for (args, question, keys) in [
        (&["cred", "add", "y"][..], "Value of password: ", "\u{3}"),
        (&["cred", "add", "y"], "Value of password: ", "\u{4}"),
        (&["cred", "set", "x", "password"], "Value of password: ", "abc\u{3}"),
        (&["cred", "purge", "x"], "to destroy it", "\r"),
        (&["trust-state"], "Did you restore", "n\r"),
        (&["trust-state"], "Did you restore", "\r"),
        (&["trust-state"], "Did you restore", "\u{4}"),
    ] {
        if args[0] == "trust-state" {
            // so that there is something to ask about
            _ = std::fs::remove_dir_all(sandbox.path("state/vault"));
        }
        let mut terminal = Pty::vault(&sandbox, args, &[]);
        terminal.expect(question);
        terminal.send(keys);
        let (code, screen) = terminal.end();
        assert_eq!(code, 3, "{args:?}: {screen}");
        assert!(screen.contains("error: "), "{screen}");
        assert_eq!(sandbox.content(), content, "{args:?}");
    }
}

#[test]
fn two_answers_that_differ_and_none_at_all_are_refused() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    let mut differ = Pty::vault(&sandbox, &["cred", "add", "x"], &[]);
    differ.expect("Value of password: ");
    differ.send("one-canary\r");
    differ.expect("again: ");
    differ.send("two-canary\r");
    let (code, screen) = differ.end();
    assert_eq!(code, 2);
    assert!(screen.contains("do not match") && !screen.contains("canary"), "{screen}");
    let mut empty = Pty::vault(&sandbox, &["cred", "add", "x"], &[]);
    empty.expect("Value of password: ");
    empty.send("\r");
    let (code, screen) = empty.end();
    assert_eq!(code, 2);
    assert!(screen.contains("nothing was typed"), "{screen}");
    assert_eq!(sandbox.ok(&["cred", "list"], b""), b"");
}

#[test]
fn the_further_lines_of_a_paste_do_not_reach_the_shell() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    let ask = format!("'{}' cred add x", super::support::VAULT);
    let line = format!("{ask}; echo ended $?; read -r rest; echo \"the rest: $rest\"");
    let long = "many-canaries\r".repeat(1000);
    let differ = format!("one-canary\r{long}");
    for lines in [&*differ, "one-canary\rtwo-canary\rthree-canary\r", "\rtwo-canary\r"] {
        let mut paste = Pty::shell(&sandbox, &line);
        paste.expect("Value of password: ");
        paste.send(lines);
        paste.expect("ended 2");
        paste.send("mine\r");
        paste.expect("the rest: mine");
        let (code, screen) = paste.end();
        assert!(code == 0 && !screen.contains("canar"), "{screen}");
    }
}

#[test]
fn what_looks_wrong_is_asked_about_when_it_was_typed() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    let args = ["cred", "add", "t", "--type", "token"];
    for (answer, code) in [("n\r", 3), ("\r", 3), ("yes\r", 0)] {
        let mut terminal = Pty::vault(&sandbox, &args, &[]);
        terminal.expect("Value of token: ");
        terminal.send("Bearer abc\r");
        terminal.expect("again: ");
        terminal.send("Bearer abc\r");
        terminal.expect("store it anyway?");
        terminal.send(answer);
        let (got, screen) = terminal.end();
        assert_eq!(got, code, "{screen}");
    }
    assert_eq!(sandbox.ok(&["cred", "get", "t"], b""), b"Bearer abc");
}

#[test]
fn several_secret_fields_are_asked_for_one_by_one() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    let args = ["cred", "add", "o", "--type", "oauth2", "--secret-field", "refresh_token"];
    let mut terminal = Pty::vault(&sandbox, &args, &[]);
    for (question, value) in [("Value of client_secret", "s-1"), ("Value of refresh_token", "r-1")]
    {
        for asked in [format!("{question}: "), format!("{question} again: ")] {
            terminal.expect(&asked);
            terminal.send(format!("{value}\r"));
        }
    }
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert_eq!(sandbox.ok(&["cred", "get", "o"], b""), b"s-1");
    assert_eq!(sandbox.ok(&["cred", "get", "o", "refresh_token"], b""), b"r-1");
}

/// A hidden question in a script, which says how it ended, and that it goes on after a stop.
fn hidden(sandbox: &Sandbox) -> (Pty, Pid) {
    let script = format!(
        "set -m\nsh -c 'echo $$ >pid; exec {VAULT} cred add h'\necho \"came: $?\"\nread go\nfg\n\
         echo \"ended: $?\"\nread go\n"
    );
    sandbox.file("script", &script);
    let mut terminal = Pty::shell(sandbox, "sh script");
    terminal.expect("Value of password: ");
    let pid = std::fs::read_to_string(sandbox.path("pid")).unwrap().trim().parse().unwrap();
    soon("a question that hides its answer", || !terminal.echoes());
    (terminal, Pid::from_raw(pid).unwrap())
}

/// The shell of a script leaves the terminal as it finds it.
#[test]
fn whatever_ends_a_hidden_question_the_terminal_shows_again() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    for (signal, code) in [(Signal::TERM, 143), (Signal::QUIT, 131), (Signal::HUP, 129)] {
        let (mut terminal, asking) = hidden(&sandbox);
        kill_process(asking, signal).unwrap();
        terminal.expect(&format!("came: {code}"));
        assert!(terminal.echoes(), "{signal:?}");
        terminal.send("\n\n");
        terminal.end();
    }
}

#[test]
fn stopped_from_elsewhere_it_hides_again_when_it_goes_on() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    for stop in [Signal::TSTP, Signal::STOP] {
        let (mut terminal, asking) = hidden(&sandbox);
        kill_process(asking, stop).unwrap();
        terminal.expect("came: ");
        // what can prepare for it does; for the rest there are shells that people type at
        assert_eq!(terminal.echoes(), stop == Signal::TSTP);
        terminal.set_as_shells_do();
        terminal.send("\n");
        soon("an answer that is hidden", || !terminal.echoes());
        terminal.send("hunter2\r");
        terminal.expect("Value of password again: ");
        terminal.send("hunter2\r");
        terminal.expect("ended: 0");
        assert!(terminal.echoes());
        terminal.send("\n");
        let (_, screen) = terminal.end();
        assert!(!screen.contains("hunter2"), "{screen}");
        assert_eq!(sandbox.ok(&["cred", "get", "h"], b""), b"hunter2");
        sandbox.ok(&["cred", "rm", "h"], b"");
    }
}

/// It comes while the answer is taken: the terminal is made to wait there. Nothing must be done then.
#[test]
fn a_signal_behind_an_answer_is_not_lost() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("gone", b"hunter2");
    let script = format!("sh -c 'echo $$ >pid; exec {VAULT} cred purge gone'; echo \"came: $?\"");
    let mut terminal = Pty::shell(&sandbox, &script);
    terminal.expect("Type `gone` to destroy");
    soon("a question that reads keys", || !terminal.echoes());
    terminal.send("gone");
    terminal.expect("gone");
    let pid = std::fs::read_to_string(sandbox.path("pid")).unwrap().trim().parse().unwrap();
    terminal.send("\u{13}\r");
    // whenever it comes it must be heard; behind the answer nobody can see from here
    std::thread::sleep(std::time::Duration::from_millis(200));
    kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
    terminal.send("\u{11}");
    terminal.expect("came: 143");
    terminal.end();
    assert_eq!(sandbox.ok(&["cred", "get", "gone"], b""), b"hunter2");
}

/// A shell ends what it has stopped by a request to end, and lets it go on to hear of that.
#[test]
fn stopped_at_a_hidden_question_it_can_be_ended() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    for stop in [Signal::TSTP, Signal::STOP] {
        let (mut terminal, asking) = hidden(&sandbox);
        kill_process(asking, stop).unwrap();
        terminal.expect("came: ");
        terminal.set_as_shells_do();
        kill_process(asking, Signal::TERM).unwrap();
        kill_process(asking, Signal::CONT).unwrap();
        soon("its end", || !runs(asking.as_raw_nonzero().get()));
        assert!(terminal.echoes(), "{stop:?}");
        terminal.send("\n\n");
        terminal.end();
    }
}

/// `timeout` puts what it starts into the background, and so does a shell.
#[test]
fn in_the_background_a_hidden_question_can_be_ended() {
    if !require("setsid") || !require("timeout") {
        return;
    }
    let sandbox = Sandbox::new();
    let mut terminal =
        Pty::shell(&sandbox, &format!("timeout 1 {VAULT} cred add h; echo \"came: $?\"; read go"));
    terminal.expect("came: 124");
    assert!(terminal.echoes());
    terminal.send("\n");
    terminal.end();
}
