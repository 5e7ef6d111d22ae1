//! `vault helper git`: the credential protocol of git (gitcredentials(7), git-credential(1)).

use super::find::{self, Account, Asked};
use super::place::{Fit, Place};
use crate::cli::context::Context;
use crate::cli::read;
use crate::cli::report::Report;
use crate::error::{Error, Result};
use crate::model::{Attr, CredName, FieldName, Metadata, Reference, Secret};
use crate::vault::{Change, NewCredential, Unlocked, Vault};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use zeroize::Zeroizing;

/// Answer git, which asks on standard input
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault helper install git
  git config --global credential.helper '!vault helper git'
  printf 'protocol=https\\nhost=github.com\\n\\n' | vault helper git get

A credential answers when its --url has the same scheme, host and port, the path, if it has one, is that
of the repository or above it (git tells the path only with credential.useHttpPath), and its --username,
if git asks for one, is the same. When several fit equally well none does: put the name into the address
of the remote. What git was told and found to work is kept as git/HOST/USER, as a new version if it
is another one; what does not work is never erased, only noted in the log.")]
pub struct Args {
    /// What git wants: get, store or erase; anything else is ignored, as git demands
    operation: String,
}

/// Answers.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let work = match args.operation.as_str() {
        "get" => get,
        "store" => store,
        "erase" => erase,
        _ => return Ok(Report::Nothing),
    };
    // who keeps git from asking at the terminal means us, too
    cx.globals.no_input |= cx.world.var("GIT_TERMINAL_PROMPT").is_some_and(is_no);
    let text = read::stdin(MOST)?;
    let request = Request::parse(text.expose())?;
    match request.place()? {
        Some(place) => work(&request, &place, cx),
        None => Ok(Report::Nothing),
    }
}

/// What git takes for a no.
fn is_no(value: &OsStr) -> bool {
    ["", "0", "false", "no", "off"].iter().any(|no| value.eq_ignore_ascii_case(no))
}

/// The longest request.
const MOST: usize = 64 << 10;

/// What git says.
#[derive(Debug, Default)]
struct Request<'t> {
    single: BTreeMap<&'t str, &'t str>,
    /// Whether git hands back at `store` what we say at `get`.
    keeps_state: bool,
    /// Whether what git stores came from us.
    is_ours: bool,
}

impl<'t> Request<'t> {
    /// A key that comes twice, or a control character, means that somebody has made git say what it did
    /// not mean to (CVE-2020-5260, CVE-2024-52006).
    fn parse(text: &'t [u8]) -> Result<Self> {
        let text = std::str::from_utf8(text).map_err(|_| malformed("is not UTF-8"))?;
        let mut request = Self::default();
        for line in text.split('\n').take_while(|line| !line.is_empty()) {
            let (key, value) =
                line.split_once('=').ok_or_else(|| malformed("has a line without `=`"))?;
            if line.contains(char::is_control) {
                return Err(malformed("has a control character"));
            }
            match key {
                "capability[]" => request.keeps_state |= value == "state",
                "state[]" => request.is_ours |= value.starts_with(STATE),
                key if key.ends_with("[]") => {}
                key => {
                    if request.single.insert(key, value).is_some() {
                        return Err(malformed("says the same thing twice"));
                    }
                }
            }
        }
        Ok(request)
    }

    fn of(&self, key: &str) -> Option<&'t str> {
        self.single.get(key).copied().filter(|value| !value.is_empty())
    }

    /// Where git wants to log in; nothing for what is no place on the network.
    fn place(&self) -> Result<Option<Place>> {
        let (Some(scheme), Some(host)) = (self.of("protocol"), self.of("host")) else {
            return Ok(None);
        };
        match Place::of(scheme, host, self.of("path").unwrap_or_default()) {
            // to end with a dot is fine for a host, but no credential is for it
            None if !host.ends_with('.') => Err(malformed("names no host")),
            place => Ok(place),
        }
    }

    fn asked<'a>(&'a self, place: &'a Place) -> Asked<'a> {
        Asked { place, username: self.of("username") }
    }
}

/// How what we want back begins.
const STATE: &str = "vault.given=";

fn get(request: &Request<'_>, place: &Place, cx: &mut Context) -> Result<Report> {
    let asked = request.asked(place);
    // nobody is asked for a passphrase for a place that nothing is kept for
    if asked.accounts(&cx.locked()?)?.is_empty() {
        return Ok(Report::Nothing);
    }
    let mut vault = cx.unlocked()?;
    let accounts = asked.accounts(&vault)?;
    let Some(account) = find::best(&accounts) else {
        if !accounts.is_empty() {
            let hint = format!("name one: git config credential.{}.username NAME", place.url());
            cx.warn(&format!("{}; {hint}", find::ambiguous(place, &accounts, String::new())));
        }
        return Ok(Report::Nothing);
    };
    let (username, secret) = find::hand_out_account(&mut vault, "git", account)?;
    vault.leave();
    let password = find::line(&account.known, &secret)?;
    let username = username.as_deref().or(asked.username).unwrap_or(ANY_USER);
    let mut answer = Zeroizing::new(Vec::with_capacity(password.len() + 256));
    if request.keeps_state {
        let given = Reference::certain(&account.known.name, &account.field);
        answer
            .extend_from_slice(format!("capability[]=state\nstate[]={STATE}{given}\n").as_bytes());
    }
    for part in ["username=", username, "\npassword=", password, "\n"] {
        answer.extend_from_slice(part.as_bytes());
    }
    Ok(Report::Answer(Secret::new(answer)))
}

/// The user name that goes with a token: services look at the token only, but want a name.
const ANY_USER: &str = "x-access-token";

fn store(request: &Request<'_>, place: &Place, cx: &mut Context) -> Result<Report> {
    let (Some(username), Some(password)) = (request.of("username"), request.of("password")) else {
        return Ok(Report::Nothing);
    };
    // made by another helper, which makes another one when this one has ended
    let is_short_lived = request.of("password_expiry_utc").is_some()
        || request.of("oauth_refresh_token").is_some()
        || request.of("ephemeral").is_some_and(|value| value != "0");
    if request.is_ours || is_short_lived {
        return Ok(Report::Nothing);
    }
    let password = Secret::from_bytes(password.as_bytes());
    let mut vault = cx.unlocked()?;
    let accounts = request.asked(place).accounts(&vault)?;
    if said_before(&mut vault, &accounts, &password, None)?.is_some() {
        return Ok(Report::Nothing);
    }
    let own: Vec<Account> = accounts.into_iter().filter(is_for_this).collect();
    match (find::best(&own), own.is_empty()) {
        (Some(account), _) => renew(cx, &mut vault, account, password),
        (None, false) => {
            Err(find::ambiguous(place, &own, "change one: vault cred set NAME --stdin".into()))
        }
        (None, true) => keep(cx, &mut vault, place, username, password),
    }
}

/// Whether an account is of this very user, and for no path that git did not tell.
fn is_for_this(account: &Account) -> bool {
    account.is_named && account.fit != Fit::AnyPath
}

fn renew(
    cx: &Context,
    vault: &mut Vault<Unlocked>,
    account: &Account,
    password: Secret,
) -> Result<Report> {
    let name = &account.known.name;
    let change = Change { edit: None, secrets: vec![(account.field.clone(), password)] };
    vault.set(name, change)?;
    cx.note(&format!("`{name}` has a new version, which git was told"));
    Ok(Report::Nothing)
}

fn keep(
    cx: &Context,
    vault: &mut Vault<Unlocked>,
    place: &Place,
    username: &str,
    password: Secret,
) -> Result<Report> {
    if place.scheme() == "http" {
        cx.note("not kept: what is sent by http, everybody can read on the way");
        return Ok(Report::Nothing);
    }
    let name: CredName = format!("git/{}/{username}", place.short()).parse()?;
    let mut meta = Metadata::default();
    "password".clone_into(&mut meta.kind);
    meta.set(Attr::Url, Some(crate::kind::public::parse_url(&place.url())?));
    meta.set(Attr::Username, Some(username.to_owned()));
    let field: FieldName = "password".parse()?;
    let kept = format!("kept as `{name}`");
    vault.add(NewCredential { name, meta, secrets: vec![(field, password)] })?;
    cx.note(&kept);
    Ok(Report::Nothing)
}

/// The account that has this value now.
fn said_before<'a>(
    vault: &mut Vault<Unlocked>,
    accounts: &'a [Account],
    password: &Secret,
    said: Option<&'static str>,
) -> Result<Option<&'a Account>> {
    for account in accounts {
        let value = (&account.field, password);
        if vault.has_value(&account.known.name, value, &find::errand("git"), said)? {
            return Ok(Some(account));
        }
    }
    Ok(None)
}

/// Erases nothing. A server can refuse what is right: it is broken, or not the one it says it is.
fn erase(request: &Request<'_>, place: &Place, cx: &mut Context) -> Result<Report> {
    let Some(password) = request.of("password") else { return Ok(Report::Nothing) };
    let asked = request.asked(place);
    if asked.accounts(&cx.locked()?)?.is_empty() {
        return Ok(Report::Nothing);
    }
    let password = Secret::from_bytes(password.as_bytes());
    let mut vault = cx.unlocked()?;
    let accounts = asked.accounts(&vault)?;
    if let Some(account) = said_before(&mut vault, &accounts, &password, Some("refused"))? {
        let name = &account.known.name;
        cx.warn(&format!(
            "{} refused `{name}`, which stays as it is; if it is out of date: vault cred set {} {} --stdin",
            place.host(),
            read::quote(name.as_str()),
            account.field,
        ));
    }
    Ok(Report::Nothing)
}

fn malformed(why: &str) -> Error {
    Error::usage(format!("the request {why}")).hint("see what git asks for: man git-credential")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_as_git_writes_them() {
        let text = b"capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=h.example:8443\n\
            path=a/b.git\nusername=alice\nwwwauth[]=Basic realm=\"x=y\"\npassword=p=w\nnew_key=1\n\nhost=x\n";
        let request = Request::parse(text).unwrap();
        assert!(request.keeps_state && !request.is_ours);
        assert_eq!((request.of("password"), request.of("path")), (Some("p=w"), Some("a/b.git")));
        assert_eq!(request.place().unwrap().unwrap().url(), "https://h.example:8443/a/b.git");
    }

    #[test]
    fn what_git_did_not_mean_to_say_is_refused() {
        for bad in [
            "protocol=https\nhost=github.com\nhost=evil.net\n",
            "protocol=https\nhost=evil.net\rhost=github.com\n",
            "protocol=https\nhost=github.com\0.evil.net\n",
            "protocol=https\nhost=evil.net\nusername=a\nusername=b\n",
            "protocol=https\nhost\n",
        ] {
            assert!(Request::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(Request::parse(b"host=\xff\n").is_err());
        for (host, is_error) in [
            ("github.com@evil.net", true),
            ("github.com/x", true),
            ("github.com.", false),
            ("github.com#evil", true),
            ("", false),
        ] {
            let text = format!("protocol=https\nhost={host}\n");
            let request = Request::parse(text.as_bytes()).unwrap();
            match request.place() {
                Ok(place) => assert!(!is_error && place.is_none(), "{host}"),
                Err(_) => assert!(is_error, "{host}"),
            }
        }
    }
}
