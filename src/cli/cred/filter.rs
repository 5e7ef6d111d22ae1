//! Which credentials are meant: the options that `list` and every command for several share.

use super::meta::{Pair, named};
use crate::error::{Error, Result};
use crate::kind::{self, public};
use crate::model::{Attr, Label, Timestamp, parse_duration};
use crate::vault::Filter;
use clap_complete::engine::ArgValueCandidates;
use std::str::FromStr;

/// What must fit.
#[derive(clap::Args)]
#[command(next_help_heading = "Which credentials")]
pub struct FilterArgs {
    /// Only of this sort
    #[arg(long = "type", value_name = "KIND", add = ArgValueCandidates::new(super::kinds))]
    kind: Option<String>,

    #[command(flatten)]
    attrs: AttrArgs,

    /// Only with this tag; if given several times, with all of them
    #[arg(long, value_name = "TAG")]
    tag: Vec<Label>,

    /// Only what works inside a VPN alone
    #[arg(long)]
    requires_vpn: bool,

    /// Only what asks for a second factor
    #[arg(long)]
    requires_2fa: bool,

    /// Only those with this text anywhere in what lies in clear
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,

    /// Only those that have expired, or should have been rotated by now
    #[arg(long)]
    due: bool,

    /// Only those that have expired
    #[arg(long)]
    expired: bool,

    /// Only those whose secrets nobody has read for so long (90d), new ones among them
    #[arg(long, value_name = "SPAN", num_args = 0..=1, default_missing_value = "90d")]
    unused: Option<String>,

    /// Only those whose secrets have been the same for so long (365d)
    #[arg(long, value_name = "SPAN", num_args = 0..=1, default_missing_value = "365d")]
    stale: Option<String>,

    /// Only those that were never rotated
    #[arg(long)]
    never_rotated: bool,
}

/// The same, and public fields; for commands where `--field` means nothing else.
#[derive(clap::Args)]
#[command(next_help_heading = "Which credentials")]
pub struct AllFilterArgs {
    #[command(flatten)]
    filter: FilterArgs,

    /// Only with this public field; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = Pair::from_str)]
    field: Vec<Pair>,
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
    /// Only at this TCP port
    #[arg(long, value_name = "PORT")]
    port: Option<String>,
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

impl AllFilterArgs {
    /// What they say, of live ones.
    ///
    /// # Errors
    /// Usage (2), see [`FilterArgs::filter`].
    pub fn filter(&self, now: Timestamp) -> Result<Filter> {
        let fields = self.field.iter().map(|pair| (pair.key.clone(), pair.value.clone()));
        Ok(Filter { fields: fields.collect(), ..self.filter.filter(now)? })
    }
}

impl FilterArgs {
    /// What they say, of live ones.
    ///
    /// # Errors
    /// Usage (2) for an unknown kind, a port that is none, or a span that cannot be read.
    pub fn filter(&self, now: Timestamp) -> Result<Filter> {
        let kind = self.kind.as_deref().map(kind::find).transpose()?;
        let ago = |option, span: &Option<String>| {
            span.as_deref().map(|span| before(option, span, now)).transpose()
        };
        Ok(Filter {
            kind: kind.map(|kind| kind.name.to_owned()),
            attrs: self.attrs.equal(),
            port: self.attrs.port.as_deref().map(public::parse_port).transpose()?,
            requires_vpn: self.requires_vpn,
            requires_2fa: self.requires_2fa,
            tags: self.tag.clone(),
            search: self.searched()?,
            due_by: self.due.then_some(now),
            expired_by: self.expired.then_some(now),
            unused_since: ago("--unused", &self.unused)?,
            stale_since: ago("--stale", &self.stale)?,
            never_rotated: self.never_rotated,
            ..Filter::default()
        })
    }

    fn searched(&self) -> Result<Option<String>> {
        let text = self.search.clone().filter(|text| !text.is_empty());
        match text.as_ref().is_some_and(|text| text.len() > Filter::LONGEST_SEARCH) {
            true => Err(Error::usage(format!(
                "`--search` takes at most {} bytes",
                Filter::LONGEST_SEARCH
            ))
            .hint("a part of it will do")),
            false => Ok(text),
        }
    }
}

impl AttrArgs {
    fn equal(&self) -> Vec<(Attr, String)> {
        let equal = [
            (Attr::Client, &self.client),
            (Attr::Service, &self.service),
            (Attr::Infra, &self.infra),
            (Attr::Username, &self.username),
            (Attr::Url, &self.url),
            (Attr::Host, &self.host),
            (Attr::Owner, &self.owner),
            (Attr::Environment, &self.environment),
            (Attr::Database, &self.database),
        ];
        equal.into_iter().filter_map(|(attr, value)| Some((attr, value.clone()?))).collect()
    }
}

/// The moment that lies `span` before `now`.
fn before(option: &str, span: &str, now: Timestamp) -> Result<Timestamp> {
    let seconds = parse_duration(span).map_err(|e| named(option, &e))?;
    Ok(Timestamp(now.0 - seconds * 1000))
}
