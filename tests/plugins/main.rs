//! Keys that age plugins hold, end to end: a real plugin from its package, and programs that misbehave.

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

mod misbehaving;
mod named;
mod real;
mod terminal;

use std::fs;
use support::waiting::{runs, soon};
use support::{Answer, Sandbox};

const RECIPIENT: &str = "age1toy1wfjkx6tsd9jkuaq8kuvrh";
const IDENTITY: &str = "AGE-PLUGIN-TOY-1D9JX2MN5D968JT7Z92Z";
const SECRET: &[u8] = b"the-secret-of-alpha";
/// How long the toy may take: little where a test is about that, and else whatever a busy machine needs.
const SHORT: &str = "timeout = \"5s\"\n";
const LONG: &str = "timeout = \"2m\"\n";

/// A plugin that hides nothing: the key of a file stands in its stanza.
const TOY: &str = r"#!/usr/bin/env python3
import base64, os, subprocess, sys, time
def enc(b): return base64.b64encode(b).decode().rstrip('=')
def dec(t): return base64.b64decode(t + '=' * (-len(t) % 4))
def say(head, body=b''):
    text = enc(body)
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    if len(text) % 64 == 0: lines.append('')
    sys.stdout.write('-> ' + head + '\n' + '\n'.join(lines) + '\n')
    sys.stdout.flush()
def hear():
    head = sys.stdin.readline().split()
    if not head: sys.exit(9)
    text = ''
    while True:
        line = sys.stdin.readline().rstrip('\n')
        text += line
        if len(line) < 64: return head[1:], dec(text)
def until_done():
    while True:
        head, body = hear()
        if head[0] == 'done': return
        yield head, body
def said(head, body=b''):
    say(head, body)
    return hear()
key = None
open(os.path.join(os.path.dirname(__file__), 'pids'), 'a').write(str(os.getpid()) + '\n')
def start(*args, **more):
    child = subprocess.Popen(args, **more)
    open(os.path.join(os.path.dirname(__file__), 'pids'), 'a').write(str(child.pid) + '\n')
";

/// The rest of one that does what it should, after `odd` while it unwraps.
fn toy(odd: &str) -> String {
    let rest = r"
role = sys.argv[1]
if role == '--age-plugin=recipient-v1':
    for head, body in until_done():
        if head[0] == 'wrap-file-key': key = body
    said('recipient-stanza 0 toy', key)
else:
    for head, body in until_done():
        if head[0] == 'recipient-stanza' and head[2] == 'toy': key = body
";
    format!("{TOY}{rest}{}\n    said('file-key 0', key)\nsay('done')\n", indented(odd))
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

/// Puts a program at the place of the toy.
fn install(sandbox: &Sandbox, script: &str) -> String {
    sandbox.script("age-plugin-toy", script)
}

/// Names the toy in the configuration file, with `more` lines.
fn name_it(sandbox: &Sandbox, more: &str) {
    let program = sandbox.path("age-plugin-toy");
    let table = format!("[plugin.toy]\nprogram = '{}'\n{more}", program.display());
    fs::create_dir_all(sandbox.path("home/.config/vault")).unwrap();
    sandbox.file("home/.config/vault/config.toml", table);
}

/// A vault that the toy opens, with one credential.
fn with_toy(more: &str) -> Sandbox {
    let sandbox = Sandbox::bare();
    sandbox.file("id", format!("# of the toy\n{IDENTITY}\n"));
    install(&sandbox, &toy(""));
    name_it(&sandbox, more);
    sandbox.ok(&["init", "--key-file", "id", "--recipient", RECIPIENT], b"");
    sandbox.ok(&["--key-file", "id", "cred", "add", "alpha", "--stdin"], SECRET);
    sandbox
}

/// Reads the credential where there is no terminal.
fn get(sandbox: &Sandbox) -> Answer {
    Answer::of(&mut sandbox.detached(&["--key-file", "id", "cred", "get", "alpha"]))
}

/// None of the processes that wrote down their numbers is left.
#[track_caller]
fn nothing_runs(sandbox: &Sandbox) {
    let pids = fs::read_to_string(sandbox.path("pids")).unwrap();
    assert!(!pids.is_empty(), "nothing was started");
    for pid in pids.lines() {
        soon(&format!("the end of {pid}"), || !runs(pid));
    }
}
