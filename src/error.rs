//! Failures: one error type, one table of kinds. The kind *is* the exit code.
//!
//! Wording: what is wrong, in one line, lower case, no full stop, names in backticks. A hint is a
//! command to paste. Foreign errors are never shown where their text could quote a secret.

use std::fmt;

/// The kinds of failure. The number is the exit code and never changes its meaning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum ErrorKind {
    /// A fault of this program.
    Internal = 1,
    /// The command line or an input is wrong.
    Usage = 2,
    /// Given up by the user.
    Aborted = 3,
    /// Not possible here.
    Unsupported = 4,
    /// No such thing.
    NotFound = 10,
    /// The passphrase or key does not open the vault.
    WrongKey = 11,
    /// No way to unlock.
    Locked = 12,
    /// It exists, is ambiguous or has moved.
    Conflict = 13,
    /// Refused by policy.
    Refused = 14,
    /// Tampering, damage or rollback.
    Integrity = 15,
    /// A check found problems.
    Findings = 16,
    /// Some of many failed.
    Partial = 17,
    /// Reading, writing or waiting failed.
    Io = 18,
    /// The remote side gave no clear answer.
    Indeterminate = 19,
}

/// Every exit code with its word (JSON, audit log) and its sentence (help, manual).
pub const EXIT_CODES: &[(u8, &str, &str)] = &[
    (0, "ok", "success"),
    (1, "internal", "a fault of this program; please report it"),
    (2, "usage", "the command line or an input is wrong; nothing was changed"),
    (3, "aborted", "given up by the user at a question"),
    (4, "unsupported", "not possible here: not a vault, a newer format, nothing to test with"),
    (10, "not_found", "no such credential, field, version or entry"),
    (11, "wrong_key", "the passphrase or key does not open this vault"),
    (12, "locked", "no way to unlock: no key given and no terminal to ask on"),
    (13, "conflict", "it exists already, the name is ambiguous, or the version has moved"),
    (14, "refused", "refused by policy: unsafe permissions, a weak passphrase, no confirmation"),
    (15, "integrity", "tampering, damage or rollback was detected; nothing was revealed"),
    (16, "findings", "a test or check found problems"),
    (17, "partial", "some of many items failed; each is named in the JSON output"),
    (18, "io", "reading, writing or waiting failed: disk full, file busy, no permission"),
    (19, "indeterminate", "the remote side gave no clear answer"),
];

/// What commands that start a program end with instead: the code of the program, or one of these.
pub const PROGRAM_CODES: &[(u8, &str, &str)] = &[
    (125, "own_failure", "`vault run`: the program was not started, for any reason above"),
    (126, "cannot_start", "`vault run`: the program is there and cannot be started"),
    (127, "no_program", "`vault run`: there is no such program"),
    (128, "signal", "`vault run`: 128 and the number of the signal that ended the program"),
];

impl ErrorKind {
    /// The exit code, 1 to 19.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The kind with this exit code; a fault of this program for one that no kind has.
    #[must_use]
    pub fn from_code(code: u8) -> Self {
        let all = [
            Self::Usage,
            Self::Aborted,
            Self::Unsupported,
            Self::NotFound,
            Self::WrongKey,
            Self::Locked,
            Self::Conflict,
            Self::Refused,
            Self::Integrity,
            Self::Findings,
            Self::Partial,
            Self::Io,
            Self::Indeterminate,
        ];
        all.into_iter().find(|kind| kind.code() == code).unwrap_or(Self::Internal)
    }

    /// The word for this kind in JSON output and in the audit log.
    #[must_use]
    pub fn word(self) -> &'static str {
        EXIT_CODES.iter().find(|row| row.0 == self.code()).map_or("internal", |row| row.1)
    }
}

/// What went wrong, and what to do about it.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hints: Vec<String>,
    candidates: Vec<String>,
}

/// `std::result::Result` with this program's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of `kind`; `message` is one line, lower case, without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new(), candidates: Vec::new() }
    }

    /// A wrong input, exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// Tampering, damage or rollback, exit code 15.
    pub fn integrity(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Integrity, message)
    }

    /// A fault of this program, exit code 1.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// A failed file operation: `doing` says what was tried ("cannot read `x`"). Exit code 18, or
    /// 10 when the file does not exist.
    pub fn io(doing: impl fmt::Display, cause: &std::io::Error) -> Self {
        let kind = match cause.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        let error = Self::new(kind, format!("{doing}: {}", io_words(cause)));
        match cause.kind() {
            std::io::ErrorKind::StorageFull => error.hint("make room on the disk: df -h"),
            std::io::ErrorKind::QuotaExceeded => error.hint("make room, or ask for more: quota -s"),
            std::io::ErrorKind::FileTooLarge => error.hint("see how large files may be: ulimit -f"),
            _ => error,
        }
    }

    /// Adds a hint: a command to paste, or one short sentence.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Names the things the user may have meant; shown on stderr and listed in JSON.
    #[must_use]
    pub fn candidates(mut self, names: Vec<String>) -> Self {
        self.candidates = names;
        self
    }

    /// The kind, and so the exit code.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What is wrong, in one line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it, in order of likelihood.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// What the user may have meant.
    #[must_use]
    pub fn candidate_names(&self) -> &[String] {
        &self.candidates
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// An I/O error in our own words, without the operating system's numbers.
#[must_use]
pub fn io_words(cause: &std::io::Error) -> String {
    use std::io::ErrorKind as K;
    match cause.kind() {
        K::NotFound => "no such file or directory".into(),
        K::PermissionDenied => "permission denied".into(),
        K::StorageFull => "no space left on the device".into(),
        K::QuotaExceeded => "disk quota exceeded".into(),
        K::FileTooLarge => "the file size limit is reached".into(),
        K::ReadOnlyFilesystem => "the file system is read-only".into(),
        K::IsADirectory => "it is a directory".into(),
        K::BrokenPipe => "the reader has gone".into(),
        _ => cause.raw_os_error().map_or_else(
            || cause.kind().to_string(),
            |code| {
                let text = std::io::Error::from_raw_os_error(code).to_string();
                text.split(" (os error").next().unwrap_or_default().to_lowercase()
            },
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_kind_has_a_row() {
        assert!(EXIT_CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let kinds = [
            ErrorKind::Internal,
            ErrorKind::Usage,
            ErrorKind::Aborted,
            ErrorKind::Unsupported,
            ErrorKind::NotFound,
            ErrorKind::WrongKey,
            ErrorKind::Locked,
            ErrorKind::Conflict,
            ErrorKind::Refused,
            ErrorKind::Integrity,
            ErrorKind::Findings,
            ErrorKind::Partial,
            ErrorKind::Io,
            ErrorKind::Indeterminate,
        ];
        assert_eq!(kinds.len() + 1, EXIT_CODES.len());
        for kind in kinds {
            assert!(EXIT_CODES.iter().any(|row| row.0 == kind.code()), "{kind:?}");
        }
    }

    #[test]
    fn io_errors_lose_their_numbers() {
        let e = Error::io("cannot write `x`", &std::io::Error::from_raw_os_error(28));
        assert_eq!(e.kind(), ErrorKind::Io);
        assert_eq!(e.message(), "cannot write `x`: no space left on the device");
    }
}
