//! Waiting for what must come about: however slow or busy the machine is, and not longer than it takes.

use std::fs;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// How long to wait for what must come. Only a test that fails takes so long.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until `come` gives something.
#[track_caller]
pub fn come<T>(what: &str, mut come: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(come) = come() {
            return come;
        }
        assert!(since.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until `is_so`.
#[track_caller]
pub fn soon(what: &str, mut is_so: impl FnMut() -> bool) {
    come(what, || is_so().then_some(()));
}

/// Waits until somebody has taken all that was written to a pipe: who reads has come so far.
#[track_caller]
pub fn taken(pipe: impl AsFd) {
    soon("somebody who reads", || rustix::io::ioctl_fionread(&pipe).unwrap() == 0);
}

/// Whether there is such a process. The dead that nobody has buried do not count.
pub fn runs(pid: impl std::fmt::Display) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// What a test gave that says so itself when the machine was too slow for it to mean anything: it is made
/// once more then.
#[track_caller]
pub fn conclusive<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    (0..20).find_map(|_| attempt()).unwrap_or_else(|| panic!("too slow for `{what}`, each time"))
}

/// Whether this process may have so many files open, or could see to it. If not, the test is skipped.
pub fn room_for(files: u64) -> bool {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= files) {
        return true;
    }
    let maximum = limit.maximum.map(|maximum| maximum.max(files));
    setrlimit(Resource::Nofile, Rlimit { current: Some(files), maximum }).is_ok()
        || super::unable(&format!("no more than {:?} files may be open here", limit.maximum))
}
