//! The canary hunt: a session of all commands with known secrets in it, and then a search for them
//! in every file, every argument and environment of a started program, everything that was written
//! anywhere, and everything that was said.

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

mod session;

use session::session;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use support::pty::Pty;
use support::{Answer, Sandbox, VAULT, contains, files, require};

/// Odd characters, so that each way to write it differs.
const CANARY: &str = "Kanarie-\"7f/é?\\+Vogel-Geheim";
/// A second one, for passphrases.
const PASSPHRASE: &str = "Kanarie-Passwort gravel ostrich penknife";

/// The canaries in every form in which they could get away.
fn forms(identity: &str) -> BTreeMap<String, Vec<u8>> {
    let mut forms = BTreeMap::new();
    for (name, text) in [("value", CANARY), ("passphrase", PASSPHRASE), ("key", identity)] {
        let bytes = text.as_bytes();
        let mut add = |form: &str, bytes: Vec<u8>| {
            forms.insert(format!("{name} {form}"), bytes);
        };
        add("raw", bytes.to_vec());
        add("its end", bytes[bytes.len() - 13..].to_vec());
        add("hex", data_encoding::HEXLOWER.encode(bytes).into_bytes());
        add("HEX", data_encoding::HEXUPPER.encode(bytes).into_bytes());
        for offset in 0..3 {
            // at any offset in a longer text: without the characters that its neighbours share
            let padded = [&vec![0; offset][..], bytes].concat();
            let whole = padded.len() / 3 * 3;
            for (form, encoding) in
                [("base64", data_encoding::BASE64), ("base64url", data_encoding::BASE64URL)]
            {
                let text = encoding.encode(&padded[..whole]);
                add(&format!("{form} {offset}"), text.as_bytes()[4..].to_vec());
            }
        }
        let json = serde_json::to_string(text).unwrap();
        add("JSON", json.trim_matches('"').as_bytes().to_vec());
        let shown: String = bytes.iter().map(|b| escaped(*b)).collect();
        add("URL", shown.into_bytes());
        add("UTF-16 LE", text.encode_utf16().flat_map(u16::to_le_bytes).collect());
        add("UTF-16 BE", text.encode_utf16().flat_map(u16::to_be_bytes).collect());
    }
    forms
}

fn escaped(byte: u8) -> String {
    match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    }
}

/// The forms that are in `hay`.
fn found(forms: &BTreeMap<String, Vec<u8>>, hay: &[u8]) -> Vec<String> {
    let hit = forms.iter().filter(|(_, needle)| contains(hay, needle));
    hit.map(|(name, _)| name.clone()).collect()
}

#[track_caller]
fn none(forms: &BTreeMap<String, Vec<u8>>, hay: &[u8], place: &str) {
    assert_eq!(found(forms, hay), Vec::<String>::new(), "in {place}");
}

/// Traces what `args` does: programs it starts, and everything it and they write.
fn traced(
    sandbox: &Sandbox,
    n: usize,
    args: &[&str],
    input: &[u8],
    env: &[(&str, &str)],
) -> Answer {
    let trace = sandbox.path("trace").join(format!("{n:03}"));
    let mut command = sandbox.command("strace");
    command
        .args(["-f", "-v", "-y", "-xx", "-s", "1048576", "-o"])
        .arg(&trace)
        .args(["-e", "trace=execve,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg"])
        .arg(VAULT)
        .args(args)
        .envs(env.iter().copied());
    Answer::fed(&mut command, input)
}

/// What is written to standard output: the answer goes to a descriptor of its own, to the same pipe.
const OUTPUT: &str = "pipe:[";

/// The strings of a trace as they were, each call a line; without the calls that write to a place that
/// is meant to hold the canary.
fn decoded(trace: &Path, meant: Option<&str>) -> Vec<u8> {
    let meant = meant.map(hex);
    let mut bytes = Vec::new();
    for line in fs::read_to_string(trace).unwrap().lines() {
        if line.contains(" write(") && meant.as_ref().is_some_and(|place| line.contains(place)) {
            continue;
        }
        let mut rest = line;
        while let Some(at) = rest.find("\\x") {
            let code = rest.get(at + 2..at + 4).and_then(|code| u8::from_str_radix(code, 16).ok());
            bytes.extend(rest[..at].contains('"').then_some(b'\n'));
            bytes.extend(code);
            rest = &rest[at + 4..];
        }
        bytes.push(b'\n');
    }
    bytes
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("\\x{byte:02x}")).collect()
}

#[test]
fn a_session_of_all_commands_lets_nothing_out() {
    if !require("strace") {
        return;
    }
    let sandbox = Sandbox::new();
    let key = fs::read_to_string(sandbox.path("key")).unwrap();
    let forms = forms(key.lines().last().unwrap());
    fs::create_dir(sandbox.path("trace")).unwrap();
    fs::remove_dir_all(sandbox.path("data/vault")).unwrap();
    fs::remove_dir_all(sandbox.path("state/vault")).unwrap();
    sandbox.file("value", CANARY);
    sandbox.file("leaked", format!("{}:1\n", "0".repeat(40)));
    let other = Sandbox::new();
    fs::copy(other.path("key"), sandbox.path("wrong-key")).unwrap();
    for (n, step) in session().into_iter().enumerate() {
        let answer = traced(&sandbox, n, step.args, &step.input, &[]);
        let at = format!("vault {:?}", step.args);
        assert_eq!(answer.code, step.code, "{at}: {}", answer.err);
        none(&forms, answer.err.as_bytes(), &format!("the errors of {at}"));
        match step.hands_out {
            true => assert_ne!(found(&forms, &answer.out).len(), 0, "{at}: the control is missing"),
            false => none(&forms, &answer.out, &format!("the answer of {at}")),
        }
        let trace = sandbox.path("trace").join(format!("{n:03}"));
        none(
            &forms,
            &decoded(&trace, step.hands_out.then_some(OUTPUT)),
            &format!("what {at} wrote or started"),
        );
        if step.hands_out {
            assert_ne!(found(&forms, &decoded(&trace, None)).len(), 0, "{at}: blind");
        }
    }
    fs::remove_dir_all(sandbox.path("trace")).unwrap();
    hunt(&sandbox, &forms, &["value", "key"]);
}

/// What is edited goes into one file in memory, which is gone afterwards, and nowhere else.
#[test]
fn an_edit_of_secrets_lets_nothing_out() {
    if !require("strace") || !require("setsid") {
        return;
    }
    let Ok(memory) = tempfile::tempdir_in("/dev/shm") else {
        support::unable("there is no /dev/shm");
        return;
    };
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("trace")).unwrap();
    let key = fs::read_to_string(sandbox.path("key")).unwrap();
    let forms = forms(key.lines().last().unwrap());
    sandbox.ok(&["cred", "add", "a", "--stdin"], CANARY.as_bytes());
    sandbox.ok(&["incident", "open", "Odd logins", "--stdin"], CANARY.as_bytes());
    let runtime = ("XDG_RUNTIME_DIR", memory.path().to_str().unwrap());
    let secrets = ["cred", "edit", "a", "--secrets", "--json"];
    let texts = ["incident", "edit", "INC-1", "--json"];
    // as it is, with another secret, and so that it cannot be taken
    let editors = ["true", "sed -i s/Geheim/Geheimnis/", "sed -i s/^KEY/nonsense/"];
    let edits = [(&secrets[..], "password"), (&texts, "description")];
    let runs = edits.iter().flat_map(|edit| editors.iter().zip([0, 0, 2]).map(move |e| (edit, e)));
    for (n, ((edit, key), (editor, code))) in runs.enumerate() {
        let editor = editor.replace("KEY", key);
        let answer = traced(&sandbox, n, edit, b"", &[runtime, ("EDITOR", &editor)]);
        assert_eq!(answer.code, code, "{}", answer.err);
        none(&forms, answer.all().as_bytes(), "what was said");
        let trace = sandbox.path("trace").join(format!("{n:03}"));
        assert_ne!(found(&forms, &decoded(&trace, None)).len(), 0, "{editor}: blind");
        let elsewhere = decoded(&trace, Some("/vault-edit-"));
        none(&forms, &elsewhere, &format!("what {editor} wrote or started"));
        assert_eq!(files(memory.path()).len(), 0, "{editor}");
    }
    fs::remove_dir_all(sandbox.path("trace")).unwrap();
    hunt(&sandbox, &forms, &["key"]);
}

/// No file but those named may hold a canary; and these must.
fn hunt(sandbox: &Sandbox, forms: &BTreeMap<String, Vec<u8>>, planted: &[&str]) {
    let mut hits = 0;
    for file in files(sandbox.root()) {
        let hit = found(forms, &fs::read(&file).unwrap());
        match planted.iter().any(|name| file == sandbox.path(name)) {
            true => hits += usize::from(!hit.is_empty()),
            false => assert_eq!(hit, Vec::<String>::new(), "in {}", file.display()),
        }
        none(forms, file.to_str().unwrap().as_bytes(), "a file's name");
    }
    assert_eq!(hits, planted.len(), "the search is blind");
}

#[test]
fn passphrases_and_keys_in_the_environment_reach_no_child() {
    if !require("strace") || !require("setsid") {
        return;
    }
    let sandbox = Sandbox::bare();
    fs::create_dir(sandbox.path("trace")).unwrap();
    sandbox.file("passphrase", PASSPHRASE);
    let forms = forms("AGE-SECRET-KEY-1KANARIEVOGEL");
    // the command that gives the passphrase is a child, and must see neither key nor passphrase
    let source = [("VAULT_PASSPHRASE_COMMAND", "cat passphrase")];
    let wrong = [("VAULT_KEY", "AGE-SECRET-KEY-1KANARIEVOGEL")];
    for (n, (args, env, code)) in [
        (&["init"][..], &source[..], 0),
        (&["cred", "add", "x", "--stdin"], &source, 0),
        (&["cred", "list", "--verify"], &wrong, 11),
        (&["cred", "list", "--verify", "--json"], &wrong, 11),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = traced(&sandbox, n, args, CANARY.as_bytes(), env);
        assert_eq!(answer.code, code, "{}", answer.err);
        none(&forms, answer.all().as_bytes(), "what was said");
        let trace = fs::read_to_string(sandbox.path("trace").join(format!("{n:03}"))).unwrap();
        // the first program started is ours, with what the test gave it; `cat` writes what it reads
        let kept: Vec<_> =
            trace.lines().skip(1).filter(|line| !line.contains(" write(1")).collect();
        assert!(env != source || kept.iter().any(|line| line.contains(" execve(")), "no child");
        let kept_file = sandbox.file("trace/kept", kept.join("\n"));
        none(
            &forms,
            &decoded(Path::new(&kept_file), None),
            &format!("what {args:?} wrote or started"),
        );
    }
    let mut typed = Pty::vault(&sandbox, &["cred", "get", "x"], &[]);
    typed.expect("Passphrase for ");
    typed.send(format!("{PASSPHRASE}\r"));
    let (code, screen) = typed.finish();
    assert_eq!((code, contains(&screen, CANARY.as_bytes())), (0, true), "the control is missing");
    assert!(!contains(&screen, PASSPHRASE.as_bytes()), "what was typed shows");
    fs::remove_dir_all(sandbox.path("trace")).unwrap();
    hunt(&sandbox, &forms, &["passphrase"]);
}

/// The demo makes its own secrets and runs the program many times: no child may see ours, and nothing
/// of it may be left.
#[test]
fn the_demo_passes_nothing_on_and_cleans_up() {
    if !require("strace") {
        return;
    }
    let sandbox = Sandbox::bare();
    fs::create_dir(sandbox.path("trace")).unwrap();
    let forms = forms("AGE-SECRET-KEY-1KANARIEVOGEL");
    let env = [("VAULT_KEY", "AGE-SECRET-KEY-1KANARIEVOGEL"), ("VAULT_FILE", "/nowhere")];
    let answer = traced(&sandbox, 0, &["demo", "--json"], b"", &env);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert_eq!(support::json(&answer.out)["passed"], true);
    let trace = sandbox.path("trace/000");
    let all = fs::read_to_string(&trace).unwrap();
    // the first program started is ours, with what the test gave it
    let children: Vec<_> = all.lines().skip(1).collect();
    assert!(children.iter().filter(|line| line.contains(" execve(")).count() > 10);
    fs::write(&trace, children.join("\n")).unwrap();
    none(&forms, &decoded(&trace, None), "what the demo wrote or started");
    fs::write(&trace, all.lines().next().unwrap()).unwrap();
    assert_ne!(found(&forms, &decoded(&trace, None)).len(), 0, "the control is missing");
    fs::remove_dir_all(sandbox.path("trace")).unwrap();
    assert_eq!(files(sandbox.root()), Vec::<std::path::PathBuf>::new());
}
