//! Which programs are started: those that the configuration file names, if nobody else could change them.
//! And what recipients, identities and settings must look like.

use super::support::{Answer, Sandbox, json, require};
use super::{IDENTITY, RECIPIENT, SECRET, get, install, name_it, toy, with_toy};
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[track_caller]
fn says(answer: &Answer, code: i32, what: &str, hint: &str) {
    assert_eq!(answer.code, code, "{}", answer.err);
    let errors: Vec<_> = answer.err.lines().filter(|line| line.starts_with("error: ")).collect();
    assert!(errors.len() == 1 && errors[0].contains(what), "no `{what}`: {}", answer.err);
    let mut hints = answer.err.lines().filter_map(|line| line.strip_prefix("hint: "));
    assert!(hint.is_empty() || hints.any(|line| line.contains(hint)), "{}", answer.err);
}

#[test]
fn one_in_path_is_not_started_until_it_is_named() {
    if !require("python3") {
        return;
    }
    let sandbox = Sandbox::bare();
    sandbox.file("id", IDENTITY);
    let program = install(&sandbox, &toy(""));
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", sandbox.root().display());
    let init = |path: &str| {
        let mut init = sandbox.vault(&["init", "--key-file", "id", "--recipient", RECIPIENT]);
        Answer::of(init.env("PATH", path))
    };
    let unnamed = "the configuration file names no program for the plugin `toy`";
    says(&init("/usr/bin:/bin"), 14, unnamed, "it is not in `PATH` either");
    let answer = init(&path);
    says(&answer, 14, unnamed, &format!("there is one: {program}; if you trust it:"));
    assert!(!sandbox.path("pids").exists(), "it was started");
    assert!(!sandbox.database().exists());
    // the hint can be pasted
    let line = answer.err.lines().find_map(|line| line.strip_prefix("hint: mkdir")).unwrap();
    let pasted = sandbox.command("sh").args(["-c", &format!("mkdir{line}")]).status();
    assert!(pasted.unwrap().success());
    assert_eq!(init(&path).code, 0);
    sandbox.ok(&["--key-file", "id", "cred", "add", "alpha", "--stdin"], SECRET);
    assert_eq!(sandbox.ok(&["--key-file", "id", "cred", "get", "alpha"], b""), SECRET);
    let mut text = sandbox.vault(&["cred", "get", "alpha"]);
    assert_eq!(Answer::of(text.env("VAULT_KEY", IDENTITY)).out, SECRET);
}

#[test]
fn a_program_that_others_could_change_is_not_started() {
    if !require("python3") || !require("setsid") {
        return;
    }
    let sandbox = with_toy("");
    let program = sandbox.path("age-plugin-toy");
    let before = fs::read_to_string(sandbox.path("pids")).unwrap();
    let set = |path: &std::path::Path, mode| {
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    };
    set(&program, 0o775);
    says(&get(&sandbox), 14, "can be written by others", "chmod go-w");
    set(&program, 0o644);
    says(&get(&sandbox), 14, "is no program", "ls -ld");
    set(&program, 0o755);
    set(sandbox.root(), 0o777);
    says(&get(&sandbox), 14, "lies in a directory where others can put something", "ls -ld");
    let doctor = sandbox.run(&["doctor", "--json"]);
    assert_eq!(doctor.code, 16);
    let found = json(&doctor.out)["items"].as_array().unwrap().clone();
    assert!(found.iter().any(|item| {
        let message = item["message"].as_str().unwrap();
        item["check"] == "config" && message.contains("lies in a directory")
    }));
    set(sandbox.root(), 0o700);
    fs::rename(&program, sandbox.path("away")).unwrap();
    says(&get(&sandbox), 12, "no such file or directory", "");
    fs::create_dir(&program).unwrap();
    says(&get(&sandbox), 14, "is no program", "");
    fs::remove_dir(&program).unwrap();
    fs::write(&program, b"\x7fELF nonsense").unwrap();
    set(&program, 0o755);
    says(&get(&sandbox), 12, "cannot be started", "");
    assert_eq!(fs::read_to_string(sandbox.path("pids")).unwrap(), before, "it was started");
    fs::rename(sandbox.path("away"), &program).unwrap();
    assert_eq!(get(&sandbox).out, SECRET);
    assert_eq!(sandbox.run(&["doctor"]).code, 0);
}

#[test]
fn what_is_malformed_is_said_and_not_quoted() {
    let sandbox = Sandbox::bare();
    name_it(&sandbox, "");
    install(&sandbox, "#!/bin/sh\nexit 1\n");
    sandbox.file("id", IDENTITY);
    sandbox.file(
        "native",
        "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33",
    );
    let init = |file: &str, recipient: &str| {
        sandbox.run(&["init", "--key-file", file, "--recipient", recipient])
    };
    for (recipient, what) in [
        ("age1toy1wfjkx6tsd9jkuaq8kuvrq", "a character is wrong or missing"),
        ("age1toy1", "a character is wrong or missing"),
        ("age1../x1wgx732td", "the name of the plugin cannot be one"),
        ("nonsense", "this is no recipient"),
    ] {
        says(&init("id", recipient), 2, what, "looks like");
    }
    let other = "age1yubikey1q2w7u3vpya839jxxuq8g0sedh3d740d4xvn639sqhr95ejj8vu3hyfumptt";
    says(&init("id", other), 14, "names no program for the plugin `yubikey`", "");
    says(&init("native", RECIPIENT), 2, "the recipient of this key file is known", "vault init");
    says(&init("none", RECIPIENT), 2, "`--recipient` goes with a key file", "");
    assert!(!sandbox.path("none").exists());
    says(&sandbox.run(&["init", "--recipient", RECIPIENT]), 2, "goes with a key file", "");
    says(&sandbox.run(&["init", "--key-file", "id"]), 2, "must be named", "--recipient RECIPIENT");
    for (text, what) in [
        ("AGE-PLUGIN-CANARY-1QQQQQ", "a character is wrong or missing"),
        ("AGE-PLUGIN-../X-1D9JX2MN5D968J3AS3M2", "the name of the plugin cannot be one"),
        (&format!("{IDENTITY}\nAGE-PLUGIN-TIC-1D9JX2MN5D968JE880HE"), "those of several plugins"),
        (&format!("{IDENTITY}\nAGE-SECRET-KEY-1CANARY"), "a character is wrong"),
        ("age-plugin-toy-1d9jx2mn5d968jt7z92z", "it does not begin like one"),
    ] {
        sandbox.file("wrong", text);
        let answer = init("wrong", RECIPIENT);
        says(&answer, 11, what, "AGE-PLUGIN-NAME-1");
        assert!(answer.err.contains("error: `wrong` is not an age identity of a plugin"));
        assert!(!answer.all().contains("CANARY") && !answer.all().contains("968J"), "{answer:?}");
    }
    assert!(!sandbox.database().exists());
}

#[test]
fn settings_are_checked() {
    let sandbox = Sandbox::bare();
    sandbox.file("id", IDENTITY);
    fs::create_dir_all(sandbox.path("home/.config/vault")).unwrap();
    for (text, what) in [
        ("[plugin.toy]\nprogram = 'age-plugin-toy'\n", "`program` must begin with a slash"),
        ("[plugin.'../x']\nprogram = '/x'\n", "cannot be the name of a plugin"),
        ("[plugin.toy]\n", "missing field `program`"),
        ("[plugin.toy]\nprogram = '/x'\ntimeout = '0s'\n", "line 3"),
        ("[plugin.toy]\nprogram = '/x'\nargs = []\n", "unknown key `args`"),
        ("[plugin]\ntoy = '/usr/bin/age-plugin-toy'\n", "line 2"),
    ] {
        let file = sandbox.file("home/.config/vault/config.toml", text);
        let answer = sandbox.run(&["init", "--key-file", "id", "--recipient", RECIPIENT]);
        says(&answer, 2, what, "");
        fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    }
    let file = sandbox.file("home/.config/vault/config.toml", "[plugin.toy]\nprogram = '/x'\n");
    fs::set_permissions(&file, PermissionsExt::from_mode(0o666)).unwrap();
    let answer = sandbox.run(&["init", "--key-file", "id", "--recipient", RECIPIENT]);
    says(&answer, 14, "others can write", "chmod go-w");
}
