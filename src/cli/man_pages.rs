//! `vault man`.

use super::context::Context;
use super::man;
use super::report::{Cell, Report};
use crate::error::{Error, Result};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// Write the manual pages into a directory
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault man ~/.local/share/man/man1")]
pub struct Args {
    /// Where to; made if it is not there
    #[arg(value_hint = clap::ValueHint::DirPath)]
    dir: PathBuf,
}

/// Writes them.
pub fn run(args: Args, _cx: &mut Context) -> Result<Report> {
    let shown = args.dir.display();
    std::fs::create_dir_all(&args.dir)
        .map_err(|e| Error::io(format!("cannot make `{shown}`"), &e))?;
    let pages = man::pages(&super::command());
    for (name, text) in &pages {
        let path = args.dir.join(name);
        let wrong = |e| Error::io(format!("cannot write `{}`", path.display()), &e);
        std::fs::write(&path, text).map_err(wrong)?;
        // all files of this process are private; manual pages are for everybody
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).map_err(wrong)?;
    }
    Ok(Report::Done {
        message: format!("wrote {} pages to {shown}", pages.len()),
        item: vec![
            ("dir", Cell::owned(shown.to_string())),
            ("pages", Cell::List(pages.into_iter().map(|(name, _)| name.into()).collect())),
        ],
    })
}
