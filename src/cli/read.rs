//! Reading what users hand in: files, pipes and descriptors, guarded and bounded. A pipe that a key comes
//! from is given up after a while.

use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use crate::sys;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, StatVfsMountFlags, fstatfs, fstatvfs};
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::fd::RawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// The largest key or passphrase file: 64 KiB.
pub const KEY_MAX: usize = 64 << 10;

/// How long a pipe or a descriptor may take to deliver a key or a passphrase.
const PATIENCE: Duration = Duration::from_mins(1);

/// Whether a regular file that others can get at is accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Privacy {
    /// Refused (14), unless it was mounted for us so.
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
    let (file, about) = open(path, &shown)?;
    check(&file, &about, privacy, &shown, path)?;
    let expected = if about.is_file() { about.len() } else { 0 };
    if usize::try_from(expected).is_ok_and(|size| size > max) {
        return Err(too_large(&shown, max));
    }
    let until = (privacy == Privacy::Required).then(|| Instant::now() + PATIENCE);
    bytes(&mut Patient { file: &file, until }, expected, max)
        .map_err(|e| too_large_or_io(&shown, &e, max))
}

/// The same for a key or a passphrase, and whether others than its owner can read it.
///
/// # Errors
/// As [`file()`]; locked (12) when a pipe does not deliver in time.
pub fn key(path: &Path, privacy: Privacy) -> Result<(Secret, bool)> {
    let shown = shown(path);
    let (file, about) = open(path, &shown)?;
    check(&file, &about, privacy, &shown, path)?;
    if let Some(fd) = descriptor_of(path) {
        sys::keep_from_children(fd);
    }
    let mut patient = Patient { file: &file, until: Some(Instant::now() + PATIENCE) };
    let read = bytes(&mut patient, 0, KEY_MAX).map_err(|e| too_large_or_io(&shown, &e, KEY_MAX))?;
    Ok((read, is_exposed(&about) && !is_ours_alone(&file, &about)))
}

/// The number of the inherited descriptor that a path is another name for, but for the three standard ones.
#[must_use]
pub fn descriptor_of(path: &Path) -> Option<RawFd> {
    let mut dirs = ["/dev/fd", "/proc/self/fd"].iter();
    let number = dirs.find_map(|dir| path.strip_prefix(dir).ok())?.to_str()?.parse().ok();
    number.filter(|fd| *fd > 2)
}

fn open(path: &Path, shown: &str) -> Result<(File, Metadata)> {
    // a pipe that nobody has opened for writing is waited for in reading, not in opening
    let flags = libc::O_NOCTTY | OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(|e| Error::io(format!("cannot read {shown}"), &e))?;
    let about = file.metadata().map_err(|e| Error::io(format!("cannot read {shown}"), &e))?;
    match about.is_file() || about.file_type().is_fifo() {
        true => Ok((file, about)),
        false => Err(Error::usage(format!("{shown} is neither a regular file nor a pipe"))),
    }
}

fn check(file: &File, about: &Metadata, privacy: Privacy, shown: &str, path: &Path) -> Result<()> {
    let (is_open, can, mode) = match privacy {
        Privacy::Required => (is_exposed(about) && !is_mounted(file, about), "read", "600"),
        Privacy::Unwritable => (about.is_file() && is_changeable(about), "write", "go-w"),
        Privacy::AsItIs => return Ok(()),
    };
    match is_open {
        true => Err(Error::new(ErrorKind::Refused, format!("others can {can} {shown}"))
            .hint(format!("chmod {mode} {}", quoted(path)))),
        false => Ok(()),
    }
}

fn is_exposed(about: &Metadata) -> bool {
    about.is_file() && about.mode() & 0o077 != 0
}

/// Whether others can write it. Who owns a file can always give himself the right to.
fn is_changeable(about: &Metadata) -> bool {
    let owners = [rustix::process::geteuid().as_raw(), 0];
    about.mode() & 0o022 != 0 || !owners.contains(&about.uid())
}

/// Whether a file was put there by whoever runs us, and not by us: root's, in memory, and not to be written
/// by us. So containers and service managers hand secrets over, and who else is there is up to them.
fn is_mounted(file: &File, about: &Metadata) -> bool {
    /// `statfs(2)` magic numbers of tmpfs and ramfs.
    const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];
    let kind = fstatfs(file).ok().and_then(|about| u64::try_from(about.f_type).ok());
    let flags = fstatvfs(file).map(|about| about.f_flag);
    let is_read_only = || flags.is_ok_and(|flags| flags.contains(StatVfsMountFlags::RDONLY));
    let by_others = !rustix::process::geteuid().is_root() || about.mode() & 0o222 == 0;
    kind.is_some_and(|kind| IN_MEMORY.contains(&kind))
        && about.uid() == 0
        && about.mode() & 0o022 == 0
        && (by_others || is_read_only())
}

/// Whether the rights of the group are only the mask of a list that names us: systemd grants its
/// credentials so.
fn is_ours_alone(file: &File, about: &Metadata) -> bool {
    about.gid() == 0 && about.mode().trailing_zeros() >= 3 && is_mounted(file, about)
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
    descriptor_until(fd, max, None)
}

/// The same for a passphrase, which must not keep us waiting for ever, and is for no program that we start.
///
/// # Errors
/// As [`descriptor`]; locked (12) when it does not deliver in time.
pub fn key_descriptor(fd: RawFd) -> Result<Secret> {
    if fd > 2 {
        sys::keep_from_children(fd);
    }
    descriptor_until(fd, KEY_MAX, Some(Instant::now() + PATIENCE))
}

fn descriptor_until(fd: RawFd, max: usize, until: Option<Instant>) -> Result<Secret> {
    let shown = format!("descriptor {fd}");
    let closed = |_| Error::usage(format!("{shown} is not open"));
    let file = File::from(sys::duplicate(fd).map_err(closed)?);
    bytes(&mut Patient { file: &file, until }, 0, max).map_err(|e| too_large_or_io(&shown, &e, max))
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

/// A file that is read as it delivers, until some time.
struct Patient<'f> {
    file: &'f File,
    until: Option<Instant>,
}

impl Patient<'_> {
    fn wait(&self) -> io::Result<()> {
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        let left = left.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
        let ready = &mut [PollFd::new(self.file, PollFlags::IN)];
        match rustix::io::retry_on_intr(|| poll(ready, left.as_ref()))? {
            0 => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }
}

impl Read for Patient<'_> {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        loop {
            self.wait()?;
            match self.file.read(block) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
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
        io::ErrorKind::TimedOut => {
            Error::new(ErrorKind::Locked, format!("{shown} did not deliver in time"))
                .hint("see whether somebody writes to it, and closes it")
        }
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

    /// Neither a pipe without a writer nor one that stays open is waited for in vain.
    #[test]
    fn what_does_not_deliver_is_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap();
        let soon = || Some(Instant::now() + Duration::from_millis(50));
        let (silent, _) = open(&path, "it").unwrap();
        let late = bytes(&mut Patient { file: &silent, until: soon() }, 0, 9).err().unwrap();
        assert_eq!(too_large_or_io("it", &late, 9).kind(), ErrorKind::Locked);
        let mut writer = File::options().write(true).open(&path).unwrap();
        io::Write::write_all(&mut writer, b"half").unwrap();
        assert!(bytes(&mut Patient { file: &silent, until: soon() }, 0, 9).is_err());
        // control: one that is slow, and comes to an end
        let slow = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(30));
            io::Write::write_all(&mut writer, b"whole").unwrap();
        });
        let until = Some(Instant::now() + PATIENCE);
        let read = bytes(&mut Patient { file: &silent, until }, 0, 9).unwrap();
        assert_eq!(read.expose(), b"whole");
        slow.join().unwrap();
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
