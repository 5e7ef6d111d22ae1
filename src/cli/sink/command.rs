//! A program that gets entries on its standard input, one line of JSON each, and nothing that is
//! secret. It is started for each use, and given up when its time is over.

use super::{failed, until};
use crate::cli::record;
use crate::cli::unlock::end;
use crate::error::{Error, ErrorKind, Result};
use crate::vault::{Outlet, Record};
use crate::world::World;
use rustix::fs::{Access, access};
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{self, Child, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The program with its arguments, and its environment.
pub struct Command {
    words: Vec<String>,
    env: Vec<(OsString, OsString)>,
}

impl Command {
    /// The program `words[0]`, which sees no variable of ours.
    #[must_use]
    pub fn new(words: Vec<String>, world: &World) -> Self {
        let env = world.child_env().map(|(key, value)| (key.to_owned(), value.to_owned()));
        Self { words, env: env.collect() }
    }

    fn program(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    fn start(&self) -> Result<Child> {
        process::Command::new(self.program())
            .args(self.words.iter().skip(1))
            .env_clear()
            .envs(self.env.iter().map(|(key, value)| (key, value)))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|e| failed(&format!("cannot start `{}`", self.program()), &e))
    }

    fn gave_up(&self, why: &str) -> Error {
        Error::new(ErrorKind::Io, format!("`{}` {why}", self.program()))
    }
}

impl Outlet for Command {
    fn deliver(&mut self, records: &[Record<'_>], deadline: Instant) -> Result<()> {
        let lines: String = records.iter().map(|record| record::json(record) + "\n").collect();
        let mut child = self.start()?;
        let fed = feed(&mut child, lines.into_bytes());
        let Some(status) = wait(&mut child, deadline) else {
            end(&mut child);
            return Err(self.gave_up("did not end in time"));
        };
        let took_all = fed.recv_timeout(until(deadline)).is_ok_and(|fed| fed);
        match (status.success(), took_all) {
            (true, true) => Ok(()),
            (true, false) => Err(self.gave_up("did not read all it was given")),
            (false, _) => Err(self.gave_up("failed")),
        }
    }

    fn reach(&mut self, _: Instant) -> Result<()> {
        access(self.program(), Access::EXEC_OK)
            .map_err(|e| failed(&format!("cannot start `{}`", self.program()), &e.into()))
    }
}

/// Writes in a thread of its own, because the program may not read; tells whether all was taken.
fn feed(child: &mut Child, lines: Vec<u8>) -> mpsc::Receiver<bool> {
    let (tell, told) = mpsc::channel();
    if let Some(mut stdin) = child.stdin.take() {
        std::thread::spawn(move || {
            let written = stdin.write_all(&lines).is_ok();
            drop(stdin);
            // the listener may have given up
            let _ = tell.send(written);
        });
    }
    told
}

fn wait(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    let mut pause = Duration::from_micros(250);
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(pause.min(until(deadline)));
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}
