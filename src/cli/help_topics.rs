//! `vault help`: commands, and topics that belong to no command.

use super::config::SETTINGS;
use super::context::Context;
use super::man::ENVIRONMENT;
use super::report::{Cell, Column, Report, Sink};
use crate::error::{EXIT_CODES, Error, PROGRAM_CODES, Result};
use crate::kind::variables;

/// Explain a command, or a topic: exit-codes, environment, config, references, variables
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault help cred add
  vault help exit-codes
  vault help environment --json
  vault help config
  vault help references
  vault help variables")]
pub struct Args {
    /// A topic, or the words of a command
    #[arg(value_name = "TOPIC|COMMAND")]
    words: Vec<String>,
}

/// Explains it.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let words: Vec<&str> = args.words.iter().map(String::as_str).collect();
    match words[..] {
        ["exit-codes"] => Ok(exit_codes()),
        ["environment"] => Ok(environment()),
        ["config"] => Ok(config(cx)),
        ["references"] => Ok(references(cx)),
        ["variables"] => Ok(variables(cx)),
        _ => command(&words).map(Report::Text),
    }
}

fn command(words: &[&str]) -> Result<String> {
    let mut here = super::command();
    here.build();
    let mut command = &mut here;
    for word in words {
        command = command.find_subcommand_mut(word).ok_or_else(|| {
            Error::usage("no such command or topic")
                .hint("topics: `vault help exit-codes`, `environment`, `config`, `references`, `variables`")
                .hint("commands: `vault help`")
        })?;
    }
    Ok(command.render_long_help().to_string())
}

fn exit_codes() -> Report {
    const COLUMNS: &[Column] = &[column("code"), column("word"), column("meaning")];
    let rows = |sink: &mut Sink<'_>| {
        EXIT_CODES.iter().chain(PROGRAM_CODES).try_for_each(|(code, word, meaning)| {
            sink(&[Cell::Int((*code).into()), Cell::text(Some(word)), Cell::text(Some(meaning))])
        })
    };
    Report::Table { columns: COLUMNS.into(), rows: Box::new(rows), empty: "" }
}

fn environment() -> Report {
    const COLUMNS: &[Column] = &[column("variable"), column("meaning")];
    let rows = |sink: &mut Sink<'_>| {
        ENVIRONMENT.iter().try_for_each(|(name, meaning)| {
            sink(&[Cell::text(Some(name)), Cell::text(Some(meaning))])
        })
    };
    Report::Table { columns: COLUMNS.into(), rows: Box::new(rows), empty: "" }
}

fn config(cx: &Context) -> Report {
    const COLUMNS: &[Column] = &[column("setting"), column("meaning"), column("example")];
    if let Some((path, _)) = cx.world.config_file() {
        cx.note(&format!("the file is `{}`, in TOML; it need not be there", path.display()));
        cx.note(
            "a policy goes by its name: `--policy NAME` of generate, `--generate=NAME` elsewhere",
        );
    }
    let rows = |sink: &mut Sink<'_>| {
        SETTINGS.iter().try_for_each(|(name, meaning, example)| {
            sink(&[Cell::text(Some(name)), Cell::text(Some(meaning)), Cell::text(Some(example))])
        })
    };
    Report::Table { columns: COLUMNS.into(), rows: Box::new(rows), empty: "" }
}

/// How references are written, and what they mean.
const REFERENCES: &[(&str, &str)] = &[
    ("vault://db/main", "the primary secret of `db/main`, as `vault cred get db/main` has it"),
    ("vault://db/main/password", "this field"),
    (
        "vault://db/main/host",
        "a public one: `username`, `url`, `host`, `port`, `database`, or your own",
    ),
    ("vault://db/main/password?version=1", "an older value"),
    ("vault://mail?attribute=totp", "the one-time code of now"),
    ("vault://db%2Fmain/password", "the slash as %2F belongs to the name, if both could be meant"),
];

fn references(cx: &Context) -> Report {
    const COLUMNS: &[Column] = &[column("reference"), column("meaning")];
    for note in [
        "for `vault run`, `vault inject`, files of variables, and `vault cred get`",
        "one with `?` is put into quotes in a shell",
        "one that leads nowhere is an error, and nothing at all is handed out",
    ] {
        cx.note(note);
    }
    let rows = |sink: &mut Sink<'_>| {
        REFERENCES.iter().try_for_each(|(reference, meaning)| {
            sink(&[Cell::text(Some(reference)), Cell::text(Some(meaning))])
        })
    };
    Report::Table { columns: COLUMNS.into(), rows: Box::new(rows), empty: "" }
}

fn variables(cx: &Context) -> Report {
    const COLUMNS: &[Column] = &[column("of"), column("variables")];
    for note in [
        "names in `vault run --cred` and `vault export`, by --url, --service, --port, --type",
        "a database on another port than usual is known by --service postgres",
        "to see whose: vault run --mask always --clean --cred NAME -- env",
        "a part of a connection string is read from it; what is not there gets no variable",
        "fields of your own are called as they are, in capitals; with SECRET_ before a name like PATH",
    ] {
        cx.note(note);
    }
    let rows = |sink: &mut Sink<'_>| {
        variables::table()
            .try_for_each(|(of, names)| sink(&[Cell::text(Some(of)), Cell::owned(names.join(" "))]))
    };
    Report::Table { columns: COLUMNS.into(), rows: Box::new(rows), empty: "" }
}

const fn column(name: &'static str) -> Column {
    Column { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_by_their_words() {
        assert!(command(&[]).unwrap().contains("vault help exit-codes"));
        assert!(command(&["cred", "add"]).unwrap().contains("--secret-field"));
        assert!(command(&["nonsense"]).is_err());
    }

    #[test]
    fn the_references_shown_can_be_read() {
        for (reference, _) in REFERENCES {
            assert!(reference.parse::<crate::model::Reference>().is_ok(), "{reference}");
        }
    }

    #[test]
    fn the_variables_of_another_product_are_not_ours() {
        for name in ["VAULT_ADDR", "VAULT_TOKEN", "VAULT_NAMESPACE", "VAULT_FORMAT"] {
            assert!(ENVIRONMENT.iter().all(|(ours, _)| *ours != name));
        }
    }
}
