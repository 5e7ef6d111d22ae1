//! The options that `open` and `edit` share.

use super::words::{self, past};
use crate::cli::context::Context;
use crate::error::{Error, Result};
use crate::model::Timestamp;
use crate::model::incident::{IncidentMeta, IncidentTexts, IncidentType, Severity};
use std::str::FromStr;

/// What stands in clear, apart from the title.
#[derive(clap::Args)]
#[command(next_help_heading = "Stored in clear")]
pub struct FieldArgs {
    /// What sort of incident it is; decides which steps there are to do
    #[arg(long = "type", value_name = "TYPE", value_parser = words::types())]
    kind: Option<IncidentType>,
    /// How bad it is
    #[arg(long, value_name = "SEVERITY", value_parser = words::severities())]
    severity: Option<Severity>,
    /// Whose it is
    #[arg(long, value_name = "TEXT")]
    client: Option<String>,
    /// At which service
    #[arg(long, value_name = "TEXT")]
    service: Option<String>,
    /// On which system or part of the infrastructure
    #[arg(long, value_name = "TEXT")]
    infra: Option<String>,
    /// Who deals with it
    #[arg(long, value_name = "TEXT")]
    owner: Option<String>,
    /// When it happened: 2026-11-20, 2026-11-20T08:30:00Z, or 2d ago; only what was rotated after
    /// that counts as rotated
    #[arg(long, value_name = "WHEN")]
    occurred: Option<String>,
    /// When somebody noticed
    #[arg(long, value_name = "WHEN")]
    detected: Option<String>,
}

/// What is sealed.
#[derive(clap::Args)]
#[command(next_help_heading = "Sealed")]
pub struct TextArgs {
    /// What happened
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// What was found out
    #[arg(long, value_name = "TEXT")]
    findings: Option<String>,
    /// What is done so that it does not happen again
    #[arg(long, value_name = "TEXT")]
    remediation: Option<String>,
    /// A ticket, mail or page; may be given several times
    #[arg(long, value_name = "TEXT", value_parser = words::filled)]
    reference: Vec<String>,
    /// Read the description from standard input, or `findings` or `remediation`: what others must not
    /// see among the arguments
    #[arg(long, value_name = "WHICH", num_args = 0..=1, require_equals = true,
          default_missing_value = "description", value_parser = LongText::from_str)]
    stdin: Option<LongText>,
}

/// One of the long texts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum LongText {
    Description,
    Findings,
    Remediation,
}

impl FromStr for LongText {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "description" => Ok(Self::Description),
            "findings" => Ok(Self::Findings),
            "remediation" => Ok(Self::Remediation),
            _ => Err(Error::usage("there is no such text")
                .hint("one of: description, findings, remediation")),
        }
    }
}

impl FieldArgs {
    /// Whether any of them was given.
    pub fn any(&self) -> bool {
        let texts = [&self.client, &self.service, &self.infra, &self.owner];
        let times = [&self.occurred, &self.detected];
        self.kind.is_some()
            || self.severity.is_some()
            || texts.iter().chain(&times).any(|text| text.is_some())
    }

    /// Writes what was given into `meta`; an empty value clears.
    ///
    /// # Errors
    /// Usage (2) for dates that are none, or are still to come.
    pub fn apply(&self, meta: &mut IncidentMeta, cx: &Context) -> Result<()> {
        meta.kind = self.kind.unwrap_or(meta.kind);
        meta.severity = self.severity.unwrap_or(meta.severity);
        for (to, text) in [
            (&mut meta.client, &self.client),
            (&mut meta.service, &self.service),
            (&mut meta.infra, &self.infra),
            (&mut meta.owner, &self.owner),
        ] {
            put(to, text.as_ref());
        }
        let at = |option, to: &mut Option<Timestamp>, text: &Option<String>| {
            let at = text.as_ref().map(|text| past(option, text, cx)).transpose()?;
            *to = at.unwrap_or(*to);
            Ok(())
        };
        at("--occurred", &mut meta.occurred_at, &self.occurred)?;
        at("--detected", &mut meta.detected_at, &self.detected)
    }

    /// Checks what can be checked without the incident.
    ///
    /// # Errors
    /// Usage (2), as [`Self::apply`] and as storing it.
    pub fn check(&self, title: Option<&str>, cx: &Context) -> Result<()> {
        let mut meta = blank(title.unwrap_or("x"));
        self.apply(&mut meta, cx)?;
        meta.check(cx.world.now())
    }
}

impl TextArgs {
    /// Whether any of them was given.
    pub fn any(&self) -> bool {
        [&self.description, &self.findings, &self.remediation].iter().any(|text| text.is_some())
            || !self.reference.is_empty()
            || self.stdin.is_some()
    }

    /// Takes in what is to be read, so that it is there before the vault is opened.
    ///
    /// # Errors
    /// Usage (2) for a text that is given twice, is empty or no text; I/O (18).
    pub fn read(&mut self) -> Result<()> {
        let Some(which) = self.stdin else { return Ok(()) };
        let to = match which {
            LongText::Description => &mut self.description,
            LongText::Findings => &mut self.findings,
            LongText::Remediation => &mut self.remediation,
        };
        if to.is_some() {
            return Err(Error::usage("one text is given twice, and once on standard input")
                .hint("leave one of them out"));
        }
        *to = Some(words::from_stdin()?);
        Ok(())
    }

    /// Writes what was given into `texts`; an empty value clears, a reference is added.
    pub fn apply(&self, texts: &mut IncidentTexts) {
        put(&mut texts.description, self.description.as_ref());
        put(&mut texts.findings, self.findings.as_ref());
        put(&mut texts.remediation, self.remediation.as_ref());
        let fresh = self.reference.iter().filter(|text| !texts.references.contains(text));
        let fresh: Vec<String> = fresh.cloned().collect();
        texts.references.extend(fresh);
    }
}

/// An incident of which nothing but the title is known.
pub(super) fn blank(title: &str) -> IncidentMeta {
    IncidentMeta {
        title: title.to_owned(),
        kind: IncidentType::Other,
        severity: Severity::Medium,
        client: None,
        service: None,
        infra: None,
        owner: None,
        occurred_at: None,
        detected_at: None,
    }
}

fn put(to: &mut Option<String>, text: Option<&String>) {
    if let Some(text) = text {
        *to = Some(text.clone()).filter(|text| !text.is_empty());
    }
}
