//! The text of a recovery sheet: one page, 80 columns, with the key to type and to scan. It knows nothing of
//! where it goes.

use crate::error::{Error, Result};
use crate::model::{Secret, Timestamp};
use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};
use std::fmt::Write;
use zeroize::Zeroizing;

/// What stands on it.
pub struct Sheet<'a> {
    /// The vault file's name, as it may be shown.
    pub file: String,
    /// The vault's id.
    pub vault_id: String,
    /// What people compare to know the vault again.
    pub fingerprint: String,
    /// The slot's label, as it may be shown.
    pub label: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// The bare `AGE-SECRET-KEY-1…`.
    pub key: &'a Secret,
}

impl Sheet<'_> {
    /// The page. Coloured, the code is black on white whatever the terminal is: on a dark one it would be a
    /// negative, which not every reader takes.
    ///
    /// # Errors
    /// Internal (1) for a key that is none.
    pub fn text(&self, is_colored: bool) -> Result<Secret> {
        let key = std::str::from_utf8(self.key.expose())
            .map_err(|_| Error::internal("a recovery key that is no text"))?;
        let code = code(key, is_colored)?;
        let mut text = Zeroizing::new(String::with_capacity(16 << 10));
        let Self { file, vault_id, fingerprint, label, made_at, .. } = self;
        let parts = [
            format!("VAULT RECOVERY SHEET{:>60}\n\n", made_at.to_string()),
            format!("vault file   {}\nvault id     {vault_id}\n", cut(file)),
            format!("fingerprint  {fingerprint}\nslot         {}\n\n", cut(label)),
            "Whoever has this sheet opens the vault. Keep it where you keep deeds.\n\n".to_owned(),
        ];
        for part in &parts {
            text.push_str(part);
        }
        push_key(&mut text, key);
        text.push_str(&code);
        text.push_str(STEPS);
        Ok(Secret::from_bytes(text.as_bytes()))
    }
}

/// The key in one line, for `age` and for copying, and in groups, for people who type it.
fn push_key(text: &mut String, key: &str) {
    text.push_str("The key:\n\n  ");
    text.push_str(key);
    text.push_str("\n\nThe same in groups:\n\n ");
    // all of them begin alike
    let (start, rest) = key.split_at_checked(key.len().min(START)).unwrap_or((key, ""));
    let _ = write!(text, " {start}"); // writing to a string does not fail
    for (at, group) in rest.as_bytes().chunks(GROUP).enumerate() {
        if at % GROUPS_A_LINE == 0 {
            text.push_str("\n ");
        }
        let _ = write!(text, " {}", String::from_utf8_lossy(group));
    }
    text.push_str("\n\n");
}

/// The key as a QR code of half blocks.
fn code(key: &str, is_colored: bool) -> Result<Zeroizing<String>> {
    let code = QrCode::with_error_correction_level(key, EcLevel::M)
        .map_err(|_| Error::internal("a recovery key that is too long for its code"))?;
    let drawn = code.render::<Dense1x2>().build();
    let drawn = Zeroizing::new(drawn);
    let (on, off) = if is_colored { ("\x1b[30;107m", "\x1b[0m") } else { ("", "") };
    let mut lines = Zeroizing::new(String::with_capacity(2 * drawn.len() + 1024));
    for line in drawn.lines() {
        for part in ["  ", on, line, off, "\n"] {
            lines.push_str(part);
        }
    }
    Ok(lines)
}

/// No longer than a line of the sheet has room for.
fn cut(text: &str) -> String {
    match text.chars().count() > ROOM {
        true => text.chars().take(ROOM - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

/// `AGE-SECRET-KEY-1`.
const START: usize = 16;
const GROUP: usize = 4;
const GROUPS_A_LINE: usize = 8;
const ROOM: usize = 66;

const STEPS: &str = "
To open the vault: write the key into a file of one line (umask 077; cat >key),
and give it with the fingerprint above; a vault with another one is refused:
  vault --vault FILE --key-file key --pin FINGERPRINT key test
  vault --vault FILE --key-file key key add LABEL      (a new passphrase)

Without the program, with age and sqlite3 (all of it: FORMAT.md). FILE-wal is
part of the vault, if it is there.
  sqlite3 FILE \"SELECT writefile(hex(id)||'.slot', sealed) FROM slot
                WHERE kind = 'recovery'\"
  age -d -i key -o identity ID.slot
  sqlite3 FILE \"SELECT hex(id), name FROM credential\"
  sqlite3 FILE \"SELECT writefile(hex(credential)||'.'||field||'.'||version,
                sealed) FROM secret\"
  age -d -i identity ID.password.1 | head -n 1         (its length: len)
  age -d -i identity ID.password.1 | tail -n +2 | head -c LEN
";
