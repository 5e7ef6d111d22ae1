//! `vault cred totp`.

use super::meant;
use crate::cli::clipboard::{Clipboard, ClipboardArgs};
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::render::Format;
use crate::cli::report::{Cell, Report};
use crate::error::{Error, Result};
use crate::kind::totp::Code;
use crate::model::{CredName, FieldName, Timestamp, parse_when};
use crate::vault::To;
use clap_complete::engine::ArgValueCompleter;

/// Print the one-time code of now
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred totp gitea-admin
  vault cred totp gitea-admin --copy
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

    /// Copy it to the clipboard instead of printing it
    #[arg(long)]
    copy: bool,

    #[command(flatten)]
    clipboard: ClipboardArgs,
}

/// Makes it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let at = args.at.as_deref().map(|at| parse_when(at, cx.world.now(), true)).transpose()?;
    if args.clipboard.given() && !args.copy {
        return Err(Error::usage("nothing is to be copied").hint("add --copy"));
    }
    let clipboard = args.copy.then(|| args.clipboard.open(cx)).transpose()?;
    let mut vault = cx.unlocked()?;
    let name = meant(cx, &vault, &args.name, false)?;
    let to = clipboard.as_ref().map_or(To::Caller, Clipboard::to);
    let code = vault.code(&name, args.field.as_ref(), at, to)?;
    vault.leave();
    match clipboard {
        Some(clipboard) => copied(code, &name, clipboard, cx),
        None => Ok(shown(code, at, cx)),
    }
}

fn copied(code: Code, name: &CredName, clipboard: Clipboard, cx: &Context) -> Result<Report> {
    let mut item = vec![("name", Cell::owned(name.as_str()))];
    item.extend(clipboard.item());
    item.extend(facts(&code));
    let (how, left) = (clipboard.put(&code.value, cx)?, remaining(code.seconds_left));
    Ok(Report::Done { message: format!("copied the code of `{name}` {how}; {left}"), item })
}

/// The digits; for programs, all that is known of them.
fn shown(code: Code, at: Option<Timestamp>, cx: &Context) -> Report {
    if cx.format() == Format::Json {
        let facts = facts(&code);
        return Report::Item(
            [("code", Cell::Secret(code.value))].into_iter().chain(facts).collect(),
        );
    }
    if cx.world.stdout_is_terminal && at.is_none() {
        cx.note_later(remaining(code.seconds_left));
    }
    Report::Value(code.value)
}

/// What is known of a code besides its digits.
fn facts(code: &Code) -> [(&'static str, Cell<'static>); 4] {
    [
        ("seconds_left", Cell::Int(code.seconds_left)),
        ("period", Cell::Int(code.period)),
        ("digits", Cell::Int(code.digits.into())),
        ("algorithm", Cell::owned(code.algorithm)),
    ]
}

fn remaining(seconds: i64) -> String {
    let unit = if seconds == 1 { "second" } else { "seconds" };
    format!("good for {seconds} more {unit}")
}
