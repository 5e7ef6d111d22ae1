//! Values as documents for other programs. Knows neither vaults nor the command line.
//!
//! Invariant: whoever reads a document as its format says gets back every value, byte for byte, and never
//! takes one for a command. What a format cannot hold is refused.

mod dotenv;
mod gha;
mod kubernetes;
mod lines;
pub mod quote;

use zeroize::Zeroizing;

/// A value under the name of an environment variable.
pub struct Pair<'a> {
    /// Letters, digits and `_`, not beginning with a digit.
    pub name: &'a str,
    /// Any bytes.
    pub value: &'a [u8],
    /// Whether it is one to be kept from being seen.
    pub is_secret: bool,
}

/// Why a pair cannot be written: its number, from 0, and what follows "the value …" or "the name …".
#[derive(Debug, Eq, PartialEq)]
pub struct Wrong {
    /// Which of the pairs.
    pub at: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

/// The text of a document.
pub type Document = Zeroizing<Vec<u8>>;

/// A format.
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    write: fn(&[Pair<'_>], Title<'_>) -> Result<Document, Wrong>,
}

/// How a document is called, in formats in which it has a name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Title<'a> {
    /// Its name.
    pub name: &'a str,
    /// A word that nobody can guess and that is in no value.
    pub mark: &'a str,
}

/// All of them, in the order of the manual.
pub const FORMATS: &[Format] = &[
    Format {
        name: "dotenv",
        about: "NAME='value', as .env files have it",
        write: dotenv::document,
    },
    Format {
        name: "shell",
        about: "export NAME='value', for eval in sh, dash, bash and zsh",
        write: lines::shell,
    },
    Format { name: "fish", about: "set -gx NAME 'value', for source in fish", write: lines::fish },
    Format { name: "json", about: "one object", write: lines::json },
    Format { name: "yaml", about: "one mapping", write: lines::yaml },
    Format {
        name: "docker",
        about: "NAME=value without quotes, for docker run --env-file",
        write: lines::docker,
    },
    Format {
        name: "gha",
        about: "for $GITHUB_ENV; the commands that mask the values go to standard output",
        write: gha::document,
    },
    Format {
        name: "tfvars",
        about: "name = \"value\" in small letters, for Terraform",
        write: lines::tfvars,
    },
    Format {
        name: "k8s-secret",
        about: "a manifest of a Secret of Kubernetes",
        write: kubernetes::document,
    },
];

pub use gha::masks;
pub use kubernetes::is_name as is_kubernetes_name;

impl Format {
    /// The one called `name`.
    #[must_use]
    pub fn called(name: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|format| format.name == name)
    }

    /// The document with all pairs, in their order.
    ///
    /// # Errors
    /// The first pair that it cannot hold.
    pub fn document(&self, pairs: &[Pair<'_>], title: Title<'_>) -> Result<Document, Wrong> {
        let wrong = pairs.iter().position(|pair| !is_variable(pair.name));
        match wrong {
            Some(at) => Err(Wrong { at, why: "has a name that is none of a variable" }),
            None => (self.write)(pairs, title),
        }
    }
}

/// Writes each pair with `one`, after what is there already.
fn each(
    head: &str,
    pairs: &[Pair<'_>],
    mut one: impl FnMut(&Pair<'_>, &mut Vec<u8>) -> Result<(), &'static str>,
) -> Result<Document, Wrong> {
    // rather too much than to copy it while it grows
    let size = pairs.iter().map(|pair| pair.name.len() + pair.value.len() * 2 + 80).sum::<usize>();
    let mut out = Zeroizing::new(Vec::with_capacity(size + head.len()));
    out.extend_from_slice(head.as_bytes());
    for (at, pair) in pairs.iter().enumerate() {
        one(pair, &mut out).map_err(|why| Wrong { at, why })?;
    }
    Ok(out)
}

/// Whether a shell, and everybody else, takes it for the name of a variable.
fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Why a value has no place in a format of lines.
const LINES: &str = "has more than one line";
/// Why a value has no place where readers change the ends of lines.
const RETURNS: &str = "has a carriage return";
