//! The sockets of agents: in a directory of our own or where it is wanted, gone afterwards; and who
//! is at its other end.

use crate::error::{Error, ErrorKind, Result};
use crate::world::World;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// How the names of our directories begin.
const NAME: &str = "vault-agent-";

/// A socket that nobody else can use; removed when dropped.
pub(super) struct Socket {
    path: PathBuf,
    /// The directory, if it was made for it.
    dir: Option<PathBuf>,
}

impl Socket {
    /// One in a directory of its own. What agents that were killed have left behind is removed.
    ///
    /// # Errors
    /// I/O (18).
    pub(super) fn private(world: &World) -> Result<(Self, UnixListener)> {
        let parent = parent(world)?;
        sweep(&parent);
        let dir = parent.join(format!("{NAME}{:016x}", rand::random::<u64>()));
        DirBuilder::new().mode(0o700).create(&dir).map_err(|e| wrong("make", &dir, &e))?;
        let socket = Self { path: dir.join("socket"), dir: Some(dir) };
        let listener = socket.listen()?;
        Ok((socket, listener))
    }

    /// One at `path`. A socket that nobody listens at any more is replaced.
    ///
    /// # Errors
    /// Conflict (13) when something else is there, or another agent; I/O (18).
    pub(super) fn at(path: &Path) -> Result<(Self, UnixListener)> {
        let path = std::path::absolute(path).map_err(|e| wrong("use", path, &e))?;
        make_room(&path)?;
        let socket = Self { path, dir: None };
        let listener = socket.listen()?;
        Ok((socket, listener))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// New files are private to begin with (see `sys::harden`), so nobody gets in before the
    /// permissions are as they should be.
    fn listen(&self) -> Result<UnixListener> {
        let listener = UnixListener::bind(&self.path).map_err(|e| match e.kind() {
            io::ErrorKind::InvalidInput => too_long(&self.path),
            _ => wrong("make", &self.path, &e),
        })?;
        let private = Permissions::from_mode(0o600);
        fs::set_permissions(&self.path, private).map_err(|e| wrong("make", &self.path, &e))?;
        Ok(listener)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // whoever removed it before has done the same
        let _ = fs::remove_file(&self.path);
        if let Some(dir) = &self.dir {
            let _ = fs::remove_dir(dir);
        }
    }
}

/// The process at the other end: its user, and its number if the system tells.
#[cfg(target_os = "linux")]
pub(super) fn peer(stream: &UnixStream) -> Option<(u32, Option<i32>)> {
    let peer = rustix::net::sockopt::socket_peercred(stream).ok()?;
    Some((peer.uid.as_raw(), Some(peer.pid.as_raw_nonzero().get())))
}

/// The same where only the directory keeps others away.
#[cfg(not(target_os = "linux"))]
pub(super) fn peer(_: &UnixStream) -> Option<(u32, Option<i32>)> {
    Some((rustix::process::geteuid().as_raw(), None))
}

/// The directory that ours is made in: `$XDG_RUNTIME_DIR/vault`, or one for temporary files.
fn parent(world: &World) -> Result<PathBuf> {
    let runtime = world.var("XDG_RUNTIME_DIR").map(PathBuf::from);
    if let Some(runtime) = runtime.filter(|dir| is_private(dir)) {
        let dir = runtime.join("vault");
        return match DirBuilder::new().mode(0o700).create(&dir) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(wrong("make", &dir, &e)),
            Ok(()) | Err(_) if is_private(&dir) => Ok(dir),
            Ok(()) | Err(_) => Err(Error::new(
                ErrorKind::Refused,
                format!("others can get at `{}`, or it is no directory", dir.display()),
            )
            .hint(format!("chmod 700 {}", crate::cli::read::quoted(&dir)))),
        };
    }
    Ok(world.var("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from))
}

/// Removes what agents that were killed have left behind.
fn sweep(parent: &Path) {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(NAME));
    for dir in ours.map(|entry| entry.path()).filter(|dir| is_private(dir)) {
        let socket = dir.join("socket");
        // one that was made a moment ago may have no socket yet: it is left alone
        if is_stale(&socket) {
            let _ = fs::remove_file(&socket).and_then(|()| fs::remove_dir(&dir));
        }
    }
}

/// Whether it is a directory of ours that nobody else can get into.
pub(super) fn is_private(dir: &Path) -> bool {
    let ours = rustix::process::geteuid().as_raw();
    fs::symlink_metadata(dir)
        .is_ok_and(|about| about.is_dir() && about.uid() == ours && about.mode() & 0o7777 == 0o700)
}

/// Whether there is a socket that nobody listens at.
pub(super) fn is_stale(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|about| about.file_type().is_socket());
    let refused = |e: io::Error| e.kind() == io::ErrorKind::ConnectionRefused;
    is_socket && UnixStream::connect(path).is_err_and(refused)
}

fn make_room(path: &Path) -> Result<()> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    match is_stale(path) {
        true => fs::remove_file(path).map_err(|e| wrong("replace", path, &e)),
        false => Err(Error::new(
            ErrorKind::Conflict,
            format!("there is something at `{}` already", path.display()),
        )
        .hint("choose another path, or end the agent that listens there")),
    }
}

fn wrong(doing: &str, path: &Path, cause: &io::Error) -> Error {
    Error::io(format!("cannot {doing} `{}`", path.display()), cause)
}

fn too_long(path: &Path) -> Error {
    Error::usage(format!("`{}` is too long for a socket", path.display()))
        .hint("choose a shorter one, of at most 100 bytes: --bind PATH")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_agent_left_is_swept_up_and_what_is_used_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let world = World::fake(&[("TMPDIR", parent.path().as_os_str())], None);
        let (used, _listener) = Socket::private(&world).unwrap();
        let (dead, listener) = Socket::private(&world).unwrap();
        let left = dead.path().to_owned();
        std::mem::forget(dead);
        drop(listener);
        assert!(left.exists());
        let (fresh, _other) = Socket::private(&world).unwrap();
        assert!(used.path().exists() && fresh.path().exists());
        assert!(!left.exists() && !left.parent().unwrap().exists());
        let mode = |path: &Path| fs::symlink_metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(fresh.path()), 0o600);
        assert_eq!(mode(fresh.path().parent().unwrap()), 0o700);
        drop((used, fresh));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_what_nobody_uses_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("precious");
        fs::write(&file, "precious").unwrap();
        assert_eq!(Socket::at(&file).err().unwrap().kind(), ErrorKind::Conflict);
        let path = dir.path().join("socket");
        let (socket, listener) = Socket::at(&path).unwrap();
        assert_eq!(Socket::at(&path).err().unwrap().kind(), ErrorKind::Conflict);
        std::mem::forget(socket);
        drop(listener);
        assert!(Socket::at(&path).is_ok());
        assert_eq!(fs::read(&file).unwrap(), b"precious");
        let long = dir.path().join("x".repeat(200));
        assert_eq!(Socket::at(&long).err().unwrap().kind(), ErrorKind::Usage);
    }
}
