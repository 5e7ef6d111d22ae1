//! Whether secrets may be shown on the terminal of somebody who did not ask for just one.

use super::context::Context;
use crate::error::{Error, ErrorKind, Result};

/// What may be shown.
#[derive(clap::Args, Debug, Default)]
pub struct Showing {
    /// Show the secrets, when standard output is a terminal
    #[arg(long)]
    reveal: bool,

    /// Show them even if they could drive the terminal
    #[arg(long, requires = "reveal")]
    raw: bool,
}

impl Showing {
    /// Sees to it that standard output may get secrets.
    ///
    /// # Errors
    /// Refused (14) when it is a terminal and nobody asked for that.
    pub fn allow(&self, cx: &Context) -> Result<()> {
        cx.show_raw(self.raw);
        match cx.world.stdout_is_terminal && !self.reveal {
            true => {
                let what = "this would show secrets on the terminal";
                Err(Error::new(ErrorKind::Refused, what)
                    .hint("write a file: -o FILE; or send it into a pipe")
                    .hint("to see it after all: --reveal"))
            }
            false => Ok(()),
        }
    }
}
