//! `vault generate`.

use super::context::Context;
use super::render::Format;
use super::report::{Cell, Column, Report, Sink};
use super::{complete, config};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::generate::{Characters, Made, Policy, Settings, Wish};
use crate::model::Secret;
use clap_complete::engine::ArgValueCompleter;
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Make up passwords, passphrases, PINs, keys; without a vault
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault generate
  vault generate --length 32 --symbols 0
  vault generate --words 6 --separator ' '
  vault generate --pin 8 --count 5
  vault generate --ssh ed25519 --public-key web1.pub > web1.key
  vault generate --policy office

Nothing is kept and nothing is logged. To keep what is made: `vault cred add NAME --generate`.")]
pub struct Args {
    /// Follow a policy, as `cred add --generate=POLICY` takes it, or by its name in the configuration
    /// file
    #[arg(long, conflicts_with = "Shape", add = ArgValueCompleter::new(complete::policies))]
    policy: Option<Wish>,

    /// Make so many: 1 to 1000
    #[arg(long, value_name = "N", default_value = "1",
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    count: u16,

    /// Write the public key of a pair into this new file
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    public_key: Option<PathBuf>,

    #[command(flatten)]
    shape: Shape,
}

/// What it is made of.
#[derive(clap::Args)]
#[command(next_help_heading = "What it is made of")]
struct Shape {
    /// Make it of so many characters [default: 24]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    length: Option<i64>,
    /// Take only these characters; `a-z` is a range, a hyphen itself comes first
    #[arg(long, value_name = "CHARS", allow_hyphen_values = true)]
    alphabet: Option<String>,
    /// Take at least so many small letters; 0 for none at all
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    lower: Option<i64>,
    /// Take at least so many capitals; 0 for none at all
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    upper: Option<i64>,
    /// Take at least so many digits; 0 for none at all
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    digits: Option<i64>,
    /// Take at least so much punctuation; 0 for none at all
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    symbols: Option<i64>,
    /// Make a passphrase of so many words
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    words: Option<i64>,
    /// Put this between the words [default: -]
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    separator: Option<String>,
    // Has the id of the global option and so takes its place here: text, as that is.
    /// Make a PIN of so many digits [default: 6]
    #[arg(id = "pin", long = "pin", value_name = "N", num_args = 0..=1,
          default_missing_value = "6", allow_negative_numbers = true, value_parser = number)]
    pin: Option<String>,
    /// Make so many random bytes, written in hex [default: 32]
    #[arg(long, value_name = "BYTES", num_args = 0..=1, default_missing_value = "32",
          allow_negative_numbers = true)]
    hex: Option<i64>,
    /// Make so many random bytes, written in base64 [default: 32]
    #[arg(long, value_name = "BYTES", num_args = 0..=1, default_missing_value = "32",
          allow_negative_numbers = true)]
    base64: Option<i64>,
    /// Make a random UUID
    #[arg(long)]
    uuid: bool,
    /// Make an SSH key pair: ed25519, rsa, rsa-2048, rsa-3072 or rsa-4096
    #[arg(long, value_name = "SORT", value_parser = key_pair)]
    ssh: Option<Settings>,
}

/// Makes them.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let settings = match &args.policy {
        Some(wish) => config::policy(wish, cx)?,
        None => args.shape.settings(),
    };
    let policy = settings.policy(&Characters::password())?;
    check(&args, &policy)?;
    let mut made = policy.make()?;
    if let Some(path) = &args.public_key {
        let line = format!("{}\n", made.public_key.as_deref().unwrap_or_default());
        publish(path, &line).map_err(|e| taken_or_io(path, &e))?;
    }
    if cx.format() == Format::Json {
        return Ok(match args.count {
            1 => one(made, policy),
            more => several(more, policy),
        });
    }
    if cx.world.stdout_is_terminal {
        cx.note_later(policy.strength().to_string());
    }
    if let (Some(line), None) = (made.public_key.take(), &args.public_key) {
        cx.note_later(format!("the public key: {line}"));
    }
    match args.count {
        1 => Ok(Report::Value(made.secret)),
        more => lines(made.secret, more, &policy).map(Report::Value),
    }
}

impl Shape {
    fn settings(&self) -> Settings {
        let pair = self.ssh.clone().unwrap_or_default();
        Settings {
            length: self.length,
            alphabet: self.alphabet.clone(),
            lower: self.lower,
            upper: self.upper,
            digits: self.digits,
            symbols: self.symbols,
            words: self.words,
            separator: self.separator.clone(),
            pin: self.pin.as_ref().and_then(|digits| digits.parse().ok()),
            hex: self.hex,
            base64: self.base64,
            uuid: self.uuid,
            ed25519: pair.ed25519,
            rsa: pair.rsa,
        }
    }
}

/// A number, as text.
fn number(text: &str) -> Result<String> {
    let number = text.parse::<i64>().map_err(|_| Error::usage("it takes a number"))?;
    Ok(number.to_string())
}

fn check(args: &Args, policy: &Policy) -> Result<()> {
    if args.public_key.is_some() && !policy.is_key_pair() {
        return Err(Error::usage("`--public-key` is for key pairs").hint("add `--ssh ed25519`"));
    }
    match args.count > 1 && policy.is_key_pair() {
        true => Err(Error::usage("one key pair at a time").hint("leave out `--count`")),
        false => Ok(()),
    }
}

fn one(made: Made, policy: Policy) -> Report {
    let strength = policy.strength();
    Report::Item(vec![
        ("value", Cell::Secret(made.secret)),
        ("public_key", made.public_key.map_or(Cell::None, Cell::owned)),
        ("policy", Cell::owned(policy.to_string())),
        ("bits", Cell::Int(strength.whole_bits())),
        ("strength", Cell::owned(strength.word)),
    ])
}

fn several(count: u16, policy: Policy) -> Report {
    const COLUMNS: &[Column] = &[
        Column { name: "value" },
        Column { name: "policy" },
        Column { name: "bits" },
        Column { name: "strength" },
    ];
    let (shown, strength) = (policy.to_string(), policy.strength());
    let rows = move |sink: &mut Sink<'_>| {
        (0..count).try_for_each(|_| {
            sink(&[
                Cell::Secret(policy.make()?.secret),
                Cell::text(Some(&shown)),
                Cell::Int(strength.whole_bits()),
                Cell::text(Some(strength.word)),
            ])
        })
    };
    Report::Table { columns: COLUMNS.into(), rows: Box::new(rows), empty: "" }
}

/// One secret a line, the first one first.
fn lines(first: Secret, count: u16, policy: &Policy) -> Result<Secret> {
    let mut text = Zeroizing::new(Vec::with_capacity(usize::from(count) * (first.len() + 1)));
    text.extend_from_slice(first.expose());
    for _ in 1..count {
        text.push(b'\n');
        // growing is safe: the allocator wipes the smaller buffer
        text.extend_from_slice(policy.make()?.secret.expose());
    }
    text.push(b'\n');
    Ok(Secret::new(text))
}

/// Writes a file that was not there, and that everybody may read.
fn publish(path: &Path, line: &str) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o644).custom_flags(libc::O_NOFOLLOW);
    let mut file = options.open(path)?;
    file.write_all(line.as_bytes())?;
    // the program's own mask keeps others out
    file.set_permissions(Permissions::from_mode(0o644))
}

fn taken_or_io(path: &Path, cause: &io::Error) -> Error {
    let shown = path.display();
    match cause.kind() {
        io::ErrorKind::AlreadyExists => {
            Error::new(ErrorKind::Conflict, format!("there is a file already: `{shown}`"))
                .hint("name another; no key was made")
        }
        _ => Error::io(format!("cannot write `{shown}`"), cause),
    }
}

fn key_pair(text: &str) -> Result<Settings> {
    let settings = text.replacen('-', ":", 1).parse::<Settings>().ok();
    let pair = settings.filter(|settings| settings.ed25519 || settings.rsa.is_some());
    pair.ok_or_else(|| {
        Error::usage("not a sort of key").hint("ed25519, rsa, rsa-2048, rsa-3072 or rsa-4096")
    })
}
