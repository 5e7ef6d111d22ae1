//! Files that are in memory and nowhere else: no name leads to them, and nobody can change them.

use crate::model::Secret;
use std::io;
use std::os::fd::OwnedFd;

/// A sealed file with these bytes, at its beginning.
///
/// # Errors
/// There is no memory for it, or the platform has no such files.
#[cfg(target_os = "linux")]
pub fn file(value: &Secret) -> io::Result<OwnedFd> {
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
    use std::fs::File;
    use std::io::{Seek, Write};
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(memfd_create("vault", flags)?);
    file.write_all(value.expose())?;
    file.rewind()?;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    fcntl_add_seals(&file, seals)?;
    Ok(file.into())
}

/// There are none here.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn file(_: &Secret) -> io::Result<OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}
