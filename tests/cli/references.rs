//! References on the command line, and templates.

use super::support::{Sandbox, json, pty::Pty};
use super::{refused, says};
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let add = ["cred", "add", "db/main", "--host", "db.internal", "--stdin", "--exact"];
    sandbox.ok(&add, b"one");
    sandbox.ok(&["cred", "set", "db/main", "password", "--stdin", "--exact"], b"it's \"two\"\n");
    sandbox
}

#[test]
fn a_reference_is_as_good_as_a_name() {
    let sandbox = sandbox();
    let get = |what: &str| sandbox.ok(&["cred", "get", what], b"");
    assert_eq!(get("vault://db/main"), b"it's \"two\"\n");
    assert_eq!(get("vault://db%2Fmain/password?version=1"), b"one");
    let entry = &sandbox.log(&["--limit", "1"])[0];
    assert_eq!((&entry["action"], &entry["details"]["version"]), (&"decrypt".into(), &"1".into()));
    assert_eq!(entry["fields"], json_list(&["password"]));
    assert_eq!(get("vault://db/main/host"), b"db.internal");
    let both = (2, "a reference says itself", "?version=N");
    refused(&sandbox, &["cred", "get", "vault://db/main", "password"], b"", both, 0);
    refused(&sandbox, &["cred", "get", "vault://db/main", "--version", "1"], b"", both, 0);
    let wrong = (2, "after `?` comes", "vault://NAME");
    refused(&sandbox, &["cred", "get", "vault://db/main?v=1"], b"", wrong, 0);
    let none = (10, "`db/mian`", "");
    refused(&sandbox, &["cred", "get", "vault://db/mian"], b"", none, 1);
    let code = (10, "totp", "");
    refused(&sandbox, &["cred", "get", "vault://db/main?attribute=totp"], b"", code, 1);
}

fn json_list(words: &[&str]) -> serde_json::Value {
    words.iter().map(|word| serde_json::Value::from(*word)).collect()
}

#[test]
fn a_template_is_filled_in() {
    let sandbox = sandbox();
    let text = "host={{vault://db/main/host}}\r\nold={{ vault://db/main?version=1 }} {{ .Values.x }}\n\
                new={{ vault://db/main | json }} {{ vault://db/main | shell }} {{vault://db/main|json}}";
    let filled = "host=db.internal\r\nold=one {{ .Values.x }}\n\
                  new=\"it's \\\"two\\\"\\n\" 'it'\\''s \"two\"\n' \"it's \\\"two\\\"\\n\"";
    let entries = sandbox.entries();
    assert_eq!(sandbox.run_in(&["inject"], text.as_bytes()).text(), filled);
    assert_eq!(sandbox.entries(), entries + 2, "of now, and of then");
    for entry in sandbox.log(&["--limit", "2"]) {
        assert_eq!(
            (&entry["action"], &entry["details"]["mode"]),
            (&"inject".into(), &"template".into())
        );
    }
    let template = sandbox.file("t", text);
    let to_file = ["inject", "-i", &template, "-o", "out", "--reason", "ticket 42"];
    let answer = sandbox.run(&to_file);
    assert_eq!((answer.code, answer.out.len()), (0, 0), "{}", answer.err);
    assert!(answer.err.contains("5 places") && !answer.err.contains("two"), "{}", answer.err);
    assert_eq!(fs::read(sandbox.path("out")).unwrap(), filled.as_bytes());
    assert_eq!(mode(&sandbox, "out"), 0o600);
    assert_eq!(sandbox.log(&["--limit", "1"])[0]["reason"], "ticket 42");
    let there = (13, "there is a file already: `out`", "--force");
    refused(&sandbox, &to_file, b"", there, 0);
    let shared = ["inject", "-i", &template, "-o", "out", "--force", "--mode", "0640", "--json"];
    let answer = sandbox.run(&shared);
    assert!(answer.err.contains("warning: others than you"), "{}", answer.err);
    assert_eq!(json(&answer.out)["mode"], "0640");
    assert_eq!(mode(&sandbox, "out"), 0o640);
    assert_eq!(fs::read_dir(sandbox.root()).unwrap().count(), 7, "a draft was left");
}

fn mode(sandbox: &Sandbox, name: &str) -> u32 {
    fs::metadata(sandbox.path(name)).unwrap().permissions().mode() & 0o7777
}

#[test]
fn what_was_put_in_is_not_looked_at_again() {
    let sandbox = sandbox();
    sandbox.add("evil", b"{{ vault://db/main }} \\{{ vault://db/main }}");
    let out = sandbox.ok(&["inject"], b"<{{ vault://evil }}>");
    assert_eq!(out, b"<{{ vault://db/main }} \\{{ vault://db/main }}>");
}

#[test]
fn a_bad_template_writes_nothing_and_says_where() {
    let sandbox = sandbox();
    let bad = |text: &str, expected: (i32, &str, &str), logged: usize| {
        fs::write(sandbox.path("t"), text).unwrap();
        refused(&sandbox, &["inject", "-i", "t", "-o", "out"], b"", expected, logged);
        refused(&sandbox, &["inject", "-i", "t"], b"", expected, logged);
        let left: Vec<_> = fs::read_dir(sandbox.root()).unwrap().flatten().collect();
        assert!(left.iter().all(|file| !file.file_name().to_string_lossy().starts_with("out")));
    };
    bad("\n  {{ vault://db/main", (2, "t:2:3: `{{` is not closed", "{{ vault://NAME"), 0);
    bad("{{ vault://db/main | jsn }}", (2, "t:1:1: unknown filter `jsn`", "filters: raw, json"), 0);
    bad("a{{ vault:// }}", (2, "t:1:2: a reference names a credential", "vault://"), 0);
    bad("{{ vault://db/main }}\n{{ vault://none }}", (10, "t:2:1: ", ""), 1);
    let two = "{{ vault://none }} {{ vault://db/main }} {{ vault://other }} {{ vault://none }}";
    bad(two, (10, "2 references lead nowhere: `vault://none`, `vault://other`", "t:1:42: "), 1);
    sandbox.add("nul", b"hunter2\0");
    fs::write(sandbox.path("t"), "{{ vault://nul | shell }}").unwrap();
    let answer = sandbox.run(&["inject", "-i", "t", "-o", "out"]);
    says(&answer, 2, "t:1:1: the value has a NUL byte", "base64");
    assert!(!answer.all().contains("hunter2") && !sandbox.path("out").exists());
}

#[test]
fn where_nothing_can_be_written_nothing_is_handed_out() {
    let sandbox = sandbox();
    let template = sandbox.file("t", "{{ vault://db/main }}");
    let to = |out: &'static str| ["inject", "-i", "t", "--force", "-o", out];
    refused(&sandbox, &to("t"), b"", (2, "the output is the template itself", "-o FILE"), 0);
    refused(&sandbox, &to("./tmp/../t"), b"", (2, "the template itself", ""), 0);
    refused(&sandbox, &to("none/x"), b"", (18, "cannot write `none/x`", ""), 0);
    refused(&sandbox, &to("tmp"), b"", (2, "not a regular file", ""), 0);
    refused(&sandbox, &["inject", "-i", "none"], b"", (10, "cannot read `none`", ""), 0);
    let modes = ["inject", "-i", &template, "-o", "x", "--mode", "rw"];
    refused(&sandbox, &modes, b"", (2, "three octal digits", "0640"), 0);
    let Some(words) = sandbox.ordinary() else { return };
    fs::set_permissions(sandbox.path("tmp"), PermissionsExt::from_mode(0o500)).unwrap();
    let program = sandbox.program();
    let mut all: Vec<&str> = words;
    all.push(program.to_str().unwrap());
    all.extend(to("tmp/x"));
    let answer = super::Answer::of(sandbox.command(all[0]).args(&all[1..]));
    says(&answer, 18, "cannot write `tmp/x`: permission denied", "");
    assert!(answer.out.is_empty());
}

#[test]
fn a_terminal_is_shown_secrets_only_when_asked() {
    let sandbox = sandbox();
    sandbox.file("t", "<{{ vault://db/main?version=1 }}>");
    let said = |args: &[&str]| Pty::vault(&sandbox, args, &[]).end();
    let (code, text) = said(&["inject", "-i", "t"]);
    assert!(code == 14 && !text.contains("<one>") && text.contains("--reveal"), "{text}");
    let (code, text) = said(&["inject", "-i", "t", "--reveal"]);
    assert!(code == 0 && text.contains("<one>"), "{text}");
}
