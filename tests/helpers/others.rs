//! Ansible, restic, borg and the AWS tools themselves; kubectl, Terraform and summon by their protocols.

use super::support::{Answer, Sandbox, require};
use super::{command, linked, told};
use serde_json::{Value, json};

const SECRET: &str = "s3cret-of-a-tool";

fn answer(sandbox: &Sandbox, program: &str, names: &[&str], args: &[&str]) -> Answer {
    Answer::of(command(sandbox, program, names).args(args))
}

#[test]
fn ansible_opens_its_vaults() {
    if !require("ansible-vault") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("ansible/prod", SECRET.as_bytes());
    let client = linked(&sandbox, &["vault-ansible-client"]).join("vault-ansible-client");
    let id = |label: &str| format!("{label}@{}", client.display());
    let file = sandbox.file("vars.yml", "answer: 42\n");
    let ansible = |args: &[&str]| {
        let mut command = command(&sandbox, "ansible-vault", &[]);
        command.env("ANSIBLE_LOCAL_TEMP", sandbox.path("tmp"));
        Answer::of(command.args(args))
    };
    let done = ansible(&["encrypt", "--vault-id", &id("prod"), &file]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("$ANSIBLE_VAULT"));
    let done = ansible(&["view", "--vault-id", &id("prod"), &file]);
    assert_eq!(done.text(), "answer: 42\n", "{}", done.err);
    let done = ansible(&["view", "--vault-id", &id("test"), &file]);
    assert!(done.code != 0 && done.err.contains("did not find a secret"), "{}", done.err);
    let newest = told(&sandbox, "decrypt").remove(0);
    assert_eq!((newest.1.as_str(), newest.3.as_str()), ("ansible/prod", "ansible"));
    // the password is the one, not only some one
    let plain = sandbox.file("password", SECRET);
    let done = ansible(&["view", "--vault-password-file", &plain, &file]);
    assert_eq!(done.text(), "answer: 42\n", "{}", done.err);
}

#[test]
fn restic_and_borg_take_the_output_of_a_command() {
    if !require("restic") || !require("borg") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("backup/repo", SECRET.as_bytes());
    let file = sandbox.file("precious", "data");
    let restic = |source: (&str, &str), args: &[&str]| {
        let mut command = command(&sandbox, "restic", &[]);
        command.env(source.0, source.1).args(["-r", "repo", "--no-cache", "-q"]).args(args);
        Answer::of(&mut command)
    };
    let ours = ("RESTIC_PASSWORD_COMMAND", "vault cred get backup/repo");
    for args in [&["init"][..], &["backup", &file], &["check"]] {
        let done = restic(ours, args);
        assert_eq!(done.code, 0, "{args:?}: {}", done.err);
    }
    assert_eq!(restic(("RESTIC_PASSWORD", SECRET), &["snapshots"]).code, 0);
    assert_ne!(restic(("RESTIC_PASSWORD", "another"), &["snapshots"]).code, 0);
    let borg = |source: (&str, &str), args: &[&str]| {
        let mut command = command(&sandbox, "borg", &[]);
        command.env(source.0, source.1).env("BORG_BASE_DIR", sandbox.path("tmp")).args(args);
        Answer::of(&mut command)
    };
    let ours = ("BORG_PASSCOMMAND", "vault cred get backup/repo");
    let done = borg(ours, &["init", "-e", "repokey", "borg"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(borg(("BORG_PASSPHRASE", SECRET), &["list", "borg"]).code, 0);
    assert_ne!(borg(("BORG_PASSPHRASE", "another"), &["list", "borg"]).code, 0);
}

#[test]
fn the_aws_tools_start_it() {
    let sandbox = Sandbox::new();
    let args =
        ["cred", "add", "aws/prod", "--type", "api_key", "--username", "AKIAIOSFODNN7EXAMPLE"];
    sandbox.ok(&[&args[..], &["--stdin"]].concat(), SECRET.as_bytes());
    let said: Value =
        serde_json::from_slice(&sandbox.ok(&["helper", "aws", "aws/prod"], b"")).unwrap();
    let fine =
        json!({ "Version": 1, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": SECRET });
    assert_eq!(said, fine);
    let args =
        ["cred", "add", "aws/sts", "--type", "custom", "--secret-field", "secret_access_key"];
    let more = ["--field", "access_key_id=ASIAX", "--expires", "2031-01-02T03:04:05Z", "--stdin"];
    sandbox.ok(&[&args[..], &more].concat(), SECRET.as_bytes());
    sandbox.ok(&["cred", "set", "aws/sts", "session_token", "--stdin"], b"the-session");
    let said: Value =
        serde_json::from_slice(&sandbox.ok(&["helper", "aws", "aws/sts"], b"")).unwrap();
    assert_eq!(said["AccessKeyId"], "ASIAX");
    assert_eq!(
        (&said["SessionToken"], &said["Expiration"]),
        (&json!("the-session"), &json!("2031-01-02T03:04:05.000Z"))
    );
    assert_eq!(sandbox.run(&["helper", "aws", "aws/none"]).code, 10);
    sandbox.add("plain", b"x");
    let wrong = sandbox.run(&["helper", "aws", "plain"]);
    assert!(wrong.code == 10 && wrong.err.contains("no access key id"), "{}", wrong.err);
    if !require("aws") {
        return;
    }
    let done =
        answer(&sandbox, "vault", &[], &["helper", "install", "aws", "aws/prod", "--profile", "p"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let done = answer(&sandbox, "aws", &[], &["--profile", "p", "configure", "list"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(
        done.text().contains("custom-process") && done.text().contains("MPLE"),
        "{}",
        done.text()
    );
    assert_eq!(told(&sandbox, "decrypt")[0].3, "aws");
}

#[test]
fn kubernetes_clients_get_a_token_or_a_certificate() {
    let sandbox = Sandbox::new();
    let args =
        ["cred", "add", "k8s", "--type", "bearer_token", "--url", "https://k8s.example:6443"];
    sandbox.ok(&[&args[..], &["--stdin"]].concat(), SECRET.as_bytes());
    let ask = |info: Value| {
        let mut command = sandbox.vault(&["helper", "kubectl", "k8s"]);
        Answer::of(command.env("KUBERNETES_EXEC_INFO", info.to_string()))
    };
    let info = |version: &str, server: &str| {
        json!({ "apiVersion": format!("client.authentication.k8s.io/{version}"),
            "kind": "ExecCredential", "spec": { "cluster": { "server": server } } })
    };
    let said = ask(info("v1beta1", "https://k8s.example:6443"));
    let fine = json!({ "apiVersion": "client.authentication.k8s.io/v1beta1",
        "kind": "ExecCredential", "status": { "token": SECRET } });
    assert_eq!(serde_json::from_slice::<Value>(&said.out).unwrap(), fine, "{}", said.err);
    for (version, server, code) in [
        ("v1", "https://evil.example:6443", 14),
        ("v1", "https://k8s.example:6443@evil.example", 14),
        ("v1", "https://k8s.example", 14),
        ("v1alpha1", "https://k8s.example:6443", 4),
    ] {
        let said = ask(info(version, server));
        assert_eq!((said.code, said.text().as_str()), (code, ""), "{server} {}", said.err);
    }
    let said: Value =
        serde_json::from_slice(&sandbox.ok(&["helper", "kubectl", "k8s"], b"")).unwrap();
    assert_eq!(said["apiVersion"], "client.authentication.k8s.io/v1");
}

#[test]
fn terraform_asks_with_references_and_gets_strings() {
    let sandbox = Sandbox::new();
    let args = ["cred", "add", "db/main", "--stdin", "--username", "app"];
    sandbox.ok(&args, SECRET.as_bytes());
    let ask = |query: &str| {
        sandbox.run_in(&["helper", "terraform", "--format", "table"], query.as_bytes())
    };
    let said = ask(r#"{"user":"vault://db/main/username","pass":"vault://db/main/password"}"#);
    let said: Value = serde_json::from_slice(&said.out).unwrap();
    assert_eq!(said, json!({ "user": "app", "pass": SECRET }));
    assert_eq!(ask("{}").text().trim(), "{}");
    let before = sandbox.log(&["--action", "decrypt", "--outcome", "ok"]).len();
    for (query, code) in [
        (r#"{"a":"db/main"}"#, 2),
        (r#"{"a":1}"#, 2),
        ("", 2),
        (r#"{"a":"vault://db/main/password","b":"vault://no/such"}"#, 10),
    ] {
        let said = ask(query);
        assert_eq!((said.code, said.text().as_str()), (code, ""), "{query} {}", said.err);
        assert!(said.err.contains("hint: "), "{}", said.err);
    }
    assert_eq!(sandbox.log(&["--action", "decrypt", "--outcome", "ok"]).len(), before);
}

#[test]
fn summon_gets_the_bytes_and_nothing_else() {
    let sandbox = Sandbox::new();
    let args = ["cred", "add", "db/main", "--stdin", "--exact"];
    sandbox.ok(&args, b"two\nlines\n");
    for id in ["db/main", "db/main/password", "vault://db%2Fmain/password"] {
        let said = answer(&sandbox, "summon-vault", &["summon-vault"], &[id]);
        assert_eq!(said.out, b"two\nlines\n", "{id}: {}", said.err);
    }
    let said = answer(&sandbox, "summon-vault", &["summon-vault"], &["no/such"]);
    assert_eq!((said.code, said.text().as_str()), (10, ""));
}
