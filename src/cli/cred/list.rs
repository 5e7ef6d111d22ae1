//! `vault cred list`.

use super::show::words;
use crate::cli::context::Context;
use crate::cli::render::Format;
use crate::cli::report::{Cell, Column, Report, Rows, Sink};
use crate::error::Result;
use crate::kind;
use crate::model::{Attr, Label};
use crate::vault::{Filter, Listed, State, Vault};
use clap_complete::engine::ArgValueCandidates;

/// List credentials, without unlocking
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred list
  vault cred list --client acme --type ssh
  vault cred list --search git --format plain
  vault cred list --deleted")]
pub struct Args {
    /// Only of this sort
    #[arg(long = "type", value_name = "KIND", add = ArgValueCandidates::new(super::kinds))]
    kind: Option<String>,

    #[command(flatten)]
    attrs: AttrArgs,

    /// Only with this tag
    #[arg(long, value_name = "TAG")]
    tag: Option<Label>,

    /// Only those with this text anywhere in what lies in clear
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,

    /// Those in the trash
    #[arg(long)]
    deleted: bool,

    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<u64>,

    /// Leave out so many first
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    offset: u64,

    /// Unlock, and check against the vault's keys what is listed
    #[arg(long)]
    verify: bool,
}

/// Columns that must be equal.
#[derive(clap::Args)]
struct AttrArgs {
    /// Only of this client
    #[arg(long, value_name = "TEXT")]
    client: Option<String>,
    /// Only for this service
    #[arg(long, value_name = "TEXT")]
    service: Option<String>,
    /// Only on this system
    #[arg(long, value_name = "TEXT")]
    infra: Option<String>,
    /// Only with this user name
    #[arg(long, value_name = "TEXT")]
    username: Option<String>,
    /// Only for this URL
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Only on this host
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Only of this owner
    #[arg(long, value_name = "TEXT")]
    owner: Option<String>,
    /// Only in this environment
    #[arg(long, value_name = "TEXT")]
    environment: Option<String>,
    /// Only for this database
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
}

/// Lists them.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let json = cx.format() == Format::Json;
    let filter = filter(&args, !json)?;
    let empty = empty(&filter);
    let rows = match args.verify {
        true => rows(cx, cx.unlocked()?, filter),
        false => rows(cx, cx.locked()?, filter),
    };
    let columns = if json { EVERYTHING } else { COLUMNS };
    Ok(Report::Table { columns, rows, empty })
}

/// What is said when nothing is listed.
fn empty(filter: &Filter) -> &'static str {
    match filter {
        Filter { deleted: true, .. } => "the trash is empty, or nothing in it fits",
        Filter { kind: None, tag: None, search: None, limit: None, offset: 0, attrs, .. }
            if attrs.is_empty() =>
        {
            "no credentials yet; add the first: vault cred add NAME"
        }
        Filter { .. } => "no credentials, or none that fit",
    }
}

fn rows<S: State + 'static>(cx: &Context, mut vault: Vault<S>, filter: Filter) -> Box<Rows> {
    let json = cx.format() == Format::Json;
    Box::new(move |sink: &mut Sink<'_>| {
        vault.list(&filter, &mut |row| match json {
            true => everything(row, sink),
            false => sink(&cells(row)?),
        })
    })
}

/// The row as it lies in the database: nothing is copied.
fn cells<'r>(row: &'r Listed<'_>) -> Result<[Cell<'r>; 6]> {
    Ok([
        Cell::text(Some(row.name()?)),
        Cell::text(Some(row.kind()?)),
        Cell::text(row.attr(Attr::Username)?),
        Cell::text(row.attr(Attr::Url)?),
        Cell::text(row.attr(Attr::Client)?),
        Cell::time(row.expires_at()?),
    ])
}

fn everything(row: &Listed<'_>, sink: &mut Sink<'_>) -> Result<()> {
    let mut cells = Vec::with_capacity(EVERYTHING.len());
    cells.push(Cell::text(Some(row.name()?)));
    cells.push(Cell::text(Some(row.kind()?)));
    for attr in Attr::ALL {
        cells.push(Cell::text(row.attr(attr)?));
    }
    cells.push(row.port()?.map_or(Cell::None, Cell::Int));
    cells.push(Cell::List(row.tags()?.map(Into::into).collect()));
    cells.push(Cell::Flag(row.requires_vpn()?));
    cells.push(Cell::Flag(row.requires_2fa()?));
    cells.push(Cell::time(row.expires_at()?));
    cells.push(row.rotate_every()?.map_or(Cell::None, |span| Cell::owned(words(span))));
    cells.push(Cell::time(row.last_rotated_at()?));
    cells.push(Cell::time(row.last_verified_at()?));
    cells.push(Cell::text(row.verdict()?));
    let fields = row.fields()?;
    let fields = fields.into_iter().map(|(key, value)| (key.to_string(), Cell::owned(value)));
    cells.push(Cell::Map(fields.collect()));
    let secrets = row.secrets()?;
    let secrets = secrets.into_iter().map(|(key, n)| (key.to_string(), Cell::Int(n.into())));
    cells.push(Cell::Map(secrets.collect()));
    let mut id = uuid::Uuid::encode_buffer();
    cells.push(Cell::text(Some(row.id()?.hyphenated().encode_lower(&mut id))));
    cells.push(Cell::Time(row.created_at()?));
    cells.push(Cell::Time(row.updated_at()?));
    cells.push(Cell::time(row.deleted_at()?));
    cells.push(Cell::Flag(row.verified()));
    sink(&cells)
}

fn filter(args: &Args, brief: bool) -> Result<Filter> {
    let kind = args.kind.as_deref().map(kind::find).transpose()?;
    let attrs = &args.attrs;
    let equal = [
        (Attr::Client, &attrs.client),
        (Attr::Service, &attrs.service),
        (Attr::Infra, &attrs.infra),
        (Attr::Username, &attrs.username),
        (Attr::Url, &attrs.url),
        (Attr::Host, &attrs.host),
        (Attr::Owner, &attrs.owner),
        (Attr::Environment, &attrs.environment),
        (Attr::Database, &attrs.database),
    ];
    let equal = equal.into_iter().filter_map(|(attr, value)| Some((attr, value.clone()?)));
    Ok(Filter {
        kind: kind.map(|kind| kind.name.to_owned()),
        attrs: equal.collect(),
        tag: args.tag.clone(),
        search: args.search.clone().filter(|text| !text.is_empty()),
        deleted: args.deleted,
        limit: args.limit,
        offset: args.offset,
        brief,
    })
}

const fn column(name: &'static str) -> Column {
    Column { name }
}

const COLUMNS: &[Column] = &[
    column("name"),
    column("type"),
    column("username"),
    column("url"),
    column("client"),
    column("expires"),
];

/// JSON has every column.
const EVERYTHING: &[Column] = &[
    column("name"),
    column("type"),
    column("username"),
    column("url"),
    column("host"),
    column("database"),
    column("client"),
    column("service"),
    column("infra"),
    column("environment"),
    column("owner"),
    column("description"),
    column("port"),
    column("tags"),
    column("requires_vpn"),
    column("requires_2fa"),
    column("expires"),
    column("rotate_every"),
    column("last_rotated"),
    column("last_verified"),
    column("verdict"),
    column("fields"),
    column("versions"),
    column("id"),
    column("created"),
    column("updated"),
    column("deleted"),
    column("verified"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attributes_stand_in_their_order() {
        let names: Vec<_> = EVERYTHING[2..12].iter().map(|column| column.name).collect();
        assert_eq!(names, Attr::ALL.map(Attr::name));
    }
}
