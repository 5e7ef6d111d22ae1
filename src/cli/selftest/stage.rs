//! Where a self-test plays: a directory with a home and a vault of its own, gone afterwards. Nothing of the
//! user's vault or environment gets in, but the way to programs.

use crate::error::{Error, Result};
use crate::world::World;
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// The place; removed when dropped.
pub(super) struct Stage {
    dir: PathBuf,
    path: OsString,
}

impl Stage {
    /// One with a new vault, and `program` in it under the name `vault`.
    ///
    /// # Errors
    /// I/O (18); internal (1) when no vault can be made.
    pub(super) fn set(program: &Path, world: &World) -> Result<Self> {
        let temp = world.var("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
        let dir = temp.join(format!("vault-selftest-{:016x}", rand::random::<u64>()));
        DirBuilder::new().mode(0o700).create(&dir).map_err(|e| broken("make a directory", &e))?;
        let mut path = dir.join("bin").into_os_string();
        path.push(":");
        path.push(world.var("PATH").unwrap_or("/usr/local/bin:/usr/bin:/bin".as_ref()));
        let stage = Self { dir, path };
        fs::create_dir(stage.dir.join("bin")).map_err(|e| broken("make a directory", &e))?;
        symlink(program, stage.dir.join("bin/vault")).map_err(|e| broken("make a link", &e))?;
        let made = stage.play("vault -q init", &[], b"");
        match made.is_some_and(|made| made.status.success()) {
            true => Ok(stage),
            false => Err(Error::internal("the self-test cannot make a vault")),
        }
    }

    /// Runs a line of the shell with `input` on standard input, in a directory of its own. None if it
    /// cannot be started, or takes too long.
    pub(super) fn play(
        &self,
        line: &str,
        variables: &[(&str, &str)],
        input: &[u8],
    ) -> Option<Output> {
        let place = self.dir.join(format!("{:016x}", rand::random::<u64>()));
        fs::create_dir(&place).ok()?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", line]).current_dir(&place).env_clear().process_group(0);
        command.env("PATH", &self.path).env("HOME", &self.dir).env("LC_ALL", "C");
        command.env("XDG_DATA_HOME", self.dir.join("data"));
        command.env("XDG_STATE_HOME", self.dir.join("state"));
        command.env("XDG_CONFIG_HOME", self.dir.join("config"));
        command.env("VAULT_KEY_FILE", self.dir.join("key")).envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let played = finish(command.spawn().ok()?, input.to_vec());
        // what stays is removed with the stage
        let _ = fs::remove_dir_all(&place);
        played
    }

    /// Whether there is a program of this name.
    pub(super) fn has(&self, program: &str) -> bool {
        std::env::split_paths(&self.path).any(|dir| dir.join(program).is_file())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // what cannot be removed holds made-up values only
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Waits for it, and ends it with all that it has started when its time is up.
fn finish(mut child: Child, input: Vec<u8>) -> Option<Output> {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw)?;
    let stdin = child.stdin.take();
    std::thread::spawn(move || {
        // one that reads nothing may be gone already
        let _ = stdin.map(|mut stdin| stdin.write_all(&input));
    });
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let _ = done.send(child.wait_with_output());
    });
    let output = ended.recv_timeout(PATIENCE);
    if output.is_err() {
        let _ = kill_process_group(group, Signal::KILL);
    }
    output.ok()?.ok()
}

fn broken(doing: &str, cause: &io::Error) -> Error {
    Error::io(format!("the self-test cannot {doing}"), cause)
}

/// How long one delivery may take.
const PATIENCE: Duration = Duration::from_secs(30);
