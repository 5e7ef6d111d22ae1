//! Stub: written elsewhere.
pub fn pages(_command: &clap::Command) -> Vec<(String, Vec<u8>)> {
    Vec::new()
}
