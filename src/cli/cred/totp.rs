//! `vault cred totp`.

use super::meant;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render::Format;
use crate::cli::report::{Cell, Report};
use crate::error::Result;
use crate::kind::totp::Code;
use crate::model::{FieldName, Timestamp, parse_when};
use crate::vault::To;
use clap_complete::engine::ArgValueCompleter;

/// Print the one-time code of now
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred totp gitea-admin
  vault cred totp gitea-admin --json
  vault cred set gitea-admin totp --stdin < seed.txt

The seed is the secret field `totp`, which any credential may have: base32, or an otpauth:// address.
Codes go by the clock of this machine; if they are refused, see whether it is right.")]
pub struct Args {
    /// Which credential; a beginning that fits only one name will do
    #[arg(add = ArgValueCompleter::new(complete::names))]
    name: String,

    /// Which secret field holds the seed, if not `totp`
    field: Option<FieldName>,

    /// The code of that moment instead: a date, a time or a span from now
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

/// Makes it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let at = args.at.as_deref().map(|at| parse_when(at, cx.world.now(), true)).transpose()?;
    let mut vault = cx.unlocked()?;
    let name = meant(cx, &vault, &args.name, false)?;
    let code = vault.code(&name, args.field.as_ref(), at, To::Caller)?;
    vault.leave();
    Ok(shown(code, at, cx))
}

/// The digits; for programs, all that is known of them.
fn shown(code: Code, at: Option<Timestamp>, cx: &Context) -> Report {
    if cx.format() == Format::Json {
        return Report::Item(vec![
            ("code", Cell::Secret(code.value)),
            ("seconds_left", Cell::Int(code.seconds_left)),
            ("period", Cell::Int(code.period)),
            ("digits", Cell::Int(code.digits.into())),
            ("algorithm", Cell::owned(code.algorithm)),
        ]);
    }
    if cx.world.stdout_is_terminal && at.is_none() {
        cx.note_later(remaining(code.seconds_left));
    }
    Report::Value(code.value)
}

fn remaining(seconds: i64) -> String {
    let unit = if seconds == 1 { "second" } else { "seconds" };
    format!("good for {seconds} more {unit}")
}
