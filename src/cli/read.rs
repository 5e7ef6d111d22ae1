//! Reading what users hand in: files, pipes and descriptors, guarded and bounded.

use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use crate::sys;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::fd::RawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// The largest key or passphrase file: 64 KiB.
pub const KEY_MAX: usize = 64 << 10;

/// Whether a regular file that others can get at is accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Privacy {
    /// Refused (14).
    Required,
    /// Accepted, but refused (14) when others can write it.
    Unwritable,
    /// Accepted.
    AsItIs,
}

/// The bytes of a regular file or a pipe, at most `max`.
///
/// # Errors
/// Not found (10), I/O (18); refused (14) when others can get at it and must not; usage (2)
/// when it is too large or no file.
pub fn file(path: &Path, max: usize, privacy: Privacy) -> Result<Secret> {
    let shown = shown(path);
    let (mut file, about) = open(path, &shown)?;
    check(&about, privacy, &shown, path)?;
    let expected = if about.is_file() { about.len() } else { 0 };
    if usize::try_from(expected).is_ok_and(|size| size > max) {
        return Err(too_large(&shown, max));
    }
    bytes(&mut file, expected, max).map_err(|e| too_large_or_io(&shown, &e, max))
}

/// The same, accepted as it is, and whether others than its owner can get at it.
///
/// # Errors
/// As [`file()`].
pub fn file_and_exposure(path: &Path, max: usize) -> Result<(Secret, bool)> {
    let shown = shown(path);
    let (mut file, about) = open(path, &shown)?;
    let read = bytes(&mut file, 0, max).map_err(|e| too_large_or_io(&shown, &e, max))?;
    Ok((read, is_exposed(&about)))
}

fn open(path: &Path, shown: &str) -> Result<(File, Metadata)> {
    let file = File::options()
        .read(true)
        .custom_flags(libc::O_NOCTTY)
        .open(path)
        .map_err(|e| Error::io(format!("cannot read {shown}"), &e))?;
    let about = file.metadata().map_err(|e| Error::io(format!("cannot read {shown}"), &e))?;
    match about.is_file() || about.file_type().is_fifo() {
        true => Ok((file, about)),
        false => Err(Error::usage(format!("{shown} is neither a regular file nor a pipe"))),
    }
}

fn check(about: &Metadata, privacy: Privacy, shown: &str, path: &Path) -> Result<()> {
    let (bits, can, mode) = match privacy {
        Privacy::Required => (0o077, "read", "600"),
        Privacy::Unwritable => (0o022, "write", "go-w"),
        Privacy::AsItIs => return Ok(()),
    };
    // who owns a file can always give himself the right to write it
    let owners = [rustix::process::geteuid().as_raw(), 0];
    let foreign = privacy == Privacy::Unwritable && !owners.contains(&about.uid());
    match about.is_file() && (foreign || about.mode() & bits != 0) {
        true => Err(Error::new(ErrorKind::Refused, format!("others can {can} {shown}"))
            .hint(format!("chmod {mode} {}", quoted(path)))),
        false => Ok(()),
    }
}

fn is_exposed(about: &Metadata) -> bool {
    about.is_file() && about.mode() & 0o077 != 0
}

/// A path for a message, unless somebody gave the key itself where its file belongs.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    match text.to_ascii_uppercase().contains("AGE-SECRET-KEY-") || text.contains("PRIVATE KEY") {
        true => "the file: its name is a key itself".to_owned(),
        false => format!("`{text}`"),
    }
}

/// The bytes that can be read from an inherited descriptor, at most `max`.
///
/// # Errors
/// Usage (2) when it is not open or has too much; I/O (18).
pub fn descriptor(fd: RawFd, max: usize) -> Result<Secret> {
    let shown = format!("descriptor {fd}");
    let closed = |_| Error::usage(format!("{shown} is not open"));
    let mut file = File::from(sys::duplicate(fd).map_err(closed)?);
    bytes(&mut file, 0, max).map_err(|e| too_large_or_io(&shown, &e, max))
}

/// The bytes of standard input, at most `max`.
///
/// # Errors
/// Usage (2) when there are too many; I/O (18).
pub fn stdin(max: usize) -> Result<Secret> {
    // a descriptor of our own: the one behind `std::io::stdin` keeps a buffer that is never wiped
    let opened = sys::duplicate(0).map_err(|e| Error::io("cannot read standard input", &e))?;
    let read = bytes(&mut File::from(opened), 0, max);
    read.map_err(|e| too_large_or_io("standard input", &e, max))
}

/// A path as a shell reads it.
#[must_use]
pub fn quoted(path: &Path) -> String {
    quote(&path.to_string_lossy())
}

/// A word as a shell reads it.
#[must_use]
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

fn bytes(from: &mut impl Read, expected: u64, max: usize) -> io::Result<Secret> {
    let limit = max.saturating_add(1);
    let capacity = usize::try_from(expected).unwrap_or(limit).clamp(4096, limit.max(4096));
    // growing is safe: the allocator wipes the smaller buffer
    let mut read = Zeroizing::new(Vec::with_capacity(capacity));
    from.take(u64::try_from(limit).unwrap_or(u64::MAX)).read_to_end(&mut read)?;
    match read.len() > max {
        true => Err(io::ErrorKind::FileTooLarge.into()),
        false => Ok(Secret::new(read)),
    }
}

fn too_large_or_io(shown: &str, cause: &io::Error, max: usize) -> Error {
    match cause.kind() {
        io::ErrorKind::FileTooLarge => too_large(shown, max),
        _ => Error::io(format!("cannot read {shown}"), cause),
    }
}

fn too_large(shown: &str, max: usize) -> Error {
    match max >> 20 {
        0 => Error::usage(format!("{shown} has more than {} KiB", max >> 10)),
        size => Error::usage(format!("{shown} has more than {size} MiB")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn bounds_and_permissions_hold() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("k");
        std::fs::write(&path, b"0123456789").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        assert_eq!(file(&path, 10, Privacy::AsItIs).unwrap().len(), 10);
        let refused = |result: Result<Secret>| result.err().map(|e| e.kind());
        assert_eq!(refused(file(&path, 9, Privacy::AsItIs)), Some(ErrorKind::Usage));
        assert_eq!(refused(file(&path, 10, Privacy::Required)), Some(ErrorKind::Refused));
        assert_eq!(refused(file(dir.path(), 10, Privacy::AsItIs)), Some(ErrorKind::Usage));
        assert_eq!(
            refused(file(&dir.path().join("x"), 1, Privacy::AsItIs)),
            Some(ErrorKind::NotFound)
        );
        assert_eq!(refused(descriptor(987, 10)), Some(ErrorKind::Usage));
    }

    #[test]
    fn a_key_in_the_place_of_its_file_is_not_quoted() {
        let wrong = file(Path::new("AGE-SECRET-KEY-1CANARY"), 9, Privacy::Required).err().unwrap();
        assert!(!format!("{wrong:?}").contains("CANARY"));
    }

    #[test]
    fn words_for_the_shell() {
        assert_eq!(quote("db/main"), "db/main");
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(quote(""), "''");
    }
}
