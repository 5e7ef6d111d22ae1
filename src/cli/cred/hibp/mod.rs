//! Lists of passwords that are known to have leaked, as "Have I Been Pwned" gives them out: SHA-1
//! hashes with a count. They are read where they lie; nothing goes over a network.

mod sorted;

use crate::error::{Error, ErrorKind, Result};
use data_encoding::{HEXLOWER_PERMISSIVE, HEXUPPER};
use sorted::Lines;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// A SHA-1 hash.
pub type Digest = [u8; 20];

/// A list, its form known.
pub struct Leaked {
    path: PathBuf,
    form: Form,
}

enum Form {
    /// Whole hashes, a line each.
    Whole,
    /// The answer to one range query: what follows these five digits.
    Range(String),
    /// A directory of such answers, each named by its digits.
    Ranges,
}

/// A file up to this size is read through. It takes less than to see whether it is sorted.
const SMALL: u64 = 32 << 20;

/// Lines are shorter: a hash, a colon, a count, and the end of the line.
const LONGEST: usize = 128;

impl Leaked {
    /// Looks at the list, to say early what is wrong with it.
    ///
    /// # Errors
    /// Not found (10), I/O (18), usage (2) for what is no such list, unsupported (4) for NTLM hashes.
    pub fn open(path: &Path) -> Result<Self> {
        let about = std::fs::metadata(path).map_err(|e| cannot_read(path, &e))?;
        if about.is_dir() {
            let mut entries = std::fs::read_dir(path).map_err(|e| cannot_read(path, &e))?.flatten();
            let has_any = entries.any(|entry| prefix_in(&entry.path()).is_some());
            let found = has_any.then(|| Self { path: path.into(), form: Form::Ranges });
            return found.ok_or_else(no_ranges);
        }
        if !about.is_file() {
            return Err(Error::usage("`--hibp`: neither a regular file nor a directory"));
        }
        let mut first = String::new();
        let file = File::open(path).map_err(|e| cannot_read(path, &e))?;
        let read = std::io::Read::take(file, LONGEST as u64);
        // what is no text is no list either
        let _ = BufReader::new(read).read_line(&mut first);
        let form = match hash_of(first.trim_end().as_bytes()).len() {
            40 => Form::Whole,
            35 => Form::Range(prefix_in(path).ok_or_else(no_prefix)?),
            32 => {
                let message = "`--hibp`: these are NTLM hashes, which are not supported";
                return Err(Error::new(ErrorKind::Unsupported, message)
                    .hint("get the list of SHA-1 hashes: https://haveibeenpwned.com/Passwords"));
            }
            _ => return Err(no_list()),
        };
        Ok(Self { path: path.into(), form })
    }

    /// How often each of `digests` has leaked; none where the list cannot tell.
    ///
    /// # Errors
    /// I/O (18), usage (2) for a line that is none.
    pub fn counts(&self, digests: &[&Digest]) -> Result<Vec<Option<u64>>> {
        let mut wanted: HashMap<Digest, u64> = digests.iter().map(|digest| (**digest, 0)).collect();
        match &self.form {
            Form::Whole => self.whole(&mut wanted)?,
            Form::Range(prefix) => {
                let known = |digest: &Digest| hex(digest).starts_with(prefix.as_str());
                wanted.retain(|digest, _| known(digest));
                scan(&self.path, prefix, &mut wanted)?;
            }
            Form::Ranges => wanted = self.ranges(wanted)?,
        }
        Ok(digests.iter().map(|digest| wanted.get(*digest).copied()).collect())
    }

    fn whole(&self, wanted: &mut HashMap<Digest, u64>) -> Result<()> {
        let file = File::open(&self.path).map_err(|e| cannot_read(&self.path, &e))?;
        let length = file.metadata().map_err(|e| cannot_read(&self.path, &e))?.len();
        let lines = Lines { file, length, path: &self.path };
        if length <= SMALL || !lines.are_sorted()? {
            return scan(&self.path, "", wanted);
        }
        for (digest, count) in wanted {
            *count = lines.find(digest)?;
        }
        Ok(())
    }

    /// Reads the files of those ranges that are wanted; what has none is left out.
    fn ranges(&self, wanted: HashMap<Digest, u64>) -> Result<HashMap<Digest, u64>> {
        let mut by_prefix: HashMap<String, HashMap<Digest, u64>> = HashMap::new();
        for (digest, count) in wanted {
            by_prefix.entry(hex(&digest)[..5].to_owned()).or_default().insert(digest, count);
        }
        let mut found = HashMap::new();
        for (prefix, mut wanted) in by_prefix {
            let lower = prefix.to_lowercase();
            let names = [format!("{prefix}.txt"), format!("{lower}.txt"), prefix.clone(), lower];
            let paths = names.map(|name| self.path.join(name));
            if let Some(path) = paths.iter().find(|path| path.is_file()) {
                scan(path, &prefix, &mut wanted)?;
                found.extend(wanted);
            }
        }
        Ok(found)
    }
}

/// Reads all of a file, whose hashes lack `prefix`, and counts what is wanted.
fn scan(path: &Path, prefix: &str, wanted: &mut HashMap<Digest, u64>) -> Result<()> {
    let file = File::open(path).map_err(|e| cannot_read(path, &e))?;
    let mut file = BufReader::with_capacity(1 << 20, file);
    let mut line = Vec::with_capacity(LONGEST);
    loop {
        line.clear();
        let mut limited = std::io::Read::take(&mut file, LONGEST as u64);
        match limited.read_until(b'\n', &mut line).map_err(|e| cannot_read(path, &e))? {
            0 => return Ok(()),
            _ if line.trim_ascii().is_empty() => {}
            _ => {
                let (digest, count) = entry(prefix, line.trim_ascii_end()).ok_or_else(no_list)?;
                if let Some(sum) = wanted.get_mut(&digest) {
                    *sum = sum.saturating_add(count);
                }
            }
        }
    }
}

/// The hash of a line, and its count: 1 if there is none. A count of 0 is padding, and is none.
fn entry(prefix: &str, line: &[u8]) -> Option<(Digest, u64)> {
    let hash = hash_of(line);
    let digest = HEXLOWER_PERMISSIVE.decode(&[prefix.as_bytes(), hash].concat()).ok()?;
    let count = match line.get(hash.len() + 1..) {
        None => 1,
        Some(count) => std::str::from_utf8(count).ok()?.trim().parse().ok()?,
    };
    Some((digest.try_into().ok()?, count))
}

/// The hexadecimal digits that a line begins with, if a colon or nothing follows.
fn hash_of(line: &[u8]) -> &[u8] {
    let end = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    match line.get(end) {
        None | Some(b':') => &line[..end],
        Some(_) => &[],
    }
}

fn hex(digest: &Digest) -> String {
    HEXUPPER.encode(digest)
}

/// The five digits that a file is named by.
fn prefix_in(path: &Path) -> Option<String> {
    let stem = path.file_stem()?.to_str()?.to_ascii_uppercase();
    (stem.len() == 5 && stem.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(stem)
}

fn no_prefix() -> Error {
    Error::usage("`--hibp`: the name of a range file is its five digits, and this one has another")
        .hint("name it as the query was: 5BAA6.txt")
}

fn no_ranges() -> Error {
    Error::usage("`--hibp`: no file in this directory is named by the five digits of a range")
        .hint("name each as its query was: 5BAA6.txt")
}

fn no_list() -> Error {
    Error::usage("`--hibp`: this is no list of SHA-1 hashes")
        .hint("a line is HASH or HASH:COUNT; or REST:COUNT in a file named by five digits")
}

fn cannot_read(path: &Path, e: &std::io::Error) -> Error {
    Error::io(format!("cannot read `{}`", path.display()), e)
}

#[cfg(test)]
mod tests;
