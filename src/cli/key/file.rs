//! Key files: one that is there already, or a new one, private and on disk before anything depends on it.

use crate::cli::context::Context;
use crate::cli::read::{self, Privacy, quoted};
use crate::cli::unlock;
use crate::error::{Error, ErrorKind, Result};
use crate::vault::{self, Key};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use uuid::Uuid;

/// The key in a file that is there: an age identity, or a private SSH key.
///
/// # Errors
/// Refused (14) for what is no regular file or others can read; wrong key (11) for what is no key.
pub fn reuse(cx: &Context, path: &Path) -> Result<Key> {
    // a pipe that nobody writes to would be waited for without end
    if path.metadata().is_ok_and(|about| !about.is_file()) {
        let what = format!("`{}` is not a regular file", path.display());
        return Err(Error::new(ErrorKind::Refused, what)
            .hint("name a file that is not there yet, or give the key in VAULT_KEY"));
    }
    let (text, _) = read::key(path, Privacy::Required)?;
    let empty = text.is_empty();
    unlock::file_key(cx, text, &format!("`{}`", path.display())).map_err(|e| match empty {
        true => e.hint(format!("it is empty; if nothing needs it: rm {}", quoted(path))),
        false => e,
    })
}

/// The key in a file that is there, or in a new one; and whether it is new.
///
/// # Errors
/// As [`reuse`]; I/O (18).
pub fn reuse_or_make(cx: &Context, path: &Path) -> Result<(Key, bool)> {
    match path.symlink_metadata() {
        Ok(_) => Ok((reuse(cx, path)?, false)),
        Err(_) => make(cx, path),
    }
}

/// A new key file, or the one that somebody else made in the meantime; and whether it is ours.
fn make(cx: &Context, path: &Path) -> Result<(Key, bool)> {
    let text = vault::new_key_file(cx.world.now());
    match publish(path, text.expose()) {
        Ok(()) => Ok((Key::Identity(text), true)),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok((reuse(cx, path)?, false)),
        Err(e) => Err(Error::io(format!("cannot make the key file `{}`", path.display()), &e)),
    }
}

/// Makes a file that was not there: private, whole and on disk before it has its name, and on disk
/// under its name before this returns. A vault whose key is lost in a crash is lost.
fn publish(path: &Path, text: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    // only as much of the name as leaves room for the rest
    let shown: String = name.to_string_lossy().chars().take(32).collect();
    let draft = parent.join(format!(".{shown}.new-{}", Uuid::new_v4().simple()));
    let published = write_new(&draft, text).and_then(|()| rename_new(&draft, path));
    if published.is_err() {
        // nobody else knows its name
        let _ = fs::remove_file(&draft);
    }
    published.and_then(|()| File::open(parent)?.sync_all())
}

fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
    let mut file = options.open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// Renames without ever replacing another file.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::context::Globals;
    use crate::world::World;
    use std::rc::Rc;

    fn context() -> Context {
        Context::new(Globals::default(), Rc::new(World::fake(&[], None)))
    }

    #[test]
    fn a_key_file_is_private_whole_and_never_overwritten() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let cx = context();
        assert!(make(&cx, &path).unwrap().1);
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(reuse(&cx, &path).is_ok() && !text.contains("age1"));
        let (Key::Identity(found), false) = make(&cx, &path).unwrap() else {
            panic!("not the one that is there");
        };
        assert_eq!(found.expose(), text.as_bytes());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "a draft was left");
    }

    #[test]
    fn an_empty_key_file_is_malformed_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        write_new(&path, b"").unwrap();
        let cx = context();
        let wrong = reuse(&cx, &path).err().unwrap();
        assert_eq!(wrong.kind(), ErrorKind::WrongKey);
        assert!(wrong.hints().iter().any(|hint| hint.contains("rm ")));
        assert!(path.exists());
    }
}
