//! Sinks: what they get, what becomes of their failures, and that nothing is lost.

mod receivers;

use super::support::waiting::{PATIENCE, soon};
use super::support::{Answer, Sandbox, contains, files, json, require};
use super::{says, tells};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

const SECRET: &[u8] = b"hunter2-the-canary";

/// Writes the configuration file.
fn configure(sandbox: &Sandbox, text: &str) {
    fs::create_dir_all(sandbox.path("home/.config/vault")).unwrap();
    // a new one: an old one keeps its mode
    _ = fs::remove_file(sandbox.path("home/.config/vault/config.toml"));
    sandbox.file("home/.config/vault/config.toml", text);
}

/// A vault with a sink that is told of what comes after the first two entries.
fn with(settings: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.add("a", SECRET);
    let mut settings = settings.replace("$DIR", sandbox.root().to_str().unwrap());
    if !settings.contains("timeout") {
        settings.push_str("timeout = '60s'\n"); // the machine may be busy
    }
    configure(&sandbox, &format!("[sink.s]\n{settings}"));
    sandbox
}

const FILE: &str = "type = 'jsonl'\npath = '$DIR/log.jsonl'\n";

fn lines(sandbox: &Sandbox, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(sandbox.path(name)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn seqs(lines: &[Value]) -> Vec<i64> {
    lines.iter().map(|line| line["seq"].as_i64().unwrap()).collect()
}

fn get(sandbox: &Sandbox) -> Answer {
    sandbox.run(&["cred", "get", "a"])
}

#[test]
fn a_file_gets_each_entry_once_and_in_order() {
    let sandbox = with(FILE);
    let first = get(&sandbox);
    assert!(first.err.contains("sink `s` is new here: it goes on with entry 3"), "{}", first.err);
    assert_eq!((first.code, &first.out[..]), (0, SECRET));
    let second = sandbox.run(&["cred", "get", "a", "--reason", "a \"reason\""]);
    assert!(!second.err.contains("sink"), "{}", second.err);
    // while locked, and what failed
    let mut show = sandbox.vault(&["cred", "show", "a"]);
    assert_eq!(Answer::of(show.env_remove("VAULT_KEY_FILE")).code, 0);
    assert_eq!(sandbox.run(&["cred", "get", "none"]).code, 10);
    sandbox.file(
        "other",
        "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33",
    );
    assert_eq!(sandbox.run(&["--key-file", "other", "cred", "get", "a"]).code, 11);
    let got = lines(&sandbox, "log.jsonl");
    assert_eq!(seqs(&got), [3, 4, 5, 6, 7]);
    assert_eq!(got[4]["action"], "unlock_failed");
    let log = sandbox.log(&[]);
    for line in &got {
        let entry = log.iter().find(|entry| entry["seq"] == line["seq"]).unwrap();
        for (key, value) in entry.as_object().unwrap() {
            let none = key == "fields" && value.is_null();
            assert!(none || line[key] == *value, "{key}: {} and {value}", line[key]);
        }
    }
    let file = sandbox.path("log.jsonl");
    assert!(!contains(&fs::read(&file).unwrap(), SECRET));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let told = sandbox.ok(&["audit", "verify", "--json", "--anchor", "log.jsonl"], b"");
    assert_eq!(json(&told)["anchored_to"], 7);
}

#[test]
fn a_torn_line_is_ended_and_not_continued() {
    let sandbox = with(FILE);
    sandbox.file("log.jsonl", "{\"torn");
    get(&sandbox);
    let text = fs::read_to_string(sandbox.path("log.jsonl")).unwrap();
    let (torn, rest) = text.split_once('\n').unwrap();
    assert_eq!(torn, "{\"torn");
    assert_eq!(serde_json::from_str::<Value>(rest).unwrap()["seq"], 3);
}

#[test]
fn a_file_that_is_not_safe_is_not_written() {
    type Prepare = fn(&Sandbox);
    let prepare: [(&str, Prepare); 4] = [
        ("a link", |s| {
            s.file("target", "");
            std::os::unix::fs::symlink(s.path("target"), s.path("log.jsonl")).unwrap();
        }),
        ("others can write it", |s| {
            let path = s.file("log.jsonl", "");
            fs::set_permissions(path, PermissionsExt::from_mode(0o622)).unwrap();
        }),
        ("a directory", |s| fs::create_dir(s.path("log.jsonl")).unwrap()),
        ("a pipe", |s| {
            let made = s.command("mkfifo").arg(s.path("log.jsonl")).status();
            assert!(made.unwrap().success());
        }),
    ];
    for (title, prepare) in prepare {
        let sandbox = with(&format!("{FILE}on_failure = 'refuse'\n"));
        prepare(&sandbox);
        let answer = get(&sandbox);
        says(&answer, 18, "nothing is done that sink `s` does not hear of", "vault audit sinks");
        assert!(answer.out.is_empty(), "{title}");
        assert!(fs::read(sandbox.path("target")).unwrap_or_default().is_empty(), "{title}");
    }
}

#[test]
fn refuse_means_that_nothing_begins() {
    let sandbox = with("type = 'syslog'\naddress = '$DIR/none'\non_failure = 'refuse'\n");
    let entries = sandbox.entries();
    for args in [&["cred", "get", "a"][..], &["cred", "rm", "a"], &["cred", "list"]] {
        let answer = sandbox.run(args);
        says(&answer, 18, "cannot reach", "vault audit sinks");
        assert!(answer.out.is_empty());
    }
    assert_eq!(sandbox.entries(), entries);
    // an attempt is entered all the same, and what only looks at the log works
    sandbox.file(
        "other",
        "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33",
    );
    assert_eq!(sandbox.run(&["--key-file", "other", "cred", "get", "a"]).code, 11);
    assert_eq!(sandbox.log(&["--limit", "1"])[0]["action"], "unlock_failed");
    assert_eq!(sandbox.run(&["status"]).code, 0);
}

#[test]
fn refuse_after_the_commit_keeps_the_value_back() {
    let script = "type = 'command'\ncommand = ['$DIR/take']\non_failure = 'refuse'\n";
    let sandbox = with(script);
    let program = |text: &str| _ = sandbox.script("take", format!("#!/bin/sh\n{text}\n"));
    program("cat > /dev/null; exit 3");
    let answer = get(&sandbox);
    says(&answer, 18, "it is done and entered, but sink `s` did not hear of it", "audit sinks");
    assert!(answer.out.is_empty(), "{}", answer.all());
    assert_eq!(sandbox.log(&["--limit", "1"])[0]["action"], "decrypt");
    // what it has missed keeps the next one from beginning
    let answer = get(&sandbox);
    says(&answer, 18, "nothing is done that sink `s` does not hear of", "audit sinks");
    assert_eq!(sandbox.entries(), 3);
    program(&format!("cat >> {}", sandbox.path("took").display()));
    assert_eq!(get(&sandbox).out, SECRET);
    assert_eq!(seqs(&lines(&sandbox, "took")), [3, 4]);
}

#[test]
fn what_a_sink_missed_it_gets_later() {
    let sandbox = with(FILE);
    get(&sandbox);
    fs::set_permissions(sandbox.path("log.jsonl"), PermissionsExt::from_mode(0o666)).unwrap();
    for _ in 0..300 {
        let answer = get(&sandbox);
        assert_eq!(answer.out, SECRET);
        assert!(answer.err.contains("warning: sink `s` is behind"), "{}", answer.err);
    }
    let state = sandbox.run(&["audit", "sinks", "--json"]);
    let item = &json(&state.out)["items"][0];
    assert_eq!(state.code, 16, "{item}");
    assert_eq!((&item["behind"], &item["delivered_to"]), (&300.into(), &3.into()), "{item}");
    assert!(item["problem"].as_str().unwrap().contains("others can write"), "{item}");
    fs::set_permissions(sandbox.path("log.jsonl"), PermissionsExt::from_mode(0o600)).unwrap();
    assert!(!get(&sandbox).err.contains("sink"));
    assert_eq!(seqs(&lines(&sandbox, "log.jsonl")), (3..=304).collect::<Vec<_>>());
    // the trial sends the last one once more
    let item = json(&sandbox.ok(&["audit", "sinks", "--json"], b""))["items"][0].clone();
    assert_eq!((&item["behind"], &item["problem"]), (&0.into(), &Value::Null));
    assert_eq!(seqs(&lines(&sandbox, "log.jsonl"))[302..], [304]);
}

#[test]
fn a_vault_that_was_put_back_begins_again() {
    let sandbox = with(FILE);
    let kept: Vec<_> = ["data", "state"]
        .iter()
        .flat_map(|dir| files(&sandbox.path(dir)))
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    for _ in 0..3 {
        get(&sandbox);
    }
    for (path, bytes) in kept {
        fs::write(path, bytes).unwrap();
    }
    let answer = get(&sandbox);
    let warning = "sink `s` has heard of another state of the log: it goes on with entry 3";
    assert!(answer.err.contains(warning), "{}", answer.err);
    assert_eq!(seqs(&lines(&sandbox, "log.jsonl")), [3, 4, 5, 3]);
}

#[test]
fn programs_that_hang_fail_or_flood_keep_nobody() {
    // which are ours, among those of the whole machine
    let id = std::process::id().to_string();
    for (script, why, warns) in [
        ("sleep 98.$ID & sleep 99.$ID", "did not end in time", true),
        ("exec sleep 97.$ID < /dev/null", "did not end in time", true),
        ("cat > /dev/null; exit 1", "failed", true),
        ("cat > /dev/null; head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2", "", false),
        ("kill -9 $$", "failed", true),
    ] {
        let limit = if why.contains("in time") { "700ms" } else { "60s" };
        let script = script.replace("$ID", &id);
        let sandbox = with(&format!(
            "type = 'command'\ncommand = ['/bin/sh', '-c', '{script}']\ntimeout = '{limit}'\n"
        ));
        let since = Instant::now();
        let answer = get(&sandbox);
        assert!(since.elapsed() < PATIENCE, "{script}");
        assert_eq!((answer.code, &answer.out[..]), (0, SECRET), "{script}");
        assert_eq!(answer.err.contains("sink `s` is behind"), warns, "{script}: {}", answer.err);
        assert!(answer.err.contains(why), "{}", answer.err);
    }
    if require("pgrep") {
        let ours = format!("^sleep 9[789]\\.{id}$");
        let look = || std::process::Command::new("pgrep").args(["-f", &ours]).output().unwrap();
        soon("the end of all", || look().stdout.is_empty());
    }
}

#[test]
fn a_program_sees_no_key() {
    let sandbox = with(
        "type = 'command'\ncommand = ['/bin/sh', '-c', 'env > $DIR/env; pwd >> $DIR/env; cat']\n",
    );
    let mut command = sandbox.vault(&["cred", "get", "a"]);
    assert_eq!(Answer::of(command.env("VAULT_KEY", "").env("OTHER", "1")).out, SECRET);
    let env = fs::read_to_string(sandbox.path("env")).unwrap();
    assert!(env.contains("OTHER=1") && env.ends_with("\n/\n"), "{env}");
    assert!(
        !env.contains("VAULT_KEY") && !env.contains("VAULT_PASS") && !env.contains("hunter2"),
        "{env}"
    );
}

#[test]
fn a_configuration_that_cannot_be_believed_stops_what_is_logged() {
    let sandbox = with(FILE);
    let config = sandbox.path("home/.config/vault/config.toml");
    fs::set_permissions(&config, PermissionsExt::from_mode(0o620)).unwrap();
    let answer = get(&sandbox);
    says(&answer, 14, "others can write", "chmod go-w");
    assert!(answer.out.is_empty());
    for (text, message) in [
        ("[sink.s]\ntype = 'jsonl'\n", "sink `s`: a sink of type `jsonl` needs a `path`"),
        ("[sink.'../s']\ntype = 'syslog'\n", "`../s` cannot be the name of a sink"),
        ("[sink.s]\ntype = 'carrier'\n", "line 2"),
    ] {
        configure(&sandbox, text);
        says(&get(&sandbox), 2, message, "");
        tells(&sandbox.run(&["cred", "get", "a", "--json"]), 2, "usage", message);
        assert_eq!(sandbox.run(&["audit", "show"]).code, 0);
        assert_eq!(sandbox.run(&["audit", "sinks"]).code, 2);
    }
    let mut named = sandbox.vault(&["cred", "get", "a"]);
    says(&Answer::of(named.env("VAULT_CONFIG_FILE", "none")), 2, "cannot read `none`", "");
    // control
    configure(&sandbox, "");
    assert_eq!(get(&sandbox).out, SECRET);
}

#[test]
fn many_at_once_keep_the_order() {
    let sandbox = with(&format!("{FILE}timeout = '20s'\n"));
    get(&sandbox);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| (0..5).for_each(|_| assert_eq!(get(&sandbox).out, SECRET)));
        }
    });
    assert_eq!(seqs(&lines(&sandbox, "log.jsonl")), (3..=33).collect::<Vec<_>>());
}

/// That an older state was accepted is what somebody elsewhere must hear.
#[test]
fn a_sink_hears_that_an_older_state_is_trusted() {
    let sandbox = with(FILE);
    get(&sandbox);
    let kept: Vec<_> = files(&sandbox.path("data"))
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    for _ in 0..2 {
        get(&sandbox);
    }
    for (path, bytes) in kept {
        fs::write(path, bytes).unwrap();
    }
    sandbox.ok(&["trust-state", "--yes"], b"");
    let heard = lines(&sandbox, "log.jsonl");
    assert_eq!(seqs(&heard), [3, 4, 5, 4, 5]);
    assert_eq!(
        (&heard[3]["action"], &heard[4]["action"]),
        (&"segment".into(), &"trust_state".into())
    );
    get(&sandbox);
    assert_eq!(seqs(&lines(&sandbox, "log.jsonl"))[5..], [6]);
}
