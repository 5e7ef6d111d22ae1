//! What a program inherits, what it does not, and what others can see.

use crate::sandbox;
use crate::support::{Answer, Sandbox, VAULT, require};
use std::fs;
use std::process::Stdio;

fn text(sandbox: &Sandbox, args: &[&str]) -> String {
    String::from_utf8(sandbox.ok(args, b"")).unwrap()
}

#[test]
fn the_environment_is_handed_on_without_our_own() {
    let sandbox = sandbox();
    let key = fs::read_to_string(sandbox.path("key")).unwrap();
    let mut command = sandbox.vault(&["run", "-e", "A=vault://x", "--", "env"]);
    command.env("VAULT_KEY", key.trim()).env("VAULT_TOKEN", "t").env("OTHER", "o").env("A", "old");
    command.env("VAULT_PASSPHRASE_COMMAND", "pass show x").env("VAULT_PASSPHRASE_FD", "9");
    let answer = Answer::of(&mut command);
    let out = answer.text();
    assert!(!out.contains("VAULT_KEY") && !out.contains("VAULT_PASS"), "{out}");
    assert!(!out.contains("AGE-SECRET") && !out.contains("pass show"), "{out}");
    // what another product of the same name wants is its own affair
    assert!(out.contains("VAULT_TOKEN=t\n"), "{out}");
    assert!(out.contains("OTHER=o\n") && out.contains("A=hunter2-hunter2\n"), "{out}");
    assert!(!out.contains("A=old"), "{out}");
}

#[test]
fn a_clean_environment_has_what_is_named() {
    let sandbox = sandbox();
    let names = |more: &[&str]| {
        let args =
            [&["run", "-e", "A=vault://x", "--clean"], more, &["--", "/usr/bin/env"]].concat();
        let mut command = sandbox.vault(&args);
        command.env("LC_ALL", "C").env("LC_TIME", "C").env("OTHER", "o").env("LCX", "x");
        let out = Answer::of(&mut command).text();
        let mut names: Vec<_> =
            out.lines().map(|line| line.split('=').next().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&[]), ["A", "HOME", "LC_ALL", "LC_TIME", "PATH", "TERM", "TMPDIR"]);
    assert_eq!(names(&["--keep", "OTHER,NONE"]), ["A", "OTHER"]);
    assert_eq!(names(&["--keep", "LC_*,VAULT_KEY_FILE"]), ["A", "LC_ALL", "LC_TIME"]);
    assert_eq!(names(&["--keep", ""]), ["A"]);
}

#[test]
fn references_that_are_there_already_are_resolved_only_if_asked() {
    let sandbox = sandbox();
    let run = |more: &[&str]| {
        let args = [&["run"], more, &["--", "sh", "-c", "echo \"$DB\""]].concat();
        Answer::of(sandbox.vault(&args).env("DB", "vault://x"))
    };
    let left = run(&[]);
    assert_eq!(left.text(), "vault://x\n");
    assert!(left.err.contains("note: `DB` holds a reference"), "{}", left.err);
    assert_eq!(run(&["--resolve-env"]).text(), "hunter2-hunter2\n");
    let over = run(&["--resolve-env", "-e", "DB=vault://db/main"]);
    assert_eq!(over.text(), "first line\nsecond 'line'\n");
    let missing = Answer::of(
        sandbox.vault(&["run", "--resolve-env", "--", "touch", "started"]).env("DB", "vault://no"),
    );
    assert_eq!(missing.code, 125, "{}", missing.err);
    assert!(!sandbox.path("started").exists());
}

#[test]
fn arguments_are_passed_on_as_they_are() {
    let sandbox = sandbox();
    let odd = ["$A", "a b", "", "*", "--json", "-e", "--", "'\"\\", "vault://x", "{{ vault://x }}"];
    let args = [&["run", "-e", "A=vault://x", "--", "printf", "%s|"], &odd[..]].concat();
    assert_eq!(text(&sandbox, &args), odd.map(|word| format!("{word}|")).concat());
    // and the program sees itself called as it was
    let cmdline = text(&sandbox, &["run", "--", "cat", "/proc/self/cmdline"]);
    assert_eq!(cmdline, "cat\0/proc/self/cmdline\0");
}

#[test]
fn only_the_descriptors_that_are_meant_are_handed_over() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let sandbox = sandbox();
    let list = "for fd in /proc/self/fd/*; do echo ${fd##*/} $(readlink $fd); done";
    let started = |line: &str| {
        let mut command = sandbox.command("bash");
        let answer = Answer::of(command.args(["-c", line]).env("VAULT", VAULT).env("LIST", list));
        answer
            .text()
            .lines()
            .filter(|line| !line.contains("/proc/"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let plain = started("exec bash -c \"$LIST\"");
    let ours = "-e A=vault://x --file B=vault://x --fifo C=vault://x";
    let numbers = |list: Vec<String>| {
        let mut numbers: Vec<_> =
            list.iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
        numbers.sort();
        numbers
    };
    let inherited = numbers(plain);
    let handed = numbers(started(&format!("exec $VAULT run {ours} -- bash -c \"$LIST\"")));
    assert_eq!(handed, inherited);
    // what the caller hands on, the program gets, but the passphrase
    let line = format!("exec $VAULT run {ours} --fd 7=vault://x -- bash -c \"$LIST\" 6</dev/null");
    let mut more = numbers(started(&line));
    more.retain(|number| !inherited.contains(number));
    assert_eq!(more, ["6", "7"]);
    let line =
        "exec env VAULT_PASSPHRASE_FD=6 $VAULT run -e A=vault://x -- bash -c \"$LIST\" 6</dev/null";
    assert!(!numbers(started(line)).contains(&"6".to_owned()));
    let key = "exec env VAULT_KEY_FILE=/dev/fd/6 $VAULT run -e A=vault://x -- bash -c \"$LIST\"";
    let key = numbers(started(&format!("{key} 6<\"$VAULT_KEY_FILE\"")));
    assert!(!key.is_empty() && !key.contains(&"6".to_owned()));
    assert_eq!(text(&sandbox, &["run", "--", "bash", "-c", "cat <(echo hi)"]), "hi\n");
}

#[test]
fn umask_and_signals_are_those_of_the_caller() {
    let sandbox = sandbox();
    let run = |before: &str, line: &str| {
        let whole = format!("{before} exec \"$VAULT\" run -e A=vault://x -- {line}");
        let mut command = sandbox.command("sh");
        Answer::of(command.args(["-c", &whole]).env("VAULT", VAULT)).text()
    };
    assert_eq!(run("umask 027;", "sh -c umask"), "0027\n");
    let look = "grep -E 'SigIgn|SigBlk' /proc/self/status";
    // glibc lets what it starts ignore 32 and 33, which are its own
    let ordinary = |text: String| {
        let sets = text.lines().map(|line| line.split_whitespace().nth(1).unwrap().to_owned());
        sets.map(|set| u64::from_str_radix(&set, 16).unwrap() & 0x7fff_ffff).collect::<Vec<_>>()
    };
    let mask = |before: &str| ordinary(run(before, look));
    let direct = |before: &str| {
        let whole = format!("{before} exec {look}");
        ordinary(Answer::of(sandbox.command("sh").args(["-c", &whole])).text())
    };
    assert_eq!(mask(""), direct(""));
    // nohup, and what shells do for the background
    let ignored = "trap '' HUP INT QUIT XFSZ;";
    assert_ne!(direct(""), direct(ignored));
    assert_eq!(mask(ignored), direct(ignored));
}

#[test]
fn nobody_sees_the_value_in_our_own_process() {
    let sandbox = sandbox();
    let mut command =
        sandbox.vault(&["run", "-e", "A=vault://x", "--", "sh", "-c", "echo $$; read x"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(child.stdout.take().unwrap()),
        &mut line,
    )
    .unwrap();
    let look = |pid: &str, what: &str| fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default();
    let has =
        |pid: &str, what: &str| crate::support::contains(&look(pid, what), b"hunter2-hunter2");
    let (ours, its) = (child.id().to_string(), line.trim().to_owned());
    assert!(has(&its, "environ"), "the look is blind");
    assert!(!has(&ours, "environ") && !has(&ours, "cmdline") && !has(&its, "cmdline"));
    // the database is closed; only the superuser can look
    let open = fs::read_dir(format!("/proc/{ours}/fd")).ok().map(|open| {
        open.flatten().filter_map(|fd| fs::read_link(fd.path()).ok()).collect::<Vec<_>>()
    });
    assert_eq!(open.is_some(), rustix::process::geteuid().is_root());
    let open = open.unwrap_or_default();
    assert!(!open.iter().any(|path| path.to_string_lossy().contains("vault.db")), "{open:?}");
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[test]
fn the_log_has_it_before_the_program_starts() {
    let sandbox = sandbox();
    let key = sandbox.path("key");
    let line =
        format!("exec '{VAULT}' --key-file '{}' audit show --json --action run", key.display());
    let args = ["run", "-e", "A=vault://x", "--fd", "3=vault://db/main", "--reason", "ticket 42"];
    let out = sandbox.ok(&[&args[..], &["--", "/bin/sh", "-c", &line]].concat(), b"");
    let seen = crate::support::json(&out);
    let items = seen["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{seen}");
    for (name, mode) in [("x", "env"), ("db/main", "fd")] {
        let entry = items.iter().find(|entry| entry["name"] == name).unwrap();
        assert_eq!(entry["details"]["mode"], mode, "{entry}");
        assert_eq!(entry["details"]["command"], "sh", "the name, and no argument: {entry}");
        assert_eq!((&entry["reason"], &entry["outcome"]), (&"ticket 42".into(), &"ok".into()));
    }
}

#[test]
fn a_canary_that_is_handed_to_a_program_is_noticed() {
    let sandbox = sandbox();
    sandbox.ok(&["cred", "add", "bait", "--canary", "--stdin"], b"hunter2-bait");
    sandbox.ok(&["run", "-e", "A=vault://x", "--", "true"], b"");
    let incidents = || text(&sandbox, &["incident", "list", "--json"]);
    assert!(!incidents().contains("INC-1"));
    sandbox.ok(&["run", "-e", "A=vault://bait", "--", "true"], b"");
    assert!(incidents().contains("INC-1"), "{}", incidents());
}

#[test]
fn nothing_but_the_program_is_told_a_value() {
    if !require("strace") {
        return;
    }
    if !rustix::process::geteuid().is_root() {
        crate::support::unable("needs the superuser, to see what a hardened process starts");
        return;
    }
    let sandbox = sandbox();
    let trace = sandbox.path("trace");
    let mut command = sandbox.command("strace");
    command.args(["-f", "-s", "4096", "-v", "-o"]).arg(&trace).arg(VAULT);
    command.args(["run", "-e", "A=vault://x", "--", "true"]);
    let answer = Answer::of(&mut command);
    assert_eq!(answer.code, 0, "{}", answer.err);
    let trace = fs::read_to_string(trace).unwrap();
    let lines: Vec<&str> = trace.lines().filter(|line| line.contains("hunter2")).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].contains("execve(") && lines[0].contains("\"A=hunter2-hunter2\""),
        "{lines:?}"
    );
}
