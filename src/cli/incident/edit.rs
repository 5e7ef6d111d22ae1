//! `vault incident edit`.

use super::fields::{FieldArgs, TextArgs};
use super::{form, words};
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::editing::Editing;
use crate::cli::report::{Cell, Report};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use crate::model::incident::{IncidentMeta, IncidentNumber, IncidentTexts, Todo};
use crate::vault::{Incident, Tick, Unlocked, Vault};
use clap_complete::engine::ArgValueCompleter;

/// Change what an incident says, by options or in your editor; tick steps off
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault incident edit INC-7
  vault incident edit INC-7 --severity critical --owner alice --client ''
  vault incident edit INC-7 --stdin=findings < findings.txt
  vault incident edit INC-7 --done revoke --done 4 --step 'call the insurance'

Without options it opens in your editor, the texts with it. An empty value clears. Steps are named by
their number or key, as `vault incident show` lists them.")]
pub struct Args {
    /// Which incident: INC-7, or 7
    #[arg(value_name = "INCIDENT", add = ArgValueCompleter::new(complete::incidents))]
    number: IncidentNumber,

    /// What happened, in one line; stored in clear
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,

    #[command(flatten)]
    fields: FieldArgs,

    #[command(flatten)]
    texts: TextArgs,

    #[command(flatten)]
    steps: StepArgs,
}

/// The list of things to do.
#[derive(clap::Args)]
#[command(next_help_heading = "Steps to do")]
struct StepArgs {
    /// A further step; may be given several times
    #[arg(long, value_name = "TEXT", value_parser = words::filled)]
    step: Vec<String>,
    /// Tick a step off; may be given several times
    #[arg(long, value_name = "STEP")]
    done: Vec<String>,
    /// Take the tick away again; may be given several times
    #[arg(long, value_name = "STEP")]
    undo: Vec<String>,
}

/// Changes it.
pub fn run(mut args: Args, cx: &mut Context) -> Result<Report> {
    let title = args.title.is_some();
    if !title && !args.fields.any() && !args.texts.any() && !args.steps.any() {
        return in_editor(args.number, cx);
    }
    args.fields.check(args.title.as_deref(), cx)?;
    args.texts.read()?;
    let mut vault = cx.unlocked()?;
    let now = vault.incident(args.number)?;
    let (mut meta, mut texts) = said(&now);
    if let Some(title) = &args.title {
        meta.title.clone_from(title);
    }
    args.fields.apply(&mut meta, cx)?;
    args.texts.apply(&mut texts);
    texts.add_steps(now.listing.meta.kind, meta.kind);
    let tick = (cx.world.now().0, vault.user().to_owned());
    args.steps.apply(&now, &mut texts, &tick)?;
    let changed = vault.edit_incident(&now, meta, &texts)?;
    Ok(done(args.number, &changed))
}

impl StepArgs {
    fn any(&self) -> bool {
        [&self.step, &self.done, &self.undo].iter().any(|texts| !texts.is_empty())
    }

    /// Adds steps, and ticks them off.
    ///
    /// # Errors
    /// Not found (10) for a step that is not there; refused (14) to take a tick away that the vault
    /// has made.
    fn apply(&self, now: &Incident, texts: &mut IncidentTexts, tick: &(i64, String)) -> Result<()> {
        for text in &self.step {
            texts.todos.push(Todo { key: String::new(), text: text.clone(), done: None });
        }
        for which in &self.done {
            let todo = find(&mut texts.todos, which, now)?;
            todo.done.get_or_insert_with(|| tick.clone());
        }
        for which in &self.undo {
            let todo = find(&mut texts.todos, which, now)?;
            let states = now.steps();
            let state = states.iter().find(|state| *state.todo == *todo);
            if let Some(Tick::ByItself { .. }) = state.and_then(|state| state.tick) {
                let what = format!("step `{which}` was not ticked off by hand");
                return Err(Error::new(ErrorKind::Refused, what)
                    .hint("its tick goes when what the vault knows does not hold any more"));
            }
            todo.done = None;
        }
        Ok(())
    }
}

/// A step by its number or key.
fn find<'t>(todos: &'t mut [Todo], which: &str, now: &Incident) -> Result<&'t mut Todo> {
    let at = match which.parse::<usize>() {
        Ok(number) => number.checked_sub(1),
        Err(_) => todos.iter().position(|todo| todo.key == which && !which.is_empty()),
    };
    at.and_then(|at| todos.get_mut(at)).ok_or_else(|| {
        let number = now.listing.number;
        Error::new(ErrorKind::NotFound, format!("incident {number} has no step `{which}`"))
            .hint(format!("vault incident show {number}"))
    })
}

/// Lets it be edited until it is right, or given up.
fn in_editor(number: IncidentNumber, cx: &Context) -> Result<Report> {
    let desk = Editing::new(cx, form::SHEET)?;
    let mut vault = cx.unlocked()?;
    let mut now = vault.incident(number)?;
    let (meta, texts) = said(&now);
    let head = format!("{number}, {}", now.listing.status.word());
    let first = form::write(&head, &meta, &texts, &now.steps());
    let changed = desk.until_taken(&first, |text| {
        take(&mut vault, &now, text, cx).inspect_err(|wrong| {
            // whoever goes on after somebody else's change is told of it; of a later one not yet
            if wrong.kind() == ErrorKind::Conflict
                && let Ok(fresh) = vault.incident(number)
            {
                now = fresh;
            }
        })
    })?;
    Ok(done(number, &changed.unwrap_or_default()))
}

/// Makes the change that `text` says.
fn take(
    vault: &mut Vault<Unlocked>,
    now: &Incident,
    text: &Secret,
    cx: &Context,
) -> Result<Vec<&'static str>> {
    let (meta, texts) = said(now);
    let user = vault.user().to_owned();
    let filled = form::read(text, &meta, &texts, &user, cx)?;
    vault.edit_incident(now, filled.meta, &filled.texts)
}

fn said(now: &Incident) -> (IncidentMeta, IncidentTexts) {
    (now.listing.meta.clone(), now.texts.clone().unwrap_or_default())
}

fn done(number: IncidentNumber, changed: &[&'static str]) -> Report {
    let message = match changed.is_empty() {
        true => format!("nothing changed in {number}"),
        false => format!("changed {number}: {}", changed.join(", ")),
    };
    let item = vec![
        ("number", Cell::owned(number.to_string())),
        ("changed", Cell::List(changed.iter().map(|name| (*name).into()).collect())),
    ];
    Report::Done { message, item }
}
