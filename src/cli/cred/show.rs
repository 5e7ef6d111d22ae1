//! `vault cred show`.

use super::meant;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::digest;
use crate::cli::report::{Cell, Report};
use crate::error::Result;
use crate::model::{Attr, FieldName, Metadata, Secret};
use crate::vault::Credential;
use clap_complete::engine::ArgValueCompleter;

/// Show what is known of a credential; secrets as dots
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred show gitea-admin
  vault cred show gitea-admin --reveal
  vault cred show web/tls --digest
  vault cred show gitea-admin --json")]
pub struct Args {
    /// Which credential; a beginning that fits only one name will do
    #[arg(add = ArgValueCompleter::new(complete::names))]
    name: String,

    /// Show the secrets too; logged as decrypt
    #[arg(long)]
    reveal: bool,

    /// Show the size and SHA-256 of each secret; logged as decrypt
    #[arg(long, conflicts_with = "reveal")]
    digest: bool,

    /// Show secrets on the terminal even if they could drive it
    #[arg(long, requires = "reveal")]
    raw: bool,

    /// Unlock, and check against the vault's keys what is shown
    #[arg(long)]
    verify: bool,

    /// One in the trash
    #[arg(long, conflicts_with_all = ["reveal", "digest"])]
    deleted: bool,
}

/// Shows it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    if args.reveal || args.digest {
        return opened(&args, cx);
    }
    let credential = if args.verify || cx.has_key_source() {
        let mut vault = cx.unlocked()?;
        let name = meant(cx, &vault, &args.name, args.deleted)?;
        vault.show(&name, args.deleted)?
    } else {
        let mut vault = cx.locked()?;
        let name = meant(cx, &vault, &args.name, args.deleted)?;
        cx.note("not verified while locked; `--verify` unlocks");
        vault.show(&name, args.deleted)?
    };
    let hidden = versions(&credential).map(|(field, _)| (field, Cell::Hidden)).collect();
    Ok(Report::Item(item(&credential, hidden)))
}

/// Shows it with what can only be told of the open values.
fn opened(args: &Args, cx: &mut Context) -> Result<Report> {
    let mut vault = cx.unlocked()?;
    let name = meant(cx, &vault, &args.name, false)?;
    cx.show_raw(args.raw);
    let (mut credential, secrets) = vault.reveal_all(&name)?;
    let media = |(field, value): &(FieldName, Secret)| {
        value.media().map(|media| (field.clone(), media.to_owned()))
    };
    credential.media = secrets.iter().filter_map(media).collect();
    let cells = match args.digest {
        true => digests(&secrets),
        false => revealed(&credential, secrets),
    };
    Ok(Report::Item(item(&credential, cells)))
}

type Pairs = Vec<(&'static str, Cell<'static>)>;

fn item(credential: &Credential, secrets: Vec<(String, Cell<'static>)>) -> Pairs {
    let mut item = vec![
        ("name", Cell::owned(credential.name.as_str())),
        ("type", Cell::owned(credential.meta.kind.as_str())),
    ];
    item.extend(metadata(&credential.meta));
    let fields = credential.meta.fields.iter();
    let fields = fields.map(|(k, v)| (k.to_string(), Cell::owned(v.as_str()))).collect::<Vec<_>>();
    if !fields.is_empty() {
        item.push(("fields", Cell::Map(fields)));
    }
    item.push(("secrets", Cell::Map(secrets)));
    if !credential.media.is_empty() {
        let media = credential.media.iter().map(|(k, v)| (k.to_string(), Cell::owned(v.as_str())));
        item.push(("media", Cell::Map(media.collect())));
    }
    let numbers = versions(credential).map(|(field, version)| (field, Cell::Int(version.into())));
    item.push(("versions", Cell::Map(numbers.collect())));
    let incidents = credential.incidents.iter();
    let incidents =
        incidents.map(|(number, exposure)| format!("{number} ({})", exposure.word()).into());
    if !credential.incidents.is_empty() {
        item.push(("incidents", Cell::List(incidents.collect())));
    }
    item.push(("id", Cell::owned(credential.id.to_string())));
    item.push(("created", Cell::Time(credential.created_at)));
    item.push(("updated", Cell::Time(credential.updated_at)));
    item.extend(credential.deleted_at.map(|at| ("deleted", Cell::Time(at))));
    item.push(("verified", Cell::Flag(credential.verified)));
    item
}

/// The metadata that is set, in the order of the columns.
fn metadata(meta: &Metadata) -> Pairs {
    let texts = Attr::ALL.into_iter().filter_map(|attr| Some((attr.name(), meta.get(attr)?)));
    let mut item: Pairs = texts.map(|(name, text)| (name, Cell::owned(text))).collect();
    item.extend(meta.port.map(|port| ("port", Cell::Int(port.into()))));
    if !meta.tags.is_empty() {
        let tags = meta.tags.iter().map(|tag| tag.to_string().into());
        item.push(("tags", Cell::List(tags.collect())));
    }
    item.extend(meta.requires_vpn.then_some(("requires_vpn", Cell::Flag(true))));
    item.extend(meta.requires_2fa.then_some(("requires_2fa", Cell::Flag(true))));
    item.extend(meta.expires_at.map(|at| ("expires", Cell::Time(at))));
    item.extend(meta.rotate_every.map(|span| ("rotate_every", Cell::Text(words(span).into()))));
    item.extend(meta.keep.map(|keep| ("keep", Cell::Int(keep.into()))));
    item.extend(meta.last_rotated_at.map(|at| ("last_rotated", Cell::Time(at))));
    item.extend(meta.last_verified_at.map(|at| ("last_verified", Cell::Time(at))));
    item.extend(meta.verdict.as_deref().map(|verdict| ("verdict", Cell::owned(verdict))));
    item
}

fn versions(credential: &Credential) -> impl Iterator<Item = (String, u32)> {
    credential.secrets.iter().map(|(field, version)| (field.to_string(), *version))
}

fn revealed(
    credential: &Credential,
    mut secrets: Vec<(FieldName, Secret)>,
) -> Vec<(String, Cell<'static>)> {
    let mut take = |name: &str| {
        let at = secrets.iter().position(|(field, _)| field.as_str() == name)?;
        Some(Cell::Secret(secrets.swap_remove(at).1))
    };
    let cells = versions(credential).map(|(field, _)| {
        let cell = take(&field).unwrap_or(Cell::Hidden);
        (field, cell)
    });
    cells.collect()
}

/// The size and digest of each value, in the place of the value.
fn digests(secrets: &[(FieldName, Secret)]) -> Vec<(String, Cell<'static>)> {
    let one = |(field, value): &(FieldName, Secret)| {
        let bytes = i64::try_from(value.len()).unwrap_or(i64::MAX);
        let told = vec![
            ("bytes".to_owned(), Cell::Int(bytes)),
            ("sha256".to_owned(), Cell::owned(digest::sha256(value))),
        ];
        (field.to_string(), Cell::Map(told))
    };
    secrets.iter().map(one).collect()
}

/// A span of seconds in its largest whole unit, as it may be typed: `90d`.
pub fn words(seconds: i64) -> String {
    let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
    let fits = units.into_iter().find(|(size, _)| seconds % size == 0);
    let (size, unit) = fits.unwrap_or((1, 's'));
    format!("{}{unit}", seconds / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_they_are_typed() {
        for text in ["90d", "12h", "30m", "45s"] {
            assert_eq!(words(crate::model::parse_duration(text).unwrap()), text);
        }
    }
}
