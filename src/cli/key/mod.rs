//! Commands on what opens the vault. Each takes a key that is given or typed now: whoever only runs programs
//! as you, while the vault is unlocked, cannot give himself a way in.

mod add;
pub mod file;
mod list;
mod new;
pub mod passphrase;
mod passwd;
mod recovery;
mod rm;
mod sheet;
mod test;

use super::context::Context;
use super::rekey;
use super::report::Report;
use super::tree::commands;
use crate::error::Result;

commands! {
    /// Say what opens the vault: passphrases, key files, SSH keys, a sheet of paper
    @after_help "Examples:
  vault key list
  vault key add backup --new-key-file /media/stick/vault.key
  vault key add laptop --ssh ~/.ssh/id_ed25519
  vault key add paper --recovery | lp
  vault key passwd
  vault key rm laptop

A vault has up to 16 slots. Each opens it alone, whatever it is: a passphrase, a key file, an SSH key
(Ed25519, RSA), a token by its age plugin, a recovery sheet, or one of these keys together with a
passphrase. These commands take a key that is given or typed now, even while the vault is unlocked."
    pub enum Command {
        List(list::Args) leaf "list" "List the slots: label, type, age and last use",
        Add(Box<add::Args>) leaf "add" "Add a way to unlock, proven to work before it is stored",
        Rm(rm::Args) leaf "rm" "Remove a way to unlock, and tell what it has read",
        Passwd(passwd::Args) leaf "passwd" "Change the passphrase of a slot",
        Test(test::Args) leaf "test" "Try which slots a key or passphrase opens",
        Rekey(rekey::Args) leaf "rekey" "Give the vault new keys: the same as `vault rekey`",
    }
}

/// Runs one of them.
pub fn run(command: Command, cx: &mut Context) -> Result<Report> {
    match command {
        Command::List(args) => list::run(args, cx),
        Command::Add(args) => add::run(*args, cx),
        Command::Rm(args) => rm::run(args, cx),
        Command::Passwd(args) => passwd::run(args, cx),
        Command::Test(args) => test::run(args, cx),
        Command::Rekey(args) => rekey::run(args, cx),
    }
}
