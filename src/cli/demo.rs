//! `vault demo`: the real program, run as a user would run it, on a vault that is thrown away. Every
//! line that is shown is run by the shell as it stands, and its exit code is checked.

use super::context::Context;
use super::render::Format;
use super::report::{Cell, Report};
use crate::error::{Error, Result};
use crate::kind::generate;
use rand::RngExt;
use std::fs::{self, DirBuilder};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Walk through the main commands on a vault that is thrown away afterwards
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault demo")]
pub struct Args {}

/// Walks through.
pub fn run(_args: Args, cx: &mut Context) -> Result<Report> {
    let mut out: Box<dyn Write> = match cx.format() {
        Format::Json => Box::new(std::io::stderr()),
        Format::Table | Format::Plain => Box::new(std::io::stdout()),
    };
    let stage = Stage::set(cx)?;
    let mut count = 0;
    for act in ACTS {
        say(&mut out, &format!("\n# {}\n", act.about))?;
        if let Some(prepare) = act.prepare {
            prepare(&stage)?;
        }
        for step in act.steps {
            stage.play(step, &mut out)?;
            count += 1;
        }
    }
    say(&mut out, "\n")?;
    Ok(Report::Done {
        message: format!("all {count} steps went as promised; the vault is thrown away"),
        item: vec![("steps", Cell::Int(count)), ("passed", Cell::Flag(true))],
    })
}

/// Some steps with one purpose.
struct Act {
    about: &'static str,
    prepare: Option<fn(&Stage) -> Result<()>>,
    steps: &'static [Step],
}

/// One command line, and what is promised of it.
struct Step {
    line: &'static str,
    code: i32,
    /// What the output has.
    says: &'static str,
}

const fn step(line: &'static str, code: i32, says: &'static str) -> Step {
    Step { line, code, says }
}

const ACTS: &[Act] = &[
    Act {
        about: "A vault with a passphrase. Scripts hand it in by a file; you would be asked for it.",
        prepare: None,
        steps: &[
            step("export VAULT_PASSPHRASE_FILE=$HOME/passphrase", 0, ""),
            step("vault init", 0, ""),
        ],
    },
    Act {
        about: "Two credentials. A secret is never an argument: it is asked for, read or made.",
        prepare: None,
        steps: &[
            step(
                "vault cred add db/main --username app --url https://db.example.com --client acme --stdin < secret.txt",
                0,
                "",
            ),
            step(
                "vault cred add ci-token --type api_key --service ci --tag prod --generate",
                0,
                "",
            ),
            step("vault cred add db/main hunter2", 2, "never given as an argument"),
            step("vault cred list --format table", 0, "db/main"),
        ],
    },
    Act {
        about: "Into a program, and nowhere else: not into what it says, and all or nothing.",
        prepare: None,
        steps: &[
            step(
                "vault run -e DB_PASS=vault://db/main -- sh -c 'echo \"the program got ${#DB_PASS} characters\"'",
                0,
                "the program got 28 characters",
            ),
            step(
                "vault run -e DB_PASS=vault://db/main --mask always -- sh -c 'echo \"it is $DB_PASS\"'",
                0,
                "it is ********",
            ),
            step(
                "vault run -e A=vault://db/main -e B=vault://db/second -- sh -c 'echo started'",
                125,
                "db/second",
            ),
            step("echo 'user={{ vault://db/main/username }}' | vault inject", 0, "user=app"),
        ],
    },
    Act {
        about: "Whoever has the file but not the passphrase reads no secret.",
        prepare: None,
        steps: &[step("VAULT_PASSPHRASE_FILE=$HOME/wrong vault cred get db/main", 11, "error:")],
    },
    Act {
        about: "Somebody who can write a file changes the URL, so that you log in at theirs.",
        prepare: Some(tamper),
        steps: &[step(
            "XDG_STATE_HOME=$HOME/copy/state vault --vault copy/vault.db cred get db/main",
            15,
            "error:",
        )],
    },
    Act {
        about: "A token stands in a public log. Whose is it, who has read it, and is it dealt with?",
        prepare: Some(leak),
        steps: &[
            step("vault whose --format table < public.log", 0, "ci-token"),
            step(
                "vault incident open 'Token in a public log' --type credential_leak --cred ci-token --exposure exposed --quiet",
                0,
                "",
            ),
            step("vault incident contain INC-1 --note 'the log is gone'", 0, "INC-1"),
            step("vault incident resolve INC-1", 14, "not rotated"),
        ],
    },
    Act {
        about: "Asked once: an agent holds the keys for a while, and carries out what follows.",
        prepare: None,
        steps: &[
            step("vault unlock --idle 1m", 0, ""),
            step(
                "env -u VAULT_PASSPHRASE_FILE vault cred get ci-token --reason 'no passphrase here' | wc -c",
                0,
                "",
            ),
            step("vault lock", 0, ""),
            step("env -u VAULT_PASSPHRASE_FILE vault cred get ci-token", 12, "locked"),
        ],
    },
    Act {
        about: "A second key, for a laptop. It is lost: out with it, and new keys for everything.",
        prepare: None,
        steps: &[
            step("vault key add laptop --new-key-file laptop.key", 0, "laptop"),
            step("vault --key-file laptop.key cred get db/main | wc -c", 0, "28"),
            step("vault key rm laptop --yes", 0, "laptop"),
            step("vault --key-file laptop.key cred get db/main", 11, "error:"),
            step("vault rekey --yes", 0, ""),
            step("vault key list --format table", 0, "passphrase"),
        ],
    },
    Act {
        about: "Who touched what, and is the log whole?",
        prepare: None,
        steps: &[
            step("vault audit show --format table", 0, "unlock_failed"),
            step("vault audit verify --format table", 0, "intact"),
        ],
    },
];

/// What `secret.txt` holds, and what no step may show.
const SECRET: &str = "correct-horse-battery-staple";

/// A directory of its own, with its own home; removed when dropped.
struct Stage {
    dir: PathBuf,
}

impl Stage {
    fn set(cx: &Context) -> Result<Self> {
        let temp = cx.world.var("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
        let dir = temp.join(format!("vault-demo-{:016x}", rand::rng().random::<u64>()));
        DirBuilder::new().mode(0o700).create(&dir).map_err(|e| broken("make a directory", &e))?;
        let stage = Self { dir };
        let exe = std::env::current_exe().map_err(|e| broken("find this program", &e))?;
        fs::create_dir(stage.dir.join("bin")).map_err(|e| broken("make a directory", &e))?;
        symlink(exe, stage.dir.join("bin/vault")).map_err(|e| broken("make a link", &e))?;
        stage.put("passphrase", generate::passphrase(6).expose())?;
        stage.put("wrong", generate::passphrase(6).expose())?;
        stage.put("secret.txt", format!("{SECRET}\n").as_bytes())?;
        Ok(stage)
    }

    fn put(&self, name: &str, text: &[u8]) -> Result<()> {
        fs::write(self.dir.join(name), text).map_err(|e| broken("write a file", &e))
    }

    fn play(&self, step: &Step, out: &mut dyn Write) -> Result<()> {
        say(out, &format!("$ {}\n", step.line))?;
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.dir.join("bin").display());
        let ran = Command::new("/bin/sh")
            // errors stand where a terminal would show them
            .args(["-c", &format!("exec 2>&1\n{}", step.line)])
            .current_dir(&self.dir)
            .env_clear()
            .env("PATH", path)
            .env("HOME", &self.dir)
            .env("XDG_DATA_HOME", self.dir.join("data"))
            .env("XDG_STATE_HOME", self.dir.join("state"))
            .env("VAULT_PASSPHRASE_FILE", self.dir.join("passphrase"))
            .stdin(Stdio::null())
            .output()
            .map_err(|e| broken("run a shell", &e))?;
        let said = String::from_utf8_lossy(&ran.stdout);
        say(out, &said)?;
        if step.code != 0 {
            say(out, &format!("(exit code {})\n", ran.status.code().unwrap_or(-1)))?;
        }
        judge(step, ran.status.code(), &said)
    }
}

fn judge(step: &Step, code: Option<i32>, said: &str) -> Result<()> {
    let failed = |what: String| Err(Error::internal(format!("`{}` {what}", step.line)));
    if code != Some(step.code) {
        return failed(format!("was to end with {} and ended with {code:?}", step.code));
    }
    if !said.contains(step.says) {
        return failed(format!("was to say `{}`", step.says));
    }
    match said.contains(SECRET) {
        true => failed("showed the secret".into()),
        false => Ok(()),
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // what cannot be removed holds a made-up secret only
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Copies the vault with its state, and changes a URL in the copy as any SQL client could.
fn tamper(stage: &Stage) -> Result<()> {
    let copy = stage.dir.join("copy");
    copy_dir(&stage.dir.join("data/vault"), &copy)?;
    copy_dir(&stage.dir.join("state"), &copy.join("state"))?;
    let sql = |_| Error::internal("the demo cannot change the copy");
    let db = rusqlite::Connection::open(copy.join("vault.db")).map_err(sql)?;
    let tables: Vec<String> = db
        .prepare(
            "SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
             WHERE m.type = 'table' AND c.name = 'url'",
        )
        .and_then(|mut found| found.query_map([], |row| row.get(0))?.collect())
        .map_err(sql)?;
    let mut changed = 0;
    for table in tables {
        let change = format!(
            "UPDATE \"{table}\" SET url = 'https://db.evil.example' WHERE url LIKE '%db.example.com%'"
        );
        changed += db.execute(&change, []).map_err(sql)?;
    }
    match changed {
        0 => Err(Error::internal("the demo found no URL to change")),
        _ => Ok(()),
    }
}

/// Lets the token stand in a line of a log, as careless programs do.
fn leak(stage: &Stage) -> Result<()> {
    let line = "printf 'GET /?token=%s\\n' \"$(vault cred get ci-token)\" > public.log";
    stage.play(&step(line, 0, ""), &mut std::io::sink())
}

fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    let wrong = |e| broken("copy the vault", &e);
    fs::create_dir_all(to).map_err(wrong)?;
    for entry in fs::read_dir(from).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let target = to.join(entry.file_name());
        match entry.file_type().map_err(wrong)?.is_dir() {
            true => copy_dir(&entry.path(), &target)?,
            false => drop(fs::copy(entry.path(), target).map_err(wrong)?),
        }
    }
    Ok(())
}

fn say(out: &mut dyn Write, text: &str) -> Result<()> {
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|e| Error::io("cannot write the answer", &e))
}

fn broken(doing: &str, cause: &std::io::Error) -> Error {
    Error::internal(Error::io(format!("the demo cannot {doing}"), cause).message())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage() -> (tempfile::TempDir, Stage) {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("stage");
        fs::create_dir(&inner).unwrap();
        (dir, Stage { dir: inner })
    }

    #[test]
    fn a_broken_promise_is_a_failure_and_nothing_stays_behind() {
        let (dir, stage) = stage();
        let play =
            |line, code, says| stage.play(&Step { line, code, says }, &mut std::io::sink()).is_ok();
        assert!(play("echo yes", 0, "yes"));
        assert!(play("echo no >&2; exit 3", 3, "no"));
        assert!(!play("exit 4", 3, ""));
        assert!(!play("echo no", 0, "yes"));
        assert!(!play("echo correct-horse-battery-staple", 0, ""));
        drop(stage);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
