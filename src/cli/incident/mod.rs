//! Commands on incidents.

mod blast;
mod edit;
mod fields;
mod form;
mod link;
mod list;
mod note;
mod open;
mod people;
mod report;
mod restore;
mod rm;
mod rotate;
mod rotate_report;
mod show;
mod step;
mod tables;
mod unlink;
mod window;
mod words;

use super::context::Context;
use super::report::Report;
use super::tree::commands;
use crate::error::Result;

commands! {
    /// Write down what happened, which credentials it exposes, and what was done about it
    @after_help "Examples:
  vault incident open 'Laptop stolen' --type lost_device --severity high --cred vpn/alice
  vault incident list --open
  vault incident show INC-7
  vault incident link INC-7 db/main --exposure exposed
  vault incident resolve INC-7 --outcome no_impact

The work on an incident goes through these steps:
  open     it is `investigating`: find out what happened, link the credentials it may expose
  contain  it is `contained`: it cannot get worse
  monitor  it is `monitoring`: dealt with, and watched whether it comes again; may be left out
  resolve  it is `resolved`: only when every linked credential is rotated and verified, waived
           with a reason, or not exposed
  reopen   it is `investigating` again

Title, type, severity, status, dates, client, service, system and owner are stored in clear, and
can be read while the vault is locked; whatever else people write is sealed."
    pub enum Command {
        Open(Box<open::Args>) leaf "open" "Open an incident",
        List(Box<list::Args>) leaf "list" "List incidents, without unlocking",
        Show(show::Args) leaf "show"
            "Show an incident: texts, steps to do, credentials and timeline",
        Edit(Box<edit::Args>) leaf "edit"
            "Change what an incident says, by options or in your editor; tick steps off",
        Note(note::Args) leaf "note" "Write a note into the timeline",
        Link(Box<link::Args>) leaf "link"
            "Say which credentials an incident has to do with, and how exposed they are",
        Unlink(unlink::Args) leaf "unlink" "Take credentials off an incident",
        Blast(blast::Args) leaf "blast"
            "Find out how far an incident reaches: the same values elsewhere, and who used what",
        Rotate(Box<rotate::Args>) leaf "rotate"
            "Put new values in the place of all that an incident exposes",
        Report(Box<report::Args>) eager "report"
            "Write a report on an incident: texts, timeline, credentials, and the log with its proof",
        Contain(step::Contain) leaf "contain" "Say that an incident cannot get worse any more",
        Monitor(step::Monitor) leaf "monitor"
            "Say that an incident is dealt with, and watched whether it comes again",
        Resolve(step::Resolve) leaf "resolve"
            "Close an incident; refused while a linked credential is exposed",
        Reopen(step::Reopen) leaf "reopen" "Look into an incident again",
        Rm(rm::Args) leaf "rm" "Move an incident to the trash",
        Restore(restore::Args) leaf "restore" "Bring an incident back from the trash",
    }
}

impl Command {
    /// Whether it may need the keys, so that an agent is asked.
    pub fn is_for_agent(&self) -> bool {
        match self {
            Self::List(args) => args.is_for_agent(),
            _ => true,
        }
    }
}

/// Runs one of them.
pub fn run(command: Command, cx: &mut Context) -> Result<Report> {
    match command {
        Command::Open(args) => open::run(*args, cx),
        Command::List(args) => list::run(*args, cx),
        Command::Show(args) => show::run(args, cx),
        Command::Edit(args) => edit::run(*args, cx),
        Command::Note(args) => note::run(args, cx),
        Command::Link(args) => link::run(*args, cx),
        Command::Unlink(args) => unlink::run(args, cx),
        Command::Blast(args) => blast::run(args, cx),
        Command::Rotate(args) => rotate::run(*args, cx),
        Command::Report(args) => report::run(*args, cx),
        Command::Contain(args) => step::contain(args, cx),
        Command::Monitor(args) => step::monitor(args, cx),
        Command::Resolve(args) => step::resolve(args, cx),
        Command::Reopen(args) => step::reopen(args, cx),
        Command::Rm(args) => rm::run(args, cx),
        Command::Restore(args) => restore::run(args, cx),
    }
}
