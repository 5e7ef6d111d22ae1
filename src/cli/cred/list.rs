//! `vault cred list`.

use super::filter::FilterArgs;
use super::show::words;
use crate::cli::context::Context;
use crate::cli::render::Format;
use crate::cli::report::{Cell, Column, Report, Rows, Sink};
use crate::error::Result;
use crate::model::Attr;
use crate::vault::{Filter, Listed, State, Vault};

/// List credentials, without unlocking
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred list
  vault cred list --client acme --type ssh
  vault cred list --search git --format plain
  vault cred list --deleted")]
pub struct Args {
    #[command(flatten)]
    filter: FilterArgs,

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

/// Lists them.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let json = cx.format() == Format::Json;
    let filter = Filter {
        deleted: args.deleted,
        limit: args.limit,
        offset: args.offset,
        brief: !json,
        ..args.filter.filter(cx.world.now())?
    };
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
        Filter { limit: None, offset: 0, .. } if filter.is_empty() => {
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
    cells.push(row.keep()?.map_or(Cell::None, Cell::Int));
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
    column("keep"),
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
