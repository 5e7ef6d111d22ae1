//! `vault inject`.

use super::context::Context;
use super::read::{self, Privacy};
use super::report::{Cell, Report};
use super::save::{FileMode, Output};
use super::showing::Showing;
use crate::error::{Error, Result};
use crate::model::{Reference, Secret, counted};
use crate::template::{Origin, Template};
use crate::vault::{Errand, Handed, Mode, Want, What};
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Fill secrets into a template
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault inject -i app.yaml.tpl -o app.yaml
  vault inject -i nginx.conf.tpl -o /etc/app/nginx.conf --mode 0640 --force
  vault inject < .env.tpl | ssh web1 'cat > /run/app/env'

In the template, {{ vault://NAME/FIELD }} becomes the value. Filters say how it is written, from left
to right: {{ vault://db/main | json }}.
  raw      as it is; the default
  json     a JSON string with its quotes
  shell    one quoted word of sh, dash, bash or zsh
  yaml     a double-quoted scalar of YAML
  url      percent-encoded
  base64   base64 on one line

A file of variables that is to be filled, or read by `vault run --env-file`, is written so:
  PASSWORD={{ vault://db/main/password | shell }}

All other braces stand as they are, and so do references without braces. A backslash before the braces takes their meaning away, and two
stand for one. What was put in is never looked at again. When one reference leads nowhere, nothing is
written.")]
pub struct Args {
    /// The template; standard input if it is missing or `-`
    #[arg(long, short, value_name = "TEMPLATE", value_hint = clap::ValueHint::FilePath)]
    input: Option<PathBuf>,

    #[command(flatten)]
    output: Output,

    #[command(flatten)]
    mode: FileMode,

    #[command(flatten)]
    showing: Showing,
}

/// Fills them in.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let input = args.input.as_deref().filter(|path| path.as_os_str() != "-");
    let Some(path) = args.output.checked()? else {
        args.showing.allow(cx)?;
        let template = template(input)?;
        return Ok(Report::Value(filled(&template, cx)?));
    };
    if input.is_some_and(|input| is_same(input, path)) {
        return Err(Error::usage("the output is the template itself").hint("name another: -o FILE"));
    }
    let template = template(input)?;
    // where nothing can be written, nothing is handed out
    args.output.save_as(path, args.mode.bits(), || filled(&template, cx))?;
    args.mode.tell(path, cx);
    let places = template.slots().count();
    Ok(Report::Done {
        message: format!("{} is written, {} filled in", path.display(), counted(places, "place")),
        item: vec![
            ("file", Cell::owned(path.display().to_string())),
            ("places", Cell::Int(i64::try_from(places).unwrap_or(i64::MAX))),
            ("mode", Cell::owned(args.mode.to_string())),
        ],
    })
}

fn template(path: Option<&Path>) -> Result<Template> {
    let (text, name) = match path {
        Some(path) => {
            let text = read::file(path, Secret::MAX, Privacy::AsItIs)?;
            (text, path.display().to_string())
        }
        None => (read::stdin(Secret::MAX)?, "stdin".to_owned()),
    };
    Template::parse(text.expose(), &Origin::start_of(name))
}

/// The text with all values in it; each reference is handed out once.
fn filled(template: &Template, cx: &Context) -> Result<Secret> {
    let mut references: Vec<&Reference> = Vec::new();
    let mut numbers = HashMap::new();
    let mut places = Vec::new();
    for slot in template.slots() {
        let number = *numbers.entry(slot.reference.to_string()).or_insert_with(|| {
            references.push(&slot.reference);
            references.len() - 1
        });
        places.push(number);
    }
    // a reference has one value, and they come in order
    let handed = handed(&references, cx)?;
    let value = |place: &usize| handed.get(*place).map(|one| &one.value);
    let values: Vec<&Secret> = places.iter().filter_map(value).collect();
    template.fill(&values)
}

fn handed(references: &[&Reference], cx: &Context) -> Result<Vec<Handed>> {
    if references.is_empty() {
        cx.note_later("there is no {{ vault://NAME/FIELD }} in the template");
        return Ok(Vec::new());
    }
    let want = |reference: &&Reference| Want {
        what: What::Reference((*reference).clone()),
        mode: Mode::Template,
    };
    let wants: Vec<Want> = references.iter().map(want).collect();
    cx.unlocked()?.deliver(&wants, &Errand { action: "inject", command: None })
}

/// Whether both are the same file, by whatever names.
fn is_same(a: &Path, b: &Path) -> bool {
    let id = |path: &Path| path.metadata().map(|about| (about.dev(), about.ino())).ok();
    id(a).is_some_and(|a| id(b) == Some(a))
}
