//! `vault trust-state`.

use super::agent;
use super::context::Context;
use super::report::{Cell, Report};
use super::sink;
use super::unlock;
use crate::error::Result;
use crate::vault::Vault;
use std::rc::Rc;

/// Accept a vault file that is older than its seal, after you restored it yourself
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault trust-state
  vault trust-state --yes --reason 'restored from the backup of Monday'

Only do this when you know why the file is old. Everything changed since is lost, and a credential
that was changed or deleted since is as it was. The log keeps the fact.")]
pub struct Args {
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Accepts it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    if !args.yes {
        cx.confirm(
            "Did you restore this vault file yourself, and is it older than what was here?",
            "vault trust-state --yes",
        )?;
    }
    let key = unlock::any_key(cx)?;
    let world = Rc::clone(&cx.world);
    let sinks = sink::all(&cx.world);
    let (sealed, found) =
        Vault::trust_state(&cx.place()?, world, cx.purpose(), &key, &unlock::At(cx), sinks)?;
    agent::lock_if_there(cx);
    Ok(Report::Done {
        message: format!("accepted state {found}; the seal was at {sealed}"),
        item: vec![("sealed", Cell::Int(sealed)), ("found", Cell::Int(found))],
    })
}
