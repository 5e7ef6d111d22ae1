//! A file that only grows: one line of JSON an entry.

use super::failed;
use crate::cli::record;
use crate::error::{Error, ErrorKind, Result};
use crate::vault::{Outlet, Record};
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Its path.
pub struct Jsonl(PathBuf);

impl Jsonl {
    /// The file at `path`, which need not be there.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Opens it, never through a link, and never one that others can change.
    fn open(&self) -> Result<File> {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits();
        let mut options = File::options();
        options.read(true).append(true).create(true).mode(0o600);
        options.custom_flags(i32::try_from(flags).unwrap_or_default());
        let file = options.open(&self.0).map_err(|e| self.wrong(&e))?;
        let about = file.metadata().map_err(|e| self.wrong(&e))?;
        let ours = about.uid() == rustix::process::geteuid().as_raw();
        if about.is_file() && ours && about.mode() & 0o022 == 0 {
            return Ok(file);
        }
        let what = format!("others can write `{}`, or it is no file of yours", self.0.display());
        Err(Error::new(ErrorKind::Refused, what))
    }

    fn wrong(&self, cause: &io::Error) -> Error {
        failed(&format!("cannot write `{}`", self.0.display()), cause)
    }
}

impl Outlet for Jsonl {
    fn deliver(&mut self, records: &[Record<'_>], deadline: Instant) -> Result<()> {
        let mut lines = String::new();
        for record in records {
            lines.push_str(&record::json(record));
            lines.push('\n');
        }
        let mut file = self.open()?;
        append(&mut file, lines.as_bytes(), deadline).map_err(|e| self.wrong(&e))
    }

    fn reach(&mut self, _: Instant) -> Result<()> {
        self.open().map(drop)
    }
}

/// Appends whole lines or nothing. A line that a crash cut off is ended first.
fn append(file: &mut File, lines: &[u8], deadline: Instant) -> io::Result<()> {
    lock(file, deadline)?;
    let length = file.metadata()?.len();
    let mut last = [b'\n'];
    if let Some(at) = length.checked_sub(1) {
        file.read_exact_at(&mut last, at)?;
    }
    let torn: &[u8] = if last == [b'\n'] { b"" } else { b"\n" };
    let written = file.write_all(&[torn, lines].concat()).and_then(|()| file.sync_data());
    if written.is_err() {
        let _ = file.set_len(length);
    }
    written
}

/// Other vaults may write to the same file.
fn lock(file: &File, deadline: Instant) -> io::Result<()> {
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK | Errno::INTR) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(2));
            }
            done => return Ok(done?),
        }
    }
}
