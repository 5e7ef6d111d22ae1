//! The program of a plugin: whether it may be started, and starting it. Where it is, others know.

use super::fault::Fault;
use super::running::{Limits, Running};
use super::{Name, Talk};
use crate::error::{Error, ErrorKind, Result};
use crate::sys;
use crate::world::World;
use rustix::fs::{Access, access};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The program of a plugin, with what it gets of our environment.
pub struct Program {
    name: Name,
    path: PathBuf,
    env: Vec<(OsString, OsString)>,
    limits: Limits,
}

impl Program {
    /// The program at `path`, an absolute one. `timeout` is how long it may take, the time of people not
    /// counted.
    #[must_use]
    pub fn new(name: Name, path: PathBuf, timeout: Option<Duration>, world: &World) -> Self {
        let own = |(name, value): (&OsStr, &OsStr)| (name.to_owned(), value.to_owned());
        let env = world.child_env().filter(|(name, _)| is_passed_on(name)).map(own).collect();
        Self { name, path, env, limits: Limits::of(timeout) }
    }

    /// Whose it is.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Starts it as `role`.
    ///
    /// # Errors
    /// Not found (10), refused (14) when others could have changed it, I/O (18).
    pub(super) fn start<'t>(&'t self, role: &str, talk: &'t dyn Talk) -> Result<Running<'t>> {
        let path = judge(&self.path)?;
        let mut command = Command::new(path);
        command.arg(format!("--age-plugin={role}")).env_clear();
        command.envs(self.env.iter().map(|(name, value)| (name, value))).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0);
        // the other factor may be behind an inherited descriptor
        let started = sys::without_inherited(|| command.spawn()).map_err(Fault::NotStarted);
        let running = started.and_then(|child| Running::new(child, self.limits, &self.name, talk));
        running.map_err(|fault| fault.told(&self.name, ErrorKind::Io))
    }
}

/// Whether nobody but its owner, who is the user or the system, could have put something else at `path`.
/// Tells what it really is.
///
/// # Errors
/// Not found (10), refused (14), I/O (18).
pub fn judge(path: &Path) -> Result<PathBuf> {
    let shown = path.display();
    let unfit = |why: &str| Error::new(ErrorKind::Refused, format!("the plugin `{shown}` {why}"));
    let cannot = |e| Error::io(format!("cannot start the plugin `{shown}`"), &e);
    let real = fs::canonicalize(path).map_err(cannot)?;
    let about = fs::metadata(&real).map_err(cannot)?;
    let look = format!("ls -ld {}", real.display());
    if !about.is_file() || access(&real, Access::EXEC_OK).is_err() {
        return Err(unfit("is no program").hint(look));
    }
    if !is_ours(about.uid()) {
        return Err(unfit("belongs to another user").hint(look));
    }
    if about.mode() & 0o022 != 0 {
        return Err(
            unfit("can be written by others").hint(format!("chmod go-w {}", real.display()))
        );
    }
    for dir in path.ancestors().skip(1).chain(real.ancestors().skip(1)) {
        let about = fs::metadata(dir).map_err(cannot)?;
        if is_shared(&about) || !is_ours(about.uid()) {
            let hint = format!("ls -ld {}", dir.display());
            return Err(unfit("lies in a directory where others can put something").hint(hint));
        }
    }
    Ok(real)
}

/// Whether somebody else can exchange what is in this directory: all others, or a group that is not the user's
/// own. Where only owners rename and remove (`+t`), nobody can.
fn is_shared(dir: &fs::Metadata) -> bool {
    let user = rustix::process::geteuid().as_raw();
    let by_group = dir.mode() & 0o020 != 0 && !is_group_of(user, dir.gid());
    dir.mode() & 0o1000 == 0 && (dir.mode() & 0o002 != 0 || by_group)
}

/// The system's, that of those who can become root anyway, or the one that a user has alone: it has his number.
/// A primary group of another number, as `users` or `staff`, has other members.
fn is_group_of(user: u32, group: u32) -> bool {
    let is_admin = cfg!(target_os = "macos") && group == 80;
    group == 0 || is_admin || group == user
}

/// The user's, or the system's.
fn is_ours(owner: u32) -> bool {
    owner == 0 || owner == rustix::process::geteuid().as_raw()
}

/// What a plugin may need to find its token, its agent and its user. Secrets for other programs stay here.
fn is_passed_on(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

const NAMES: &[&str] = &[
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "PATH",
    "LANG",
    "LANGUAGE",
    "TERM",
    "TMPDIR",
    "TZ",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "DBUS_SESSION_BUS_ADDRESS",
    "GPG_TTY",
    "SSH_AUTH_SOCK",
];
const PREFIXES: &[&str] = &["LC_", "XDG_", "AGE_", "PCSCLITE_", "PINENTRY_", "TPM"];

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_what_others_cannot_change_is_started() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("bin/plugin");
        fs::create_dir(root.path().join("bin")).unwrap();
        fs::write(&path, "#!/bin/sh\n").unwrap();
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
        let said = |path: &Path| judge(path).map_err(|e| (e.kind(), e.message().to_owned()));
        set(&path, 0o644).unwrap();
        assert!(said(&path).unwrap_err().1.ends_with("is no program"));
        set(&path, 0o755).unwrap();
        assert_eq!(said(&path).unwrap(), fs::canonicalize(&path).unwrap());
        let link = root.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(said(&link).unwrap(), fs::canonicalize(&path).unwrap());
        for mode in [0o775, 0o757] {
            set(&path, mode).unwrap();
            let (kind, what) = said(&link).unwrap_err();
            assert_eq!(kind, ErrorKind::Refused);
            assert!(what.ends_with("can be written by others"), "{what}");
        }
        set(&path, 0o755).unwrap();
        set(path.parent().unwrap(), 0o777).unwrap();
        assert_eq!(said(&path).unwrap_err().0, ErrorKind::Refused);
        set(path.parent().unwrap(), 0o1777).unwrap();
        assert!(said(&path).is_ok());
        // the group that is oneself; of any other, one's own included, somebody may be
        assert!(is_group_of(1000, 1000) && is_group_of(1000, 0) && !is_group_of(1000, 100));
        set(path.parent().unwrap(), 0o775).unwrap();
        assert!(said(&path).is_ok());
        if std::os::unix::fs::chown(path.parent().unwrap(), None, Some(65_534)).is_ok() {
            set(path.parent().unwrap(), 0o775).unwrap();
            assert_eq!(said(&path).unwrap_err().0, ErrorKind::Refused);
            set(path.parent().unwrap(), 0o755).unwrap();
            assert!(said(&path).is_ok());
        }
        assert_eq!(said(root.path()).unwrap_err().0, ErrorKind::Refused);
        assert_eq!(said(&root.path().join("none")).unwrap_err().0, ErrorKind::NotFound);
    }

    #[test]
    fn secrets_for_others_are_not_passed_on() {
        let env = ["HOME", "LC_ALL", "XDG_RUNTIME_DIR", "AWS_SECRET_ACCESS_KEY", "VAULT_KEY"];
        let env = env.map(|name| (name, OsStr::new("x")));
        let program =
            Program::new(Name::of("x").unwrap(), "/x".into(), None, &World::fake(&env, None));
        let mut names: Vec<_> =
            program.env.iter().map(|(name, _)| name.to_str().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, ["HOME", "LC_ALL", "XDG_RUNTIME_DIR"]);
    }
}
