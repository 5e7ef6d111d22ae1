//! Which time to look at: the options that `blast` and `report` share.

use crate::cli::cred::named;
use crate::error::Result;
use crate::model::{Timestamp, parse_when};
use crate::vault::Window;

/// From when until when.
#[derive(clap::Args)]
pub struct WindowArgs {
    /// Look no further back: 2027-01-31, or 30d ago [default: when it occurred, or was opened]
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,

    /// Look at nothing after this [default: now]
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
}

impl WindowArgs {
    /// What they say.
    ///
    /// # Errors
    /// Usage (2) for a moment that cannot be read, for the future, and for an end before the beginning.
    pub fn window(&self, now: Timestamp) -> Result<Window> {
        let when = |option: &str, text: &Option<String>| {
            let at = text.as_deref().map(|text| parse_when(text, now, false)).transpose();
            at.map_err(|e| named(option, &e))
        };
        let window =
            Window { since: when("--since", &self.since)?, until: when("--until", &self.until)? };
        window.check(now).map(|()| window)
    }
}
