//! `vault cred rotate` and `purge --older-than`: one, several, by filter; what is said, and how it ends.

use super::support::pty::Pty;
use super::support::{Sandbox, json, require};
use super::{refused, says};
use serde_json::Value;

/// A vault with two passwords, tagged, and a token that cannot be made up.
fn three() -> Sandbox {
    let sandbox = Sandbox::new();
    let url = "https://a.example.com";
    sandbox.ok(&["cred", "add", "a", "--stdin", "--tag", "prod", "--url", url], b"old-a");
    sandbox.ok(&["cred", "add", "b", "--stdin", "--tag", "prod", "--client", "acme"], b"old-b");
    sandbox.ok(&["cred", "add", "j", "--type", "jwt", "--stdin", "--tag", "issued"], b"a.b.c");
    sandbox
}

fn items(sandbox: &Sandbox, args: &[&str], code: i32) -> Vec<Value> {
    let answer = sandbox.run(&[&["cred", "rotate", "--json"], args].concat());
    assert_eq!(answer.code, code, "{}", answer.err);
    json(&answer.out)["items"].as_array().unwrap().clone()
}

fn outcomes(items: &[Value]) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    items.iter().map(|item| (text(&item["name"]), text(&item["outcome"]))).collect()
}

fn versions(sandbox: &Sandbox) -> Vec<u64> {
    ["a", "b", "j"]
        .iter()
        .map(|name| {
            let shown = json(&sandbox.ok(&["cred", "show", name, "--json"], b""));
            let versions = shown["versions"].as_object().unwrap().clone();
            versions.values().filter_map(Value::as_u64).max().unwrap()
        })
        .collect()
}

#[test]
fn one_is_rotated_with_what_its_kind_makes() {
    let sandbox = three();
    let answer = sandbox.run(&["cred", "rotate", "a", "--reason", "ticket 42"]);
    assert_eq!((answer.code, answer.out.len()), (0, 0), "{}", answer.err);
    let lines: Vec<_> = answer.err.lines().collect();
    assert_eq!(lines[0], "rotated `a`: version 2 of `password`");
    assert_eq!(
        lines[1],
        "note: nothing was changed at the service: \
         log in at https://a.example.com and change the password there"
    );
    assert_eq!(lines[2], "note: the old value stays: vault cred get a --version 1");
    let value = sandbox.ok(&["cred", "get", "a"], b"");
    assert!(value.len() == 24 && !answer.all().contains(&*String::from_utf8(value).unwrap()));
    assert_eq!(sandbox.ok(&["cred", "get", "a", "--version", "1"], b""), b"old-a");
    let shown = json(&sandbox.ok(&["cred", "show", "a", "--json"], b""));
    assert!(shown["last_rotated"].is_string());
    let entry = &sandbox.log(&["--action", "rotate", "--limit", "1"])[0];
    assert_eq!((&entry["reason"], &entry["outcome"]), (&"ticket 42".into(), &"ok".into()));
    let quiet = sandbox.run(&["cred", "rotate", "a", "--quiet"]);
    assert_eq!((quiet.code, &*quiet.err), (0, ""));
}

#[test]
fn a_value_can_be_handed_in_or_made_otherwise() {
    let sandbox = three();
    sandbox.ok(&["cred", "rotate", "j", "--stdin"], b"d.e.f\n");
    assert_eq!(sandbox.ok(&["cred", "get", "j"], b""), b"d.e.f");
    sandbox.ok(&["cred", "rotate", "a", "password", "--generate=40"], b"");
    assert_eq!(sandbox.ok(&["cred", "get", "a"], b"").len(), 40);
    let file = sandbox.file("value", "from a file");
    sandbox.ok(&["cred", "rotate", "a", "--secret-field", "password", "--file", &file], b"");
    assert_eq!(sandbox.ok(&["cred", "get", "a"], b""), b"from a file");
    let issued = ["cred", "rotate", "j"];
    refused(&sandbox, &issued, b"", (4, "cannot be made up", "`--stdin < FILE`"), 0);
    says(&sandbox.run_in(&["cred", "rotate", "a", "--stdin"], b""), 2, "the value is empty", "");
    // the same again is no rotation, whatever the dates would say
    let same = (14, "has this value already: nothing is rotated", "--generate");
    refused(&sandbox, &["cred", "rotate", "j", "--stdin"], b"d.e.f", same, 1);
    says(&sandbox.run(&["cred", "rotate", "a", "--stdin", "--generate"]), 2, "cannot be", "");
    says(&sandbox.run(&["cred", "rotate", "a", "--expires", "soon"]), 2, "`--expires`: not", "90d");
    says(&sandbox.run(&["cred", "rotate", "a", "--password", "x"]), 2, "never given as an", "");
    assert_eq!(versions(&sandbox), [3, 1, 2]);
}

#[test]
fn a_value_is_asked_for_when_that_is_wanted() {
    if !require("setsid") {
        return;
    }
    let sandbox = three();
    let mut rotate = Pty::vault(&sandbox, &["cred", "rotate", "a", "--prompt"], &[]);
    for question in ["Value of password: ", "Value of password again: "] {
        rotate.expect(question);
        rotate.send("typed-by-hand\r");
    }
    let (code, screen) = rotate.end();
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains("typed-by-hand"), "{screen}");
    assert!(screen.contains("note: `password` has "), "{screen}");
    assert_eq!(sandbox.ok(&["cred", "get", "a"], b""), b"typed-by-hand");
}

#[test]
fn the_second_word_is_a_field_or_a_name_and_never_repeated_if_neither() {
    let sandbox = three();
    sandbox.ok(&["cred", "set", "a", "totp", "--stdin"], b"JBSWY3DPEHPK3PXP");
    let wrong = ["cred", "rotate", "a", "hunter2canary"];
    let said = (10, "no credential and no secret field of `a`", "it has: password, totp");
    let answer = refused(&sandbox, &wrong, b"", said, 0);
    assert!(!answer.all().contains("canary"));
    // the first is a slip, and the second still may be a secret
    let wrong = ["cred", "rotate", "aa", "hunter2canary"];
    let answer = refused(&sandbox, &wrong, b"", (10, "neither word", "vault cred list"), 0);
    assert!(!answer.all().contains("canary"));
    // a field of the first, though there is a credential of that name: nobody guesses
    sandbox.ok(&["cred", "add", "password", "--generate"], b"");
    let both = ["cred", "rotate", "a", "password"];
    let hint = "vault cred rotate a --secret-field password";
    refused(&sandbox, &both, b"", (13, "and a credential, too", hint), 0);
    sandbox.ok(&["cred", "rotate", "a", "--secret-field", "password"], b"");
    assert_eq!(versions(&sandbox), [2, 1, 1]);
    let none = ["cred", "rotate", "a", "--secret-field", "passphrase"];
    refused(&sandbox, &none, b"", (10, "no such secret field", "it has: password, totp"), 0);
    refused(&sandbox, &["cred", "rotate", "zz", "a"][..3], b"", (10, "named `zz`", ""), 1);
}

#[test]
fn several_are_rotated_each_by_itself() {
    let sandbox = three();
    let done = items(&sandbox, &["b", "a", "a"], 0);
    let rotated = |name: &str| (name.to_owned(), "rotated".to_owned());
    assert_eq!(outcomes(&done), [rotated("a"), rotated("b")]);
    assert_eq!((&done[0]["field"], &done[0]["version"]), (&"password".into(), &2.into()));
    assert!(done[0]["service"].as_str().unwrap().contains("log in at https://a.example.com"));
    // one that cannot be does not stop the others
    let done = items(&sandbox, &["a", "j", "none", "b"], 17);
    let failed = |name: &str| (name.to_owned(), "failed".to_owned());
    assert_eq!(outcomes(&done), [rotated("a"), rotated("b"), failed("j"), failed("none")]);
    assert_eq!((&done[2]["kind"], &done[3]["kind"]), (&"unsupported".into(), &"not_found".into()));
    assert_eq!(versions(&sandbox), [3, 3, 1]);
    let answer = sandbox.run(&["cred", "rotate", "a", "j"]);
    assert_eq!(answer.code, 17);
    assert!(answer.err.contains("warning: 1 of 2 were not rotated"), "{}", answer.err);
    assert!(answer.err.contains("note: `a`: log in at"), "{}", answer.err);
    assert_eq!(sandbox.log(&["--action", "rotate", "--outcome", "ok", "--limit", "0"]).len(), 5);
}

#[test]
fn several_are_only_rotated_with_values_that_are_made() {
    let sandbox = three();
    let file = sandbox.file("value", "one for all");
    for source in [&["--stdin"][..], &["--prompt"], &["--fd", "0"], &["--file", &file]] {
        for which in [&["a", "b"][..], &["--tag", "prod"]] {
            let args = [&["cred", "rotate"], which, source].concat();
            refused(&sandbox, &args, b"x", (2, "one value cannot be for several", "--generate"), 0);
        }
    }
    let args = ["cred", "rotate", "a", "b", "--if-version", "1"];
    refused(&sandbox, &args, b"", (2, "`--if-version` is for one credential", "NAME"), 0);
    refused(&sandbox, &["cred", "rotate"], b"", (2, "which credential?", "--due"), 0);
}

#[test]
fn a_filter_finds_them_and_asks() {
    let sandbox = three();
    let nobody = ["--no-input", "cred", "rotate", "--tag", "prod"];
    refused_but_listed(&sandbox, &nobody);
    let done = items(&sandbox, &["--tag", "prod", "--yes"], 0);
    assert_eq!(done.len(), 2);
    // one needs no question, none is no failure
    assert_eq!(items(&sandbox, &["--client", "acme", "--no-input"], 0).len(), 1);
    let none = sandbox.run(&["cred", "rotate", "--client", "nobody"]);
    assert!(none.code == 0 && none.err.contains("none that fit"), "{}", none.err);
    assert!(items(&sandbox, &["--due"], 0).is_empty());
    // names and a filter: those of the names that fit
    let done = items(&sandbox, &["a", "j", "none", "--tag", "prod"], 17);
    let named = |name: &str, what: &str| (name.to_owned(), what.to_owned());
    let expected = [named("j", "left_out"), named("a", "rotated"), named("none", "failed")];
    assert_eq!(outcomes(&done), expected);
    assert_eq!(versions(&sandbox), [3, 3, 1]);
}

fn refused_but_listed(sandbox: &Sandbox, args: &[&str]) {
    let content = sandbox.content();
    let answer = sandbox.run(args);
    says(&answer, 14, "needs a confirmation", "--yes");
    assert!(answer.err.contains("`a` fits") && answer.err.contains("`b` fits"), "{}", answer.err);
    assert_eq!(sandbox.content(), content);
}

#[test]
fn whoever_is_asked_can_say_no() {
    if !require("setsid") {
        return;
    }
    let sandbox = three();
    for (typed, code, expected) in [("n\r", 3, [1, 1, 1]), ("yes\r", 0, [2, 2, 1])] {
        let mut rotate = Pty::vault(&sandbox, &["cred", "rotate", "--tag", "prod"], &[]);
        rotate.expect("Rotate 2 credentials?");
        rotate.send(typed);
        let (ended, screen) = rotate.end();
        assert_eq!(ended, code, "{screen}");
        assert_eq!(versions(&sandbox), expected);
    }
}

#[test]
fn what_is_due_is_rotated_and_no_longer_due() {
    let sandbox = three();
    sandbox.ok(&["cred", "set", "a", "--rotate-every", "1s"], b"");
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert_eq!(items(&sandbox, &["--due"], 0).len(), 1);
    sandbox.ok(&["cred", "set", "a", "--rotate-every", "1h"], b"");
    assert_eq!(items(&sandbox, &["--due"], 0).len(), 0);
    let expires =
        json(&sandbox.ok(&["cred", "rotate", "a", "--expires", "2040-01-31", "--json"], b""));
    assert_eq!(expires["expires"], "2040-01-31T00:00:00.000Z");
    let cleared = json(&sandbox.ok(&["cred", "rotate", "a", "--expires", "", "--json"], b""));
    assert!(cleared["expires"].is_null());
}

#[test]
fn the_trash_is_emptied_of_what_is_old() {
    let sandbox = three();
    for name in ["a", "b"] {
        sandbox.ok(&["cred", "rm", name], b"");
    }
    let young = sandbox.run(&["cred", "purge", "--older-than", "30d"]);
    assert!(young.code == 0 && young.err.contains("for that long"), "{}", young.err);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let nobody = ["--no-input", "cred", "purge", "--older-than", "1s"];
    let hint = "vault cred purge --older-than 1s --yes";
    let content = sandbox.content();
    says(&sandbox.run(&nobody), 14, "needs a confirmation", hint);
    assert_eq!(sandbox.content(), content);
    let out = sandbox.ok(&["cred", "purge", "--older-than", "1s", "--yes", "--json"], b"");
    let done = json(&out)["items"].as_array().unwrap().clone();
    assert_eq!(outcomes(&done), ["a", "b"].map(|name| (name.into(), "destroyed".into())));
    assert!(sandbox.ok(&["cred", "list", "--deleted"], b"").is_empty());
    for wrong in ["", "30", "-1d", "soon", "0d", "9999y"] {
        let wrong = sandbox.run(&["cred", "purge", &format!("--older-than={wrong}")]);
        says(&wrong, 2, "`--older-than`: not a duration", "30m, 12h, 90d");
    }
    says(&sandbox.run(&["cred", "purge", "j", "--older-than", "1d"]), 2, "cannot be", "");
    sandbox.whole().unwrap();
}

#[test]
fn the_trash_is_emptied_when_the_number_is_typed_back() {
    if !require("setsid") {
        return;
    }
    let sandbox = three();
    for name in ["a", "b"] {
        sandbox.ok(&["cred", "rm", name], b"");
    }
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    for (typed, code, left) in [("y\r", 3, 2), ("2\r", 0, 0)] {
        let mut purge = Pty::vault(&sandbox, &["cred", "purge", "--older-than", "1s"], &[]);
        purge.expect("Type `2` to destroy 2 credentials:");
        purge.send(typed);
        let (ended, screen) = purge.end();
        assert_eq!(ended, code, "{screen}");
        let listed = sandbox.ok(&["cred", "list", "--deleted"], b"");
        assert_eq!(listed.split(|b| *b == b'\n').filter(|line| !line.is_empty()).count(), left);
    }
}
