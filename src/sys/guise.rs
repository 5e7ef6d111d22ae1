//! Taking the surroundings of another process: its environment, its descriptors, its mask for new files.
//! For a copy of this process that works in the place of the other one.

use super::{QUOTA_SIGNAL_IGNORED, UMASK};
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// What programs get that are started after [`super::unharden`]: the mask of new files, and whether the
/// signal for a full quota is ignored.
#[must_use]
pub fn before_hardening() -> (u32, bool) {
    (UMASK.load(Ordering::SeqCst), QUOTA_SIGNAL_IGNORED.load(Ordering::SeqCst))
}

/// Lets them get this instead.
pub fn set_before_hardening(umask: u32, ignores_quota_signal: bool) {
    UMASK.store(umask & 0o777, Ordering::SeqCst);
    QUOTA_SIGNAL_IGNORED.store(ignores_quota_signal, Ordering::SeqCst);
}

/// Has these variables and no others. Without other threads; does nothing if there are any.
#[expect(clippy::disallowed_methods, reason = "the environment of another process is put on whole")]
pub fn put_on_environment(variables: &[(OsString, OsString)]) {
    if !super::is_alone() {
        return;
    }
    let old: Vec<OsString> = std::env::vars_os().map(|(name, _)| name).collect();
    // SAFETY: there is no other thread that could read the environment meanwhile.
    old.iter().for_each(|name| unsafe { std::env::remove_var(name) });
    for (name, value) in variables.iter().filter(|(name, value)| is_settable(name, value)) {
        // SAFETY: as above; name and value are of a form that the call takes.
        unsafe { std::env::set_var(name, value) };
    }
}

fn is_settable(name: &OsString, value: &OsString) -> bool {
    let (name, value) = (name.as_encoded_bytes(), value.as_encoded_bytes());
    !name.is_empty() && !name.contains(&b'=') && !name.contains(&0) && !value.contains(&0)
}

/// Puts each of `files` at the number beside it, where programs that are started get it. What was open
/// there is closed; those of `kept` are moved out of the way and come back under new numbers.
///
/// # Errors
/// There are no descriptors left.
pub fn put_on_files(files: Vec<(OwnedFd, RawFd)>, kept: &[RawFd]) -> io::Result<Vec<OwnedFd>> {
    // there may be no numbers above the highest of them: any will do that is none of them
    let mut in_the_way = Vec::new();
    let mut away = |fd: RawFd| loop {
        // SAFETY: it takes plain integers and touches no memory of ours.
        let new = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
        if new < 0 {
            return Err(io::Error::last_os_error());
        }
        let file = super::adopt(new);
        match files.iter().any(|(_, number)| *number == new) {
            true => in_the_way.push(file),
            false => return Ok(file),
        }
    };
    let kept = kept.iter().map(|fd| away(*fd)).collect::<io::Result<Vec<_>>>()?;
    let moved = files.iter().map(|(file, number)| Ok((away(file.as_raw_fd())?, *number)));
    let moved = moved.collect::<io::Result<Vec<_>>>()?;
    drop((files, in_the_way));
    for (file, number) in moved {
        // SAFETY: it takes plain integers; what was at that number was either moved away above, or is one
        // that this copy of the process has no more use for.
        if unsafe { libc::dup2(file.as_raw_fd(), number) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(kept)
}

/// The numbers of the descriptors that this process was started with, but the three standard ones. Those
/// it has opened itself are none of them.
#[must_use]
pub fn inherited() -> Vec<RawFd> {
    let Ok(list) = std::fs::read_dir("/proc/self/fd") else { return Vec::new() };
    let number = |name: OsString| name.to_str()?.parse::<RawFd>().ok();
    let open = list.filter_map(|entry| number(entry.ok()?.file_name())).filter(|fd| *fd > 2);
    // SAFETY: it takes plain integers and touches no memory of ours.
    let is_passed_on = |fd: &RawFd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } == 0;
    open.filter(is_passed_on).collect()
}

/// The file of this program, or a name for it where the file has gone since.
///
/// # Errors
/// The system does not tell.
pub fn this_program() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    let stand_in = PathBuf::from("/proc/self/exe");
    Ok(if !path.exists() && stand_in.exists() { stand_in } else { path })
}
