//! One-time codes: from every kind of credential, for people and programs, and what is no seed.

use super::refused;
use super::support::pty::Pty;
use super::support::{Sandbox, contains, json, require};
use vault::kind;

/// The first seed of RFC 6238, appendix B, and a moment of which the code is known.
const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const AT: &str = "2009-02-13T23:31:30Z";
const CODE: &[u8] = b"005924";

#[test]
fn any_credential_may_have_one() {
    let sandbox = Sandbox::new();
    for kind in kind::ALL {
        let primary = kind.primary().map_or("zulu", |field| field.name);
        let add = ["cred", "add", kind.name, "--type", kind.name, "--stdin", "--secret-field"];
        sandbox.ok(&[&add[..], &[primary]].concat(), b"the primary one");
        sandbox.ok(&["cred", "set", kind.name, "totp", "--stdin"], SEED.as_bytes());
        let code = sandbox.ok(&["cred", "totp", kind.name, "--at", AT], b"");
        assert_eq!(code, CODE, "{}", kind.name);
        // a seed is never what is printed when nobody asked for it
        assert_eq!(sandbox.ok(&["cred", "get", kind.name], b""), b"the primary one");
    }
    let import = format!(
        "{{\"name\":\"i\",\"type\":\"api_key\",\"secrets\":{{\"api_key\":\"k\",\"totp\":\"{SEED}\"}}}}"
    );
    sandbox.ok(&["import", "--format", "jsonl"], import.as_bytes());
    assert_eq!(sandbox.ok(&["cred", "totp", "i", "--at", AT], b""), CODE);
}

#[test]
fn a_field_of_another_name() {
    let sandbox = Sandbox::new();
    let add = ["cred", "add", "x", "--type", "custom", "--stdin", "--secret-field", "otp"];
    let address = format!("otpauth://totp/a:b?secret={SEED}&algorithm=SHA1&digits=8&period=30");
    sandbox.ok(&add, address.as_bytes());
    assert_eq!(sandbox.ok(&["cred", "totp", "x", "otp", "--at", AT], b""), b"89005924");
    let wrong = (10, "`x` has no secret field `totp`", "vault cred set NAME totp --stdin");
    refused(&sandbox, &["cred", "totp", "x"], b"", wrong, 1);
}

#[test]
fn programs_are_told_all_about_it() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let address = format!("otpauth://totp/x?secret={SEED}&period=60&digits=7");
    sandbox.ok(&["cred", "set", "x", "totp", "--stdin"], address.as_bytes());
    let told = json(&sandbox.ok(&["cred", "totp", "x", "--json", "--at", AT], b""));
    assert_eq!(told["seconds_left"], 30);
    assert_eq!((&told["period"], &told["digits"]), (&60.into(), &7.into()));
    assert_eq!(told["algorithm"], "SHA1");
    assert_eq!(told["code"].as_str().unwrap().len(), 7);
    let now = json(&sandbox.ok(&["cred", "totp", "x", "--json"], b""));
    assert!((1..=60).contains(&now["seconds_left"].as_i64().unwrap()), "{now}");
}

#[test]
fn people_are_told_how_long_it_is_good_for() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    sandbox.ok(&["cred", "set", "x", "totp", "--stdin"], SEED.as_bytes());
    let (code, screen) = Pty::vault(&sandbox, &["cred", "totp", "x"], &[]).end();
    let lines: Vec<_> = screen.lines().collect();
    assert_eq!((code, lines.len()), (0, 2), "{screen}");
    assert!(lines[0].len() == 6 && lines[0].bytes().all(|byte| byte.is_ascii_digit()), "{screen}");
    assert!(lines[1].starts_with("note: good for "), "{screen}");
    let piped = sandbox.run(&["cred", "totp", "x"]);
    assert_eq!((piped.out.len(), piped.err.as_str()), (6, ""));
}

#[test]
fn the_log_says_that_a_code_was_made() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    sandbox.ok(&["cred", "set", "x", "totp", "--stdin"], SEED.as_bytes());
    let answer = sandbox.run(&["cred", "totp", "x", "--reason", "ticket 42"]);
    assert!(!contains(answer.all().as_bytes(), SEED.as_bytes()));
    let entry = &sandbox.log(&["--limit", "1"])[0];
    assert_eq!((&entry["action"], &entry["outcome"]), (&"decrypt".into(), &"ok".into()), "{entry}");
    assert_eq!(entry["fields"], serde_json::json!(["totp"]), "{entry}");
    assert_eq!(entry["reason"], "ticket 42", "{entry}");
    assert!(entry["details"].to_string().contains("code"), "{entry}");
    assert!(!entry["details"].to_string().contains("at"), "{entry}");
    // a code that is kept for later is worth more
    sandbox.ok(&["cred", "totp", "x", "--at", "2030-01-31"], b"");
    let entry = &sandbox.log(&["--limit", "1"])[0];
    assert!(entry["details"].to_string().contains("2030-01-31T00:00:00.000Z"), "{entry}");
    // reading the seed itself leaves no such detail
    assert_eq!(sandbox.ok(&["cred", "get", "x", "totp"], b""), SEED.as_bytes());
    let entry = &sandbox.log(&["--limit", "1"])[0];
    assert!(!entry["details"].to_string().contains("code"), "{entry}");
}

#[test]
fn what_is_no_seed_makes_no_code() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter-1");
    let wrong = (2, "`totp` is neither base32 nor an `otpauth://` address", "copy the seed again");
    let set = ["cred", "set", "x", "totp", "--stdin"];
    let answer = refused(&sandbox, &set, b"not base32!", wrong, 0);
    assert!(!answer.err.contains("not base32!"), "{}", answer.err);
    let add = ["cred", "add", "y", "--type", "custom", "--secret-field", "totp", "--stdin"];
    refused(&sandbox, &add, b"JBSWY3DPEHPK3PX1", wrong, 0);
    let line = "{\"name\":\"z\",\"secrets\":{\"password\":\"p\",\"totp\":\"0189\"}}";
    let import = sandbox.run_in(&["import"], line.as_bytes());
    assert!(import.code == 2 && import.err.contains("line 1"), "{}", import.err);
    // a field of another name may hold anything
    let wrong = (4, "`password` of `x` is neither base32 nor", "cred set NAME password");
    let answer = refused(&sandbox, &["cred", "totp", "x", "password"], b"", wrong, 0);
    assert!(!answer.err.contains("hunter-1"), "{}", answer.err);
    let wrong = (2, "not a date or duration", "2027-01-31T12:00:00Z");
    refused(&sandbox, &["cred", "totp", "x", "--at", "soon"], b"", wrong, 0);
}

#[test]
fn codes_that_are_counted_are_refused_before_they_are_stored() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let seed = format!("otpauth://hotp/x?secret={SEED}&counter=1");
    let wrong = (2, "HOTP", "--secret-field hotp");
    refused(&sandbox, &["cred", "set", "x", "totp", "--stdin"], seed.as_bytes(), wrong, 0);
    let add = ["cred", "add", "y", "--type", "custom", "--secret-field", "totp", "--stdin"];
    refused(&sandbox, &add, seed.as_bytes(), wrong, 0);
    sandbox.ok(&["cred", "set", "x", "totp", "--stdin"], SEED.as_bytes());
    refused(&sandbox, &["cred", "rotate", "x", "totp", "--stdin"], seed.as_bytes(), wrong, 0);
    let line = format!("{{\"name\":\"z\",\"secrets\":{{\"password\":\"p\",\"totp\":\"{seed}\"}}}}");
    let import = sandbox.run_in(&["import"], line.as_bytes());
    assert_eq!(import.code, 2, "{}", import.err);
    assert!(import.err.contains("HOTP"), "{}", import.err);
    // the same under a name that promises nothing
    let add = ["cred", "add", "y", "--type", "custom", "--secret-field", "hotp", "--stdin"];
    sandbox.ok(&add, seed.as_bytes());
}
