//! `--if-version`: changes that are made only if nobody was faster.

use crate::model::FieldName;
use crate::vault::Expect;

/// What must still be so.
#[derive(clap::Args, Debug, Default)]
pub struct IfVersion {
    /// Change nothing unless this is the current version of the secret field, or of the primary one
    #[arg(long, value_name = "N")]
    if_version: Option<u32>,
}

impl IfVersion {
    /// Whether it was asked for.
    #[must_use]
    pub fn any(&self) -> bool {
        self.if_version.is_some()
    }

    /// What is expected of `field`, or of the primary one.
    #[must_use]
    pub fn expect(&self, field: Option<&FieldName>) -> Option<Expect> {
        self.if_version.map(|version| Expect { field: field.cloned(), version })
    }
}
