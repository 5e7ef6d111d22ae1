//! One-time codes (RFC 6238) from their seed: base32 as services show it, or an `otpauth://` address
//! as their pictures hold it.

use super::dsn::percent_decode;
use super::{Field, checks};
use crate::model::{Secret, Timestamp};
use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

pub(super) const FIELD: Field =
    Field::secret("totp", "Seed of the one-time codes, base32 or otpauth://")
        .service("set up the second factor{at} anew")
        .example("JBSWY3DPEHPK3PXP")
        .check(checks::totp)
        .optional();

/// What codes are made from.
pub struct Totp {
    key: Zeroizing<Vec<u8>>,
    algorithm: Algorithm,
    digits: u32,
    period: i64,
}

/// A code, and what is known of it.
pub struct Code {
    /// The digits, leading zeros among them.
    pub value: Secret,
    /// How long it is good for, in seconds: 1 to `period`.
    pub seconds_left: i64,
    /// How long any code is good for.
    pub period: i64,
    /// How many digits it has.
    pub digits: u32,
    /// `SHA1`, `SHA256` or `SHA512`.
    pub algorithm: &'static str,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Algorithm {
    Sha1,
    Sha256,
    Sha512,
}

/// What is wrong with a seed: a predicate that never quotes it.
type Wrong = &'static str;

impl Totp {
    /// Reads a seed.
    ///
    /// # Errors
    /// What is wrong with it, as a predicate: "is neither base32 nor …".
    pub fn parse(seed: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(seed).map_err(|_| NO_SEED)?.trim();
        match scheme(text) {
            Some(rest) => Self::from_address(rest),
            None => Ok(Self { key: base32(text)?, ..Self::plain() }),
        }
    }

    /// The code of the moment `at`.
    #[must_use]
    pub fn code(&self, at: Timestamp) -> Code {
        let seconds = at.0.div_euclid(1000).max(0);
        let step = seconds / self.period;
        let mac = self.algorithm.mac(&self.key, &step.to_be_bytes());
        let number = truncated(&mac) % 10_u32.pow(self.digits);
        let width = usize::try_from(self.digits).unwrap_or_default();
        let text = Zeroizing::new(format!("{number:0width$}"));
        Code {
            value: Secret::from_bytes(text.as_bytes()),
            seconds_left: self.period - seconds % self.period,
            period: self.period,
            digits: self.digits,
            algorithm: self.algorithm.name(),
        }
    }

    /// Whether the key is shorter than any that services hand out: most likely not all of it.
    pub(super) fn is_short(&self) -> bool {
        self.key.len() < 10
    }

    fn plain() -> Self {
        Self { key: Zeroizing::default(), algorithm: Algorithm::Sha1, digits: 6, period: 30 }
    }

    /// Reads `totp/LABEL?secret=…`; the label and who issued it do not matter here.
    fn from_address(rest: &str) -> Result<Self, Wrong> {
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        match path.split('/').next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "totp" => {}
            "hotp" => return Err(COUNTED),
            _ => return Err("is an `otpauth://` address of an unknown sort"),
        }
        let mut totp = Self::plain();
        let mut seen = Vec::new();
        for pair in query.split('#').next().unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = name.to_ascii_lowercase();
            let value = percent_decode(value).ok_or("is no proper address")?;
            totp.take(&name, &value)?;
            if seen.contains(&name) {
                return Err("says something twice");
            }
            seen.push(name);
        }
        match totp.key.is_empty() {
            true => Err("has no `secret=` in its address"),
            false => Ok(totp),
        }
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), Wrong> {
        match name {
            "secret" => self.key = base32(value)?,
            "algorithm" => self.algorithm = Algorithm::find(value)?,
            "digits" => {
                self.digits = number(value, 6, 8).ok_or("asks for other than 6 to 8 digits")?;
            }
            "period" => {
                let seconds = number(value, 1, 300).ok_or("has no period of 1 to 300 seconds")?;
                self.period = seconds.into();
            }
            // letters instead of digits, by rules of its own
            "encoder" => return Err("is for codes of another sort (`encoder`)"),
            _ => {}
        }
        Ok(())
    }
}

impl Algorithm {
    fn find(text: &str) -> Result<Self, Wrong> {
        let name = text.to_ascii_uppercase().replace('-', "");
        match name.strip_prefix("HMAC").unwrap_or(&name) {
            "SHA1" => Ok(Self::Sha1),
            "SHA256" => Ok(Self::Sha256),
            "SHA512" => Ok(Self::Sha512),
            _ => Err("asks for an algorithm other than SHA1, SHA256 and SHA512"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
        }
    }

    fn mac(self, key: &[u8], message: &[u8]) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Sha1 => mac::<Hmac<Sha1>>(key, message),
            Self::Sha256 => mac::<Hmac<Sha256>>(key, message),
            Self::Sha512 => mac::<Hmac<Sha512>>(key, message),
        }
    }
}

/// Whether a seed is for codes that count and do not go by the clock (HOTP, RFC 4226). Each of those
/// is good once, so whoever makes one must store that; this program does not.
#[must_use]
pub fn is_counted(seed: &[u8]) -> bool {
    Totp::parse(seed).err() == Some(COUNTED)
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104)")]
fn mac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    Zeroizing::new(mac.finalize().into_bytes().to_vec())
}

/// The 31 bits at the place that the last half byte names (RFC 4226, 5.3).
fn truncated(mac: &[u8]) -> u32 {
    let at = usize::from(mac.last().copied().unwrap_or_default() & 0x0f);
    let four = mac.get(at..at + 4).and_then(|four| four.try_into().ok()).unwrap_or_default();
    u32::from_be_bytes(four) & 0x7fff_ffff
}

/// What follows `otpauth://`.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    scheme.eq_ignore_ascii_case("otpauth").then_some(rest)
}

/// As services show it: in groups, in small letters, without its padding; and, as some make it up
/// letter by letter, with bits left over.
fn base32(text: &str) -> Result<Zeroizing<Vec<u8>>, Wrong> {
    let mut lenient = BASE32_NOPAD.specification();
    lenient.check_trailing_bits = false;
    lenient.ignore.push_str(" -=");
    lenient.translate.from.push_str("abcdefghijklmnopqrstuvwxyz");
    lenient.translate.to.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    let decoded = lenient.encoding().ok().and_then(|code| code.decode(text.as_bytes()).ok());
    decoded.map(Zeroizing::new).filter(|key| !key.is_empty()).ok_or(NO_SEED)
}

fn number(text: &str, least: u32, most: u32) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && (least..=most).contains(number))
}

const NO_SEED: Wrong = "is neither base32 nor an `otpauth://` address";
const COUNTED: Wrong = "is for codes that are counted (HOTP), not for those that go by the clock";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The seeds of RFC 6238, appendix B: the ASCII digits, as long as the hash.
    fn seed(algorithm: &str) -> String {
        let length = [("SHA1", 20), ("SHA256", 32), ("SHA512", 64)];
        let length = length.iter().find(|row| row.0 == algorithm).unwrap().1;
        let digits: Vec<u8> = b"1234567890".iter().copied().cycle().take(length).collect();
        data_encoding::BASE32.encode(&digits)
    }

    fn code(seed: &str, seconds: i64) -> String {
        let code = Totp::parse(seed.as_bytes()).unwrap().code(Timestamp(seconds * 1000));
        String::from_utf8(code.value.expose().to_vec()).unwrap()
    }

    fn wrong(seed: &str) -> &'static str {
        Totp::parse(seed.as_bytes()).err().unwrap_or_default()
    }

    #[test]
    fn the_vectors_of_the_rfc() {
        let rows = [
            (59, "94287082", "46119246", "90693936"),
            (1_111_111_109, "07081804", "68084774", "25091201"),
            (1_111_111_111, "14050471", "67062674", "99943326"),
            (1_234_567_890, "89005924", "91819424", "93441116"),
            (2_000_000_000, "69279037", "90698825", "38618901"),
            (20_000_000_000, "65353130", "77737706", "47863826"),
        ];
        for (seconds, sha1, sha256, sha512) in rows {
            for (algorithm, expected) in [("SHA1", sha1), ("SHA256", sha256), ("SHA512", sha512)] {
                let seed = seed(algorithm);
                let address = |digits| {
                    format!("otpauth://totp/x?secret={seed}&algorithm={algorithm}&digits={digits}")
                };
                assert_eq!(code(&address(8), seconds), expected);
                assert_eq!(code(&address(7), seconds), expected[1..]);
                assert_eq!(code(&address(6), seconds), expected[2..]);
            }
            assert_eq!(code(&seed("SHA1"), seconds), sha1[2..]);
        }
    }

    #[test]
    fn seeds_as_people_have_them() {
        let plain = code("JBSWY3DPEHPK3PXP", 59);
        for spelling in [
            "jbsw y3dp ehpk 3pxp",
            "JBSW-Y3DP-EHPK-3PXP\n",
            " JBSWY3DPEHPK3PXP======",
            "otpauth://totp/Example:alice@example.com?secret=JBSWY3DPEHPK3PXP&issuer=Example",
            "OTPAUTH://TOTP/x?secret=jbswy3dpehpk3pxp%3D%3D&algorithm=HmacSHA1&image=a%20b",
            "otpauth://totp?digits=6&period=30&secret=JBSWY3DPEHPK3PXP#end",
        ] {
            assert_eq!(code(spelling, 59), plain, "{spelling}");
        }
        // 26 letters drawn at random leave bits over
        assert_eq!(code("JBSWY3DPEHPK3PXPJBSWY3DPE7", 59).len(), 6);
        let slow = "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP&period=300";
        assert_eq!(code(slow, 0), code(slow, 299));
        assert_ne!(code(slow, 299), code(slow, 300));
        assert_eq!(code(slow, 300), code("JBSWY3DPEHPK3PXP", 30));
    }

    #[test]
    fn how_long_it_is_good_for() {
        let totp = Totp::parse(b"JBSWY3DPEHPK3PXP").unwrap();
        let left = |ms| totp.code(Timestamp(ms)).seconds_left;
        assert_eq!(
            (left(0), left(999), left(1_000), left(29_999), left(30_000)),
            (30, 30, 29, 1, 30)
        );
        let every = Totp::parse(b"otpauth://totp/x?secret=GE&period=1&digits=8").unwrap();
        let code = every.code(Timestamp(5_500));
        assert_eq!(
            (code.seconds_left, code.period, code.digits, code.algorithm),
            (1, 1, 8, "SHA1")
        );
        // a clock before 1970 counts as 1970, as everywhere
        assert_eq!(totp.code(Timestamp(-1)).value.expose(), totp.code(Timestamp(0)).value.expose());
    }

    #[test]
    fn what_is_no_seed_is_said_so() {
        for seed in
            ["", " ", "not base 32!", "JBSWY3DP1", "J", "JBS", "otpauth:", "https://x?secret=GE"]
        {
            assert_eq!(wrong(seed), NO_SEED, "{seed}");
        }
        assert_eq!(Totp::parse(b"\xff\xfe").err(), Some(NO_SEED));
        for (query, expected) in [
            ("", "has no `secret=` in its address"),
            ("secret=", NO_SEED),
            ("secret=1", NO_SEED),
            ("secret=GE&secret=GE", "says something twice"),
            ("secret=GE&digits=5", "asks for other than 6 to 8 digits"),
            ("secret=GE&digits=9", "asks for other than 6 to 8 digits"),
            ("secret=GE&digits=+6", "asks for other than 6 to 8 digits"),
            ("secret=GE&period=0", "has no period of 1 to 300 seconds"),
            ("secret=GE&period=301", "has no period of 1 to 300 seconds"),
            ("secret=GE&period=-30", "has no period of 1 to 300 seconds"),
            ("secret=GE&algorithm=MD5", "asks for an algorithm other than SHA1, SHA256 and SHA512"),
            ("secret=GE&encoder=steam", "is for codes of another sort (`encoder`)"),
            ("secret=%G1", "is no proper address"),
        ] {
            assert_eq!(wrong(&format!("otpauth://totp/x?{query}")), expected, "{query}");
        }
        assert_eq!(
            wrong("otpauth://yotp/x?secret=GE"),
            "is an `otpauth://` address of an unknown sort"
        );
        assert!(is_counted(b"otpauth://hotp/x?secret=JBSWY3DPEHPK3PXP&counter=1"));
        assert!(!is_counted(b"otpauth://totp/x?secret=JBSWY3DPEHPK3PXP") && !is_counted(b"hotp"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(seed: Vec<u8>, text: String, at: i64) {
            for seed in [&seed[..], text.as_bytes(), format!("otpauth://totp/?{text}").as_bytes()] {
                if let Ok(totp) = Totp::parse(seed) {
                    let code = totp.code(Timestamp(at));
                    prop_assert!(code.value.expose().iter().all(u8::is_ascii_digit));
                    prop_assert!((1..=code.period).contains(&code.seconds_left));
                }
            }
        }
    }
}
