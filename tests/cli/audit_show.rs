//! Questions to the log: every filter alone and with every other, and entries as they come.

use super::support::waiting::{PATIENCE, soon};
use super::support::{Answer, Sandbox, VAULT, json};
use super::{refused, says};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

const DAY: i64 = 86_400_000;
const THEN: i64 = 1_700_000_000_000;

/// An entry that others could have written: what the filters look at.
pub(super) struct Forged {
    pub(super) at: i64,
    pub(super) action: &'static str,
    pub(super) outcome: &'static str,
    pub(super) cred: Option<&'static str>,
    pub(super) user: &'static str,
    pub(super) host: &'static str,
    pub(super) program: Option<&'static str>,
    pub(super) incident: Option<&'static str>,
    pub(super) reason: Option<&'static str>,
    pub(super) details: Option<&'static str>,
}

pub(super) const PLAIN: Forged = Forged {
    at: THEN,
    action: "decrypt",
    outcome: "ok",
    cred: Some("db/main"),
    user: "ann",
    host: "ops1",
    program: Some("psql"),
    incident: None,
    reason: None,
    details: None,
};

/// Adds entries behind the program's back, and tells the number of the first. Locked, it believes them.
pub(super) fn forge(sandbox: &Sandbox, entries: &[Forged]) -> i64 {
    let db = rusqlite::Connection::open(sandbox.database()).unwrap();
    let last: i64 = db.query_row("SELECT max(seq) FROM entry", [], |row| row.get(0)).unwrap();
    for (n, e) in (last + 1..).zip(entries) {
        db.execute(
            "INSERT INTO entry (seq, id, at, action, outcome, credential, name, user_name, uid, host,
                program, agent, incident, reason, details, counter, segment, hash, mac)
             VALUES (?1, randomblob(16), ?2, ?3, ?4,
                (SELECT id FROM credential WHERE name = ?5), ?5, ?6, 1000, ?7, ?8, 'vault/x', ?9, ?10,
                ?11, 0, 1, zeroblob(32), zeroblob(32))",
            rusqlite::params![
                n, e.at, e.action, e.outcome, e.cred, e.user, e.host, e.program, e.incident, e.reason,
                e.details
            ],
        )
        .unwrap();
    }
    last + 1
}

/// Two credentials of two clients, and entries of all sorts about them.
fn busy() -> (Sandbox, i64) {
    let sandbox = Sandbox::new();
    for (name, client) in [("db/main", "acme"), ("vpn/ann", "initech")] {
        let args = ["cred", "add", name, "--client", client, "--stdin"];
        sandbox.ok(&args, b"hunter2");
    }
    let first = forge(
        &sandbox,
        &[
            PLAIN,
            Forged { action: "copy", user: "bob", at: THEN + DAY, ..PLAIN },
            Forged { outcome: "refused", host: "db1", reason: Some("50% off_x"), ..PLAIN },
            Forged { cred: Some("vpn/ann"), program: Some("PSQLODBC"), ..PLAIN },
            Forged { incident: Some("INC-7"), reason: Some("Ticket 4711"), ..PLAIN },
            Forged { incident: Some("INC-70"), details: Some("{\"to\":\"db1\"}"), ..PLAIN },
            Forged {
                action: "unlock_failed",
                outcome: "failed",
                cred: None,
                program: None,
                ..PLAIN
            },
            Forged { at: THEN + 9 * DAY, user: "ci", program: Some("make"), ..PLAIN },
        ],
    );
    (sandbox, first)
}

/// The numbers of the entries that fit, oldest first, counted from the first forged one.
fn found(sandbox: &Sandbox, first: i64, args: &[&str]) -> Vec<i64> {
    let seqs = sandbox.log(args);
    let seqs = seqs.iter().map(|entry| entry["seq"].as_i64().unwrap() - first);
    seqs.filter(|seq| *seq >= 0).rev().collect()
}

/// Each filter, and what it finds.
const FILTERS: &[(&str, &[i64])] = &[
    ("--cred db/main", &[0, 1, 2, 4, 5, 7]),
    ("--client acme", &[0, 1, 2, 4, 5, 7]),
    ("--client initech", &[3]),
    ("--client nobody", &[]),
    ("--incident INC-7", &[4]),
    ("--incident 70", &[5]),
    ("--action copy", &[1]),
    ("--action copy,unlock_failed", &[1, 6]),
    ("--action copy --action rekey", &[1]),
    ("--outcome ok", &[0, 1, 3, 4, 5, 7]),
    ("--outcome failed", &[6]),
    ("--actor bob", &[1]),
    ("--host db1", &[2]),
    ("--program psql", &[0, 1, 2, 4, 5]),
    ("--reason ticket", &[4]),
    ("--reason 0%", &[2]),
    ("--reason f_x", &[2]),
    ("--reason f%x", &[]),
    ("--search PSQL", &[0, 1, 2, 3, 4, 5]),
    ("--search db1", &[2, 5]),
    ("--search vpn/", &[3]),
    ("--search K_fail", &[6]),
    ("--search 4711", &[4]),
    ("--since 2023-11-20", &[7]),
    ("--until 2023-11-15", &[0, 2, 3, 4, 5, 6]),
    ("--since 2023-11-15 --until 2023-11-17", &[1]),
];

#[test]
fn every_filter_finds_its_own_alone_and_with_every_other() {
    let (sandbox, first) = busy();
    for (n, (filter, expected)) in FILTERS.iter().enumerate() {
        let words: Vec<_> = filter.split(' ').collect();
        // what was stored just now is in the log, too, but not among the forged
        assert_eq!(found(&sandbox, first, &words), *expected, "{filter}");
        for (other, more) in &FILTERS[n + 1..] {
            let time = |filter: &str| filter.contains("--since") || filter.contains("--until");
            let same = |a: &str, b: &str| a.split(' ').next() == b.split(' ').next();
            if same(filter, other) || (time(filter) && time(other)) {
                continue;
            }
            let both: Vec<_> = words.iter().copied().chain(other.split(' ')).collect();
            let expected: Vec<_> = expected.iter().copied().filter(|n| more.contains(n)).collect();
            assert_eq!(found(&sandbox, first, &both), expected, "{filter} {other}");
        }
    }
}

#[test]
fn a_client_is_that_of_today_and_a_purged_credential_has_none() {
    let (sandbox, first) = busy();
    let change = |sql: &str| {
        let db = rusqlite::Connection::open(sandbox.database()).unwrap();
        assert_eq!(db.execute(&format!("{sql} WHERE name = 'vpn/ann'"), []).unwrap(), 1);
    };
    change("UPDATE credential SET client = 'acme'");
    assert!(found(&sandbox, first, &["--client", "initech"]).is_empty());
    assert!(found(&sandbox, first, &["--client", "acme"]).contains(&3));
    change("UPDATE credential SET deleted_at = 1");
    assert!(found(&sandbox, first, &["--client", "acme"]).contains(&3), "in the trash");
    change("DELETE FROM credential");
    assert!(!found(&sandbox, first, &["--client", "acme"]).contains(&3), "purged");
    assert!(found(&sandbox, first, &["--cred", "vpn/ann"]).contains(&3), "by its name still");
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let sandbox = Sandbox::new();
    let long = "x".repeat(4097);
    for (args, message, hint) in [
        (&["--since", "2999-01-01"][..], "`--since` lies in the future", "--since 7d"),
        (&["--since", "2020-01-02", "--until", "2020-01-01"], "nothing lies between", "--until"),
        (&["--since", "2d", "--until", "2d"], "nothing lies between", ""),
        (&["--since", "soon"], "`--since", "2027-01-31"),
        (&["--until", "2020-02-30"], "`--until", "2027-01-31"),
        (&["--action", "nonsense"], "`--action", "one of: init"),
        (&["--action", "view,nonsense"], "`--action", "one of: init"),
        (&["--outcome", "fine"], "`--outcome", "refused"),
        (&["--incident", "x"], "`--incident", "--help"),
        (&["--incident", "INC-0"], "`--incident", ""),
        (&["--search", ""], "`--search", ""),
        (&["--search", &long], "`--search", ""),
        (&["--reason", ""], "`--reason", ""),
    ] {
        for command in ["show", "stats"] {
            refused(&sandbox, &[&["audit", command], args].concat(), b"", (2, message, hint), 0);
        }
    }
    for args in [
        &["1", "--actor", "x"][..],
        &["1", "--reason", "x"],
        &["1", "--follow"],
        &["--follow", "--until", "1d"],
        &["--follow", "--offset", "1"],
    ] {
        refused(&sandbox, &[&["audit", "show"], args].concat(), b"", (2, "together", ""), 0);
    }
    // wrong options are told before a vault is missed
    let bare = Sandbox::bare();
    says(&bare.run(&["audit", "show", "--since", "2999-01-01"]), 2, "future", "");
}

/// `audit show --follow` in the background, and its lines.
struct Followed {
    child: Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Followed {
    fn start(sandbox: &Sandbox, args: &[&str]) -> Self {
        let mut command = sandbox.command(VAULT);
        // locked: nobody has to have a key to watch
        command.args(["audit", "show", "--follow"]).args(args).env_remove("VAULT_KEY_FILE");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            out.lines().map_while(Result::ok).try_for_each(|line| send.send(line))
        });
        Self { child, lines }
    }

    /// The next line, which must come soon.
    fn next(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("no line came")
    }

    fn end(mut self, signal: rustix::process::Signal) -> (i32, String) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).unwrap();
        soon("the end", || self.child.try_wait().unwrap().is_some());
        let answer = Answer::from(self.child.wait_with_output().unwrap());
        (answer.code, answer.err)
    }
}

#[test]
fn new_entries_are_followed_until_an_interrupt() {
    use rustix::process::Signal;
    for signal in [Signal::INT, Signal::TERM] {
        let sandbox = Sandbox::new();
        sandbox.add("a", b"1");
        let followed = Followed::start(&sandbox, &["--limit", "1", "--format", "plain"]);
        assert!(followed.next().contains("\tcreate\tok\ta\t"), "the last one comes first");
        for name in ["b", "c", "d"] {
            sandbox.add(name, b"2");
            assert!(followed.next().contains(&format!("\tcreate\tok\t{name}\t")));
        }
        assert_eq!(followed.end(signal), (0, String::new()));
    }
}

#[test]
fn only_what_fits_is_followed_and_each_line_is_a_document() {
    let sandbox = Sandbox::new();
    sandbox.add("quux", b"1");
    let args = ["--action", "decrypt", "--search", "QUUX", "--json"];
    let followed = Followed::start(&sandbox, &args);
    sandbox.add("b", b"2");
    sandbox.ok(&["cred", "get", "b"], b"");
    sandbox.ok(&["cred", "get", "quux"], b"");
    let line = json(followed.next().as_bytes());
    assert_eq!((&line["action"], &line["name"]), (&"decrypt".into(), &"quux".into()), "{line}");
    assert!(line["hash"].is_string() && line["items"].is_null());
    assert_eq!(followed.end(rustix::process::Signal::INT).0, 0);
}

#[test]
fn following_ends_when_nobody_reads() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.vault(&["audit", "show", "--follow", "--format", "table"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut head = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut head).unwrap();
    assert!(head.starts_with("SEQ ") && head.contains(" ACTION "), "{head}");
    // nothing new is written: it must notice by itself
    drop(out);
    soon("the end", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
