//! Which fields hold what people choose, and others may therefore guess.

/// Whether the secret field `field` holds something a person is likely to have made up: a password by
/// whatever name, not a key or token that a machine made.
#[must_use]
pub fn is_chosen(field: &str) -> bool {
    let last = field.rsplit('_').next().unwrap_or(field);
    ["password", "passphrase", "passwd", "pass", "pin"].contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_chosen_and_keys_are_made() {
        for chosen in ["password", "passphrase", "pin", "db_password", "sudo_pass"] {
            assert!(is_chosen(chosen), "{chosen}");
        }
        for made in ["api_key", "token", "private_key", "totp", "notes", "secret", "password_hash"]
        {
            assert!(!is_chosen(made), "{made}");
        }
    }
}
