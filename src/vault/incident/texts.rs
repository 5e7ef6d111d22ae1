//! The long texts of an incident, sealed as a credential's values are (FORMAT.md, "Incidents").

use crate::error::{Error, Result};
use crate::model::incident::{IncidentTexts, Todo};
use crate::model::{FieldName, Secret};
use crate::vault::audit::{Receipt, RekeyReceipt};
use crate::vault::crypto::{self, Label};
use crate::vault::keys::Keys;
use crate::vault::store::{EventRow, IncidentRow, VaultRow};
use serde::{Deserialize, Serialize};

/// What is written in the seal: one JSON object.
#[derive(Deserialize, Serialize)]
struct Sealed {
    description: Option<String>,
    findings: Option<String>,
    remediation: Option<String>,
    references: Vec<String>,
    steps: Vec<Line>,
}

#[derive(Deserialize, Serialize)]
struct Line {
    key: String,
    text: String,
    done_at: Option<i64>,
    done_by: Option<String>,
}

/// Which text: that of the incident in a version, or that of an event.
fn label<'f>(vault: &VaultRow, row: &IncidentRow, field: &'f FieldName, version: u32) -> Label<'f> {
    Label { vault: vault.vault_id, credential: row.id, field, version }
}

/// Seals the texts of `row`, which has their version already.
pub(super) fn seal(
    vault: &VaultRow,
    keys: &Keys,
    row: &IncidentRow,
    texts: &IncidentTexts,
    receipt: &Receipt<'_>,
) -> Result<Vec<u8>> {
    let field = "incident".parse()?;
    let text = Secret::from_bytes(write(texts)?.as_bytes());
    crypto::seal(keys, label(vault, row, &field, row.version), &text, receipt)
}

/// Opens the texts of `row`.
pub(super) fn open(
    vault: &VaultRow,
    keys: &Keys,
    row: &IncidentRow,
    receipt: &Receipt<'_>,
) -> Result<IncidentTexts> {
    let field = "incident".parse()?;
    let text = crypto::open(keys, label(vault, row, &field, row.version), &row.sealed, receipt)?;
    read(text.expose())
}

/// Seals what somebody wrote about event number `event`.
pub(super) fn seal_note(
    vault: &VaultRow,
    keys: &Keys,
    row: &IncidentRow,
    event: u32,
    text: &str,
    receipt: &Receipt<'_>,
) -> Result<Vec<u8>> {
    let field = "event".parse()?;
    let text = Secret::from_bytes(text.as_bytes());
    crypto::seal(keys, label(vault, row, &field, event), &text, receipt)
}

/// Opens what somebody wrote about an event.
pub(super) fn open_note(
    vault: &VaultRow,
    keys: &Keys,
    row: &IncidentRow,
    event: &EventRow,
    receipt: &Receipt<'_>,
) -> Result<Option<String>> {
    let Some(sealed) = &event.sealed else { return Ok(None) };
    let field = "event".parse()?;
    let text = crypto::open(keys, label(vault, row, &field, event.number), sealed, receipt)?;
    String::from_utf8(text.expose().to_vec()).map(Some).map_err(|_| damaged())
}

/// Seals the texts of `row` with the keys of another epoch.
pub(super) fn reseal(
    vault: &VaultRow,
    keys: (&Keys, &Keys),
    row: &IncidentRow,
    receipt: &RekeyReceipt,
) -> Result<Vec<u8>> {
    let field = "incident".parse()?;
    crypto::reseal(keys, label(vault, row, &field, row.version), &row.sealed, receipt)
}

/// The same for what somebody wrote about an event.
pub(super) fn reseal_note(
    vault: &VaultRow,
    keys: (&Keys, &Keys),
    row: &IncidentRow,
    event: &EventRow,
    receipt: &RekeyReceipt,
) -> Result<Option<Vec<u8>>> {
    let Some(sealed) = &event.sealed else { return Ok(None) };
    let field = "event".parse()?;
    crypto::reseal(keys, label(vault, row, &field, event.number), sealed, receipt).map(Some)
}

fn write(texts: &IncidentTexts) -> Result<String> {
    let line = |todo: &Todo| Line {
        key: todo.key.clone(),
        text: todo.text.clone(),
        done_at: todo.done.as_ref().map(|(at, _)| *at),
        done_by: todo.done.as_ref().map(|(_, by)| by.clone()),
    };
    let sealed = Sealed {
        description: texts.description.clone(),
        findings: texts.findings.clone(),
        remediation: texts.remediation.clone(),
        references: texts.references.clone(),
        steps: texts.todos.iter().map(line).collect(),
    };
    serde_json::to_string(&sealed).map_err(|_| Error::internal("the texts cannot be written"))
}

fn read(text: &[u8]) -> Result<IncidentTexts> {
    let sealed: Sealed = serde_json::from_slice(text).map_err(|_| damaged())?;
    let todo =
        |line: Line| Todo { key: line.key, text: line.text, done: line.done_at.zip(line.done_by) };
    Ok(IncidentTexts {
        description: sealed.description,
        findings: sealed.findings,
        remediation: sealed.remediation,
        references: sealed.references,
        todos: sealed.steps.into_iter().map(todo).collect(),
    })
}

fn damaged() -> Error {
    Error::integrity("the texts of an incident are damaged").hint("vault doctor")
}
