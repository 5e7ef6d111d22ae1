//! `vault helper install docker`.

use super::Step;
use crate::cli::context::Context;
use crate::cli::report::Report;
use crate::error::{Error, ErrorKind, Result};
use serde_json::{Map, Value};
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
    #[arg(long, value_name = "HOST")]
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
    let mut config = parse(&file, &text)?;
    let lines = change(&mut config, &args.registry, &file)?;
    let mut steps: Vec<Step<'_>> = link(cx)?.into_iter().collect();
    if !lines.is_empty() {
        let text = written(&config)?;
        let (place, line) = (file.clone(), lines.join(", "));
        let apply = move || super::save(&file, &text);
        steps.push(Step { place, line, apply: Box::new(apply) });
    }
    if has_passwords(&config) {
        cx.warn(
            "there are logins in docker's file, not encrypted: docker logout, then docker login",
        );
    }
    super::done(cx, steps, args.dry_run)
}

fn parse(file: &Path, text: &str) -> Result<Map<String, Value>> {
    match text.trim().is_empty() {
        true => Ok(Map::new()),
        false => serde_json::from_str(text).map_err(|_| super::strange(file)),
    }
}

/// Puts the keys in, and tells which are new.
fn change(
    config: &mut Map<String, Value>,
    registries: &[String],
    file: &Path,
) -> Result<Vec<String>> {
    if registries.is_empty() {
        return match config.get("credsStore").and_then(Value::as_str) {
            Some(OURS) => Ok(Vec::new()),
            Some(other) if !other.is_empty() => Err(super::taken(file, "credsStore")
                .hint("use this one for some registries only: --registry HOST")),
            _ => {
                config.insert("credsStore".into(), OURS.into());
                Ok(vec![format!("\"credsStore\": \"{OURS}\"")])
            }
        };
    }
    let helpers = config.entry("credHelpers").or_insert_with(|| Map::new().into());
    let helpers = helpers.as_object_mut().ok_or_else(|| super::strange(file))?;
    let mut lines = Vec::new();
    for registry in registries {
        match helpers.get(registry).and_then(Value::as_str) {
            Some(OURS) => {}
            Some(_) => {
                return Err(super::taken(file, "helper for this registry")
                    .hint("take it out first, and try again"));
            }
            None => {
                helpers.insert(registry.clone(), OURS.into());
                lines
                    .push(format!("\"credHelpers\": {{{}: \"{OURS}\"}}", Value::from(&**registry)));
            }
        }
    }
    Ok(lines)
}

/// What stands behind `docker-credential-` in the name of the program.
const OURS: &str = "vault";

/// With tabs, as docker itself writes it.
fn written(config: &Map<String, Value>) -> Result<String> {
    let mut text = Vec::new();
    let tabs = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    let mut to = serde_json::Serializer::with_formatter(&mut text, tabs);
    let wrong = || Error::internal("docker's configuration cannot be written again");
    serde::Serialize::serialize(config, &mut to).map_err(|_| wrong())?;
    text.push(b'\n');
    String::from_utf8(text).map_err(|_| wrong())
}

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
