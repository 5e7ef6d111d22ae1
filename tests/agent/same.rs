//! The same with an agent as without: what is written, how it ends, and what is entered.

use crate::support::waiting::{runs, soon};
use crate::support::{Answer, VAULT, json};
use crate::{Desk, signal};
use rustix::process::Signal;
use std::process::Command;

const KEY: &[u8] =
    b"{\"name\":\"new/one\",\"type\":\"password\",\"secrets\":{\"password\":\"x\"}}\n";

/// Arguments, and what is on standard input.
const COMMANDS: &[(&[&str], &[u8])] = &[
    (&["cred", "get", "db/main"], b""),
    (&["cred", "get", "db"], b""),
    (&["cred", "get", "nobody"], b""),
    (&["cred", "get", "nobody", "--json"], b""),
    (&["cred", "add", "web", "--stdin", "--username", "u", "--reason", "ticket 7"], b"two\n"),
    (&["cred", "add", "web", "--stdin"], b"again"),
    (&["cred", "set", "web", "password", "--stdin"], b"three"),
    (&["cred", "show", "web"], b""),
    (&["cred", "history", "web"], b""),
    (&["cred", "list", "--verify"], b""),
    (&["cred", "list"], b""),
    (&["cred", "rename", "web", "web2"], b""),
    (&["cred", "check"], b""),
    (&["run", "-e", "A=vault://db/main", "--", "printenv", "A"], b""),
    (&["run", "--cred", "db/main", "--", "sh", "-c", "exit 7"], b""),
    (&["run", "--cred", "nobody", "--", "true"], b""),
    (&["run", "--stdin", "vault://web2", "--", "cat"], b""),
    (&["run", "--env-file", "/dev/stdin", "--", "printenv", "B"], b"B=vault://db/main\n"),
    (&["inject"], b"a {{ vault://db/main }} b"),
    (&["inject"], b"{{ vault://nobody }}"),
    (&["export", "--format", "json", "db/main"], b""),
    (&["import", "--format", "jsonl"], KEY),
    (&["whose", "--stdin"], b"the-value"),
    (&["audit", "verify", "--unlock"], b""),
    (&["incident", "open", "Stolen", "--cred", "web2", "--stdin"], b"what happened"),
    (&["incident", "show", "1"], b""),
    (&["helper", "kubectl", "db/main"], b""),
    (&["status", "--check", "--json"], b""),
    (&["cred", "rm", "web2"], b""),
    (&["cred", "get", "db/main", "--bogus"], b""),
];

/// A fingerprint that was said is compared by an agent, too.
#[test]
fn a_vault_with_another_fingerprint_is_refused() {
    let desk = Desk::unlocked();
    let own = crate::support::json(&desk.ok(&["status", "--json"]))["fingerprint"].clone();
    let other = "aaaa".repeat(8);
    for args in [&["cred", "get", "db/main"][..], &["cred", "list", "--verify"], &["inject"]] {
        let told = desk.detached(&[&["--pin", &other], args].concat());
        let told = fed(told, b"{{ vault://db/main }}");
        assert_eq!(told.code, 15, "{args:?}: {}", told.err);
        let mut variable = desk.detached(args);
        variable.env("VAULT_FINGERPRINT", &other);
        assert_eq!(fed(variable, b"{{ vault://db/main }}").code, 15, "{args:?}");
    }
    let got = desk.ok(&["--pin", own.as_str().unwrap(), "cred", "get", "db/main"]);
    assert_eq!(got, b"the-value");
}

#[test]
fn what_is_written_and_entered_is_the_same() {
    let (with, without) = (Desk::unlocked(), Desk::unlocked());
    // without a word in the log, so that entries have the same numbers
    let agent = without.pid();
    signal(agent, Signal::KILL);
    soon("its end", || !runs(agent));
    for (args, input) in COMMANDS {
        let there = fed(with.detached(args), input);
        let mut here = without.detached(args);
        here.env("VAULT_KEY_FILE", without.sandbox.path("key"));
        let here = fed(here, input);
        assert_eq!(there.code, here.code, "{args:?}: {}", there.err);
        assert_eq!(plain(&with, &there.err), plain(&without, &here.err), "{args:?}");
        let (out, expected) =
            (String::from_utf8_lossy(&there.out), String::from_utf8_lossy(&here.out));
        assert_eq!(plain(&with, &out), plain(&without, &expected), "{args:?}");
    }
    let (there, here) = (entries(&with), entries(&without));
    for (there, here) in there.iter().zip(&here) {
        assert_eq!(there, here);
    }
    assert_eq!(there.len(), here.len());
    println!("{} commands, {} entries: the same", COMMANDS.len(), here.len());
}

fn fed(mut command: Command, input: &[u8]) -> Answer {
    Answer::fed(&mut command, input)
}

/// All but what must differ: ids, times, and where the sandbox is.
fn plain(desk: &Desk, text: &str) -> String {
    let text = text.replace(desk.sandbox.root().to_str().unwrap(), "ROOT");
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_alphanumeric() || "-:.+".contains(c) {
            word.push(c);
            continue;
        }
        let is_id = word.len() == 64 || word.len() == 36 && word.matches('-').count() == 4;
        let is_time = word.contains("202") && word.contains('T') && word.contains(':');
        let is_agent = word.starts_with("agent");
        out.push_str(if is_id || is_time || is_agent { "…" } else { &word });
        out.push(c);
        word.clear();
    }
    // the one document that tells of the agent, and sizes of files
    out.lines().filter(|line| !line.contains("bytes")).map(agentless).collect()
}

/// A line of JSON without the part on the agent.
fn agentless(line: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<serde_json::Value>(line) else {
        return format!("{line}\n");
    };
    if let Some(map) = value.as_object_mut() {
        map.remove("agent");
    }
    format!("{value}\n")
}

/// All entries but those of unlocking, without ids and times.
fn entries(desk: &Desk) -> Vec<serde_json::Value> {
    let mut log = desk.log();
    log.retain(|entry| !["unlock", "init", "segment"].contains(&entry["action"].as_str().unwrap()));
    log.reverse();
    log.into_iter()
        .map(|mut entry| {
            let map = entry.as_object_mut().unwrap();
            for key in ["seq", "id", "at", "credential_id", "credential"] {
                map.remove(key);
            }
            let text = plain(desk, &entry.to_string());
            serde_json::from_str(&text.replace('…', "x")).unwrap_or(text.into())
        })
        .collect()
}

/// Another session, no variables at all but what names the vault, and a runtime directory that is not named.
#[test]
fn it_is_found_from_anywhere() {
    let desk = Desk::locked();
    let file = desk.sandbox.database();
    let state = desk.sandbox.path("state");
    let bare = |args: &[&str], run: bool| {
        let mut command = Command::new("setsid");
        command.args(["-w", VAULT, "--vault", file.to_str().unwrap()]).args(args).env_clear();
        command.env("XDG_STATE_HOME", &state).current_dir("/");
        if run {
            command.env("XDG_RUNTIME_DIR", desk.sandbox.path("run"));
        }
        Answer::of(&mut command)
    };
    let key = desk.sandbox.path("key");
    // as cron does: no runtime directory is named, by whoever unlocks and whoever uses it
    let unlocked = bare(&["--key-file", key.to_str().unwrap(), "unlock"], false);
    assert_eq!(unlocked.code, 0, "{}", unlocked.err);
    for run in [false, true] {
        let got = bare(&["cred", "get", "db/main"], run);
        assert_eq!((got.code, got.text().as_str()), (0, "the-value"), "{}", got.err);
    }
    assert_eq!(bare(&["lock"], false).code, 0);
    assert_eq!(bare(&["--no-input", "cred", "get", "db/main"], false).code, 12);
}

#[test]
fn descriptors_and_the_working_directory_are_those_of_the_client() {
    let desk = Desk::unlocked();
    let mut shell = desk.sandbox.command("bash");
    let line = format!(
        "cd home && {VAULT} cred add x --file <(printf canary) && {VAULT} cred add y --fd 7 7< <(printf other) \
         && printf '{{{{ vault://x }}}} {{{{ vault://y }}}}' | {VAULT} inject -o here && cat here"
    );
    shell = desk.dress(shell, &["-c", &line]);
    let answer = Answer::of(&mut shell);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(answer.text().ends_with("canary other"));
    assert!(desk.sandbox.path("home/here").exists());
    assert_eq!(desk.count("create"), 3);
}

/// What is open in the client has the same numbers where its command is carried out, although there are few.
#[test]
fn the_highest_descriptor_may_be_taken() {
    let desk = Desk::locked();
    // whoever runs the tests may have left something open
    let line =
        "for fd in /proc/self/fd/*; do fd=${fd##*/}; ((fd < 3)) || eval \"exec $fd>&-\"; done
        ulimit -n 64 && exec 60</dev/null 61</dev/null 62</dev/null 63<home/x &&
        \"$0\" --key-file key unlock && \"$0\" --no-input cred add new --fd 63 &&
        \"$0\" --no-input cred get new";
    std::fs::write(desk.sandbox.path("home/x"), "canary").unwrap();
    let answer = Answer::of(&mut desk.dress(desk.sandbox.command("bash"), &["-c", line, VAULT]));
    assert_eq!((answer.code, &*answer.text()), (0, "canary"), "{}", answer.err);
}

/// A vault that is named by its fingerprint is that one, whoever unlocked it.
#[test]
fn another_fingerprint_is_refused_while_it_is_unlocked() {
    let desk = Desk::unlocked();
    let known = json(&desk.ok(&["status", "--json"]))["fingerprint"].as_str().unwrap().to_owned();
    assert_eq!(desk.ok(&["--pin", &known, "cred", "get", "db/main"]), b"the-value");
    let other = "abcd-efgh-ijkl-mnop-qrst-uvwx-yz23-4567";
    let answer = desk.run(&["--pin", other, "cred", "get", "db/main"]);
    assert!(answer.code == 15 && answer.out.is_empty(), "{}", answer.err);
    let mut named = desk.detached(&["run", "-e", "A=vault://db/main", "--", "env"]);
    let answer = Answer::of(named.env("VAULT_FINGERPRINT", other));
    assert!(answer.code == 125 && answer.err.contains(other), "{}", answer.err);
    assert!(!desk.is_locked());
}

/// What the log knows of the caller is about the client, not about the agent.
#[test]
fn the_log_names_the_client() {
    let desk = Desk::unlocked();
    let mut python = desk.sandbox.command("python3");
    let line = format!("import subprocess; subprocess.run([{VAULT:?}, 'cred', 'get', 'db/main'])");
    python = desk.dress(python, &["-c", &line]);
    python.env("SSH_CONNECTION", "192.0.2.7 1 192.0.2.8 22");
    assert_eq!(Answer::of(&mut python).out, b"the-value");
    let entry = &desk.log()[0];
    assert_eq!(entry["action"], "decrypt");
    assert!(entry["program"].as_str().unwrap().starts_with("python"), "{entry}");
    assert_eq!(entry["remote"], "192.0.2.7");
}

/// Nothing that changes keys or starts programs is done by the agent, and a key that is named is used.
#[test]
fn some_things_need_a_key_all_the_same() {
    let desk = Desk::unlocked();
    desk.sandbox.file("words", "gravel ostrich penknife lullaby");
    let refused: [&[&str]; 6] = [
        &["key", "add", "mine", "--new-key-file", "mine.key"],
        &["key", "rm", "key file", "--yes"],
        &["key", "passwd", "--new-passphrase-file", "words"],
        &["rekey", "--yes"],
        &["unlock"],
        &["ssh-agent", "--", "true"],
    ];
    for args in refused {
        let answer = desk.run(&[&["--no-input"], args].concat());
        assert!(
            answer.code == 12 || answer.code == 125,
            "{args:?}: {} {}",
            answer.code,
            answer.err
        );
    }
    let answer = desk.run(&["--key-file", "/nowhere", "cred", "get", "db/main"]);
    assert_eq!(answer.code, 10, "{}", answer.err);
}
