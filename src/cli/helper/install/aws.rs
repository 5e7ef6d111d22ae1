//! `vault helper install aws`.

use super::Step;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::read;
use crate::cli::report::Report;
use crate::error::{Error, Result};
use crate::model::CredName;
use clap_complete::engine::ArgValueCompleter;
use std::path::{Path, PathBuf};

/// Let a profile of the AWS tools get its keys here
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault helper install aws aws/prod
  vault helper install aws aws/prod --profile prod --dry-run")]
pub struct Args {
    /// Which credential
    #[arg(add = ArgValueCompleter::new(complete::names))]
    name: CredName,

    /// Which profile
    #[arg(long, value_name = "PROFILE", default_value = "default", value_parser = profile)]
    profile: String,

    /// Only tell what would be written
    #[arg(long)]
    dry_run: bool,
}

/// Writes it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let file = match cx.world.var("AWS_CONFIG_FILE") {
        Some(file) => PathBuf::from(file),
        None => super::at_home(cx, ".aws/config")?,
    };
    let (file, text) = super::config(&file)?;
    let program = read::quoted(&super::this_program()?);
    let line = format!("{KEY} = {program} helper aws {}", read::quote(args.name.as_str()));
    let header = match args.profile.as_str() {
        "default" => "[default]".to_owned(),
        name => format!("[profile {name}]"),
    };
    warn_of_keys(&args.profile, cx)?;
    let Some(changed) = with_line(&text, &header, &line, &file)? else {
        return super::done(cx, Vec::new(), args.dry_run);
    };
    let shown = format!("{header} {line}");
    let place = file.clone();
    let apply = move || super::save(&file, &text, &changed);
    super::done(cx, vec![Step { place, line: shown, apply: Box::new(apply) }], args.dry_run)
}

/// The tools take what stands in their other file first.
fn warn_of_keys(profile: &str, cx: &Context) -> Result<()> {
    let file = match cx.world.var("AWS_SHARED_CREDENTIALS_FILE") {
        Some(file) => PathBuf::from(file),
        None => super::at_home(cx, ".aws/credentials")?,
    };
    let (file, text) = super::config(&file)?;
    if text.lines().any(|line| section(line) == Some(vec![profile])) {
        let file = file.display();
        cx.warn(&format!("keys of this profile in `{file}` come first: take them out there"));
    }
    Ok(())
}

const KEY: &str = "credential_process";

/// The text with the line in its section; nothing if it is there.
fn with_line(text: &str, header: &str, line: &str, file: &Path) -> Result<Option<String>> {
    if !text.lines().all(is_understood) {
        return Err(super::strange(file));
    }
    let Some(at) = text.lines().position(|other| section(other) == section(header)) else {
        let gap = match text {
            "" => "",
            text if text.ends_with('\n') => "\n",
            _ => "\n\n",
        };
        return Ok(Some(format!("{text}{gap}{header}\n{line}\n")));
    };
    let own = text.lines().skip(at + 1).take_while(|other| section(other).is_none());
    for other in own {
        let key = other.split('=').next().unwrap_or_default().trim();
        if other == line {
            return Ok(None);
        }
        if key == KEY || key == "aws_access_key_id" {
            return Err(super::taken(file, "way to get the keys of this profile")
                .hint("take it out first, or name another: --profile PROFILE"));
        }
    }
    let before: usize = text.split_inclusive('\n').take(at + 1).map(str::len).sum();
    let (before, after) = text.split_at(before);
    let gap = if before.ends_with('\n') { "" } else { "\n" };
    let end = if before.ends_with("\r\n") { "\r\n" } else { "\n" };
    Ok(Some(format!("{before}{gap}{line}{end}{after}")))
}

fn is_understood(line: &str) -> bool {
    let trimmed = line.trim();
    trimmed.is_empty()
        || trimmed.starts_with(['#', ';'])
        || section(line).is_some()
        || (!line.starts_with('[') && line.contains('='))
}

/// The words of a section's heading.
fn section(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim_end().strip_prefix('[')?.strip_suffix(']')?;
    Some(inner.split_whitespace().collect())
}

fn profile(text: &str) -> Result<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.@+/".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => Ok(text.to_owned()),
        false => {
            Err(Error::usage("a profile is letters, digits and -_.@+/").hint("--profile prod"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str) -> Result<Option<String>> {
        with_line(text, "[profile x]", "credential_process = vault", Path::new("config"))
    }

    #[test]
    fn the_line_goes_into_its_section_and_the_rest_stays() {
        let ours = "[profile x]\ncredential_process = vault\n";
        assert_eq!(changed("").unwrap().unwrap(), ours);
        assert_eq!(
            changed("[default]\nregion = a").unwrap().unwrap(),
            format!("[default]\nregion = a\n\n{ours}")
        );
        let both =
            changed("# a\n[profile x]\nregion = a\ns3 =\n  b = c\n\n[y]\nd=e\n").unwrap().unwrap();
        assert_eq!(both, format!("# a\n{ours}region = a\ns3 =\n  b = c\n\n[y]\nd=e\n"));
        assert_eq!(changed(&both).unwrap(), None);
    }

    #[test]
    fn what_is_not_understood_or_taken_stays() {
        assert!(changed("[profile x\nregion = a\n").is_err());
        assert!(changed("region\n").is_err());
        assert!(changed("[profile x]\ncredential_process = other\n").is_err());
        assert!(changed("[profile  x]\naws_access_key_id = AKIA\n").is_err());
        assert!(profile("a]\n[b").is_err() && profile("").is_err());
    }
}
