//! Files of ours: created private, opened without following links, checked before use.

use crate::error::{Error, ErrorKind, Result};
use rustix::fs::{Mode, OFlags};
use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// `database` with something after its name: `vault.db` and `.lock` give `vault.db.lock`.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(database);
    name.push(suffix);
    name.into()
}

/// Creates a file that must not exist, mode 0600.
pub(super) fn create_new(path: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(nofollow())
        .open(path)
        .map_err(|e| Error::io(format!("cannot create `{}`", path.display()), &e))
}

/// Opens a file of ours for reading and writing, or creates it, mode 0600. The checks are made on
/// the open file, so nothing can be swapped in between.
pub(super) fn open_or_create(path: &Path) -> Result<File> {
    match open(path)? {
        Some(file) => Ok(file),
        None => match create_new(path) {
            Err(_) if path.exists() => open(path)?.ok_or_else(|| vanished(path)),
            other => other,
        },
    }
}

/// Opens a file of ours for reading and writing; `None` if it is not there.
pub(super) fn open(path: &Path) -> Result<Option<File>> {
    let opened = OpenOptions::new().read(true).write(true).custom_flags(nofollow()).open(path);
    match opened {
        Ok(file) => {
            let about = file.metadata().map_err(|e| cannot_open(path, &e))?;
            check_metadata(path, &about)?;
            Ok(Some(file))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => {
            check(path)?;
            Err(cannot_open(path, &e))
        }
    }
}

/// Checks a path that another library is about to open. `false` if nothing is there.
pub(super) fn check(path: &Path) -> Result<bool> {
    match std::fs::symlink_metadata(path) {
        Ok(about) => check_metadata(path, &about).map(|()| true),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(cannot_open(path, &e)),
    }
}

/// Which file is at a path, whatever it is called; none if none is.
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::symlink_metadata(path).ok().map(|about| (about.dev(), about.ino()))
}

/// Refuses what an attacker could have put there: links, pipes, others' files, open modes.
fn check_metadata(path: &Path, about: &Metadata) -> Result<()> {
    let refuse =
        |why: &str| Err(Error::new(ErrorKind::Refused, format!("`{}` {why}", path.display())));
    if about.is_symlink() {
        return refuse("is a symbolic link").map_err(|e| e.hint("name the real file"));
    }
    if !about.is_file() {
        return refuse("is not a regular file");
    }
    if about.uid() != rustix::process::geteuid().as_raw() {
        return refuse("belongs to another user");
    }
    if about.nlink() != 1 {
        return refuse("has more than one name (hard links)");
    }
    if about.mode() & 0o077 != 0 {
        return refuse("can be read or written by others")
            .map_err(|e| e.hint(format!("chmod 600 {}", path.display())));
    }
    Ok(())
}

/// Makes a directory and its parents, 0700 each; existing ones stay as they are.
pub(super) fn make_private_dir(path: &Path) -> Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|e| Error::io(format!("cannot create the directory `{}`", path.display()), &e))
}

/// Refuses a directory in which others could swap our files. A sticky one (`/tmp`) protects them.
pub(super) fn check_dir(path: &Path) -> Result<()> {
    let dir = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let about = std::fs::metadata(dir)
        .map_err(|e| Error::io(format!("cannot look into `{}`", dir.display()), &e))?;
    let refuse = |why: &str| {
        Error::new(ErrorKind::Refused, format!("the directory `{}` {why}", dir.display()))
    };
    if about.mode() & 0o022 != 0 && about.mode() & 0o1000 == 0 {
        return Err(
            refuse("can be written by others").hint(format!("chmod go-w {}", dir.display()))
        );
    }
    let us = rustix::process::geteuid().as_raw();
    if about.uid() != us && about.uid() != 0 {
        return Err(refuse("belongs to another user"));
    }
    Ok(())
}

/// Makes the entries of a directory durable.
pub(super) fn sync_dir(path: &Path) -> Result<()> {
    let dir = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let opened = rustix::fs::open(dir, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    opened
        .and_then(rustix::fs::fsync)
        .map_err(|e| Error::io(format!("cannot sync `{}`", dir.display()), &e.into()))
}

fn nofollow() -> i32 {
    // A pipe put at our path must not block the open.
    i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or_default()
}

fn cannot_open(path: &Path, e: &std::io::Error) -> Error {
    Error::io(format!("cannot open `{}`", path.display()), e)
}

fn vanished(path: &Path) -> Error {
    Error::new(ErrorKind::Io, format!("`{}` vanished while it was opened", path.display()))
}
