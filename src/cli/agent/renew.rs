//! New times for an agent that has the keys: both sides show each other that they have them, and neither
//! tells them. Whoever just listens at the socket learns nothing that opens anything.

use super::client::{exchange, refusal};
use super::held::{Held, Terms};
use super::request::{Rest, Verb, seen};
use super::wire::{Frame, frame, items, list, receive, send};
use crate::cli::context::Context;
use crate::vault::Place;
use data_encoding::HEXLOWER;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// What became of it.
pub(super) enum Renewed {
    /// It has the keys and the new times.
    Yes,
    /// It says that it has no keys.
    Locked,
    /// It is of this other version.
    Version(String),
    /// It has not shown that it has these keys.
    No,
}

/// Asks the agent at the other end of `stream` to go on with the terms of `held`.
pub(super) fn ask(cx: &Context, place: &Place, stream: &UnixStream, held: &Held) -> Renewed {
    let question = HEXLOWER.encode(&rand::random::<[u8; 32]>());
    let Some(answer) = exchange(stream, Verb::Renew, cx, place, (&question, &[]), PATIENCE) else {
        return Renewed::No;
    };
    match refusal(&answer) {
        Some((why, _)) if why == "locked" => Renewed::Locked,
        Some((why, version)) if why == "version" => Renewed::Version(version),
        _ => match prove(stream, held, question.as_bytes(), &answer) {
            Some(()) => Renewed::Yes,
            None => Renewed::No,
        },
    }
}

/// Proves it, to one that has.
fn prove(stream: &UnixStream, held: &Held, question: &[u8], answer: &Frame) -> Option<()> {
    let items = items(&answer.body).filter(|_| answer.sort == frame::PROOF)?;
    let [theirs, mark] = items[..] else { return None };
    let witness = held.witness()?;
    let both = (question, theirs);
    witness.fits(&message(AGENT, both, &held.place(), b""), mark).then_some(())?;
    let terms = serde_json::to_vec(&held.about.terms).ok()?;
    let mark = witness.mark(&message(CLIENT, both, &held.place(), &terms));
    send(stream, frame::TERMS, &list([&terms[..], &mark]), &[]).ok()?;
    let (answer, _) = receive(stream, SHORT, Some(PATIENCE)).ok()?;
    (answer.sort == frame::ENDED).then_some(())
}

/// The agent's side: what a client that has the keys wants.
pub(super) fn terms(client: &UnixStream, held: &Held, rest: &Rest) -> Option<Vec<u8>> {
    let question = rest.texts.first()?.expose();
    let (witness, own) = (held.witness()?, rand::random::<[u8; 32]>());
    let (both, place) = ((question, &own[..]), held.place());
    let mark = witness.mark(&message(AGENT, both, &place, b""));
    send(client, frame::PROOF, &list([&own[..], &mark]), &[]).ok()?;
    let (answer, _) = receive(client, SHORT, Some(PATIENCE)).ok()?;
    let items = items(&answer.body).filter(|_| answer.sort == frame::TERMS)?;
    let [terms, mark] = items[..] else { return None };
    let is_proven = witness.fits(&message(CLIENT, both, &place, terms), mark);
    // what the agent itself could not read, it is not told
    let is_read = serde_json::from_slice::<Terms>(terms).is_ok() && terms.len() < MOST;
    (is_proven && is_read).then(|| terms.to_vec())
}

/// What is marked: who says it, both random texts, what it is about, and what both see there. One with the same
/// keys for a copy of the vault, with other seals, or where files are others, would be of no use.
fn message(who: &[u8], (client, agent): (&[u8], &[u8]), place: &Place, terms: &[u8]) -> Vec<u8> {
    let (file, seals) = (place.file.as_os_str(), place.state_dir.as_os_str());
    list([who, client, agent, file.as_bytes(), seals.as_bytes(), &seen(place), terms]).to_vec()
}

const AGENT: &[u8] = b"vault-agent/1 agent";
const CLIENT: &[u8] = b"vault-agent/1 client";
/// How long terms can be.
pub(super) const MOST: usize = 4096;
/// The longest frame here.
const SHORT: usize = 8192;
const PATIENCE: Duration = Duration::from_secs(10);
