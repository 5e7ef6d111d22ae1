//! The journal of systemd, by its native protocol: one datagram an entry.

use super::{failed, until};
use crate::cli::record;
use crate::error::{Error, Result};
use crate::vault::{Outlet, Record};
use data_encoding::HEXLOWER;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The path of its socket.
pub struct Journald(PathBuf);

impl Journald {
    /// At `path`, or where it always is if that is empty.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        match path.as_os_str().is_empty() {
            true => Self(Path::new("/run/systemd/journal/socket").to_owned()),
            false => Self(path),
        }
    }

    fn connect(&self, deadline: Instant) -> Result<UnixDatagram> {
        let socket = UnixDatagram::unbound().and_then(|socket| {
            socket.connect(&self.0)?;
            socket.set_write_timeout(Some(until(deadline)))?;
            Ok(socket)
        });
        socket.map_err(|e| self.wrong(&e))
    }

    fn wrong(&self, cause: &io::Error) -> Error {
        failed(&format!("cannot reach `{}`", self.0.display()), cause)
    }
}

impl Outlet for Journald {
    fn deliver(&mut self, records: &[Record<'_>], deadline: Instant) -> Result<()> {
        let socket = self.connect(deadline)?;
        records.iter().try_for_each(|record| {
            socket.send(&datagram(record)).map(drop).map_err(|e| self.wrong(&e))
        })
    }

    fn reach(&mut self, deadline: Instant) -> Result<()> {
        self.connect(deadline).map(drop)
    }
}

/// The fields of an entry; the whole of it is in `VAULT_ENTRY`.
fn datagram(record: &Record<'_>) -> Vec<u8> {
    let entry = record.entry;
    let about = entry.name.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
    let (user, action, outcome) = (&entry.user, &entry.action, &entry.outcome);
    let mut bytes = Vec::with_capacity(2048);
    for (key, value) in [
        ("MESSAGE", format!("{user}: {action}{about}: {outcome}")),
        ("PRIORITY", if outcome == "ok" { "6" } else { "4" }.to_owned()),
        ("SYSLOG_FACILITY", "10".to_owned()),
        ("SYSLOG_IDENTIFIER", "vault".to_owned()),
        ("VAULT_ID", record.vault.to_string()),
        ("VAULT_SEQ", entry.seq.to_string()),
        ("VAULT_HASH", HEXLOWER.encode(&entry.hash)),
        ("VAULT_ACTION", action.clone()),
        ("VAULT_OUTCOME", outcome.clone()),
        ("VAULT_CREDENTIAL", entry.name.clone().unwrap_or_default()),
        ("VAULT_USER", user.clone()),
        ("VAULT_ENTRY", record::json(record)),
    ] {
        field(&mut bytes, key, &value);
    }
    bytes
}

/// `KEY=value` in a line, or with its length if the value has line ends of its own.
fn field(bytes: &mut Vec<u8>, key: &str, value: &str) {
    bytes.extend_from_slice(key.as_bytes());
    if value.contains('\n') {
        let length = u64::try_from(value.len()).unwrap_or_default();
        bytes.push(b'\n');
        bytes.extend_from_slice(&length.to_le_bytes());
    } else {
        bytes.push(b'=');
    }
    bytes.extend_from_slice(value.as_bytes());
    bytes.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::record::tests::{hostile, record};

    #[test]
    fn a_line_end_in_a_value_makes_no_field() {
        let mut entry = hostile();
        entry.user = "a\nPRIORITY=0".into();
        let bytes = datagram(&record(&entry));
        let user = b"\nVAULT_USER\n\x0c\0\0\0\0\0\0\0a\nPRIORITY=0\n";
        assert!(bytes.windows(user.len()).any(|part| part == user));
        assert!(bytes.starts_with(b"MESSAGE\n"));
    }
}
