//! Writing an answer into a file of its own: private, whole or not at all.

use super::context::Context;
use super::read;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fmt;
use std::fs::{File, Permissions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// A file that an answer goes into.
#[derive(clap::Args, Debug, Default)]
pub struct Output {
    /// Write it into this file, which must not be there yet; `-` is standard output
    #[arg(long, short, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    output: Option<PathBuf>,

    /// Replace the file if it is there
    #[arg(long, requires = "output")]
    force: bool,
}

/// Who can get at the file.
#[derive(clap::Args, Debug)]
pub struct FileMode {
    /// The permissions of the file, in octal; 0600 if nothing is said
    #[arg(long = "mode", value_name = "MODE", requires = "output", value_parser = bits,
          default_value = "0600", hide_default_value = true)]
    bits: u32,
}

impl FileMode {
    /// The permissions.
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Warns when others can read the file.
    pub fn tell(&self, path: &Path, cx: &Context) {
        if self.bits & 0o077 != 0 {
            cx.warn(&format!("others than you can get at `{}`", path.display()));
        }
    }
}

impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.bits)
    }
}

fn bits(text: &str) -> Result<u32> {
    let digits = (3..=4).contains(&text.len()) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
    let bits = if digits { u32::from_str_radix(text, 8).ok() } else { None };
    bits.filter(|bits| *bits <= 0o777 && bits & 0o400 != 0).ok_or_else(|| {
        Error::usage("a mode is three octal digits, and you can read the file").hint("--mode 0640")
    })
}

impl Output {
    /// One that replaces `path`.
    #[must_use]
    pub fn replacing(path: &Path) -> Self {
        Self { output: Some(path.to_owned()), force: true }
    }

    /// The file, if there is to be one, after a look at whether it can be made.
    ///
    /// # Errors
    /// Usage (2) for what is no file, conflict (13) when it is there and is to stay, I/O (18) where
    /// there is no place for it.
    pub fn checked(&self) -> Result<Option<&Path>> {
        let Some(path) = self.output.as_deref().filter(|path| path.as_os_str() != "-") else {
            return Ok(None);
        };
        let shown = path.display();
        if path.file_name().is_none() {
            return Err(
                Error::usage(format!("`{shown}` names no file")).hint("give a file: -o FILE")
            );
        }
        dir(path).metadata().map_err(|e| failed(path, &e))?;
        match path.symlink_metadata() {
            Ok(about) if !about.is_file() => {
                Err(Error::usage(format!("`{shown}` is not a regular file"))
                    .hint("name a new file: -o FILE"))
            }
            Ok(_) if !self.force => Err(taken(path)),
            _ => Ok(Some(path)),
        }
    }

    /// Writes all of it at once.
    ///
    /// # Errors
    /// As [`Output::save`].
    pub fn save_bytes(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        self.save(path, |out| out.write_all(bytes).map_err(|e| failed(path, &e)))
    }

    /// Lets `write` fill the file, then gives it its name.
    ///
    /// # Errors
    /// Those of `write`, conflict (13) when it has come meanwhile, I/O (18).
    pub fn save(
        &self,
        path: &Path,
        write: impl FnOnce(&mut dyn Write) -> Result<()>,
    ) -> Result<()> {
        self.save_with(path, PRIVATE, write)
    }

    /// Writes what `make` makes once there is a place for it, with these permissions.
    ///
    /// # Errors
    /// As [`Output::save`].
    pub fn save_as(
        &self,
        path: &Path,
        mode: u32,
        make: impl FnOnce() -> Result<Secret>,
    ) -> Result<()> {
        self.save_with(path, mode, |out| {
            out.write_all(make()?.expose()).map_err(|e| failed(path, &e))
        })
    }

    fn save_with(
        &self,
        path: &Path,
        mode: u32,
        write: impl FnOnce(&mut dyn Write) -> Result<()>,
    ) -> Result<()> {
        let draft = draft(path);
        let saved = fill(&draft, path, mode, write).and_then(|()| self.publish(&draft, path));
        if saved.is_err() {
            let _ = std::fs::remove_file(&draft);
        }
        saved
    }

    fn publish(&self, draft: &Path, path: &Path) -> Result<()> {
        let flags = if self.force { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
        match renameat_with(CWD, draft, CWD, path, flags) {
            Ok(()) => sync_dir(path),
            Err(rustix::io::Errno::EXIST) => Err(taken(path)),
            Err(e) => Err(failed(path, &e.into())),
        }
    }
}

fn fill(
    draft: &Path,
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true).mode(PRIVATE).custom_flags(libc::O_NOFOLLOW);
    let file = options.open(draft).map_err(|e| failed(path, &e))?;
    let mut writer = BufWriter::with_capacity(64 << 10, file);
    write(&mut writer)?;
    let file = writer.into_inner().map_err(|e| failed(path, e.error()))?;
    if mode != PRIVATE {
        let allowed = file.set_permissions(Permissions::from_mode(mode));
        allowed.map_err(|e| failed(path, &e))?;
    }
    file.sync_all().map_err(|e| failed(path, &e))
}

/// Beside the file, so that it can be renamed.
fn draft(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{}", Uuid::new_v4().simple()));
    path.with_file_name(name)
}

fn dir(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_dir(path: &Path) -> Result<()> {
    File::open(dir(path)).and_then(|dir| dir.sync_all()).map_err(|e| failed(path, &e))
}

fn failed(path: &Path, e: &std::io::Error) -> Error {
    let error = Error::io(format!("cannot write `{}`", path.display()), e);
    match error.kind() {
        ErrorKind::NotFound => Error::new(ErrorKind::Io, error.message()),
        _ => error,
    }
}

fn taken(path: &Path) -> Error {
    Error::new(ErrorKind::Conflict, format!("there is a file already: `{}`", path.display()))
        .hint(format!("name another, or replace it: --force --output {}", read::quoted(path)))
}

/// Only its owner can read and write it.
const PRIVATE: u32 = 0o600;

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn write(path: &Path, text: &str, force: bool) -> Result<()> {
        let output = Output { output: Some(path.to_owned()), force };
        output.checked()?.map_or(Ok(()), |path| output.save_bytes(path, text.as_bytes()))
    }

    #[test]
    fn a_new_file_is_private_and_another_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        write(&path, "a", false).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(write(&path, "b", false).unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(fs::read(&path).unwrap(), b"a");
        write(&path, "b", true).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"b");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "a draft was left");
    }

    #[test]
    fn modes_are_octal_and_leave_their_owner_able_to_read() {
        assert_eq!((bits("0600").ok(), bits("640").ok()), (Some(0o600), Some(0o640)));
        for bad in ["", "6", "0", "000", "0200", "1777", "01777", "0x1f", "rw-", "+600", "678"] {
            assert!(bits(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn neither_links_nor_directories_are_written() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("x"), dir.path().join("other"));
        symlink(&other, &path).unwrap();
        assert_eq!(write(&path, "a", true).unwrap_err().kind(), ErrorKind::Usage);
        assert_eq!(write(dir.path(), "a", true).unwrap_err().kind(), ErrorKind::Usage);
        assert_eq!(write(Path::new("/"), "a", true).unwrap_err().kind(), ErrorKind::Usage);
        let lost = dir.path().join("no/x");
        assert_eq!(write(&lost, "a", false).unwrap_err().kind(), ErrorKind::Io);
        assert!(!other.exists());
    }
}
