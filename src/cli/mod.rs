//! The door: it listens, asks and speaks. The path of a command is its file.
pub mod complete;
pub mod escape;
pub mod man;
pub mod render;
pub mod report;
