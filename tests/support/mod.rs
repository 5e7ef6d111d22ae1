//! What the end-to-end tests share: a place of their own, the program in it, and a terminal.

#![allow(dead_code, reason = "each test program uses its own part of this")]
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

pub mod commands;
pub mod hostile;
pub mod incidents;
pub mod leaves;
pub mod oracle;
pub mod pty;
pub mod waiting;

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

/// Skips for want of something that can be installed, or fails where nothing may be skipped. Always `false`.
pub fn missing(why: &str) -> bool {
    assert!(!required(), "required: {why}");
    eprintln!("skipped: {why}");
    false
}

/// Skips what this machine or this user cannot do, whatever is installed, and says so in any case. Always `false`.
pub fn unable(why: &str) -> bool {
    // not by the macro, whose text is shown of tests that fail
    _ = writeln!(std::io::stderr(), "skipped: {why}");
    false
}

/// Whether nothing may be skipped.
pub fn required() -> bool {
    std::env::var_os("VAULT_TEST_REQUIRE").is_some_and(|value| value == "1")
}

/// Lets signals do what they usually do. Shells have interrupts ignored for what runs in the background, which
/// every program inherits that is started from here.
pub fn hear_signals() {
    for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGHUP, libc::SIGTERM] {
        #[expect(unsafe_code, reason = "nothing safe changes what a signal does")]
        // SAFETY: SIG_DFL installs no handler.
        unsafe {
            libc::signal(signal, libc::SIG_DFL)
        };
    }
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
        hear_signals();
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

    /// Writes a file that others cannot read, and tells its path.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        use std::os::unix::fs::OpenOptionsExt;
        let path = self.path(name);
        let mut options = fs::File::options();
        let opened = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
        opened.unwrap().write_all(content.as_ref()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Writes a program that can be started at once, and tells its path.
    pub fn script(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let draft = self.file(&format!("{name}.draft"), text);
        install(draft.as_ref(), &self.path(name));
        fs::remove_file(draft).unwrap();
        self.path(name).to_str().unwrap().to_owned()
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

    /// The same in a session of its own, so that there is no terminal to ask on, whatever the test
    /// was started from.
    pub fn detached(&self, args: &[&str]) -> Command {
        let mut command = self.command("setsid");
        command.args(["-w", VAULT]).args(args);
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

    /// How many entries the log has.
    pub fn entries(&self) -> usize {
        self.log(&["--limit", "0"]).len()
    }

    /// The log, newest first.
    pub fn log(&self, filter: &[&str]) -> Vec<serde_json::Value> {
        let out = self.ok(&[&["audit", "show", "--json"], filter].concat(), b"");
        json(&out)["items"].as_array().unwrap().clone()
    }

    /// The words that run a program as somebody whom permissions bind: none unless we are the
    /// superuser, who hands the sandbox over to an ordinary user.
    pub fn ordinary(&self) -> Option<Vec<&'static str>> {
        if !rustix::process::geteuid().is_root() {
            return Some(Vec::new());
        }
        if !require("setpriv") {
            return None;
        }
        let owner = "65534";
        let given = Command::new("chown").args(["-R", owner]).arg(self.root()).status();
        assert!(given.unwrap().success());
        Some(vec!["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
    }

    /// A copy of the program that everybody can run.
    pub fn program(&self) -> PathBuf {
        let program = self.path("vault");
        if !program.exists() {
            install(VAULT.as_ref(), &program);
        }
        program
    }

    /// Everything in the database but the log, as text: what must not change when a command fails.
    pub fn content(&self) -> String {
        let copy = tempfile::tempdir().unwrap();
        let file = copy.path().join("vault.db");
        fs::copy(self.database(), &file).unwrap();
        let wal = self.path("data/vault/vault.db-wal");
        if wal.exists() {
            fs::copy(wal, copy.path().join("vault.db-wal")).unwrap();
        }
        dump(&rusqlite::Connection::open(file).unwrap())
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

    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.out.clone()).unwrap()
    }

    /// Everything that was said, whatever the bytes.
    pub fn all(&self) -> String {
        format!("{}{}", String::from_utf8_lossy(&self.out), self.err)
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

/// Makes a copy that everybody can start. Another process does it: what we have open for writing, whatever
/// another thread is just starting has open too, and a file that is being written cannot be started.
pub fn install(from: &Path, to: &Path) {
    let made = Command::new("install").args(["-m", "755"]).arg(from).arg(to).status();
    assert!(made.unwrap().success());
}

/// A document with its version.
pub fn json(text: &[u8]) -> serde_json::Value {
    let value: serde_json::Value = serde_json::from_slice(text)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(text)));
    assert_eq!(value["schema_version"], 1, "{value}");
    value
}

/// Every file below `dir`, links and special files among them.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}

/// Whether `needle` is somewhere in `hay`.
pub fn contains(hay: &[u8], needle: &[u8]) -> bool {
    // looking for one byte first is what makes this bearable without optimisation
    let Some((first, rest)) = needle.split_first() else { return true };
    let mut hay = hay;
    while let Some(at) = hay.iter().position(|byte| byte == first) {
        hay = &hay[at + 1..];
        if hay.starts_with(rest) {
            return true;
        }
    }
    false
}

fn dump(db: &rusqlite::Connection) -> String {
    let queries = [
        "SELECT vault_id, epoch, created_at, counter, root, slots FROM vault",
        "SELECT * FROM slot ORDER BY id",
        "SELECT * FROM credential ORDER BY name, id",
        "SELECT * FROM tombstone ORDER BY bucket, id",
        "SELECT * FROM secret ORDER BY credential, field, version",
        "SELECT * FROM node ORDER BY level, position",
        "SELECT * FROM segment ORDER BY id",
        "SELECT * FROM checkpoint ORDER BY seq",
        "SELECT * FROM pruned",
        "SELECT * FROM incident ORDER BY number",
        "SELECT * FROM incident_event ORDER BY incident, number",
        "SELECT * FROM incident_link ORDER BY incident, credential",
        "SELECT sql FROM sqlite_schema ORDER BY name",
    ];
    let mut text = String::new();
    for query in queries {
        let mut statement = db.prepare(query).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let cells: Vec<_> = (0..columns).map(|at| row.get_ref(at).unwrap()).collect();
            text.push_str(&format!("{cells:?}\n"));
        }
    }
    text
}
