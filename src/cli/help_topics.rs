//! `vault help`: commands, and topics that belong to no command.

use super::context::Context;
use super::report::{Cell, Column, Report, Sink};
use crate::error::{EXIT_CODES, Error, Result};

/// Explain a command, or a topic: exit-codes, environment
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault help cred add
  vault help exit-codes
  vault help environment --json")]
pub struct Args {
    /// A topic, or the words of a command
    #[arg(value_name = "TOPIC|COMMAND")]
    words: Vec<String>,
}

/// Explains it.
pub fn run(args: Args, _cx: &mut Context) -> Result<Report> {
    let words: Vec<&str> = args.words.iter().map(String::as_str).collect();
    match words[..] {
        ["exit-codes"] => Ok(exit_codes()),
        ["environment"] => Ok(environment()),
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
                .hint("topics: `vault help exit-codes`, `vault help environment`")
                .hint("commands: `vault help`")
        })?;
    }
    Ok(command.render_long_help().to_string())
}

fn exit_codes() -> Report {
    const COLUMNS: &[Column] = &[column("code"), column("word"), column("meaning")];
    let rows = |sink: &mut Sink<'_>| {
        EXIT_CODES.iter().try_for_each(|(code, word, meaning)| {
            sink(&[
                Cell::Int((*code).into()),
                Cell::text(Some(word)),
                Cell::text(Some(meaning)),
            ])
        })
    };
    Report::Table {
        columns: COLUMNS,
        rows: Box::new(rows),
        empty: "",
    }
}

fn environment() -> Report {
    const COLUMNS: &[Column] = &[column("variable"), column("meaning")];
    let rows = |sink: &mut Sink<'_>| {
        VARIABLES.iter().try_for_each(|(name, meaning)| {
            sink(&[Cell::text(Some(name)), Cell::text(Some(meaning))])
        })
    };
    Report::Table {
        columns: COLUMNS,
        rows: Box::new(rows),
        empty: "",
    }
}

const fn column(name: &'static str) -> Column {
    Column {
        name,
        json_only: false,
    }
}

/// Every variable that is read.
const VARIABLES: &[(&str, &str)] = &[
    ("VAULT_FILE", "the vault file; `--vault` goes before it"),
    (
        "VAULT_KEY",
        "the text of an age identity that opens the vault",
    ),
    (
        "VAULT_KEY_FILE",
        "an age identity file; `--key-file` goes before VAULT_KEY and this",
    ),
    ("VAULT_PASSPHRASE_FILE", "a file with the passphrase"),
    (
        "VAULT_PASSPHRASE_FD",
        "the number of an open descriptor that delivers the passphrase",
    ),
    (
        "VAULT_PASSPHRASE_COMMAND",
        "a shell command whose first line of output is the passphrase",
    ),
    (
        "XDG_DATA_HOME",
        "the vault file is vault/vault.db in it, unless named",
    ),
    ("XDG_STATE_HOME", "the seal files are in vault/ in it"),
    ("HOME", "where both are when these are not set"),
    ("TMPDIR", "where `vault demo` works"),
    ("NO_COLOR", "no colours"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_by_their_words() {
        assert!(command(&[]).unwrap().contains("vault help exit-codes"));
        assert!(
            command(&["cred", "add"])
                .unwrap()
                .contains("--secret-field")
        );
        assert!(command(&["nonsense"]).is_err());
    }

    #[test]
    fn the_variables_of_another_product_are_not_ours() {
        for name in [
            "VAULT_ADDR",
            "VAULT_TOKEN",
            "VAULT_NAMESPACE",
            "VAULT_FORMAT",
        ] {
            assert!(VARIABLES.iter().all(|(ours, _)| *ours != name));
        }
    }
}
