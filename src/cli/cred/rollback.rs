//! `vault cred rollback`.

use super::expect::IfVersion;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::report::{Cell, Report};
use crate::error::Result;
use crate::model::{CredName, FieldName};
use clap_complete::engine::ArgValueCompleter;

/// Make an older value of a secret the current one again, as a new version
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred history db/main
  vault cred rollback db/main --to 2
  vault cred rollback db/main password --to 2 --if-version 3 --reason 'the new one was refused'

The versions in between stay. So does the metadata, but for an expiry that the value states itself.")]
pub struct Args {
    /// Which credential
    #[arg(add = ArgValueCompleter::new(complete::names))]
    name: String,

    /// Which secret field, if not the primary one
    field: Option<FieldName>,

    /// Which version's value; `vault cred history` lists them
    #[arg(long, value_name = "N")]
    to: u32,

    #[command(flatten)]
    only_if: IfVersion,
}

/// Brings it back.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let mut vault = cx.unlocked()?;
    let name: CredName = args.name.parse()?;
    let expect = args.only_if.expect(args.field.as_ref());
    let (field, version) =
        vault.rollback((&name, expect.as_ref()), args.field.as_ref(), args.to)?;
    let to = args.to;
    Ok(Report::Done {
        message: format!(
            "rolled back `{name}`: version {version} of `{field}` is version {to} again"
        ),
        item: vec![
            ("name", Cell::owned(name.as_str())),
            ("field", Cell::owned(field.as_str())),
            ("version", Cell::Int(version.into())),
            ("to", Cell::Int(to.into())),
        ],
    })
}
