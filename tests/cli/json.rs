//! The JSON of every command is valid and carries its version.

use super::support::{Answer, Sandbox, json};

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_command_answers_in_json() {
    let sandbox = Sandbox::bare();
    let run = |args: &[&str], input: &[u8]| {
        let mut command = sandbox.vault(args);
        let answer = Answer::fed(command.env("VAULT_KEY_FILE", sandbox.path("key")), input);
        assert_eq!(answer.code, 0, "vault {args:?}: {}", answer.err);
        json(&answer.out)
    };
    for (args, input, key) in [
        (&["init", "--json"][..], "", "file"),
        (&["cred", "add", "x", "--stdin", "--json"], "hunter2", "secrets"),
        (&["cred", "add", "y", "--generate", "--json"], "", "secrets"),
        (&["cred", "list", "--json"], "", "items"),
        (&["cred", "list", "--format", "json"], "", "items"),
        (&["cred", "list", "--format=json", "--verify"], "", "items"),
        (&["cred", "list", "--json", "--columns", "name,due", "--sort", "due"], "", "items"),
        (&["cred", "due", "--json"], "", "items"),
        (&["cred", "check", "--json", "--only", "unused"], "", "items"),
        (&["cred", "show", "x", "--json"], "", "id"),
        (&["cred", "show", "x", "--reveal", "--json"], "", "secrets"),
        (&["cred", "get", "x", "--json"], "", "value"),
        (&["cred", "set", "x", "totp", "--stdin", "--json"], "GEZDGNBVGY3TQOJQ", "secrets"),
        (&["cred", "totp", "x", "--json"], "", "seconds_left"),
        (&["cred", "set", "x", "--stdin", "--json"], "hunter3", "secrets"),
        (&["cred", "set", "x", "--owner", "me", "--json"], "", "name"),
        (&["cred", "set", "x", "--owner", "me", "--json"], "", "message"),
        (&["cred", "rotate", "x", "--json"], "", "service"),
        (&["cred", "rotate", "x", "y", "--json"], "", "items"),
        (&["cred", "history", "x", "--json"], "", "items"),
        (&["cred", "get", "x", "--version", "1", "--json"], "", "value"),
        (&["cred", "rollback", "x", "--to", "1", "--json"], "", "version"),
        (&["cred", "purge", "x", "--version", "1", "--yes", "--json"], "", "version"),
        (&["cred", "purge", "--older-than", "1d", "--json"], "", "items"),
        (&["cred", "rename", "x", "z", "--json"], "", "old_name"),
        (&["cred", "rm", "z", "--json"], "", "name"),
        (&["cred", "list", "--deleted", "--json"], "", "items"),
        (&["cred", "show", "z", "--deleted", "--json"], "", "deleted"),
        (&["cred", "restore", "z", "--json"], "", "name"),
        (&["cred", "purge", "z", "--yes", "--json"], "", "name"),
        (&["cred", "add", "w", "--generate", "--json"], "", "secrets"),
        (&["import", "--dry-run", "--json"], "", "dry_run"),
        (&["import", "--json"], "", "imported"),
        (&["audit", "show", "--json"], "", "items"),
        (&["audit", "show", "1", "--json"], "", "hash"),
        (&["audit", "verify", "--json"], "", "authenticated"),
        (&["audit", "checkpoint", "--json"], "", "public_key"),
        (&["audit", "checkpoint", "--json", "-o", "note"], "", "message"),
        (&["audit", "checkpoint", "--list", "--json"], "", "items"),
        (&["audit", "verify", "--anchor", "note", "--json"], "", "anchored_to"),
        (&["audit", "export", "--json"], "", "items"),
        (&["audit", "export", "--csv", "--json"], "", "items"),
        (&["audit", "export", "--json", "-o", "log.jsonl"], "", "entries"),
        (&["audit", "prune", "--before", "9y", "--json"], "", "entries"),
        (&["audit", "sinks", "--json"], "", "items"),
        (&["status", "--json"], "", "entries"),
        (&["status", "--json", "--check"], "", "weak"),
        (&["doctor", "--json"], "", "items"),
        (&["generate", "--json"], "", "value"),
        (&["generate", "--json"], "", "bits"),
        (&["generate", "--count", "2", "--json"], "", "items"),
        (&["completions", "fish", "--json"], "", "text"),
        (&["man", "pages", "--json"], "", "pages"),
        (&["help", "exit-codes", "--json"], "", "items"),
        (&["help", "cred", "add", "--json"], "", "text"),
        (&["incident", "open", "x", "--cred", "w", "--json"], "", "message"),
        (&["incident", "blast", "1", "--json"], "", "used_by"),
        (&["incident", "rotate", "1", "--dry-run", "--json"], "", "items"),
        (&["incident", "rotate", "1", "--json"], "", "items"),
        (&["incident", "report", "1", "--json"], "", "timeline"),
        (&["incident", "report", "1", "--format", "md", "--json"], "", "text"),
        (&["incident", "report", "1", "-o", "r", "--json"], "", "file"),
        (&["trust-state", "--yes", "--json"], "", "found"),
    ] {
        if args[0] == "trust-state" {
            // so that there is something to accept
            std::fs::remove_dir_all(sandbox.path("state/vault")).unwrap();
        }
        let answer = run(args, input.as_bytes());
        assert!(!answer[key].is_null(), "vault {args:?} has no `{key}`: {answer}");
    }
}

#[test]
fn values_that_are_no_text_are_base64() {
    let sandbox = Sandbox::new();
    sandbox.add("bytes", b"\xff\x00");
    let value = json(&sandbox.ok(&["cred", "get", "bytes", "--json"], b""));
    assert_eq!(value["value_base64"], "/wA=");
    let shown = json(&sandbox.ok(&["cred", "show", "bytes", "--reveal", "--json"], b""));
    assert_eq!(shown["secrets"]["password"]["base64"], "/wA=");
}

#[test]
fn a_list_says_whether_it_was_verified() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    for (args, verified) in
        [(&["cred", "list", "--json"][..], false), (&["cred", "list", "--json", "--verify"], true)]
    {
        let listed = json(&sandbox.ok(args, b""));
        assert_eq!(listed["items"][0]["verified"], verified, "{listed}");
    }
    assert!(sandbox.ok(&["cred", "list", "--verify"], b"").starts_with(b"x\t"));
}

#[test]
fn times_are_in_utc() {
    let sandbox = Sandbox::new();
    sandbox.ok(&["cred", "add", "x", "--generate", "--expires", "2040-01-31"], b"");
    let mut command = sandbox.vault(&["cred", "show", "x", "--json"]);
    let shown = json(&Answer::of(command.env("TZ", "Asia/Tokyo")).out);
    assert_eq!(shown["expires"], "2040-01-31T00:00:00.000Z");
    assert!(shown["created"].as_str().unwrap().ends_with('Z'));
}
