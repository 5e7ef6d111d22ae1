//! What a verb says of itself, before it becomes an entry.

use crate::error::ErrorKind;
use crate::model::incident::IncidentNumber;
use crate::model::{CredName, FieldName};
use uuid::Uuid;

/// An entry about to be written.
#[derive(Clone, Default)]
pub(in crate::vault) struct Draft {
    pub(in crate::vault) action: &'static str,
    pub(in crate::vault) credential: Option<Uuid>,
    pub(in crate::vault) name: Option<String>,
    pub(in crate::vault) fields: Vec<String>,
    pub(in crate::vault) details: Vec<(&'static str, String)>,
    /// The incident whose texts the receipt is for.
    pub(super) incident_id: Option<Uuid>,
    /// The incident it belongs to.
    pub(super) incident: Option<String>,
    /// The kind of failure; none for success.
    pub(in crate::vault) failure: Option<ErrorKind>,
}

impl Draft {
    /// An entry about the vault as a whole.
    pub(in crate::vault) fn new(action: &'static str) -> Self {
        Self { action, ..Self::default() }
    }

    /// An entry about one credential.
    pub(in crate::vault) fn about(action: &'static str, id: Uuid, name: &CredName) -> Self {
        Self {
            action,
            credential: Some(id),
            name: Some(name.as_str().to_owned()),
            ..Self::default()
        }
    }

    /// An entry about an incident. Its receipt is for the texts of that, and for no credential.
    pub(in crate::vault) fn incident(
        action: &'static str,
        id: Uuid,
        number: IncidentNumber,
    ) -> Self {
        let draft = Self { action, incident_id: Some(id), ..Self::default() };
        draft.of(number)
    }

    /// An entry that belongs to an incident.
    pub(in crate::vault) fn of(mut self, number: IncidentNumber) -> Self {
        self.incident = Some(number.to_string());
        self
    }

    /// The same, with the credential that the incident has to do with.
    pub(in crate::vault) fn concerning(mut self, id: Uuid, name: &str) -> Self {
        self.credential = Some(id);
        self.name = Some(name.to_owned());
        self
    }

    pub(in crate::vault) fn fields<'f>(
        mut self,
        fields: impl IntoIterator<Item = &'f FieldName>,
    ) -> Self {
        self.fields = fields.into_iter().map(|f| f.as_str().to_owned()).collect();
        self
    }

    pub(in crate::vault) fn detail(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.details.push((key, value.into()));
        self
    }

    /// The same as a failure of the given kind.
    pub(in crate::vault) fn failed(mut self, kind: ErrorKind) -> Self {
        self.failure = Some(kind);
        self
    }

    pub(super) fn outcome(&self) -> &'static str {
        match self.failure {
            None => "ok",
            Some(ErrorKind::Refused | ErrorKind::Locked | ErrorKind::Integrity) => "refused",
            Some(_) => "failed",
        }
    }

    pub(super) fn details(&self) -> Option<String> {
        let mut map: serde_json::Map<String, serde_json::Value> =
            self.details.iter().map(|(k, v)| ((*k).to_owned(), v.as_str().into())).collect();
        if let Some(kind) = self.failure {
            map.insert("error".into(), kind.word().into());
        }
        (!map.is_empty()).then(|| serde_json::Value::Object(map).to_string())
    }
}
