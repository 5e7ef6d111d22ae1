//! No secret in the arguments: refused with the way to do it right, and never repeated.

use super::refused;
use super::support::Sandbox;

const CANARY: &str = "Hunter2-Canary";

/// One that could be the name of a field.
const LOW: &str = "hunter2_canary";

/// Command lines with a secret in them, and what the message says.
const LINES: &[(&[&str], &str)] = &[
    (&["cred", "add", "new", CANARY], "never given as an argument"),
    (&["cred", "add", "new", "--stdin", CANARY], "never given as an argument"),
    (&["cred", "add", "new", "--password", CANARY], "never given as an argument"),
    (&["cred", "add", "new", "--password=Hunter2-Canary"], "never given as an argument"),
    (&["cred", "add", "new", "--token", CANARY], "never given as an argument"),
    (&["cred", "add", "new", "--secret=Hunter2-Canary"], "never given as an argument"),
    (&["cred", "add", "new", "--api-key=Hunter2-Canary"], "never given as an argument"),
    (&["cred", "add", "new", "--value", CANARY], "never given as an argument"),
    (&["cred", "add", "new", "--secret-field", "pin=Hunter2-Canary"], "never given as an argument"),
    (&["cred", "add", "new", "--secret-field=pin=Hunter2-Canary"], "never given as an argument"),
    (&["cred", "add", "new", "--stdin=Hunter2-Canary"], "`--stdin`"),
    (&["cred", "add", "new", "--fd", CANARY], "`--fd <N>`"),
    (&["cred", "add", "new", "--generate=Hunter2-Canary"], "`--generate"),
    (&["cred", "add", "new", "--field", CANARY], "KEY=VALUE"),
    (&["cred", "add", "new", "--field", "Pass=Hunter2-Canary"], "field name"),
    (&["cred", "add", "new", "--Hunter2-Canary"], "never given as an argument"),
    (&["cred", "set", "x", "password", CANARY], "never given as an argument"),
    (&["cred", "set", "x", "--password=Hunter2-Canary"], "never given as an argument"),
    (&["cred", "set", "x", "password", "--value", CANARY], "never given as an argument"),
    (&["cred", "set", "x", CANARY], "never given as an argument"),
    (&["cred", "set", "x", LOW], "never given as an argument"),
    (&["cred", "set", "x", LOW, "--owner", "me"], "never given as an argument"),
    (&["cred", "get", "x", "password", CANARY], "one argument too many"),
    (&["cred", "get", "x", CANARY], "a field name is"),
    (&["cred", "copy", "x", CANARY], "a field name is"),
    (&["cred", "copy", "x", "--clear-after", CANARY], "`--clear-after <SPAN>`"),
    (&["cred", "totp", "x", CANARY], "a field name is"),
    (&["cred", "totp", "x", "--at", CANARY], "not a date or duration"),
    (&["cred", "show", "x", CANARY], "one argument too many"),
    (&["cred", "list", CANARY], "one argument too many"),
    (&["cred", "list", "--limit", CANARY], "`--limit <N>`"),
    (&["cred", "list", "--tag", "Hunter2-Canary,"], "a tag has no"),
    (&["cred", "rm", "x", "y", CANARY], "one argument too many"),
    (&["cred", "rename", "x", "-Hunter2-Canary"], "one argument too many"),
    (&["cred", CANARY], "no such command"),
    (&["Hunter2-Canary"], "no such command"),
    (&["init", CANARY], "one argument too many"),
    (&["init", "--passphrase", CANARY], "never given as an argument"),
    (&["status", "--format", CANARY], "`--format <FORMAT>`"),
    (&["audit", "show", "--action", CANARY], "`--action <ACTION,…>`"),
    (&["audit", "show", "--since", CANARY], "not a date or duration"),
    (&["completions", CANARY], "`<SHELL>`"),
    (&["import", "--format", CANARY], "`--format <FORMAT>`"),
    (&["export", "--format", CANARY, "x"], "`--format <FORMAT>`"),
    (&["export", "--format", "shell", "--names", CANARY, "x"], "`--names <HOW>`"),
    (&["export", "--format", "k8s-secret", "--name", CANARY, "x"], "the name of a Secret"),
    (&["inject", CANARY], "one argument too many"),
    (&["inject", "-o", "x", "--mode", CANARY], "three octal digits"),
    (&["generate", CANARY], "one argument too many"),
    (&["generate", "--policy", CANARY], "not a policy"),
    (&["generate", "--length", CANARY], "`--length <N>`"),
    (&["generate", "--ssh", CANARY], "not a sort of key"),
    (&["generate", "--policy", LOW], "unknown policy"),
    (&["cred", "add", "new", "--generate=hunter2-canary"], "unknown policy"),
];

#[test]
fn no_secret_is_taken_as_an_argument_nor_repeated() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"value");
    let (content, entries) = (sandbox.content(), sandbox.entries());
    for (line, message) in LINES {
        for json in [false, true] {
            let args = if json { [&["--json"], *line].concat() } else { line.to_vec() };
            let answer = sandbox.run(&args);
            let all = answer.all();
            assert_eq!(answer.code, 2, "{args:?}: {all}");
            assert!(answer.out.is_empty() && all.contains("hint"), "{args:?}: {all}");
            assert!(!all.to_lowercase().contains("canary"), "{args:?}: {all}");
            match json {
                true => _ = super::tells(&answer, 2, "usage", message),
                false => super::says(&answer, 2, message, ""),
            }
        }
    }
    assert_eq!(sandbox.content(), content);
    assert_eq!(sandbox.entries(), entries);
}

/// What a credential could have as a field is decided before anybody is asked for a key.
#[test]
fn a_secret_in_the_place_of_a_field_is_noticed_without_a_key() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"value");
    let add = ["cred", "add", "open", "--type", "custom", "--stdin", "--secret-field", "pin"];
    sandbox.ok(&add, b"1234");
    let locked = |args: &[&str]| {
        let mut command = sandbox.vault(&[&["--no-input"], args].concat());
        super::Answer::of(command.env_remove("VAULT_KEY_FILE"))
    };
    for args in [&["cred", "set", "x", LOW][..], &["cred", "set", "x", LOW, "--json"]] {
        let answer = locked(args);
        assert_eq!(answer.code, 2, "{}", answer.all());
        assert!(answer.err.contains("vault cred set NAME --stdin"), "{}", answer.err);
        assert!(answer.err.contains("`password` has: password, totp"), "{}", answer.err);
        assert!(!answer.all().contains(LOW), "{}", answer.all());
    }
    // these can be fields, so that now a key is missing
    for args in [["x", "totp"], ["x", "notes"], ["open", "pin"], ["open", "other"]] {
        assert_eq!(locked(&["cred", "set", args[0], args[1]]).code, 12, "{args:?}");
    }
    // with a source it is no secret; it is not repeated all the same
    let wrong = (10, "`x` has no such secret field", "`password` has: password, totp");
    let answer = refused(&sandbox, &["cred", "set", "x", LOW, "--stdin"], b"y", wrong, 0);
    assert!(!answer.all().contains(LOW), "{}", answer.all());
    let wrong = (10, "`x` has no such secret field", "it has: password");
    let answer = refused(&sandbox, &["cred", "get", "x", LOW], b"", wrong, 1);
    assert!(!answer.all().contains(LOW), "{}", answer.all());
    let wrong = (10, "`x` has no secret field `totp`", "it has: password");
    refused(&sandbox, &["cred", "get", "x", "totp"], b"", wrong, 1);
}

#[test]
fn the_hint_is_the_right_command() {
    let sandbox = Sandbox::new();
    let add = "vault cred add NAME --stdin < FILE";
    let wrong = (2, "others can see it there", add);
    refused(&sandbox, &["cred", "add", "x", "y"], b"", wrong, 0);
    let set = "vault cred set NAME FIELD --stdin < FILE";
    let wrong = (2, "others can see it there", set);
    refused(&sandbox, &["cred", "set", "x", "password", "y"], b"", wrong, 0);
    refused(&sandbox, &["cred", "lits"], b"", (2, "no such command", "`vault cred list`"), 0);
    let list =
        (2, "no such command", "`vault cred list` or `vault incident list` or `vault key list`?");
    refused(&sandbox, &["list"], b"", list, 0);
    let verify = (2, "no such command", "did you mean `vault audit verify`?");
    refused(&sandbox, &["verify"], b"", verify, 0);
    let answer = sandbox.run(&["add", "x", CANARY, "--password", CANARY]);
    super::says(&answer, 2, "no such command", "did you mean `vault cred add` or `vault key add`?");
    assert!(!answer.all().contains(CANARY), "{}", answer.all());
    let near = (2, "has no `--usernme`", "`--username`");
    refused(&sandbox, &["cred", "add", "x", "--usernme", "y"], b"", near, 0);
}
