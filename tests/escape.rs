//! Stored text never drives the terminal: hostile text in every place that takes text, through every
//! command, on a real terminal.

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

mod support;

use support::hostile::{MARK, forbidden, harmless, payloads};
use support::pty::Pty;
use support::{Answer, Sandbox, json, require};

const TEXTS: [&str; 8] =
    ["username", "database", "client", "service", "infra", "environment", "owner", "description"];

/// One credential a payload, with the payload in every field that takes it.
fn stuffed(sandbox: &Sandbox) -> usize {
    let payloads = payloads();
    assert!(payloads.len() >= 100, "{}", payloads.len());
    let mut lines = String::new();
    for (n, payload) in payloads.iter().enumerate() {
        let mut line = serde_json::json!({
            "name": format!("n{n:03}"), "type": "custom", "fields": {"note_here": payload},
            "secrets": {"pin": format!("{n}{payload}"), "again": format!("{n}{payload}")},
            "notes": payload, "expires": "2020-02-29",
        });
        for text in TEXTS {
            line[text] = payload.as_str().into();
        }
        lines.push_str(&format!("{line}\n"));
    }
    sandbox.ok(&["import", "--quiet"], lines.as_bytes());
    payloads.len()
}

#[test]
fn fields_reach_the_terminal_escaped() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    let count = stuffed(&sandbox);
    harmless(&sandbox, &["cred", "list"], &[0]);
    harmless(&sandbox, &["cred", "list", "--verify"], &[0]);
    harmless(&sandbox, &["cred", "rotate", "n000", "n001", "n002"], &[0]);
    let columns = "name,description,tags,fields,owner,username";
    let sorted = ["cred", "list", "--columns", columns, "--sort", "-description,last_read"];
    harmless(&sandbox, &sorted, &[0]);
    harmless(&sandbox, &["cred", "due"], &[16]);
    harmless(&sandbox, &["cred", "check", "--only", "reused,expired"], &[16]);
    let leak = sandbox.file("leak", MARK.repeat(2));
    harmless(&sandbox, &["whose", "--file", &leak], &[10]);
    let leak = sandbox.file("leak", sandbox.ok(&["cred", "get", "n001", "again"], b""));
    harmless(&sandbox, &["whose", "--file", &leak], &[0]);
    harmless(&sandbox, &["status"], &[0]);
    harmless(&sandbox, &["doctor"], &[0]);
    harmless(&sandbox, &["audit", "show", "--limit", "0"], &[0]);
    harmless(&sandbox, &["audit", "stats", "--by", "cred"], &[0]);
    harmless(&sandbox, &["audit", "stats", "--by", "client"], &[0]);
    harmless(&sandbox, &["audit", "report", "--html", "--quiet"], &[0]);
    harmless(&sandbox, &["audit", "verify"], &[0]);
    for format in ["--jsonl", "--csv", "--cef"] {
        harmless(&sandbox, &["audit", "export", format], &[0]);
    }
    harmless(&sandbox, &["audit", "checkpoint"], &[0]);
    for n in 0..count {
        let name = format!("n{n:03}");
        harmless(&sandbox, &["cred", "show", &name], &[0]);
        if n % 8 == 0 {
            harmless(&sandbox, &["cred", "rotate", &name], &[0]);
            harmless(&sandbox, &["cred", "history", &name], &[0]);
            harmless(&sandbox, &["cred", "show", &name, "--reveal"], &[0, 14]);
            // the value that was asked for is shown as it is, unless it could drive the terminal
            let (code, screen) = Pty::vault(&sandbox, &["cred", "get", &name, "notes"], &[]).end();
            let text = screen.replace("\r\n", "\n");
            let drives = |c: char| c.is_control() && c != '\n' && c != '\t';
            assert!([0, 14].contains(&code) && !text.contains(drives), "{code}: {text:?}");
        }
    }
    // what was read has expired
    harmless(&sandbox, &["audit", "alerts"], &[16]);
    harmless(&sandbox, &["audit", "alerts", "--open", "all"], &[0]);
    // the check finds what is there to be found
    assert!(forbidden(b"mark\x1b[2J").is_some() && forbidden(b"a\rb").is_some());
    assert!(forbidden("a\u{202e}b".as_bytes()).is_some() && forbidden(b"fine\r\n").is_none());
    let pipe = sandbox.ok(&["cred", "get", "n000", "notes"], b"");
    assert!(String::from_utf8(pipe).unwrap().starts_with(MARK), "a pipe gets the bytes");
}

#[test]
fn arguments_reach_the_terminal_escaped_or_not_at_all() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let value = sandbox.file("value", "hunter2");
    for payload in payloads().iter().filter(|payload| payload.len() < 1000).step_by(3) {
        harmless(&sandbox, &["cred", "get", payload], &[2, 10]);
        harmless(&sandbox, &["cred", "history", "x", payload], &[2, 10]);
        harmless(&sandbox, &["cred", "rotate", "x", payload], &[2, 10]);
        harmless(&sandbox, &["cred", "rotate", "x", "y", payload], &[17]);
        harmless(&sandbox, &["cred", "add", "y", "--type", payload, "--generate"], &[2]);
        harmless(&sandbox, &["--vault", payload, "cred", "list"], &[10]);
        harmless(&sandbox, &["cred", "list", "--reason", payload], &[0, 2]);
        harmless(&sandbox, &["cred", "list", "--client", payload], &[0]);
        harmless(&sandbox, &["cred", "list", "--sort", payload], &[2]);
        harmless(&sandbox, &["cred", "list", "--columns", payload], &[2]);
        harmless(&sandbox, &["cred", "due", "--within", payload], &[2]);
        harmless(&sandbox, &["cred", "check", "--hibp", payload], &[2, 10, 18]);
        harmless(&sandbox, &["whose", "--file", payload], &[2, 10, 18]);
        harmless(&sandbox, &["whose", "--file", &value, "--cred", payload], &[2, 10]);
        harmless(&sandbox, &["whose", payload], &[2]);
        harmless(&sandbox, &["audit", "show", "--cred", payload], &[0]);
        harmless(&sandbox, &["audit", "show", "--search", payload, "--client", payload], &[0]);
        harmless(&sandbox, &["audit", "stats", "--reason", payload, "--incident", payload], &[2]);
        harmless(&sandbox, &["audit", "show", payload], &[2, 10]);
        harmless(&sandbox, &["audit", "alerts", "--open", payload], &[2, 10]);
        harmless(&sandbox, &["audit", "alerts", "--since", payload], &[2]);
        harmless(&sandbox, &["incident", "show", payload], &[2, 10]);
        harmless(&sandbox, &["incident", "open", payload, "--type", payload], &[2]);
        harmless(&sandbox, &["incident", "open", "x", "--cred", payload], &[2, 10]);
        harmless(&sandbox, &["incident", "edit", "1", "--done", payload], &[2, 10]);
        harmless(&sandbox, &["incident", "blast", "1", "--since", payload], &[2]);
        harmless(&sandbox, &["incident", "rotate", "1", payload], &[2, 10]);
        harmless(&sandbox, &["incident", "list", "--search", payload, "--client", payload], &[0]);
    }
    // what was typed is in the log now
    harmless(&sandbox, &["audit", "show", "--limit", "0"], &[0]);
}

#[test]
fn names_that_are_only_deceptive_are_escaped() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    let names: Vec<_> = payloads()
        .into_iter()
        .filter(|name| name.len() < 200)
        .filter(|name| sandbox.run_in(&["cred", "add", name, "--stdin"], b"hunter2").code == 0)
        .collect();
    assert!(names.len() >= 30, "{}", names.len());
    let value = sandbox.file("value", "hunter2");
    harmless(&sandbox, &["cred", "list"], &[0]);
    for name in names.iter().step_by(4) {
        harmless(&sandbox, &["cred", "show", name], &[0]);
        harmless(&sandbox, &["cred", "get", &format!("{name}x")], &[10]);
        let clone = ["cred", "clone", name, &format!("2{name}"), "--with-secrets"];
        harmless(&sandbox, &clone, &[0, 13]);
        harmless(&sandbox, &["cred", "totp", name], &[10]);
        harmless(&sandbox, &["cred", "copy", name], &[4]);
        harmless(&sandbox, &["cred", "rotate", name], &[0]);
        harmless(&sandbox, &["cred", "rollback", name, "--to", "99"], &[10]);
        harmless(&sandbox, &["cred", "rm", name, "--if-version", "99"], &[13]);
        harmless(&sandbox, &["cred", "rm", name], &[0, 10]);
        harmless(&sandbox, &["cred", "list", "--deleted"], &[0]);
        harmless(&sandbox, &["cred", "check", "--only", "reused"], &[16]);
        harmless(&sandbox, &["whose", "--file", &value], &[0]);
        harmless(&sandbox, &["cred", "restore", name], &[0, 10]);
        harmless(&sandbox, &["cred", "purge", name, "--no-input"], &[14]);
        harmless(&sandbox, &["audit", "show", "--cred", name], &[0]);
        harmless(&sandbox, &["incident", "open", name, "--owner", name, "--cred", name], &[0, 10]);
        harmless(&sandbox, &["incident", "unlink", "1", name], &[0, 10]);
        harmless(&sandbox, &["incident", "link", "1", name], &[0, 10]);
    }
    harmless(&sandbox, &["audit", "report", "--html", "--quiet"], &[0]);
    harmless(&sandbox, &["audit", "stats", "--by", "cred", "--limit", "0"], &[0]);
    harmless(&sandbox, &["incident", "list"], &[0]);
    harmless(&sandbox, &["incident", "show", "1"], &[0]);
    harmless(&sandbox, &["incident", "blast", "1", "--since", "1d", "--all"], &[0]);
    harmless(&sandbox, &["incident", "rotate", "1", "--dry-run"], &[0]);
    harmless(&sandbox, &["incident", "rotate", "1", names.last().unwrap()], &[0, 10, 17]);
    harmless(&sandbox, &["incident", "contain", "1"], &[0, 14]);
    harmless(&sandbox, &["incident", "resolve", "1"], &[14]);
    harmless(&sandbox, &["cred", "get", MARK, "--no-input"], &[13]);
    harmless(&sandbox, &["audit", "show", "--limit", "0"], &[0]);
}

#[test]
fn what_somebody_wrote_into_the_file_is_escaped() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    let payloads = payloads();
    let lines: String = (0..payloads.len())
        .map(|n| {
            format!("{{\"name\":\"n{n}\",\"type\":\"token\",\"secrets\":{{\"token\":\"t{n}\"}}}}\n")
        })
        .collect();
    sandbox.ok(&["import"], lines.as_bytes());
    sandbox.ok(&["cred", "list"], b"");
    let db = rusqlite::Connection::open(sandbox.database()).unwrap();
    for (n, payload) in payloads.iter().enumerate() {
        let write = "UPDATE credential SET name = ?1, kind = ?1, url = ?1, host = ?1, tags = ?1,
                     verdict = ?1 WHERE name = ?2";
        db.execute(write, [payload, &format!("n{n}")]).unwrap();
        let write = "UPDATE entry SET host = ?1, program = ?1, parent = ?1, user_name = ?1,
                     name = ?1, action = ?1, outcome = ?1, reason = ?1, tty = ?1, remote = ?1,
                     agent = ?1, fields = ?1, details = ?1, incident = ?1 WHERE seq = ?2";
        db.execute(write, (payload, i64::try_from(n + 2).unwrap())).unwrap();
    }
    db.execute("UPDATE slot SET label = ?1, kind = ?1", [&payloads[40]]).unwrap();
    drop(db);
    let value = sandbox.file("value", "t1");
    // most are caught as tampering; whatever is said must be harmless
    let any = [0, 10, 11, 12, 13, 14, 15, 16];
    for args in [
        &["cred", "list"][..],
        &["cred", "list", "--verify"],
        &["audit", "show", "--limit", "0"],
        &["audit", "verify"],
        &["audit", "alerts"],
        &["audit", "alerts", "--open", "all"],
        &["cred", "list", "--canary"],
        &["audit", "export"],
        &["audit", "export", "--csv"],
        &["audit", "export", "--cef"],
        &["audit", "checkpoint", "--list"],
        &["status"],
        &["doctor"],
        &["cred", "list", "--columns", "name,type,tags,verdict", "--sort", "type,url"],
        &["cred", "due", "--within", "99y"],
        &["cred", "check"],
        &["whose", "--file", &value],
        &["cred", "get", MARK],
        &["cred", "get", "n1"],
        &["cred", "rotate", "--tag", "x"],
        &["cred", "purge", "--older-than", "1s"],
    ] {
        harmless(&sandbox, args, &any);
    }
    for n in (2..payloads.len() + 2).step_by(10) {
        harmless(&sandbox, &["audit", "show", &n.to_string()], &any);
    }
    let completed =
        Answer::of(&mut sandbox.vault(&["__complete", "zsh", "--", "vault", "cred", "get", ""]));
    assert!(!completed.out.contains(&0x1b), "{:?}", completed.text());
}

/// What stands on the command line, in files of variables, and in the environment.
#[test]
fn programs_are_refused_harmlessly() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let payloads = payloads();
    for payload in payloads.iter().filter(|text| text.len() < 10_000).step_by(5) {
        let before = |options: &[&str]| {
            let words = [&["--json", "run"], options, &["--", payload]].concat();
            for words in [&words[1..], &words] {
                let (code, screen) = Pty::vault(&sandbox, words, &[]).finish();
                assert!((125..=127).contains(&code), "{code}");
                assert_eq!(forbidden(&screen), None, "{options:?}");
            }
        };
        before(&[]);
        before(&["-e", &format!("A=vault://{payload}")]);
        before(&["--env-file", payload]);
        before(&["--only", payload]);
        before(&["--cred", payload]);
        let file = sandbox.file("env", format!("A=vault://{payload}\n{payload}=1\n"));
        before(&["--env-file", &file]);
    }
}

/// While locked nothing is checked, and all of it is shown.
#[test]
fn what_somebody_wrote_into_a_history_is_escaped() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let db = rusqlite::Connection::open(sandbox.database()).unwrap();
    let write = "UPDATE secret SET author = ?1, reason = ?1, origin = ?1, media = ?1";
    let line = format!("unset VAULT_KEY_FILE; exec '{}' cred history x", support::VAULT);
    for payload in payloads() {
        db.execute(write, [&payload]).unwrap();
        for format in ["", " --format plain", " --json"] {
            let (code, screen) = Pty::shell(&sandbox, &format!("{line}{format}")).finish();
            let shown = String::from_utf8_lossy(&screen);
            assert!(code == 0 && shown.contains(MARK), "{code}: {shown}");
            assert_eq!(forbidden(&screen), None, "{format}");
        }
    }
}

/// Sealed texts may have anything in them, and are shown whole to whoever unlocks.
#[test]
fn what_people_write_about_incidents_is_escaped() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    let payloads = payloads();
    let some = || payloads.iter().filter(|payload| payload.len() < 10_000);
    sandbox.ok(
        &["incident", "open", "Odd logins", "--stdin"],
        some().cloned().collect::<String>().as_bytes(),
    );
    for payload in some().step_by(4) {
        sandbox.ok(&["incident", "note", "1", "--stdin"], payload.as_bytes());
        sandbox.ok(&["incident", "edit", "1", "--step", payload, "--reference", payload], b"");
    }
    harmless(&sandbox, &["incident", "show", "1"], &[0]);
    for form in ["md", "html", "json"] {
        let args = ["incident", "report", "1", "--format", form];
        let (code, screen) = Pty::vault(&sandbox, &args, &[]).finish();
        assert_eq!((code, forbidden(&screen)), (0, None), "{form}");
        assert!(String::from_utf8_lossy(&screen).contains(MARK), "{form}");
    }
    let shown = json(&sandbox.ok(&["incident", "show", "1", "--json"], b""));
    assert!(shown["timeline"].as_array().unwrap().len() > 50, "{shown}");
    assert!(shown["description"].as_str().unwrap().contains('\u{1b}'), "{shown}");
}

/// While locked nothing is checked, and all of it is shown.
#[test]
fn what_somebody_wrote_into_an_incident_is_escaped() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    sandbox.ok(&["incident", "open", "Odd logins", "--cred", "x", "--description", "x"], b"");
    let db = rusqlite::Connection::open(sandbox.database()).unwrap();
    for payload in payloads().iter().filter(|payload| payload.len() < 10_000).step_by(6) {
        for write in [
            "UPDATE incident SET title = ?1, source = ?1, client = ?1, service = ?1, infra = ?1,
             owner = ?1",
            "UPDATE incident_event SET kind = ?1, author = ?1, name = ?1, detail = ?1",
        ] {
            db.execute(write, [payload]).unwrap();
        }
        for command in ["incident show 1", "incident list", "incident list --search mark"] {
            let line = format!("unset VAULT_KEY_FILE; exec '{}' {command}", support::VAULT);
            for format in ["", " --format plain", " --json"] {
                let (code, screen) = Pty::shell(&sandbox, &format!("{line}{format}")).finish();
                let shown = String::from_utf8_lossy(&screen);
                assert!(code == 0 && shown.contains(MARK), "{code}: {shown}");
                assert_eq!(forbidden(&screen), None, "{command}{format}");
            }
        }
    }
    let offered = ["__complete", "zsh", "--", "vault", "incident", "show", ""];
    let offered = Answer::of(&mut sandbox.vault(&offered)).text();
    assert!(offered.contains("INC-1") && !offered.contains('\u{1b}'), "{offered:?}");
}

/// Names that nobody could have given, in the picker: locked, as it is, it believes the file.
#[test]
fn the_picker_is_harmless_too() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    let names: Vec<_> = payloads().into_iter().filter(|name| name.len() < 200).collect();
    let line = |n| format!("{{\"name\":\"n{n}\",\"secrets\":{{\"password\":\"x\"}}}}\n");
    sandbox.ok(&["import"], (0..names.len()).map(line).collect::<String>().as_bytes());
    let db = rusqlite::Connection::open(sandbox.database()).unwrap();
    for (n, name) in names.iter().enumerate() {
        db.execute("UPDATE credential SET name = ?1 WHERE name = ?2", [name, &format!("n{n}")])
            .unwrap();
    }
    drop(db);
    let mut picker = Pty::vault(&sandbox, &["cred", "show", MARK], &[("VAULT_KEY_FILE", "")]);
    picker.expect("> mark");
    for _ in &names {
        picker.send("\u{1b}[B");
        std::thread::sleep(std::time::Duration::from_millis(15));
    }
    picker.send("\u{1b}");
    let (code, screen) = picker.end();
    assert_eq!(code, 3, "{screen}");
    let seen = screen.matches("> mark").count();
    assert!(seen > names.len() / 2, "only {seen} of {} were shown", names.len());
    // how the picker itself moves about
    let mut own = ["?25l", "?25h", "2K", "1B"].map(|code| format!("\u{1b}[{code}")).to_vec();
    own.extend((1..=13).map(|lines| format!("\u{1b}[{lines}A")));
    own.push("\r".into());
    let rest = own.iter().fold(screen, |screen, sequence| screen.replace(sequence, ""));
    assert_eq!(forbidden(rest.as_bytes()), None);
}
