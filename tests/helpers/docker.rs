//! `vault helper docker`: the protocol by hand, under the name by which docker starts it.

use super::support::{Answer, Sandbox, json};
use super::{linked, told};
use serde_json::Value;

const SECRET: &str = "s3cret-of-docker";
const MISSING: &str = "credentials not found in native keychain\n";

fn docker(sandbox: &Sandbox, operation: &str, input: &str) -> Answer {
    let program = linked(sandbox, &["docker-credential-vault"]).join("docker-credential-vault");
    let mut command = sandbox.command(program);
    Answer::fed(command.arg(operation), input.as_bytes())
}

fn login(sandbox: &Sandbox, server: &str, username: &str, secret: &str) {
    let text = serde_json::json!({ "ServerURL": server, "Username": username, "Secret": secret });
    let answer = docker(sandbox, "store", &text.to_string());
    assert_eq!((answer.code, answer.text().as_str()), (0, ""), "{}", answer.err);
    assert!(!answer.err.contains(secret), "{}", answer.err);
}

fn given(answer: &Answer) -> (String, String, String) {
    let value: Value = serde_json::from_slice(&answer.out).unwrap();
    let text = |key: &str| value[key].as_str().unwrap().to_owned();
    assert_eq!(value.as_object().unwrap().len(), 3, "{value}");
    (text("ServerURL"), text("Username"), text("Secret"))
}

#[test]
fn a_login_goes_in_and_out() {
    let sandbox = Sandbox::new();
    let hub = "https://index.docker.io/v1/";
    login(&sandbox, hub, "alice", SECRET);
    login(&sandbox, "localhost:5000", "<token>", "another-secret");
    let answer = docker(&sandbox, "get", &format!("{hub}\n"));
    assert_eq!(given(&answer), (hub.into(), "alice".into(), SECRET.into()), "{}", answer.err);
    let newest = told(&sandbox, "decrypt").remove(0);
    assert_eq!((newest.1.as_str(), newest.2.as_str()), ("docker/index.docker.io/v1", "helper"));
    assert_eq!(newest.3, "docker");
    let answer = docker(&sandbox, "get", "localhost:5000");
    assert_eq!(given(&answer).1, "<token>");
    let list: Value = serde_json::from_slice(&docker(&sandbox, "list", "").out).unwrap();
    assert_eq!(list, serde_json::json!({ hub: "alice", "localhost:5000": "<token>" }));
    assert!(docker(&sandbox, "version", "").text().starts_with("docker-credential-vault v"));
}

#[test]
fn another_login_is_another_version_and_a_logout_can_be_taken_back() {
    let sandbox = Sandbox::new();
    login(&sandbox, "ghcr.io", "alice", "first");
    login(&sandbox, "ghcr.io", "alice", "first");
    login(&sandbox, "ghcr.io", "bob", "second");
    let versions = json(&sandbox.ok(&["cred", "history", "docker/ghcr.io", "--json"], b""));
    assert_eq!(versions["items"].as_array().unwrap().len(), 2, "{versions}");
    assert_eq!(given(&docker(&sandbox, "get", "ghcr.io")).1, "bob");
    let answer = docker(&sandbox, "erase", "ghcr.io");
    assert!(answer.err.contains("vault cred restore docker/ghcr.io"), "{}", answer.err);
    let answer = docker(&sandbox, "get", "ghcr.io");
    assert_eq!((answer.code, answer.text().as_str(), answer.err.as_str()), (1, MISSING, ""));
    sandbox.ok(&["cred", "restore", "docker/ghcr.io"], b"");
    assert_eq!(given(&docker(&sandbox, "get", "ghcr.io")).2, "second");
}

#[test]
fn what_docker_did_not_store_it_cannot_put_away() {
    let sandbox = Sandbox::new();
    let args =
        ["cred", "add", "work/ghcr", "--stdin", "--url", "https://ghcr.io", "--username", "me"];
    sandbox.ok(&args, SECRET.as_bytes());
    let before = sandbox.content();
    let answer = docker(&sandbox, "erase", "ghcr.io");
    assert!(answer.code == 0 && answer.err.contains("stays"), "{}", answer.err);
    assert_eq!(sandbox.content(), before);
    assert_eq!(given(&docker(&sandbox, "get", "ghcr.io")).2, SECRET);
}

#[test]
fn other_servers_get_nothing() {
    let sandbox = Sandbox::new();
    login(&sandbox, "ghcr.io", "alice", SECRET);
    for server in
        ["https://evil.net", "ghcr.io.evil.net", "http://ghcr.io", "ghcr.io:444", "x.ghcr.io"]
    {
        let answer = docker(&sandbox, "get", server);
        assert_eq!((answer.code, answer.text().as_str()), (1, MISSING), "{server}");
    }
    for wrong in ["ghcr.io@evil.net", "https://ghcr.io@evil.net/", "ghcr.io\nevil.net", "", "a b"] {
        let answer = docker(&sandbox, "get", wrong);
        assert_eq!((answer.code, answer.text().as_str()), (1, ""), "{wrong}");
        assert!(
            answer.err.starts_with("error: ") && answer.err.contains("hint: "),
            "{}",
            answer.err
        );
    }
    for wrong in ["", "{}", "[1]", r#"{"ServerURL":"x","Username":"","Secret":"y"}"#] {
        assert_eq!(docker(&sandbox, "store", wrong).code, 1, "{wrong}");
    }
}

#[test]
fn what_is_no_name_or_server_is_not_kept() {
    let sandbox = Sandbox::new();
    let entries = sandbox.entries();
    for (server, username) in [("ghcr.io", "alice\nhost=evil.net"), ("ghcr.io/a\nb", "alice")] {
        let text =
            serde_json::json!({ "ServerURL": server, "Username": username, "Secret": SECRET });
        let answer = docker(&sandbox, "store", &text.to_string());
        assert_eq!((answer.code, answer.text().as_str()), (1, ""), "{}", answer.err);
        assert!(answer.err.contains("hint: "), "{}", answer.err);
    }
    assert_eq!(sandbox.entries(), entries);
}

#[test]
fn a_login_does_not_change_what_is_for_a_path() {
    let sandbox = Sandbox::new();
    let args = ["cred", "add", "acme", "--url", "https://ghcr.io/acme", "--username", "alice"];
    sandbox.ok(&[&args[..], &["--stdin"]].concat(), b"of-acme-only");
    login(&sandbox, "ghcr.io", "alice", SECRET);
    assert_eq!(sandbox.ok(&["cred", "get", "acme"], b""), b"of-acme-only");
    assert_eq!(sandbox.ok(&["cred", "get", "docker/ghcr.io"], b""), SECRET.as_bytes());
}
