//! What happens when a canary is touched: an incident, and the hook; and nothing that its reader sees.

use crate::support::waiting::{PATIENCE, come, runs, soon};
use crate::support::{Answer, Sandbox, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// A vault with an ordinary credential and a canary, and a hook that writes down what it gets.
fn sandbox(script: &str, settings: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.add("app1", b"hunter22");
    sandbox.ok(&["cred", "add", "app2", "--stdin", "--exact", "--canary"], b"hunter22");
    let hook = sandbox.script("hook", format!("#!/bin/sh\n{script}\n"));
    let text = format!("[canary]\nhook = [\"{hook}\", \"an argument\"]\n{settings}");
    sandbox.file("config.toml", text);
    sandbox
}

fn get(sandbox: &Sandbox, args: &[&str]) -> Answer {
    let mut command = sandbox.vault(args);
    command.env("VAULT_CONFIG_FILE", sandbox.path("config.toml"));
    Answer::of(&mut command)
}

/// The content of a file that somebody is about to write, whole lines only.
fn awaited(path: &Path) -> String {
    come(&path.display().to_string(), || {
        std::fs::read_to_string(path).ok().filter(|text| text.ends_with('\n'))
    })
}

const SAVE: &str = "cat > ${0}.got; env > ${0}.env; echo \"$1\" > ${0}.done";

fn incidents(sandbox: &Sandbox) -> Vec<(String, String)> {
    let log = sandbox.log(&["--limit", "0"]);
    let mut found: Vec<_> = log
        .iter()
        .filter(|entry| entry["incident"].is_string())
        .map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap().to_owned();
            (text("action"), text("incident"))
        })
        .collect();
    found.reverse();
    found
}

#[test]
fn the_reader_of_a_canary_sees_what_any_reader_sees() {
    let sandbox = sandbox(SAVE, "");
    for args in [
        &["cred", "get"][..],
        &["cred", "get", "--json"],
        &["cred", "get", "--version", "1"],
        &["cred", "show", "--reveal", "--format", "plain"],
        &["cred", "totp"],
    ] {
        let of = |name: &str| {
            let answer = get(&sandbox, &[args, &[name]].concat());
            let same = |text: String| text.replace("app2", "app1");
            let lines = same(answer.text());
            let told =
                |line: &&str| !["id", "created", "updated"].iter().any(|k| line.starts_with(k));
            let out: Vec<String> = lines.lines().filter(told).map(str::to_owned).collect();
            (answer.code, out, same(answer.err))
        };
        assert_eq!(of("app1"), of("app2"), "{args:?}");
    }
}

#[test]
fn touching_one_opens_an_incident_and_runs_the_hook() {
    let sandbox = sandbox(SAVE, "");
    assert_eq!(get(&sandbox, &["cred", "get", "app1"]).code, 0);
    assert!(incidents(&sandbox).is_empty(), "an ordinary one opens none");
    let answer = get(&sandbox, &["cred", "get", "app2"]);
    assert_eq!((answer.code, answer.out.as_slice()), (0, &b"hunter22"[..]));
    assert_eq!(awaited(&sandbox.path("hook.done")), "an argument\n");
    let got: serde_json::Value = serde_json::from_str(&awaited(&sandbox.path("hook.got"))).unwrap();
    assert_eq!(
        (&got["event"], &got["name"], &got["action"], &got["incident"]),
        (&"canary".into(), &"app2".into(), &"decrypt".into(), &"INC-1".into())
    );
    assert!(!got.to_string().contains("hunter22"));
    let env = awaited(&sandbox.path("hook.env"));
    assert!(
        !env.contains("VAULT_KEY") && !env.contains("VAULT_PASS") && env.contains("HOME="),
        "{env}"
    );
    let expected = [("incident_open", "INC-1"), ("incident_link", "INC-1")];
    assert_eq!(incidents(&sandbox), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    // once more, by another way: the same incident
    assert_eq!(get(&sandbox, &["cred", "show", "app2", "--reveal"]).code, 0);
    let last = incidents(&sandbox).pop().unwrap();
    assert_eq!(last, ("incident_note".to_owned(), "INC-1".to_owned()));
    let found = json(&sandbox.run(&["audit", "alerts", "--json"]).out);
    let alert = &found["items"][0];
    assert_eq!(
        (&alert["rule"], &alert["name"], &alert["count"]),
        (&"canary".into(), &"app2".into(), &2.into())
    );
    assert_eq!(sandbox.run(&["doctor"]).code, 0);
    assert_eq!(sandbox.run(&["audit", "verify"]).code, 0);
}

/// Every way that hands a value out, or takes one along.
#[test]
fn no_way_to_a_value_goes_past() {
    for (args, codes) in [
        (&["cred", "get", "app2"][..], &[0][..]),
        (&["cred", "show", "app2", "--reveal"], &[0]),
        (&["cred", "show", "app2", "--digest"], &[0]),
        (&["cred", "get", "app2", "--version", "1"], &[0]),
        (&["cred", "clone", "app2", "app3", "--with-secrets"], &[0]),
    ] {
        let sandbox = sandbox("true", "");
        let answer = get(&sandbox, args);
        assert!(codes.contains(&answer.code), "{args:?}: {}", answer.err);
        assert_eq!(incidents(&sandbox).len(), 2, "{args:?}");
    }
    // the control: what hands out nothing
    let sandbox = sandbox("true", "");
    for args in [&["cred", "list"][..], &["cred", "show", "app2"], &["cred", "check"]] {
        get(&sandbox, args);
        assert!(incidents(&sandbox).is_empty(), "{args:?}");
    }
}

#[test]
fn a_hook_that_hangs_or_is_not_there_holds_nobody_up() {
    let sandbox = sandbox("echo $$ > ${0}.pid; sleep 600 & wait", "timeout = \"1s\"\n");
    let begun = Instant::now();
    assert_eq!(get(&sandbox, &["cred", "get", "app2"]).code, 0);
    assert!(begun.elapsed() < PATIENCE, "the hook would take ten minutes");
    let pid = awaited(&sandbox.path("hook.pid"));
    soon("the end of the hook", || !runs(pid.trim()));
    for text in [
        "[canary]\nhook = [\"/nowhere/at/all\"]\n",
        "[canary]\nhook = [\"relative\"]\n",
        "this is no configuration",
    ] {
        sandbox.file("config.toml", text);
        let answer = get(&sandbox, &["cred", "get", "app2"]);
        assert_eq!((answer.code, answer.err.as_str()), (0, ""), "{text}");
    }
    assert_eq!(incidents(&sandbox).len(), 2 + 3, "each was noted all the same");
    let more = ["cred", "add", "app4", "--generate", "--canary"];
    assert_eq!(get(&sandbox, &more).code, 2, "whoever makes a canary is told");
    sandbox.file("config.toml", "[canary]\nhook = [\"/nowhere/at/all\"]\n");
    let doctor = get(&sandbox, &["doctor"]);
    assert!(doctor.code == 16 && doctor.text().contains("/nowhere/at/all"), "{}", doctor.all());
}

#[test]
fn a_configuration_that_others_can_write_starts_nothing() {
    let sandbox = sandbox(SAVE, "");
    let config = sandbox.path("config.toml");
    std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o666)).unwrap();
    let refused = get(&sandbox, &["cred", "get", "app2"]);
    assert_eq!((refused.code, refused.out.as_slice()), (14, &b""[..]));
    std::thread::sleep(Duration::from_millis(500));
    assert!(!sandbox.path("hook.done").exists());
    // the control
    std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(get(&sandbox, &["cred", "get", "app2"]).code, 0);
    awaited(&sandbox.path("hook.done"));
}

/// Whoever keeps a sink from hearing of it keeps the value in, and not the alarm.
#[test]
fn a_sink_that_fails_does_not_keep_the_hook_from_running() {
    let sink =
        "[sink.s]\ntype = \"command\"\ncommand = [\"/bin/false\"]\non_failure = \"refuse\"\n";
    let sandbox = sandbox(SAVE, sink);
    let answer = get(&sandbox, &["cred", "get", "app2"]);
    assert_eq!((answer.code, answer.out.len()), (18, 0), "{}", answer.err);
    assert_eq!(awaited(&sandbox.path("hook.done")), "an argument\n");
    assert_eq!(incidents(&sandbox)[0].0, "incident_open");
}
