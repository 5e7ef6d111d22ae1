//! `vault completions`.

use super::complete;
use super::context::Context;
use super::report::Report;
use crate::error::{Error, Result};
use clap_complete::Shell;

/// Print the completion script of a shell; it knows the names of your credentials
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault completions bash > ~/.local/share/bash-completion/completions/vault
  vault completions zsh > ~/.zfunc/_vault
  vault completions fish > ~/.config/fish/completions/vault.fish")]
pub struct Args {
    /// Which shell
    shell: Shell,
}

/// Prints it.
pub fn run(args: Args, _cx: &mut Context) -> Result<Report> {
    let script = complete::script(&args.shell.to_string(), super::command());
    script.map(Report::Text).ok_or_else(|| Error::usage("no script for this shell"))
}
