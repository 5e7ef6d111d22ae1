//! Where a command is carried out: here, or in the agent. Decided by the command line alone, before anything
//! is done.

use super::context::Context;
use super::{Cli, Command, agent};
use crate::error::Result;

/// Has the agent do it, if it is for the agent and there is one.
pub(super) fn elsewhere(command: &Command, cx: &Context) -> Result<Option<(u8, bool)>> {
    if !command.is_for_agent() || !cx.may_use_agent() {
        return Ok(None);
    }
    match agent::carry_out(cx)? {
        agent::Outcome::Ended(code, was_interrupted) => Ok(Some((code, was_interrupted))),
        agent::Outcome::Nothing | agent::Outcome::Values(_) => Ok(None),
    }
}

impl Cli {
    /// Whether the agent may do it: what needs the keys, and neither changes them nor starts a program here.
    pub(super) fn is_for_agent(&self) -> bool {
        self.command.is_for_agent()
    }

    /// Whether a program is to be started with values.
    pub(super) fn is_run(&self) -> bool {
        matches!(self.command, Command::Run(_))
    }
}

impl Command {
    fn is_for_agent(&self) -> bool {
        match self {
            Self::Cred(command) => command.is_for_agent(),
            Self::Audit(command) => command.is_for_agent(),
            Self::Incident(command) => command.is_for_agent(),
            Self::Helper(command) => command.is_for_agent(),
            Self::Status(args) => args.is_for_agent(),
            Self::Doctor(_)
            | Self::Whose(_)
            | Self::Inject(_)
            | Self::Export(_)
            | Self::Import(_) => true,
            // `run` asks the agent for the values
            Self::Run(_)
            | Self::Init(_)
            | Self::SshAgent(_)
            | Self::Generate(_)
            | Self::Completions(_)
            | Self::Man(_)
            | Self::Demo(_)
            | Self::Selftest(_)
            | Self::Unlock(_)
            // whoever runs code as you must not get a way in of his own
            | Self::Key(_)
            | Self::Rekey(_)
            | Self::Lock(_)
            | Self::TrustState(_)
            | Self::Help(_) => false,
        }
    }
}
