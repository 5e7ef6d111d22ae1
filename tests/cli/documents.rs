//! Documents for other programs.

use super::support::{Sandbox, json, pty::Pty};
use super::{Answer, refused, says};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const PASSWORD: &[u8] = b"it's \"$(touch CANARY)\" \\ 100%\n";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let place = ["--host", "db.internal", "--port", "5432", "--username", "app", "--tag", "prod"];
    let add = [&["cred", "add", "db/main", "--stdin", "--exact"], &place[..]].concat();
    sandbox.ok(&add, PASSWORD);
    let github = ["cred", "add", "github", "--type", "token", "--service", "GitHub", "--stdin"];
    sandbox.ok(&github, b"ghp_0123456789");
    sandbox
}

fn export(sandbox: &Sandbox, args: &[&str]) -> String {
    let out = sandbox.ok(&[&["export", "--format"], args].concat(), b"");
    String::from_utf8(out).unwrap()
}

#[test]
fn a_shell_reads_it_by_customary_names() {
    let sandbox = sandbox();
    let script = format!(
        "eval \"$('{}' export --format shell db/ma github)\"; exec env -0",
        super::support::VAULT
    );
    let answer = Answer::of(sandbox.command("sh").args(["-c", &script]));
    let found: Vec<&[u8]> = answer.out.split(|byte| *byte == 0).collect();
    for pair in [
        [b"PGPASSWORD=", PASSWORD].concat().as_slice(),
        b"PGHOST=db.internal",
        b"PGPORT=5432",
        b"PGUSER=app",
        b"GITHUB_TOKEN=ghp_0123456789",
    ] {
        assert!(found.contains(&pair), "{}", answer.all());
    }
    assert!(!sandbox.path("CANARY").exists());
    for entry in &sandbox.log(&["--limit", "2"]) {
        assert_eq!((&entry["action"], &entry["outcome"]), (&"export".into(), &"ok".into()));
        assert_eq!(entry["details"]["mode"], "document");
    }
}

#[test]
fn an_address_is_taken_apart_for_its_programs() {
    let sandbox = Sandbox::new();
    let dsn = "postgres://app:p%40ss'w@db.internal:5433/shop?sslmode=require";
    sandbox.ok(&["cred", "add", "db/dsn", "--type", "dsn", "--stdin"], dsn.as_bytes());
    // what the metadata says of the host is about the first address
    let other = dsn.replace("db.internal", "other.internal");
    sandbox.ok(&["cred", "set", "db/dsn", "connection_string", "--stdin"], other.as_bytes());
    let found = export(&sandbox, &["json", "db/dsn"]);
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    let expected = serde_json::json!({
        "DATABASE_URL": other,
        "PGPASSWORD": "p@ss'w",
        "PGHOST": "other.internal",
        "PGPORT": "5433",
        "PGUSER": "app",
        "PGDATABASE": "shop",
        "PGSSLMODE": "require",
    });
    assert_eq!(found, expected);
    assert_eq!(
        sandbox.log(&["--limit", "1"])[0]["fields"],
        serde_json::json!(["connection_string"])
    );
}

#[test]
fn every_format_says_the_same() {
    let sandbox = sandbox();
    let only = |format| export(&sandbox, &[format, "db/main", "--only", "PGPASSWORD"]);
    assert_eq!(only("shell"), "export PGPASSWORD='it'\\''s \"$(touch CANARY)\" \\ 100%\n'\n");
    assert_eq!(only("fish"), "set -gx PGPASSWORD 'it\\'s \"$(touch CANARY)\" \\\\ 100%\n'\n");
    let written = "\"it's \\\"$(touch CANARY)\\\" \\\\ 100%\\n\"";
    assert_eq!(only("json"), format!("{{\n  \"PGPASSWORD\": {written}\n}}\n"));
    assert_eq!(only("yaml"), format!("\"PGPASSWORD\": {written}\n"));
    assert_eq!(only("tfvars"), format!("pgpassword = {written}\n"));
    let public = ["db/main", "--names", "full", "--only", "DB_MAIN_HOST,DB_MAIN_USERNAME"];
    let of = |format| export(&sandbox, &[&[format], &public[..]].concat());
    assert_eq!(of("dotenv"), "DB_MAIN_USERNAME='app'\nDB_MAIN_HOST='db.internal'\n");
    assert_eq!(of("docker"), "DB_MAIN_USERNAME=app\nDB_MAIN_HOST=db.internal\n");
    let manifest = export(&sandbox, &["k8s-secret", "--name", "app-db", "github"]);
    let token = "  \"GITHUB_TOKEN\": \"Z2hwXzAxMjM0NTY3ODk=\"\n";
    assert!(manifest.contains("kind: Secret\nmetadata:\n  name: \"app-db\"\n"), "{manifest}");
    assert!(manifest.ends_with(&format!("data:\n{token}")), "{manifest}");
    // a filter, and the answer as JSON when that is asked for
    let answer =
        sandbox.ok(&["export", "--json", "--format", "dotenv", "--service", "GitHub"], b"");
    assert_eq!(json(&answer)["value"], "GITHUB_TOKEN='ghp_0123456789'\n");
}

#[test]
fn github_actions_get_variables_and_masks() {
    let sandbox = sandbox();
    sandbox.ok(
        &["cred", "add", "key", "--type", "shared_secret", "--stdin"],
        b"first 1%\n{\nlast one",
    );
    fs::write(sandbox.path("env"), "BEFORE=1\n").unwrap();
    let run = |env: &str, args: &[&str]| {
        let mut command = sandbox.vault(&[&["export", "--format", "gha"], args].concat());
        Answer::of(command.env("GITHUB_ENV", sandbox.path(env)))
    };
    let answer = run("env", &["db/main", "key", "--only", "PGHOST,SHARED_SECRET"]);
    assert_eq!(answer.text(), "::add-mask::first 1%25\n::add-mask::last one\n", "{}", answer.err);
    let text = fs::read_to_string(sandbox.path("env")).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let mark = lines[1].strip_prefix("PGHOST<<vault_").unwrap();
    assert_eq!(mark.len(), 32, "{text}");
    let mark = format!("vault_{mark}");
    let heredoc = format!("SHARED_SECRET<<{mark}");
    // the line before may not have been ended: ours must not become part of it
    fs::write(sandbox.path("open"), "BEFORE=1").unwrap();
    let begins = "BEFORE=1\nSHARED_SECRET<<vault_";
    assert_eq!(run("open", &["key"]).code, 0);
    assert!(fs::read_to_string(sandbox.path("open")).unwrap().starts_with(begins));
    let rest = [&mark, &*heredoc, "first 1%", "{", "last one", &mark];
    assert_eq!((lines[0], lines[2], &lines[3..]), ("BEFORE=1", "db.internal", &rest[..]));
    // of a secret that is all short lines, each is masked
    sandbox.ok(&["cred", "add", "pins", "--type", "shared_secret", "--stdin"], b"123\n45");
    assert_eq!(run("open", &["pins"]).text(), "::add-mask::123\n::add-mask::45\n");
    says(&run("none", &["key"]), 10, "cannot write", "");
    says(&run("env", &["key", "-o", "x"]), 2, "`GITHUB_ENV` says where", "--output");
    let unset = (2, "`GITHUB_ENV` is not set", "GITHUB_ENV=x");
    refused(&sandbox, &["export", "--format", "gha", "key"], b"", unset, 0);
    assert_eq!(fs::read_to_string(sandbox.path("env")).unwrap(), text);
}

#[test]
fn what_a_format_cannot_hold_is_refused_and_nothing_is_written() {
    let sandbox = sandbox();
    sandbox.add("nul", b"hunter2\0");
    sandbox.add("bytes", b"hunter2\xff");
    sandbox.add("lines", b"hunter2\r\nx");
    sandbox.add("other", b"hunter2{{ vault://nul }}");
    for (format, name, why) in [
        ("shell", "nul", "has a NUL byte"),
        ("fish", "nul", "has a NUL byte"),
        ("dotenv", "nul", "has a NUL byte"),
        ("dotenv", "lines", "has a carriage return"),
        ("dotenv", "db/main", "its readers do not read alike"),
        ("dotenv", "other", "has a reference in it that `vault run` would follow"),
        ("tfvars", "nul", "has a NUL byte"),
        ("json", "bytes", "is not UTF-8 text"),
        ("yaml", "bytes", "is not UTF-8 text"),
        ("tfvars", "bytes", "is not UTF-8 text"),
        ("docker", "lines", "has more than one line"),
        ("docker", "nul", "has a NUL byte"),
    ] {
        let answer = sandbox.run(&["export", "--format", format, "github", name, "-o", "out"]);
        says(&answer, 2, &format!("`password` of `{name}` "), "take another format");
        assert!(answer.err.contains(why) && !answer.all().contains("hunter2"), "{}", answer.err);
        assert!(answer.err.contains(&format!("which `{format}` cannot hold")), "{}", answer.err);
        assert!(answer.out.is_empty() && !sandbox.path("out").exists(), "{}", answer.all());
    }
    let all = ["k8s-secret", "--name", "x", "--names", "full", "nul", "bytes", "lines", "db/main"];
    assert!(export(&sandbox, &all).contains("  \"BYTES_PASSWORD\": \"aHVudGVyMv8=\"\n"));
}

#[test]
fn bad_requests_change_nothing() {
    let sandbox = sandbox();
    sandbox.add("web", b"a");
    sandbox.add("mail", b"b");
    let bad = |args: &[&str], expected, logged| {
        refused(&sandbox, &[&["export"], args].concat(), b"", expected, logged);
    };
    bad(&["db/main"], (2, "in which format?", "--format dotenv|shell"), 0);
    bad(&["--format", "shell"], (2, "which credentials?", "--tag"), 0);
    bad(&["--format", "k8s-secret", "web"], (2, "how is the Secret called?", "--name"), 0);
    let upper = ["--format", "k8s-secret", "--name", "App", "web"];
    bad(&upper, (2, "the name of a Secret", "--name app-db"), 0);
    bad(&["--format", "shell", "--name", "x", "web"], (2, "only a Secret", "k8s-secret"), 0);
    bad(&["--format", "xml", "web"], (2, "--format", "dotenv"), 0);
    let answer = sandbox.run(&["export", "--format", "shell", "web", "mail"]);
    says(&answer, 13, "`PASSWORD` would be of `web` and of `mail`", "--names full");
    let answer = sandbox.run(&["export", "--format", "shell", "web", "--only", "TOKEN"]);
    says(&answer, 10, "there is no variable `TOKEN`", "");
    let line = br#"{"name":"n","type":"custom","secrets":{},"notes":"x"}"#;
    sandbox.ok(&["import", "--format", "jsonl"], line);
    assert_eq!(export(&sandbox, &["shell", "n"]), "export NOTES='x'\n");
    let answer = sandbox.run(&["export", "--format", "shell", "--names", "full", "n"]);
    says(&answer, 10, "nothing of `n` has a name", "--names customary");
    bad(&["--format", "shell", "web", "nobody"], (10, "`nobody`", ""), 1);
}

#[test]
fn a_document_is_private_and_not_for_the_terminal() {
    let sandbox = sandbox();
    let to_file = ["export", "--format", "shell", "github", "-o", "out"];
    let done = json(&sandbox.ok(&[&to_file[..], &["--json"]].concat(), b""));
    assert_eq!((&done["variables"], &done["format"]), (&1.into(), &"shell".into()));
    let about = fs::metadata(sandbox.path("out")).unwrap();
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    refused(&sandbox, &to_file, b"", (13, "there is a file already", "--force"), 0);
    let said = |args: &[&str]| Pty::vault(&sandbox, args, &[]).end();
    let (code, text) = said(&["export", "--format", "shell", "github"]);
    assert!(code == 14 && !text.contains("ghp_") && text.contains("--reveal"), "{text}");
    let (code, text) = said(&["export", "--format", "shell", "github", "--reveal"]);
    assert!(code == 0 && text.contains("export GITHUB_TOKEN='ghp_0123456789'"), "{text}");
}

#[test]
fn the_names_of_variables_are_explained() {
    let text = Sandbox::bare().run(&["help", "variables"]).text();
    for part in ["PostgreSQL\tPGPASSWORD PGHOST", "github.com\tGITHUB_TOKEN", "ssh\tSSH_PASSWORD"] {
        assert!(text.contains(part), "{text}");
    }
}
