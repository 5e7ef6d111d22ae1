//! `vault export`.

use super::context::Context;
use super::cred::filter::AllFilterArgs;
use super::cred::meant;
use super::report::{Cell, Report};
use super::save::{FileMode, Output};
use super::showing::Showing;
use super::{complete, read};
use crate::error::{Error, ErrorKind, Result};
use crate::formats::{self, FORMATS, Format, Pair, Title, Wrong};
use crate::kind::variables::is_reserved;
use crate::model::{CredName, Secret, counted};
use crate::vault::{Errand, Filter, Handed, Mode, Offer, Unlocked, Vault, Want, What};
use clap::builder::PossibleValuesParser;
use clap_complete::engine::ArgValueCompleter;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Write credentials as a document for other programs
#[derive(clap::Args)]
#[command(after_help = "Examples:
  eval \"$(vault export --format shell db/main)\"
  vault export --format fish db/main | source
  vault export --format dotenv --client acme --names full -o .env
  vault export --format docker db/main -o app.env && docker run --env-file app.env app
  vault export --format k8s-secret --name app-db db/main | kubectl apply -f -

Formats:
  dotenv      NAME='value'; what the readers of .env files do not read alike is refused
  shell       export NAME='value', for eval in sh, dash, bash and zsh
  fish        set -gx NAME 'value'
  json        one object
  yaml        one mapping
  docker      NAME=value without quotes, for docker run --env-file; no value of several lines
  gha         adds to the file $GITHUB_ENV, and prints the commands that mask the values
  tfvars      name = \"value\" in small letters, for Terraform
  k8s-secret  a manifest of a Secret of Kubernetes, called as --name says

Customary names are those that programs look for (`vault help variables` lists them); full names tell
the credential and the field. What a format cannot hold is refused, and nothing is written. A program
that is started with `vault run` needs no export.")]
pub struct Args {
    /// Which credentials; beginnings that fit only one name will do
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(complete::names))]
    which: Vec<String>,

    // Has the id of the global option and so takes its place here; see `run`.
    /// The format of the document
    #[arg(id = "format", long = "format", value_name = "FORMAT",
          value_parser = PossibleValuesParser::new(FORMATS.iter().map(|format| format.name)))]
    format: Option<String>,

    /// Only these variables
    #[arg(long, value_name = "VAR,…", value_delimiter = ',')]
    only: Vec<String>,

    /// How the variables are called
    #[arg(long, value_name = "HOW", default_value = "customary",
          value_parser = PossibleValuesParser::new(["customary", "full"]))]
    names: String,

    /// How the Secret of Kubernetes is called
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    #[command(flatten)]
    output: Output,

    #[command(flatten)]
    mode: FileMode,

    #[command(flatten)]
    showing: Showing,

    #[command(flatten)]
    filter: AllFilterArgs,
}

/// Where the document goes.
enum Target<'a> {
    Stdout,
    File(&'a Path),
    /// To the end of the file of variables of GitHub Actions.
    Actions(PathBuf),
}

/// Exports them.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let format = args.format()?;
    // `json` is how the document is written, not how to answer
    cx.globals.format = None;
    let filter = args.filter.filter(cx.world.now())?;
    if args.which.is_empty() && filter.is_empty() {
        return Err(Error::usage("which credentials?")
            .hint("name them, or say what fits: vault export --format FORMAT --tag TAG"));
    }
    let title = args.title(format)?;
    match args.target(format, cx)? {
        Target::Stdout => {
            args.showing.allow(cx)?;
            document(&args.handed(filter, cx)?, format, title).map(Report::Value)
        }
        Target::File(path) => {
            let mut count = 0;
            args.output.save_as(path, args.mode.bits(), || {
                let handed = args.handed(filter, cx)?;
                count = handed.len();
                document(&handed, format, title)
            })?;
            args.mode.tell(path, cx);
            Ok(done(path, format, count))
        }
        Target::Actions(path) => {
            args.showing.allow(cx)?;
            let mut file = appended(&path)?;
            let handed = args.handed(filter, cx)?;
            let text = document(&handed, format, title)?;
            let masks = formats::masks(&pairs(&handed)).map_err(|e| wrong(&e, &handed, format))?;
            let written = file.write_all(text.expose());
            written.map_err(|e| cannot_write(&path, &e))?;
            Ok(Report::Value(Secret::new(masks)))
        }
    }
}

impl Args {
    fn format(&self) -> Result<&'static Format> {
        let format = self.format.as_deref().and_then(Format::called);
        format.ok_or_else(|| {
            let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
            Error::usage("in which format?").hint(format!("--format {}", names.join("|")))
        })
    }

    fn title(&self, format: &Format) -> Result<Title<'_>> {
        match (format.name == "k8s-secret", self.name.as_deref()) {
            (true, Some(name)) if formats::is_kubernetes_name(name) => {
                Ok(Title { name, ..Title::default() })
            }
            (true, Some(_)) => Err(Error::usage(
                "the name of a Secret is small letters, digits, `-` and `.`, in words of letters",
            )
            .hint("--name app-db")),
            (true, None) => Err(Error::usage("how is the Secret called?").hint("--name app-db")),
            (false, Some(_)) => Err(Error::usage("only a Secret of Kubernetes has a name")
                .hint("--format k8s-secret --name app-db")),
            (false, None) => Ok(Title::default()),
        }
    }

    fn target(&self, format: &Format, cx: &Context) -> Result<Target<'_>> {
        let path = self.output.checked()?;
        match (format.name == "gha", path) {
            (false, Some(path)) => Ok(Target::File(path)),
            (false, None) => Ok(Target::Stdout),
            (true, Some(_)) => {
                Err(Error::usage("with `gha`, the variable `GITHUB_ENV` says where")
                    .hint("leave out `--output`"))
            }
            (true, None) => {
                let path = cx.world.var("GITHUB_ENV").map(PathBuf::from).ok_or_else(|| {
                    Error::usage("`GITHUB_ENV` is not set, so this is no step of GitHub Actions")
                        .hint("to try it: touch x; GITHUB_ENV=x vault export --format gha NAME")
                })?;
                Ok(Target::Actions(path))
            }
        }
    }

    /// All values, each under a name of its own.
    fn handed(&self, filter: Filter, cx: &Context) -> Result<Vec<Handed>> {
        let mut vault = cx.unlocked()?;
        let names = self.chosen(filter, &mut vault, cx)?;
        let want = |name: CredName| Want {
            what: if self.names == "full" { What::Full(name) } else { What::Customary(name) },
            mode: Mode::Document,
        };
        let wants: Vec<Want> = names.iter().cloned().map(want).collect();
        let errand = Errand { action: "export", command: None };
        let handed = vault.deliver_chosen(&wants, &errand, |offers| self.choose(&names, offers))?;
        vault.leave();
        Ok(handed)
    }

    /// Which of what was found is wanted. Asked before anything is opened.
    fn choose(&self, names: &[CredName], offers: &[Offer<'_>]) -> Result<Vec<bool>> {
        let has_any = |at| offers.iter().any(|offer| offer.want == at);
        if let Some(at) = (0..names.len()).find(|at| !has_any(*at)) {
            // notes and seeds of one-time codes have no full name
            let what = format!("nothing of `{}` has a name of this sort", names[at]);
            return Err(Error::new(ErrorKind::NotFound, what).hint("--names customary"));
        }
        let is = |offer: &Offer<'_>, name: &String| offer.variable == Some(name.as_str());
        if let Some(missing) = self.only.iter().find(|only| !offers.iter().any(|o| is(o, only))) {
            let there = offers.iter().filter_map(|offer| offer.variable.map(str::to_owned));
            let what = format!("there is no variable `{missing}`");
            return Err(Error::new(ErrorKind::NotFound, what).candidates(there.collect()));
        }
        let wanted = |offer: &Offer<'_>| {
            self.only.is_empty() || self.only.iter().any(|only| is(offer, only))
        };
        let chosen: Vec<&Offer<'_>> = offers.iter().filter(|offer| wanted(offer)).collect();
        distinct(&chosen, self.names == "full")?;
        Ok(offers.iter().map(wanted).collect())
    }

    /// Those that are named, and those that fit.
    fn chosen(
        &self,
        filter: Filter,
        vault: &mut Vault<Unlocked>,
        cx: &Context,
    ) -> Result<Vec<CredName>> {
        let mut names = Vec::new();
        for text in &self.which {
            names.push(meant(cx, vault, text, false)?);
        }
        if !filter.is_empty() {
            vault.list(&Filter { brief: true, ..filter }, &mut |row| {
                names.push(row.name()?.parse()?);
                Ok(())
            })?;
        }
        let mut seen = std::collections::HashSet::new();
        names.retain(|name: &CredName| seen.insert(name.to_string()));
        match names.is_empty() {
            true => Err(Error::new(ErrorKind::NotFound, "no credential fits")
                .hint("see which there are: vault cred list")),
            false => Ok(names),
        }
    }
}

/// Refuses two values under one name, and names that shells have a use of their own for.
fn distinct(offers: &[&Offer<'_>], are_full: bool) -> Result<()> {
    for (at, one) in offers.iter().enumerate() {
        let name = one.variable.unwrap_or_default();
        if is_reserved(name) {
            return Err(Error::new(ErrorKind::Refused, format!("`{name}` is no name for a value"))
                .hint("--names full"));
        }
        if let Some(other) = offers[..at].iter().find(|other| other.variable == one.variable) {
            let what = format!("`{name}` would be of `{}` and of `{}`", other.name, one.name);
            let hint = match are_full {
                true => "leave out one of them, or choose with `--only`",
                false => "names that tell whose they are: --names full",
            };
            return Err(Error::new(ErrorKind::Conflict, what).hint(hint));
        }
    }
    Ok(())
}

fn pairs(handed: &[Handed]) -> Vec<Pair<'_>> {
    handed.iter().map(pair).collect()
}

fn pair(one: &Handed) -> Pair<'_> {
    let name = one.variable.as_deref().unwrap_or_default();
    Pair { name, value: one.value.expose(), is_secret: one.is_secret }
}

fn document(handed: &[Handed], format: &Format, title: Title<'_>) -> Result<Secret> {
    let mark = format!("vault_{}", Uuid::new_v4().simple());
    let title = Title { mark: &mark, ..title };
    let document = format.document(&pairs(handed), title);
    document.map(Secret::new).map_err(|e| wrong(&e, handed, format))
}

fn wrong(e: &Wrong, handed: &[Handed], format: &Format) -> Error {
    let (field, name) = handed.get(e.at).map_or(("", ""), |one| (&one.field, &one.name));
    let what = format!("`{field}` of `{name}` {}, which `{}` cannot hold", e.why, format.name);
    let others = if format.name == "dotenv" { "--format shell" } else { "--format k8s-secret" };
    Error::usage(what)
        .hint(format!("take another format: {others}"))
        .hint("or hand it over as a file: vault run --file VAR=REFERENCE -- COMMAND")
}

/// The file of variables, which others write to as well.
fn appended(path: &Path) -> Result<File> {
    let mut options = File::options();
    let opened = options.append(true).custom_flags(libc::O_NOCTTY | libc::O_NOFOLLOW).open(path);
    opened.map_err(|e| cannot_write(path, &e))
}

fn cannot_write(path: &Path, e: &std::io::Error) -> Error {
    Error::io(format!("cannot write {}", read::quoted(path)), e)
}

fn done(path: &Path, format: &Format, count: usize) -> Report {
    let file = path.display().to_string();
    Report::Done {
        message: format!("{} in {file}", counted(count, "variable")),
        item: vec![
            ("file", Cell::owned(file)),
            ("format", Cell::owned(format.name)),
            ("variables", Cell::Int(i64::try_from(count).unwrap_or(i64::MAX))),
        ],
    }
}
