//! `vault helper install`: the line is written once, and what is there stays.

use super::command;
use super::support::{Answer, Sandbox, require};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

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

#[test]
fn a_file_stays_as_it_is_but_for_the_line() {
    let sandbox = Sandbox::bare();
    let file = sandbox.path("home/.docker/config.json");
    fs::create_dir_all(sandbox.path("home/.docker")).unwrap();
    let rest = "\"z\": 12345678901234567890123, \"a\": 1.10,\r\n \"credHelpers\": { \"gcr.io\":\"gcloud\" } }";
    fs::write(&file, format!("{{{rest}")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(install(&sandbox, &["docker"]).code, 0);
    let line = "\n\t\"credsStore\": \"vault\",";
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{{{line}{rest}"));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    let twice = ["docker", "--registry", "ghcr.io", "--registry", "ghcr.io"];
    assert_eq!(install(&sandbox, &twice).code, 0);
    let both = rest.replace("{ \"gcr", "{\n\t\t\"ghcr.io\": \"vault\", \"gcr");
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{{{line}{both}"));
    fs::write(&file, r#"{"credsStore": ""}"#).unwrap();
    assert_eq!(install(&sandbox, &["docker"]).code, 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), r#"{"credsStore": "vault"}"#);
}

/// The files of people who keep them elsewhere are links, and the place may not be there at the moment.
#[test]
fn links_are_followed_and_never_replaced() {
    let sandbox = Sandbox::bare();
    let (link, real) = (sandbox.path("home/.aws/config"), sandbox.path("home/dots"));
    fs::create_dir_all(sandbox.path("home/.aws")).unwrap();
    symlink(&real, &link).unwrap();
    let lost = install(&sandbox, &["aws", "aws/prod", "--profile", "p"]);
    assert_eq!(lost.code, 13, "{}", lost.err);
    assert!(lost.err.contains("leads nowhere") && !real.exists() && link.is_symlink());
    fs::write(&real, "[profile p]\r\nregion = a\r\n").unwrap();
    assert_eq!(install(&sandbox, &["aws", "aws/prod", "--profile", "p"]).code, 0);
    let text = fs::read_to_string(&real).unwrap();
    assert!(link.is_symlink() && text.ends_with("\r\nregion = a\r\n"), "{text:?}");
    assert!(text.starts_with("[profile p]\r\ncredential_process = "), "{text:?}");
}

#[test]
fn keys_that_come_first_are_told_of() {
    let sandbox = Sandbox::bare();
    fs::create_dir_all(sandbox.path("home/.aws")).unwrap();
    fs::write(sandbox.path("home/.aws/credentials"), "[p]\naws_access_key_id = A\n").unwrap();
    let warned = install(&sandbox, &["aws", "aws/prod", "--profile", "p"]);
    assert!(warned.code == 0 && warned.err.contains("come first"), "{}", warned.err);
    let other = install(&sandbox, &["aws", "aws/prod", "--profile", "q"]);
    assert!(other.code == 0 && !other.err.contains("come first"), "{}", other.err);
}

#[test]
fn a_registry_that_docker_would_never_look_for_is_refused() {
    let sandbox = Sandbox::bare();
    let file = sandbox.path("home/.docker/config.json");
    for bad in ["", "https://ghcr.io", "ghcr.io/acme", "a b", "docker.io"] {
        let answer = install(&sandbox, &["docker", "--registry", bad]);
        assert_eq!(answer.code, 2, "{bad} {}", answer.err);
        assert!(answer.err.contains("hint: --registry ") && !file.exists(), "{}", answer.err);
    }
    for good in ["ghcr.io", "localhost:5000", "https://index.docker.io/v1/"] {
        assert_eq!(install(&sandbox, &["docker", "--registry", good]).code, 0, "{good}");
    }
}
