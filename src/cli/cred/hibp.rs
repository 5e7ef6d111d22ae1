//! Lists of passwords that are known to have leaked, as "Have I Been Pwned" gives them out: SHA-1
//! hashes with a count. They are read where they lie; nothing goes over a network.

use crate::error::{Error, ErrorKind, Result};
use data_encoding::{HEXLOWER_PERMISSIVE, HEXUPPER};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
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
            return Ok(Self { path: path.into(), form: Form::Ranges });
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
            let names = [format!("{prefix}.txt"), prefix.clone(), prefix.to_lowercase()];
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

/// A sorted list, searched without reading it.
struct Lines<'p> {
    file: File,
    length: u64,
    path: &'p Path,
}

/// A line, and where the next one begins.
struct Line {
    digest: Digest,
    count: u64,
    end: u64,
}

impl Lines<'_> {
    /// How often `digest` is there.
    fn find(&self, digest: &Digest) -> Result<u64> {
        // Invariant: a line begins at `low`; `digest` stands nowhere else than in lines that begin in
        // `low..high`.
        let (mut low, mut high) = (0, self.length);
        while low < high {
            let middle = low + (high - low) / 2;
            let start = if middle == low { low } else { self.next_line(middle - 1)? };
            if start >= high {
                high = middle;
                continue;
            }
            let line = self.line(start)?;
            match line.digest.cmp(digest) {
                std::cmp::Ordering::Equal => return Ok(line.count),
                std::cmp::Ordering::Less => low = line.end,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(0)
    }

    /// Whether the lines stand in order, as far as some thousands of them tell: its two ends whole,
    /// and what lies between here and there.
    fn are_sorted(&self) -> Result<bool> {
        let step = (self.length / SAMPLES).max(1024);
        let spots = (1..SAMPLES).map(|n| n * step).take_while(|at| *at < self.length);
        let starts = spots.map(|at| self.next_line(at)).collect::<Result<Vec<u64>>>()?;
        self.in_order(starts.into_iter())
            .and_then(|so_far| Ok(so_far && self.run(0)?))
            .and_then(|so_far| Ok(so_far && self.run(self.length.saturating_sub(END))?))
    }

    fn in_order(&self, starts: impl Iterator<Item = u64>) -> Result<bool> {
        let mut last = [0; 20];
        for start in starts.filter(|start| *start < self.length) {
            let digest = self.line(start)?.digest;
            if digest < last {
                return Ok(false);
            }
            last = digest;
        }
        Ok(true)
    }

    /// Whether the lines that follow `from` closely are in order.
    fn run(&self, from: u64) -> Result<bool> {
        let mut at = if from == 0 { 0 } else { self.next_line(from)? };
        let mut last = [0; 20];
        while at < self.length && at < from.saturating_add(END) {
            let line = self.line(at)?;
            if line.digest < last {
                return Ok(false);
            }
            (last, at) = (line.digest, line.end);
        }
        Ok(true)
    }

    /// Where the first line begins after the one that `at` is in.
    fn next_line(&self, at: u64) -> Result<u64> {
        let bytes = self.bytes(at)?;
        match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) => Ok(at + end as u64 + 1),
            None if at + (bytes.len() as u64) < self.length => Err(no_list()),
            None => Ok(self.length),
        }
    }

    fn line(&self, start: u64) -> Result<Line> {
        let bytes = self.bytes(start)?;
        let length = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        let (digest, count) = entry("", bytes[..length].trim_ascii_end()).ok_or_else(no_list)?;
        Ok(Line { digest, count, end: start + length as u64 + 1 })
    }

    fn bytes(&self, at: u64) -> Result<Vec<u8>> {
        let mut bytes = vec![0; LONGEST];
        let mut have = 0;
        while have < LONGEST {
            match self.file.read_at(&mut bytes[have..], at + have as u64) {
                Ok(0) => break,
                Ok(more) => have += more,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(cannot_read(self.path, &e)),
            }
        }
        bytes.truncate(have);
        Ok(bytes)
    }
}

/// How many lines are looked at to see whether a list is sorted.
const SAMPLES: u64 = 4096;

/// And how much of its ends, in bytes.
const END: u64 = 64 << 10;

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

fn no_list() -> Error {
    Error::usage("`--hibp`: this is no list of SHA-1 hashes")
        .hint("a line is HASH or HASH:COUNT; or REST:COUNT in a file named by five digits")
}

fn cannot_read(path: &Path, e: &std::io::Error) -> Error {
    Error::io(format!("cannot read `{}`", path.display()), e)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list");
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    fn list(entries: impl IntoIterator<Item = (Digest, u64)>, end: &str) -> String {
        let lines = entries.into_iter().map(|(digest, n)| format!("{}:{n}{end}", hex(&digest)));
        lines.collect::<Vec<_>>().concat()
    }

    fn digest(first: u8, last: u8) -> Digest {
        let mut digest = [7; 20];
        (digest[0], digest[19]) = (first, last);
        digest
    }

    fn lines(path: &Path) -> Lines<'_> {
        let file = File::open(path).unwrap();
        let length = file.metadata().unwrap().len();
        Lines { file, length, path }
    }

    proptest! {
        #[test]
        fn searching_finds_what_scanning_finds(
            entries: BTreeMap<u8, u64>, wanted: Vec<u8>, crlf: bool, open_end: bool,
        ) {
            let end = if crlf { "\r\n" } else { "\n" };
            let mut text = list(entries.iter().map(|(at, n)| (digest(*at, 1), *n)), end);
            if open_end {
                text.truncate(text.trim_end().len());
            }
            let (_dir, path) = written(&text);
            let lines = lines(&path);
            prop_assert!(lines.are_sorted().unwrap());
            let mut scanned = wanted.iter().map(|at| (digest(*at, 1), 0)).collect();
            scan(&path, "", &mut scanned).unwrap();
            for (wanted, count) in scanned {
                prop_assert_eq!(lines.find(&wanted).unwrap(), count);
                prop_assert_eq!(count, entries.get(&wanted[0]).copied().unwrap_or(0));
            }
            prop_assert_eq!(lines.find(&digest(9, 0)).unwrap(), 0);
        }

        #[test]
        fn any_file_is_survived(bytes: Vec<u8>) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("ABCDE");
            std::fs::write(&path, bytes).unwrap();
            if let Ok(list) = Leaked::open(&path) {
                let _ = list.counts(&[&digest(1, 1)]);
            }
            let _ = lines(&path).are_sorted();
            let _ = lines(&path).find(&digest(1, 1));
        }
    }

    #[test]
    fn disorder_is_noticed_at_either_end_and_between() {
        let sorted: Vec<_> = (0..=255).map(|n| (digest(n, 1), 1)).collect();
        let order = |entries: &[(Digest, u64)]| {
            let (_dir, path) = written(&list(entries.iter().copied(), "\n"));
            lines(&path).are_sorted().unwrap()
        };
        assert!(order(&sorted));
        for at in [0, 100, 254] {
            let mut wrong = sorted.clone();
            wrong.swap(at, at + 1);
            assert!(!order(&wrong), "{at}");
        }
        // more than what is read of the ends
        let all = (0..=255).flat_map(|a| (0..=255).map(move |b| (digest(a, b), 1)));
        let mut long: Vec<_> = all.collect();
        assert!(order(&long));
        long[30_000..40_000].reverse();
        assert!(!order(&long));
    }

    #[test]
    fn lower_case_missing_counts_and_padding() {
        let text = format!("{}\n\n{}:0\n", hex(&digest(1, 1)).to_lowercase(), hex(&digest(2, 1)));
        let (_dir, path) = written(&text);
        let list = Leaked::open(&path).unwrap();
        let counts = list.counts(&[&digest(1, 1), &digest(2, 1), &digest(3, 1)]).unwrap();
        assert_eq!(counts, [Some(1), Some(0), Some(0)]);
    }

    #[test]
    fn ranges_know_their_own_digits_only() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, other) = (digest(0xab, 1), digest(0xcd, 1));
        let range = format!("{}:42\r\n", &hex(&ours)[5..]);
        let path = dir.path().join(format!("{}.txt", &hex(&ours)[..5]));
        std::fs::write(&path, range).unwrap();
        for list in [&path, dir.path()] {
            let counts = Leaked::open(list).unwrap().counts(&[&ours, &other, &digest(0xab, 2)]);
            assert_eq!(counts.unwrap(), [Some(42), None, Some(0)]);
        }
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for (name, text, message) in [
            ("list", "", "no list of SHA-1"),
            ("list", "hunter2\n", "no list of SHA-1"),
            ("list", "8846F7EAEE8FB117AD06BDD830B7586C:3\n", "NTLM"),
            ("list", "1D9AF3D19E29E1C6ABA24CDAA8C1E0EE5E2:1\n", "five digits"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            let e = Leaked::open(&path).err().unwrap();
            assert!(e.message().contains(message) && !e.message().contains("hunter2"), "{e}");
        }
        let (_dir, path) = written(&format!("{}\nnonsense\n", hex(&digest(1, 1))));
        assert!(Leaked::open(&path).unwrap().counts(&[&digest(1, 1)]).is_err());
    }
}
