//! `vault cred edit`.

mod fill;
mod form;
mod quote;

use super::expect::IfVersion;
use super::meant;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::editor::Editor;
use crate::cli::report::{Cell, Report};
use crate::cli::scratch::Scratch;
use crate::error::{Error, ErrorKind, Result};
use crate::kind::{self, Kind, STATED, Said, checks, public, take_over};
use crate::model::{CredName, FieldName, Metadata, Secret};
use crate::sys::Signals;
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
    if cx.globals.no_input {
        return Err(Error::usage(
            "an editor needs somebody at it, and `--no-input` forbids to ask",
        )
        .hint("change it without one: vault cred set NAME …"));
    }
    let editor = Editor::find(&cx.world)?;
    // without a place for them, nothing is revealed
    Scratch::new(&cx.world, args.secrets)?.wipe()?;
    if args.secrets && !editor.leaves_nothing() {
        cx.warn("this editor is not known to vault: it may keep copies of what it opens");
    }
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
    Session { cx, editor, name, kind, now, secrets, expect }.run(&mut vault)
}

/// An edit under way.
struct Session<'a> {
    cx: &'a Context,
    editor: Editor,
    name: CredName,
    kind: &'static Kind,
    now: Credential,
    secrets: Option<Vec<(FieldName, Secret)>>,
    expect: Option<Expect>,
}

impl Session<'_> {
    fn run(&mut self, vault: &mut Vault<Unlocked>) -> Result<Report> {
        let first = form::write(&self.now, self.kind, self.secrets.as_deref());
        let mut text = self.round(&first)?;
        loop {
            if text.expose() == first.expose() {
                return Ok(self.done(&[], false));
            }
            let wrong = match self.apply(vault, &text) {
                Ok(report) => return Ok(report),
                Err(wrong) => wrong,
            };
            // whoever goes on after somebody else's change is told of it; of a later one not yet
            if wrong.kind() == ErrorKind::Conflict
                && let Ok(now) = vault.look(&self.name)
            {
                self.now = now;
            }
            text = self.offer(&text, wrong)?;
        }
    }

    /// Has `text` edited once.
    fn round(&self, text: &Secret) -> Result<Secret> {
        // from here on nothing ends the program before the text is wiped
        let signals = Signals::noted();
        let scratch = Scratch::new(&self.cx.world, self.secrets.is_some())?;
        scratch.write(text)?;
        self.editor.open(&self.cx.world, &scratch.file(), &signals)?;
        let edited = scratch.read();
        scratch.wipe()?;
        if signals.told_to_end() {
            return Err(Error::new(ErrorKind::Aborted, "told to end; nothing was changed"));
        }
        match edited? {
            Some(edited) if !edited.expose().trim_ascii().is_empty() => Ok(edited),
            Some(_) | None => {
                Err(Error::new(ErrorKind::Aborted, "the text is gone, so nothing was changed"))
            }
        }
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

    /// Offers a text back that cannot be taken, with what is wrong in its first lines.
    fn offer(&self, text: &Secret, wrong: Error) -> Result<Secret> {
        let mendable = [ErrorKind::Usage, ErrorKind::Refused, ErrorKind::Conflict, ErrorKind::Io];
        let terminal = self.cx.terminal().filter(|_| mendable.contains(&wrong.kind()));
        let Some(mut terminal) = terminal else {
            return Err(self.kept(text, wrong));
        };
        self.cx.warn(wrong.message());
        let again = terminal.agree("edit again?").and_then(|yes| match yes {
            true => self.round(&explained(text, &wrong)),
            false => Err(Error::new(ErrorKind::Aborted, "given up, nothing was changed")),
        });
        again.map_err(|error| self.kept(text, error))
    }

    /// The error, with the place where the text can be found if it may be left anywhere.
    fn kept(&self, text: &Secret, error: Error) -> Error {
        if self.secrets.is_some() || may_hold_secret(text) {
            return error.hint("the text may hold a secret, so it was kept nowhere");
        }
        let kept = Scratch::new(&self.cx.world, false).and_then(|scratch| {
            scratch.write(text)?;
            scratch.keep()
        });
        match kept {
            Ok(path) => error.hint(format!("your text is kept in `{}`", path.display())),
            Err(_) => error,
        }
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

/// The text with an error in its first lines, in the place of an earlier one.
fn explained(text: &Secret, wrong: &Error) -> Secret {
    let mut lines = quote::remark(MARK, wrong.message());
    wrong.hints().iter().for_each(|hint| lines.push_str(&quote::remark(MARK, hint)));
    let mut whole = lines.into_bytes();
    // further down such a line may be part of a value
    let old = text.expose().split_inclusive(|byte| *byte == b'\n');
    old.skip_while(|line| line.starts_with(MARK.as_bytes()))
        .for_each(|line| whole.extend_from_slice(line));
    Secret::from_bytes(&whole)
}

/// Whether a text of metadata has something in it that does not belong there. Asked of texts that may
/// not even be TOML, so line by line.
fn may_hold_secret(text: &Secret) -> bool {
    let Ok(text) = std::str::from_utf8(text.expose()) else {
        return true;
    };
    let refused = |name: &str, value: &str| {
        let name = name.trim().parse::<FieldName>();
        let checked = name.map(|name| public::check_public(&name, value));
        checked.is_ok_and(|checked| checked.is_err_and(|e| e.kind() == ErrorKind::Refused))
    };
    let lines = text.lines().map(|line| line.trim_start_matches(['#', ' ']));
    let mut pairs = lines.filter_map(|line| line.split_once('='));
    text.contains("[secrets]") || refused("text", text) || pairs.any(|(k, v)| refused(k, v))
}

/// Before the lines that say what was wrong.
const MARK: &str = "#! ";
