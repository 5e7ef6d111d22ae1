//! What a vault holds of incidents, for the judge of the tests that disturb the program.

use vault::vault::{IncidentFilter, Listing, Unlocked, Vault};

/// An incident as it can be read: title, description, status, what it is linked to and how, and what
/// stands in its timeline.
pub type Incident = (String, Option<String>, &'static str, Vec<(String, &'static str)>, Vec<Event>);

/// An event of a timeline: its kind, and what somebody wrote.
pub type Event = (String, Option<String>);

/// All of them, the newest first; an error unless they are whole.
pub fn incidents(vault: &mut Vault<Unlocked>) -> Result<Vec<Incident>, String> {
    let mut numbers = Vec::new();
    let filter = IncidentFilter::default();
    let each = &mut |one: &Listing| {
        numbers.push(one.number);
        Ok(())
    };
    vault.incidents(&filter, each).map_err(|e| format!("incidents: {e}"))?;
    let incident = |number| {
        let one = vault.incident(number).map_err(|e| format!("incident {number}: {e}"))?;
        let links = one.links.into_iter().map(|link| (link.name, link.exposure.word()));
        let events = one.events.into_iter().map(|event| (event.kind, event.text));
        let description = one.texts.and_then(|texts| texts.description);
        let (title, status) = (one.listing.meta.title, one.listing.status.word());
        Ok((title, description, status, links.collect(), events.collect()))
    };
    numbers.into_iter().map(incident).collect()
}
