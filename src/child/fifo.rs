//! Named pipes: a file that can be read once.

use crate::model::Secret;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;

/// Makes a pipe at `path`, which only we can use.
///
/// # Errors
/// It cannot be made.
pub fn make(path: &Path) -> io::Result<()> {
    Ok(mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?)
}

/// Gives the value to the first reader of the pipe at `path`, which is gone as soon as there is one. Whoever
/// waits for a reader does not keep the process from ending.
///
/// # Errors
/// No thread can be started for it.
pub fn serve(path: PathBuf, value: Secret) -> io::Result<()> {
    thread::Builder::new().name("fifo".into()).spawn(move || {
        // a reader that goes away early has had enough
        let _ = hand(&path, &value);
    })?;
    Ok(())
}

fn hand(path: &PathBuf, value: &Secret) -> io::Result<()> {
    let mut pipe = File::options().write(true).open(path)?;
    std::fs::remove_file(path)?;
    pipe.write_all(value.expose())
}
