//! `vault cred list`.

use super::columns::{self, LAST_READ, ListColumn, Shown, USUAL};
use super::filter::AllFilterArgs;
use crate::cli::context::Context;
use crate::cli::render::Format;
use crate::cli::report::{Cell, Report, Rows, Sink};
use crate::error::Result;
use crate::model::Attr;
use crate::vault::{Filter, Listed, Order, State, Vault};
use clap::builder::PossibleValuesParser;

/// List credentials, without unlocking
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred list
  vault cred list --client acme --type ssh
  vault cred list --search git --format plain
  vault cred list --unused 90d --sort last_read,name --columns name,owner,last_read
  vault cred list --expired --sort=-expires
  vault cred list --deleted
  vault cred list --canary")]
pub struct Args {
    #[command(flatten)]
    filter: AllFilterArgs,

    /// Those in the trash
    #[arg(long)]
    deleted: bool,

    /// Only canaries; unlocks, because nothing in the file tells which ones they are
    #[arg(long, conflicts_with_all = ["limit", "offset"])]
    canary: bool,

    /// In order of these columns; a minus before one turns it round
    #[arg(long, value_name = "KEY,…", value_delimiter = ',', allow_hyphen_values = true,
          help_heading = HEADING)]
    sort: Vec<String>,

    /// Only these columns; any that JSON has, and `last_read`
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', hide_possible_values = true,
          help_heading = HEADING, value_parser = PossibleValuesParser::new(columns::names()))]
    columns: Vec<String>,

    /// At most so many
    #[arg(long, value_name = "N", help_heading = HEADING)]
    limit: Option<u64>,

    /// Leave out so many first
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true,
          help_heading = HEADING)]
    offset: u64,

    /// Unlock, and check against the vault's keys what is listed
    #[arg(long, help_heading = HEADING)]
    verify: bool,
}

const HEADING: &str = "How to list them";

impl Args {
    /// Whether it needs the keys.
    pub(super) fn is_for_agent(&self) -> bool {
        self.verify || self.canary
    }
}

/// Lists them.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let shape = Shape::of(&args.columns, cx.format() == Format::Json)?;
    let sort = args.sort.iter().map(|key| columns::order(key)).collect::<Result<Vec<Order>>>()?;
    let filter = Filter {
        canary: args.canary,
        deleted: args.deleted,
        sort,
        limit: args.limit,
        offset: args.offset,
        brief: shape.is_brief() && !args.canary,
        last_read: shape.has(LAST_READ),
        ..args.filter.filter(cx.world.now())?
    };
    let (empty, headings) = (empty(&filter), columns::headings(&shape.columns));
    let rows = match args.is_for_agent() {
        true => rows(shape, cx.unlocked()?, filter),
        false => rows(shape, cx.locked()?, filter),
    };
    Ok(Report::Table { columns: headings.into(), rows, empty })
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

/// What a row consists of.
struct Shape {
    columns: Vec<&'static ListColumn>,
    /// The six that a list for people has: the quickest.
    usual: bool,
}

impl Shape {
    fn of(names: &[String], json: bool) -> Result<Self> {
        let usual = names.is_empty() && !json;
        let columns = match names {
            [] if json => columns::ALL.iter().filter(|column| column.name != LAST_READ).collect(),
            [] => columns::by_name(&USUAL.map(str::to_owned))?,
            names => columns::by_name(names)?,
        };
        Ok(Self { columns, usual })
    }

    fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.name == name)
    }

    fn is_brief(&self) -> bool {
        self.columns.iter().all(|column| USUAL.contains(&column.name))
    }
}

fn rows<S: State + 'static>(shape: Shape, mut vault: Vault<S>, filter: Filter) -> Box<Rows> {
    let brief = filter.brief;
    Box::new(move |sink: &mut Sink<'_>| {
        vault.list(&filter, &mut |row| match shape.usual {
            true => sink(&usual(row)?),
            false => these(row, &shape.columns, brief, sink),
        })
    })
}

/// The row as it lies in the database: nothing is copied.
fn usual<'r>(row: &'r Listed<'_>) -> Result<[Cell<'r>; 6]> {
    Ok([
        Cell::text(Some(row.name()?)),
        Cell::text(Some(row.kind()?)),
        Cell::text(row.attr(Attr::Username)?),
        Cell::text(row.attr(Attr::Url)?),
        Cell::text(row.attr(Attr::Client)?),
        Cell::time(row.expires_at()?),
    ])
}

fn these(
    row: &Listed<'_>,
    columns: &[&'static ListColumn],
    brief: bool,
    sink: &mut Sink<'_>,
) -> Result<()> {
    let mut id = uuid::Uuid::encode_buffer();
    let id = if brief { "" } else { row.id()?.hyphenated().encode_lower(&mut id) };
    let shown = Shown { row, id };
    // on the stack: what is allocated for each row is wiped for each row
    let mut cells = [const { Cell::None }; columns::MOST];
    for (cell, column) in cells.iter_mut().zip(columns) {
        *cell = (column.cell)(&shown)?;
    }
    sink(&cells[..columns.len().min(columns::MOST)])
}
