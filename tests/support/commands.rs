//! The commands that the tests disturb: killed, or with failing calls.

pub const INIT: &str = "init";
/// The secret that `get` hands out.
pub const SECRET: &[u8] = b"the-secret-of-alpha";
pub const IMPORTED: &[u8] = br#"{"name":"one","type":"password","secrets":{"password":"the-first"}}
{"name":"two","type":"password","secrets":{"password":"the-second"}}
{"name":"three","type":"password","secrets":{"password":"the-third"}}
"#;

/// A command that adds.
pub const ADD: &[&str] = &["cred", "add", "delta", "--url", "https://d.example.com", "--stdin"];

/// One that changes metadata and a secret.
pub const SET: &[&str] =
    &["cred", "set", "alpha", "password", "--url", "https://n.example.com", "--stdin"];

/// One that opens an incident.
const OPEN: &[&str] = &["incident", "open", "Laptop stolen", "--cred", "alpha", "--stdin"];

/// Ways to get `SECRET` to other programs, and how the titles begin of all that hand it out.
const RUN: &[&str] = &["run", "-e", "X=vault://alpha", "--", "printenv", "X"];
const EXPORT: &[&str] = &["export", "--format", "json", "alpha"];
const TEMPLATE: &[u8] = b"{{ vault://alpha }}";
pub const HANDING_OUT: &[&str] = &["get", "run", "inject", "values"];
/// The file that one of them writes.
pub const MADE: &str = "made";

/// The commands that are disturbed: title, arguments, standard input.
pub const COMMANDS: &[(&str, &[&str], &[u8])] = &[
    ("add", ADD, b"the-secret-of-delta"),
    ("set", SET, b"a new secret"),
    ("get", &["cred", "get", "alpha"], b""),
    ("run", RUN, b""),
    ("inject", &["inject"], TEMPLATE),
    ("inject into a file", &["inject", "-o", MADE, "--force"], TEMPLATE),
    ("values in a document", EXPORT, b""),
    ("rotate", &["cred", "rotate", "alpha", "--stdin"], b"a rotated secret"),
    ("rollback", &["cred", "rollback", "alpha", "--to", "1"], b""),
    ("keep", &["cred", "set", "alpha", "--keep", "1"], b""),
    ("clone", &["cred", "clone", "alpha", "omega", "--with-secrets"], b""),
    ("check", &["cred", "check", "--only", "reused"], b""),
    ("verify", &["audit", "verify", "--unlock"], b""),
    ("checkpoint", &["audit", "checkpoint"], b""),
    ("export", &["audit", "export", "-o", "out", "--force"], b""),
    ("rename", &["cred", "rename", "beta", "bravo"], b""),
    ("rm", &["cred", "rm", "gamma"], b""),
    ("restore", &["cred", "restore", "old"], b""),
    ("purge", &["cred", "purge", "junk", "--yes"], b""),
    ("purge of a version", &["cred", "purge", "alpha", "--version", "1", "--yes"], b""),
    ("import", &["import", "--format", "jsonl"], IMPORTED),
    ("opening of an incident", OPEN, b"what happened"),
    ("note on an incident", &["incident", "note", "1", "--stdin"], b"what was seen"),
    ("link to an incident", &["incident", "link", "1", "beta", "--exposure", "exposed"], b""),
    ("rekey", &["rekey", "--yes"], b""),
    ("resolving of an incident", &["incident", "resolve", "1"], b""),
];
