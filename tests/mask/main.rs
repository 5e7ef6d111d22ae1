//! Programs at a terminal whose secrets are hidden: they behave as without us, and say no secret.

#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and has surroundings of its own"
)]

#[path = "../support/mod.rs"]
mod support;

mod jobs;

use support::pty::Pty;
use support::{Sandbox, require};

const SECRET: &str = "correct horse/battery=staple";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.ok(&["cred", "add", "db", "--stdin"], SECRET.as_bytes());
    sandbox
}

/// `script` for a shell with the secret in `$S`, at a terminal.
fn at_terminal(sandbox: &Sandbox, options: &[&str], script: &str) -> Pty {
    let run = ["run", "-e", "S=vault://db/password"];
    Pty::vault(sandbox, &[&run, options, &["--", "sh", "-c", script]].concat(), &[])
}

#[test]
fn it_is_hidden_in_every_form() {
    let sandbox = sandbox();
    let script = "echo plain $S; printf %s \"user:$S\" | base64; printf %s \"$S\" | od -An -tx1 | tr -d ' '; \
        echo error $S >&2; echo tty $S >/dev/tty; exit 7";
    let (code, screen) = at_terminal(&sandbox, &[], script).end();
    assert_eq!(code, 7, "{screen}");
    assert!(screen.contains("plain ********") && screen.contains("error ********"), "{screen}");
    assert!(screen.contains("tty ********"), "{screen}");
    assert!(!screen.contains("horse") && !screen.contains("Y29ycmVjdCBob3JzZ"), "{screen}");
    assert!(!screen.contains("636f727265637420"), "{screen}");
    // the control: without us it is there
    let (_, screen) = at_terminal(&sandbox, &["--mask", "never"], script).end();
    assert!(screen.contains(SECRET) && screen.contains("636f727265637420"), "{screen}");
}

#[test]
fn pipes_and_files_get_what_was_said_unless_asked() {
    let sandbox = sandbox();
    let run = ["run", "-e", "S=vault://db/password"];
    let script = ["--", "sh", "-c", "echo $S; echo $S >&2; kill -9 $$"];
    let plain = sandbox.run(&[&run[..], &script].concat());
    assert_eq!((plain.code, plain.out), (137, format!("{SECRET}\n").into_bytes()));
    let hidden = sandbox.run(&[&run[..], &["--mask", "always"], &script].concat());
    assert_eq!((hidden.code, hidden.out.as_slice()), (137, &b"********\n"[..]));
    assert_eq!(hidden.err, "********\n");
}

#[test]
fn a_reader_that_goes_ends_the_program() {
    let sandbox = sandbox();
    let vault = support::VAULT;
    let line = format!(
        "{vault} run -e S=vault://db/password --mask always -- yes \"$(printf %070d 0)\" | head -n 1; echo end"
    );
    let (code, screen) = Pty::shell(&sandbox, &line).end();
    assert!(code == 0 && screen.ends_with("end\r\n"), "{screen}");
}

#[test]
fn many_keys_and_much_output_at_once_do_not_block() {
    let sandbox = sandbox();
    let script = "stty -echo -icanon; echo up; (seq 100000; echo $S) & head -c 20000 | wc -c; wait";
    let mut pty = at_terminal(&sandbox, &[], script);
    pty.expect("up");
    for _ in 0..20 {
        pty.send([b'x'; 1000]);
    }
    let (code, screen) = pty.end();
    assert!(code == 0 && screen.contains("20000\r\n") && screen.contains("\n100000\r"), "{code}");
    assert!(screen.contains("********") && !screen.contains("horse"));
}

#[test]
fn files_pipes_and_descriptors_reach_a_masked_program() {
    let sandbox = sandbox();
    let options = [
        "--fifo",
        "P=vault://db/password",
        "--file",
        "F=vault://db/password",
        "--fd",
        "5=vault://db/password",
    ];
    let script = "wc -c <$P; wc -c <$F; wc -c <&5; cat $F";
    let (code, screen) = at_terminal(&sandbox, &options, script).end();
    assert_eq!((code, screen.as_str()), (0, "28\r\n28\r\n28\r\n********"));
}

#[test]
fn the_signal_that_ends_it_is_told() {
    let sandbox = sandbox();
    let (code, screen) = at_terminal(&sandbox, &[], "printf 'last words'; kill -SEGV $$").end();
    assert!(code == 128 + 11 && screen == "last words", "{code} {screen}");
}

#[test]
fn a_program_sees_a_terminal_with_our_size_and_modes() {
    let sandbox = sandbox();
    let script = "for n in 0 1 2; do test -t $n && echo yes $n; done; stty size; \
        ls --color=auto -d /; tty; ps -o stat= -p $$";
    let (code, screen) = at_terminal(&sandbox, &[], script).end();
    assert_eq!(code, 0, "{screen}");
    for part in ["yes 0", "yes 1", "yes 2", "50 100", "\x1b[", "/dev/pts/"] {
        assert!(screen.contains(part), "{part}: {screen}");
    }
    // in the foreground, however kindly the tests are run
    let state = screen.lines().last().unwrap();
    assert!(state.starts_with('S') && state.contains('+'), "{state}: {screen}");
}

#[test]
fn a_pipe_in_a_pipeline_stays_a_pipe() {
    let sandbox = sandbox();
    let vault = support::VAULT;
    let line = format!(
        "{vault} run -e S=vault://db/password -- sh -c 'test -t 1 || echo out $S; test -t 2 && echo err $S >&2' | cat"
    );
    let (code, screen) = Pty::shell(&sandbox, &line).end();
    assert_eq!(code, 0, "{screen}");
    assert!(
        screen.contains(&format!("out {SECRET}")) && screen.contains("err ********"),
        "{screen}"
    );
}

#[test]
fn prompts_come_at_once_and_what_is_typed_arrives() {
    if !require("python3") {
        return;
    }
    let sandbox = sandbox();
    let script = "python3 -c 'import getpass; p = getpass.getpass(\"Really c\"); print(len(p), \"typed\", p)'";
    let mut pty = at_terminal(&sandbox, &[], script);
    pty.expect("Really c");
    pty.send(format!("{SECRET}\n"));
    pty.expect("28 typed ********");
    assert_eq!(pty.end().0, 0);
}

#[test]
fn the_echo_of_what_is_typed_is_hidden() {
    let sandbox = sandbox();
    let mut pty = at_terminal(&sandbox, &[], "printf 'name: '; read -r x; echo got $x");
    pty.expect("name: ");
    pty.send(format!("{SECRET}\n"));
    pty.expect("********");
    pty.expect("got ********");
    let (code, screen) = pty.end();
    assert!(code == 0 && !screen.contains("horse"), "{screen}");
    // the control: it is echoed without us
    let script = "printf 'name: '; read -r x; echo got $x";
    let mut pty = at_terminal(&sandbox, &["--mask", "never"], script);
    pty.expect("name: ");
    pty.send(format!("{SECRET}\n"));
    assert!(pty.end().1.contains("got correct horse"));
}

#[test]
fn what_is_written_slowly_is_hidden() {
    let sandbox = sandbox();
    let script =
        "printf 'correct hor'; sleep 0.3; printf 'se/batt'; sleep 0.3; printf 'ery=staple!'";
    let (_, screen) = at_terminal(&sandbox, &[], script).end();
    assert_eq!(screen, "********!");
}

#[test]
fn short_values_are_not_hidden_and_that_is_said() {
    let sandbox = Sandbox::new();
    sandbox.ok(&["cred", "add", "pin", "--stdin"], b"1234");
    let args = ["run", "-e", "S=vault://pin", "--", "sh", "-c", "echo $S"];
    let (_, screen) = Pty::vault(&sandbox, &args, &[]).end();
    assert!(screen.contains("1234") && screen.contains("less than 8 bytes"), "{screen}");
}

#[test]
fn a_program_that_is_not_there_is_said_as_ever() {
    let sandbox = sandbox();
    let args = ["run", "-e", "S=vault://db/password", "--", "no-such-program"];
    let (code, screen) = Pty::vault(&sandbox, &args, &[]).end();
    assert!(code == 127 && screen.contains("there is no program"), "{screen}");
}

#[test]
fn programs_of_the_whole_screen_start_and_end() {
    if !require("less") {
        return;
    }
    let sandbox = sandbox();
    let mut pty = at_terminal(&sandbox, &[], "seq 1000 | sed \"s|^|$S |\" | less; stty -a");
    pty.expect("******** 40");
    pty.send("q");
    pty.expect("icanon");
    let (code, screen) = pty.end();
    assert!(code == 0 && !screen.contains("horse"), "{screen}");
}
