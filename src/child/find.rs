//! Which file a program's name means, as shells find it. Looked for before anything is handed out.

use super::{Argv, CANNOT_START, NO_SUCH_PROGRAM};
use crate::error::{Error, ErrorKind};
use rustix::fs::{Access, access};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where programs are looked for without `PATH` (confstr(3)).
const USUAL_PATH: &str = "/bin:/usr/bin";

impl Argv {
    /// Where the program is, for one who has this `PATH`.
    ///
    /// # Errors
    /// What is wrong, and the code for it.
    pub fn find(&self, path: Option<&OsStr>) -> std::result::Result<PathBuf, (Error, u8)> {
        let name = Path::new(&self.program);
        if self.program.as_bytes().contains(&b'/') {
            return match judge(name) {
                Fit::Good => Ok(name.to_owned()),
                Fit::Bad(why) => Err(unfit(name, why)),
                Fit::Missing => Err((nowhere(&self.program), NO_SUCH_PROGRAM)),
            };
        }
        let mut wrong = None;
        for dir in std::env::split_paths(path.unwrap_or(OsStr::new(USUAL_PATH))) {
            // an empty part means the directory that we are in
            let here =
                if dir.as_os_str().is_empty() { Path::new(".").join(name) } else { dir.join(name) };
            match judge(&here) {
                Fit::Good => return Ok(here),
                Fit::Bad(why) => wrong = wrong.or(Some(unfit(&here, why))),
                Fit::Missing => {}
            }
        }
        Err(wrong.unwrap_or_else(|| (nowhere(&self.program), NO_SUCH_PROGRAM)))
    }
}

/// The error for a program that is not there.
#[must_use]
pub fn nowhere(program: &OsStr) -> Error {
    let shown = program.to_string_lossy();
    let error = Error::new(ErrorKind::NotFound, format!("there is no program `{shown}`"));
    match shown.contains([' ', '$', '|', ';']) {
        true => error.hint("a line for the shell is started so: -- sh -c 'LINE'"),
        false if !shown.contains('/') && Path::new(program).exists() => {
            error.hint(format!("it is not in `PATH`; the one that lies here is `./{shown}`"))
        }
        false => error.hint(format!("see where it is: command -v {shown}")),
    }
}

enum Fit {
    Good,
    Bad(&'static str),
    Missing,
}

fn judge(path: &Path) -> Fit {
    match std::fs::metadata(path) {
        Ok(about) if about.is_dir() => Fit::Bad("it is a directory"),
        Ok(_) if access(path, Access::EXEC_OK).is_err() => Fit::Bad("permission denied"),
        Ok(_) => Fit::Good,
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => Fit::Bad("permission denied"),
        Err(_) => Fit::Missing,
    }
}

fn unfit(path: &Path, why: &str) -> (Error, u8) {
    let error = Error::new(ErrorKind::Io, format!("cannot start `{}`: {why}", path.display()));
    (error.hint(format!("ls -ld {}", path.display())), CANNOT_START)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_first_that_can_be_started_is_taken() {
        let root = tempfile::tempdir().unwrap();
        let make = |path: &str, mode| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        make("a/tool", 0o644);
        make("b/tool", 0o755);
        make("a/text", 0o644);
        fs::create_dir(root.path().join("a/dir")).unwrap();
        let path = std::env::join_paths([root.path().join("a"), root.path().join("b")]).unwrap();
        let find = |program: &str| {
            let argv = Argv::of(vec![program.into()]).unwrap();
            argv.find(Some(&path)).map_err(|(error, code)| (error.message().to_owned(), code))
        };
        assert_eq!(find("tool").unwrap(), root.path().join("b/tool"));
        assert_eq!(find("text").unwrap_err().1, 126);
        assert_eq!(find("dir").unwrap_err().1, 126);
        assert_eq!(find("none").unwrap_err(), ("there is no program `none`".into(), 127));
        assert_eq!(find("./none").unwrap_err().1, 127);
        assert_eq!(find("/").unwrap_err().1, 126);
        assert!(Argv::of(vec!["sh".into()]).unwrap().find(None).is_ok());
    }
}
