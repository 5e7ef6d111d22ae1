//! `vault ssh-agent` with the real programs: who gets signatures, who does not, what the log says of it,
//! and what is left behind.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "helpers of tests may do what tests may, and clarity comes before speed"
)]

#[path = "../support/mod.rs"]
mod support;

mod agent;
mod confirm;
mod login;
mod protocol;

use std::fs;
use std::process::Command;
use support::{Answer, Sandbox, json, require};

/// Makes a key pair with OpenSSH, and tells where.
fn make_key(sandbox: &Sandbox, name: &str, args: &[&str]) -> String {
    let path = sandbox.path(name);
    let made = sandbox.command("ssh-keygen").args(["-q", "-f"]).arg(&path).args(args).status();
    assert!(made.unwrap().success());
    path.to_str().unwrap().to_owned()
}

/// A vault with a key in it, whose file is gone.
fn with_key(name: &str, args: &[&str]) -> Option<Sandbox> {
    if !require("ssh-add") || !require("ssh-keygen") {
        return None;
    }
    let sandbox = Sandbox::new();
    add_key(&sandbox, name, args);
    Some(sandbox)
}

/// Makes a key, stores it, and removes its file; the public half stays beside it.
fn add_key(sandbox: &Sandbox, name: &str, args: &[&str]) {
    let path = make_key(sandbox, name, args);
    sandbox.ok(&["cred", "add", name, "--type", "ssh", "--file", &path], b"");
    fs::remove_file(path).unwrap();
}

const ED25519: &[&str] = &["-t", "ed25519", "-N", ""];
const RSA: &[&str] = &["-t", "rsa", "-b", "2048", "-N", ""];

#[test]
fn keys_are_listed_under_the_names_of_their_credentials() {
    let Some(sandbox) = with_key("deploy", ED25519) else { return };
    add_key(&sandbox, "old", ED25519);
    add_key(&sandbox, "odd", &["-t", "ecdsa", "-b", "521", "-N", ""]);
    add_key(&sandbox, "gone", ED25519);
    sandbox.ok(&["cred", "rm", "gone"], b"");
    sandbox.add("password", b"hunter2");
    let public = |name: &str| fs::read_to_string(sandbox.path(&format!("{name}.pub"))).unwrap();
    let key = |name: &str| public(name).split(' ').nth(1).unwrap().to_owned();

    let all = sandbox.run(&["ssh-agent", "--", "ssh-add", "-L"]);
    assert_eq!(all.code, 0, "{}", all.err);
    let expected =
        format!("ssh-ed25519 {} deploy\nssh-ed25519 {} old\n", key("deploy"), key("old"));
    assert_eq!(all.text(), expected);
    assert!(all.err.contains("`odd` is not served"), "{}", all.err);
    assert!(!all.err.contains("`password`"), "{}", all.err);
    let one = sandbox.run(&["ssh-agent", "old", "--", "ssh-add", "-l"]).text();
    assert!(one.starts_with("256 SHA256:") && one.ends_with(" old (ED25519)\n"), "{one}");
    assert_eq!(one.lines().count(), 1);
    // nothing was opened for that
    assert_eq!(sandbox.log(&["--action", "decrypt"]).len(), 0);
    for missing in ["gone", "password", "nobody"] {
        let answer = sandbox.run(&["ssh-agent", missing, "--", "touch", "started"]);
        assert_eq!(answer.code, 125, "{}", answer.err);
        assert!(
            answer.err.contains(&format!("`{missing}` is no SSH credential")),
            "{}",
            answer.err
        );
    }
    let other = sandbox.run(&["ssh-agent", "--type", "token", "--", "touch", "started"]);
    assert_eq!(other.code, 125, "{}", other.err);
    assert!(!sandbox.path("started").exists());
}

#[test]
fn what_is_signed_is_valid_and_in_the_log() {
    let Some(sandbox) = with_key("plain", ED25519).filter(|_| require("openssl")) else { return };
    add_key(&sandbox, "rsa", RSA);
    add_key(&sandbox, "curve", &["-t", "ecdsa", "-N", ""]);
    add_key(&sandbox, "sealed", &["-t", "ed25519", "-N", "words of the key"]);
    sandbox.ok(&["cred", "set", "sealed", "passphrase", "--stdin"], b"words of the key");
    add_key(&sandbox, "sealed-rsa", &["-t", "rsa", "-b", "2048", "-N", "other words"]);
    sandbox.ok(&["cred", "set", "sealed-rsa", "passphrase", "--stdin"], b"other words");
    add_pem(&sandbox, "pkcs1", &["genrsa", "-traditional", "2048"]);
    add_pem(&sandbox, "pkcs8", &["genrsa", "2048"]);
    add_pem(&sandbox, "pkcs8-ed25519", &["genpkey", "-algorithm", "ed25519"]);
    fs::write(sandbox.path("text"), "something").unwrap();
    let names =
        ["plain", "rsa", "curve", "sealed", "sealed-rsa", "pkcs1", "pkcs8", "pkcs8-ed25519"];
    for name in names {
        let signed = sign(&sandbox, name);
        assert_eq!(signed.code, 0, "{name}: {}", signed.err);
        let entry = &sandbox.log(&["--limit", "1"])[0];
        assert_eq!((&entry["action"], &entry["name"]), (&"decrypt".into(), &name.into()));
        let details = &entry["details"];
        assert_eq!(details["made"], "signature");
        assert_eq!(details["mode"], "agent");
        assert_eq!(details["command"], "ssh-keygen");
        assert_eq!(entry["reason"], "a release");
        let check = ["-Y", "check-novalidate", "-n", "test", "-s", "text.sig"];
        let check = Answer::fed(sandbox.command("ssh-keygen").args(check), b"something");
        assert_eq!(check.code, 0, "{name}: {}", check.err);
    }
    // a signature over something else is not valid
    let check = ["-Y", "check-novalidate", "-n", "test", "-s", "text.sig"];
    let check = Answer::fed(sandbox.command("ssh-keygen").args(check), b"something else");
    assert_ne!(check.code, 0);
}

/// Stores a key that OpenSSL makes, with its public half beside.
fn add_pem(sandbox: &Sandbox, name: &str, args: &[&str]) {
    let path = sandbox.path(name);
    let made = sandbox.command("openssl").args(args).output().unwrap();
    assert!(made.status.success());
    sandbox.file(name, &made.stdout);
    let shown = path.to_str().unwrap();
    sandbox.ok(&["cred", "add", name, "--type", "ssh", "--file", shown], b"");
    let shown = json(&sandbox.ok(&["cred", "show", name, "--json"], b""));
    let public = shown["fields"]["public_key"].as_str().unwrap_or_else(|| panic!("{shown}"));
    fs::write(sandbox.path(&format!("{name}.pub")), format!("{public}\n")).unwrap();
    fs::remove_file(path).unwrap();
}

/// Signs the file `text` with a key of the vault, through OpenSSH.
fn sign(sandbox: &Sandbox, name: &str) -> Answer {
    let _ = fs::remove_file(sandbox.path("text.sig"));
    let public = format!("{name}.pub");
    let sign = ["ssh-keygen", "-Y", "sign", "-n", "test", "-f", &public, "text"];
    sandbox.run(&[&["ssh-agent", "--reason", "a release", "--"], &sign[..]].concat())
}

#[test]
fn a_key_that_does_not_fit_signs_nothing() {
    let Some(sandbox) = with_key("locked", &["-t", "ed25519", "-N", "unknown words"]) else {
        return;
    };
    fs::write(sandbox.path("text"), "something").unwrap();
    let refused = sign(&sandbox, "locked");
    assert_ne!(refused.code, 0);
    let why = "`private_key` of `locked` is encrypted, and there is no field `passphrase`";
    assert!(refused.err.contains(why), "{}", refused.err);
    sandbox.ok(&["cred", "set", "locked", "passphrase", "--stdin"], b"wrong words");
    assert!(sign(&sandbox, "locked").err.contains("encrypted with another passphrase"));
    let entry = &sandbox.log(&["--action", "decrypt", "--limit", "1"])[0];
    assert_eq!(entry["outcome"], "refused", "{entry}");
    assert_eq!(entry["details"]["command"], "ssh-keygen");

    // a public key that is somebody else's would let them have our signatures looked for
    add_key(&sandbox, "mine", ED25519);
    make_key(&sandbox, "other", ED25519);
    let other = fs::read_to_string(sandbox.path("other.pub")).unwrap();
    sandbox.ok(&["cred", "set", "mine", "--field", &format!("public_key={}", other.trim())], b"");
    fs::remove_file(sandbox.path("other")).unwrap();
    let refused = sign(&sandbox, "other");
    assert!(refused.err.contains("is not the private half of `public_key`"), "{}", refused.err);
    assert!(!sandbox.path("text.sig").exists());
}

#[test]
fn it_ends_as_its_program_does() {
    let Some(sandbox) = with_key("deploy", ED25519) else { return };
    let code = |args: &[&str]| sandbox.run(&[&["ssh-agent"], args].concat()).code;
    assert_eq!(code(&["--", "true"]), 0);
    assert_eq!(code(&["--", "sh", "-c", "exit 42"]), 42);
    assert_eq!(code(&["--", "sh", "-c", "kill -KILL $$"]), 137);
    // whoever tells us to end means the program; it may tidy up
    let told = "trap 'exit 7' TERM; sh -c \"kill $PPID\"; sleep 20 >/dev/null 2>&1 & wait";
    assert_eq!(code(&["--", "sh", "-c", told]), 7);
    assert_eq!(code(&["--", "no-such-program"]), 127);
    assert_eq!(code(&["--", "/"]), 126);
    let nobody = sandbox.run(&["ssh-agent"]);
    assert_eq!(nobody.code, 2);
    assert!(nobody.err.contains("hint: vault ssh-agent -- COMMAND"), "{}", nobody.err);
    assert_eq!(support::files(&sandbox.path("tmp")).len(), 0);
    assert_eq!(fs::read_dir(sandbox.path("tmp")).unwrap().count(), 0);
}

#[test]
fn the_program_gets_the_path_and_none_of_our_variables() {
    let Some(sandbox) = with_key("deploy", ED25519) else { return };
    let mut command = sandbox.vault(&["ssh-agent", "--", "env"]);
    command.envs([("SSH_AUTH_SOCK", "/foreign"), ("SSH_AGENT_PID", "1"), ("OWN", "kept")]);
    let seen = Answer::of(&mut command).text();
    let lines: Vec<&str> = seen.lines().collect();
    assert!(lines.contains(&"OWN=kept"), "{seen}");
    assert!(!seen.contains("/foreign") && !seen.contains("SSH_AGENT_PID"), "{seen}");
    assert!(!seen.contains("VAULT_"), "{seen}");
    let socket = lines.iter().find_map(|line| line.strip_prefix("SSH_AUTH_SOCK=")).unwrap();
    assert!(socket.starts_with(sandbox.path("tmp").to_str().unwrap()), "{socket}");
    // the descriptors of the vault are not its program's either
    let open = sandbox.run(&["ssh-agent", "--", "ls", "-l", "/proc/self/fd"]).text();
    assert!(!open.contains("vault.db") && !open.contains("socket:"), "{open}");
    let runtime = sandbox.path("run");
    fs::create_dir(&runtime).unwrap();
    assert!(Command::new("chmod").arg("700").arg(&runtime).status().unwrap().success());
    let show = "echo $SSH_AUTH_SOCK; stat -c %a $SSH_AUTH_SOCK ${SSH_AUTH_SOCK%/*}";
    let mut command = sandbox.vault(&["ssh-agent", "--", "sh", "-c", show]);
    let seen = Answer::of(command.env("XDG_RUNTIME_DIR", &runtime)).text();
    assert!(seen.starts_with(runtime.join("vault/vault-agent-").to_str().unwrap()), "{seen}");
    assert!(seen.ends_with("\n600\n700\n"), "{seen}");
}

#[test]
fn a_signature_is_no_read_of_the_key_and_trips_a_canary() {
    let Some(sandbox) = with_key("deploy", ED25519) else { return };
    fs::write(sandbox.path("text"), "something").unwrap();
    let key = sandbox.ok(&["cred", "get", "deploy", "private_key"], b"");
    assert_eq!(sign(&sandbox, "deploy").code, 0);
    let whose = json(&sandbox.ok(&["whose", "--json"], &key));
    assert_eq!(whose["items"][0]["reads"], 1, "{whose}");

    let path = make_key(&sandbox, "decoy", ED25519);
    sandbox.ok(&["cred", "add", "decoy", "--type", "ssh", "--canary", "--file", &path], b"");
    fs::remove_file(path).unwrap();
    let incidents = || json(&sandbox.ok(&["incident", "list", "--json"], b""))["items"].clone();
    // its public half is no secret
    assert_eq!(sandbox.run(&["ssh-agent", "--", "ssh-add", "-l"]).text().lines().count(), 2);
    assert_eq!(incidents().as_array().unwrap().len(), 0);
    assert_eq!(sign(&sandbox, "decoy").code, 0);
    assert_eq!(incidents().as_array().unwrap().len(), 1);
}
