//! `vault helper install git`.

use super::Step;
use crate::child;
use crate::cli::context::Context;
use crate::cli::read;
use crate::cli::report::Report;
use crate::error::{Error, ErrorKind, Result};
use std::process::{Command, Output, Stdio};

/// Let git ask for passwords here
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault helper install git
  vault helper install git --dry-run

Git itself writes the line, into its global configuration. Helpers that are there already stay, and git
tells all of them what works: take out `store`, which keeps passwords in clear.")]
pub struct Args {
    /// Only tell what would be written
    #[arg(long)]
    dry_run: bool,
}

/// Writes it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let line = format!("!{} helper git", read::quoted(&super::this_program()?));
    let there = git(cx, &["--get-all", KEY])?;
    let there = String::from_utf8_lossy(&there.stdout).into_owned();
    if there.lines().any(|helper| helper == line || helper == "vault") {
        return super::done(cx, Vec::new(), args.dry_run);
    }
    if there.lines().any(|helper| helper.split(' ').next() == Some("store")) {
        cx.warn("the helper `store` is in use, too: it keeps passwords in clear");
    }
    let shown = format!("{KEY} = {line}");
    let apply = || git(cx, &["--add", KEY, &line]).map(drop);
    let place = "git config --global".into(); // git knows which of two files that is
    let step = Step { place, line: shown, apply: Box::new(apply) };
    super::done(cx, vec![step], args.dry_run)
}

const KEY: &str = "credential.helper";

fn git(cx: &Context, args: &[&str]) -> Result<Output> {
    let mut command = Command::new("git");
    command.args(["config", "--global"]).args(args);
    command.env_clear().envs(child::inherited(&cx.world)).stdin(Stdio::null());
    let output = command.output().map_err(|e| child::not_started("git".as_ref(), &e).0)?;
    match output.status.code() {
        // that there is none is no failure
        Some(0 | 1) if args[0] == "--get-all" => Ok(output),
        Some(0) => Ok(output),
        _ => {
            Err(Error::new(ErrorKind::Io, "git cannot use its configuration; nothing was changed")
                .hint("see what it says: git config --global --list"))
        }
    }
}
