//! Output that goes through a pipe of ours, so that secrets can be hidden in it. One thread for each
//! stream: a reader that is slow keeps only its own stream waiting.

use super::mask::{Hidden, Masker};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::JoinHandle;

/// A stream whose pipe is made, and which nobody reads yet.
pub(super) struct Pump {
    reader: PipeReader,
    to: File,
}

impl Pump {
    /// One that ends in `to`; the program gets the pipe.
    pub(super) fn into(to: OwnedFd) -> io::Result<(Self, PipeWriter)> {
        let (reader, writer) = io::pipe()?;
        Ok((Self { reader, to: to.into() }, writer))
    }

    /// Reads until nobody writes any more. When nobody wants it, the pipe is closed, which the program
    /// notices.
    pub(super) fn start(self, hidden: &Arc<Hidden>) -> JoinHandle<()> {
        let masker = Masker::new(Arc::clone(hidden));
        std::thread::spawn(move || drop(self.work(masker)))
    }

    fn work(mut self, mut masker: Masker) -> io::Result<()> {
        let mut block = vec![0; BLOCK];
        loop {
            if masker.is_hesitating() && !is_readable(&self.reader)? {
                masker.relax(&mut self.to)?;
            }
            match self.reader.read(&mut block) {
                Ok(0) => return masker.finish(&mut self.to),
                Ok(read) => masker.feed(&block[..read], &mut self.to)?,
                Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
                Err(why) => return Err(why),
            }
        }
    }
}

fn is_readable(reader: &PipeReader) -> io::Result<bool> {
    let waiting = &mut [PollFd::new(reader, PollFlags::IN)];
    Ok(poll(waiting, Some(&MOMENT))
        .map_or_else(|why| if why == rustix::io::Errno::INTR { Ok(1) } else { Err(why) }, Ok)?
        > 0)
}

/// As much as a pipe holds.
const BLOCK: usize = 64 << 10;

/// How long is waited for what may follow the first few bytes of a secret.
pub(super) const MOMENT: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
