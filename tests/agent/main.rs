//! The agent: does it what commands do without it, for nobody else and for no longer than it may; and is
//! what it holds out of reach.

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

mod crowd;
mod hostile;
mod locks;
mod memory;
mod renewal;
mod same;
mod service;
mod started;
mod terminal;

#[path = "../support/mod.rs"]
mod support;

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use support::waiting::{come, soon, taken};
use support::{Answer, Sandbox, VAULT, json};

/// A vault with a credential, a runtime directory, and nobody who has the key but those who are given it.
struct Desk {
    sandbox: Sandbox,
}

impl Desk {
    fn locked() -> Self {
        let sandbox = Sandbox::new();
        let run = sandbox.path("run");
        fs::create_dir(&run).unwrap();
        fs::set_permissions(run, Permissions::from_mode(0o700)).unwrap();
        sandbox.add("db/main", b"the-value");
        Self { sandbox }
    }

    fn unlocked() -> Self {
        let desk = Self::locked();
        desk.unlock(&[]);
        desk
    }

    /// The program without a key.
    fn vault(&self, args: &[&str]) -> Command {
        self.dress(self.sandbox.command(VAULT), args)
    }

    /// The same in a session without a terminal.
    fn detached(&self, args: &[&str]) -> Command {
        let mut command = self.sandbox.command("setsid");
        command.args(["-w", VAULT]);
        self.dress(command, args)
    }

    fn dress(&self, mut command: Command, args: &[&str]) -> Command {
        command.args(args).env_remove("VAULT_KEY_FILE");
        command.env("XDG_RUNTIME_DIR", self.sandbox.path("run"));
        command
    }

    fn run(&self, args: &[&str]) -> Answer {
        Answer::of(&mut self.detached(args))
    }

    fn ok(&self, args: &[&str]) -> Vec<u8> {
        let answer = self.run(args);
        assert_eq!(answer.code, 0, "vault {args:?}: {}", answer.err);
        answer.out
    }

    fn unlock(&self, options: &[&str]) {
        let key = self.sandbox.path("key");
        let args = [&["--key-file", key.to_str().unwrap(), "unlock"], options].concat();
        self.ok(&args);
    }

    /// What `vault status` tells of the agent.
    fn standing(&self) -> serde_json::Value {
        json(&self.ok(&["status", "--json"]))["agent"].clone()
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.standing()["pid"].as_i64().expect("no agent")).unwrap()
    }

    /// The socket, whether or not somebody listens.
    fn socket(&self) -> PathBuf {
        let dir = fs::read_dir(self.sandbox.path("run/vault")).unwrap();
        dir.map(|entry| entry.unwrap().path()).next().expect("no socket")
    }

    fn is_locked(&self) -> bool {
        self.run(&["--no-input", "cred", "get", "db/main"]).code == 12
    }

    /// Waits until the vault is locked, and tells the cause that the log has.
    fn cause_of_lock(&self) -> String {
        soon("the lock", || self.is_locked());
        come("its entry", || {
            let log = self.log();
            let entry = log.iter().find(|entry| entry["action"] == "lock")?;
            Some(entry["details"]["cause"].as_str().unwrap().to_owned())
        })
    }

    /// Starts a command that the agent carries out, and that reads its standard input until it is dropped.
    fn slow(&self) -> Slow {
        let mut command = self.vault(&["cred", "add", "slow", "--stdin"]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"x").unwrap();
        taken(&input);
        Slow { child, input }
    }

    /// The log, newest first.
    fn log(&self) -> Vec<serde_json::Value> {
        let out = self.ok(&["audit", "show", "--json", "--limit", "0"]);
        json(&out)["items"].as_array().unwrap().clone()
    }

    fn count(&self, action: &str) -> usize {
        self.log()
            .iter()
            .filter(|entry| entry["action"] == action && entry["outcome"] == "ok")
            .count()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // nothing of a test lives on
        let _ = self.detached(&["lock", "--all", "-q"]).output();
    }
}

/// A command that is being carried out.
struct Slow {
    child: Child,
    input: ChildStdin,
}

impl Slow {
    fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// What becomes of it when it gets the rest.
    fn finish(self) -> Answer {
        let Self { child, mut input } = self;
        input.write_all(b" and so on").unwrap();
        drop(input);
        child.wait_with_output().unwrap().into()
    }

    /// What becomes of it while its standard input stays open.
    fn end(self) -> Answer {
        let answer = self.child.wait_with_output().unwrap().into();
        drop(self.input);
        answer
    }
}

/// Sends a signal.
fn signal(pid: i32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}
