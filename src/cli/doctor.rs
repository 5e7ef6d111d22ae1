//! `vault doctor`.

use super::config::{self, Config};
use super::context::Context;
use super::report::{Cell, Column, Report, Sink};
use super::unlock::{self, Source};
use crate::error::{ErrorKind, Result};
use crate::vault::Finding;

/// Look for problems: files, keys, schema, database and, when unlocked, every row
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault doctor
  vault doctor --unlock --json

Exit code 16 when there is a problem.")]
pub struct Args {
    /// Unlock, to check every row; done anyway when a key source is configured
    #[arg(long)]
    unlock: bool,
}

/// Looks.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let mut findings = look(&args, cx)?;
    findings.push(keys(&cx.locked()?.slot_types()?));
    findings.extend(key_file(cx));
    findings.extend(configuration(cx));
    if findings.iter().any(|finding| finding.level == "problem") {
        cx.end_with(ErrorKind::Findings);
    }
    let rows = move |sink: &mut Sink<'_>| {
        findings.iter().try_for_each(|finding| {
            sink(&[
                Cell::text(Some(finding.level)),
                Cell::text(Some(finding.check)),
                Cell::text(Some(&finding.message)),
            ])
        })
    };
    Ok(Report::Table {
        columns: COLUMNS.into(),
        rows: Box::new(rows),
        empty: "nothing was looked at",
    })
}

/// Looks at the vault, unlocked if it is wanted or can be. A configured key that does not do is a
/// finding, and no reason not to look at the rest.
fn look(args: &Args, cx: &Context) -> Result<Vec<Finding>> {
    if args.unlock {
        return cx.unlocked()?.doctor();
    }
    let mut findings = Vec::new();
    if cx.has_key_source() {
        match cx.unlocked() {
            Ok(mut vault) => return vault.doctor(),
            Err(e) if is_about_the_key(e.kind()) => {
                findings.push(problem("keys", e.message().to_owned()));
            }
            Err(e) => return Err(e),
        }
    }
    let mut vault = cx.locked()?;
    cx.note("rows are not checked while locked; `--unlock` checks them");
    findings.extend(vault.doctor()?);
    Ok(findings)
}

fn is_about_the_key(kind: ErrorKind) -> bool {
    use ErrorKind as K;
    matches!(kind, K::WrongKey | K::Locked | K::Refused | K::NotFound | K::Usage | K::Unsupported)
}

/// What opens the vault, and whether that is enough.
fn keys(types: &[String]) -> Finding {
    match types {
        [only] => {
            let what = format!("only one slot opens the vault ({only}): without it all is lost");
            warning("keys", format!("{what}; add one: vault key add paper --recovery | lp"))
        }
        all => {
            let message = format!("{} slots: {}", all.len(), all.join(", "));
            Finding { level: "ok", check: "keys", message }
        }
    }
}

/// Whether the key that is configured lies where whoever copies the vault finds it.
fn key_file(cx: &Context) -> Option<Finding> {
    let Some(Source::KeyFile(path)) = unlock::source(cx) else { return None };
    let key = path.canonicalize().ok()?;
    let dir = cx.place().ok()?.file.canonicalize().ok()?.parent()?.to_owned();
    key.starts_with(dir).then(|| {
        let what = "the key file lies beside the vault: a copy of the directory opens itself";
        warning("keys", what.to_owned())
    })
}

fn warning(check: &'static str, message: String) -> Finding {
    Finding { level: "warning", check, message }
}

fn problem(check: &'static str, message: String) -> Finding {
    Finding { level: "problem", check, message }
}

/// What is wrong with the configuration file. It need not be there, and then there is nothing to say.
fn configuration(cx: &Context) -> Vec<Finding> {
    let messages = match config::load(&cx.world) {
        Err(wrong) => vec![wrong.message().to_owned()],
        Ok(config) => {
            let plugins = config.plugins().filter_map(|(_, plugin)| plugin.problem());
            let plugins: Vec<_> = plugins.map(|problem| problem.message().to_owned()).collect();
            missing_hook(&config).into_iter().chain(plugins).collect()
        }
    };
    messages.into_iter().map(|message| problem("config", message)).collect()
}

fn missing_hook(config: &Config) -> Option<String> {
    let program = config.hook()?.argv.swap_remove(0);
    let is_there = rustix::fs::access(&program, rustix::fs::Access::EXEC_OK).is_ok();
    (!is_there).then(|| format!("the hook for canaries, `{program}`, cannot be started"))
}

const COLUMNS: &[Column] =
    &[Column { name: "level" }, Column { name: "check" }, Column { name: "message" }];
