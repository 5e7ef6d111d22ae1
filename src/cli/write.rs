//! Files that commands make for people: whole or not at all, private, and never by accident over
//! another.

use crate::cli::read;
use crate::error::{Error, ErrorKind, Result};
use rustix::fs::{CWD, RenameFlags};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Refuses a path at which nothing can be written, before anything is done for it.
///
/// # Errors
/// Conflict (13) for a file that is there, unless `force`; usage (2) for what is no file.
pub fn check(path: &Path, force: bool) -> Result<()> {
    let shown = path.display();
    match fs::symlink_metadata(path) {
        Ok(about) if !about.is_file() => {
            Err(Error::usage(format!("`{shown}` is not a regular file")).hint("name a new file"))
        }
        Ok(_) if !force => Err(taken(path)),
        _ if path.file_name().is_none() => Err(Error::usage(format!("`{shown}` names no file"))),
        _ => Ok(()),
    }
}

/// Writes `bytes` to a file that was not there, or in the place of one if `force`.
///
/// # Errors
/// Those of [`check`]; I/O (18).
pub fn file(path: &Path, bytes: &[u8], force: bool) -> Result<()> {
    check(path, force)?;
    let draft = beside(path);
    let wrong = |e: std::io::Error| Error::io(format!("cannot write `{}`", path.display()), &e);
    let written = fill(&draft, bytes).and_then(|()| place(&draft, path, force));
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written.map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => taken(path),
        _ => wrong(e),
    })
}

fn fill(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn place(draft: &Path, path: &Path, force: bool) -> std::io::Result<()> {
    match force {
        true => fs::rename(draft, path),
        false => Ok(rustix::fs::renameat_with(CWD, draft, CWD, path, RenameFlags::NOREPLACE)?),
    }
}

fn beside(path: &Path) -> PathBuf {
    let name = format!(".{}.part", uuid::Uuid::new_v4().simple());
    path.with_file_name(name)
}

fn taken(path: &Path) -> Error {
    Error::new(ErrorKind::Conflict, format!("there is a file already: `{}`", path.display()))
        .hint(format!("name another, or replace it: --force --output {}", read::quoted(path)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_new_file_is_private_and_another_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        file(&path, b"a", false).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(file(&path, b"b", false).unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(fs::read(&path).unwrap(), b"a");
        file(&path, b"b", true).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"b");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "a draft was left");
    }

    #[test]
    fn neither_links_nor_directories_are_written() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("x"), dir.path().join("other"));
        symlink(&other, &path).unwrap();
        assert_eq!(file(&path, b"a", true).unwrap_err().kind(), ErrorKind::Usage);
        assert_eq!(file(dir.path(), b"a", true).unwrap_err().kind(), ErrorKind::Usage);
        assert_eq!(file(Path::new("/"), b"a", true).unwrap_err().kind(), ErrorKind::Usage);
        let lost = dir.path().join("no/x");
        assert_eq!(file(&lost, b"a", false).unwrap_err().kind(), ErrorKind::Io);
        assert!(!other.exists());
    }
}
