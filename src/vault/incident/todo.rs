//! Which steps of an incident are done: ticked off by hand, or by what happened in the vault.

use super::view::{Incident, LinkState};
use crate::model::Timestamp;
use crate::model::incident::{CONTAIN, GATHER, IncidentStatus, ROTATE, Todo};

/// A step to do, and whether it is done.
pub struct TodoState<'i> {
    /// The step.
    pub todo: &'i Todo,
    /// Who or what has ticked it off.
    pub tick: Option<Tick<'i>>,
}

/// How a step was ticked off.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tick<'i> {
    /// Somebody said so.
    ByHand {
        /// When.
        at: Timestamp,
        /// The user.
        by: &'i str,
    },
    /// It follows from what the vault knows, and stands for as long as that holds.
    ByItself {
        /// Since when.
        at: Timestamp,
    },
}

impl Incident {
    /// The steps to do, in order; none while locked.
    #[must_use]
    pub fn steps(&self) -> Vec<TodoState<'_>> {
        let todos = self.texts.iter().flat_map(|texts| &texts.todos);
        todos.map(|todo| TodoState { todo, tick: self.tick(todo) }).collect()
    }

    fn tick<'i>(&self, todo: &'i Todo) -> Option<Tick<'i>> {
        let by_hand = todo.done.as_ref();
        let by_hand = by_hand.map(|(at, by)| Tick::ByHand { at: Timestamp(*at), by });
        by_hand.or_else(|| self.by_itself(&todo.key).map(|at| Tick::ByItself { at }))
    }

    /// Since when a step is done as far as the vault knows.
    fn by_itself(&self, key: &str) -> Option<Timestamp> {
        match key {
            ROTATE => self.rotated(),
            GATHER => self.events.iter().find(|e| GATHERING.contains(&&*e.kind)).map(|e| e.at),
            CONTAIN if self.listing.status != IncidentStatus::Investigating => {
                self.listing.contained_at
            }
            _ => None,
        }
    }

    /// Since when every linked credential is settled: its new value was seen to work, or it needs none.
    /// Never if there is none.
    fn rotated(&self) -> Option<Timestamp> {
        let since = self.links.iter().map(|link| match &link.state {
            LinkState::Open | LinkState::Partly(_) | LinkState::Rotated(_) => None,
            LinkState::Verified(at) | LinkState::Waived(at) => Some(*at),
            LinkState::NotExposed => Some(link.linked_at),
        });
        since.collect::<Option<Vec<_>>>()?.into_iter().max()
    }
}

/// The events that say that the log was gathered.
const GATHERING: [&str; 2] = ["blast", "report"];
