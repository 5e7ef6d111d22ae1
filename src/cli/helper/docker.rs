//! `vault helper docker`: the protocol of docker's credential helpers.

use super::find::{self, Account, Asked, Known};
use super::place::{Fit, Place};
use crate::cli::context::Context;
use crate::cli::read;
use crate::cli::report::Report;
use crate::error::{Error, Result};
use crate::kind::public::parse_url;
use crate::model::{Attr, CredName, FieldName, Metadata, Secret};
use crate::vault::{Change, Filter, NewCredential, Unlocked, Vault};
use std::collections::BTreeMap;

/// Answer docker, which asks on standard input
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault helper install docker
  vault helper install docker --registry ghcr.io
  echo https://index.docker.io/v1/ | vault helper docker get

What `docker login` stores is kept as docker/SERVER. Any other credential whose --url is the server
answers, too. `docker logout` puts into the trash what `docker login` has stored, and leaves all others
as they are.")]
pub struct Args {
    /// What docker wants
    #[arg(value_parser = ["get", "store", "erase", "list", "version"])]
    operation: String,
}

/// Answers.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    cx.fail_with_code(1);
    match args.operation.as_str() {
        "get" => get(cx),
        "store" => store(cx),
        "erase" => erase(cx),
        "list" => list(cx),
        _ => Ok(text(&format!("docker-credential-vault v{}\n", env!("CARGO_PKG_VERSION")))),
    }
}

/// The longest request.
const MOST: usize = 1 << 20;

/// What docker says when it stores, and what it is told.
#[derive(serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "PascalCase")]
struct Login {
    #[serde(rename = "ServerURL")]
    server: String,
    username: String,
    secret: String,
}

fn get(cx: &mut Context) -> Result<Report> {
    let (server, place) = asked_for()?;
    let asked = Asked { place: &place, username: None };
    if asked.accounts(&cx.locked()?)?.is_empty() {
        return Ok(not_found(cx));
    }
    let mut vault = cx.unlocked()?;
    let accounts = asked.accounts(&vault)?;
    let account = match (own(&accounts, &place), accounts.is_empty()) {
        (Some(own), _) => own,
        (None, true) => return Ok(not_found(cx)),
        (None, false) => find::best(&accounts).ok_or_else(|| {
            find::ambiguous(&place, &accounts, format!("docker login {}", place.short()))
        })?,
    };
    let (username, secret) = find::hand_out_account(&mut vault, "docker", account)?;
    vault.leave();
    let secret = find::line(&account.known, &secret)?.to_owned();
    let username = username.unwrap_or_else(|| ANY_USER.to_owned());
    super::document(&Login { server, username, secret })
}

/// The user name that goes with a token.
const ANY_USER: &str = "token";

fn store(cx: &mut Context) -> Result<Report> {
    let input = read::stdin(MOST)?;
    let login: Login = serde_json::from_slice(input.expose()).map_err(|_| {
        Error::usage("the request is not what docker sends")
            .hint("let docker do it: docker login SERVER")
    })?;
    let place = place(&login.server)?;
    if login.username.is_empty() || login.secret.is_empty() {
        return Err(Error::usage("no credentials username or secret")
            .hint("let docker do it: docker login SERVER"));
    }
    if login.username.contains(char::is_control) {
        return Err(Error::usage("the user name has a control character")
            .hint("log in with another: docker login SERVER"));
    }
    let secret = Secret::from_bytes(login.secret.as_bytes());
    let mut vault = cx.unlocked()?;
    let accounts = Asked { place: &place, username: None }.accounts(&vault)?;
    // what is for a path that docker did not tell is for something else
    let is_same = |account: &&Account| {
        account.username.as_deref() == Some(&*login.username) && account.fit != Fit::AnyPath
    };
    let other = accounts.iter().find(is_same);
    match own(&accounts, &place).or(other) {
        Some(account) => renew(cx, &mut vault, account, &login.username, secret),
        None => keep(cx, &mut vault, &place, login, secret),
    }
}

fn renew(
    cx: &Context,
    vault: &mut Vault<Unlocked>,
    account: &Account,
    username: &str,
    secret: Secret,
) -> Result<Report> {
    let name = &account.known.name;
    let value = (&account.field, &secret);
    let is_known = vault.has_value(name, value, &find::errand("docker"), None)?;
    let username = username.to_owned();
    let change = Change {
        edit: Some(Box::new(|meta| {
            meta.set(Attr::Username, Some(username));
            Ok(())
        })),
        secrets: if is_known { Vec::new() } else { vec![(account.field.clone(), secret)] },
    };
    if vault.set(name, change)? {
        cx.note(&format!("changed `{name}`"));
    }
    Ok(Report::Nothing)
}

fn keep(
    cx: &Context,
    vault: &mut Vault<Unlocked>,
    place: &Place,
    login: Login,
    secret: Secret,
) -> Result<Report> {
    let name = own_name(place)?;
    let mut meta = Metadata::default();
    "password".clone_into(&mut meta.kind);
    meta.set(Attr::Url, Some(parse_url(&place.url())?));
    meta.set(Attr::Username, Some(login.username));
    meta.fields.insert(SERVER.parse()?, login.server);
    let field: FieldName = "password".parse()?;
    let kept = format!("kept as `{name}`");
    vault.add(NewCredential { name, meta, secrets: vec![(field, secret)] })?;
    cx.note(&kept);
    Ok(Report::Nothing)
}

/// The public field that says how docker writes the server.
const SERVER: &str = "server";

fn erase(cx: &mut Context) -> Result<Report> {
    let (_, place) = asked_for()?;
    let asked = Asked { place: &place, username: None };
    if asked.accounts(&cx.locked()?)?.is_empty() {
        return Ok(Report::Nothing);
    }
    let mut vault = cx.unlocked()?;
    let accounts = asked.accounts(&vault)?;
    match own(&accounts, &place) {
        Some(account) => {
            let name = &account.known.name;
            vault.remove(name)?;
            let name = read::quote(name.as_str());
            cx.note(&format!("in the trash; to have it back: vault cred restore {name}"));
        }
        None => {
            for account in &accounts {
                cx.note(&format!("`{}` was not stored by docker and stays", account.known.name));
            }
        }
    }
    Ok(Report::Nothing)
}

fn list(cx: &mut Context) -> Result<Report> {
    let mut all = BTreeMap::new();
    let filter = Filter { search: Some(OWN.to_owned()), ..Filter::default() };
    cx.locked()?.list(&filter, &mut |row| {
        let known = Known::of(row)?;
        let server = known.fields.iter().find(|(name, _)| name.as_str() == SERVER);
        let server = server.map(|(_, server)| server.clone()).or(known.url);
        if let (true, Some(server)) = (known.name.as_str().starts_with(OWN), server) {
            all.insert(server, known.username.unwrap_or_default());
        }
        Ok(())
    })?;
    super::document(&all)
}

/// How the names begin of what docker has stored.
const OWN: &str = "docker/";

fn own_name(place: &Place) -> Result<CredName> {
    format!("{OWN}{}", place.short()).parse()
}

/// What docker has stored for this server.
fn own<'a>(accounts: &'a [Account], place: &Place) -> Option<&'a Account> {
    let name = own_name(place).ok()?;
    accounts.iter().find(|account| account.known.name == name)
}

/// The server that docker names on standard input, as it wrote it and as it is meant.
fn asked_for() -> Result<(String, Place)> {
    let input = read::stdin(MOST)?;
    let text = std::str::from_utf8(input.expose()).map_err(|_| no_server())?.trim();
    if text.is_empty() {
        return Err(Error::usage("no credentials server URL").hint("docker sends it as a line"));
    }
    Ok((text.to_owned(), place(text)?))
}

/// Docker leaves out `https://` for all servers but its own.
fn place(server: &str) -> Result<Place> {
    let (scheme, rest) = server.split_once("://").unwrap_or(("https", server));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    Place::of(scheme, authority, path).ok_or_else(no_server)
}

fn no_server() -> Error {
    Error::usage("this names no server").hint("write it like ghcr.io or https://ghcr.io")
}

/// What docker takes for "there is none", in these very words.
fn not_found(cx: &Context) -> Report {
    cx.end_with_code(1);
    text("credentials not found in native keychain\n")
}

fn text(text: &str) -> Report {
    Report::Answer(Secret::from_bytes(text.as_bytes()))
}
