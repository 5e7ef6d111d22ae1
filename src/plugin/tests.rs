//! Dialogues with plugins that are not there: recorded ones, and what chance makes of them.

use super::dialogue::{Dialogue, Wire};
use super::fault::{Fault, Result as Heard};
use super::stanza::{received, written};
use super::{Identities, Name, Talk};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use age_core::format::{FileKey, Stanza};
use age_core::secrecy::ExposeSecret;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::cell::RefCell;
use zeroize::Zeroizing;

/// What a plugin sends, whatever it is sent.
struct Record<'r> {
    rest: &'r [u8],
    sent: Vec<Stanza>,
}

impl Wire for Record<'_> {
    fn send(&mut self, message: &[u8]) -> Heard<()> {
        let mut lines = message.split_inclusive(|b| *b == b'\n');
        let next = || lines.next().map(|line| line.to_vec().into()).ok_or(Fault::Closed);
        self.sent.push(received(next)?);
        Ok(())
    }

    fn receive(&mut self) -> Heard<Stanza> {
        received(|| {
            let end = self.rest.iter().position(|b| *b == b'\n').ok_or(Fault::Closed)?;
            let (line, rest) = self.rest.split_at(end + 1);
            self.rest = rest;
            Ok(Zeroizing::new(line.to_vec()))
        })
    }
}

/// Somebody who answers everything, or is not there.
struct Answers(Option<&'static str>, RefCell<Vec<String>>);

impl Answers {
    fn none() -> Self {
        Self(None, RefCell::default())
    }
}

impl Talk for Answers {
    fn message(&self, _: &Name, text: &str) {
        self.1.borrow_mut().push(text.to_owned());
    }

    fn ask(&self, _: &Name, question: &str, is_secret: bool) -> Result<Option<Secret>> {
        self.1.borrow_mut().push(format!("{question} {is_secret}"));
        match self.0 {
            Some("give up") => Err(Error::new(ErrorKind::Aborted, "given up")),
            answer => Ok(answer.map(|text| Secret::from_bytes(text.as_bytes()))),
        }
    }

    fn choose(
        &self,
        _: &Name,
        question: &str,
        yes: &str,
        no: Option<&str>,
    ) -> Result<Option<bool>> {
        self.1.borrow_mut().push(format!("{question} {yes} {no:?}"));
        Ok(self.0.map(|answer| answer == yes))
    }

    fn waits(&self, _: &Name) -> bool {
        false
    }
}

fn identities() -> Identities {
    let text = b"# toy\nAGE-PLUGIN-TOY-1D9JX2MN5D968JT7Z92Z\n";
    Identities::parse(Secret::from_bytes(text), "`id`").unwrap()
}

fn unwrapped(record: &[u8], talk: &Answers) -> (Heard<Option<FileKey>>, Vec<Stanza>) {
    let mut wire = Record { rest: record, sent: Vec::new() };
    let name = Name::of("toy").unwrap();
    let stanzas = [Stanza { tag: "toy".into(), args: vec!["a".into()], body: vec![7; 50] }];
    let key = Dialogue::new(&mut wire, talk, &name).unwrap(&identities(), &stanzas);
    (key, wire.sent)
}

fn wrapped(record: &[u8]) -> Heard<usize> {
    let (talk, name) = (Answers::none(), Name::of("toy").unwrap());
    let mut wire = Record { rest: record, sent: Vec::new() };
    let key = FileKey::init_with_mut(|key| key.fill(7));
    let wrapped = Dialogue::new(&mut wire, &talk, &name).wrap("age1toy1x", &key);
    wrapped.map(|(stanzas, _)| stanzas.len())
}

fn record(messages: &[(&str, &[&str], &[u8])]) -> Vec<u8> {
    let written = messages.iter().map(|(tag, args, body)| written(tag, args, body).to_vec());
    written.collect::<Vec<_>>().concat()
}

const DONE: (&str, &[&str], &[u8]) = ("done", &[], b"");
const KEY: (&str, &[&str], &[u8]) = ("file-key", &["0"], &[9; 16]);

/// Everything that a plugin may say while it unwraps.
fn talkative() -> Vec<u8> {
    let confirm: (&str, &[&str], &[u8]) = ("confirm", &["eWVz", "bm8"], b"Really?");
    record(&[
        ("msg", &[], b"Touch it"),
        ("x-grease", &["!", "~~"], &[1; 70]),
        confirm,
        ("request-public", &[], b"Serial"),
        ("request-secret", &[], b"PIN"),
        ("error", &["stanza", "0", "0"], b"not for me"),
        KEY,
        DONE,
    ])
}

#[test]
fn a_whole_dialogue() {
    let talk = Answers(Some("yes"), RefCell::default());
    let (key, sent) = unwrapped(&talkative(), &talk);
    assert_eq!(key.unwrap().unwrap().expose_secret(), &[9; 16]);
    let said: Vec<_> = sent.iter().map(|s| (s.tag.as_str(), s.args.join(" "))).collect();
    let said: Vec<_> = said.iter().map(|(tag, args)| (*tag, args.as_str())).collect();
    let identity = "AGE-PLUGIN-TOY-1D9JX2MN5D968JT7Z92Z";
    let phase_1 = [("add-identity", identity), ("recipient-stanza", "0 toy a"), ("done", "")];
    assert_eq!(said[..3], phase_1);
    let answers = ["ok", "unsupported", "ok", "ok", "ok", "ok", "ok"];
    assert_eq!(said[3..].iter().map(|(tag, _)| *tag).collect::<Vec<_>>(), answers);
    assert_eq!((said[5].1, sent[6].body.as_slice()), ("yes", &b"yes"[..]));
    let heard = ["Touch it", "Really? yes Some(\"no\")", "Serial false", "PIN true"];
    assert_eq!(*talk.1.borrow(), heard);
}

#[test]
fn nobody_to_ask_is_told_and_giving_up_ends_it() {
    let (key, sent) = unwrapped(&talkative(), &Answers::none());
    assert!(key.unwrap().is_some());
    assert_eq!(sent.iter().filter(|stanza| stanza.tag == "fail").count(), 3);
    let (key, _) = unwrapped(&talkative(), &Answers(Some("give up"), RefCell::default()));
    assert!(matches!(key, Err(Fault::Ours(e)) if e.kind() == ErrorKind::Aborted));
}

#[test]
fn what_a_plugin_must_not_say() {
    let other: (&str, &[&str], &[u8]) = ("file-key", &["1"], &[9; 16]);
    let message: (&str, &[&str], &[u8]) = ("msg", &[], b"again");
    for (messages, why) in [
        (vec![("file-key", &["0"][..], &[9; 15][..]), DONE], "wrong length"),
        (vec![other, DONE], "no file of ours"),
        (vec![KEY, KEY, DONE], "twice"),
        (vec![("confirm", &[], b"?"), DONE], "no answers"),
        (vec![("confirm", &["?"], b"?"), DONE], "no answers"),
        (vec![("error", &["internal"], b"no token"), DONE], "failed: no token"),
        (vec![("error", &["identity", "0"], b""), DONE], "did not say why"),
        (vec![message; 65], "too much"),
        (vec![KEY], "hung up"),
    ] {
        let (key, _) = unwrapped(&record(&messages), &Answers::none());
        let told = key.err().unwrap().told(&Name::of("toy").unwrap(), ErrorKind::Io);
        assert!(told.message().contains(why), "{told}");
    }
    assert!(matches!(unwrapped(&record(&[DONE]), &Answers::none()).0, Ok(None)));
    let stanza: (&str, &[&str], &[u8]) = ("recipient-stanza", &["0", "toy", "a"], b"wrapped");
    assert_eq!(wrapped(&record(&[stanza, ("labels", &["a"], b""), stanza, DONE])).unwrap(), 2);
    for wrong in [
        vec![DONE],
        vec![("recipient-stanza", &["0"][..], &b""[..]), DONE],
        vec![("recipient-stanza", &["1", "toy"], b""), DONE],
        vec![stanza, ("labels", &["a", "a"], b""), DONE],
        vec![stanza, ("labels", &[], b""), ("labels", &[], b""), DONE],
        vec![stanza, ("error", &["recipient", "0"], b"no"), DONE],
    ] {
        assert!(wrapped(&record(&wrong)).is_err(), "{wrong:?}");
    }
}

/// Whatever becomes of the bytes, there is an end, and a key only of the right length.
#[test]
fn five_thousand_broken_dialogues() {
    let stanza: (&str, &[&str], &[u8]) = ("recipient-stanza", &["0", "toy", "a"], &[5; 100]);
    let whole = [talkative(), record(&[stanza, ("labels", &["a"], b""), DONE])];
    let mut rng = StdRng::seed_from_u64(6);
    let (mut good, mut bad) = (0, 0);
    for round in 0..5000 {
        let mut bytes = whole[round % 2].clone();
        for _ in 0..rng.random_range(1..4) {
            break_somewhere(&mut bytes, &mut rng);
        }
        let is_fine = match round % 2 {
            0 => unwrapped(&bytes, &Answers(Some("yes"), RefCell::default())).0.is_ok(),
            _ => wrapped(&bytes).is_ok(),
        };
        *(if is_fine { &mut good } else { &mut bad }) += 1;
    }
    // else the harness breaks nothing, or everything
    assert!(good > 100 && bad > 1000, "{good} {bad}");
}

fn break_somewhere(bytes: &mut Vec<u8>, rng: &mut StdRng) {
    let at = rng.random_range(0..bytes.len().max(1)).min(bytes.len().saturating_sub(1));
    match rng.random_range(0..6) {
        0 if !bytes.is_empty() => bytes[at] ^= 1 << rng.random_range(0..8),
        1 if !bytes.is_empty() => drop(bytes.remove(at)),
        2 => bytes.insert(at, rng.random()),
        3 => bytes.truncate(at.max(1)),
        4 => {
            let part = bytes[at..(at + 40).min(bytes.len())].to_vec();
            bytes.splice(at..at, part);
        }
        _ => bytes.splice(at..at, b"\n-> done\n\n".iter().copied()).for_each(drop),
    }
}
