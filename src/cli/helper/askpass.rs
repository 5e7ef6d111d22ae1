//! `vault helper ssh-askpass`: what ssh, ssh-add and sudo start when they want a password. The question
//! is all they say, and part of it may come from a server: only what is known to the letter is answered.

use super::find::{self, Known};
use super::place::Place;
use crate::cli::context::Context;
use crate::cli::report::Report;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{FieldName, Reference, Secret};
use crate::vault::{Filter, State, Vault};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Answer ssh, ssh-add and sudo when they ask for a password or a passphrase
#[derive(clap::Args)]
#[command(after_help = "Examples:
  ln -s \"$(command -v vault)\" ~/.local/bin/vault-askpass
  SSH_ASKPASS=vault-askpass SSH_ASKPASS_REQUIRE=force ssh-add ~/.ssh/id_ed25519
  SSH_ASKPASS=vault-askpass SSH_ASKPASS_REQUIRE=force ssh alice@web1
  SUDO_ASKPASS=$HOME/.local/bin/vault-askpass sudo -A true
  VAULT_ASKPASS_CRED=web/root SUDO_ASKPASS=$HOME/.local/bin/vault-askpass sudo -A true

Which credential: for the passphrase of a key, the one with the same public key, or with the public
field key_file; for a password, the one with that --username and --host; for sudo, with this machine
as the --host. VAULT_ASKPASS_CRED names one, or a reference. Questions that want a yes or a no are never
answered: whether a host key is right must be seen by a person.")]
pub struct Args {
    /// The question, as the program asks it
    question: Option<OsString>,
}

/// How a question about the passphrase of a key begins.
const OF_KEY: &str = "Enter passphrase for ";

/// What is asked for.
#[derive(Debug, Eq, PartialEq)]
enum Question {
    /// The passphrase of a key.
    Passphrase(PathBuf),
    /// The password of a user on a machine.
    Password { user: String, host: String },
    /// The password of a user on this machine.
    Sudo { user: String },
    /// A password, or a passphrase; of what is not said.
    Some,
    /// Nothing that is ever answered.
    Other,
}

/// Answers.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    cx.fail_with_code(1);
    let question = args.question.unwrap_or_default();
    let question = question.to_string_lossy();
    let is_about_some_key = question.starts_with(OF_KEY);
    let question = match cx.world.var("SSH_ASKPASS_PROMPT") {
        Some(_) => Question::Other, // it wants a yes or no, or no answer at all
        None => read_question(&question),
    };
    let named = cx.world.var("VAULT_ASKPASS_CRED").map(|text| text.to_string_lossy().into_owned());
    if question == Question::Other || (question == Question::Some && named.is_none()) {
        let error = Error::new(ErrorKind::Refused, "this question is not for a program to answer");
        return Err(match is_about_some_key {
            true => error.hint("name the key by its whole path: ssh-add ~/.ssh/id_ed25519"),
            false => error.hint("answer it yourself: unset SSH_ASKPASS"),
        });
    }
    let mut vault = cx.unlocked()?;
    let reference = match named {
        Some(named) => chosen(&vault, &named, &question)?,
        None => question.meant(&vault)?,
    };
    let command = if matches!(question, Question::Sudo { .. }) { "sudo" } else { "ssh" };
    let mut handed = find::hand_out(&mut vault, command, &[reference])?;
    vault.leave();
    let value = handed.pop().ok_or_else(|| Error::internal("nothing was handed out"))?.value;
    let mut line = zeroize::Zeroizing::new(Vec::with_capacity(value.len() + 1));
    line.extend_from_slice(value.expose());
    line.push(b'\n');
    match value.expose().contains(&b'\n') {
        true => Err(Error::new(ErrorKind::Unsupported, "the value has more than one line")
            .hint("a passphrase has one: vault cred set NAME FIELD --stdin")),
        false => Ok(Report::Answer(Secret::new(line))),
    }
}

/// The credential that the user has named, if what is known of it does not speak against it.
fn chosen<S: State>(vault: &Vault<S>, named: &str, question: &Question) -> Result<String> {
    if !Reference::is_meant(named) {
        let known = find::must_be_there(vault, &named.parse()?)?;
        check_agrees(&known, question)?;
        return field(&known, question).map(|field| known.reference(field));
    }
    for reading in named.parse::<Reference>()?.readings() {
        if let Some(known) = find::named(vault, &reading.name)? {
            check_agrees(&known, question)?;
        }
    }
    Ok(named.to_owned())
}

fn check_agrees(known: &Known, question: &Question) -> Result<()> {
    let (user, host) = match question {
        Question::Password { user, host } => (Some(user), Some(host)),
        Question::Sudo { user } => (Some(user), None),
        Question::Passphrase(_) | Question::Some | Question::Other => (None, None),
    };
    let is_other_user = user.is_some_and(|user| known.username.as_ref().is_some_and(|u| u != user));
    let is_other_host = host
        .is_some_and(|host| host_of(known).is_some_and(|kept| !kept.eq_ignore_ascii_case(host)));
    if is_other_user || is_other_host {
        let what = format!("`{}` is for another user or host than the one that asks", known.name);
        return Err(
            Error::new(ErrorKind::Refused, what).hint(format!("vault cred show {}", known.name))
        );
    }
    Ok(())
}

impl Question {
    /// The one credential that answers it.
    fn meant<S: State>(&self, vault: &Vault<S>) -> Result<String> {
        let this_host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let public = match self {
            Self::Passphrase(path) => public_key(path),
            _ => None,
        };
        let fits = |known: &Known| match self {
            Self::Passphrase(path) => is_of_key(known, path, public.as_deref()),
            Self::Password { user, host } => is_login(known, user, &[host]),
            Self::Sudo { user } => is_login(known, user, &[&this_host, "localhost"]),
            Self::Some | Self::Other => false,
        };
        let found = find::known(vault, &Filter::default(), |known| {
            fits(known) && field(known, self).is_ok()
        })?;
        match found.as_slice() {
            [known] => field(known, self).map(|field| known.reference(field)),
            [] => Err(Error::new(ErrorKind::NotFound, "no credential is for this question")
                .hint("name it: VAULT_ASKPASS_CRED=NAME; or give it a --host and a --username")),
            several => {
                Err(Error::new(ErrorKind::Conflict, "several credentials answer this question")
                    .candidates(several.iter().map(|known| known.name.to_string()).collect())
                    .hint("name one: VAULT_ASKPASS_CRED=NAME"))
            }
        }
    }
}

/// The field that answers.
fn field<'k>(known: &'k Known, question: &Question) -> Result<&'k FieldName> {
    let names: &[&str] = match question {
        Question::Passphrase(_) => &["passphrase", "password", "secret"],
        _ => &["password", "passphrase", "secret"],
    };
    known.secret(names).ok_or_else(|| {
        let what = format!("`{}` has neither a password nor a passphrase", known.name);
        Error::new(ErrorKind::NotFound, what).hint("give it one: vault cred set NAME password")
    })
}

fn is_login(known: &Known, user: &str, hosts: &[&str]) -> bool {
    let host = host_of(known);
    let is_host = |host: &String| hosts.iter().any(|asked| host.eq_ignore_ascii_case(asked));
    ["ssh", "password"].contains(&known.kind.as_str())
        && known.username.as_deref() == Some(user)
        && host.as_ref().is_some_and(is_host)
}

/// The machine that a credential is for; an address counts if it is one of ssh.
fn host_of(known: &Known) -> Option<String> {
    known.host.clone().or_else(|| {
        let (place, _) = Place::of_url(known.url.as_deref()?)?;
        (place.scheme() == "ssh").then(|| place.host().to_owned())
    })
}

fn is_of_key(known: &Known, path: &Path, public: Option<&str>) -> bool {
    let field = |name: &str| {
        let found = known.fields.iter().find(|(field, _)| field.as_str() == name);
        found.map(|(_, value)| value.as_str())
    };
    let is_file = field("key_file").is_some_and(|kept| Path::new(kept) == path);
    is_file || (public.is_some() && field("public_key").and_then(bare) == public)
}

/// The public half of a key file, which need not be opened for that.
fn public_key(path: &Path) -> Option<String> {
    let text = crate::cli::read::file(path, 1 << 20, crate::cli::read::Privacy::AsItIs).ok()?;
    let key = ssh_key::PrivateKey::from_openssh(text.expose()).ok()?;
    bare(&key.public_key().to_openssh().ok()?).map(str::to_owned)
}

/// A public key without its comment.
fn bare(line: &str) -> Option<&str> {
    let mut ends = line.match_indices(' ').map(|(at, _)| at);
    ends.next()?;
    Some(line[..ends.next().unwrap_or(line.len())].trim_end())
}

fn read_question(text: &str) -> Question {
    let text = text.trim_end();
    let lower = text.to_lowercase();
    if lower.contains("yes/no") || lower.contains("(y/n") || lower.ends_with('?') {
        return Question::Other;
    }
    if let Some(rest) = text.strip_prefix(OF_KEY) {
        return key_of(rest).map_or(Question::Other, Question::Passphrase);
    }
    if let Some(user) = between(text, "[sudo] password for ", ":") {
        return Question::Sudo { user };
    }
    // what a server asks, ssh tells with user and host before it
    if let Some((who, rest)) = text.strip_prefix('(').and_then(|rest| rest.split_once(") ")) {
        return match rest.eq_ignore_ascii_case("password:") {
            true => login(who),
            false => Question::Other,
        };
    }
    if let Some(who) = text.strip_suffix("'s password:") {
        return login(who);
    }
    match lower.as_str() {
        "password:" | "password for root:" | "enter passphrase:" | "passphrase:" => Question::Some,
        _ => Question::Other,
    }
}

/// `alice@web1`.
fn login(who: &str) -> Question {
    match who.rsplit_once('@') {
        Some((user, host)) if !who.contains([' ', '\n']) => {
            Question::Password { user: user.to_owned(), host: host.to_owned() }
        }
        _ => Question::Other,
    }
}

/// The path of a key: `key '/home/a/.ssh/id': ` of ssh, `/home/a/.ssh/id: ` of ssh-add, and in double
/// quotes of ssh-keygen.
fn key_of(rest: &str) -> Option<PathBuf> {
    let rest = rest.strip_suffix(':')?;
    let rest = rest.strip_suffix(" (will confirm each use)").unwrap_or(rest);
    let rest = rest.strip_prefix("key ").unwrap_or(rest);
    let quoted = |mark| rest.strip_prefix(mark).and_then(|rest: &str| rest.strip_suffix(mark));
    let path = quoted('\'').or_else(|| quoted('"')).unwrap_or(rest);
    (path.starts_with('/') && !path.contains('\n')).then(|| path.into())
}

fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let inner = text.strip_prefix(before)?.strip_suffix(after)?;
    (!inner.is_empty() && !inner.contains(char::is_whitespace)).then(|| inner.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(user: &str, host: &str) -> Question {
        Question::Password { user: user.into(), host: host.into() }
    }

    #[test]
    fn questions_are_known_to_the_letter() {
        let key = || Question::Passphrase("/home/a/.ssh/id".into());
        for (text, question) in [
            ("Enter passphrase for key '/home/a/.ssh/id': ", key()),
            ("Enter passphrase for /home/a/.ssh/id: ", key()),
            ("Enter passphrase for /home/a/.ssh/id (will confirm each use): ", key()),
            ("Enter passphrase for \"/home/a/.ssh/id\": ", key()),
            ("alice@web1's password: ", password("alice", "web1")),
            ("(alice@web1) Password: ", password("alice", "web1")),
            ("[sudo] password for alice: ", Question::Sudo { user: "alice".into() }),
            ("Password:", Question::Some),
            ("Bad passphrase, try again for /home/a/.ssh/id: ", Question::Other),
            ("(alice@evil) Enter passphrase for key '/home/a/.ssh/id': ", Question::Other),
            ("(alice@evil) root@web1's password: ", Question::Other),
            ("(alice@web1) Verification code: ", Question::Other),
            (
                "Are you sure you want to continue connecting (yes/no/[fingerprint])? ",
                Question::Other,
            ),
            ("Please type 'yes', 'no' or the fingerprint: ", Question::Other),
            ("Allow use of key /home/a/.ssh/id?\nKey fingerprint SHA256:x.", Question::Other),
            ("Enter PIN for ED25519-SK key /home/a/.ssh/id: ", Question::Other),
            ("Enter passphrase for key 'id': ", Question::Other),
            ("", Question::Other),
        ] {
            assert_eq!(read_question(text), question, "{text}");
        }
    }
}
