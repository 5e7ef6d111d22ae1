//! Answers to programs that ask for a secret in a protocol of their own.

mod ansible;
mod askpass;
mod aws;
mod docker;
mod find;
mod git;
mod install;
mod kubectl;
mod place;
mod summon;
mod terraform;

use super::context::Context;
use super::report::Report;
use super::tree::commands;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{FieldName, Secret};
use find::Known;
use std::ffi::OsString;
use std::path::Path;
use zeroize::Zeroizing;

commands! {
    /// Answer programs that ask for a secret in a protocol of their own
    @after_help "Examples:
  vault helper install git
  vault helper install docker --dry-run
  ln -s \"$(command -v vault)\" ~/.local/bin/vault-askpass
  SSH_ASKPASS=~/.local/bin/vault-askpass SSH_ASKPASS_REQUIRE=force ssh-add ~/.ssh/id_ed25519
  RESTIC_PASSWORD_COMMAND='vault cred get backup/repo' restic snapshots
  BORG_PASSCOMMAND='vault cred get backup/repo' borg list

Each value that is handed out is an entry in the log, with the name of the program. A helper unlocks the
vault as every command does; it never asks on standard input, which belongs to the protocol. The same
program also answers under the names that others look for, as links to it: git-credential-vault,
docker-credential-vault, vault-askpass, vault-ansible-client, summon-vault."
    pub enum Command {
        Git(git::Args) leaf "git" "Answer git, which asks on standard input",
        Docker(docker::Args) leaf "docker" "Answer docker, which asks on standard input",
        Aws(aws::Args) leaf "aws"
            "Answer the AWS tools, as the setting `credential_process` wants it",
        SshAskpass(askpass::Args) leaf "ssh-askpass"
            "Answer ssh, ssh-add and sudo when they ask for a password or a passphrase",
        Ansible(ansible::Args) leaf "ansible"
            "Answer Ansible, which asks for the password of a vault id",
        Kubectl(kubectl::Args) leaf "kubectl"
            "Answer kubectl and other clients of Kubernetes, as an exec plugin",
        Terraform(terraform::Args) leaf "terraform"
            "Answer the data source `external` of Terraform: references in, values out",
        Summon(summon::Args) leaf "summon" "Answer summon, as one of its providers",
        Install(install::Command) group "install"
            "Tell another program to ask this one: write the line into its configuration",
    }
}

/// Answers.
pub fn run(command: Command, cx: &mut Context) -> Result<Report> {
    match command {
        Command::Git(args) => git::run(args, cx),
        Command::Docker(args) => docker::run(args, cx),
        Command::Aws(args) => aws::run(args, cx),
        Command::SshAskpass(args) => askpass::run(args, cx),
        Command::Ansible(args) => ansible::run(args, cx),
        Command::Kubectl(args) => kubectl::run(args, cx),
        Command::Terraform(args) => terraform::run(args, cx),
        Command::Summon(args) => summon::run(args, cx),
        Command::Install(command) => install::run(command, cx),
    }
}

impl Command {
    /// Whether it may need the keys, so that an agent is asked.
    pub fn is_for_agent(&self) -> bool {
        !matches!(self, Self::Install(_))
    }
}

/// The names under which other programs start this one, and the command that is meant.
const NAMES: &[(&str, &[&str])] = &[
    ("git-credential-vault", &["git"]),
    ("docker-credential-vault", &["docker"]),
    ("vault-askpass", &["ssh-askpass", "--"]),
    ("vault-ansible-client", &["ansible"]),
    ("summon-vault", &["summon"]),
];

/// The command line that is meant when this program is started by another name.
#[must_use]
pub fn as_called(args: Vec<OsString>) -> Vec<OsString> {
    let name = args.first().map(Path::new).and_then(Path::file_name);
    let Some((_, words)) = NAMES.iter().find(|(other, _)| name.is_some_and(|name| name == *other))
    else {
        return args;
    };
    let meant = ["vault", "helper"].iter().chain(*words).map(OsString::from);
    meant.chain(args.into_iter().skip(1)).collect()
}

/// An answer in JSON, which is never made part of a document of ours.
fn document(answer: &impl serde::Serialize) -> Result<Report> {
    let mut text = Zeroizing::new(Vec::with_capacity(4096));
    serde_json::to_writer(&mut *text, answer)
        .map_err(|_| Error::internal("the answer is no JSON"))?;
    text.push(b'\n');
    Ok(Report::Answer(Secret::new(text)))
}

/// The secret field that is meant when none is named.
fn primary(known: &Known) -> Result<&FieldName> {
    let kind = crate::kind::find(&known.kind)?;
    let listed: Vec<&str> = kind.secret_fields().map(|field| field.name).collect();
    let first = || known.secrets.iter().find(|field| !crate::kind::is_common(field.as_str()));
    known.secret(&listed).or_else(first).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("`{}` has no primary secret", known.name))
            .hint(format!("vault cred show {}", known.name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_a_command() {
        let called = |words: &[&str]| {
            let args = words.iter().map(OsString::from).collect();
            as_called(args).into_iter().map(|word| word.into_string().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(called(&["/x/git-credential-vault", "get"]), ["vault", "helper", "git", "get"]);
        let askpass = called(&["vault-askpass", "--help"]);
        assert_eq!(askpass, ["vault", "helper", "ssh-askpass", "--", "--help"]);
        assert_eq!(called(&["vault", "status"]), ["vault", "status"]);
        assert_eq!(called(&[]), Vec::<String>::new());
    }
}
