//! `vault helper aws`: `credential_process` of the AWS tools.

use super::find;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::report::Report;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CredName, FieldName};
use clap_complete::engine::ArgValueCompleter;

/// Answer the AWS tools, as the setting `credential_process` wants it
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred add aws/prod --type api_key --username AKIAIOSFODNN7EXAMPLE --stdin < secret.txt
  vault helper install aws aws/prod --profile prod
  vault helper aws aws/prod

The key id is the public field access_key_id, or the --username; the key itself is the secret field
secret_access_key, or the primary one. With a secret field session_token it is a temporary one, and
--expires says until when.")]
pub struct Args {
    /// Which credential
    #[arg(add = ArgValueCompleter::new(complete::names))]
    name: CredName,
}

/// Answers.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let mut vault = cx.unlocked()?;
    let known = find::must_be_there(&vault, &args.name)?;
    let id: FieldName =
        match ["access_key_id", "username"].into_iter().find(|n| known.has_public(n)) {
            Some(name) => name.parse()?,
            None => known.secret(&["access_key_id"]).cloned().ok_or_else(|| no_id(&args.name))?,
        };
    let key = match known.secret(&["secret_access_key"]) {
        Some(field) => field,
        None => super::primary(&known)?,
    };
    let session = known.secret(&["session_token"]);
    let fields = [&id, key].into_iter().chain(session);
    let references: Vec<String> = fields.map(|field| known.reference(field)).collect();
    let handed = find::hand_out(&mut vault, "aws", &references)?;
    vault.leave();
    let text = |at: usize| handed.get(at).map(|one| find::line(&known, &one.value)).transpose();
    let expiration = known.expires_at.filter(|_| session.is_some()).map(|at| at.to_string());
    super::document(&Answer {
        version: 1,
        access_key_id: text(0)?,
        secret_access_key: text(1)?,
        session_token: text(2)?,
        expiration,
    })
}

#[derive(serde::Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    version: u8,
    access_key_id: Option<&'a str>,
    secret_access_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<String>,
}

fn no_id(name: &CredName) -> Error {
    Error::new(ErrorKind::NotFound, format!("`{name}` has no access key id"))
        .hint("give it one: vault cred set NAME --username AKIA…")
}
