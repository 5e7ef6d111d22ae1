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

use std::collections::BTreeSet;
use support::pty::Pty;
use support::{Answer, Sandbox, json, require};

/// A word in each payload, by which its place on the screen is found.
const MARK: &str = "mark";

/// What has driven terminals or deceived their readers.
#[expect(clippy::too_many_lines, reason = "a table")]
fn payloads() -> Vec<String> {
    let mut all: BTreeSet<String> = BTreeSet::new();
    let mut add = |text: String| _ = all.insert(format!("{MARK}{text}{MARK}"));
    // every C0 control but NUL, which is no text; DEL; every C1 control
    for code in (1..0x20).chain(0x7f..0xa0) {
        add(char::from_u32(code).unwrap().to_string());
    }
    for sequence in [
        "[2J",
        "[3J",
        "[H",
        "[1;1H",
        "[31m",
        "[8m",
        "[?1049h",
        "[?25l",
        "[6n",
        "[c",
        "[5i",
        "[20t",
        "[21t",
        "[1A\u{1b}[2K",
        "c",
        "(0",
        "#8",
        "7",
        "8",
        "Z",
        "=",
        "[?2004h",
        "[!p",
        "[99999999C",
        "]0;title\u{7}",
        "]2;title\u{1b}\\",
        "]8;;http://evil.example\u{1b}\\click",
        "]52;c;aHVudGVyMg==\u{7}",
        "]4;0;?\u{7}",
        "]10;?\u{7}",
        "]1337;File=:aGk=\u{7}",
        "]7;file:///etc\u{7}",
        "P$q\"p\u{1b}\\",
        "P+q544e\u{1b}\\",
        "_apc\u{1b}\\",
        "^pm\u{1b}\\",
        "Xsos\u{1b}\\",
        "[201~rm -rf",
        "]9;notify\u{7}",
        "]777;notify;a;b\u{7}",
    ] {
        add(format!("\u{1b}{sequence}"));
    }
    for c1 in ["\u{9b}2J", "\u{9d}0;title\u{9c}", "\u{90}$q\u{9c}", "\u{9e}pm\u{9c}", "\u{8d}"] {
        add(c1.into());
    }
    for text in ["\rok verified", "\r\nname  root", "\u{8}\u{8}\u{8}xyz", "a\tb", "\n\n\n", "\u{c}"]
    {
        add(text.into());
    }
    for deceptive in "\u{ad}\u{34f}\u{61c}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{2028}\
                      \u{2029}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2060}\u{2064}\u{2066}\
                      \u{2067}\u{2068}\u{2069}\u{206f}\u{feff}\u{fff9}\u{fffb}\u{e0001}\u{e0041}\
                      \u{e007f}\u{e0100}\u{3164}\u{115f}"
        .chars()
    {
        add(format!("a{deceptive}b"));
    }
    add("\u{202e}txt.exe\u{202c}\u{2066}x\u{2069}".into());
    add("\u{1b}[2J".repeat(500));
    add("x".repeat(64 << 10));
    all.into_iter().collect()
}

/// Whether the terminal may see it: text, line ends, and the program's own colours.
fn forbidden(screen: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(screen);
    let mut text = text.replace("\r\n", "\n");
    for colour in ["\u{1b}[1m", "\u{1b}[0m", "\u{1b}[1;31m", "\u{1b}[1;33m", "\u{1b}[36m"] {
        text = text.replace(colour, "");
    }
    // the tab is what separates the cells of plain output
    let harmful = |c: char| vault::cli::escape::is_harmful(c) && c != '\n' && c != '\t';
    let at = text.find(harmful)?;
    let from = text[..at].char_indices().rev().nth(30).map_or(0, |(at, _)| at);
    Some(format!("{:?}", text[from..].chars().take(60).collect::<String>()))
}

/// Runs the command at a terminal, for people and for pipelines, and for programs in a pipe.
fn harmless(sandbox: &Sandbox, args: &[&str], codes: &[i32]) {
    for format in [&[][..], &["--format", "plain"]] {
        let (code, screen) = Pty::vault(sandbox, &[args, format].concat(), &[]).finish();
        assert!(codes.contains(&code), "{args:?}: {code} {}", String::from_utf8_lossy(&screen));
        if let Some(found) = forbidden(&screen) {
            panic!("{args:?} {format:?} shows {found}");
        }
    }
    let answer = sandbox.run(&[args, &["--json"]].concat());
    let document = if answer.out.is_empty() { answer.err.as_bytes() } else { &answer.out };
    json(document);
    let raw = |bytes: &[u8]| bytes.iter().any(|b| (*b < 0x20 && *b != b'\n') || *b == 0x7f);
    assert!(!raw(document), "{args:?} --json has raw controls");
    let text = std::str::from_utf8(document).unwrap();
    assert!(!text.chars().any(|c| c != '\n' && vault::cli::escape::is_harmful(c)), "{args:?}");
}

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
    harmless(&sandbox, &["audit", "verify"], &[0]);
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
        harmless(&sandbox, &["audit", "show", payload], &[2, 10]);
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
    }
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
