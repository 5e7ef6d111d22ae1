//! Helper protocols, with the programs that speak them.

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

mod askpass;
mod docker;
mod git;
mod install;
mod others;

use serde_json::Value;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use support::{Sandbox, VAULT};

/// A directory for links to the program under test, first in the path of what runs in the sandbox.
fn linked(sandbox: &Sandbox, names: &[&str]) -> PathBuf {
    let dir = sandbox.path("bin");
    std::fs::create_dir_all(&dir).unwrap();
    for name in ["vault"].iter().chain(names) {
        if !dir.join(name).exists() {
            symlink(VAULT, dir.join(name)).unwrap();
        }
    }
    dir
}

/// A program that finds the program under test under its own name and these.
fn command(sandbox: &Sandbox, program: &str, names: &[&str]) -> Command {
    let mut path = linked(sandbox, names).into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    let mut command = sandbox.command(program);
    command.env("PATH", path);
    command
}

/// What the log says of the newest entries with this action: outcome, name, mode and program.
fn told(sandbox: &Sandbox, action: &str) -> Vec<(String, String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let one = |entry: &Value| {
        let details = match &entry["details"] {
            Value::String(text) => serde_json::from_str(text).unwrap(),
            other => other.clone(),
        };
        let (mode, command) = (text(&details["mode"]), text(&details["command"]));
        (text(&entry["outcome"]), text(&entry["name"]), mode, command)
    };
    sandbox.log(&["--action", action]).iter().map(one).collect()
}
