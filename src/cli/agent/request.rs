//! What a client asks for, as it is sent: the command line with all that a process has around it.

use super::wire::{MAGIC, VERSION, items, list};
use crate::cli::context::Context;
use crate::cli::prompt::Terminal;
use crate::model::Secret;
use crate::sys;
use crate::vault::Place;
use rustix::fs::{CWD, Mode, OFlags, openat, stat};
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use zeroize::Zeroizing;

/// What is wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verb {
    /// To carry out a command.
    Run,
    /// To find the values for a program that the client starts.
    Values,
    /// To tell how it stands.
    Status,
    /// To take these keys.
    Fill,
    /// To hold the keys on other terms.
    Renew,
    /// To drop the keys and end.
    Lock,
}

const VERBS: [(Verb, &str); 6] = [
    (Verb::Run, "run"),
    (Verb::Values, "values"),
    (Verb::Status, "status"),
    (Verb::Fill, "fill"),
    (Verb::Renew, "renew"),
    (Verb::Lock, "lock"),
];

impl Verb {
    fn word(self) -> &'static str {
        VERBS.iter().find(|(verb, _)| *verb == self).map_or("", |(_, word)| word)
    }
}

/// The number of a descriptor that is the working directory.
pub(super) const DIRECTORY: RawFd = -1;
/// The number of one that is the terminal.
pub(super) const TERMINAL: RawFd = -2;

/// A request as it came.
pub(super) struct Request {
    /// The version of the client.
    pub(super) version: String,
    /// None if this version does not know it.
    pub(super) verb: Option<Verb>,
    /// The rest, which may be of another form in another version.
    pub(super) rest: Option<Rest>,
}

/// What only the same version is sure to understand.
pub(super) struct Rest {
    /// The vault's file.
    pub(super) file: OsString,
    /// The numbers of that file, and of what the client sees as the root of all files.
    pub(super) seen: Vec<u8>,
    /// The mask of new files, and whether a full quota is no signal.
    pub(super) umask: (u32, bool),
    pub(super) args: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
    /// Texts that the client has read already; for a lock the cause, for a renewal a random text.
    pub(super) texts: Vec<Secret>,
    /// What each descriptor is for.
    pub(super) numbers: Vec<RawFd>,
}

/// A request with its descriptors, ready to be sent.
pub(super) struct Ready {
    pub(super) body: Zeroizing<Vec<u8>>,
    pub(super) files: Vec<OwnedFd>,
}

/// What goes without saying for those who ask about the agent itself.
pub(super) fn plain(verb: Verb, cx: &Context, place: &Place, text: &str) -> Ready {
    let texts = [Secret::from_bytes(text.as_bytes())];
    Ready { body: written(verb, cx, place, &texts, &[]), files: Vec::new() }
}

/// All that a command may use. None if there is more than can be sent.
pub(super) fn whole(verb: Verb, cx: &Context, place: &Place, texts: &[Secret]) -> Option<Ready> {
    let mut files: Vec<OwnedFd> = Vec::new();
    let mut numbers = Vec::new();
    let directory =
        openat(CWD, ".", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    files.push(directory.ok()?);
    numbers.push(DIRECTORY);
    // from the background nothing can be asked
    if let Some(terminal) = cx.terminal().filter(Terminal::is_ours) {
        files.push(terminal.into_file().into());
        numbers.push(TERMINAL);
    }
    let (stdin, stdout, stderr) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    for (number, standard) in (0..).zip([stdin.as_fd(), stdout.as_fd(), stderr.as_fd()]) {
        files.push(standard.try_clone_to_owned().ok()?);
        numbers.push(number);
    }
    let inherited = sys::inherited();
    if inherited.len() > MOST_INHERITED || inherited.iter().any(|fd| *fd > HIGHEST) {
        return None;
    }
    for fd in inherited {
        files.push(sys::duplicate(fd).ok()?);
        numbers.push(fd);
    }
    Some(Ready { body: written(verb, cx, place, texts, &numbers), files })
}

fn written(
    verb: Verb,
    cx: &Context,
    place: &Place,
    texts: &[Secret],
    numbers: &[RawFd],
) -> Zeroizing<Vec<u8>> {
    let (umask, quota) = sys::before_hardening();
    let env = cx.world.for_deputy();
    let args = list(cx.line.iter().map(|word| word.as_bytes()));
    let env = list(env.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]));
    let texts = list(texts.iter().map(Secret::expose));
    let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
    let umask = umask | if quota { QUOTA } else { 0 };
    list([
        MAGIC,
        VERSION.as_bytes(),
        verb.word().as_bytes(),
        place.real_file().as_os_str().as_bytes(),
        &seen(place),
        &umask.to_be_bytes(),
        &args,
        &env,
        &texts,
        &numbers,
    ])
}

/// What tells whether both see the same files: those of the vault, of the root, and of the mounts.
pub(super) fn seen(place: &Place) -> Vec<u8> {
    let (device, node) = place.identity().unwrap_or_default();
    let root = stat("/").map(|about| [about.st_dev, about.st_ino]).unwrap_or_default();
    let mounts = stat("/proc/self/ns/mnt").map(|about| about.st_ino).unwrap_or_default();
    [device, node, root[0], root[1], mounts].into_iter().flat_map(u64::to_be_bytes).collect()
}

/// Reads a request. None if it is not for an agent of vault at all.
pub(super) fn read(body: &[u8]) -> Option<Request> {
    let items = items(body)?;
    let [magic, version, verb, rest @ ..] = &items[..] else { return None };
    let verb = VERBS.iter().find(|(_, word)| word.as_bytes() == *verb).map(|(verb, _)| *verb);
    let version = String::from_utf8_lossy(version.get(..version.len().min(64))?).into_owned();
    (*magic == MAGIC).then(|| Request { version, verb, rest: read_rest(rest) })
}

fn read_rest(rest: &[&[u8]]) -> Option<Rest> {
    let [file, seen, umask, args, env, texts, numbers] = rest else { return None };
    let words = |list: &[u8]| -> Option<Vec<OsString>> {
        Some(items(list)?.into_iter().map(|word| OsStr::from_bytes(word).to_owned()).collect())
    };
    let umask = u32::from_be_bytes((*umask).try_into().ok()?);
    let mut env = words(env)?.into_iter();
    let mut pairs = Vec::new();
    while let Some(name) = env.next() {
        pairs.push((name, env.next()?));
    }
    let number = |bytes: &[u8]| bytes.try_into().ok().map(i32::from_be_bytes);
    Some(Rest {
        file: OsStr::from_bytes(file).to_owned(),
        seen: seen.to_vec(),
        umask: (umask & !QUOTA, umask & QUOTA != 0),
        args: words(args)?,
        env: pairs,
        texts: items(texts)?.into_iter().map(Secret::from_bytes).collect(),
        numbers: numbers.chunks(4).map(number).collect::<Option<_>>()?,
    })
}

/// Set beside the mask of new files where the signal for a full quota is ignored.
const QUOTA: u32 = 1 << 16;
/// So many inherited descriptors can be sent, up to this number.
const MOST_INHERITED: usize = 200;
const HIGHEST: RawFd = 900;
