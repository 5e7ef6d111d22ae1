//! What becomes of each slot: what the options say, what the key that unlocked proves, and what the
//! person at the terminal says of the others.

use crate::cli::context::Context;
use crate::cli::escape;
use crate::cli::prompt::Terminal;
use crate::cli::read::{self, KEY_MAX, Privacy, quote};
use crate::cli::unlock::{self, At, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::vault::{Fate, Key, Person, Proof, Unlocked, Vault};
use std::path::{Path, PathBuf};

/// What the options say.
pub(super) struct Said {
    keys: Vec<String>,
    untested: Vec<String>,
    drop: Vec<String>,
}

/// What is to become of a slot, as far as is known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Choice {
    Unlocked,
    Key(PathBuf),
    Untested,
    Drop,
    Open,
}

impl Choice {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Unlocked => "unlocks",
            Self::Key(_) => "proven",
            Self::Untested => "untested",
            Self::Drop => "dropped",
            Self::Open => "open",
        }
    }
}

impl Said {
    /// What is wrong with the options by themselves is said before the vault is opened.
    pub(super) fn of(keys: Vec<String>, untested: Vec<String>, drop: Vec<String>) -> Result<Self> {
        for key in &keys {
            if key.split_once('=').is_none_or(|(label, file)| label.is_empty() || file.is_empty()) {
                return Err(Error::usage("a slot and its key are named like `--slot LABEL=FILE`"));
            }
        }
        match untested.iter().find(|label| drop.contains(label)) {
            Some(label) => {
                Err(Error::usage(format!("the slot `{label}` cannot be kept and dropped at once")))
            }
            None => Ok(Self { keys, untested, drop }),
        }
    }

    /// What they say of each slot.
    pub(super) fn choose(
        self,
        slots: Vec<(String, String)>,
        unlocked: &str,
    ) -> Result<Vec<(String, String, Choice)>> {
        let named = |label: &str| slots.iter().any(|(slot, _)| slot == label);
        if let Some(label) = self.untested.iter().chain(&self.drop).find(|label| !named(label)) {
            return Err(unknown(label, &slots));
        }
        let mut keys = Vec::new();
        for key in &self.keys {
            // a label may have an equals sign of its own: the longest that fits is meant
            let fits = slots.iter().filter_map(|(label, _)| {
                Some((label, key.strip_prefix(label.as_str())?.strip_prefix('=')?))
            });
            let Some((label, file)) = fits.max_by_key(|(label, _)| label.len()) else {
                return Err(unknown(key.split('=').next().unwrap_or_default(), &slots));
            };
            let twice = self.untested.contains(label) || self.drop.contains(label);
            if twice || keys.iter().any(|(other, _)| other == label) {
                let what = format!("two things are said of the slot `{label}`");
                return Err(Error::usage(what).hint("say one of them"));
            }
            keys.push((label.clone(), PathBuf::from(file)));
        }
        let keeps_passphrase = |label: &str, kind: &str| {
            label != unlocked && ["passphrase", "two_factor"].contains(&kind)
        };
        let kept = |label: &String| self.untested.contains(label);
        if let Some((label, _)) =
            slots.iter().find(|(l, kind)| kept(l) && keeps_passphrase(l, kind))
        {
            let what = format!("the slot `{label}` cannot be made again without its passphrase");
            let label = quote(label);
            return Err(Error::usage(what).hint(format!(
                "give it: `--slot {label}=FILE`; or leave it out: `--drop {label}`"
            )));
        }
        let choose = |(label, kind): (String, String)| {
            let key = keys.iter().find(|(other, _)| *other == label).map(|(_, file)| file.clone());
            let choice = match key {
                _ if self.drop.contains(&label) => Choice::Drop,
                // also of the one that unlocks: what is named is what is proven
                Some(file) => Choice::Key(file),
                None if label == unlocked => Choice::Unlocked,
                None if self.untested.contains(&label) => Choice::Untested,
                None => Choice::Open,
            };
            (label, kind, choice)
        };
        Ok(slots.into_iter().map(choose).collect())
    }
}

fn unknown(label: &str, slots: &[(String, String)]) -> Error {
    let there: Vec<&str> = slots.iter().map(|(label, _)| label.as_str()).collect();
    Error::new(ErrorKind::NotFound, format!("there is no slot `{label}`"))
        .hint(format!("there is: {}", there.join(", ")))
}

/// Settles what is open, by asking, and proves what can be proven.
pub(super) fn settle(
    cx: &Context,
    vault: &mut Vault<Unlocked>,
    choices: Vec<(String, String, Choice)>,
    proof: Proof,
) -> Result<Vec<(String, Fate)>> {
    let open = || choices.iter().filter(|(_, _, choice)| *choice == Choice::Open);
    let mut terminal = match open().next() {
        Some(_) => Some(cx.terminal().ok_or_else(|| undecided(open()))?),
        None => None,
    };
    let mut proof = Some(proof);
    let mut fates = Vec::with_capacity(choices.len());
    for (label, kind, choice) in choices {
        let fate = match (choice, &mut terminal) {
            (Choice::Drop, _) => Fate::Dropped,
            (Choice::Untested, _) => Fate::Untested,
            (Choice::Unlocked, _) => proof.take().map_or(Fate::Untested, Fate::Proven),
            (Choice::Key(file), _) => {
                let file = at_home(cx, &file);
                Fate::Proven(vault.prove(&label, key_of(cx, &label, &kind, &file)?)?)
            }
            (Choice::Open, Some(terminal)) => ask(cx, terminal, vault, (&label, &kind))?,
            (Choice::Open, None) => return Err(Error::internal("a slot is undecided")),
        };
        fates.push((label, fate));
    }
    Ok(fates)
}

/// A file that is named as in a shell: no shell sees what is typed here, and few look behind `LABEL=`.
fn at_home(cx: &Context, file: impl AsRef<Path>) -> PathBuf {
    let file = file.as_ref();
    let rest = file.strip_prefix("~").ok().filter(|_| !file.exists());
    match (rest, cx.world.var("HOME")) {
        (Some(rest), Some(home)) => Path::new(home).join(rest),
        _ => file.to_owned(),
    }
}

/// The key of a slot, out of a file.
fn key_of(cx: &Context, label: &str, kind: &str, file: &Path) -> Result<Key> {
    if kind == "passphrase" {
        let text = read::file(file, KEY_MAX, Privacy::Required)?;
        return unlock::passphrase(text, "the passphrase file");
    }
    let key = unlock::key(cx, &Source::KeyFile(file.to_owned()))?;
    match kind {
        "two_factor" => Ok(Key::Both(Box::new(key), At::of(cx).second_factor(label)?)),
        _ => Ok(key),
    }
}

/// Asks what becomes of a slot until the answer can be taken.
fn ask(
    cx: &Context,
    terminal: &mut Terminal,
    vault: &mut Vault<Unlocked>,
    (label, kind): (&str, &str),
) -> Result<Fate> {
    let answers = match kind {
        "passphrase" => "`type` to type its passphrase, or `drop`",
        "two_factor" => "the name of its key file, or `drop`",
        _ => "the name of its key file, `untested` if it is not at hand, or `drop`",
    };
    let (shown, kind_shown) = (escape::shown(label), kind.replace('_', " "));
    terminal.say(&format!("The slot `{shown}` ({kind_shown}): {answers}.\n"))?;
    let question = format!("What becomes of `{label}`");
    loop {
        let answer = terminal.line(&question)?;
        let key = match (answer.trim(), kind) {
            ("drop", _) => return Ok(Fate::Dropped),
            ("type", "passphrase") => {
                let typed = terminal.secret(&format!("Passphrase of `{label}`"))?;
                unlock::passphrase(typed, "what was typed")
            }
            ("", _) | (_, "passphrase") => continue,
            ("untested", kind) if kind != "two_factor" => return Ok(Fate::Untested),
            (file, _) => key_of(cx, label, kind, &at_home(cx, file)),
        };
        match key.and_then(|key| vault.prove(label, key)) {
            Ok(proof) => return Ok(Fate::Proven(proof)),
            Err(e) if e.kind() == ErrorKind::Aborted => return Err(e),
            Err(e) => terminal.say(&format!("{}.\n", escape::shown(e.message())))?,
        }
    }
}

/// Names every slot about which nothing is said, and all that could be.
fn undecided<'a>(open: impl Iterator<Item = &'a (String, String, Choice)>) -> Error {
    let open: Vec<_> = open.collect();
    let labels: Vec<String> = open.iter().map(|(label, ..)| format!("`{label}`")).collect();
    let what = format!("nothing is said about {}, and there is nobody to ask", labels.join(", "));
    open.iter().fold(Error::usage(what), |error, (label, kind, _)| {
        let label = quote(label);
        let untested = match kind.as_str() {
            "passphrase" | "two_factor" => String::new(),
            _ => format!("`--untested {label}`, or "),
        };
        error.hint(format!("`--slot {label}=FILE`, or {untested}`--drop {label}`"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn chosen(keys: &[&str], untested: &[&str], drop: &[&str]) -> Result<Vec<Choice>> {
        let slots =
            [("home", "passphrase"), ("a", "ssh"), ("a=b", "key_file"), ("work", "passphrase")];
        let slots = slots.map(|(label, kind)| (label.to_owned(), kind.to_owned())).to_vec();
        let said = Said::of(texts(keys), texts(untested), texts(drop))?;
        Ok(said.choose(slots, "home")?.into_iter().map(|(_, _, choice)| choice).collect())
    }

    #[test]
    fn options_say_what_becomes_of_slots() {
        let key = |file: &str| Choice::Key(file.into());
        assert_eq!(
            chosen(&[], &[], &[]).unwrap(),
            [Choice::Unlocked, Choice::Open, Choice::Open, Choice::Open]
        );
        let all = chosen(&["a=b=c", "a=x"], &[], &["home"]).unwrap();
        assert_eq!(all, [Choice::Drop, key("x"), key("c"), Choice::Open]);
        assert_eq!(chosen(&["home=x"], &[], &[]).unwrap()[0], key("x"));
        let all = chosen(&[], &["home", "a"], &["a=b"]).unwrap();
        assert_eq!(all, [Choice::Unlocked, Choice::Untested, Choice::Drop, Choice::Open]);
    }

    #[test]
    fn a_home_directory_is_found_without_a_shell() {
        let home = Some(("HOME", std::ffi::OsStr::new("/home/kim")));
        let world = crate::world::World::fake(home.as_slice(), None);
        let cx = Context::new(crate::cli::context::Globals::default(), std::rc::Rc::new(world));
        assert_eq!(at_home(&cx, "~/.ssh/key"), Path::new("/home/kim/.ssh/key"));
        for file in ["key", "/key", "~kim/key", "a/~/key"] {
            assert_eq!(at_home(&cx, file), Path::new(file));
        }
    }

    #[test]
    fn options_that_cannot_be_meant_are_refused() {
        let kind = |result: Result<Vec<Choice>>| result.err().map(|e| e.kind());
        for (keys, untested, drop) in [
            (&["home"][..], &[][..], &[][..]),
            (&["=x"], &[], &[]),
            (&["a="], &[], &[]),
            (&[], &["a"], &["a"]),
            (&["a=x"], &["a"], &[]),
            (&["a=x", "a=y"], &[], &[]),
            (&[], &["work"], &[]),
        ] {
            assert_eq!(kind(chosen(keys, untested, drop)), Some(ErrorKind::Usage), "{keys:?}");
        }
        for (keys, untested, drop) in
            [(&["b=x"][..], &[][..], &[][..]), (&[], &["b"], &[]), (&[], &[], &["b"])]
        {
            assert_eq!(kind(chosen(keys, untested, drop)), Some(ErrorKind::NotFound), "{keys:?}");
        }
    }
}
