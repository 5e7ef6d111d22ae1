//! The manual: one page per command, made from the command definitions and the tables of exit codes
//! and environment variables. No dates, so that the same program gives the same pages.

use crate::error::{EXIT_CODES, PROGRAM_CODES};
use clap::Command;
use clap_mangen::Man;
use std::fmt::Write;

/// Every environment variable the program reads, and what it is for.
pub const ENVIRONMENT: &[(&str, &str)] = &[
    ("VAULT_FILE", "The vault file, when --vault is not given."),
    ("VAULT_KEY", "An age identity that opens a slot. Never passed to child processes."),
    ("VAULT_KEY_FILE", "A key file or a private SSH key, when --key-file is not given."),
    ("VAULT_PASSPHRASE_FILE", "A file that holds the passphrase, in exactly one line."),
    (
        "VAULT_PASSPHRASE_FD",
        "The number of an open file that holds the passphrase, in exactly one line.",
    ),
    (
        "VAULT_PASSPHRASE_COMMAND",
        "A command that prints the passphrase; only its first line is taken.",
    ),
    (
        "VAULT_FINGERPRINT",
        "The fingerprint that the vault must have, when --pin is not given. It is no secret.",
    ),
    (
        "VAULT_ASKPASS_CRED",
        "The credential, or the reference, that answers ssh, ssh-add and sudo when they ask.",
    ),
    ("VAULT_CONFIG_FILE", "The configuration file; `vault help config` explains it."),
    (
        "XDG_CONFIG_HOME",
        "Where the configuration file is, as vault/config.toml; ~/.config by default.",
    ),
    ("VISUAL, EDITOR", "The editor of cred edit, the first that is set; with options if need be."),
    (
        "XDG_RUNTIME_DIR",
        "Where the agent of unlock listens, in /run/user/UID by default, and where ssh-agent does. Where cred edit puts its text, if that is in memory; else /dev/shm.",
    ),
    (
        "SSH_ASKPASS",
        "The program that ssh-agent --confirm asks with, unless SSH_ASKPASS_REQUIRE is never; else the terminal.",
    ),
    ("XDG_DATA_HOME", "Where the vault file is kept; ~/.local/share by default."),
    ("XDG_STATE_HOME", "Where the seal files are kept; ~/.local/state by default."),
    ("NO_COLOR", "When set and not empty, nothing is coloured."),
];

const FILES: &[(&str, &str)] = &[
    ("$XDG_CONFIG_HOME/vault/config.toml", "The configuration; it need not be there."),
    (
        "$XDG_DATA_HOME/vault/vault.db",
        "The vault: an SQLite database, its secrets sealed with age.",
    ),
    (
        "$XDG_STATE_HOME/vault/VAULT_ID/seal",
        "The seal file: the key of the audit log and the last state seen on this machine.",
    ),
    ("$XDG_RUNTIME_DIR/vault/agent-ID", "The socket of the agent that vault unlock starts."),
];

/// The name and the text of every page, `vault.1` first.
#[must_use]
pub fn pages(cmd: &Command) -> Vec<(String, Vec<u8>)> {
    let mut root = cmd.clone().disable_help_subcommand(true);
    root.build();
    let mut pages = Vec::new();
    let source = format!("vault {}", root.get_version().unwrap_or_default());
    add_pages(&root, source.trim_end(), &[], &mut pages);
    pages
}

fn add_pages(cmd: &Command, source: &str, others: &[String], pages: &mut Vec<(String, Vec<u8>)>) {
    let below: Vec<&Command> = cmd.get_subcommands().filter(|sub| !sub.is_hide_set()).collect();
    let own = name(cmd);
    let children: Vec<String> = below.iter().map(|sub| name(sub)).collect();
    let related = others.iter().chain(&children).filter(|other| **other != own);
    let mut page = rendered(cmd, source);
    page.extend_from_slice(closing(related).as_bytes());
    pages.push((format!("{own}.1"), page));
    let mut family = vec![own];
    family.extend(children);
    for sub in below {
        add_pages(sub, source, &family, pages);
    }
}

fn name(cmd: &Command) -> String {
    cmd.get_display_name().unwrap_or_else(|| cmd.get_name()).to_owned()
}

/// What the command definition tells. Writing to memory does not fail.
fn rendered(cmd: &Command, source: &str) -> Vec<u8> {
    let mut page = Vec::new();
    _ = Man::new(cmd.clone()).source(source).manual("Vault Manual").render(&mut page);
    page
}

/// What is the same for every command, and the way to its relatives.
fn closing<'a>(related: impl Iterator<Item = &'a String>) -> String {
    let mut text = String::from(".SH \"EXIT STATUS\"\n");
    for (code, _, sentence) in EXIT_CODES.iter().chain(PROGRAM_CODES) {
        tagged(&mut text, &code.to_string(), sentence);
    }
    text.push_str(".SH ENVIRONMENT\n");
    for (name, what) in ENVIRONMENT {
        tagged(&mut text, name, what);
    }
    text.push_str(".SH FILES\n");
    for (name, what) in FILES {
        tagged(&mut text, name, what);
    }
    text.push_str(".SH \"SEE ALSO\"\n");
    let pages: Vec<String> = related
        .map(|page| (page.as_str(), 1))
        .chain([("age", 1), ("sqlite3", 1)])
        .map(|(page, section)| format!("\\fB{}\\fR({section})", escaped(page)))
        .collect();
    _ = writeln!(text, "{}", pages.join(",\n"));
    text
}

fn tagged(text: &mut String, tag: &str, what: &str) {
    _ = writeln!(text, ".TP\n\\fB{}\\fR\n{}", escaped(tag), escaped(what));
}

/// Text for roff: backslashes and hyphens mean themselves, and no line is taken for a command.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Arg;

    fn tree() -> Command {
        let add = Command::new("add").about("Store a credential").arg(Arg::new("NAME"));
        let hidden = Command::new("__complete").hide(true);
        let cred = Command::new("cred").about("Credentials").subcommand(add);
        let cred = cred.subcommand(Command::new("get").about("Write a secret"));
        Command::new("vault").version("1.2.3").about("A vault").subcommands([cred, hidden])
    }

    #[test]
    fn one_page_per_visible_command() {
        let names: Vec<String> = pages(&tree()).into_iter().map(|page| page.0).collect();
        assert_eq!(names, ["vault.1", "vault-cred.1", "vault-cred-add.1", "vault-cred-get.1"]);
    }

    #[test]
    fn a_page_has_its_sections() {
        let all = pages(&tree());
        let add = String::from_utf8(all[2].1.clone()).unwrap();
        for part in [
            ".TH vault-cred-add 1  \"vault 1.2.3\" \"Vault Manual\"\n",
            "\\fBvault cred add\\fR",
            ".SH \"EXIT STATUS\"\n.TP\n\\fB0\\fR\nsuccess\n",
            "\\fBVAULT_KEY_FILE\\fR\n",
            "\\fBVAULT_FILE\\fR\nThe vault file, when \\-\\-vault is not given.",
            ".SH \"SEE ALSO\"\n\\fBvault\\-cred\\fR(1),\n\\fBvault\\-cred\\-get\\fR(1),\n",
        ] {
            assert!(add.contains(part), "{part} is missing in\n{add}");
        }
    }

    #[test]
    fn the_same_program_gives_the_same_pages() {
        assert_eq!(pages(&tree()), pages(&tree()));
    }
}
