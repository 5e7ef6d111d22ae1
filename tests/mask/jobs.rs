//! Job control: keys that interrupt and stop, shells that let go on, sizes that change, and a terminal that
//! is as it was.

use super::support::waiting::{runs, soon};
use super::{Pty, SECRET, Sandbox, at_terminal, require, sandbox};

/// An interactive shell, with the program under test as `$V`.
fn shell(sandbox: &Sandbox) -> Pty {
    let mut command = sandbox.command("setsid");
    command.args(["-c", "-w", "bash", "--norc", "--noprofile", "--noediting", "-i"]);
    command.env("PS1", "ready> ").env("V", super::support::VAULT);
    let mut pty = Pty::start(command);
    pty.expect("ready> ");
    pty
}

/// A minute for the terminal to be put back, which somebody does who was left.
const AWAIT_COOKED: &str =
    "for i in $(seq 600); do stty -a | grep -q \" icanon\" && break; sleep 0.1; done";

const RUN: &str = "$V run -e S=vault://db/password --";

#[test]
fn an_interrupt_reaches_the_program_and_its_end_is_told() {
    let sandbox = sandbox();
    let mut pty = at_terminal(
        &sandbox,
        &[],
        "trap 'echo caught $S; exit 9' INT; echo up; while :; do sleep 0.1; done",
    );
    pty.expect("up");
    pty.send("\x03");
    pty.expect("caught ********");
    assert_eq!(pty.end().0, 9);
    let mut pty = at_terminal(&sandbox, &[], "echo up; exec sleep 60");
    pty.expect("up");
    pty.send("\x03");
    // and the group has it, as without us
    let (code, _) = pty.end();
    assert_eq!(code, 130);
}

#[test]
fn a_program_is_stopped_and_goes_on_in_a_shell() {
    if !require("bash") {
        return;
    }
    let sandbox = sandbox();
    let mut pty = shell(&sandbox);
    pty.send(format!("{RUN} sh -c 'echo up; read x; echo got $x $S'\n"));
    pty.expect("up\r");
    pty.send("\x1a");
    pty.expect("Stopped");
    pty.expect("ready> ");
    pty.send("stty -a | grep -o ' icanon'\n");
    pty.expect("\r\n icanon");
    pty.send("fg\n");
    pty.expect("sh -c");
    pty.send("hello\n");
    pty.expect("got hello");
    pty.expect("ready> ");
    pty.send("echo code=$?; stty -a | grep -o ' echo '\n");
    pty.expect("code=0");
    pty.expect("\r\n echo ");
    pty.send("exit\n");
    assert!(!pty.end().1.contains(SECRET));
}

#[test]
fn in_the_background_the_terminal_is_not_touched() {
    if !require("bash") {
        return;
    }
    let sandbox = sandbox();
    let mut pty = shell(&sandbox);
    pty.send(format!("{RUN} sh -c 'echo up; read x; echo got $x $S' &\n"));
    pty.expect("up\r");
    pty.send("until jobs -s | grep -q .; do sleep 0.05; done\n");
    pty.expect("Stopped");
    pty.expect("ready> ");
    pty.send("stty -a | grep -o ' icanon'\n");
    pty.expect("\r\n icanon");
    pty.send("fg\n");
    pty.expect("sh -c");
    pty.send("hello\n");
    pty.expect("got hello ********");
    pty.send("exit\n");
    pty.end();
}

#[test]
fn a_new_size_arrives() {
    let sandbox = sandbox();
    let mut pty = at_terminal(
        &sandbox,
        &[],
        "trap 'stty size; exit' WINCH; echo up; while :; do sleep 0.05; done",
    );
    pty.expect("up");
    pty.resize(33, 77);
    pty.expect("33 77");
    assert_eq!(pty.end().0, 0);
}

#[test]
fn signals_are_passed_on() {
    let sandbox = sandbox();
    let script = "trap 'echo told; exit 5' TERM; echo up; while :; do sleep 0.05; done";
    let mut pty = shell(&sandbox);
    pty.send(format!("{RUN} sh -c \"{script}\" &\n"));
    pty.expect("up\r");
    pty.send("kill %1; wait %1; echo code=$?\n");
    pty.expect("told");
    pty.expect("code=5");
    pty.send("exit\n");
    pty.end();
}

#[test]
fn the_terminal_is_put_back_even_when_we_are_killed() {
    let sandbox = sandbox();
    let mut pty = shell(&sandbox);
    let script = "stty -a <&3 | grep -o '.icanon'; kill -9 $(ps -o ppid= -p $(ps -o ppid= -p $$)); sleep 100";
    pty.send(format!(
        "sh -c '{RUN} sh -c \"\\$0\" \"$0\" 3<&0; {AWAIT_COOKED}; stty -a | grep -o .icanon' '{script}'\n"
    ));
    pty.expect("\r\n icanon");
    pty.expect("ready> ");
    pty.send("exit\n");
    pty.end();
}

#[test]
fn full_screen_editors_stop_and_go_on() {
    if !require("vim") || !require("bash") {
        return;
    }
    let sandbox = sandbox();
    let mut pty = shell(&sandbox);
    pty.send(format!("{RUN} sh -c 'exec vim -u NONE -N --cmd \"set t_RV= t_u7=\" text'\n"));
    pty.expect("~");
    pty.send("ihello\x1b:wq\r");
    pty.expect("ready> ");
    pty.send("cat text; stty -a | grep -o ' icanon'\n");
    pty.expect("hello\r\n icanon");
    pty.send("exit\n");
    pty.end();
}

#[test]
fn nothing_is_left_when_the_monitor_is_killed() {
    let sandbox = sandbox();
    let mut pty = shell(&sandbox);
    pty.send(format!("{RUN} sh -c 'echo $$ >number; echo up; kill -9 $PPID; exec sleep 600'\n"));
    pty.expect("up\r");
    pty.expect("ready> ");
    pty.send("echo code=$?\n");
    pty.expect("code=129");
    let number = std::fs::read_to_string(sandbox.path("number")).unwrap();
    soon("the end of the program", || !runs(number.trim()));
    let (_, screen) = {
        pty.send("exit\n");
        pty.end()
    };
    assert!(!screen.contains("error"), "{screen}");
}

#[test]
fn part_of_a_pipeline_asks_for_the_terminal_and_gets_it() {
    if !require("python3") {
        return;
    }
    let sandbox = sandbox();
    let mut pty = shell(&sandbox);
    let ask =
        "import getpass, sys; print(len(getpass.getpass(\"Key: \")), sys.stdin.read(), \"$S\")";
    pty.send(format!("echo piped | {RUN} sh -c 'python3 -c \"$0\" | sed s/^/:/' '{ask}' | cat\n"));
    pty.expect("\nKey: ");
    pty.send("twelve chars\n");
    pty.expect(":12 piped");
    pty.expect("ready> ");
    pty.send("stty -a | grep -o ' icanon'\n");
    pty.expect("\r\n icanon");
    pty.send("exit\n");
    pty.end();
}

#[test]
fn an_interrupt_ends_a_script_around_it_too() {
    let sandbox = sandbox();
    let mut pty = shell(&sandbox);
    pty.send(format!("sh -c '{RUN} sh -c \"echo up; exec sleep 600\"; echo went on'\n"));
    pty.expect("up\r");
    pty.send("\x03");
    pty.expect("ready> ");
    pty.send("echo code=$?; exit\n");
    pty.expect("code=130");
    let (_, screen) = pty.end();
    assert!(!screen.contains("\nwent on"), "{screen}");
}
