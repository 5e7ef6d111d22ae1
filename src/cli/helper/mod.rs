//! Answers to programs that ask for a secret in a protocol of their own.

mod find;
mod git;
mod place;

use super::context::Context;
use super::report::Report;
use super::tree::commands;
use crate::error::Result;

commands! {
    /// Answer programs that ask for a secret in a protocol of their own
    @after_help "Examples:
  vault helper install git
  vault helper install docker --dry-run
  SSH_ASKPASS=vault-askpass SSH_ASKPASS_REQUIRE=force ssh-add ~/.ssh/id_ed25519
  RESTIC_PASSWORD_COMMAND='vault cred get backup/repo' restic snapshots
  BORG_PASSCOMMAND='vault cred get backup/repo' borg list

Each value that is handed out is an entry in the log, with the name of the program. A helper unlocks the
vault as every command does; it never asks on standard input, which belongs to the protocol. The same
program also answers under the names that others look for, as links to it: git-credential-vault,
docker-credential-vault, vault-askpass, vault-ansible-client, summon-vault."
    pub enum Command {
        Git(git::Args) leaf "git" "Answer git, which asks on standard input",
    }
}

/// Answers.
pub fn run(command: Command, cx: &mut Context) -> Result<Report> {
    match command {
        Command::Git(args) => git::run(args, cx),
    }
}
