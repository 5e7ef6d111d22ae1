//! Handing out values to programs, several at once: in one transaction, entered for each credential, or
//! none of them.

mod pick;

use super::audit::{Draft, Receipt};
use super::creds::{note_state, warn_if_expired};
use super::keys::Keys;
use super::store::CredentialRow;
use super::tx::Tx;
use super::{Unlocked, Vault};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::variables::{self, Variable};
use crate::model::{CredName, FieldName, Reference, Secret};
use pick::{Pick, Sort, resolve, row_of};
use std::collections::BTreeMap;

/// How a value gets to a program.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// Printed.
    Caller,
    /// An environment variable.
    Env,
    /// A private file.
    File,
    /// A named pipe.
    Fifo,
    /// An inherited descriptor.
    Fd,
    /// Standard input.
    Stdin,
    /// A file made from a template.
    Template,
    /// A document in the format of some program.
    Document,
    /// The protocol in which some program asks for it.
    Helper,
    /// Signatures, made on demand; the key itself stays here.
    Agent,
}

impl Mode {
    /// The word in the log.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Env => "env",
            Self::File => "file",
            Self::Fifo => "fifo",
            Self::Fd => "fd",
            Self::Stdin => "stdin",
            Self::Template => "template",
            Self::Document => "document",
            Self::Helper => "helper",
            Self::Agent => "agent",
        }
    }

    /// Refuses what would not arrive as it is.
    fn check(self, what: &str, value: &Secret) -> Result<()> {
        let wrong = |why: &str| {
            let what = format!("{what} {why}, and an environment variable cannot");
            Err(Error::usage(what).hint("hand it over as a file: --file VAR=REFERENCE"))
        };
        match self {
            Self::Env if value.expose().contains(&0) => wrong("has a NUL byte"),
            Self::Env if value.len() > LONGEST_VARIABLE => wrong("has more than 128,000 bytes"),
            _ => Ok(()),
        }
    }
}

/// Linux takes 131,072 bytes for name and value (`MAX_ARG_STRLEN`, execve(2)).
const LONGEST_VARIABLE: usize = 128_000;

/// What is done with the values.
#[derive(Clone, Debug)]
pub struct Errand {
    /// The action in the log: `decrypt`, `run`, `inject`, `export`.
    pub action: &'static str,
    /// The program that gets them, by its name without arguments, if it is another one.
    pub command: Option<String>,
}

/// Something to be handed out.
#[derive(Clone, Debug)]
pub struct Want {
    /// What.
    pub what: What,
    /// How it gets there.
    pub mode: Mode,
}

/// What is to be handed out.
#[derive(Clone, Debug)]
pub enum What {
    /// What a reference names: a secret, a version of it, a one-time code, or a public field.
    Reference(Reference),
    /// All that programs look for, under the customary names of environment variables.
    Customary(CredName),
    /// All fields but notes and seeds, under full names of environment variables.
    Full(CredName),
}

/// Something that was found and is about to be handed out.
pub struct Offer<'a> {
    /// The number of the [`Want`] that it is for, from 0.
    pub want: usize,
    /// The credential.
    pub name: &'a str,
    /// The name of the environment variable, if the want was not for a reference.
    pub variable: Option<&'a str>,
}

/// Something that is handed out.
pub struct Handed {
    /// The number of the [`Want`] that it is for, from 0.
    pub want: usize,
    /// The credential.
    pub name: String,
    /// The field, secret or public.
    pub field: String,
    /// The name of the environment variable, if the want was not for a reference.
    pub variable: Option<String>,
    /// The value.
    pub value: Secret,
    /// Whether it is one to be kept from being seen.
    pub is_secret: bool,
}

impl Vault<Unlocked> {
    /// Hands out all that is wanted, or nothing. Logged as the errand says, once for each credential, with the
    /// modes and the program; versions that were asked for by number, and codes, have entries of their
    /// own. Where nothing secret is handed out, it is logged as `view`.
    ///
    /// # Errors
    /// Not found (10) naming all that leads nowhere, conflict (13) for what can mean two things, usage (2)
    /// for a value that would not arrive as it is, unsupported (4) when there is no seed to make a code from,
    /// integrity (15), I/O (18).
    pub fn deliver(&mut self, wants: &[Want], errand: &Errand) -> Result<Vec<Handed>> {
        self.deliver_chosen(wants, errand, |offers| Ok(vec![true; offers.len()]))
    }

    /// The same, of all that was found only what `choose` says yes to. It is asked before anything is opened.
    ///
    /// # Errors
    /// Those of `choose`, and as [`Vault::deliver`].
    pub fn deliver_chosen(
        &mut self,
        wants: &[Want],
        errand: &Errand,
        choose: impl FnOnce(&[Offer<'_>]) -> Result<Vec<bool>>,
    ) -> Result<Vec<Handed>> {
        let done = self.begin_with_keys().and_then(|(tx, keys)| {
            let mut order = Order::read(&tx, keys, wants)?;
            let mut chosen = choose(&order.offers())?.into_iter();
            order.lines.retain(|_| chosen.next().unwrap_or_default());
            let handed = order.open(&tx, keys, errand)?;
            tx.commit()?;
            Ok(handed)
        });
        done.inspect_err(|e| {
            let draft = errand.enter(Draft::new(errand.action), wants.iter().map(|want| want.mode));
            self.note_failure(draft, e);
        })
    }

    pub(super) fn begin_with_keys(&mut self) -> Result<(Tx<'_>, &Keys)> {
        let keys = &self.state.keys;
        let with = super::tx::With { keys, slot: &self.state.slot };
        Ok((Tx::begin(&mut self.core, Some(with))?, keys))
    }
}

impl Errand {
    /// Says in an entry how, and to which program.
    pub(super) fn enter(&self, draft: Draft, modes: impl Iterator<Item = Mode>) -> Draft {
        let mut words: Vec<&str> = Vec::new();
        for mode in modes.filter(|mode| *mode != Mode::Caller) {
            if !words.contains(&mode.word()) {
                words.push(mode.word());
            }
        }
        let draft = if words.is_empty() { draft } else { draft.detail("mode", words.join(",")) };
        match &self.command {
            Some(command) => draft.detail("command", command.as_str()),
            None => draft,
        }
    }
}

/// All that is wanted, found and checked; nothing is opened yet.
struct Order {
    rows: Vec<CredentialRow>,
    /// Whether it is certain that no row is missing.
    all_checked: bool,
    lines: Vec<Line>,
}

/// One value of it.
struct Line {
    want: usize,
    mode: Mode,
    /// Which of the rows.
    row: usize,
    variable: Option<String>,
    pick: Pick,
}

impl Order {
    fn read(tx: &Tx<'_>, keys: &Keys, wants: &[Want]) -> Result<Self> {
        let mut order = Self { rows: Vec::new(), all_checked: false, lines: Vec::new() };
        let mut missing = Vec::new();
        for (number, want) in wants.iter().enumerate() {
            match order.add(tx, keys, number, want) {
                Err(e) if is_about_what_was_written(e.kind()) => {
                    missing.push((want.what.written(), want.what.located(e)));
                }
                done => done?,
            }
        }
        match missing.is_empty() {
            true => Ok(order),
            false => Err(all_of(missing)),
        }
    }

    fn add(&mut self, tx: &Tx<'_>, keys: &Keys, number: usize, want: &Want) -> Result<()> {
        let mut line = |row, variable, pick| {
            self.lines.push(Line { want: number, mode: want.mode, row, variable, pick });
        };
        match &want.what {
            What::Reference(reference) => {
                let (row, pick) =
                    resolve(tx, keys, &mut self.rows, &mut self.all_checked, reference)?;
                line(row, None, pick);
            }
            What::Customary(name) | What::Full(name) => {
                let at = row_of(tx, keys, &mut self.rows, name)?;
                let row = &self.rows[at];
                for variable in want.what.variables(name, row) {
                    if let Some(pick) = Pick::of(row, variable.source) {
                        line(at, Some(variable.name), pick);
                    }
                }
            }
        }
        Ok(())
    }

    fn offers(&self) -> Vec<Offer<'_>> {
        let offer = |line| {
            let Line { want, row, variable, .. }: &Line = line;
            Offer { want: *want, name: &self.rows[*row].name, variable: variable.as_deref() }
        };
        self.lines.iter().map(offer).collect()
    }

    /// Enters every credential, then opens its values.
    fn open(self, tx: &Tx<'_>, keys: &Keys, errand: &Errand) -> Result<Vec<Handed>> {
        let mut handed = Vec::with_capacity(self.lines.len());
        for (at, row) in self.rows.iter().enumerate() {
            let lines: Vec<&Line> = self.lines.iter().filter(|line| line.row == at).collect();
            if lines.is_empty() {
                continue;
            }
            for (sort, lines) in by_sort(lines) {
                let draft = errand.entry(row, sort, &lines)?;
                let receipt = tx.append(note_state(draft, row, tx.now()))?;
                let mut taken_apart = None;
                for line in lines {
                    handed.extend(line.open(tx, keys, row, &receipt, &mut taken_apart)?);
                }
            }
            warn_if_expired(tx, row);
        }
        handed.sort_by_key(|one| one.want);
        Ok(handed)
    }
}

impl What {
    /// As the user wrote it.
    fn written(&self) -> String {
        match self {
            Self::Reference(reference) => reference.to_string(),
            Self::Customary(name) | Self::Full(name) => name.to_string(),
        }
    }

    /// An error about it, with the place where it is written.
    fn located(&self, e: Error) -> Error {
        let Self::Reference(reference) = self else { return e };
        let Some(place) = reference.place() else { return e };
        let error = Error::new(e.kind(), format!("{place}: {}", e.message()));
        let error = e.hints().iter().fold(error, |error, hint| error.hint(hint.as_str()));
        error.candidates(e.candidate_names().to_vec())
    }

    fn variables(&self, name: &CredName, row: &CredentialRow) -> Vec<Variable> {
        let secrets: Vec<&FieldName> = row.heads.iter().map(|head| &head.field).collect();
        match self {
            Self::Full(_) => variables::full(name, &row.meta, &secrets),
            Self::Reference(_) | Self::Customary(_) => variables::customary(&row.meta, &secrets),
        }
    }
}

impl Errand {
    fn entry(&self, row: &CredentialRow, sort: Sort, lines: &[&Line]) -> Result<Draft> {
        let name: CredName = row.name.parse()?;
        let mut fields: Vec<&FieldName> = lines.iter().filter_map(|l| l.pick.head()).collect();
        fields.sort();
        fields.dedup();
        // what is public is no use of the secrets
        let action = if fields.is_empty() { "view" } else { self.action };
        let draft = Draft::about(action, row.id, &name).fields(fields);
        let draft = self.enter(draft, lines.iter().map(|line| line.mode));
        Ok(match sort {
            Sort::Current => draft,
            Sort::Version(number) => draft.detail("version", number.to_string()),
            Sort::Code => draft.detail("made", "code"),
        })
    }
}

/// One entry for each sort: its details hold for all of its fields.
fn by_sort(lines: Vec<&Line>) -> BTreeMap<Sort, Vec<&Line>> {
    let mut sorts: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in lines {
        sorts.entry(line.pick.sort()).or_default().push(line);
    }
    sorts
}

impl Line {
    /// Nothing if it is a part that the value does not have.
    fn open(
        &self,
        tx: &Tx<'_>,
        keys: &Keys,
        row: &CredentialRow,
        receipt: &Receipt<'_>,
        taken_apart: &mut Option<(FieldName, Secret)>,
    ) -> Result<Option<Handed>> {
        let Some(value) = self.pick.open(tx, keys, row, receipt, taken_apart)? else {
            return Ok(None);
        };
        let field = self.pick.field();
        self.mode.check(&format!("`{field}` of `{}`", row.name), &value)?;
        Ok(Some(Handed {
            want: self.want,
            name: row.name.clone(),
            field: field.to_owned(),
            variable: self.variable.clone(),
            value,
            is_secret: self.pick.is_secret(),
        }))
    }
}

/// Whether an error is about what the user wrote, so that others of the sort can be told with it.
fn is_about_what_was_written(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::Usage)
}

/// One error that names all.
fn all_of(mut missing: Vec<(String, Error)>) -> Error {
    if missing.len() == 1 {
        return missing.remove(0).1;
    }
    let kinds: Vec<ErrorKind> = missing.iter().map(|(_, e)| e.kind()).collect();
    let same = kinds.iter().all(|kind| *kind == kinds[0]);
    let kind = if same { kinds[0] } else { ErrorKind::NotFound };
    let names: Vec<String> = missing.iter().map(|(written, _)| format!("`{written}`")).collect();
    let error =
        Error::new(kind, format!("{} references lead nowhere: {}", names.len(), names.join(", ")));
    let error = missing
        .iter()
        .fold(error, |error, (written, e)| error.hint(format!("{written}: {}", e.message())));
    error.candidates(missing.into_iter().map(|(written, _)| written).collect())
}
