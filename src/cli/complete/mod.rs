//! Completion in the shell: what could come next on a command line. Never unlocks, never asks,
//! writes no audit entry; on any failure it offers nothing.
//!
//! The shells run `vault __complete SHELL …` through the scripts in `completions/`. The first line
//! of the answer says what it is: `words`, or `files` when the shell knows better. Each further line
//! is one candidate.

mod bash;
mod fish;

use crate::cli::{config, escape};
use crate::model::SCHEME;
use crate::model::incident::IncidentNumber;
use crate::vault::{Place, Purpose, Vault};
use crate::world::World;
use clap::{Arg, Command, ValueHint};
use clap_complete::engine::{self, ArgValueCandidates, ArgValueCompleter, CompletionCandidate};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::rc::Rc;

/// Which names are wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wanted {
    /// How they begin.
    pub prefix: String,
    /// Of what.
    pub what: What,
    /// The vault file, if the command line names one.
    pub vault: Option<PathBuf>,
}

/// What names are looked up for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum What {
    /// Credentials.
    Credentials,
    /// Credentials in the trash.
    Trashed,
    /// Policies in the configuration file.
    Policies,
    /// Incidents.
    Incidents,
    /// Incidents in the trash.
    TrashedIncidents,
    /// Slots.
    Slots,
}

/// Finds names, and what is to be said of each.
pub type Lookup<'a> = dyn Fn(&Wanted) -> Vec<Candidate> + 'a;

/// A command line as far as the cursor.
#[derive(Debug, Default, Eq, PartialEq)]
struct Line {
    /// The words before the current one.
    words: Vec<OsString>,
    /// The current word, without its quotes; empty when none has begun.
    current: String,
    /// How many bytes of the current word the shell keeps: it replaces what follows.
    kept: usize,
    quote: Quote,
}

/// The quotation the current word stands in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Quote {
    #[default]
    None,
    Single,
    Double,
}

/// A completer for arguments that name a live credential.
#[must_use]
pub fn names(_current: &OsStr) -> Vec<CompletionCandidate> {
    vec![CompletionCandidate::new(NAMES)]
}

/// A completer for arguments that name a live credential or are a reference.
#[must_use]
pub fn names_or_references(_current: &OsStr) -> Vec<CompletionCandidate> {
    vec![CompletionCandidate::new(REFERENCES)]
}

/// A completer for arguments that name a credential in the trash.
#[must_use]
pub fn trashed_names(_current: &OsStr) -> Vec<CompletionCandidate> {
    vec![CompletionCandidate::new(TRASHED)]
}

/// A completer for arguments that name an incident.
#[must_use]
pub fn incidents(_current: &OsStr) -> Vec<CompletionCandidate> {
    vec![CompletionCandidate::new(INCIDENTS)]
}

/// A completer for arguments that name an incident in the trash.
#[must_use]
pub fn trashed_incidents(_current: &OsStr) -> Vec<CompletionCandidate> {
    vec![CompletionCandidate::new(TRASHED_INCIDENTS)]
}

/// A completer for arguments that name a slot.
#[must_use]
pub fn slots(_current: &OsStr) -> Vec<CompletionCandidate> {
    vec![CompletionCandidate::new(SLOTS)]
}

/// A completer for arguments that take a policy: the forms that are built in, and the names in the
/// configuration file.
#[must_use]
pub fn policies(_current: &OsStr) -> Vec<CompletionCandidate> {
    let forms = ["24", "words:6", "pin:6", "hex:32", "base64:32", "uuid", "ed25519", "rsa:4096"];
    forms.into_iter().chain([POLICIES]).map(CompletionCandidate::new).collect()
}

/// The answer to a shell, when the arguments of the program (its own name included) are a shell's
/// question.
#[must_use]
pub fn answer(
    args: &[OsString],
    cmd: impl FnOnce() -> Command,
    world: &Rc<World>,
) -> Option<Vec<u8>> {
    let [_, verb, shell, words @ ..] = args else {
        return None;
    };
    if verb != VERB {
        return None;
    }
    let words = words.strip_prefix(&[OsString::from("--")]).unwrap_or(words).to_vec();
    let lookup = |wanted: &Wanted| vault_names(wanted, world);
    Some(complete(cmd(), &shell.to_string_lossy(), words, world, &lookup))
}

/// What could come next, in the form `shell` expects. `words` are those before the cursor, the
/// current one last; bash hands over its line in the environment instead.
#[must_use]
pub fn complete(
    cmd: Command,
    shell: &str,
    words: Vec<OsString>,
    world: &World,
    lookup: &Lookup<'_>,
) -> Vec<u8> {
    let line = match shell {
        "bash" => bash::read(world),
        "fish" => split(words).map(fish::unquote),
        "zsh" => split(words),
        _ => None,
    };
    let Some(line) = line else { return Vec::new() };
    match candidates(cmd, &line, lookup) {
        Found::Files => b"files\n".to_vec(),
        Found::Words(words) if shell == "bash" => bash::write(&words, &line),
        Found::Words(words) => described(&words),
    }
}

/// The names a vault offers, or the configuration; none when there is none or it cannot be read.
#[must_use]
pub fn vault_names(wanted: &Wanted, world: &Rc<World>) -> Vec<Candidate> {
    let bare = |names: Vec<String>| names.into_iter().map(|name| (name, None)).collect();
    if wanted.what == What::Policies {
        return bare(config::load(world).unwrap_or_default().policy_names());
    }
    let file = wanted.vault.clone().or_else(|| world.var("VAULT_FILE").map(PathBuf::from));
    let place = file
        .map_or_else(|| world.default_vault_file(), Ok)
        .and_then(|file| Ok(Place { file: at_home(file, world), state_dir: world.state_dir()? }));
    let vault = place.and_then(|place| Vault::open(&place, Rc::clone(world), Purpose::default()));
    let names = |deleted| {
        let vault = vault.as_ref().ok();
        vault.and_then(|vault| vault.names(&wanted.prefix, deleted, MOST_NAMES).ok())
    };
    let titles =
        |deleted| vault.as_ref().ok().and_then(|vault| vault.incident_titles(deleted).ok());
    match wanted.what {
        What::Credentials | What::Policies => bare(names(false).unwrap_or_default()),
        What::Trashed => bare(names(true).unwrap_or_default()),
        What::Incidents => numbers(titles(false).unwrap_or_default(), &wanted.prefix),
        What::TrashedIncidents => numbers(titles(true).unwrap_or_default(), &wanted.prefix),
        What::Slots => {
            let labels = vault.as_ref().ok().and_then(|vault| vault.slot_labels().ok());
            labels.into_iter().flatten().map(|(label, kind)| (label, Some(kind))).collect()
        }
    }
}

/// The numbers of incidents as somebody began to write one: `INC-7`, `inc-7` or `7`.
fn numbers(titles: Vec<(IncidentNumber, String)>, prefix: &str) -> Vec<Candidate> {
    let written = |number: IncidentNumber| match prefix.chars().next() {
        Some(c) if c.is_ascii_digit() => number.0.to_string(),
        Some(c) if c.is_ascii_lowercase() => number.to_string().to_ascii_lowercase(),
        Some(_) | None => number.to_string(),
    };
    titles.into_iter().map(|(number, title)| (written(number), Some(title))).collect()
}

/// A candidate and what it does, if that is known.
pub type Candidate = (String, Option<String>);

enum Found {
    Words(Vec<Candidate>),
    Files,
}

fn candidates(cmd: Command, line: &Line, lookup: &Lookup<'_>) -> Found {
    let mut args = line.words.clone();
    args.push(OsString::from(&line.current));
    let index = args.len() - 1;
    let mut cmd = leave_files_to_the_shell(cmd);
    let offered = engine::complete(&mut cmd, args, index, None).unwrap_or_default();
    let (mut words, mut files) = (Vec::new(), false);
    for candidate in offered {
        let Some(value) = candidate.get_value().to_str() else {
            continue;
        };
        match value.split_once(MARK) {
            Some((_, FILES_WORD)) => files = true,
            Some((before, which)) => words.extend(stored(before, which, line, lookup)),
            None => {
                let help = candidate.get_help().map(|help| first_line(&help.to_string()));
                words.push((value.to_owned(), help));
            }
        }
    }
    words.retain(|(word, _)| is_offered(word, &line.current));
    if words.is_empty() && files { Found::Files } else { Found::Words(words) }
}

/// Options are offered to those who began one; a name that could deceive, to nobody.
fn is_offered(word: &str, current: &str) -> bool {
    word.starts_with(current)
        && (current.starts_with('-') || !word.starts_with('-'))
        && !word.chars().any(escape::is_harmful)
}

/// Names from the vault, each after the part of the word that belongs to an option.
fn stored(before: &str, which: &str, line: &Line, lookup: &Lookup<'_>) -> Vec<Candidate> {
    let prefix = line.current.strip_prefix(before).unwrap_or_default().to_owned();
    // the names after `vault://`
    let scheme = if which == REFERENCES_WORD { prefix.strip_prefix(SCHEME) } else { None };
    if let Some(name) = scheme {
        return referred(before, name, line, lookup);
    }
    let what = match which {
        TRASHED_WORD => What::Trashed,
        POLICIES_WORD => What::Policies,
        INCIDENTS_WORD => What::Incidents,
        TRASHED_INCIDENTS_WORD => What::TrashedIncidents,
        SLOTS_WORD => What::Slots,
        _ => What::Credentials,
    };
    let names = lookup(&Wanted { prefix, what, vault: vault_option(&line.words) });
    names.into_iter().map(|(name, about)| (format!("{before}{name}"), about)).collect()
}

/// References to whole credentials; those whose names would have to be encoded are left out.
fn referred(before: &str, name: &str, line: &Line, lookup: &Lookup<'_>) -> Vec<Candidate> {
    let vault = vault_option(&line.words);
    let names = lookup(&Wanted { prefix: name.to_owned(), what: What::Credentials, vault });
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~@:/".contains(c);
    let names = names.into_iter().filter(|(name, _)| name.chars().all(plain));
    names.map(|(name, about)| (format!("{before}{SCHEME}{name}"), about)).collect()
}

/// The vault file the command line names.
fn vault_option(words: &[OsString]) -> Option<PathBuf> {
    let mut words = words.iter().filter_map(|word| word.to_str());
    let mut found = None;
    while let Some(word) = words.next() {
        match word.strip_prefix("--vault") {
            Some("") => found = words.next().map(PathBuf::from),
            Some(rest) => found = rest.strip_prefix('=').map(PathBuf::from).or(found),
            None => {}
        }
    }
    found
}

/// Shells hand over `~` as it was typed.
fn at_home(file: PathBuf, world: &World) -> PathBuf {
    match (file.strip_prefix("~"), world.var("HOME")) {
        (Ok(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => file,
    }
}

/// Marks arguments that are paths, so that the shell's own completion of files is used.
fn leave_files_to_the_shell(cmd: Command) -> Command {
    let mark = |arg: Arg| match is_path(&arg) {
        true => arg.add(ArgValueCompleter::new(|_: &OsStr| vec![CompletionCandidate::new(FILES)])),
        false => arg,
    };
    cmd.mut_args(mark).mut_subcommands(leave_files_to_the_shell)
}

fn is_path(arg: &Arg) -> bool {
    let own = arg.get::<ArgValueCompleter>().is_some() || arg.get::<ArgValueCandidates>().is_some();
    let hint = arg.get_value_hint();
    !own && matches!(
        hint,
        ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath | ValueHint::ExecutablePath
    )
}

/// Words that the shell has separated, the current one last.
fn split(mut words: Vec<OsString>) -> Option<Line> {
    let current = words.pop()?.into_string().ok()?;
    Some(Line { words, current, ..Line::default() })
}

/// For shells that quote by themselves: a candidate, a tab and what it does.
fn described(words: &[Candidate]) -> Vec<u8> {
    let mut answer = String::from("words\n");
    for (word, help) in words {
        answer.push_str(word);
        if let Some(help) = help {
            answer.push('\t');
            answer.push_str(&escape::shown(help));
        }
        answer.push('\n');
    }
    answer.into_bytes()
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// The hidden command the scripts call.
pub const VERB: &str = "__complete";

/// More names than anyone reads.
const MOST_NAMES: u64 = 2000;

/// Stands before words that are to be looked up here; it cannot be part of an argument.
const MARK: char = '\0';
const FILES_WORD: &str = "files";
const TRASHED_WORD: &str = "trashed";
const POLICIES_WORD: &str = "policies";
const INCIDENTS_WORD: &str = "incidents";
const TRASHED_INCIDENTS_WORD: &str = "trashed-incidents";
const SLOTS_WORD: &str = "slots";
const REFERENCES_WORD: &str = "references";
const NAMES: &str = "\0names";
const REFERENCES: &str = "\0references";
const TRASHED: &str = "\0trashed";
const POLICIES: &str = "\0policies";
const INCIDENTS: &str = "\0incidents";
const TRASHED_INCIDENTS: &str = "\0trashed-incidents";
const SLOTS: &str = "\0slots";
const FILES: &str = "\0files";

/// The shells there are scripts for, with the file of each in `completions/`.
pub const SHELLS: &[(&str, &str)] = &[
    ("bash", "vault.bash"),
    ("zsh", "_vault"),
    ("fish", "vault.fish"),
    ("elvish", "vault.elv"),
    ("powershell", "_vault.ps1"),
];

/// The completion script for `shell`; elvish and PowerShell know the commands only, not the names.
#[must_use]
pub fn script(shell: &str, cmd: Command) -> Option<String> {
    match shell {
        "bash" => Some(include_str!("../../../completions/vault.bash").into()),
        "zsh" => Some(include_str!("../../../completions/_vault").into()),
        "fish" => Some(include_str!("../../../completions/vault.fish").into()),
        "elvish" => generated(clap_complete::Shell::Elvish, cmd),
        "powershell" => generated(clap_complete::Shell::PowerShell, cmd),
        _ => None,
    }
}

fn generated(shell: clap_complete::Shell, mut cmd: Command) -> Option<String> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut cmd, "vault", &mut text);
    String::from_utf8(text).ok()
}

#[cfg(test)]
mod tests;
