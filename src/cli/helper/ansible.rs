//! `vault helper ansible`: a client script for vault passwords, as Ansible calls it.

use super::find;
use crate::cli::context::Context;
use crate::cli::report::Report;
use crate::error::{Error, ErrorKind, Result};
use crate::model::CredName;

/// Answer Ansible, which asks for the password of a vault id
#[derive(clap::Args)]
#[command(after_help = "Examples:
  ln -s \"$(command -v vault)\" ~/.local/bin/vault-ansible-client
  vault cred add ansible/prod --generate=40
  ansible-playbook --vault-id prod@$HOME/.local/bin/vault-ansible-client site.yml
  vault helper ansible --vault-id prod

The password of the vault id ID is the primary secret of the credential ansible/ID, or of ID; without
an id, of ansible/default.")]
pub struct Args {
    /// The vault id, without what stands behind its `@`
    #[arg(long, value_name = "ID", default_value = "default")]
    vault_id: String,
}

/// Answers.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let own: CredName = format!("ansible/{}", args.vault_id).parse()?;
    let plain: CredName = args.vault_id.parse()?;
    let mut vault = cx.unlocked()?;
    for name in [own.clone(), plain] {
        let Some(known) = find::named(&vault, &name)? else { continue };
        let field = super::primary(&known)?;
        let handed = find::hand_out(&mut vault, "ansible", &[known.reference(field)])?.pop();
        let secret = handed.ok_or_else(|| Error::internal("nothing was handed out"))?.value;
        vault.leave();
        find::line(&known, &secret)?;
        return Ok(Report::Answer(secret));
    }
    cx.fail_with_code(UNKNOWN_ID);
    Err(Error::new(ErrorKind::NotFound, "no credential is for this vault id").hint(format!(
        "keep its password: vault cred add {}",
        crate::cli::read::quote(own.as_str())
    )))
}

/// What Ansible takes for "there is no such vault id"; other clients may have it.
const UNKNOWN_ID: u8 = 2;
