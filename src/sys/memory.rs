//! Memory that is in no core dump, in no swap, and out of the reach of debuggers where the system can do
//! that (`memfd_secret(2)`). It is a file without a name, so that one process can hand it to another.

use rustix::fs::{
    MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, ftruncate, memfd_create,
};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use zeroize::{Zeroize, Zeroizing};

/// The most that it can hold.
pub const SECRET_MEMORY_MAX: usize = 64 << 10;

/// What `fstatfs(2)` says of a file that `memfd_secret(2)` made.
const SECRETMEM: i64 = 0x5345_434d;

/// Such memory, mapped; wiped for everybody who has it when it is dropped here. A copy of this process that
/// drops it only gives up its own look at it.
pub struct SecretMemory {
    at: NonNull<u8>,
    length: usize,
    kind: &'static str,
    owner: u32,
}

impl SecretMemory {
    /// A file that holds `content`, in the best memory there is.
    ///
    /// # Errors
    /// The content is too long, or there is no memory of that sort.
    pub fn file(content: &[u8]) -> io::Result<OwnedFd> {
        secret_file(content.len()).or_else(|_| locked_file(content.len())).and_then(|file| {
            Self::of(&file)?.keep(content);
            Ok(file)
        })
    }

    /// The memory behind `file`, which another process may have made.
    ///
    /// # Errors
    /// It is no such file, or could be made shorter while it is used.
    pub fn of(file: &OwnedFd) -> io::Result<Self> {
        let is_secret = rustix::fs::fstatfs(file)?.f_type == SECRETMEM;
        let fixed = SealFlags::SHRINK | SealFlags::GROW;
        if !is_secret && !fcntl_get_seals(file)?.contains(fixed) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let length = usize::try_from(rustix::fs::fstat(file)?.st_size).unwrap_or_default();
        if length == 0 || length > SECRET_MEMORY_MAX {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let at = mapped(file, length)?;
        let kind = if is_secret { "memfd_secret" } else { locked(at, length) };
        Ok(Self { at, length, kind, owner: std::process::id() })
    }

    /// Which sort it is: `memfd_secret`, `mlock`, or `memory` where even locking is not allowed.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// How many bytes there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.length
    }

    /// A copy of `length` bytes from `from` on; less at the end.
    #[must_use]
    pub fn copy(&self, from: usize, length: usize) -> Zeroizing<Vec<u8>> {
        let from = from.min(self.length);
        let length = length.min(self.length - from);
        let mut copy = Zeroizing::new(vec![0; length]);
        // SAFETY: `from + length` bytes are mapped, and the copy is as long. Another process may write
        // there meanwhile; bytes are copied and nothing is believed of them.
        unsafe { self.at.as_ptr().add(from).copy_to_nonoverlapping(copy.as_mut_ptr(), length) };
        copy
    }

    /// Lets go of it as it is: it is somebody else's.
    pub fn leave(self) {
        self.unmap();
        std::mem::forget(self);
    }

    /// Puts `content` in, and lets it stay when this is gone.
    fn keep(self, content: &[u8]) {
        let length = content.len().min(self.length);
        // SAFETY: as many bytes are mapped, for writing, and nobody else has them yet.
        unsafe { content.as_ptr().copy_to_nonoverlapping(self.at.as_ptr(), length) };
        self.leave();
    }

    fn unmap(&self) {
        // SAFETY: it was mapped with this length, and nothing uses it after this.
        unsafe { libc::munmap(self.at.as_ptr().cast(), self.length) };
    }
}

impl Drop for SecretMemory {
    fn drop(&mut self) {
        if self.owner == std::process::id() {
            // SAFETY: so many bytes are mapped for writing; nobody in this process has a reference to them.
            unsafe { std::slice::from_raw_parts_mut(self.at.as_ptr(), self.length) }.zeroize();
        }
        self.unmap();
    }
}

#[cfg(target_os = "linux")]
fn secret_file(length: usize) -> io::Result<OwnedFd> {
    // SAFETY: the call takes flags only.
    let made = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) };
    let made =
        i32::try_from(made).ok().filter(|fd| *fd >= 0).ok_or_else(io::Error::last_os_error)?;
    // SAFETY: the kernel has just made it for us, so it is open and nobody else owns it.
    let file = unsafe { OwnedFd::from_raw_fd(made) };
    ftruncate(&file, length as u64)?;
    Ok(file)
}

#[cfg(not(target_os = "linux"))]
fn secret_file(_: usize) -> io::Result<OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Where there is none of that sort: a file in memory, which is locked when it is mapped.
fn locked_file(length: usize) -> io::Result<OwnedFd> {
    let file = memfd_create("vault", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    ftruncate(&file, length as u64)?;
    fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(file)
}

fn mapped(file: &OwnedFd, length: usize) -> io::Result<NonNull<u8>> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping at a place that the kernel chooses, of a file that cannot become shorter.
    let at = unsafe {
        libc::mmap(std::ptr::null_mut(), length, access, libc::MAP_SHARED, file.as_raw_fd(), 0)
    };
    let at = if at == libc::MAP_FAILED { None } else { NonNull::new(at.cast()) };
    at.ok_or_else(io::Error::last_os_error)
}

/// Keeps it out of the swap and of core dumps.
fn locked(at: NonNull<u8>, length: usize) -> &'static str {
    // SAFETY: both are about a mapping of ours of this length, and neither changes what is in it.
    let done = unsafe {
        #[cfg(target_os = "linux")]
        libc::madvise(at.as_ptr().cast(), length, libc::MADV_DONTDUMP);
        libc::mlock(at.as_ptr().cast(), length)
    };
    if done == 0 { "mlock" } else { "memory" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_puts_in_another_finds_until_it_is_wiped() {
        for file in [secret_file(6), locked_file(6)] {
            let Ok(file) = file else { continue }; // not every kernel has both
            SecretMemory::of(&file).unwrap().keep(b"canary");
            let (here, there) =
                (SecretMemory::of(&file).unwrap(), SecretMemory::of(&file).unwrap());
            assert_eq!(&here.copy(0, 100)[..], b"canary");
            assert_eq!(&here.copy(4, 1)[..], b"r");
            assert_eq!(here.copy(9, 1).len(), 0);
            assert_ne!(there.kind(), "");
            drop(here);
            assert_eq!(&there.copy(0, 6)[..], [0; 6]);
        }
    }

    #[test]
    fn a_file_that_can_be_cut_is_refused() {
        let file = memfd_create("x", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
        ftruncate(&file, 100).unwrap();
        assert!(SecretMemory::of(&file).is_err());
        assert!(SecretMemory::of(&tempfile::tempfile().unwrap().into()).is_err());
        assert!(SecretMemory::file(&vec![1; SECRET_MEMORY_MAX + 1]).is_err());
        assert!(SecretMemory::file(b"").is_err());
    }
}
