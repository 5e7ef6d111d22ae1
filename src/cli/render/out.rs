//! The buffer between a report and standard output. It remembers the first failure, so that the
//! code that formats need not ask after every byte.

use crate::error::{Error, ErrorKind, Result};
use std::io::{self, Write};
use zeroize::Zeroizing;

/// Enough for a long table to be written in large pieces.
pub(super) const LARGE: usize = 64 << 10;
/// Enough for one thing, and little to touch and to wipe.
pub(super) const SMALL: usize = 4 << 10;

/// Collects bytes and passes them on in large pieces. Invariant: the buffer never grows
/// beyond its first size, so what was in it is wiped in one place when it is dropped.
pub(super) struct Out<'w> {
    buffer: Zeroizing<Vec<u8>>,
    to: &'w mut dyn Write,
    failed: Option<io::Error>,
}

/// A writer that remembers whether all of it arrived: a reader that has gone ends an answer quietly, but not
/// what depends on it.
pub struct Heard<W> {
    to: W,
    lost: bool,
}

impl<W: Write> Heard<W> {
    /// In front of `to`.
    pub fn new(to: W) -> Self {
        Self { to, lost: false }
    }

    /// Whether it did.
    ///
    /// # Errors
    /// I/O (18) when it did not.
    pub fn check(&self) -> Result<()> {
        match self.lost {
            true => Err(Error::new(ErrorKind::Io, "nobody has read the answer to its end")),
            false => Ok(()),
        }
    }
}

impl<W: Write> Write for Heard<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write(bytes).inspect_err(|e| self.lost |= e.kind() != io::ErrorKind::Interrupted)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush().inspect_err(|_| self.lost = true)
    }
}

impl<'w> Out<'w> {
    /// A buffer of `size` bytes in front of `to`.
    pub(super) fn new(size: usize, to: &'w mut dyn Write) -> Self {
        Self { buffer: Zeroizing::new(Vec::with_capacity(size)), to, failed: None }
    }

    /// Adds bytes; after a failure they go nowhere.
    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if bytes.len() > self.buffer.capacity() - self.buffer.len() {
            return self.push_large(bytes);
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Adds text.
    #[inline]
    pub(super) fn text(&mut self, text: &str) {
        self.push(text.as_bytes());
    }

    /// Adds `count` spaces.
    pub(super) fn spaces(&mut self, count: usize) {
        for _ in 0..count {
            self.push(b" ");
        }
    }

    /// Fails once writing has failed: the way for a row sink to stop its producer.
    pub(super) fn check(&self) -> Result<()> {
        match self.failed {
            Some(_) => Err(Error::internal("standard output is closed")),
            None => Ok(()),
        }
    }

    /// Writes what there is now; fails once writing has failed.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.flush_buffer();
        if self.failed.is_none() {
            self.failed = self.to.flush().err();
        }
        self.check()
    }

    /// Writes what is left. A producer's own failure counts, and what is still in the buffer then
    /// stays unsaid; a reader that has gone is no failure.
    pub(super) fn finish(mut self, outcome: Result<()>) -> Result<()> {
        if outcome.is_ok() {
            self.flush_buffer();
            if self.failed.is_none() {
                self.failed = self.to.flush().err();
            }
        }
        match self.failed.take() {
            None => outcome,
            Some(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Some(cause) => Err(Error::io("cannot write to standard output", &cause)),
        }
    }

    fn push_large(&mut self, bytes: &[u8]) {
        self.flush_buffer();
        if bytes.len() <= self.buffer.capacity() {
            self.buffer.extend_from_slice(bytes);
        } else if self.failed.is_none() {
            self.failed = self.to.write_all(bytes).err();
        }
    }

    fn flush_buffer(&mut self) {
        if self.failed.is_none() {
            self.failed = self.to.write_all(&self.buffer).err();
        }
        self.buffer.clear();
    }
}

/// For `write!`; never fails, see [`Out::check`].
impl std::fmt::Write for Out<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.text(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn everything_arrives_in_order() {
        let mut to = Vec::new();
        let mut out = Out::new(LARGE, &mut to);
        let large = vec![b'x'; 3 * LARGE];
        out.text("a");
        out.push(&large);
        out.text("b");
        out.push(&large[..LARGE]);
        out.finish(Ok(())).unwrap();
        assert_eq!(to.len(), 4 * LARGE + 2);
        assert_eq!((to[0], to[3 * LARGE + 1]), (b'a', b'b'));
    }

    #[test]
    fn a_reader_that_has_gone_is_no_failure() {
        let mut to = Broken(io::ErrorKind::BrokenPipe);
        let mut out = Out::new(LARGE, &mut to);
        out.push(&vec![b'x'; 2 * LARGE]);
        let stop = out.check();
        assert!(stop.is_err());
        assert!(out.finish(stop).is_ok());
    }

    #[test]
    fn a_full_disk_is() {
        let mut to = Broken(io::ErrorKind::StorageFull);
        let mut out = Out::new(LARGE, &mut to);
        out.text("x");
        let e = out.finish(Ok(())).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Io);
        assert_eq!(e.message(), "cannot write to standard output: no space left on the device");
    }

    #[test]
    fn the_producers_failure_counts() {
        let mut to = Vec::new();
        let mut out = Out::new(LARGE, &mut to);
        out.text("half a row");
        assert!(out.finish(Err(Error::integrity("damaged"))).is_err());
        assert!(to.is_empty());
    }
}
