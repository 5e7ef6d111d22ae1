//! What the end-to-end tests share: a place of their own, and the program in it.

#![allow(dead_code, reason = "each test program uses its own part of this")]

pub mod oracle;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// The program under test.
pub const VAULT: &str = env!("CARGO_BIN_EXE_vault");

/// Whether `program` is there. If not, the test is skipped and says so, unless
/// `VAULT_TEST_REQUIRE=1`: then it fails.
pub fn require(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&path).any(|dir| dir.join(program).is_file());
    there || missing(&format!("{program} is not installed"))
}

/// Skips, or fails where nothing may be skipped. Always `false`.
pub fn missing(why: &str) -> bool {
    assert!(!required(), "required: {why}");
    eprintln!("skipped: {why}");
    false
}

/// Whether nothing may be skipped.
pub fn required() -> bool {
    std::env::var_os("VAULT_TEST_REQUIRE").is_some_and(|value| value == "1")
}

/// A home, and a vault in it, that vanish with the test.
pub struct Sandbox {
    dir: TempDir,
    keyed: bool,
}

/// What a run of the program gave.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub out: Vec<u8>,
    pub err: String,
}

impl Sandbox {
    /// With a vault that a key file opens; every command is given the key file.
    pub fn new() -> Self {
        let mut sandbox = Self::bare();
        sandbox.keyed = true;
        sandbox.ok(&["init"], b"");
        sandbox
    }

    /// Without a vault, and without a key.
    pub fn bare() -> Self {
        let sandbox = Self { dir: tempfile::tempdir().unwrap(), keyed: false };
        for name in ["home", "data", "state", "tmp"] {
            fs::create_dir(sandbox.path(name)).unwrap();
        }
        sandbox
    }

    /// Where everything is.
    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.path("data/vault/vault.db")
    }

    /// `program`, hermetic: nothing of the environment of the test reaches it.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.root())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("TMPDIR", self.path("tmp"))
            .env("LC_ALL", "C.UTF-8")
            .env("TERM", "xterm")
            .stdin(Stdio::null());
        if self.keyed {
            command.env("VAULT_KEY_FILE", self.path("key"));
        }
        command
    }

    /// The program under test with `args`.
    pub fn vault(&self, args: &[&str]) -> Command {
        let mut command = self.command(VAULT);
        command.args(args);
        command
    }

    /// Runs it, with nothing on standard input.
    pub fn run(&self, args: &[&str]) -> Answer {
        Answer::of(&mut self.vault(args))
    }

    /// Runs it with `input` on standard input.
    pub fn run_in(&self, args: &[&str], input: &[u8]) -> Answer {
        Answer::fed(&mut self.vault(args), input)
    }

    /// Runs it, and it must succeed.
    pub fn ok(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let answer = self.run_in(args, input);
        assert_eq!(answer.code, 0, "vault {args:?}: {}", answer.err);
        answer.out
    }

    /// Stores `value` as the password `name`.
    pub fn add(&self, name: &str, value: &[u8]) {
        self.ok(&["cred", "add", name, "--stdin", "--exact"], value);
    }
}

impl Answer {
    /// Runs `command` to its end.
    pub fn of(command: &mut Command) -> Self {
        command.output().unwrap().into()
    }

    /// The same with `input` on standard input.
    pub fn fed(command: &mut Command, input: &[u8]) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let output = std::thread::scope(|scope| {
            // a command that reads nothing may be gone already
            scope.spawn(move || _ = stdin.write_all(input));
            child.wait_with_output()
        });
        output.unwrap().into()
    }
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let signal = || 128 + output.status.signal().unwrap_or_default();
        Self {
            code: output.status.code().unwrap_or_else(signal),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            out: output.stdout,
        }
    }
}
