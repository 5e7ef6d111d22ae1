//! Looks after a vault from outside: has the thresholds of the configuration file, and starts the hook
//! that is configured for canaries. The hook is started by this program, started once more in a session
//! of its own: nobody waits for it, and it is ended when its time is up.

use super::config::{self, Config};
use super::read;
use crate::sys;
use crate::vault::{Rules, Sentry, Touched};
use crate::world::World;
use rustix::fd::AsFd;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;
use std::cell::OnceCell;
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// What looks after the vaults of one run. A configuration file that cannot be read counts as none:
/// the use of a vault must not depend on it, and an incident is opened without it.
pub struct Guard {
    world: Rc<World>,
    is_quiet: bool,
    config: OnceCell<Option<Config>>,
}

impl Guard {
    /// One that has read nothing yet; whether warnings are not shown is known already.
    #[must_use]
    pub fn new(world: Rc<World>, is_quiet: bool) -> Self {
        Self { world, is_quiet, config: OnceCell::new() }
    }

    fn config(&self) -> Option<&Config> {
        self.config.get_or_init(|| config::load(&self.world).ok()).as_ref()
    }
}

impl Sentry for Guard {
    fn rules(&self) -> Rules {
        self.config().map(Config::rules).unwrap_or_default()
    }

    /// Warnings can be turned off, or go where nothing is ever read.
    fn is_heard(&self) -> bool {
        !self.is_quiet && !is_nowhere(std::io::stderr())
    }

    /// What goes wrong here is told to nobody: whoever reads the canary would hear it.
    fn touched(&self, touched: &Touched) {
        let Some(hook) = self.config().and_then(Config::hook) else { return };
        let Ok(this) = sys::this_program() else { return };
        let mut command = Command::new(this);
        command.args([VERB, &hook.timeout.as_secs().to_string()]).args(hook.argv);
        command.env_clear().envs(self.world.child_env()).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(mut child) = command.spawn() else { return };
        if let Some(mut pipe) = child.stdin.take() {
            // far less than a pipe takes without a reader
            let _ = pipe.write_all(described(touched).as_bytes());
        }
    }
}

/// Whether it is the device that throws away what is written to it.
pub fn is_nowhere(stream: impl AsFd) -> bool {
    let null = rustix::fs::stat("/dev/null");
    let there = rustix::fs::fstat(stream);
    null.is_ok_and(|null| {
        there.is_ok_and(|there| there.st_rdev != 0 && there.st_rdev == null.st_rdev)
    })
}

/// One line of JSON. Nothing secret is in it.
fn described(touched: &Touched) -> String {
    let line = json!({
        "schema_version": 1,
        "event": "canary",
        "incident": touched.incident.to_string(),
        "vault_id": touched.vault.to_string(),
        "credential": touched.credential.to_string(),
        "name": touched.name,
        "action": touched.action,
        "entry": touched.entry,
        "at": touched.at.to_string(),
        "user": touched.user,
        "host": touched.host,
        "tty": touched.tty,
        "remote": touched.remote,
        "program": touched.program,
    });
    format!("{line}\n")
}

/// What the hidden command does, when the arguments of the program (its own name included) are those
/// of one that starts a hook.
#[must_use]
pub fn answer(args: &[OsString]) -> Option<ExitCode> {
    let [_, verb, seconds, program, rest @ ..] = args else { return None };
    if verb != VERB {
        return None;
    }
    let timeout = Duration::from_secs(seconds.to_str()?.parse().ok()?);
    // of what the command inherited, the hook gets nothing, and no session ends it
    sys::close_inherited();
    let _ = rustix::process::setsid();
    let done = started(program, rest).map(|hook| end_in_time(hook, timeout));
    Some(if done.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn started(program: &OsString, args: &[OsString]) -> Option<Child> {
    let line = read::stdin(LONGEST).ok()?;
    let mut command = Command::new(program);
    command.args(args).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut hook = command.spawn().ok()?;
    // one that reads nothing is not waited for: a pipe takes it all
    let _ = hook.stdin.take().map(|mut pipe| pipe.write_all(line.expose()));
    Some(hook)
}

/// Waits for the hook, and ends it and what it has started when its time is up.
fn end_in_time(mut hook: Child, timeout: Duration) {
    let begun = Instant::now();
    while hook.try_wait().is_ok_and(|ended| ended.is_none()) {
        if begun.elapsed() >= timeout {
            if let Some(group) = i32::try_from(hook.id()).ok().and_then(Pid::from_raw) {
                let _ = kill_process_group(group, Signal::KILL);
            }
            let _ = hook.wait();
            return;
        }
        std::thread::sleep(MOMENT);
    }
}

/// The hidden command.
const VERB: &str = "__canary";
/// How much the description can be; a pipe takes as much at once.
const LONGEST: usize = 60 << 10;
const MOMENT: Duration = Duration::from_millis(50);
