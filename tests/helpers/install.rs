//! `vault helper install`: the line is written once, and what is there stays.

use super::command;
use super::support::{Answer, Sandbox, require};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn install(sandbox: &Sandbox, args: &[&str]) -> Answer {
    Answer::of(command(sandbox, "vault", &[]).args(["helper", "install"]).args(args))
}

#[test]
fn git_is_told_once() {
    if !require("git") {
        return;
    }
    let sandbox = Sandbox::bare();
    let file = sandbox.path("home/.gitconfig");
    fs::write(&file, "[user]\n\tname = a\n[credential]\n\thelper = store\n").unwrap();
    let before = fs::read_to_string(&file).unwrap();
    let answer = install(&sandbox, &["git", "--dry-run"]);
    assert!(answer.err.contains("would add") && answer.err.contains("credential.helper = !"));
    assert!(answer.err.contains("`store`"), "{}", answer.err);
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    assert_eq!(install(&sandbox, &["git"]).code, 0);
    let after = fs::read_to_string(&file).unwrap();
    assert!(after.starts_with(before.trim_end()) && after.contains("helper git"), "{after}");
    let again = install(&sandbox, &["git"]);
    assert!(again.err.contains("it is there already"), "{}", again.err);
    assert_eq!(fs::read_to_string(&file).unwrap(), after);
    fs::write(&file, "[user\n").unwrap();
    let wrong = install(&sandbox, &["git"]);
    assert_eq!(wrong.code, 18, "{}", wrong.err);
    assert_eq!(fs::read_to_string(&file).unwrap(), "[user\n");
}

#[test]
fn docker_is_told_once_and_its_file_keeps_the_rest() {
    let sandbox = Sandbox::bare();
    let dir = sandbox.path("home/.docker");
    fs::create_dir_all(&dir).unwrap();
    let file = dir.join("config.json");
    fs::write(&file, r#"{"psFormat":"x","auths":{"ghcr.io":{"auth":"eA=="}},"n":1.5}"#).unwrap();
    let before = fs::read_to_string(&file).unwrap();
    let answer = install(&sandbox, &["docker", "--dry-run"]);
    assert!(answer.err.contains("\"credsStore\": \"vault\""), "{}", answer.err);
    assert!(answer.err.contains("not encrypted") && !answer.err.contains("eA=="), "{}", answer.err);
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    assert!(!sandbox.path("home/.local/bin/docker-credential-vault").exists());
    assert_eq!(install(&sandbox, &["docker"]).code, 0);
    let read = || serde_json::from_slice::<Value>(&fs::read(&file).unwrap()).unwrap();
    let mut expected: Value = serde_json::from_str(&before).unwrap();
    expected["credsStore"] = json!("vault");
    assert_eq!(read(), expected);
    let link = sandbox.path("home/.local/bin/docker-credential-vault");
    let version = Answer::of(sandbox.command(&link).arg("version"));
    assert!(version.text().starts_with("docker-credential-vault v"), "{}", version.err);
    let again = install(&sandbox, &["docker"]);
    assert!(again.err.contains("it is there already"), "{}", again.err);
    assert_eq!(install(&sandbox, &["docker", "--registry", "ghcr.io"]).code, 0);
    expected["credHelpers"] = json!({ "ghcr.io": "vault" });
    assert_eq!(read(), expected);
}

#[test]
fn what_docker_has_is_not_taken_over() {
    let sandbox = Sandbox::bare();
    let dir = sandbox.path("home/.docker");
    fs::create_dir_all(&dir).unwrap();
    for (text, args, code) in [
        (r#"{"credsStore":"osxkeychain"}"#, &["docker"][..], 13),
        (r#"{"credHelpers":{"gcr.io":"gcloud"}}"#, &["docker", "--registry", "gcr.io"], 13),
        (r#"{"credHelpers":1}"#, &["docker", "--registry", "gcr.io"], 2),
        ("{ // mine\n}", &["docker"], 2),
        ("[]", &["docker"], 2),
    ] {
        let file = dir.join("config.json");
        fs::write(&file, text).unwrap();
        let answer = install(&sandbox, args);
        assert_eq!(answer.code, code, "{text} {}", answer.err);
        assert!(answer.err.contains("hint: "), "{}", answer.err);
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        assert!(!sandbox.path("home/.local/bin/docker-credential-vault").exists());
    }
}

#[test]
fn a_profile_is_written_once() {
    let sandbox = Sandbox::bare();
    assert_eq!(install(&sandbox, &["aws", "aws/prod", "--profile", "p"]).code, 0);
    let file = sandbox.path("home/.aws/config");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("[profile p]\ncredential_process = /"), "{text}");
    assert!(text.ends_with(" helper aws aws/prod\n"), "{text}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(install(&sandbox, &["aws", "aws/prod", "--profile", "p"]).err.contains("already"));
    assert_eq!(install(&sandbox, &["aws", "other", "--profile", "p"]).code, 13);
    assert_eq!(install(&sandbox, &["aws", "x", "--profile", "a]\n[b"]).code, 2);
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}
