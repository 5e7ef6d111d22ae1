//! What several integration tests need.

use std::path::Path;

/// Whether `program` is on the path. If not, says so; with `VAULT_TEST_REQUIRE` set, fails.
pub fn require(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|dir: std::path::PathBuf| is_file(&dir, program));
    if !found {
        let required = std::env::var_os("VAULT_TEST_REQUIRE").is_some();
        assert!(!required, "{program} is required and not installed");
        eprintln!("skipped: {program} is not installed");
    }
    found
}

fn is_file(dir: &Path, program: &str) -> bool {
    dir.join(program).is_file()
}
