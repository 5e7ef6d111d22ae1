//! Which credentials are meant: the options that `list` and every command for several share.

use crate::error::Result;
use crate::kind;
use crate::model::{Attr, Label, Timestamp};
use crate::vault::Filter;
use clap_complete::engine::ArgValueCandidates;

/// What must fit.
#[derive(clap::Args)]
#[command(next_help_heading = "Which credentials")]
pub struct FilterArgs {
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

    /// Only those that have expired, or should have been rotated by now
    #[arg(long)]
    due: bool,
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

impl FilterArgs {
    /// What they say, of live ones.
    ///
    /// # Errors
    /// Usage (2) for an unknown kind.
    pub fn filter(&self, now: Timestamp) -> Result<Filter> {
        let kind = self.kind.as_deref().map(kind::find).transpose()?;
        let attrs = &self.attrs;
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
            tag: self.tag.clone(),
            search: self.search.clone().filter(|text| !text.is_empty()),
            due_by: self.due.then_some(now),
            ..Filter::default()
        })
    }
}
