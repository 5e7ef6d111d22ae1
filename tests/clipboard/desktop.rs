//! A real X server, and another program there that copies and pastes.

use super::support::waiting::{conclusive, soon};
use super::support::{Answer, VAULT, contains, json, require};
use super::{Desktop, holders};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn every_byte_arrives_and_history_is_asked_to_leave_it_out() {
    let Some(desktop) = Desktop::new() else { return };
    let long = "long ä\n".repeat(40_000);
    for (name, value) in [
        ("plain", "hunter2"),
        ("line", "ends with a line break\n"),
        ("odd", "quote ' \" \\ $x `y` \t\r\n\u{1b}[2J ünï 🔑 \u{0}"),
        ("long", &long),
    ] {
        desktop.sandbox.add(name, value.as_bytes());
        let answer = desktop.copy(&[name, "--clear-after", "71m"]);
        let said = format!("copied `password` of `{name}` to the clipboard, for 71m\n");
        assert_eq!(answer.err, said);
        assert_eq!(desktop.content().unwrap(), value.as_bytes(), "{name}");
    }
    assert!(desktop.targets().contains("x-kde-passwordManagerHint"), "{}", desktop.targets());
    desktop.others_copy(b"mine");
    assert!(!desktop.targets().contains("x-kde-passwordManagerHint"), "the look is blind");
    // a copy that was replaced is no longer held
    soon("the end of the holders", || holders("4260").is_empty());
    assert_eq!(desktop.content().unwrap(), b"mine");
}

#[test]
fn it_is_cleared_when_its_time_is_up() {
    let Some(desktop) = Desktop::new() else { return };
    desktop.sandbox.add("x", b"hunter2");
    conclusive("a copy", || {
        let since = Instant::now();
        desktop.copy(&["x", "--clear-after", "5s", "--quiet"]);
        let content = desktop.content();
        (since.elapsed() < Duration::from_secs(4)).then(|| assert_eq!(content.unwrap(), b"hunter2"))
    });
    soon("an empty clipboard", || desktop.content().is_none());
    soon("the end of the holder", || holders("5").is_empty());
}

#[test]
fn what_somebody_else_copied_is_not_cleared() {
    let Some(desktop) = Desktop::new() else { return };
    desktop.sandbox.add("x", b"hunter2");
    conclusive("a holder", || {
        let since = Instant::now();
        desktop.copy(&["x", "--clear-after", "6s"]);
        let held = holders("6").len();
        desktop.others_copy(b"mine");
        (since.elapsed() < Duration::from_secs(5)).then(|| assert_eq!(held, 1))
    });
    soon("the end of the holder", || holders("6").is_empty());
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!(desktop.content().unwrap(), b"mine");
    // nor is the same secret, when it is copied again
    desktop.copy(&["x", "--clear-after", "6s"]);
    desktop.copy(&["x", "--clear-after", "75m"]);
    soon("the end of the first holder", || holders("6").is_empty());
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!(desktop.content().unwrap(), b"hunter2");
    desktop.others_copy(b"mine");
    soon("the end of the second holder", || holders("4500").is_empty());
    assert_eq!(desktop.content().unwrap(), b"mine");
}

#[test]
fn never_is_until_the_desktop_goes() {
    let Some(mut desktop) = Desktop::new() else { return };
    desktop.sandbox.add("x", b"hunter2");
    let copy = ["cred", "copy", "x", "--clear-after", "never", "--json"];
    let told = json(&desktop.run(&copy).out);
    assert_eq!((&told["name"], &told["field"]), (&"x".into(), &"password".into()));
    assert_eq!((&told["to"], &told["clear_after"]), (&"clipboard".into(), &().into()));
    assert_eq!(desktop.content().unwrap(), b"hunter2");
    // a second copy takes the place of the first
    desktop.copy(&["x", "--clear-after", "never"]);
    soon("one holder", || holders("never").len() == 1);
    desktop.server.kill().unwrap();
    soon("the end of the holder", || holders("never").is_empty());
}

#[test]
fn the_log_says_where_it_went() {
    let Some(desktop) = Desktop::new() else { return };
    desktop.sandbox.add("x", b"hunter2");
    desktop.copy(&["x", "--reason", "ticket 42"]);
    let entry = &desktop.sandbox.log(&["--limit", "1"])[0];
    assert_eq!((&entry["action"], &entry["outcome"]), (&"copy".into(), &"ok".into()), "{entry}");
    assert_eq!((&entry["name"], &entry["reason"]), (&"x".into(), &"ticket 42".into()), "{entry}");
    assert_eq!(entry["fields"], serde_json::json!(["password"]), "{entry}");
    assert_eq!(entry["details"]["mode"], "clipboard", "{entry}");
    // a failure leaves the clipboard alone, and is in the log too
    desktop.others_copy(b"mine");
    assert_eq!(desktop.run(&["cred", "copy", "nothing"]).code, 10);
    assert_eq!(desktop.run(&["cred", "copy", "x", "totp"]).code, 10);
    let entry = &desktop.sandbox.log(&["--limit", "1"])[0];
    assert_eq!((&entry["action"], &entry["outcome"]), (&"copy".into(), &"failed".into()));
    assert_eq!(desktop.content().unwrap(), b"mine");
}

#[test]
fn what_a_clipboard_cannot_hold_is_refused() {
    let Some(desktop) = Desktop::new() else { return };
    desktop.sandbox.add("bytes", b"\xff\xfe");
    desktop.sandbox.add("large", &vec![b'x'; (1 << 20) + 1]);
    desktop.others_copy(b"mine");
    for (name, why) in [("bytes", "is not text"), ("large", "too large")] {
        let answer = desktop.run(&["cred", "copy", name, "--clear-after", "72m"]);
        assert_eq!((answer.code, answer.out.len()), (4, 0), "{}", answer.err);
        assert!(answer.err.contains(why) && answer.err.contains("> FILE"), "{}", answer.err);
    }
    assert_eq!(desktop.content().unwrap(), b"mine");
    soon("the end of the holders", || holders("4320").is_empty());
}

/// The value travels through a pipe: neither arguments nor environment of the holder have it, nor
/// anything of the vault's keys, and it keeps nothing open that the command was started with.
#[test]
fn the_holder_shows_nothing_and_keeps_nothing() {
    let Some(desktop) = Desktop::new() else { return };
    desktop.sandbox.add("x", b"Kanarienvogel");
    let inherited = desktop.sandbox.file("inherited", "left open");
    let mut command = desktop.sandbox.command("sh");
    let line = format!("\"$VAULT\" cred copy x --clear-after 73m 7<{inherited}");
    command.args(["-c", &line]).env("DISPLAY", &desktop.display).env("VAULT", VAULT);
    let answer = Answer::of(command.env("OTHER_TOKEN", "canary"));
    assert_eq!(answer.code, 0, "{}", answer.err);
    let holders = holders("4380");
    let [holder] = &holders[..] else { panic!("no holder, or several: {holders:?}") };
    let look = |name: &str| fs::read(holder.join(name));
    let line = look("cmdline").unwrap();
    assert!(contains(&line, b"__clipboard") && !contains(&line, b"Kanarienvogel"));
    // the superuser, as whom CI runs, may read these; others may not, which is as good
    if let Ok(environment) = look("environ") {
        assert!(contains(&environment, b"DISPLAY="), "the look is blind");
        for never in [&b"Kanarienvogel"[..], b"VAULT", b"canary"] {
            assert!(!contains(&environment, never), "{}", String::from_utf8_lossy(&environment));
        }
    }
    if let Ok(open) = fs::read_dir(holder.join("fd")) {
        let open: Vec<_> = open.map(|fd| fs::read_link(fd.unwrap().path()).unwrap()).collect();
        assert!(open.iter().any(|path| path.to_string_lossy().starts_with("socket:")), "{open:?}");
        assert!(!open.iter().any(|path| path.ends_with("inherited")), "{open:?}");
        assert!(!open.iter().any(|path| path.to_string_lossy().contains("vault.db")), "{open:?}");
    }
    let limits = String::from_utf8(look("limits").unwrap()).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    assert_eq!(fs::read_link(holder.join("cwd")).ok().unwrap_or("/".into()), PathBuf::from("/"));
    // it leads a session of its own, so that closing the terminal does not end it
    let stat = String::from_utf8(look("stat").unwrap()).unwrap();
    let fields: Vec<_> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    assert_eq!(fields[3], holder.file_name().unwrap().to_str().unwrap(), "{stat}");
    desktop.others_copy(b"mine");
}

#[test]
fn codes_are_copied_too() {
    let Some(desktop) = Desktop::new() else { return };
    desktop.sandbox.add("x", b"hunter2");
    let seed = b"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    desktop.sandbox.ok(&["cred", "set", "x", "totp", "--stdin"], seed);
    let copy = ["cred", "totp", "x", "--at", "2009-02-13T23:31:30Z", "--copy"];
    let answer = desktop.run(&copy);
    assert_eq!((answer.code, answer.out.len()), (0, 0), "{}", answer.err);
    assert!(answer.err.contains("copied the code of `x` to the clipboard"), "{}", answer.err);
    assert_eq!(desktop.content().unwrap(), b"005924");
    let entry = &desktop.sandbox.log(&["--limit", "1"])[0];
    assert_eq!((&entry["action"], &entry["details"]["made"]), (&"copy".into(), &"code".into()));
    let told = json(&desktop.run(&[&copy[..], &["--json"]].concat()).out);
    assert_eq!((&told["seconds_left"], &told["code"]), (&30.into(), &().into()), "{told}");
    desktop.others_copy(b"mine");
}

#[test]
fn a_clipboard_that_vanishes_is_a_failure() {
    if !require("setsid") {
        return;
    }
    let Some(mut desktop) = Desktop::new() else { return };
    desktop.sandbox.add("x", b"hunter2");
    let mut key = Command::new("mkfifo");
    assert!(key.arg(desktop.sandbox.path("slow")).status().unwrap().success());
    let slow = desktop.sandbox.path("slow");
    let mut command = desktop.command(&["cred", "copy", "x", "--clear-after", "74m"]);
    command.env("VAULT_KEY_FILE", &slow).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    // the holder has the desktop; the command waits for its key
    soon("a holder", || holders("4440").len() == 1);
    let mut fifo = fs::File::options().write(true).open(&slow).unwrap();
    desktop.server.kill().unwrap();
    desktop.server.wait().unwrap();
    fifo.write_all(&fs::read(desktop.sandbox.path("key")).unwrap()).unwrap();
    drop(fifo);
    let answer = Answer::from(child.wait_with_output().unwrap());
    assert_eq!((answer.code, answer.out.len()), (4, 0), "{}", answer.err);
    assert!(answer.err.contains("no clipboard can be reached"), "{}", answer.err);
    soon("the end of the holder", || holders("4440").is_empty());
}
