//! Syslog: RFC 5424 messages to a local socket, or by TCP with their length in front (RFC 6587).

use super::{failed, until};
use crate::cli::record;
use crate::error::{Error, ErrorKind, Result};
use crate::vault::{Outlet, Record};
use data_encoding::HEXLOWER;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixDatagram;
use std::sync::mpsc;
use std::time::Instant;

/// Its address: the path of a datagram socket, or `HOST:PORT`.
pub struct Syslog(String);

/// Where the local system listens.
const LOCAL: &str = "/dev/log";

/// The facility `authpriv`, and the severities of what was done and of what was not.
const FACILITY: u8 = 10;
const INFORMATIONAL: u8 = 6;
const WARNING: u8 = 4;

/// The name of our structured data, under the number that is kept for documentation (RFC 5612): we
/// have none of our own.
const STRUCTURED: &str = "vault@32473";

impl Syslog {
    /// At `address`, or on this machine.
    #[must_use]
    pub fn new(address: Option<String>) -> Self {
        Self(address.unwrap_or_else(|| LOCAL.to_owned()))
    }

    fn wrong(&self, cause: &io::Error) -> Error {
        failed(&format!("cannot reach `{}`", self.0), cause)
    }

    fn local(&self, deadline: Instant) -> Result<UnixDatagram> {
        let socket = UnixDatagram::unbound().and_then(|socket| {
            socket.connect(&self.0)?;
            socket.set_write_timeout(Some(until(deadline)))?;
            Ok(socket)
        });
        socket.map_err(|e| self.wrong(&e))
    }

    fn remote(&self, deadline: Instant) -> Result<TcpStream> {
        let mut outcome = Err(Error::new(ErrorKind::Io, format!("`{}` has no address", self.0)));
        for address in self.resolve(deadline)? {
            outcome = TcpStream::connect_timeout(&address, until(deadline))
                .and_then(|stream| {
                    stream.set_write_timeout(Some(until(deadline)))?;
                    Ok(stream)
                })
                .map_err(|e| self.wrong(&e));
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// In a thread of its own, because the resolver has no deadline.
    fn resolve(&self, deadline: Instant) -> Result<Vec<SocketAddr>> {
        let (hear, heard) = mpsc::channel();
        let address = self.0.clone();
        std::thread::spawn(move || {
            let found = address.to_socket_addrs().map(Iterator::collect);
            // the listener may have given up
            let _ = hear.send(found);
        });
        let late = || Err(io::ErrorKind::TimedOut.into());
        let found = heard.recv_timeout(until(deadline)).unwrap_or_else(|_| late());
        found.map_err(|e| match e.kind() {
            io::ErrorKind::TimedOut => self.wrong(&e),
            _ => Error::new(ErrorKind::Io, format!("`{}` is not found", self.0)),
        })
    }
}

impl Outlet for Syslog {
    fn deliver(&mut self, records: &[Record<'_>], deadline: Instant) -> Result<()> {
        let messages = records.iter().map(message);
        if self.0.starts_with('/') {
            let socket = self.local(deadline)?;
            return messages.into_iter().try_for_each(|message| {
                socket.send(message.as_bytes()).map(drop).map_err(|e| self.wrong(&e))
            });
        }
        let framed = messages.map(|text| format!("{} {text}", text.len())).collect::<Vec<_>>();
        let mut stream = self.remote(deadline)?;
        stream.write_all(framed.concat().as_bytes()).map_err(|e| self.wrong(&e))
    }

    fn reach(&mut self, deadline: Instant) -> Result<()> {
        match self.0.starts_with('/') {
            true => self.local(deadline).map(drop),
            false => self.remote(deadline).map(drop),
        }
    }
}

/// Whether `text` is a path, or a host and a port.
pub(super) fn is_address(text: &str) -> bool {
    let port = |(host, port): (&str, &str)| !host.is_empty() && port.parse::<u16>().is_ok();
    text.starts_with('/') || text.rsplit_once(':').is_some_and(port)
}

/// An entry as a message, in ASCII.
fn message(record: &Record<'_>) -> String {
    let entry = record.entry;
    let severity = if entry.outcome == "ok" { INFORMATIONAL } else { WARNING };
    let structured = [
        ("vault", record.vault.to_string()),
        ("seq", entry.seq.to_string()),
        ("hash", HEXLOWER.encode(&entry.hash)),
        ("outcome", entry.outcome.clone()),
        ("user", entry.user.clone()),
        ("name", entry.name.clone().unwrap_or_default()),
    ]
    .map(|(key, value)| format!(" {key}=\"{}\"", parameter(&value)))
    .concat();
    format!(
        "<{}>1 {} {} vault {} {} [{STRUCTURED}{structured}] {}",
        FACILITY * 8 + severity,
        entry.at,
        word(&entry.host, 255),
        std::process::id(),
        word(&entry.action, 32),
        record::ascii_json(record),
    )
}

/// A word of the header: visible ASCII, or a hyphen for nothing.
fn word(text: &str, longest: usize) -> String {
    let visible = text.chars().map(|c| if c.is_ascii_graphic() { c } else { '_' });
    match text.is_empty() {
        true => "-".to_owned(),
        false => visible.take(longest).collect(),
    }
}

/// A value of structured data, in which three characters are escaped; we leave out what is not ASCII.
fn parameter(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' | ']' => out.extend(['\\', c]),
            c if c.is_ascii_graphic() || c == ' ' => out.push(c),
            _ => out.push('?'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::record::tests::{hostile, record};

    #[test]
    fn messages_cannot_be_broken_out_of() {
        let entry = hostile();
        let text = message(&record(&entry));
        let begin = "<84>1 2027-01-15T08:00:00.123Z two_words vault ";
        assert!(text.starts_with(begin) && text.is_ascii(), "{text}");
        assert!(!text.chars().any(char::is_control), "{text}");
        let (head, rest) = text.split_once(" [vault@32473 ").unwrap();
        assert!(head.ends_with(" decrypt"), "{head}");
        assert!(rest.contains(r#"name="a|b=c\\d \"?\" ?"] {"#), "{rest}");
        assert_eq!(word("", 9), "-");
    }
}
