//! The other side of each protocol, as its specification has it.

use super::{SECRET, get, with};
use crate::support::waiting::PATIENCE;
use crate::support::{Sandbox, contains};
use std::collections::BTreeMap;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

fn listen(sandbox: &Sandbox) -> UnixDatagram {
    let socket = UnixDatagram::bind(sandbox.path("sock")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn datagram(socket: &UnixDatagram) -> Vec<u8> {
    let mut bytes = vec![0; 1 << 16];
    let length = socket.recv(&mut bytes).unwrap();
    bytes.truncate(length);
    bytes
}

/// A message of RFC 5424, section 6.
struct Message {
    priority: u8,
    header: Vec<String>,
    structured: BTreeMap<String, String>,
    text: String,
}

impl Message {
    fn parse(text: &str) -> Self {
        let (priority, rest) = text.strip_prefix('<').unwrap().split_once(">1 ").unwrap();
        let (head, rest) = rest.split_once(" [").unwrap();
        let mut structured = BTreeMap::new();
        let (id, mut rest) = rest.split_once(' ').unwrap();
        structured.insert(String::new(), id.to_owned());
        loop {
            let (key, value) = rest.split_once("=\"").unwrap();
            let mut text = String::new();
            let mut chars = value.char_indices();
            let end = loop {
                match chars.next().unwrap() {
                    (_, '\\') => text.push(chars.next().unwrap().1),
                    (at, '"') => break at,
                    (_, c) => text.push(c),
                }
            };
            structured.insert(key.to_owned(), text);
            rest = &value[end + 1..];
            match rest.strip_prefix("] ") {
                Some(text) => {
                    let header = head.split(' ').map(str::to_owned).collect();
                    let priority = priority.parse().unwrap();
                    return Self { priority, header, structured, text: text.to_owned() };
                }
                None => rest = rest.strip_prefix(' ').unwrap(),
            }
        }
    }
}

fn check(message: &Message, sandbox: &Sandbox, seq: i64, priority: u8) {
    let log = sandbox.log(&[]);
    let entry = log.iter().find(|entry| entry["seq"] == seq).unwrap();
    assert_eq!(message.priority, priority);
    let [at, host, program, _, action] = &message.header[..] else {
        panic!("{:?}", message.header)
    };
    assert_eq!((at.as_str(), program.as_str()), (entry["at"].as_str().unwrap(), "vault"));
    assert_eq!(
        (host.as_str(), action.as_str()),
        (entry["host"].as_str().unwrap(), entry["action"].as_str().unwrap())
    );
    assert_eq!(message.structured["seq"], seq.to_string());
    assert_eq!(message.structured["hash"], entry["hash"].as_str().unwrap());
    let whole: serde_json::Value = serde_json::from_str(&message.text).unwrap();
    assert_eq!((&whole["hash"], &whole["name"]), (&entry["hash"], &entry["name"]));
}

#[test]
fn syslog_on_this_machine() {
    let sandbox = with("type = 'syslog'\naddress = '$DIR/sock'\non_failure = 'refuse'\n");
    let socket = listen(&sandbox);
    assert_eq!(get(&sandbox).out, SECRET);
    sandbox.ok(&["cred", "add", "x\"]é\\y", "--stdin"], SECRET);
    assert_eq!(sandbox.run(&["cred", "get", "none"]).code, 10);
    for (seq, priority) in [(3, 86), (4, 86), (5, 84)] {
        let bytes = datagram(&socket);
        assert!(bytes.is_ascii() && !contains(&bytes, SECRET));
        let message = Message::parse(std::str::from_utf8(&bytes).unwrap());
        check(&message, &sandbox, seq, priority);
        assert!(seq != 4 || message.structured["name"] == "x\"]?\\y");
    }
}

#[test]
fn syslog_by_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let sandbox = with(&format!("type = 'syslog'\naddress = 'localhost:{port}'\n"));
    assert_eq!(get(&sandbox).out, SECRET);
    let mut text = String::new();
    listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
    let (length, message) = text.split_once(' ').unwrap();
    assert_eq!(length.parse(), Ok(message.len()));
    check(&Message::parse(message), &sandbox, 3, 86);
}

#[test]
fn a_remote_side_that_does_not_listen_is_given_up() {
    // taken, and nobody listens
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for address in [format!("127.0.0.1:{taken}"), "host.invalid:601".into(), "192.0.2.1:601".into()]
    {
        let settings = format!("type = 'syslog'\naddress = '{address}'\ntimeout = '300ms'\n");
        let sandbox = with(&settings);
        let since = Instant::now();
        let answer = get(&sandbox);
        assert!(since.elapsed() < Duration::from_secs(8), "{address}");
        assert_eq!(answer.out, SECRET);
        assert!(answer.err.contains("sink `s` is behind"), "{}", answer.err);
    }
}

#[test]
fn a_socket_that_nobody_reads_is_given_up() {
    let settings = "type = 'syslog'\naddress = '$DIR/sock'\ntimeout = '300ms'\n";
    let sandbox = with(settings);
    let socket = listen(&sandbox);
    let sent_by_another = || {
        let sender = UnixDatagram::unbound().unwrap();
        sender.connect(sandbox.path("sock")).unwrap();
        sender.set_nonblocking(true).unwrap();
        sender.send(b"x").is_ok()
    };
    // how many wait in a socket is for the system to say: each sender has room of its own, until there is none
    while sent_by_another() {}
    let since = Instant::now();
    let answer = get(&sandbox);
    assert!(since.elapsed() < Duration::from_secs(8));
    assert_eq!(answer.out, SECRET);
    assert!(answer.err.contains("there was no answer in time"), "{}", answer.err);
    socket.set_nonblocking(true).unwrap();
    while socket.recv(&mut [0; 1000]).is_ok() {}
    socket.set_nonblocking(false).unwrap();
    assert!(!get(&sandbox).err.contains("sink"));
    assert!(datagram(&socket).starts_with(b"<86>1 "));
}

/// The fields of a datagram of the journal's native protocol.
fn fields(mut bytes: &[u8]) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    while !bytes.is_empty() {
        let end = bytes.iter().position(|b| *b == b'\n' || *b == b'=').unwrap();
        let key = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let (value, rest) = if bytes[end] == b'=' {
            let line = bytes.iter().position(|b| *b == b'\n').unwrap();
            (&bytes[end + 1..line], &bytes[line + 1..])
        } else {
            let (length, rest) = bytes[end + 1..].split_first_chunk::<8>().unwrap();
            let length = usize::try_from(u64::from_le_bytes(*length)).unwrap();
            assert_eq!(rest[length], b'\n');
            (&rest[..length], &rest[length + 1..])
        };
        fields.insert(key, String::from_utf8(value.to_vec()).unwrap());
        bytes = rest;
    }
    fields
}

#[test]
fn the_journal() {
    let sandbox = with("type = 'journald'\npath = '$DIR/sock'\n");
    let socket = listen(&sandbox);
    assert_eq!(get(&sandbox).out, SECRET);
    let bytes = datagram(&socket);
    assert!(!contains(&bytes, SECRET));
    let fields = fields(&bytes);
    let entry = &sandbox.log(&["--limit", "1"])[0];
    assert_eq!(fields["VAULT_SEQ"], "3");
    assert_eq!(fields["VAULT_HASH"], entry["hash"].as_str().unwrap());
    assert_eq!(fields["PRIORITY"], "6");
    assert_eq!(fields["SYSLOG_IDENTIFIER"], "vault");
    assert!(fields["MESSAGE"].ends_with(": decrypt a: ok"), "{}", fields["MESSAGE"]);
    let whole: serde_json::Value = serde_json::from_str(&fields["VAULT_ENTRY"]).unwrap();
    assert_eq!(whole["hash"], entry["hash"]);
}
