//! `vault helper install`: writing the line that makes another program ask this one.

mod aws;
mod docker;
mod git;

use crate::cli::context::Context;
use crate::cli::read::{self, Privacy};
use crate::cli::report::{Cell, Report};
use crate::cli::save::Output;
use crate::cli::tree::commands;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

commands! {
    /// Tell another program to ask this one: write the line into its configuration
    @after_help "Examples:
  vault helper install git --dry-run
  vault helper install docker --registry ghcr.io
  vault helper install aws aws/prod --profile prod

What is there already stays, and is not written twice; a file that cannot be understood is not touched."
    pub enum Command {
        Git(git::Args) leaf "git" "Let git ask for passwords here",
        Docker(docker::Args) leaf "docker" "Let docker keep its logins here",
        Aws(aws::Args) leaf "aws" "Let a profile of the AWS tools get its keys here",
    }
}

/// Writes it.
pub fn run(command: Command, cx: &mut Context) -> Result<Report> {
    match command {
        Command::Git(args) => git::run(args, cx),
        Command::Docker(args) => docker::run(args, cx),
        Command::Aws(args) => aws::run(args, cx),
    }
}

/// Something that is to be changed.
struct Step<'a> {
    /// Where, and what is added there.
    place: PathBuf,
    line: String,
    apply: Box<dyn FnOnce() -> Result<()> + 'a>,
}

/// Does all steps, or only tells of them.
fn done(cx: &Context, steps: Vec<Step<'_>>, dry_run: bool) -> Result<Report> {
    let tell = |step: &Step<'_>| format!("+ {}: {}", step.place.display(), step.line);
    let lines: Vec<String> = steps.iter().map(tell).collect();
    if !dry_run {
        steps.into_iter().try_for_each(|step| (step.apply)())?;
    }
    let message = match (lines.is_empty(), dry_run) {
        (true, _) => "nothing to do: it is there already".to_owned(),
        (false, true) => format!("would add\n{}", lines.join("\n")),
        (false, false) => format!("added\n{}", lines.join("\n")),
    };
    message.lines().for_each(|line| cx.note(line));
    let added = lines.into_iter().map(Into::into).collect();
    Ok(Report::Done {
        message: String::new(),
        item: vec![("added", Cell::List(added)), ("dry_run", Cell::Flag(dry_run))],
    })
}

/// This program, by its path.
fn this_program() -> Result<PathBuf> {
    std::env::current_exe().map_err(|e| Error::io("cannot find this program", &e))
}

/// A path below the home directory.
fn at_home(cx: &Context, path: &str) -> Result<PathBuf> {
    let home = cx
        .world
        .var("HOME")
        .ok_or_else(|| Error::usage("no home directory, so no configuration").hint("set HOME"))?;
    Ok(Path::new(home).join(path))
}

/// The text of a configuration file, and where it really is; empty if there is none.
fn config(path: &Path) -> Result<(PathBuf, String)> {
    match path.canonicalize() {
        Ok(real) => {
            let text = read::file(&real, 1 << 20, Privacy::AsItIs)?;
            let text = std::str::from_utf8(text.expose()).map_err(|_| strange(path))?.to_owned();
            Ok((real, text))
        }
        Err(_) if path.is_symlink() => {
            let what = format!("`{}` is a link that leads nowhere", path.display());
            Err(Error::new(ErrorKind::Conflict, what).hint("make the file it names, and try again"))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok((path.to_owned(), String::new())),
        Err(e) => Err(Error::io(format!("cannot read `{}`", path.display()), &e)),
    }
}

/// Writes a configuration file: whole, or not at all; with the permissions it had, and only if it is still as
/// it was `before`.
fn save(path: &Path, before: &str, text: &str) -> Result<()> {
    if let Some(dir) = path.parent() {
        make_dir(dir)?;
    }
    let mode = match path.metadata() {
        Ok(about) if about.uid() != rustix::process::geteuid().as_raw() => {
            let what = format!("`{}` belongs to another user", path.display());
            return Err(Error::new(ErrorKind::Refused, what).hint("do it as that user"));
        }
        Ok(about) => about.mode() & 0o777,
        Err(_) => PRIVATE,
    };
    let output = Output::replacing(path);
    output.save_as(path, mode, || {
        if config(path)?.1 == before {
            return Ok(Secret::from_bytes(text.as_bytes()));
        }
        let what = format!("`{}` was changed by somebody else meanwhile", path.display());
        Err(Error::new(ErrorKind::Conflict, what).hint("try it once more"))
    })
}

/// The permissions of a new file.
const PRIVATE: u32 = 0o600;

fn make_dir(dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir)
        .map_err(|e| Error::io(format!("cannot make `{}`", dir.display()), &e))
}

/// A file that is not understood, and so not touched.
fn strange(path: &Path) -> Error {
    Error::usage(format!("`{}` is not understood, and stays as it is", path.display()))
        .hint("correct it, or add the line by hand: --dry-run shows it")
}

/// Something else stands where the line belongs.
fn taken(path: &Path, what: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("`{}` has another {what} already", path.display()))
}
