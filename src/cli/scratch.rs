//! A private place for what another program must find as a file: a directory of our own in memory,
//! overwritten and removed afterwards. Knows nothing of what is in it.

use super::read::{self, Privacy};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use crate::world::World;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The longest text that is read back: 4 MiB.
const LONGEST: usize = 4 << 20;

/// How the names of these directories begin: for editors, and for programs that are given files.
const NAMES: [&str; 2] = ["vault-edit-", "vault-run-"];

/// Such a place; wiped when dropped.
pub struct Scratch {
    dir: PathBuf,
    /// The name of the text in it, if there is one.
    text: &'static str,
    keep: bool,
    /// Locked for as long as this process lives: what is not locked has been left behind.
    _lock: File,
}

impl Scratch {
    /// A new one, for a text of that name. For a `secret` text it is in memory, or nowhere.
    ///
    /// # Errors
    /// Unsupported (4) without a place in memory; I/O (18).
    pub fn new(world: &World, secret: bool, text: &'static str) -> Result<Self> {
        let found = Self::somewhere(world, secret, NAMES[0], text);
        found.map_err(|e| match e.kind() {
            ErrorKind::Unsupported => {
                e.hint("change one value without an editor: vault cred set NAME FIELD")
            }
            _ => e,
        })
    }

    /// A new one, for files that a program is given; in memory, if what is in them is `secret`.
    ///
    /// # Errors
    /// As [`Scratch::new`].
    pub fn for_files(world: &World, secret: bool) -> Result<Self> {
        Self::somewhere(world, secret, NAMES[1], "")
    }

    fn somewhere(world: &World, secret: bool, name: &str, text: &'static str) -> Result<Self> {
        let parent = choose(memory(world), disk(world).filter(|_| !secret))?;
        sweep(&parent);
        let dir = parent.join(format!("{name}{:016x}", rand::random::<u64>()));
        Self::make(&dir, text)
            .map_err(|e| Error::io(format!("cannot make `{}`", dir.display()), &e))
    }

    /// Makes it under another name first, so that nobody sweeps it before it is locked.
    fn make(dir: &Path, text: &'static str) -> io::Result<Self> {
        let fresh = dir.with_extension("new");
        DirBuilder::new().mode(0o700).create(&fresh)?;
        let lock = File::open(&fresh)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        fs::rename(&fresh, dir)?;
        Ok(Self { dir: dir.to_owned(), text, keep: false, _lock: lock })
    }

    /// Where the text is.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.at(self.text)
    }

    /// Where something of this name is.
    #[must_use]
    pub fn at(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes the text. There must be none yet.
    ///
    /// # Errors
    /// I/O (18).
    pub fn write(&self, text: &Secret) -> Result<()> {
        self.write_as(self.text, text)
    }

    /// Writes a file of this name. There must be none yet.
    ///
    /// # Errors
    /// I/O (18).
    pub fn write_as(&self, name: &str, text: &Secret) -> Result<()> {
        let path = self.at(name);
        let wrong = |e: io::Error| Error::io(format!("cannot write `{}`", path.display()), &e);
        let mut options = File::options();
        let options =
            options.write(true).create_new(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
        let mut file = options.open(&path).map_err(wrong)?;
        file.write_all(text.expose()).map_err(wrong)
    }

    /// The text as it is now; none if it has gone.
    ///
    /// # Errors
    /// Usage (2) when it is no regular file or too long; I/O (18).
    pub fn read(&self) -> Result<Option<Secret>> {
        let path = self.file();
        match fs::symlink_metadata(&path) {
            Ok(about) if about.is_file() => read::file(&path, LONGEST, Privacy::AsItIs).map(Some),
            Ok(_) => Err(Error::usage(format!("`{}` is no file any more", path.display()))),
            Err(_) => Ok(None),
        }
    }

    /// Leaves it there for good, and tells where the text is.
    ///
    /// # Errors
    /// I/O (18).
    pub fn keep(mut self) -> Result<PathBuf> {
        let kept = self.dir.with_extension("kept");
        fs::rename(&self.dir, &kept).map_err(|e| Error::io("cannot keep the text", &e))?;
        (self.dir, self.keep) = (kept, true);
        Ok(self.file())
    }

    /// Overwrites and removes everything in it, whatever the other program has put there.
    ///
    /// # Errors
    /// I/O (18), naming what is left.
    pub fn wipe(mut self) -> Result<()> {
        self.keep = true;
        let left = |e: io::Error| {
            let what = format!("cannot remove `{}`, which holds the text", self.dir.display());
            Error::io(what, &e).hint(format!("rm -r {}", read::quoted(&self.dir)))
        };
        wipe(&self.dir).map_err(left)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.keep {
            // something has failed already, and that is what will be said
            let _ = wipe(&self.dir);
        }
    }
}

/// Wipes what was left behind in memory by processes that were killed.
pub fn sweep_all(world: &World) {
    memory(world).filter(|dir| is_safe(dir)).for_each(|dir| sweep(&dir));
}

/// Where memory may be.
fn memory(world: &World) -> impl Iterator<Item = PathBuf> {
    let runtime = world.var("XDG_RUNTIME_DIR").map(PathBuf::from);
    runtime.into_iter().chain([PathBuf::from("/dev/shm")])
}

/// Wipes what was left behind by processes that were killed. Only what nobody else could have made or
/// filled: a link in it would lead to other files of ours.
fn sweep(parent: &Path) {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let ours = entries.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        NAMES.iter().any(|ours| name.starts_with(ours)) && !name.contains('.')
    });
    for dir in ours.filter(|dir| is_private(dir)) {
        let lock = File::open(&dir).map(|dir| flock(dir, FlockOperation::NonBlockingLockExclusive));
        if let Ok(Ok(())) = lock {
            // another process may be doing the same
            let _ = wipe(&dir);
        }
    }
}

/// What cannot be removed keeps nothing else from being wiped; what has gone meanwhile, as a pipe does when it
/// is read, is as good as removed.
fn wipe(dir: &Path) -> io::Result<()> {
    let mut left = Ok(());
    for entry in fs::read_dir(dir)? {
        left = left.and(entry.and_then(|entry| wipe_one(&entry)));
    }
    left.and_then(|()| fs::remove_dir(dir))
}

fn wipe_one(entry: &fs::DirEntry) -> io::Result<()> {
    let (path, kind) = (entry.path(), entry.file_type()?);
    if kind.is_dir() {
        return wipe(&path);
    }
    // what cannot be overwritten is removed all the same
    let _ = if kind.is_file() { overwrite(&path) } else { Ok(()) };
    match fs::remove_file(&path) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn overwrite(path: &Path) -> io::Result<()> {
    let mut file = File::options().write(true).custom_flags(libc::O_NOFOLLOW).open(path)?;
    let mut left = file.metadata()?.len();
    while left > 0 {
        let block = left.min(4096);
        file.write_all(&[0; 4096][..usize::try_from(block).unwrap_or(4096)])?;
        left -= block;
    }
    file.sync_data()?;
    file.set_len(0)
}

/// The first place in memory where nobody else can put things in our way, or else the disk.
fn choose(memory: impl Iterator<Item = PathBuf>, disk: Option<PathBuf>) -> Result<PathBuf> {
    let mut fitting = memory.filter(|dir| is_safe(dir) && in_memory(dir));
    fitting.next().or(disk).ok_or_else(|| {
        let what = "there is no place in memory for it, and secrets are written to no disk";
        Error::new(ErrorKind::Unsupported, what)
            .hint("set XDG_RUNTIME_DIR to a directory of your own on a tmpfs")
    })
}

/// A directory for what may be on a disk.
fn disk(world: &World) -> Option<PathBuf> {
    let named = world.var("TMPDIR").map(PathBuf::from);
    named.into_iter().chain([PathBuf::from("/tmp")]).find(|dir| is_safe(dir))
}

/// Whether nobody else can rename what we make there: it is ours alone, or sticky.
fn is_safe(dir: &Path) -> bool {
    let ours = rustix::process::geteuid().as_raw();
    dir.is_absolute()
        && fs::symlink_metadata(dir).is_ok_and(|about| {
            let (mode, shared) = (about.mode(), about.mode() & 0o022 != 0);
            about.is_dir() && if shared { mode & 0o1000 != 0 } else { about.uid() == ours }
        })
}

/// Whether it is ours, and nobody else can get at what is in it.
fn is_private(dir: &Path) -> bool {
    let ours = rustix::process::geteuid().as_raw();
    fs::symlink_metadata(dir)
        .is_ok_and(|about| about.is_dir() && about.uid() == ours && about.mode() & 0o777 == 0o700)
}

#[cfg(target_os = "linux")]
fn in_memory(dir: &Path) -> bool {
    const TMPFS: rustix::fs::FsWord = 0x0102_1994;
    rustix::fs::statfs(dir).is_ok_and(|about| about.f_type == TMPFS)
}

#[cfg(not(target_os = "linux"))]
fn in_memory(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const TEXT: &str = "credential.toml";

    #[test]
    fn what_the_other_program_left_is_wiped_too() {
        let parent = tempfile::tempdir().unwrap();
        let var = [("TMPDIR", parent.path().as_os_str())];
        let world = World::fake(&var, None);
        let dir = parent.path().join("vault-edit-1");
        let scratch = Scratch::make(&dir, TEXT).unwrap();
        scratch.write(&Secret::from_bytes(b"canary")).unwrap();
        assert!(scratch.write(&Secret::from_bytes(b"again")).is_err());
        // another name for the same bytes: they must have been overwritten before they were removed
        fs::hard_link(scratch.file(), parent.path().join("link")).unwrap();
        fs::create_dir(dir.join("backups")).unwrap();
        fs::write(dir.join("backups/credential.toml~"), b"canary").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.join("x")).unwrap();
        scratch.wipe().unwrap();
        assert!(!dir.exists() && Path::new("/etc/passwd").exists());
        assert_eq!(fs::read(parent.path().join("link")).unwrap(), b"");
        let made = Scratch::new(&world, false, TEXT).unwrap();
        let path = made.dir.clone();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o700);
        drop(made);
        assert!(!path.exists());
    }

    #[test]
    fn a_pipe_that_goes_while_all_is_wiped_is_no_failure() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("vault-run-1");
        let scratch = Scratch::make(&dir, "").unwrap();
        scratch.write_as("file", &Secret::from_bytes(b"canary")).unwrap();
        let pipe = dir.join("pipe");
        crate::child::fifo::make(&pipe).unwrap();
        let listed = fs::read_dir(&dir).unwrap().flatten().find(|entry| entry.path() == pipe);
        fs::remove_file(&pipe).unwrap();
        wipe_one(&listed.unwrap()).unwrap(); // it was read meanwhile
        scratch.wipe().unwrap();
        assert!(!dir.exists());
    }

    #[test]
    fn what_was_left_behind_is_swept_up_and_what_is_in_use_or_kept_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let at = |name: &str| parent.path().join(name);
        let with_text = |name: &str| {
            let scratch = Scratch::make(&at(name), TEXT).unwrap();
            scratch.write(&Secret::from_bytes(b"canary")).unwrap();
            scratch
        };
        let used = with_text("vault-edit-1");
        let kept = with_text("vault-edit-2").keep().unwrap();
        DirBuilder::new().mode(0o700).create(at("vault-edit-3")).unwrap();
        fs::write(at("vault-edit-3/credential.toml"), b"canary").unwrap();
        fs::create_dir(at("other")).unwrap();
        // one that others can write to is a trap: what they link there would be wiped
        fs::create_dir(at("vault-edit-4")).unwrap();
        fs::write(at("vault-edit-4/mine"), b"precious").unwrap();
        fs::set_permissions(at("vault-edit-4"), PermissionsExt::from_mode(0o1777)).unwrap();
        sweep(parent.path());
        assert_eq!(fs::read(at("vault-edit-4/mine")).unwrap(), b"precious");
        assert!(used.file().exists() && kept.exists() && at("other").exists());
        assert!(!at("vault-edit-3").exists());
    }

    #[test]
    fn a_place_where_others_can_replace_things_is_none() {
        let parent = tempfile::tempdir().unwrap();
        let world = World::fake(&[("TMPDIR", parent.path().as_os_str())], None);
        assert_eq!(disk(&world).as_deref(), Some(parent.path()));
        fs::set_permissions(parent.path(), PermissionsExt::from_mode(0o777)).unwrap();
        assert_ne!(disk(&world).as_deref(), Some(parent.path()));
    }

    #[test]
    fn only_memory_is_good_enough_for_secrets() {
        let disk = || Some(PathBuf::from("/tmp"));
        let chosen = |memory: &str, disk| choose([PathBuf::from(memory)].into_iter(), disk);
        assert_eq!(chosen("/proc", None).unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(chosen("dev/shm", None).unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(chosen("/proc", disk()).unwrap(), Path::new("/tmp"));
        if cfg!(target_os = "linux") && in_memory(Path::new("/dev/shm")) {
            assert_eq!(chosen("/dev/shm", disk()).unwrap(), Path::new("/dev/shm"));
        }
    }
}
