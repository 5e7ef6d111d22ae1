//! Unlock.
