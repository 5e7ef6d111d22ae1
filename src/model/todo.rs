//! What is to be done about an incident: the steps of each type, and how they are ticked off.

use super::incident::{IncidentTexts, IncidentType};

/// A line of the list of things to do about an incident.
#[derive(Clone, Eq, PartialEq)]
pub struct Todo {
    /// One of those of the templates, or empty for one that somebody added.
    pub key: String,
    /// What is to be done.
    pub text: String,
    /// When and by whom it was ticked off by hand: milliseconds since 1970, and the user.
    pub done: Option<(i64, String)>,
}

/// Ticked off by itself when every exposed credential was rotated, and its new value seen to work.
pub const ROTATE: &str = "rotate";
/// Ticked off by itself when the blast radius was looked at, or a report was made.
pub const GATHER: &str = "gather";
/// Ticked off by itself with the step of the workflow.
pub const CONTAIN: &str = "contain";

const REVOKE: (&str, &str) = ("revoke", "revoke sessions and tokens at the services concerned");
const ROTATED: (&str, &str) = (ROTATE, "rotate every exposed credential, and test the new values");
const GATHERED: (&str, &str) = (GATHER, "gather the log: who read what, when and from where");
const CONTAINED: (&str, &str) = (CONTAIN, "make sure that it cannot get worse");
const REMOVE: (&str, &str) =
    ("remove", "remove the secret from where it leaked, its history included");
const WIPE: (&str, &str) = ("wipe", "lock or wipe the device from afar");
const SLOTS: (&str, &str) =
    ("slots", "take the keys away that open the vault: `vault key rm`, then `vault rekey`");
const ACCOUNTS: (&str, &str) = ("accounts", "close the accounts of the person at every service");
const REBUILD: (&str, &str) = ("rebuild", "rebuild the machines concerned from a clean source");
const PRESERVE: (&str, &str) = ("preserve", "preserve evidence: disks, logs, mails");
const NOTIFY: (&str, &str) = ("notify", "notify those who must know: clients, authorities");
const LIMIT: (&str, &str) = ("limit", "limit attempts, and demand a second factor");
const WARN: (&str, &str) = ("warn", "warn everybody who got the same message");
const REVIEW: (&str, &str) = ("review", "say what is changed so that it does not happen again");

impl IncidentTexts {
    /// Adds the steps that an incident of type `to` has and one of type `from` has not.
    pub fn add_steps(&mut self, from: IncidentType, to: IncidentType) {
        let (old, new) = (from.template(), to.template());
        let known = |todos: &[Todo], key: &str| todos.iter().any(|todo| todo.key == key);
        let fresh = new.into_iter().filter(|todo| !known(&old, &todo.key));
        let fresh: Vec<Todo> = fresh.filter(|todo| !known(&self.todos, &todo.key)).collect();
        self.todos.extend(fresh);
    }
}

impl IncidentType {
    /// What is to be done about an incident of this type.
    #[must_use]
    pub fn template(self) -> Vec<Todo> {
        let all: &[(&str, &str)] = match self {
            Self::CredentialLeak => &[GATHERED, REVOKE, ROTATED, REMOVE, CONTAINED, REVIEW],
            Self::LostDevice => &[WIPE, SLOTS, GATHERED, REVOKE, ROTATED, CONTAINED, REVIEW],
            Self::DepartedPerson => &[ACCOUNTS, SLOTS, GATHERED, REVOKE, ROTATED, CONTAINED],
            Self::BruteForce => &[LIMIT, GATHERED, ROTATED, CONTAINED, REVIEW],
            Self::Phishing | Self::Bec => {
                &[WARN, REVOKE, GATHERED, ROTATED, CONTAINED, NOTIFY, REVIEW]
            }
            Self::Backdoor | Self::Malware | Self::Ransomware => {
                &[CONTAINED, PRESERVE, GATHERED, REVOKE, ROTATED, REBUILD, NOTIFY, REVIEW]
            }
            Self::DataBreach | Self::UnauthorizedAccess | Self::Other => {
                &[GATHERED, PRESERVE, REVOKE, ROTATED, CONTAINED, NOTIFY, REVIEW]
            }
        };
        all.iter()
            .map(|(key, text)| Todo { key: (*key).into(), text: (*text).into(), done: None })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_type_adds_its_steps_and_takes_none_away() {
        let from = IncidentType::BruteForce;
        let mut texts = IncidentTexts { todos: from.template(), ..IncidentTexts::default() };
        texts.todos.remove(1);
        texts.add_steps(from, IncidentType::CredentialLeak);
        let keys: Vec<&str> = texts.todos.iter().map(|todo| &*todo.key).collect();
        // `gather` was taken out by hand, and is in both
        assert_eq!(keys, ["limit", ROTATE, CONTAIN, "review", "revoke", "remove"]);
    }
}
