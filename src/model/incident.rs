//! Incidents: what sort, how bad, how far. The workflow is a table.

pub use super::todo::{CONTAIN, GATHER, ROTATE, Todo};

use super::{Timestamp, name};
use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use std::str::FromStr;

/// Makes an enum whose variants are words: on the command line, in the database, in JSON.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal {
        $($variant:ident $word:literal $about:literal,)+
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum $name {
            $(#[doc = $about] $variant,)+
        }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Their words, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// Its word.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// What it means.
            #[must_use]
            pub fn about(self) -> &'static str {
                match self {
                    $(Self::$variant => $about,)+
                }
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                Self::ALL.iter().find(|one| one.word() == text).copied().ok_or_else(|| {
                    Error::usage(concat!("unknown ", $what))
                        .hint(format!("one of: {}", Self::WORDS.join(", ")))
                })
            }
        }
    };
}

words! {
    /// What sort of incident.
    IncidentType, "type of incident" {
        Bec "bec" "business e-mail compromise",
        Backdoor "backdoor" "somebody left a way in",
        Malware "malware" "malicious software ran",
        UnauthorizedAccess "unauthorized_access" "somebody was where they must not be",
        DataBreach "data_breach" "data left the house",
        Phishing "phishing" "somebody was tricked into giving something away",
        Ransomware "ransomware" "data are held to ransom",
        BruteForce "brute_force" "somebody is guessing",
        CredentialLeak "credential_leak" "a secret stands where others can read it",
        LostDevice "lost_device" "a machine with secrets on it is gone",
        DepartedPerson "departed_person" "somebody left who knew secrets",
        Other "other" "something else",
    }
}

words! {
    /// How bad, the least first.
    Severity, "severity" {
        Low "low" "to be dealt with in time",
        Medium "medium" "to be dealt with soon",
        High "high" "to be dealt with today",
        Critical "critical" "to be dealt with now",
    }
}

words! {
    /// How far the work is.
    IncidentStatus, "status" {
        Investigating "investigating" "being looked into",
        Contained "contained" "it cannot get worse",
        Monitoring "monitoring" "dealt with, and watched",
        Resolved "resolved" "closed",
    }
}

words! {
    /// What it turned out to be: apart from how far the work is.
    IncidentOutcome, "outcome" {
        Confirmed "confirmed" "it happened, and did harm",
        NoImpact "no_impact" "it happened, and did no harm",
        FalsePositive "false_positive" "it was nothing",
        Duplicate "duplicate" "it is another incident",
    }
}

words! {
    /// What a linked credential has to do with the incident.
    Exposure, "exposure" {
        Unknown "unknown" "nobody knows yet whether it is exposed",
        Exposed "exposed" "others have it, or must be thought to",
        NotExposed "not_exposed" "others do not have it",
        Contained "contained" "it was exposed, and is of no use any more",
    }
}

words! {
    /// A step of the workflow.
    Step, "step" {
        Contain "contain" "it cannot get worse from here on",
        Monitor "monitor" "watch whether it comes again",
        Resolve "resolve" "close it",
        Reopen "reopen" "look into it again",
    }
}

/// The workflow: from where a step can be taken, and where it leads.
const WORKFLOW: &[(Step, &[IncidentStatus], IncidentStatus)] = {
    use IncidentStatus::{Contained, Investigating, Monitoring, Resolved};
    &[
        (Step::Contain, &[Investigating], Contained),
        (Step::Monitor, &[Contained], Monitoring),
        (Step::Resolve, &[Contained, Monitoring], Resolved),
        (Step::Reopen, &[Contained, Monitoring, Resolved], Investigating),
    ]
};

impl IncidentStatus {
    /// Where `step` leads from here.
    ///
    /// # Errors
    /// Refused (14) with the steps that can be taken instead.
    pub fn after(self, step: Step, number: IncidentNumber) -> Result<Self> {
        let found = WORKFLOW.iter().find(|(s, from, _)| *s == step && from.contains(&self));
        found.map(|(.., to)| *to).ok_or_else(|| {
            let what = format!(
                "incident {number} is {}: `{}` is not possible now",
                self.word(),
                step.word()
            );
            let error = Error::new(ErrorKind::Refused, what);
            let allowed =
                self.steps().map(|s| format!("possible now: vault incident {} {number}", s.word()));
            allowed.fold(error, Error::hint)
        })
    }

    /// The steps that can be taken from here.
    pub fn steps(self) -> impl Iterator<Item = Step> {
        WORKFLOW.iter().filter(move |(_, from, _)| from.contains(&self)).map(|(step, ..)| *step)
    }

    /// Whether there is still something to do.
    #[must_use]
    pub fn is_open(self) -> bool {
        self != Self::Resolved
    }
}

/// The number of an incident, 1 and up, written `INC-7`. Never used again.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct IncidentNumber(pub i64);

impl fmt::Display for IncidentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "INC-{}", self.0)
    }
}

impl FromStr for IncidentNumber {
    type Err = Error;

    /// `INC-7`, `inc-7` or `7`.
    fn from_str(text: &str) -> Result<Self> {
        let prefix = text.get(..4).filter(|prefix| prefix.eq_ignore_ascii_case("inc-"));
        let digits = prefix.map_or(text, |prefix| &text[prefix.len()..]);
        let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok());
        number.flatten().filter(|number| *number > 0).map(Self).ok_or_else(|| {
            Error::usage("an incident is named by its number, like INC-7")
                .hint("vault incident list")
        })
    }
}

/// What stands in clear of an incident, for lists.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IncidentMeta {
    /// One line.
    pub title: String,
    /// What sort.
    pub kind: IncidentType,
    /// How bad.
    pub severity: Severity,
    /// Whose.
    pub client: Option<String>,
    /// At which service.
    pub service: Option<String>,
    /// On which machine or system.
    pub infra: Option<String>,
    /// Who deals with it.
    pub owner: Option<String>,
    /// When it happened, as far as it is known.
    pub occurred_at: Option<Timestamp>,
    /// When somebody noticed.
    pub detected_at: Option<Timestamp>,
}

impl IncidentMeta {
    /// Checks what is to be stored: lines, and times that can be.
    ///
    /// # Errors
    /// Usage (2), naming what is wrong.
    pub fn check(&self, now: Timestamp) -> Result<()> {
        name::one_line("title", &self.title, 200)?;
        let texts = [
            ("client", &self.client),
            ("service", &self.service),
            ("system", &self.infra),
            ("name of an owner", &self.owner),
        ];
        for (what, text) in texts {
            text.as_ref().map_or(Ok(()), |text| name::one_line(what, text, 255))?;
        }
        if self.occurred_at.max(self.detected_at).is_some_and(|at| at > now) {
            return Err(Error::usage("what has not happened yet is no incident")
                .hint("when it occurred and when it was detected lie in the past"));
        }
        match (self.occurred_at, self.detected_at) {
            (Some(occurred), Some(detected)) if detected < occurred => {
                Err(Error::usage("nothing is detected before it occurs")
                    .hint("leave out when it occurred if nobody knows"))
            }
            _ => Ok(()),
        }
    }
}

/// What is sealed of an incident: it may say what must not be read by everybody.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct IncidentTexts {
    /// What happened.
    pub description: Option<String>,
    /// What was found out.
    pub findings: Option<String>,
    /// What was done, and is to be done, so that it does not happen again.
    pub remediation: Option<String>,
    /// Tickets, mails, pages.
    pub references: Vec<String>,
    /// The steps to do, in order.
    pub todos: Vec<Todo>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workflow_is_as_designed() {
        use IncidentStatus::{Contained, Investigating, Monitoring, Resolved};
        let mut legal = 0;
        for from in IncidentStatus::ALL {
            for step in Step::ALL {
                let to = from.after(*step, IncidentNumber(7));
                let expected = match (from, step) {
                    (Investigating, Step::Contain) => Some(Contained),
                    (Contained, Step::Monitor) => Some(Monitoring),
                    (Contained | Monitoring, Step::Resolve) => Some(Resolved),
                    (Contained | Monitoring | Resolved, Step::Reopen) => Some(Investigating),
                    _ => None,
                };
                legal += usize::from(expected.is_some());
                let Some(expected) = expected else {
                    let error = to.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Refused);
                    assert_eq!(error.hints().len(), from.steps().count());
                    assert!(error.hints().iter().all(|hint| hint.ends_with("INC-7")));
                    continue;
                };
                assert_eq!(to.unwrap(), expected);
            }
            assert!(from.steps().next().is_some(), "nothing leads out of {from:?}");
        }
        assert_eq!(legal, 7);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let now = Timestamp(1_800_000_000_000);
        let fine = IncidentMeta {
            title: "Laptop stolen".into(),
            kind: IncidentType::Other,
            severity: Severity::Medium,
            client: Some("größe & söhne".into()),
            service: None,
            infra: None,
            owner: None,
            occurred_at: Some(Timestamp(now.0 - 1)),
            detected_at: Some(now),
        };
        fine.check(now).unwrap();
        let title = |title: &str| IncidentMeta { title: title.into(), ..fine.clone() };
        let client = |text: &str| IncidentMeta { client: Some(text.into()), ..fine.clone() };
        let later = Some(Timestamp(now.0 + 1));
        for wrong in [
            title(""),
            title(" x"),
            title("x\u{1b}[2J"),
            title("two\nlines"),
            title(&"x".repeat(201)),
            client(""),
            client("a\u{85}"),
            IncidentMeta { occurred_at: later, detected_at: None, ..fine.clone() },
            IncidentMeta { detected_at: later, ..fine.clone() },
            IncidentMeta { detected_at: Some(Timestamp(now.0 - 2)), ..fine.clone() },
        ] {
            assert_eq!(wrong.check(now).unwrap_err().kind(), ErrorKind::Usage, "{wrong:?}");
        }
    }

    #[test]
    fn numbers_and_words_are_read_back() {
        for text in ["INC-7", "inc-7", "7", "007"] {
            assert_eq!(text.parse::<IncidentNumber>().unwrap(), IncidentNumber(7));
        }
        for bad in
            ["", "INC-", "INC-0", "-7", "+7", "INC-7x", "INC--7", "é", "99999999999999999999"]
        {
            assert!(bad.parse::<IncidentNumber>().is_err(), "{bad}");
        }
        for one in IncidentType::ALL {
            assert_eq!(one.word().parse::<IncidentType>().unwrap(), *one);
            let template = one.template();
            assert!(template.iter().any(|todo| todo.key == ROTATE), "{one:?}");
            assert!(template.iter().any(|todo| todo.key == GATHER), "{one:?}");
        }
        assert!("catastrophe".parse::<Severity>().is_err());
    }
}
