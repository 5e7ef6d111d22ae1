//! The values in their places: environment, files, pipes, descriptors.

use super::plan::{For, Plan, Way};
use crate::child::{fifo, memory};
use crate::cli::context::Context;
use crate::cli::scratch::Scratch;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Secret;
use crate::sys;
use crate::vault::Handed;
use std::ffi::{OsStr, OsString};
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::Command;

/// All that a program gets, where it gets it.
#[derive(Default)]
pub struct Ready {
    env: Vec<(String, Secret)>,
    paths: Vec<(String, PathBuf)>,
    fds: Vec<(OwnedFd, RawFd)>,
    stdin: Option<OwnedFd>,
    /// Whether it has a standard input of its own.
    pub has_input: bool,
    /// Pipes that somebody must wait at, and what its reader gets.
    pub pipes: Vec<(PathBuf, Secret)>,
    /// What is not to be seen in its output.
    pub secrets: Vec<Secret>,
    /// What must be wiped afterwards.
    pub scratch: Option<Scratch>,
}

impl Ready {
    /// Puts `handed` where the plan has it; `of` tells what each want is for.
    ///
    /// # Errors
    /// Unsupported (4) without a place in memory; I/O (18).
    pub fn make(plan: &Plan, of: &[For], handed: Vec<Handed>, cx: &Context) -> Result<Self> {
        let mut ready = Self { scratch: scratch(plan, cx)?, ..Self::default() };
        for (at, (name, value)) in plan.variables.iter().enumerate() {
            let mine = handed.iter().filter(|one| of[one.want] == For::Variable(at));
            let values: Vec<&Secret> = mine.map(|one| &one.value).collect();
            ready.env.push((name.clone(), value.fill(&values)?));
        }
        for one in handed {
            match of[one.want] {
                For::Variable(_) => {}
                For::Other(at) => ready.place(&plan.others[at].0, &one.value)?,
                For::Credential => {
                    let value = Secret::from_bytes(one.value.expose());
                    ready.env.extend(one.variable.map(|name| (name, value)));
                }
            }
            if one.is_secret {
                ready.secrets.push(one.value);
            }
        }
        Ok(ready)
    }

    /// Lets the program have it. Standard input and descriptors are opened here.
    ///
    /// # Errors
    /// I/O (18) when there are no descriptors left.
    pub fn hand_to(&mut self, command: &mut Command) -> Result<()> {
        for (name, value) in self.env.drain(..) {
            command.env(name, OsStr::from_bytes(value.expose()));
        }
        command.envs(self.paths.drain(..).map(|(name, path)| (name, OsString::from(path))));
        if let Some(file) = self.stdin.take() {
            command.stdin(file);
        }
        match std::mem::take(&mut self.fds) {
            fds if fds.is_empty() => Ok(()),
            fds => sys::hand_over(command, fds)
                .map_err(|e| Error::io("cannot open descriptors for the program", &e)),
        }
    }

    fn place(&mut self, way: &Way, value: &Secret) -> Result<()> {
        match way {
            Way::File(name) => {
                let scratch = self.scratch.as_ref().ok_or_else(no_scratch)?;
                scratch.write_as(name, value)?;
                self.paths.push((name.clone(), scratch.at(name)));
            }
            Way::Fifo(name) => {
                let path = self.scratch.as_ref().ok_or_else(no_scratch)?.at(name);
                fifo::make(&path).map_err(|e| Error::io("cannot make a named pipe", &e))?;
                self.pipes.push((path.clone(), Secret::from_bytes(value.expose())));
                self.paths.push((name.clone(), path));
            }
            Way::Fd(number) => self.fds.push((in_memory(value)?, *number)),
            Way::Stdin => {
                self.stdin = Some(in_memory(value)?);
                self.has_input = true;
            }
        }
        Ok(())
    }
}

/// A place for files and pipes, if there are any. What is in a pipe is on no disk.
fn scratch(plan: &Plan, cx: &Context) -> Result<Option<Scratch>> {
    let has = |fits: fn(&Way) -> bool| plan.others.iter().any(|(way, _)| fits(way));
    let files = has(|way| matches!(way, Way::File(_)));
    match files || has(|way| matches!(way, Way::Fifo(_))) {
        false => Ok(None),
        true => Scratch::for_files(&cx.world, files).map(Some).map_err(|e| match e.kind() {
            ErrorKind::Unsupported => e.hint("or hand it over otherwise: --fifo VAR=REFERENCE"),
            _ => e,
        }),
    }
}

fn no_scratch() -> Error {
    Error::internal("a file without a place for it")
}

fn in_memory(value: &Secret) -> Result<OwnedFd> {
    memory::file(value).map_err(|e| match e.kind() {
        std::io::ErrorKind::Unsupported => {
            Error::new(ErrorKind::Unsupported, "there are no files in memory on this system")
                .hint("hand it over otherwise: --fifo VAR=REFERENCE")
        }
        _ => Error::io("cannot make a file in memory", &e),
    })
}
