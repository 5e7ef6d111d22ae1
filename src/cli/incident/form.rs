//! An incident as a text to edit, TOML with a remark above each key, and that text read back. Knows
//! nothing of editors.

use super::words::past;
use crate::cli::context::Context;
use crate::cli::editing::Sheet;
use crate::cli::toml_text::{flag, list, parse, quoted, remark, text, wants};
use crate::error::{Error, Result};
use crate::model::incident::{IncidentMeta, IncidentTexts, IncidentType, Severity, Todo};
use crate::model::{Secret, Timestamp};
use crate::vault::{Tick, TodoState};
use std::fmt::Write as _;
use std::str::FromStr;
use toml::Value;

/// What is about to be edited.
pub(super) const SHEET: Sheet = Sheet {
    file: "incident.toml",
    secret: true,
    instead: "by options, see `vault incident edit --help`",
};

/// The whole text. `head` says which incident it is.
pub(super) fn write(
    head: &str,
    meta: &IncidentMeta,
    texts: &IncidentTexts,
    steps: &[TodoState<'_>],
) -> Secret {
    let mut form = String::new();
    form.push_str(&remark("# ", &format!("{head}\n{HEAD}")));
    form.push('\n');
    clear(&mut form, meta);
    apart(&mut form, SEALED);
    let about = [
        ("description", "What happened", &texts.description),
        ("findings", "What was found out", &texts.findings),
        ("remediation", "What is done so that it does not happen again", &texts.remediation),
    ];
    for (key, about, text) in about {
        put(&mut form, key, &block(text.as_deref().unwrap_or_default()), about);
    }
    let references: Vec<String> = texts.references.iter().map(|text| quoted(text)).collect();
    let references = format!("[{}]", references.join(", "));
    put(&mut form, "references", &references, "Tickets, mails, pages: [\"one\", \"two\"]");
    apart(&mut form, STEPS);
    for step in steps {
        step_lines(&mut form, step);
    }
    Secret::from_bytes(form.as_bytes())
}

fn clear(form: &mut String, meta: &IncidentMeta) {
    put(form, "title", &quoted(&meta.title), "One line");
    put(form, "type", &quoted(meta.kind.word()), &one_of(IncidentType::WORDS));
    put(form, "severity", &quoted(meta.severity.word()), &one_of(Severity::WORDS));
    for (key, about, text) in [
        ("client", "Whose it is", &meta.client),
        ("service", "At which service", &meta.service),
        ("infra", "On which system or part of the infrastructure", &meta.infra),
        ("owner", "Who deals with it", &meta.owner),
    ] {
        put(form, key, &quoted(text.as_deref().unwrap_or_default()), about);
    }
    for (key, about, at) in [
        (
            "occurred",
            "When it happened: a date, a time like 2026-11-20T08:30:00Z",
            meta.occurred_at,
        ),
        ("detected", "When somebody noticed", meta.detected_at),
    ] {
        put(form, key, &quoted(&at.map(|at| at.to_string()).unwrap_or_default()), about);
    }
}

fn step_lines(form: &mut String, step: &TodoState<'_>) {
    let TodoState { todo, tick } = step;
    form.push_str("\n[[steps]]\n");
    if let Some(Tick::ByItself { at }) = tick {
        form.push_str(&remark("# ", &format!("Done by itself on {}", at.day())));
    }
    // writing to a string does not fail
    if !todo.key.is_empty() {
        let _ = writeln!(form, "key = {}", quoted(&todo.key));
    }
    let done = todo.done.is_some();
    let _ = writeln!(form, "text = {}\ndone = {done}", quoted(&todo.text));
}

fn put(form: &mut String, key: &str, value: &str, about: &str) {
    form.push_str(&remark("# ", about));
    // writing to a string does not fail
    let _ = writeln!(form, "{key} = {value}");
}

/// A remark about what follows.
fn apart(form: &mut String, about: &str) {
    form.push('\n');
    form.push_str(&remark("# ", about));
}

/// A text that may have several lines, ready to be written into.
fn block(text: &str) -> String {
    let plain = quoted(&format!("{text}\n"));
    match plain.starts_with("'''") {
        true => plain,
        false => quoted(text),
    }
}

fn one_of(words: &[&str]) -> String {
    format!("One of: {}", words.join(", "))
}

/// What a text says.
pub(super) struct Filled {
    pub(super) meta: IncidentMeta,
    pub(super) texts: IncidentTexts,
}

/// Reads `form`, which was made of `meta` and `texts`. What is ticked off now, `user` has ticked off.
///
/// # Errors
/// Usage (2), naming line or key.
pub(super) fn read(
    form: &Secret,
    meta: &IncidentMeta,
    texts: &IncidentTexts,
    user: &str,
    cx: &Context,
) -> Result<Filled> {
    let blank = IncidentMeta { kind: meta.kind, ..super::fields::blank(&meta.title) };
    let blank = IncidentMeta { severity: meta.severity, ..blank };
    let mut filled = Filled { meta: blank, texts: IncidentTexts::default() };
    let marks = Marks { old: texts, user, now: cx.world.now() };
    for (key, value) in parse(form)? {
        filled.one(&key, &value, &marks, cx).map_err(|e| about(&key, &e))?;
    }
    filled.texts.add_steps(meta.kind, filled.meta.kind);
    filled.meta.check(cx.world.now())?;
    Ok(filled)
}

/// Who ticks steps off, and what was ticked off before.
struct Marks<'a> {
    old: &'a IncidentTexts,
    user: &'a str,
    now: Timestamp,
}

impl Filled {
    /// Puts one key of the text into its place.
    fn one(&mut self, key: &str, value: &Value, marks: &Marks<'_>, cx: &Context) -> Result<()> {
        let (meta, texts) = (&mut self.meta, &mut self.texts);
        match key {
            "title" => text(value)?.clone_into(&mut meta.title),
            "type" => meta.kind = word(value)?,
            "severity" => meta.severity = word(value)?,
            "client" => meta.client = line(value)?,
            "service" => meta.service = line(value)?,
            "infra" => meta.infra = line(value)?,
            "owner" => meta.owner = line(value)?,
            "occurred" => meta.occurred_at = moment("occurred", value, cx)?,
            "detected" => meta.detected_at = moment("detected", value, cx)?,
            "description" => texts.description = lines(value)?,
            "findings" => texts.findings = lines(value)?,
            "remediation" => texts.remediation = lines(value)?,
            "references" => {
                texts.references = list(value)?
                    .iter()
                    .filter_map(|one| line(one).transpose())
                    .collect::<Result<_>>()?;
            }
            "steps" => {
                let steps = list(value).map_err(|_| wants("tables: [[steps]]"))?;
                texts.todos = steps.iter().map(|step| marks.todo(step)).collect::<Result<_>>()?;
            }
            _ => {
                return Err(Error::usage("there is no such key")
                    .hint("the text stays in its quotes, and the keys stay what they are"));
            }
        }
        Ok(())
    }
}

impl Marks<'_> {
    fn todo(&self, step: &Value) -> Result<Todo> {
        let step = step.as_table().ok_or_else(|| wants("tables: [[steps]]"))?;
        if step.keys().any(|key| !["key", "text", "done"].contains(&key.as_str())) {
            return Err(Error::usage("a step has `key`, `text` and `done`"));
        }
        let get = |key: &str| step.get(key).map(text).transpose();
        let (key, text) = (get("key")?.unwrap_or_default(), get("text")?.unwrap_or_default());
        if text.trim().is_empty() {
            return Err(Error::usage("a step needs a text")
                .hint("take the whole step out if it is not to be done"));
        }
        let old = self.old.todos.iter().find(|old| match key {
            "" => old.key.is_empty() && old.text == text,
            _ => old.key == key,
        });
        if !key.is_empty() && old.is_none() {
            return Err(Error::usage("there is no step with this key")
                .hint("a step of your own has no key"));
        }
        let fresh = || (self.now.0, self.user.to_owned());
        let done = step.get("done").map(flag).transpose()?.unwrap_or_default();
        let done = done.then(|| old.and_then(|old| old.done.clone()).unwrap_or_else(fresh));
        Ok(Todo { key: key.to_owned(), text: text.to_owned(), done })
    }
}

fn word<T: FromStr<Err = Error>>(value: &Value) -> Result<T> {
    text(value)?.parse()
}

fn line(value: &Value) -> Result<Option<String>> {
    Ok(Some(text(value)?.to_owned()).filter(|text| !text.is_empty()))
}

/// A text without the line ends behind it.
fn lines(value: &Value) -> Result<Option<String>> {
    let text = text(value)?.trim_end_matches(['\n', '\r']);
    Ok(Some(text.to_owned()).filter(|text| !text.trim().is_empty()))
}

fn moment(key: &str, value: &Value, cx: &Context) -> Result<Option<Timestamp>> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Datetime(at) => at.to_string(),
        Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Array(_)
        | Value::Table(_) => return Err(wants("a date, in quotes")),
    };
    past(key, &text, cx)
}

/// The error with the key it is about. A key that is none of ours is not quoted: it may be a line of
/// a text that lost its quotes.
fn about(key: &str, cause: &Error) -> Error {
    let message = match (cause.message().starts_with('`'), KEYS.contains(&key)) {
        (true, _) => cause.message().to_owned(),
        (false, true) => format!("`{key}`: {}", cause.message()),
        (false, false) => format!("a key: {}", cause.message()),
    };
    let error = Error::new(cause.kind(), message);
    cause.hints().iter().fold(error, |error, hint| error.hint(hint.as_str()))
}

const KEYS: [&str; 14] = [
    "title",
    "type",
    "severity",
    "client",
    "service",
    "infra",
    "owner",
    "occurred",
    "detected",
    "description",
    "findings",
    "remediation",
    "references",
    "steps",
];

const HEAD: &str = "Change what you like, save, and close the editor.
Title, type, severity, client, service, system, owner and times are stored in clear.";
const SEALED: &str =
    "The texts below are sealed. They stand between ''' and ''', with as many lines as you like.";
const STEPS: &str =
    "The steps to do, in order. One that you add needs no key; one that you take out is gone.";
