//! `vault cred clone`.

use super::meta::MetaArgs;
use super::set::ClearArgs;
use super::{add, meant, set};
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::report::{Cell, Report};
use crate::cli::value::{self, Given, ValueArgs};
use crate::error::Result;
use crate::kind::{self, Kind, STATED};
use crate::model::{CredName, FieldName, Metadata, Secret};
use crate::vault::{Credential, NewCredential};
use clap_complete::engine::ArgValueCompleter;

/// Keep a new credential like an old one
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred clone db/main db/replica --host replica.example.com
  vault cred clone acme/vpn globex/vpn --client globex --generate
  vault cred clone db/main db/copy --with-secrets

Metadata is copied, and changed by the options. When the old one expires or was rotated is not. A
secret that two credentials share is lost for both when it is lost: it is copied only if you say so.")]
pub struct Args {
    /// Which credential it is like; a beginning that fits only one name will do
    #[arg(value_name = "OLD", add = ArgValueCompleter::new(complete::names))]
    from: String,

    /// What to call it
    #[arg(value_name = "NEW")]
    to: CredName,

    /// Copy the secrets too; logged as decrypt
    #[arg(long, conflicts_with_all = ["source", "exact"],
          help_heading = "Where the secret comes from (default: a hidden prompt)")]
    with_secrets: bool,

    #[command(flatten)]
    meta: MetaArgs,

    #[command(flatten)]
    clear: ClearArgs,

    #[command(flatten)]
    value: ValueArgs,
}

/// Stores it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    args.meta.apply(&mut Metadata::default(), cx.world.now())?;
    let early = set::early(&args.value, None, cx)?;
    let notes = args.meta.notes()?;
    let mut vault = cx.unlocked()?;
    let from = meant(cx, &vault, &args.from, false)?;
    if vault.names(args.to.as_str(), false, 1)? == [args.to.as_str()] {
        return Err(add::taken(&args.to)); // before anything is revealed, or typed in vain
    }
    let (old, mut secrets) = match args.with_secrets {
        true => vault.reveal_all(&from)?,
        false => (vault.show(&from, false)?, Vec::new()),
    };
    let kind = kind::find(&old.meta.kind)?;
    let mut meta = inherited(&old.meta, args.with_secrets);
    args.clear.apply(&mut meta)?;
    args.meta.apply(&mut meta, cx.world.now())?;
    if !args.with_secrets {
        secrets = fresh(cx, &args.value, early, kind, &old, &meta)?;
    }
    if let Some(learn) = kind.learn {
        learn(&secrets, &mut meta);
    }
    if let Some(notes) = notes {
        secrets.retain(|(field, _)| *field != notes.0);
        secrets.push(notes);
    }
    let report = done(cx, &old, &args.to, &secrets);
    vault.add(NewCredential { name: args.to, meta, secrets })?;
    Ok(report)
}

/// The metadata without what belongs to the old secret.
fn inherited(old: &Metadata, with_secrets: bool) -> Metadata {
    let mut meta = old.clone();
    meta.fields.retain(|name, _| with_secrets || name.as_str() != STATED);
    (meta.expires_at, meta.last_rotated_at) = (None, None);
    (meta.last_verified_at, meta.verdict) = (None, None);
    meta
}

/// New secrets in the fields that the kind demands, and in the old one's primary field.
fn fresh(
    cx: &Context,
    value: &ValueArgs,
    early: Option<Given>,
    kind: &Kind,
    old: &Credential,
    meta: &Metadata,
) -> Result<Vec<(FieldName, Secret)>> {
    let have: Vec<_> = old.secrets.iter().map(|(field, _)| field).collect();
    let fields = add::fields(kind, &[set::primary(kind, &have)?], value.given())?;
    let mut given: Vec<_> = early.into_iter().collect();
    for field in &fields[given.len()..] {
        given.push(match value.read(kind, field, cx)? {
            Some(made) => made,
            None => value::ask(cx, field)?,
        });
    }
    add::heed(cx, kind, meta, fields.iter().zip(&given))?;
    Ok(fields.into_iter().zip(given.into_iter().map(|given| given.secret)).collect())
}

fn done(cx: &Context, old: &Credential, to: &CredName, secrets: &[(FieldName, Secret)]) -> Report {
    let new = |field: &FieldName| secrets.iter().any(|(other, _)| other == field);
    let missing = old.secrets.iter().filter(|(field, _)| !new(field));
    let missing: Vec<_> = missing.map(|(field, _)| format!("`{field}`")).collect();
    if !missing.is_empty() {
        cx.note_later(format!("not in `{to}`: {}", missing.join(", ")));
    }
    let names = secrets.iter().map(|(field, _)| field.to_string().into()).collect();
    Report::Done {
        message: format!("cloned `{}` as `{to}`", old.name),
        item: vec![
            ("name", Cell::owned(to.as_str())),
            ("from", Cell::owned(old.name.as_str())),
            ("type", Cell::owned(old.meta.kind.as_str())),
            ("secrets", Cell::List(names)),
        ],
    }
}
