//! Stub: written elsewhere.
use crate::error::Result;
use crate::world::World;
use clap_complete::engine::CompletionCandidate;
use std::ffi::{OsStr, OsString};
pub fn names(_current: &OsStr) -> Vec<CompletionCandidate> {
    Vec::new()
}
pub fn script(_shell: clap_complete::Shell) -> Result<String> {
    Ok(String::new())
}
pub fn answer(_args: &[OsString], _world: &World) -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
pub fn kinds(_current: &OsStr) -> Vec<CompletionCandidate> {
    Vec::new()
}
