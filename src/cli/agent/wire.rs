//! What client and agent say to each other (FORMAT.md, "The agent"): frames, lists, and descriptors that go
//! with them. Knows nothing of vaults and keys.

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// What every request begins with. It never changes, and neither does what stands in its first three
/// places, so that programs of any version understand each other that far.
pub(super) const MAGIC: &[u8] = b"vault-agent/1";

/// This program's version.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The longest frame.
pub(super) const LONGEST: usize = 32 << 20;

/// The most descriptors that one message can have (`SCM_MAX_FD`).
pub(super) const MOST_FILES: usize = 250;

/// The sorts of frames.
pub(super) mod frame {
    /// Client: what is wanted.
    pub const REQUEST: u8 = b'Q';
    /// Client: a signal came.
    pub const SIGNAL: u8 = b'S';
    /// Client: a text as it was edited, or why not.
    pub const EDITED: u8 = b'T';
    /// Agent: it is being done.
    pub const ACCEPTED: u8 = b'A';
    /// Agent: it is not done; reason and text.
    pub const REFUSED: u8 = b'N';
    /// Agent: it was done; the exit code, and whether an interrupt ended it.
    pub const ENDED: u8 = b'E';
    /// Agent: values for a program that the client starts.
    pub const VALUES: u8 = b'V';
    /// Agent: a text to be edited.
    pub const EDIT: u8 = b'U';
    /// Agent: how it stands.
    pub const STANDING: u8 = b'I';
    /// Agent: that it has the keys.
    pub const PROOF: u8 = b'P';
    /// Client: other terms, and that it has the keys.
    pub const TERMS: u8 = b'R';
}

/// What is said at once.
pub(super) struct Frame {
    pub(super) sort: u8,
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// Sends a frame, and with it `files`.
pub(super) fn send(
    to: &UnixStream,
    sort: u8,
    body: &[u8],
    files: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let length = u32::try_from(body.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut head = [sort, 0, 0, 0, 0];
    head[1..].copy_from_slice(&length.to_be_bytes());
    if files.is_empty() && body.len() <= SHORT {
        return (&mut &*to).write_all(&[&head, body].concat());
    }
    let sent = send_files(to, &head, files)?;
    (&mut &*to).write_all(&head[sent..])?;
    (&mut &*to).write_all(body)
}

/// Sends `bytes`, or some of them, with `files`.
pub(super) fn send_files(
    to: impl AsFd,
    bytes: &[u8],
    files: &[BorrowedFd<'_>],
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FILES))];
    let mut with = SendAncillaryBuffer::new(&mut space);
    if !files.is_empty() && !with.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(sendmsg(to, &[IoSlice::new(bytes)], &mut with, SendFlags::NOSIGNAL)?)
}

/// Reads what is there, and takes the descriptors that came with it.
pub(super) fn with_files(
    from: impl AsFd,
    head: &mut [u8],
    files: &mut Vec<OwnedFd>,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FILES + 3))];
    let mut with = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let got = loop {
        match recvmsg(&from, &mut [IoSliceMut::new(head)], &mut with, flags) {
            Err(rustix::io::Errno::INTR) => {}
            other => break other?.bytes,
        }
    };
    for message in with.drain() {
        if let RecvAncillaryMessage::ScmRights(some) = message {
            files.extend(some);
        }
    }
    Ok(got)
}

/// The next frame, with what came along with it; all of it until `patience` is over, as a client could send
/// a byte now and then.
pub(super) fn receive(
    from: &UnixStream,
    longest: usize,
    patience: Option<Duration>,
) -> io::Result<(Frame, Vec<OwnedFd>)> {
    let reader = Reader { stream: from, end: patience.map(|patience| Instant::now() + patience) };
    let (head, files) = reader.head()?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    if length > longest {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok((Frame { sort: head[0], body: reader.body(length)? }, files))
}

struct Reader<'s> {
    stream: &'s UnixStream,
    end: Option<Instant>,
}

impl Reader<'_> {
    fn head(&self) -> io::Result<([u8; 5], Vec<OwnedFd>)> {
        let (mut head, mut files, mut got) = ([0; 5], Vec::new(), 0);
        while got < head.len() {
            self.limit()?;
            match with_files(self.stream, &mut head[got..], &mut files)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => got += more,
            }
        }
        Ok((head, files))
    }

    fn body(&self, length: usize) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut body = Zeroizing::new(Vec::new());
        // not room for all at once: somebody may only say that it is much
        let mut block = Zeroizing::new(vec![0; BLOCK.min(length)]);
        while body.len() < length {
            self.limit()?;
            let most = block.len().min(length - body.len());
            match (&mut &*self.stream).read(&mut block[..most]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(more) => body.extend_from_slice(&block[..more]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(body)
    }

    fn limit(&self) -> io::Result<()> {
        let Some(end) = self.end else { return Ok(()) };
        let left = end.saturating_duration_since(Instant::now());
        match left.is_zero() {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => self.stream.set_read_timeout(Some(left)),
        }
    }
}

/// A list of texts as bytes.
pub(super) fn list<'t>(items: impl IntoIterator<Item = &'t [u8]>) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(SHORT));
    for item in items {
        // no item is longer than a frame, which is checked when it is sent
        out.extend_from_slice(&u32::try_from(item.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(item);
    }
    out
}

/// What such a list has in it; none if it is no list.
pub(super) fn items(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut items = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (item, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        items.push(item);
        bytes = rest;
    }
    Some(items)
}

/// Borrows each.
pub(super) fn borrowed(files: &[OwnedFd]) -> Vec<BorrowedFd<'_>> {
    files.iter().map(AsFd::as_fd).collect()
}

/// What is sent in one piece.
const SHORT: usize = 4096;
/// What is made room for at once.
const BLOCK: usize = 64 << 10;
