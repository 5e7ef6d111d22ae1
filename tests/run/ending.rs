//! How a program ends, and what signals do.

use crate::support::pty::Pty;
use crate::support::{Answer, Sandbox, VAULT};
use crate::{sandbox, wait_for};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

fn send(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), signal).unwrap();
}

fn code(child: &mut Child) -> i32 {
    child.wait().unwrap().code().unwrap()
}

/// A script that says `ready` in a file when it is.
fn started(sandbox: &Sandbox, more: &[&str], script: &str) -> Child {
    let line = format!("{script}\n: > ready; while :; do sleep 0.05; done");
    let args = [&["run", "-e", "A=vault://x"], more, &["--", "bash", "-c", &line]].concat();
    let child = sandbox.vault(&args).spawn().unwrap();
    wait_for("the program", || sandbox.path("ready").exists());
    child
}

#[test]
fn the_exit_code_is_that_of_the_program() {
    let sandbox = sandbox();
    let code = |line: &str| sandbox.run(&["run", "-e", "A=vault://x", "--", "sh", "-c", line]).code;
    assert_eq!(["exit 0", "exit 1", "exit 42", "exit 255"].map(code), [0, 1, 42, 255]);
    assert_eq!(
        ["kill -TERM $$", "kill -KILL $$", "kill -SEGV $$", "kill -INT $$"].map(code),
        [143, 137, 139, 130]
    );
    assert_eq!(sandbox.run(&["run", "--", "true"]).code, 0, "without a secret too");
    assert_eq!(sandbox.run(&["run", "--", "false"]).code, 1);
}

#[test]
fn an_interrupted_program_ends_us_by_the_interrupt() {
    let sandbox = sandbox();
    let ended = |line: &str| {
        let args = ["run", "--file", "F=vault://x", "--", "sh", "-c", line];
        sandbox.vault(&args).output().unwrap().status
    };
    // what a shell asks before it goes on with a loop
    let status = ended("echo \"$F\" > path; kill -INT $$");
    assert_eq!((status.signal(), status.code()), (Some(2), None));
    let path = fs::read_to_string(sandbox.path("path")).unwrap();
    assert!(!PathBuf::from(path.trim()).parent().unwrap().exists(), "nothing is left");
    assert_eq!(ended("exit 130").code(), Some(130));
    assert_eq!(ended("kill -TERM $$").code(), Some(143));
}

#[test]
fn whoever_ignores_the_end_of_children_learns_how_it_ended() {
    let sandbox = sandbox();
    let run = |more: &[&str]| {
        let mut command = sandbox.command("setsid");
        command.args(["-c", "-w", "env", "--ignore-signal=CHLD", VAULT, "run"]).args(more);
        command.args(["-e", "A=vault://x", "--", "sh", "-c", "echo $A; exit 3"]);
        Pty::start(command).end()
    };
    assert_eq!(run(&[]), (3, "********\r\n".to_owned()));
    assert_eq!(run(&["--mask", "never"]), (3, "hunter2-hunter2\r\n".to_owned()));
}

#[test]
fn what_the_program_leaves_behind_does_not_hold_us_for_ever() {
    let sandbox = sandbox();
    // it keeps the pipe that is read for masking
    let line = "echo \"$F\" > path; sleep 600 & echo $! $$ > left; : > ready; exit 4";
    for signal in [Signal::TERM, Signal::INT] {
        let args = ["run", "--mask", "always", "-e", "A=vault://x", "--file", "F=vault://x"];
        let mut command = sandbox.vault(&[&args[..], &["--", "bash", "-c", line]].concat());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for("the program", || sandbox.path("ready").exists());
        let left = fs::read_to_string(sandbox.path("left")).unwrap();
        let (left, program) = left.trim().split_once(' ').unwrap();
        wait_for("its end", || !Path::new("/proc").join(program).exists());
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert!(child.try_wait().unwrap().is_none(), "the rest may still say something");
        send(child.id(), signal);
        wait_for("our end", || child.try_wait().unwrap().is_some());
        assert_eq!(code(&mut child), 4);
        let path = fs::read_to_string(sandbox.path("path")).unwrap();
        assert!(!PathBuf::from(path.trim()).exists());
        send(left.parse().unwrap(), Signal::KILL);
        fs::remove_file(sandbox.path("ready")).unwrap();
    }
}

#[test]
fn a_program_that_takes_our_place_ends_as_itself() {
    let sandbox = sandbox();
    let line = "echo $$ $A $(cat <&3) $(cat); exit 9";
    let mut command = sandbox.command("sh");
    let all = format!(
        "echo $$; exec '{VAULT}' run --replace -e A=vault://x --fd 3=vault://x --stdin vault://x -- sh -c '{line}'"
    );
    let answer = Answer::of(command.args(["-c", &all]));
    let text = answer.text();
    let lines: Vec<&str> = text.lines().collect();
    let value = "hunter2-hunter2";
    assert_eq!(answer.code, 9, "{}", answer.err);
    assert_eq!(lines[1], format!("{} {value} {value} {value}", lines[0]));
    let missing = sandbox.run(&["run", "--replace", "-e", "A=vault://x", "--", "/nonexistent"]);
    assert_eq!(missing.code, 127);
}

#[test]
fn signals_are_passed_on_each_once() {
    let sandbox = sandbox();
    let signals = [
        ("HUP", Signal::HUP),
        ("INT", Signal::INT),
        ("QUIT", Signal::QUIT),
        ("TERM", Signal::TERM),
        ("USR1", Signal::USR1),
        ("USR2", Signal::USR2),
        ("WINCH", Signal::WINCH),
    ];
    let traps: String =
        signals.map(|(name, _)| format!("trap 'echo {name} >> log' {name}; ")).concat();
    let mut child =
        started(&sandbox, &[], &format!("{traps} : > log; trap 'exit 5' ALRM; echo $$ > pid"));
    let mut expected = String::new();
    for (name, signal) in signals.into_iter().chain([("TERM", Signal::TERM)]) {
        send(child.id(), signal);
        expected.push_str(&format!("{name}\n"));
        wait_for(name, || fs::read_to_string(sandbox.path("log")).unwrap() == expected);
    }
    let pid: u32 = fs::read_to_string(sandbox.path("pid")).unwrap().trim().parse().unwrap();
    send(pid, Signal::ALARM);
    assert_eq!(code(&mut child), 5);
    assert_eq!(fs::read_to_string(sandbox.path("log")).unwrap(), expected);
}

#[test]
fn told_to_end_we_end_as_the_program_and_wipe() {
    let sandbox = sandbox();
    // a shell that waits for somebody else leaves the interrupt to that one
    for (signal, number) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::USR1, 138)] {
        let _ = fs::remove_file(sandbox.path("ready"));
        let mut child = started(&sandbox, &["--file", "F=vault://x"], "echo \"$F\" > path");
        let path = PathBuf::from(fs::read_to_string(sandbox.path("path")).unwrap().trim());
        assert!(path.exists());
        send(child.id(), signal);
        assert_eq!(code(&mut child), number);
        assert!(!path.parent().unwrap().exists());
    }
}

#[test]
fn a_signal_of_the_program_to_its_group_does_not_come_back() {
    let sandbox = sandbox();
    // a group of its own, so that the test is not in it
    let line = "trap 'echo got >> log' TERM; kill -TERM 0; sleep 0.3; exit 4";
    let mut command = sandbox.command("setsid");
    command.args(["-w", VAULT, "run", "-e", "A=vault://x", "--", "bash", "-c", line]);
    assert_eq!(Answer::of(&mut command).code, 4);
    assert_eq!(fs::read_to_string(sandbox.path("log")).unwrap(), "got\n");
}

#[test]
fn what_was_left_by_a_kill_goes_at_the_next_start() {
    let sandbox = sandbox();
    let mut child =
        started(&sandbox, &["--file", "F=vault://x"], "echo \"$F\" > path; echo $$ > pid");
    let path = PathBuf::from(fs::read_to_string(sandbox.path("path")).unwrap().trim());
    sandbox.ok(&["run", "--", "true"], b"");
    assert!(path.exists(), "it is in use");
    send(child.id(), Signal::KILL);
    child.wait().unwrap();
    let pid: u32 = fs::read_to_string(sandbox.path("pid")).unwrap().trim().parse().unwrap();
    send(pid, Signal::KILL);
    assert!(path.exists(), "nobody could remove it");
    sandbox.ok(&["run", "--", "true"], b"");
    assert!(!path.parent().unwrap().exists());
}

#[test]
fn as_the_first_process_we_bury_orphans_and_pass_signals_on() {
    let sandbox = sandbox();
    let probe = Command::new("unshare").args(["--pid", "--fork", "--mount-proc", "true"]).output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        crate::support::unable("no right to make a namespace of processes");
        return;
    }
    // the orphan ends after its parent, and would stay as a zombie
    let line = "(sleep 0.1 & echo $! > orphan; exec true); orphan=$(cat orphan)
                for i in $(seq 600); do test -e /proc/$orphan || break; sleep 0.1; done
                test ! -e /proc/$orphan || echo \"not buried: $(cat /proc/$orphan/stat)\"
                cat /proc/1/comm; trap 'echo told; exit 6' TERM; kill -TERM 1 & sleep 5; wait";
    let line = line.replace("sleep 5; wait", "while :; do sleep 0.05; done");
    let mut command = sandbox.command("unshare");
    command.args([
        "--pid",
        "--fork",
        "--mount-proc",
        VAULT,
        "run",
        "-e",
        "A=vault://x",
        "--",
        "bash",
        "-c",
    ]);
    let answer = Answer::of(command.arg(line));
    assert_eq!((answer.code, answer.text().as_str()), (6, "vault\ntold\n"), "{}", answer.err);
}

#[test]
fn a_descriptor_is_no_way_around_the_exit_code() {
    // whichever number is taken, a program that cannot be started is reported
    let sandbox = sandbox();
    sandbox.file("script", "#!/nonexistent/interpreter\n");
    let mut permissions = fs::metadata(sandbox.path("script")).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    fs::set_permissions(sandbox.path("script"), permissions).unwrap();
    for number in 3..16 {
        let fd = format!("{number}=vault://x");
        let answer = sandbox.run(&["run", "--fd", &fd, "--", "./script"]);
        assert_eq!(answer.code, 126, "{number}: {}", answer.err);
    }
}
