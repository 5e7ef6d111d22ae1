//! What a program is to get, before anything is opened: which variables from where, each only once.

use super::base::Base;
use super::env_file;
use super::options::{Args, Others, Variables, check_name};
use super::value::Value;
use crate::cli::context::Context;
use crate::cli::cred;
use crate::cli::read::{self, Privacy, quoted};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Attr, CredName, Reference, Secret};
use crate::template::Origin;
use crate::vault::{Filter, Mode, Offer, Unlocked, Vault, Want, What};
use std::collections::BTreeMap;
use std::os::fd::RawFd;
use std::path::Path;

/// The largest file of variables.
const LONGEST: usize = 1 << 20;

/// All that it is to get.
pub struct Plan {
    /// Variables, and what each is set to.
    pub variables: Vec<(String, Value)>,
    /// Values that get there otherwise.
    pub others: Vec<(Way, Reference)>,
    /// Which source names each variable, for two that name the same.
    sources: BTreeMap<String, String>,
    /// All that sources have, wanted or not.
    seen: Vec<String>,
    only: Vec<String>,
    full: bool,
    /// The files of variables, as they were read: some can be read only once.
    pub texts: Vec<Secret>,
}

/// How a value gets there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Way {
    /// In a file whose path is in this variable.
    File(String),
    /// In a named pipe whose path is in this variable.
    Fifo(String),
    /// On this descriptor.
    Fd(RawFd),
    /// On standard input.
    Stdin,
}

/// What a [`Want`] is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum For {
    /// The variable at this place of the plan.
    Variable(usize),
    /// One of the others.
    Other(usize),
    /// Variables that have their names from the credential.
    Credential,
}

impl Plan {
    /// Reads what is wanted.
    ///
    /// # Errors
    /// Usage (2) for what is wrong in a file, or names that are none; conflict (13) for a variable that two
    /// sources name; not found (10) and I/O (18) for files.
    pub fn read(args: &Args, base: &mut Base, cx: &Context) -> Result<Self> {
        let options = &args.variables;
        let mut plan = Self {
            variables: Vec::new(),
            others: Vec::new(),
            sources: BTreeMap::new(),
            seen: Vec::new(),
            only: options.only.clone(),
            full: options.names,
            texts: Vec::new(),
        };
        plan.take_others(&args.others)?;
        for one in &options.env {
            plan.set(&one.name, Value::Whole(one.reference.clone()), "-e")?;
        }
        for path in &options.env_file {
            plan.take_file(path, cx)?;
        }
        for (name, value) in base.resolved.drain(..) {
            // what is said here comes before what was there
            if !plan.sources.contains_key(&name) {
                plan.variables.push((name, value));
            }
        }
        Ok(plan)
    }

    /// What is wanted of the vault, and what for; the credentials last.
    #[must_use]
    pub fn wants(&self, credentials: Vec<CredName>) -> (Vec<Want>, Vec<For>) {
        let mut wants = Vec::new();
        for (at, (_, value)) in self.variables.iter().enumerate() {
            let one = |reference: &Reference| (what(reference), Mode::Env, For::Variable(at));
            wants.extend(value.references().into_iter().map(one));
        }
        for (at, (way, reference)) in self.others.iter().enumerate() {
            wants.push((what(reference), way.mode(), For::Other(at)));
        }
        let named = if self.full { What::Full } else { What::Customary };
        wants.extend(credentials.into_iter().map(|name| (named(name), Mode::Env, For::Credential)));
        wants.into_iter().map(|(what, mode, of)| (Want { what, mode }, of)).unzip()
    }

    /// Which of what was found is handed over. Asked before anything is opened.
    ///
    /// # Errors
    /// Conflict (13) for a variable that two sources name; not found (10) for one that none does, and for a
    /// credential without any.
    pub fn choose(&mut self, wants: &[Want], offers: &[Offer<'_>]) -> Result<Vec<bool>> {
        for (at, want) in wants.iter().enumerate() {
            if !offers.iter().any(|offer| offer.want == at) {
                return Err(nothing_in(&want.what));
            }
        }
        let mut chosen = Vec::with_capacity(offers.len());
        self.seen.extend(offers.iter().filter_map(|offer| offer.variable.map(str::to_owned)));
        for offer in offers {
            let wanted = offer.variable.is_none_or(|name| self.is_wanted(name));
            if let Some(name) = offer.variable.filter(|_| wanted) {
                self.claim(name, &format!("`{}`", offer.name))?;
            }
            chosen.push(wanted);
        }
        self.check_only()?;
        Ok(chosen)
    }

    /// # Errors
    /// Not found (10) naming the variables of `--only` that no source has.
    pub fn check_only(&self) -> Result<()> {
        let there = |name: &&String| {
            self.sources.contains_key(*name)
                || self.variables.iter().any(|(known, _)| known == *name)
        };
        let missing: Vec<String> = self.only.iter().filter(|name| !there(name)).cloned().collect();
        if missing.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
        let what = format!("nothing that is handed over is called {}", names.join(", "));
        let error = Error::new(ErrorKind::NotFound, what).candidates(missing);
        match self.seen.is_empty() {
            true => Err(error.hint("name a source: --cred NAME or --env-file FILE")),
            false => Err(error.hint(format!("there are: {}", self.seen.join(", ")))),
        }
    }

    fn take_others(&mut self, others: &Others) -> Result<()> {
        for one in &others.file {
            self.claim(&one.name, "--file")?;
            self.others.push((Way::File(one.name.clone()), one.reference.clone()));
        }
        for one in &others.fifo {
            self.claim(&one.name, "--fifo")?;
            self.others.push((Way::Fifo(one.name.clone()), one.reference.clone()));
        }
        for one in &others.fd {
            let way = Way::Fd(one.number);
            if self.others.iter().any(|(other, _)| *other == way) {
                return Err(Error::usage(format!("descriptor {} is given twice", one.number))
                    .hint("give each value a number of its own, from 3 on"));
            }
            self.others.push((way, one.reference.clone()));
        }
        self.others.extend(others.stdin.clone().map(|reference| (Way::Stdin, reference)));
        Ok(())
    }

    fn take_file(&mut self, path: &Path, cx: &Context) -> Result<()> {
        let shown = quoted(path);
        let read_here = || {
            read::file(path, LONGEST, Privacy::AsItIs)
                .map_err(|e| e.hint(format!("look at it: ls -l {shown}")))
        };
        let sent = cx.deputy.as_ref().and_then(|deputy| deputy.text());
        let text = sent.map_or_else(read_here, Ok)?;
        for line in env_file::parse(text.expose(), &shown)? {
            let place = format!("{shown}:{}", line.number);
            check_name(&line.name).map_err(|why| {
                Error::usage(format!("{place}: {why}")).hint("a line is NAME=VALUE or NAME='VALUE'")
            })?;
            self.seen.push(line.name.clone());
            if self.is_wanted(&line.name) {
                let origin = Origin { file: shown.clone(), line: line.number, column: line.column };
                let value = Value::read(&line.value, &origin, &place)?.without_quotes();
                self.set(&line.name, value, &place)?;
            }
        }
        self.texts.push(text);
        Ok(())
    }

    fn set(&mut self, name: &str, value: Value, source: &str) -> Result<()> {
        self.claim(name, source)?;
        self.variables.push((name.to_owned(), value));
        Ok(())
    }

    /// Notes that a source names this variable, unless another one does.
    fn claim(&mut self, name: &str, source: &str) -> Result<()> {
        let Some(other) = self.sources.insert(name.to_owned(), source.to_owned()) else {
            return Ok(());
        };
        let what = format!("`{name}` comes from {other} and from {source}");
        let error = Error::new(ErrorKind::Conflict, what);
        match self.full || !source.starts_with('`') {
            true => Err(error.hint("leave out one of them, or choose with `--only`")),
            false => Err(error.hint("let each have a name of its own: --names full")),
        }
    }

    fn is_wanted(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == name)
    }
}

impl Way {
    fn mode(&self) -> Mode {
        match self {
            Self::File(_) => Mode::File,
            Self::Fifo(_) => Mode::Fifo,
            Self::Fd(_) => Mode::Fd,
            Self::Stdin => Mode::Stdin,
        }
    }
}

/// The credentials that are meant: those that are named, and those that fit.
///
/// # Errors
/// Not found (10) when none fits, and what finding them gives.
pub fn credentials(
    options: &Variables,
    cx: &Context,
    vault: &mut Vault<Unlocked>,
) -> Result<Vec<CredName>> {
    let mut names = Vec::new();
    for text in &options.cred {
        names.push(cred::meant(cx, vault, text, false)?);
    }
    if !options.tag.is_empty() || options.client.is_some() {
        let client = options.client.iter().map(|client| (Attr::Client, client.clone()));
        let filter =
            Filter { attrs: client.collect(), tags: options.tag.clone(), ..Filter::default() };
        let before = names.len();
        vault.list(&filter, &mut |row| {
            names.push(row.name()?.parse()?);
            Ok(())
        })?;
        if names.len() == before {
            return Err(Error::new(ErrorKind::NotFound, "no credential has that tag or client")
                .hint("see which there are: vault cred list --columns name,client,tags"));
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

fn nothing_in(what: &What) -> Error {
    let (What::Customary(name) | What::Full(name)) = what else {
        return Error::internal("a reference that leads to nothing");
    };
    let error = format!("`{name}` has nothing that programs look for in variables");
    Error::new(ErrorKind::NotFound, error)
        .hint("call them after credential and field: --names full")
}

fn what(reference: &Reference) -> What {
    What::Reference(reference.clone())
}
