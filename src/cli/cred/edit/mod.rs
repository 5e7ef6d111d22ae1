//! `vault cred edit`.

mod fill;
mod form;

use super::expect::IfVersion;
use super::meant;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::editing::{Editing, Sheet};
use crate::cli::report::{Cell, Report};
use crate::error::{ErrorKind, Result};
use crate::kind::{self, Kind, STATED, Said, checks, take_over};
use crate::model::{CredName, FieldName, Metadata, Secret};
use crate::vault::{Change, Credential, Expect, Unlocked, Vault};
use clap_complete::engine::ArgValueCompleter;
use fill::Filled;

/// Change a credential in your editor
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault cred edit db/main
  vault cred edit db/main --secrets --reason 'ticket 42'
  EDITOR='code --wait' vault cred edit db/main

The editor is the one in VISUAL or EDITOR. The text lies in a private directory in memory and is
overwritten afterwards. vim, nvim, emacs and nano are told to keep no copies; other editors may.")]
pub struct Args {
    /// Which credential; a beginning that fits only one name will do
    #[arg(add = ArgValueCompleter::new(complete::names))]
    name: String,

    /// Edit the secrets too; logged as decrypt
    #[arg(long)]
    secrets: bool,

    #[command(flatten)]
    only_if: IfVersion,
}

/// Lets it be edited until it is right, or given up.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let instead = "vault cred set NAME …";
    let sheet = Sheet { file: "credential.toml", secret: args.secrets, instead };
    let desk = Editing::new(cx, sheet)?;
    let mut vault = cx.unlocked()?;
    let name = meant(cx, &vault, &args.name, false)?;
    let expect = args.only_if.expect(None);
    if expect.is_some() {
        vault.look((&name, expect.as_ref()))?; // before anything is typed in vain
    }
    let (now, secrets) = match args.secrets {
        true => vault.reveal_all(&name).map(|(now, secrets)| (now, Some(secrets)))?,
        false => (vault.show(&name, false)?, None),
    };
    let kind = kind::find(&now.meta.kind)?;
    Session { cx, name, kind, now, secrets, expect }.run(&desk, &mut vault)
}

/// An edit under way.
struct Session<'a> {
    cx: &'a Context,
    name: CredName,
    kind: &'static Kind,
    now: Credential,
    secrets: Option<Vec<(FieldName, Secret)>>,
    expect: Option<Expect>,
}

impl Session<'_> {
    fn run(&mut self, desk: &Editing<'_>, vault: &mut Vault<Unlocked>) -> Result<Report> {
        let first = form::write(&self.now, self.kind, self.secrets.as_deref());
        let taken = desk.until_taken(&first, |text| {
            self.apply(vault, text).inspect_err(|wrong| {
                // whoever goes on after somebody else's change is told of it; of a later one not yet
                if wrong.kind() == ErrorKind::Conflict
                    && let Ok(now) = vault.look(&self.name)
                {
                    self.now = now;
                }
            })
        })?;
        Ok(taken.unwrap_or_else(|| self.done(&[], false)))
    }

    /// Makes the change that `text` says.
    fn apply(&self, vault: &mut Vault<Unlocked>, text: &Secret) -> Result<Report> {
        let clock = self.cx.world.now();
        let old = self.secrets.as_deref();
        let Filled { meta, secrets } = fill::read(text, &self.now, self.kind, old, clock)?;
        for (field, value) in &secrets {
            checks::refuse(field.as_str(), value.expose())?;
            for warning in checks::warnings(self.kind, field.as_str(), value.expose(), &meta) {
                self.cx.warn(&format!("`{field}` {warning}"));
            }
        }
        let was = &self.now.meta;
        let stated = |meta: &Metadata| {
            meta.fields.iter().find(|(k, _)| k.as_str() == STATED).map(|(_, v)| v.clone())
        };
        let said = Said {
            expiry: meta.expires_at != was.expires_at,
            stated: stated(&meta) != stated(was),
        };
        let learnt = self.kind.learnt(&secrets, &meta).filter(|_| !secrets.is_empty());
        let fields: Vec<_> = secrets.iter().map(|(field, _)| field.clone()).collect();
        let edit = Box::new(move |old: &mut _| {
            *old = meta;
            if let Some(fresh) = learnt {
                take_over(fresh, said, old);
            }
            Ok(())
        });
        let change = Change { edit: Some(edit), secrets };
        let changed = vault.amend((&self.name, self.expect.as_ref()), self.now.revision, change)?;
        Ok(self.done(&fields, changed))
    }

    fn done(&self, fields: &[FieldName], changed: bool) -> Report {
        let name = self.name.as_str();
        let fields = fields.iter().map(|field| field.to_string().into()).collect();
        let message = match changed {
            true => format!("changed `{name}`"),
            false => format!("nothing changed in `{name}`"),
        };
        let item = vec![
            ("name", Cell::owned(name)),
            ("changed", Cell::Flag(changed)),
            ("secrets", Cell::List(fields)),
        ];
        Report::Done { message, item }
    }
}
