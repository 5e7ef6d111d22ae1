//! Where the socket of an agent is: in the user's runtime directory, or where there is none, beside the
//! seals. Each vault has its own. Knows nothing of what is said there.

use crate::cli::read::quoted;
use crate::cli::socket::{is_private, is_stale, peer};
use crate::error::{Error, ErrorKind, Result};
use crate::vault::Place;
use crate::world::World;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// How the names of sockets begin.
const NAME: &str = "agent-";

/// The longest path that a socket can have.
const LONGEST: usize = 107;

/// The directories in which agents may be, the best first.
pub(super) fn directories(world: &World, state_dir: &Path) -> Vec<PathBuf> {
    let ours = rustix::process::geteuid().as_raw();
    let named = world.var("XDG_RUNTIME_DIR").map(PathBuf::from);
    let usual = PathBuf::from(format!("/run/user/{ours}"));
    let mut found: Vec<PathBuf> = Vec::new();
    for dir in named.into_iter().chain([usual]).filter(|dir| is_private(dir)) {
        let dir = dir.join("vault");
        if !found.contains(&dir) {
            found.push(dir);
        }
    }
    found.push(state_dir.join("agent"));
    found
}

/// The name of the socket for a vault.
pub(super) fn name(file: &Path) -> String {
    let hash = Sha256::digest(file.as_os_str().as_bytes());
    format!("{NAME}{}", HEXLOWER.encode(&hash[..8]))
}

/// Whether a socket is there, and why it must not be used if it must not.
pub(super) enum Found {
    Nothing,
    Stranger(String),
    Agent(UnixStream, i32),
}

/// Calls whoever listens at `path`.
pub(super) fn call(path: &Path) -> Found {
    let ours = rustix::process::geteuid().as_raw();
    let Ok(about) = fs::symlink_metadata(path) else { return Found::Nothing };
    let shown = quoted(path);
    if !path.parent().is_some_and(is_private) {
        return Found::Stranger(format!("others can get at the directory of `{shown}`"));
    }
    if about.uid() != ours || !about.file_type().is_socket() {
        return Found::Stranger(format!("`{shown}` is no socket of yours"));
    }
    let Ok(stream) = UnixStream::connect(path) else { return Found::Nothing };
    match peer(&stream) {
        Some((user, pid)) if user == ours => Found::Agent(stream, pid.unwrap_or_default()),
        _ => Found::Stranger(format!("somebody else listens at `{shown}`")),
    }
}

/// The agent of a vault, wherever it is: its socket, and a connection to it. What must not be used is told
/// to `warn`.
pub(super) fn find(
    world: &World,
    place: &Place,
    mut warn: impl FnMut(&str),
) -> Option<(PathBuf, UnixStream, i32)> {
    let name = name(&place.real_file());
    for dir in directories(world, &place.state_dir) {
        let path = dir.join(&name);
        match call(&path) {
            Found::Nothing => {}
            Found::Stranger(why) => warn(&format!("{why}; it is not used as an agent")),
            Found::Agent(stream, pid) => return Some((path, stream, pid)),
        }
    }
    None
}

/// All sockets of agents of this user.
pub(super) fn all(world: &World, state_dir: &Path) -> Vec<PathBuf> {
    let dirs = directories(world, state_dir).into_iter().filter(|dir| is_private(dir));
    let entries = dirs.filter_map(|dir| fs::read_dir(dir).ok()).flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(NAME));
    ours.map(|entry| entry.path()).filter(|path| !is_stale(path)).collect()
}

/// Where the socket for a vault is to be made, in a directory of our own.
///
/// # Errors
/// Refused (14) when somebody else has something there; usage (2) when the path is too long; I/O (18).
pub(super) fn prepare(world: &World, place: &Place) -> Result<PathBuf> {
    let name = name(&place.real_file());
    let Some(dir) = directories(world, &place.state_dir).into_iter().next() else {
        return Err(Error::internal("no directory for a socket"));
    };
    let make = DirBuilder::new().recursive(true).mode(0o700).create(&dir);
    if !is_private(&dir) {
        make.map_err(|e| Error::io(format!("cannot make `{}`", dir.display()), &e))?;
        let what = format!("others can get at `{}`, or it is no directory of yours", dir.display());
        return Err(Error::new(ErrorKind::Refused, what)
            .hint(format!("look at it: ls -ld {0}; then chmod 700 {0}", quoted(&dir))));
    }
    let path = dir.join(name);
    if path.as_os_str().len() > LONGEST {
        let what = format!("`{}` is too long for a socket", path.display());
        return Err(Error::usage(what).hint("set XDG_RUNTIME_DIR to a directory with a short path"));
    }
    let ours = rustix::process::geteuid().as_raw();
    match fs::symlink_metadata(&path) {
        Ok(about) if about.uid() != ours || !about.file_type().is_socket() => {
            let what = format!("`{}` is no socket of yours", path.display());
            Err(Error::new(ErrorKind::Refused, what)
                .hint(format!("find out whose it is: ls -l {}", quoted(&path))))
        }
        Ok(_) | Err(_) => Ok(path),
    }
}

/// Listens at `path`. A socket that nobody listens at any more is replaced.
///
/// # Errors
/// Another agent listens there; or what the system says.
pub(super) fn listen(path: &Path) -> std::io::Result<UnixListener> {
    if is_stale(path) {
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    take_charge(&listener)?;
    Ok(listener)
}

/// Lets clients know that it is this process that listens, not whoever has made the socket.
///
/// # Errors
/// What the system says.
pub(super) fn take_charge(listener: &UnixListener) -> std::io::Result<()> {
    Ok(rustix::net::listen(listener, BACKLOG)?)
}

/// How many may wait to be served.
const BACKLOG: i32 = 4096;
