//! Copies, on a real X server and at a real terminal: what arrives, how long it stays, who sees it on
//! the way, and what happens where there is no clipboard.

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

mod desktop;
mod elsewhere;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use support::{Answer, Sandbox, require};

/// An X server of our own, and a vault whose commands find it.
struct Desktop {
    server: Child,
    display: String,
    sandbox: Sandbox,
}

impl Desktop {
    /// None where the programs are missing.
    fn new() -> Option<Self> {
        if !require("Xvfb") || !require("xclip") {
            return None;
        }
        // it chooses a free display and writes the number to standard output
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", "64x64x8"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        let display = format!(":{}", number.trim());
        Some(Self { server, display, sandbox: Sandbox::new() })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.sandbox.vault(args);
        command.env("DISPLAY", &self.display);
        command
    }

    fn run(&self, args: &[&str]) -> Answer {
        Answer::of(&mut self.command(args))
    }

    #[track_caller]
    fn copy(&self, args: &[&str]) -> Answer {
        let answer = self.run(&[&["cred", "copy"], args].concat());
        assert_eq!(answer.code, 0, "{}", answer.err);
        assert!(answer.out.is_empty(), "{}", answer.all());
        answer
    }

    fn xclip(&self, args: &[&str]) -> Command {
        let mut command = self.sandbox.command("xclip");
        command.args(["-selection", "clipboard"]).args(args).env("DISPLAY", &self.display);
        command
    }

    /// What the clipboard holds; nothing when it is empty.
    fn content(&self) -> Option<Vec<u8>> {
        let answer = Answer::of(&mut self.xclip(&["-o"]));
        (answer.code == 0).then_some(answer.out)
    }

    fn targets(&self) -> String {
        Answer::of(&mut self.xclip(&["-o", "-t", "TARGETS"])).text()
    }

    /// Somebody else copies.
    fn others_copy(&self, text: &[u8]) {
        let mut command = self.xclip(&["-i"]);
        // it serves in the background, and must not hold pipes of ours
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.as_mut().unwrap();
        child.stdin.take().unwrap().write_all(text).unwrap();
        assert!(child.wait().unwrap().success());
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        _ = self.server.kill();
        _ = self.server.wait();
    }
}

/// The processes of this program that hold a value for so many seconds, which tells whose they are:
/// each test says it differently.
fn holders(seconds: &str) -> Vec<PathBuf> {
    let program = fs::canonicalize(support::VAULT).unwrap();
    let begin = format!("{}\0__clipboard\0{seconds}\0", program.display());
    let is_one = |process: &PathBuf| {
        let line = fs::read(process.join("cmdline")).unwrap_or_default();
        line.starts_with(begin.as_bytes())
    };
    let all = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.join("cmdline").exists()).filter(is_one).collect()
}
