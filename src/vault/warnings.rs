//! What a person should hear: written by whoever finds it, said by whoever prints. Knows nothing of
//! either.

use std::cell::RefCell;
use std::rc::Rc;

/// Warnings that have not been said yet. All copies are the same ones, so that a failure of the
/// vault does not take them with it.
#[derive(Clone, Debug, Default)]
pub struct Warnings(Rc<RefCell<Vec<String>>>);

impl Warnings {
    /// Adds `text`, unless it is there already.
    pub(super) fn push(&self, text: impl Into<String>) {
        let text = text.into();
        let mut all = self.0.borrow_mut();
        if !all.contains(&text) {
            all.push(text);
        }
    }

    /// All of them, which are forgotten here.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_heard_once_whoever_asks() {
        let warnings = Warnings::default();
        let other = warnings.clone();
        for text in ["a", "b", "a"] {
            warnings.push(text);
        }
        drop(warnings);
        assert_eq!(other.take(), ["a", "b"]);
        assert!(other.take().is_empty());
    }
}
