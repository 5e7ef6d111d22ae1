//! `vault helper install docker`.

use super::Step;
use crate::cli::context::Context;
use crate::cli::helper::place::Place;
use crate::cli::report::Report;
use crate::error::{Error, ErrorKind, Result};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ops::Range;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Let docker keep its logins here
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault helper install docker
  vault helper install docker --registry ghcr.io --dry-run

Docker starts a program with a name of its own: that is a link in ~/.local/bin, which must be in PATH.")]
pub struct Args {
    /// Only for this registry; may be given several times
    #[arg(long, value_name = "HOST", value_parser = registry)]
    registry: Vec<String>,

    /// Only tell what would be written
    #[arg(long)]
    dry_run: bool,
}

/// Writes it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let file = match cx.world.var("DOCKER_CONFIG") {
        Some(dir) => Path::new(dir).join("config.json"),
        None => super::at_home(cx, ".docker/config.json")?,
    };
    let (file, text) = super::config(&file)?;
    let config = parse(&file, &text)?;
    let (changed, lines) = change(&config, &text, &args.registry, &file)?;
    let mut steps: Vec<Step<'_>> = link(cx)?.into_iter().collect();
    if !lines.is_empty() {
        let (place, line) = (file.clone(), lines.join(", "));
        let apply = move || super::save(&file, &text, &changed);
        steps.push(Step { place, line, apply: Box::new(apply) });
    }
    if has_passwords(&config) {
        cx.warn(
            "there are logins in docker's file, not encrypted: docker logout, then docker login",
        );
    }
    super::done(cx, steps, args.dry_run)
}

/// Docker looks for the host alone, but for its own registry, which it calls by its address.
fn registry(text: &str) -> Result<String> {
    let is_own = ["docker.io", "index.docker.io"].contains(&text);
    match text == HUB || (!is_own && Place::of("https", text, "").is_some()) {
        true => Ok(text.to_owned()),
        false if is_own => Err(Error::usage("docker calls its own registry by its address")
            .hint(format!("--registry {HUB}"))),
        false => Err(Error::usage("a registry is a host, and its port if it has one")
            .hint("--registry ghcr.io")),
    }
}

const HUB: &str = "https://index.docker.io/v1/";

fn parse(file: &Path, text: &str) -> Result<Map<String, Value>> {
    match text.trim().is_empty() {
        true => Ok(Map::new()),
        false => serde_json::from_str(text).map_err(|_| super::strange(file)),
    }
}

/// The text with the keys in it, all else byte for byte as it was; and which are new.
fn change(
    config: &Map<String, Value>,
    text: &str,
    registries: &[String],
    file: &Path,
) -> Result<(String, Vec<String>)> {
    let mut text = if text.trim().is_empty() { "{}\n".to_owned() } else { text.to_owned() };
    let mut lines = Vec::new();
    if registries.is_empty() {
        match config.get("credsStore").and_then(Value::as_str) {
            Some(OURS) => return Ok((text, lines)),
            Some(other) if !other.is_empty() => {
                return Err(super::taken(file, "credsStore")
                    .hint("use this one for some registries only: --registry HOST"));
            }
            _ => lines.push(format!("\"credsStore\": \"{OURS}\"")),
        }
        match span(&text, "credsStore") {
            Some(empty) => text.replace_range(empty, &format!("\"{OURS}\"")),
            None => insert(&mut text, 0, 1, &lines[0]),
        }
        return Ok((text, lines));
    }
    for registry in registries {
        let line = format!("{}: \"{OURS}\"", Value::from(&**registry));
        let shown = format!("\"{HELPERS}\": {{{line}}}");
        if is_ours(config, registry, file)? || lines.contains(&shown) {
            continue;
        }
        if span(&text, HELPERS).is_none() {
            insert(&mut text, 0, 1, &format!("\"{HELPERS}\": {{}}"));
        }
        let from = span(&text, HELPERS).ok_or_else(|| super::strange(file))?.start;
        insert(&mut text, from, 2, &line);
        lines.push(shown);
    }
    Ok((text, lines))
}

/// Whether a registry has this helper already; refused when it has another.
fn is_ours(config: &Map<String, Value>, registry: &str, file: &Path) -> Result<bool> {
    let Some(helpers) = config.get(HELPERS) else { return Ok(false) };
    let helpers = helpers.as_object().ok_or_else(|| super::strange(file))?;
    match helpers.get(registry).map(|helper| helper.as_str() == Some(OURS)) {
        None => Ok(false),
        Some(true) => Ok(true),
        Some(false) => {
            Err(super::taken(file, "helper for this registry")
                .hint("take it out first, and try again"))
        }
    }
}

/// Where the value of `key` stands in the text of an object.
fn span(text: &str, key: &str) -> Option<Range<usize>> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    let value = members.get(key)?.get();
    let from = value.as_ptr().addr() - text.as_ptr().addr();
    Some(from..from + value.len())
}

/// Puts a member first into the object at or after `from`, with tabs, as docker itself writes it.
fn insert(text: &mut String, from: usize, depth: usize, member: &str) {
    let open = text[from..].find('{').map_or(text.len(), |at| from + at + 1);
    let end = match text[open..].trim_start().starts_with('}') {
        true => format!("\n{}", "\t".repeat(depth - 1)),
        false => ",".to_owned(),
    };
    text.insert_str(open, &format!("\n{}{member}{end}", "\t".repeat(depth)));
}

const HELPERS: &str = "credHelpers";

/// What stands behind `docker-credential-` in the name of the program.
const OURS: &str = "vault";

fn has_passwords(config: &Map<String, Value>) -> bool {
    let auths = config.get("auths").and_then(Value::as_object);
    auths.is_some_and(|auths| auths.values().any(|login| login.get("auth").is_some()))
}

/// The link that docker starts.
fn link(cx: &Context) -> Result<Option<Step<'static>>> {
    let program = super::this_program()?;
    let place: PathBuf = super::at_home(cx, ".local/bin/docker-credential-vault")?;
    match place.symlink_metadata() {
        Ok(_) if place.canonicalize().ok() == program.canonicalize().ok() => return Ok(None),
        Ok(_) => {
            let what = format!("`{}` is something else already", place.display());
            return Err(Error::new(ErrorKind::Conflict, what).hint("move it away, and try again"));
        }
        Err(_) => {}
    }
    let dir = place.parent().map(Path::to_owned).unwrap_or_default();
    let path = cx.world.var("PATH").unwrap_or_default();
    if !std::env::split_paths(path).any(|in_path| in_path == dir) {
        cx.warn(&format!("`{}` is not in PATH, where docker looks for it", dir.display()));
    }
    let line = format!("a link to {}", program.display());
    let at = place.clone();
    let apply = move || {
        super::make_dir(&dir)?;
        symlink(&program, &at).map_err(|e| Error::io(format!("cannot make `{}`", at.display()), &e))
    };
    Ok(Some(Step { place, line, apply: Box::new(apply) }))
}
