//! An agent in the background, and its words on the wire.

use crate::support::Sandbox;
use crate::support::waiting::{PATIENCE, soon};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

/// `vault ssh-agent --bind`, which listens until this is dropped.
pub struct Agent {
    pub child: Child,
    pub path: PathBuf,
}

impl Agent {
    pub fn start(sandbox: &Sandbox, args: &[&str]) -> Self {
        let path = sandbox.path("agent.sock");
        let bind = ["ssh-agent", "--bind", path.to_str().unwrap()];
        let mut command = sandbox.vault(&[&bind, args].concat());
        let child = command.stderr(Stdio::piped()).spawn().unwrap();
        let agent = Self { child, path };
        agent.wait_for(|path| UnixStream::connect(path).is_ok());
        agent
    }

    /// Waits until something is so of its path.
    pub fn wait_for(&self, what: impl Fn(&Path) -> bool) {
        soon("it", || what(&self.path));
    }

    pub fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Ends it, and tells what it said.
    pub fn end(&mut self) -> String {
        self.signal(rustix::process::Signal::TERM);
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        said
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Sends a message, its length before it.
pub fn send(stream: &mut UnixStream, message: &[u8]) {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    stream.write_all(&[&length, message].concat()).unwrap();
}

/// The next message; none at the end.
pub fn receive(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut message = vec![0; u32::from_be_bytes(length).try_into().unwrap()];
    stream.read_exact(&mut message).ok()?;
    Some(message)
}

/// Asks, and tells what is answered.
pub fn ask(stream: &mut UnixStream, message: &[u8]) -> Option<Vec<u8>> {
    send(stream, message);
    receive(stream)
}

/// A request for a signature with the key of a line as in `authorized_keys`.
pub fn wish(public: &str, data: &[u8], flags: u32) -> Vec<u8> {
    let key = public.split(' ').nth(1).unwrap();
    let key = data_encoding::BASE64.decode(key.trim().as_bytes()).unwrap();
    let mut message = vec![13];
    for part in [&key[..], data] {
        message.extend_from_slice(&u32::try_from(part.len()).unwrap().to_be_bytes());
        message.extend_from_slice(part);
    }
    message.extend_from_slice(&flags.to_be_bytes());
    message
}

pub const LIST: &[u8] = &[11];
pub const FAILURE: &[u8] = &[5];
