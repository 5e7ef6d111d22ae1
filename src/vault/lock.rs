//! The writer queue: one `flock` in front of SQLite, served first come first served by the kernel,
//! with a deadline. It dies with its process, so there are no stale locks.

use super::files;
use crate::error::{Error, ErrorKind, Result};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// How long a command waits for others before it gives up.
const DEADLINE: Duration = Duration::from_secs(30);

/// Held while a transaction is open; dropping it lets the next in.
pub(super) struct WriteLock(#[expect(dead_code, reason = "closing the file is the unlock")] File);

impl WriteLock {
    /// Waits for the lock beside `database`.
    pub(super) fn acquire(database: &Path) -> Result<Self> {
        let path = files::beside(database, ".lock");
        let file = files::open_or_create(&path).map_err(|e| match e.kind() {
            ErrorKind::Io if e.hints().is_empty() => {
                e.hint("the vault's file and its directory must be writable: every use is logged")
            }
            _ => e,
        })?;
        let at_once = || flock(&file, FlockOperation::NonBlockingLockExclusive);
        match rustix::io::retry_on_intr(at_once) {
            Ok(()) => Ok(Self(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => wait(file).map(Self),
            Err(e) => Err(Error::io("cannot lock the vault", &e.into())),
        }
    }
}

/// Blocks in a thread of its own, because `flock` has no deadline; the queue stays fair that way.
/// After the deadline the process ends, and the thread with it.
fn wait(file: File) -> Result<File> {
    let (send, receive) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let outcome = rustix::io::retry_on_intr(|| flock(&file, FlockOperation::LockExclusive));
        let _ = send.send(outcome.map(|()| file));
    });
    match receive.recv_timeout(DEADLINE) {
        Ok(Ok(file)) => Ok(file),
        Ok(Err(e)) => Err(Error::io("cannot lock the vault", &e.into())),
        Err(_) => Err(Error::new(
            ErrorKind::Io,
            format!("the vault is busy: another process held it for {} s", DEADLINE.as_secs()),
        )
        .hint("look for a hanging process: fuser -v VAULT_FILE.lock")),
    }
}
