//! A text in the user's editor: opened, read back, offered again until it can be taken. Knows nothing
//! of what it says.

use super::context::Context;
use super::editor::Editor;
use super::scratch::Scratch;
use super::toml_text::remark;
use crate::error::{Error, ErrorKind, Result};
use crate::kind::public;
use crate::model::{FieldName, Secret};
use crate::sys::Signals;

/// What is about to be edited.
#[derive(Clone, Copy)]
pub struct Sheet {
    /// The name of its file; the ending tells editors what it is.
    pub file: &'static str,
    /// Whether it may hold what is otherwise sealed.
    pub secret: bool,
    /// The way without an editor.
    pub instead: &'static str,
}

/// A person at an editor.
pub struct Editing<'a> {
    cx: &'a Context,
    editor: Editor,
    sheet: Sheet,
}

impl<'a> Editing<'a> {
    /// Makes sure that there is somebody, an editor, and a place for the text.
    ///
    /// # Errors
    /// Usage (2) when asking is forbidden; unsupported (4) without an editor or a place.
    pub fn new(cx: &'a Context, sheet: Sheet) -> Result<Self> {
        if cx.globals.no_input {
            let what = "an editor needs somebody at it, and `--no-input` forbids to ask";
            return Err(
                Error::usage(what).hint(format!("change it without one: {}", sheet.instead))
            );
        }
        let editor = Editor::find(&cx.world)?;
        // without a place for them, nothing is revealed
        Scratch::new(&cx.world, sheet.secret, sheet.file)?.wipe()?;
        if sheet.secret && !editor.leaves_nothing() {
            cx.warn("this editor is not known to vault: it may keep copies of what it opens");
        }
        Ok(Self { cx, editor, sheet })
    }

    /// Has `first` edited until `take` takes it. None if it was left as it is.
    ///
    /// # Errors
    /// Those of `take` that no editing mends, or that nobody wants to mend; aborted (3).
    pub fn until_taken<T>(
        &self,
        first: &Secret,
        mut take: impl FnMut(&Secret) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut text = self.round(first)?;
        loop {
            if text.expose() == first.expose() {
                return Ok(None);
            }
            text = match take(&text) {
                Ok(taken) => return Ok(Some(taken)),
                Err(wrong) => self.offer(&text, wrong)?,
            };
        }
    }

    /// Has `text` edited once.
    ///
    /// # Errors
    /// Aborted (3) when the editor fails, or nothing is left of the text; I/O (18).
    pub fn round(&self, text: &Secret) -> Result<Secret> {
        let Sheet { file, secret, .. } = self.sheet;
        match &self.cx.deputy {
            // an editor belongs to the terminal, and that to the client
            Some(deputy) => deputy.edit(file, secret, text),
            None => opened(&self.editor, self.cx, (file, secret), text),
        }
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
        if self.sheet.secret || may_hold_secret(text) {
            return error.hint("the text may hold a secret, so it was kept nowhere");
        }
        let kept = Scratch::new(&self.cx.world, false, self.sheet.file).and_then(|scratch| {
            scratch.write(text)?;
            scratch.keep()
        });
        match kept {
            Ok(path) => error.hint(format!("your text is kept in `{}`", path.display())),
            Err(_) => error,
        }
    }
}

/// Has `text` edited for an agent, which knows the sheet by the name of its file.
///
/// # Errors
/// As [`Editing::round`]; unsupported (4) without an editor.
pub fn once(cx: &Context, file: &[u8], secret: bool, text: &Secret) -> Result<Secret> {
    let file = FILES.iter().find(|name| name.as_bytes() == file).unwrap_or(&"text.txt");
    opened(&Editor::find(&cx.world)?, cx, (file, secret), text)
}

fn opened(
    editor: &Editor,
    cx: &Context,
    (file, secret): (&'static str, bool),
    text: &Secret,
) -> Result<Secret> {
    // from here on nothing ends the program before the text is wiped
    let signals = Signals::noted();
    let scratch = Scratch::new(&cx.world, secret, file)?;
    scratch.write(text)?;
    editor.open(&cx.world, &scratch.file(), &signals)?;
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

/// The text with an error in its first lines, in the place of an earlier one.
fn explained(text: &Secret, wrong: &Error) -> Secret {
    let mut lines = remark(MARK, wrong.message());
    wrong.hints().iter().for_each(|hint| lines.push_str(&remark(MARK, hint)));
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

/// What texts are called.
const FILES: [&str; 3] = ["credential.toml", "incident.toml", "note.txt"];

/// Before the lines that say what was wrong.
const MARK: &str = "#! ";
