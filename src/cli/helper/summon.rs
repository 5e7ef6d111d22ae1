//! `vault helper summon`: a provider of summon, which wants a value for an id.

use super::find;
use crate::cli::context::Context;
use crate::cli::report::Report;
use crate::error::{Error, Result};
use crate::model::Reference;

/// Answer summon, as one of its providers
#[derive(clap::Args)]
#[command(after_help = "Examples:
  ln -s \"$(command -v vault)\" /usr/local/lib/summon/summon-vault
  summon -p summon-vault --yaml 'PGPASSWORD: !var db/main/password' psql
  vault helper summon db/main/password")]
pub struct Args {
    /// A reference, or one without its `vault://`
    id: String,
}

/// Answers.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let reference = match Reference::is_meant(&args.id) {
        true => args.id,
        false => format!("vault://{}", args.id),
    };
    reference.parse::<Reference>()?; // before the vault is opened
    let handed = find::hand_out(&mut cx.unlocked()?, "summon", &[reference])?.pop();
    let value = handed.ok_or_else(|| Error::internal("nothing was handed out"))?.value;
    Ok(Report::Answer(value))
}
