//! How hard a value is to guess. What people choose is judged by the tricks of those who guess;
//! nothing here quotes or keeps the value.

use std::fmt;
use zeroize::Zeroizing;

/// How hard something is to guess.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strength {
    /// The logarithm of the guesses it takes, to base 2.
    pub bits: f64,
    /// 0 to 4; for what people choose the one of zxcvbn.
    pub score: u8,
    /// The word for the bits, from "very weak" to "very strong": one scale, however a value came.
    pub word: &'static str,
}

/// How hard `value` is to guess, whoever chose it. Only its beginning is looked at, so a long value
/// is at least as strong as this says, and takes no longer. No estimate goes beyond 64 bits.
#[must_use]
pub fn strength(value: &[u8]) -> Strength {
    let text = beginning(value);
    if text.is_empty() {
        return Strength::scored(0.0, 0);
    }
    let guessed = zxcvbn::zxcvbn(&text, &["vault"]);
    Strength::scored(guessed.guesses_log10() * std::f64::consts::LOG2_10, u8::from(guessed.score()))
}

/// Why `value` is weak, if there is more to say than that: a sentence out of a fixed list, which
/// quotes nothing.
#[must_use]
pub fn advice(value: &[u8]) -> Option<String> {
    let guessed = zxcvbn::zxcvbn(&beginning(value), &["vault"]);
    let warning = guessed.feedback().and_then(zxcvbn::feedback::Feedback::warning);
    warning.map(|why| why.to_string())
}

/// Whether people choose the value of a field of this name themselves: `db_password`, not `api_key`.
#[must_use]
pub fn is_chosen(field: &str) -> bool {
    let last = field.rsplit('_').next().unwrap_or(field);
    ["password", "passphrase", "passwd", "pass", "pin", "secret"].contains(&last)
}

impl Strength {
    /// That of a value drawn by chance alone: nothing about it is easier than trying all of them.
    #[must_use]
    pub fn of_chance(bits: f64) -> Self {
        Self::scored(bits, step(bits))
    }

    /// The bits without a fraction.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "a number of bits fits")]
    pub fn whole_bits(self) -> i64 {
        self.bits.floor() as i64
    }

    /// Whether it would be guessed before long.
    #[must_use]
    pub fn is_weak(self) -> bool {
        self.score < 3
    }

    fn scored(bits: f64, score: u8) -> Self {
        Self { bits, score, word: WORDS[usize::from(step(bits))] }
    }
}

/// On which step of [`WORDS`] so many bits stand.
fn step(bits: f64) -> u8 {
    STEPS.iter().zip(1..).take_while(|(step, _)| bits >= **step).last().map_or(0, |(_, n)| n)
}

/// Shows the bits and the word: `95 bits: very strong`.
impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bits: {}", self.whole_bits(), self.word)
    }
}

/// The first characters. Bytes that are no text count as one character each.
fn beginning(value: &[u8]) -> Zeroizing<String> {
    // a character has at most four bytes
    let mut text = Zeroizing::new(String::with_capacity(4 * LOOKED_AT));
    match std::str::from_utf8(value) {
        Ok(whole) => text.extend(whole.chars().take(LOOKED_AT)),
        Err(_) => text.extend(value.iter().take(LOOKED_AT).map(|byte| char::from(*byte))),
    }
    text
}

/// From how many bits on the next word counts. What has fewer than the second is weak (`is_weak`:
/// zxcvbn draws that line at 10^8 guesses).
const STEPS: [f64; 4] = [20.0, 26.575, 40.0, 60.0];
const WORDS: [&str; 5] = ["very weak", "weak", "fair", "strong", "very strong"];

/// How many characters are looked at: the time it takes grows with the square of their number.
const LOOKED_AT: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    #[test]
    fn what_people_choose_is_told_from_what_is_random() {
        for (value, word) in [
            ("", "very weak"),
            ("a", "very weak"),
            ("password", "very weak"),
            ("vault", "very weak"),
            ("hunter2", "very weak"),
            ("hunter2hunter2", "very weak"),
            ("gravel ostrich penknife lullaby", "very strong"),
            ("k3Xq-9vTz~Lw2bRf", "strong"),
        ] {
            let found = strength(value.as_bytes());
            assert_eq!(found.word, word, "{value}: {found:?}");
            assert_eq!(found.is_weak(), word.ends_with("weak"), "{value}");
        }
    }

    #[test]
    fn passwords_are_chosen_and_keys_are_made() {
        for chosen in ["password", "passphrase", "pin", "db_password", "sudo_pass", "secret"] {
            assert!(is_chosen(chosen), "{chosen}");
        }
        for made in ["api_key", "token", "private_key", "totp", "notes", "password_hash"] {
            assert!(!is_chosen(made), "{made}");
        }
    }

    #[test]
    fn bits_are_the_logarithm_of_the_guesses() {
        assert!(strength(b"").bits.abs() < f64::EPSILON);
        let (one, more) = (strength(b"hunter2").bits, strength(b"k3Xq-9vTz").bits);
        assert!(one > 5.0 && one < more && more < 64.0, "{one} {more}");
        let most = strength(&b"k3Xq-9vTz~Lw2bRf".repeat(8)).bits;
        assert!(most > more && most <= 64.0, "{most}");
    }

    #[test]
    fn keys_and_bytes_are_strong() {
        let noise: Vec<u8> = (0..64_u8).map(|i| i.wrapping_mul(167).wrapping_add(131)).collect();
        assert!(std::str::from_utf8(&noise).is_err() && !strength(&noise).is_weak());
        assert!(
            !strength("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\n".as_bytes()).is_weak()
        );
        assert!(strength(&[0xff; 64]).is_weak() && strength(&[b'a'; 5000]).is_weak());
    }

    #[test]
    fn long_values_take_no_longer() {
        let long = b"correct horse ".repeat(1 << 16);
        let since = Instant::now();
        let found = strength(&long);
        assert!(since.elapsed() < Duration::from_mins(1), "{found:?}");
    }

    #[test]
    fn advice_quotes_nothing() {
        assert!(advice(b"password1").is_some_and(|why| !why.contains("password1")));
        assert_eq!(advice(b"k3Xq-9vTz~Lw2bRf"), None);
    }

    proptest! {
        #[test]
        fn any_value_is_survived(
            value: Vec<u8>, words in "((password|love|1234|a|qwerty|2001)[a-z0-9]?){0,40}",
        ) {
            for value in [&value[..], words.as_bytes()] {
                let found = strength(value);
                prop_assert!((0.0..=64.0).contains(&found.bits) && found.score <= 4, "{found:?}");
            }
        }
    }
}
