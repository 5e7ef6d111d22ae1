//! Completion in the real shells, at a real prompt: what is typed before the tab key, and what the
//! shell then takes the line for. A shell that is not installed is skipped, unless
//! `VAULT_TEST_REQUIRE` is set.

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

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const NAMES: &[&str] = &[
    "db/main",
    "my server",
    "it's \"quoted\"",
    "host:5432",
    "größe/日本語",
    "a$b",
    "back\\slash",
    "prod/eu one",
    "prod/eu two!",
];

/// What is typed after `vault cred get `, and the name it must become.
const TYPED: &[(&str, &str)] = &[
    ("d", "db/main"),
    ("'db/", "db/main"),
    ("\"db", "db/main"),
    ("m", "my server"),
    ("my\\ s", "my server"),
    ("'my ", "my server"),
    ("\"my s", "my server"),
    ("i", "it's \"quoted\""),
    ("it\\'s", "it's \"quoted\""),
    ("'i", "it's \"quoted\""),
    ("\"it's", "it's \"quoted\""),
    ("h", "host:5432"),
    ("host:5", "host:5432"),
    ("'host:", "host:5432"),
    ("\"host:54", "host:5432"),
    ("gr", "größe/日本語"),
    ("größe/日", "größe/日本語"),
    ("'größ", "größe/日本語"),
    ("\"größe/", "größe/日本語"),
    ("a", "a$b"),
    ("a\\$", "a$b"),
    ("'a$", "a$b"),
    ("\"a", "a$b"),
    ("prod/eu\\ o", "prod/eu one"),
    ("'prod/eu t", "prod/eu two!"),
    ("\"prod/eu t", "prod/eu two!"),
    ("prod/eu\\ t", "prod/eu two!"),
    // several fit: their common beginning is filled in
    ("p\to", "prod/eu one"),
    ("'p\tt", "prod/eu two!"),
    ("\"p\tt", "prod/eu two!"),
    ("b", "back\\slash"),
    ("back\\\\s", "back\\slash"),
    ("'back", "back\\slash"),
    ("\"back", "back\\slash"),
];

#[test]
fn bash() {
    let setup = "bind 'set enable-bracketed-paste off'; bind 'set bell-style none'\n\
                 . \"$SCRIPTS/vault.bash\"\n\
                 args() { printf '%s\\0' \"${@:2}\" >\"$OUT/.$1\"; mv \"$OUT/.$1\" \"$OUT/$1\"; }\n";
    every_way_of_typing(&["bash", "--norc", "--noprofile", "-i"], setup);
}

#[test]
fn zsh() {
    let setup = "bindkey -e; unsetopt beep; fpath=(\"$SCRIPTS\" $fpath)\n\
                 autoload -Uz compinit && compinit -u -D\n\
                 args() { printf '%s\\0' \"${@:2}\" >\"$OUT/.$1\"; mv \"$OUT/.$1\" \"$OUT/$1\"; }\n";
    every_way_of_typing(&["zsh", "-f", "-i"], setup);
}

#[test]
fn fish() {
    let setup = "source $SCRIPTS/vault.fish\n\
                 function args; printf '%s\\0' $argv[2..] >$OUT/.$argv[1]; \
                 mv $OUT/.$argv[1] $OUT/$argv[1]; end\n";
    every_way_of_typing(&["fish", "--no-config", "-i"], setup);
}

/// Fish can be asked without a terminal, too, and shows the help of commands.
#[test]
fn fish_describes_commands() {
    let Some(home) = Home::new("fish") else {
        return;
    };
    let ask = "source $SCRIPTS/vault.fish; complete -C 'vault cred ge'";
    let output = home.command(&["fish", "--no-config", "-c", ask]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().any(|line| line.starts_with("get\t")), "{text}");
}

#[test]
fn completing_leaves_no_entry_in_the_log() {
    let Some(home) = Home::new("bash") else {
        return;
    };
    let entries = || {
        let shown = home.vault(&["audit", "show", "--format", "plain"]).output().unwrap();
        let text = String::from_utf8(shown.stdout).unwrap();
        text.lines().count()
    };
    // looking at the log may be logged itself
    let (first, second) = (entries(), entries());
    let asked =
        home.vault(&["__complete", "zsh", "--", "vault", "cred", "get", "m"]).output().unwrap();
    assert_eq!(String::from_utf8(asked.stdout).unwrap(), "words\nmy server\n");
    assert_eq!(entries() - second, second - first);
}

fn every_way_of_typing(shell: &[&str], setup: &str) {
    let Some(home) = Home::new(shell[0]) else {
        return;
    };
    let mut prompt = Prompt::open(&home, shell, setup);
    let mut wrong = Vec::new();
    for (typed, meant) in TYPED {
        let got = prompt.complete(&format!("vault cred get {typed}"));
        if got != ["vault", "cred", "get", meant] {
            wrong.push(format!("{typed} became {got:?}"));
        }
    }
    for (typed, meant) in [(" pl", "plain-file"), ("=pl", "--key-file=plain-file")] {
        let got = prompt.complete(&format!("vault cred get --key-file{typed}"));
        if got.last().map(String::as_str) != Some(meant) {
            wrong.push(format!("the file {typed} became {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", shell[0], wrong.join("\n"));
}

/// A directory with a vault that holds [`NAMES`], and the program on the path.
struct Home {
    dir: TempDir,
}

impl Home {
    fn new(shell: &str) -> Option<Self> {
        for program in [shell, "script"] {
            if !is_installed(program) {
                let required = std::env::var_os("VAULT_TEST_REQUIRE").is_some();
                assert!(!required, "{program} is required and not installed");
                eprintln!("skipped: {program} is not installed");
                return None;
            }
        }
        let home = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(home.path("bin")).unwrap();
        fs::create_dir(home.path("out")).unwrap();
        File::create(home.path("plain-file")).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_vault"), home.path("bin/vault")).unwrap();
        home.succeed(&["init", "--key-file", "key"], "");
        for name in NAMES {
            home.succeed(&["cred", "add", name, "--stdin", "--key-file", "key"], "secret");
        }
        Some(home)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn succeed(&self, args: &[&str], input: &str) {
        let mut child = self
            .vault(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // a command that reads nothing may be gone already
        _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "vault {args:?}: {said}");
    }

    fn vault(&self, args: &[&str]) -> Command {
        let mut command = self.command(&[env!("CARGO_BIN_EXE_vault")]);
        command.args(args);
        command
    }

    fn command(&self, words: &[&str]) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("HOME", self.dir.path())
            .env("LC_ALL", "C.UTF-8")
            .env("TERM", "xterm")
            .env("OUT", self.path("out"))
            .env("SCRIPTS", Path::new(env!("CARGO_MANIFEST_DIR")).join("completions"));
        command
    }
}

/// An interactive shell on a terminal of its own.
struct Prompt {
    child: Child,
    keys: ChildStdin,
    out: PathBuf,
    asked: usize,
}

impl Prompt {
    fn open(home: &Home, shell: &[&str], setup: &str) -> Self {
        let mut child = home
            .command(&["script", "-q", "-e", "-c", &shell.join(" "), "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(File::create(home.path("screen")).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let keys = child.stdin.take().unwrap();
        let mut prompt = Self { child, keys, out: home.path("out"), asked: 0 };
        prompt.type_in(setup);
        // a first, empty question, so that the shell is known to listen
        assert_eq!(prompt.complete("ready"), ["ready"]);
        prompt
    }

    fn type_in(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Presses tab after `typed`, then has the shell say what the line is to it: Control-A goes to
    /// its beginning, where a command that prints its arguments is put before it.
    fn complete(&mut self, typed: &str) -> Vec<String> {
        self.asked += 1;
        let tab = if typed == "ready" { "" } else { "\t" };
        self.type_in(&format!("{typed}{tab}\u{1}args {} \n", self.asked));
        let answer = self.out.join(self.asked.to_string());
        let since = Instant::now();
        while !answer.exists() {
            if since.elapsed() > Duration::from_mins(1) {
                self.type_in("\u{3}\n");
                return vec!["no answer".into()];
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let bytes = fs::read(answer).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        text.split_terminator('\0').map(str::to_owned).collect()
    }
}

impl Drop for Prompt {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}
