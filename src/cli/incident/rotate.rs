//! `vault incident rotate`: new values for all that an incident exposes, each in a transaction of its
//! own. What one fails at does not stop the others; running it again goes on with what is left.

use super::rotate_report::report;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::cred::expect::IfVersion;
use crate::cli::cred::rotate::{Order, Rotated, rotate};
use crate::cli::progress;
use crate::cli::report::Report;
use crate::cli::value::ValueArgs;
use crate::error::{Error, ErrorKind, Result};
use crate::kind::generate::{self, Settings, Wish};
use crate::kind::{self, Kind};
use crate::model::incident::IncidentNumber;
use crate::model::{CredName, FieldName};
use crate::vault::{Credential, Incident, LinkState, Linked, Unlocked, Vault};
use clap_complete::engine::ArgValueCompleter;

/// Put new values in the place of all that an incident exposes
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault incident rotate INC-7 --dry-run
  vault incident rotate INC-7 --yes
  vault incident rotate INC-7 db/main vpn/alice --generate=40

All secret fields of the linked credentials get new values, unless that was done since the
incident, or they are waived or not exposed. What cannot be made up (a file, a certificate, what a
service issues) is named with the command for it. Each result goes into the timeline, and each
entry of the log names the incident. Only the vault is changed: what is to be done at the service
is said.

Exit code 17 when something failed or is left to be done by hand; run it again to go on.")]
pub struct Args {
    /// Which incident: INC-7, or 7
    #[arg(value_name = "INCIDENT", add = ArgValueCompleter::new(complete::incidents))]
    number: IncidentNumber,

    /// Only these of its credentials
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(complete::names))]
    names: Vec<CredName>,

    /// Make them up by a policy, not of each kind's own composition
    #[arg(long, value_name = "POLICY", require_equals = true,
          add = ArgValueCompleter::new(complete::policies))]
    generate: Option<Wish>,

    /// Do not ask before several are rotated
    #[arg(long)]
    yes: bool,

    /// Say what would be rotated, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// A secret field, or a credential as a whole, and what becomes of it.
pub struct Item {
    /// Whose it is.
    pub name: String,
    /// Which secret field; none for all of them.
    pub field: Option<FieldName>,
    /// What becomes of it.
    pub outcome: Outcome,
}

/// What becomes of it.
pub enum Outcome {
    /// It is to be rotated.
    Planned,
    /// It was.
    Rotated(Rotated),
    /// Somebody must do it: why, and with which command.
    ByHand(String, Vec<String>),
    /// It was named, and needs nothing: why.
    Settled(String),
    /// It could not be rotated.
    Failed(Error),
}

/// Rotates them.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let value = ValueArgs { generate: args.generate.map(Some), ..ValueArgs::default() };
    // what is wrong with it is said before the vault is opened
    let wished = value.wished(cx)?;
    let mut vault = cx.unlocked()?;
    let incident = vault.live_incident(args.number)?;
    let mut items =
        vault.tied(args.number, |vault| plan(vault, &incident, &args.names, wished.as_ref()))?;
    if !args.dry_run {
        if args.names.is_empty() && !args.yes {
            agree(cx, &items)?;
        }
        vault.tied(args.number, |vault| rotate_all(cx, vault, args.number, &value, &mut items));
    }
    Ok(report(cx, args.number, items))
}

/// What there is to do, in order of name.
fn plan(
    vault: &mut Vault<Unlocked>,
    incident: &Incident,
    names: &[CredName],
    wished: Option<&Settings>,
) -> Result<Vec<Item>> {
    let meant = |link: &Linked| names.iter().any(|name| name.as_str() == link.name);
    for name in names {
        if !incident.links.iter().any(|link| link.name == name.as_str()) {
            return Err(not_linked(incident.listing.number, name));
        }
    }
    let mut items = Vec::new();
    for link in incident.links.iter().filter(|link| names.is_empty() || meant(link)) {
        match (link.state.needs_rotation(), link.place) {
            (true, "live") => items.extend(plan_one(vault, link, wished)),
            (true, _) => items.push(gone(incident.listing.number, link)),
            (false, _) if names.is_empty() => {}
            (false, _) => items.push(Item::of(link, Outcome::Settled(link.says()))),
        }
    }
    Ok(items)
}

fn not_linked(number: IncidentNumber, name: &CredName) -> Error {
    Error::new(ErrorKind::NotFound, format!("`{name}` is not linked to {number}"))
        .hint(format!("vault incident link {number} NAME --exposure exposed"))
}

/// What is not there any more cannot be rotated, and is exposed until somebody says otherwise.
fn gone(number: IncidentNumber, link: &Linked) -> Item {
    let waive = format!("vault incident link {number} NAME --waive REASON");
    let (why, commands) = match link.place {
        "trash" => ("it is in the trash", vec!["vault cred restore NAME".to_owned(), waive]),
        _ => ("it was purged", vec![waive]),
    };
    Item::of(link, Outcome::ByHand(why.into(), commands)).named()
}

/// The fields of one credential that need new values, the primary one first: an expiry is counted from
/// the rotation before.
fn plan_one(vault: &mut Vault<Unlocked>, link: &Linked, wished: Option<&Settings>) -> Vec<Item> {
    let planned = link.name.parse::<CredName>().and_then(|name| {
        let credential = vault.look_for("rotate", &name)?;
        let kind = kind::find(&credential.meta.kind)?;
        let mut fields: Vec<&FieldName> =
            credential.secrets.iter().map(|(field, _)| field).filter(|f| needs(link, f)).collect();
        fields.sort_by_key(|field| Some(field.as_str()) != kind.primary().map(|f| f.name));
        let item = |field: &&FieldName| plan_field(kind, &credential, field, wished);
        Ok(fields.iter().map(item).collect())
    });
    planned.unwrap_or_else(|e| vec![Item::of(link, Outcome::Failed(e))])
}

fn needs(link: &Linked, field: &FieldName) -> bool {
    match &link.state {
        LinkState::Partly(left) => left.iter().any(|name| name == field.as_str()),
        LinkState::Open => field.as_str() != "notes",
        LinkState::Rotated(_)
        | LinkState::Verified(_)
        | LinkState::Waived(_)
        | LinkState::NotExposed => false,
    }
}

fn plan_field(
    kind: &Kind,
    credential: &Credential,
    field: &FieldName,
    wished: Option<&Settings>,
) -> Item {
    let is_file = credential.media.iter().any(|(other, _)| other == field);
    let check = match is_file && !generate::is_for_pairs(kind, field.as_str()) {
        true => Err(Error::new(ErrorKind::Unsupported, format!("`{field}` is a file"))),
        false => generate::check(kind, field.as_str(), wished),
    };
    let outcome = match check {
        Ok(()) => Outcome::Planned,
        Err(e) if e.kind() == ErrorKind::Unsupported => {
            let store = format!("vault cred rotate NAME --secret-field {field} --stdin < FILE");
            Outcome::ByHand(
                e.message().to_owned(),
                e.hints().iter().cloned().chain([store]).collect(),
            )
        }
        Err(e) => Outcome::Failed(e),
    };
    Item { name: credential.name.clone(), field: Some(field.clone()), outcome }.named()
}

/// Asks before several credentials are rotated.
fn agree(cx: &Context, items: &[Item]) -> Result<()> {
    let planned = items.iter().filter(|item| matches!(item.outcome, Outcome::Planned));
    let mut names: Vec<&str> = planned.map(|item| item.name.as_str()).collect();
    names.dedup();
    if names.len() < 2 {
        return Ok(());
    }
    for name in names.iter().take(MOST_SHOWN) {
        cx.note(&format!("`{name}` needs new values"));
    }
    if names.len() > MOST_SHOWN {
        cx.note(&format!("and {} more", names.len() - MOST_SHOWN));
    }
    let hint = "say so with the command: --yes; see which they are: --dry-run";
    cx.confirm(&format!("Rotate {} credentials?", names.len()), hint)
}

/// More would hide the question.
const MOST_SHOWN: usize = 10;

fn rotate_all(
    cx: &Context,
    vault: &mut Vault<Unlocked>,
    number: IncidentNumber,
    value: &ValueArgs,
    items: &mut [Item],
) {
    let bar = progress::bar_of(cx, "values rotated", items.len());
    for item in items {
        if matches!(item.outcome, Outcome::Planned) {
            item.outcome = rotate_one(cx, vault, item, value);
        }
        if let Err(e) = note(vault, number, item) {
            let name = &item.name;
            cx.warn(&format!("what became of `{name}` is not in the timeline: {}", e.message()));
            cx.end_with(ErrorKind::Partial);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
}

fn rotate_one(
    cx: &Context,
    vault: &mut Vault<Unlocked>,
    item: &Item,
    value: &ValueArgs,
) -> Outcome {
    let only_if = &IfVersion::default();
    let order = Order { field: item.field.as_ref(), value, prompt: false, expires: None, only_if };
    let name = item.name.parse::<CredName>();
    match name.and_then(|name| rotate(cx, vault, &name, &order, None)) {
        Ok(rotated) => Outcome::Rotated(rotated),
        Err(e) => Outcome::Failed(e),
    }
}

/// Writes what became of it into the timeline. What only somebody else can do was not tried.
fn note(vault: &mut Vault<Unlocked>, number: IncidentNumber, item: &Item) -> Result<()> {
    let Some(field) = &item.field else { return Ok(()) };
    let result = match &item.outcome {
        Outcome::Rotated(rotated) => format!("{field}: version {}", rotated.version),
        Outcome::Failed(e) => format!("{field}: failed ({})", e.kind().word()),
        Outcome::ByHand(..) | Outcome::Settled(_) | Outcome::Planned => return Ok(()),
    };
    vault.enter_rotation(number, &item.name.parse()?, &result)
}

impl Item {
    /// About a credential as a whole.
    fn of(link: &Linked, outcome: Outcome) -> Self {
        Self { name: link.name.clone(), field: None, outcome }
    }

    /// The same with its own name in the commands to paste.
    fn named(mut self) -> Self {
        if let Outcome::ByHand(_, commands) = &mut self.outcome {
            let name = crate::cli::usage::paste(&[&self.name]);
            for command in commands {
                *command = command.replace(" NAME", &format!(" {name}"));
            }
        }
        self
    }
}
