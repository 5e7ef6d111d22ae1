//! Secrets of single characters: an alphabet, a length, and how many of each class there must be.
//! Every secret that meets the policy is equally likely.

use super::alphabet::{CLASSES, class, members, read, written};
use super::settings::{Settings, bounded};
use super::{LONGEST, SHORTEST};
use crate::error::{Error, Result};
use crate::model::Secret;
use rand::RngExt;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use std::fmt;
use zeroize::Zeroizing;

/// A policy for single characters that can be met.
#[derive(Clone, Debug, PartialEq)]
pub struct Characters {
    length: u16,
    /// Different printable ASCII characters, two at least, in order.
    alphabet: Vec<u8>,
    minimum: [u16; 4],
    /// For each class and each number of places: the logarithm of the ways to fill these places
    /// with characters of this class and of those behind it, divided by the places' factorial.
    ways: Vec<Vec<f64>>,
}

impl Characters {
    /// For passwords: letters, digits and punctuation, at least one of each.
    #[must_use]
    pub fn password() -> Self {
        Self::new(24, (0..CLASSES).flat_map(members).collect(), [1, 1, 1, 1])
    }

    /// For tokens: letters and digits, at least one of each.
    #[must_use]
    pub fn token() -> Self {
        Self::new(40, (0..CLASSES - 1).flat_map(members).collect(), [1, 1, 1, 0])
    }

    /// What `settings` say, and `own` where they say nothing.
    pub(super) fn wished(settings: &Settings, own: &Self) -> Result<Self> {
        let length = settings.length.or(Some(own.length.into()));
        let bounds = SHORTEST..=LONGEST;
        let length = bounded(length, bounds, "a made-up secret has", "characters")?;
        let stated = settings.minimums();
        let mut minimum = [0; CLASSES];
        for (at, (name, wished)) in stated.iter().enumerate() {
            let least = format!("`{name}` is");
            minimum[at] = bounded(wished.or(Some(0)), 0..=LONGEST, &least, "characters")?;
        }
        let mut alphabet = match &settings.alphabet {
            Some(text) => read(text)?,
            None => own.with_classes(minimum),
        };
        alphabet.retain(|byte| stated[class(*byte)].1 != Some(0));
        if settings.alphabet.is_none() && stated.iter().all(|(_, wished)| wished.is_none()) {
            minimum = own.minimum;
        }
        check(length, &alphabet, minimum, stated.map(|(name, _)| name))?;
        Ok(Self::new(length, alphabet, minimum))
    }

    /// The logarithm to base 2 of the number of secrets that meet the policy.
    pub(super) fn bits(&self) -> f64 {
        let length = usize::from(self.length);
        let factorial: f64 = logarithms(length).iter().sum();
        (self.ways[0][length] + factorial) / std::f64::consts::LN_2
    }

    /// One of them.
    pub(super) fn draw(&self) -> Secret {
        let mut rng = UnwrapErr(SysRng);
        let mut places = usize::from(self.length);
        let mut text = Zeroizing::new(Vec::with_capacity(places));
        for class in 0..CLASSES {
            let members = self.members(class);
            let count = self.count(class, places, rng.random());
            places -= count;
            text.extend((0..count).map(|_| members[rng.random_range(0..members.len())]));
        }
        for at in (1..text.len()).rev() {
            text.swap(at, rng.random_range(0..=at));
        }
        Secret::new(text)
    }

    fn new(length: u16, mut alphabet: Vec<u8>, minimum: [u16; CLASSES]) -> Self {
        alphabet.sort_unstable(); // the same policy looks the same, however it was written
        let mut new = Self { length, alphabet, minimum, ways: Vec::new() };
        new.ways = new.ways();
        new
    }

    /// The alphabet with whole classes added where characters of them are wished.
    fn with_classes(&self, minimum: [u16; CLASSES]) -> Vec<u8> {
        let wished = |class: &usize| minimum[*class] > 0 && self.members(*class).is_empty();
        let added = (0..CLASSES).filter(wished).flat_map(members);
        self.alphabet.iter().copied().chain(added).collect()
    }

    fn members(&self, wanted: usize) -> Vec<u8> {
        self.alphabet.iter().copied().filter(|byte| class(*byte) == wanted).collect()
    }

    /// How many of `places` are of `class`, chosen by `chance` in proportion to the secrets there
    /// are with so many.
    fn count(&self, class: usize, places: usize, chance: f64) -> usize {
        let (mut chance, mut last) = (chance, 0);
        for (count, ways) in self.terms(class, places) {
            let share = (ways - self.ways[class][places]).exp();
            if share > 0.0 {
                last = count;
                chance -= share;
            }
            if chance < 0.0 {
                break;
            }
        }
        last
    }

    fn ways(&self) -> Vec<Vec<f64>> {
        let places = usize::from(self.length) + 1;
        let mut nothing_left = vec![f64::NEG_INFINITY; places];
        nothing_left[0] = 0.0;
        let mut table = Self { ways: vec![nothing_left; CLASSES + 1], ..self.clone() };
        for class in (0..CLASSES).rev() {
            table.ways[class] = (0..places).map(|places| table.sum(class, places)).collect();
        }
        table.ways
    }

    /// The logarithm of the sum of all terms.
    fn sum(&self, class: usize, places: usize) -> f64 {
        let terms: Vec<_> = self.terms(class, places).map(|(_, ways)| ways).collect();
        let most = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        match most.is_finite() {
            true => most + terms.iter().map(|ways| (ways - most).exp()).sum::<f64>().ln(),
            false => most,
        }
    }

    /// For each count of `class` in `places`: the logarithm of the ways to fill them.
    fn terms(&self, class: usize, places: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let size = logarithm(self.members(class).len());
        let least = usize::from(self.minimum[class]);
        let mut factorial = 0.0;
        (0..=places).filter_map(move |count| {
            factorial += if count > 0 { logarithm(count) } else { 0.0 };
            let own = if count > 0 { size * exact(count) } else { 0.0 };
            let ways = own - factorial + self.ways[class + 1][places - count];
            (count >= least).then_some((count, ways))
        })
    }
}

/// Shows the length, the minimums and the alphabet: all it takes to make the same policy again.
impl fmt::Display for Characters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "length={}", self.length)?;
        for (name, least) in ["lower", "upper", "digits", "symbols"].iter().zip(self.minimum) {
            if least > 0 {
                write!(f, ",{name}={least}")?;
            }
        }
        write!(f, ",alphabet={}", written(&self.alphabet))
    }
}

fn check(
    length: u16,
    alphabet: &[u8],
    minimum: [u16; CLASSES],
    names: [&str; CLASSES],
) -> Result<()> {
    if alphabet.len() < 2 {
        return Err(Error::usage("an alphabet has at least 2 different characters")
            .hint("alphabet=a-zA-Z0-9"));
    }
    for (at, name) in names.iter().enumerate() {
        let none = !alphabet.iter().any(|byte| class(*byte) == at);
        if minimum[at] > 0 && none {
            let why = format!("`{name}` is {}, and the alphabet has none of them", minimum[at]);
            return Err(Error::usage(why).hint("add them to the alphabet"));
        }
    }
    let sum: u32 = minimum.iter().map(|least| u32::from(*least)).sum();
    if sum > length.into() {
        let why = format!("the minimums add up to {sum}, and the length is {length}");
        return Err(Error::usage(why).hint(format!("length={sum}, or ask for less")));
    }
    Ok(())
}

/// The logarithms of 1 to `most`.
fn logarithms(most: usize) -> Vec<f64> {
    (1..=most).map(logarithm).collect()
}

fn logarithm(number: usize) -> f64 {
    exact(number).ln()
}

/// A number that is at most [`LONGEST`], so none is lost.
fn exact(number: usize) -> f64 {
    u16::try_from(number).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn wished(text: &str) -> Result<Characters> {
        Characters::wished(&text.parse()?, &Characters::password())
    }

    fn bits(text: &str) -> f64 {
        wished(text).unwrap().bits()
    }

    fn near(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-9
    }

    #[test]
    fn bits_count_the_secrets_that_meet_the_policy() {
        assert!(near(bits("length=8,alphabet=ab"), 8.0));
        assert!(near(bits("length=10,alphabet=0-9"), 10.0 * 10_f64.log2()));
        // 2^8 less the two that are all the same
        assert!(near(bits("length=8,lower=1,digits=1,alphabet=a0"), 254_f64.log2()));
        // one capital in one of eight places
        assert!(near(bits("length=8,lower=7,upper=1,alphabet=abA"), (8.0 * 128.0_f64).log2()));
        assert!(near(bits("length=8,digits=8"), 8.0 * 10_f64.log2()));
        let all = 73_f64.log2() * 24.0;
        assert!(bits("24") < all && bits("24") > all - 0.1);
        assert!(bits("1024").is_finite());
    }

    #[test]
    fn what_is_drawn_meets_the_policy() {
        for text in ["8", "1024", "length=8,digits=8", "length=20,upper=17,symbols=3", "9,upper=0"]
        {
            let policy = wished(text).unwrap();
            for _ in 0..20 {
                let secret = policy.draw();
                assert_eq!(secret.len(), usize::from(policy.length), "{text}");
                for at in 0..CLASSES {
                    let count = secret.expose().iter().filter(|b| class(**b) == at).count();
                    assert!(count >= usize::from(policy.minimum[at]), "{text}");
                }
                assert!(secret.expose().iter().all(|byte| policy.alphabet.contains(byte)));
            }
        }
    }

    /// All 254 texts of eight letters a or 0 with both in them come up about as often.
    #[test]
    fn every_secret_is_equally_likely() {
        let policy = wished("length=8,lower=1,digits=1,alphabet=a0").unwrap();
        let mut seen: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
        for _ in 0..25_400 {
            *seen.entry(policy.draw().expose().to_vec()).or_default() += 1;
        }
        assert_eq!(seen.len(), 254);
        // 100 each on average; 40 is four standard deviations, and 60 is six
        assert!(seen.values().all(|count| (40..=160).contains(count)), "{seen:?}");
    }

    #[test]
    fn a_class_is_left_out_or_brought_in() {
        let has = |text: &str, at: usize| !wished(text).unwrap().members(at).is_empty();
        assert!(has("20", 3) && !has("20,symbols=0", 3));
        let token = |text: &str| {
            Characters::wished(&text.parse().unwrap(), &Characters::token()).unwrap().members(3)
        };
        assert!(token("20").is_empty());
        assert_eq!(token("20,symbols=1").len(), members(3).len());
        assert!(!has("length=20,digits=0,alphabet=a-z0-9", 2));
    }

    #[test]
    fn what_cannot_be_met_says_why() {
        for (text, why) in [
            ("length=8,digits=9", "the minimums add up to 9, and the length is 8"),
            ("length=8,upper=5,digits=5", "the minimums add up to 10, and the length is 8"),
            ("digits=1025", "`digits` is 0 to 1024 characters"),
            ("upper=-1", "`upper` is 0 to 1024 characters"),
            ("alphabet=a", "an alphabet has at least 2 different characters"),
            ("alphabet=aaaa", "an alphabet has at least 2 different characters"),
            ("alphabet=", "an alphabet has at least 2 different characters"),
            (
                "lower=0,upper=0,digits=0,symbols=0",
                "an alphabet has at least 2 different characters",
            ),
            ("digits=2,alphabet=a-z", "`digits` is 2, and the alphabet has none of them"),
            ("alphabet=z-a", "a range is of small letters, capitals or digits, upwards"),
            ("alphabet=A-z", "a range is of small letters, capitals or digits, upwards"),
            (
                "alphabet=ab c",
                "an alphabet is of ASCII letters, digits and punctuation, without white space",
            ),
            (
                "alphabet=abü",
                "an alphabet is of ASCII letters, digits and punctuation, without white space",
            ),
        ] {
            assert_eq!(wished(text).unwrap_err().message(), why, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_makes_the_same_policy(
            length in 8..60_u16, minimum: [bool; 4], alphabet in "[!-~]{2,40}",
        ) {
            let names = ["lower=2,", "upper=2,", "digits=2,", "symbols=2,"].iter().zip(minimum);
            let least: String =
                names.filter(|(_, there)| *there).map(|(least, _)| *least).collect();
            if let Ok(policy) = wished(&format!("length={length},{least}alphabet={alphabet}")) {
                let again = wished(&policy.to_string()).unwrap();
                prop_assert_eq!(again.to_string(), policy.to_string());
                prop_assert!(near(again.bits(), policy.bits()));
            }
        }
    }
}
