//! How much time is left until keys are dropped.

use rustix::time::{ClockId, clock_gettime};

/// How it stands with the time, in seconds that are left.
pub(super) struct Left {
    pub(super) idle: u64,
    pub(super) max: u64,
}

impl Left {
    /// At `now`, with when each of them began, and how long it may take.
    pub(super) fn at(now: u64, idle: (u64, u64), max: (u64, u64)) -> Self {
        let left = |(since, span): (u64, u64)| since.saturating_add(span).saturating_sub(now);
        Self { idle: left(idle), max: left(max) }
    }

    /// Which of them is over. What is being carried out is not ended for want of use, but does not count as
    /// use either: see [`Left::is_up`].
    pub(super) fn is_over(&self, is_busy: bool) -> Option<&'static str> {
        match self {
            Self { max: 0, .. } => Some("max"),
            Self { idle: 0, .. } if !is_busy => Some("idle"),
            Self { .. } => None,
        }
    }

    /// Whether nothing new is begun with the keys: somebody who left a question open has gone, too.
    pub(super) fn is_up(&self) -> bool {
        self.idle == 0 || self.max == 0
    }
}

/// Seconds of a clock that nobody sets, and that runs while the machine sleeps.
pub(super) fn now() -> u64 {
    u64::try_from(clock_gettime(ClockId::Boottime).tv_sec).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock that runs while the machine sleeps jumps when it wakes up.
    #[test]
    fn the_time_is_up_after_a_night_as_after_an_hour() {
        let (noon, idle, max) = (1_000_000, 900, 28_800);
        let left = |now, used| Left::at(now, (used, idle), (noon, max));
        assert_eq!(left(noon, noon).is_over(false), None);
        assert_eq!(left(noon + 899, noon).is_over(false), None);
        assert_eq!(left(noon + 900, noon).is_over(false), Some("idle"));
        // somebody waits at a question: nobody else is served, and he is not cut off
        assert_eq!(left(noon + 5_000, noon).is_over(true), None);
        assert!(left(noon + 5_000, noon).is_up() && !left(noon + 899, noon).is_up());
        assert_eq!(left(noon + 28_800, noon + 28_799).is_over(true), Some("max"));
        // asleep since a minute after it was used
        assert_eq!(left(noon + 60 + 50_000, noon).is_over(false), Some("max"));
        assert_eq!(left(noon + 10_000, noon + 9_500).is_over(false), None);
        assert_eq!(Left::at(u64::MAX, (0, idle), (0, max)).is_over(true), Some("max"));
    }
}
