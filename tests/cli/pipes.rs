//! Bytes in, bytes out: pipes that close early, newlines, and where things are said.

use super::support::pty::Pty;
use super::support::{Answer, Sandbox, require};

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let sandbox = Sandbox::new();
    let lines: String = (0..2000)
        .map(|n| {
            format!("{{\"name\":\"credential-{n:04}-with-a-rather-long-name\",\"type\":\"password\",\"secrets\":{{\"password\":\"x{n}\"}}}}\n")
        })
        .collect();
    sandbox.ok(&["import", "--format", "jsonl"], lines.as_bytes());
    for line in [
        "{ vault cred list; echo $? >code; } | head -1",
        "{ vault cred list --format table; echo $? >code; } | head -1",
        "{ vault cred list --json; echo $? >code; } | head -1",
        "{ vault --help; echo $? >code; } | true",
        "{ vault help exit-codes; echo $? >code; } | true",
        "{ vault cred add --help; echo $? >code; } | sleep 0",
        "{ vault completions bash; echo $? >code; } | true",
        "{ vault cred get credential-0000 --quiet; echo $? >code; } | true",
        "{ vault status; echo $? >code; } | true",
        "{ vault audit show --limit 0 --json; echo $? >code; } | head -c 10",
    ] {
        let mut command = sandbox.command("sh");
        command.args(["-c", &format!("vault() {{ \"$VAULT\" \"$@\"; }}; {line}")]);
        let answer = Answer::of(command.env("VAULT", super::support::VAULT));
        assert_eq!(answer.err, "", "{line}");
        let code = std::fs::read_to_string(sandbox.path("code")).unwrap();
        assert_eq!(code.trim(), "0", "{line}");
    }
}

#[test]
fn a_closed_standard_output_or_error_is_survived() {
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    for (line, code) in [
        ("\"$VAULT\" cred get x >&-", 0),
        ("\"$VAULT\" cred get x 2>&-", 0),
        ("\"$VAULT\" cred get nothing 2>&-", 10),
        ("\"$VAULT\" cred add y --stdin <&-", 2),
        ("\"$VAULT\" --help >&- 2>&-", 0),
    ] {
        let mut command = sandbox.command("sh");
        let answer = Answer::of(command.args(["-c", line]).env("VAULT", super::support::VAULT));
        assert!(!answer.err.contains("fault") && answer.code < 100, "{line}: {}", answer.err);
        // what cannot be said may be a failure, but never one of the program itself
        assert!([code, 18, 0].contains(&answer.code), "{line}: {} {}", answer.code, answer.err);
    }
    let content = sandbox.ok(&["cred", "list"], b"");
    assert!(content.starts_with(b"x\t"), "a standard stream must never become the database");
}

#[test]
fn a_single_final_newline_is_dropped_unless_exact() {
    let sandbox = Sandbox::new();
    let get = || sandbox.ok(&["cred", "get", "x"], b"");
    sandbox.add("x", b"start");
    for (given, kept) in [
        (&b"one line\n"[..], &b"one line"[..]),
        (b"one line", b"one line"),
        (b"two\nlines\n", b"two\nlines\n"),
        (b"one line\n\n", b"one line\n\n"),
        (b"windows\r\n", b"windows\r"),
    ] {
        sandbox.ok(&["cred", "set", "x", "--stdin"], given);
        assert_eq!(get(), kept);
        sandbox.ok(&["cred", "set", "x", "--stdin", "--exact"], given);
        assert_eq!(get(), given);
        let file = sandbox.file("value", given);
        sandbox.ok(&["cred", "set", "x", "password", "--file", &file], b"");
        assert_eq!(get(), kept);
    }
    // a stream of any bytes is treated like text, a file that is none is kept as it is
    sandbox.ok(&["cred", "set", "x", "--stdin"], b"\xff\x00\n");
    assert_eq!(get(), b"\xff\x00");
    let file = sandbox.file("value", b"\xff\x00\n");
    sandbox.ok(&["cred", "set", "x", "password", "--file", &file], b"");
    assert_eq!(get(), b"\xff\x00\n");
    sandbox.ok(&["cred", "set", "x", "--stdin", "--exact"], b"\n");
    assert_eq!(get(), b"\n");
}

#[test]
fn get_adds_a_newline_on_a_terminal_only() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("bare", b"hunter2");
    sandbox.add("line", b"hunter2\n");
    for name in ["bare", "line"] {
        let (code, screen) = Pty::vault(&sandbox, &["cred", "get", name], &[]).finish();
        assert_eq!((code, screen.as_slice()), (0, &b"hunter2\r\n"[..]), "{name}");
    }
    assert_eq!(sandbox.ok(&["cred", "get", "bare"], b""), b"hunter2");
    sandbox.ok(&["cred", "get", "line"], b"");
}

#[test]
fn a_value_that_could_drive_the_terminal_is_kept_from_it() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("wild", b"\x1b]0;owned\x07");
    let (code, screen) = Pty::vault(&sandbox, &["cred", "get", "wild"], &[]).end();
    assert_eq!(code, 14, "{screen}");
    assert!(screen.contains("--raw") && !screen.contains("owned"), "{screen}");
    let (code, screen) = Pty::vault(&sandbox, &["cred", "get", "wild", "--raw"], &[]).finish();
    assert_eq!((code, screen.as_slice()), (0, &b"\x1b]0;owned\x07\r\n"[..]));
    assert_eq!(sandbox.ok(&["cred", "get", "wild"], b""), b"\x1b]0;owned\x07");
}

#[test]
fn data_goes_to_stdout_and_remarks_to_stderr() {
    let sandbox = Sandbox::new();
    let added = sandbox.run_in(&["cred", "add", "x", "--stdin"], b"hunter2");
    assert_eq!((added.text().as_str(), added.err.as_str()), ("", "added `x`\n"));
    let quiet = sandbox.run_in(&["cred", "add", "y", "--stdin", "--quiet"], b"has a tail\n\n");
    assert_eq!((quiet.code, quiet.err.as_str()), (0, ""));
    let warned = sandbox.run_in(&["cred", "add", "z", "--stdin"], b"has a tail\n\n");
    assert!(warned.err.starts_with("warning: "), "{}", warned.err);
    let empty = sandbox.run(&["cred", "list", "--client", "nobody"]);
    assert_eq!((empty.code, empty.text().as_str()), (0, ""));
    assert!(!empty.err.is_empty());
}

#[test]
fn no_color_is_heard() {
    if !require("setsid") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.add("x", b"hunter2");
    let (_, screen) = Pty::vault(&sandbox, &["cred", "list"], &[("NO_COLOR", "1")]).finish();
    assert!(!screen.contains(&0x1b), "{}", String::from_utf8_lossy(&screen));
}
