//! Hook.
