//! Named pipes: a file that can be read once.

use crate::model::Secret;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::thread;

/// One that was made, and the value for its first reader.
pub struct Fifo {
    path: PathBuf,
    value: Secret,
}

impl Fifo {
    /// Makes one at `path`.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn make(path: PathBuf, value: Secret) -> io::Result<Self> {
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        Ok(Self { path, value })
    }

    /// Gives the value to the first reader, in a thread; the path is gone as soon as there is one. To wait
    /// for a reader does not keep the process from ending.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn serve(self) -> io::Result<()> {
        thread::Builder::new().name("fifo".into()).spawn(move || {
            // a reader that goes away early has had enough
            let _ = self.hand_over();
        })?;
        Ok(())
    }

    fn hand_over(&self) -> io::Result<()> {
        let mut pipe = File::options().write(true).open(&self.path)?;
        std::fs::remove_file(&self.path)?;
        pipe.write_all(self.value.expose())
    }
}
