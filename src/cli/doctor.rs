//! `vault doctor`.

use super::config::{self, Config};
use super::context::Context;
use super::report::{Cell, Column, Report, Sink};
use crate::error::{ErrorKind, Result};
use crate::vault::Finding;

/// Look for problems: files, permissions, schema, database and, when unlocked, every row
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
    let mut findings = if args.unlock || cx.has_key_source() {
        cx.unlocked()?.doctor()?
    } else {
        let mut vault = cx.locked()?;
        cx.note("rows are not checked while locked; `--unlock` checks them");
        vault.doctor()?
    };
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
    let finding = |message| Finding { level: "problem", check: "config", message };
    messages.into_iter().map(finding).collect()
}

fn missing_hook(config: &Config) -> Option<String> {
    let program = config.hook()?.argv.swap_remove(0);
    let is_there = rustix::fs::access(&program, rustix::fs::Access::EXEC_OK).is_ok();
    (!is_there).then(|| format!("the hook for canaries, `{program}`, cannot be started"))
}

const COLUMNS: &[Column] =
    &[Column { name: "level" }, Column { name: "check" }, Column { name: "message" }];
