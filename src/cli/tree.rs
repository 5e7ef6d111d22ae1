//! The command tree, a table per level. A command's options are built only when it is the one that
//! is run (or when its help, manual page or completion is made), and the commands beside it are left
//! out: building all of it takes longer than a look-up in the vault.

use std::cell::RefCell;
use std::ffi::OsString;

thread_local! {
    /// The words of a command line, while only the commands among them are built.
    static WORDS: RefCell<Option<Vec<OsString>>> = const { RefCell::new(None) };
}

/// Runs `work` while only those commands are built that are named among `words`, wherever they stand:
/// what the parser does with a right command line is the same as with the whole tree.
pub(super) fn pruned<T>(words: &[OsString], work: impl FnOnce() -> T) -> T {
    WORDS.set(Some(words.to_vec()));
    let done = work();
    WORDS.set(None);
    done
}

/// Whether the command with these names is to be built.
pub(super) fn is_wanted(names: &[&str]) -> bool {
    WORDS.with_borrow(|words| {
        words.as_ref().is_none_or(|words| words.iter().any(|word| names.iter().any(|n| word == n)))
    })
}

/// The arguments of a command, with what its help ends with. A command that is only run has no use for
/// the latter.
pub(super) fn told<A: clap::Args>(command: clap::Command) -> clap::Command {
    let command = A::augment_args(command);
    if WORDS.with_borrow(Option::is_some) { command } else { flowing(command) }
}

/// Lets the paragraphs after the options fill lines as wide as the terminal: in the source they are
/// broken for those who read that. Lines that are indented stand as they are.
pub(super) fn flowing(command: clap::Command) -> clap::Command {
    let Some(text) = command.get_after_help().map(ToString::to_string) else { return command };
    command.after_help(flowed(&text))
}

fn flowed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut goes_on = false;
    for line in text.lines() {
        let is_prose = !line.is_empty() && !line.starts_with(' ');
        if !out.is_empty() {
            out.push(if goes_on && is_prose { ' ' } else { '\n' });
        }
        out.push_str(line);
        goes_on = is_prose;
    }
    out
}

/// Makes an enum of commands and its place in the parser: variant, arguments, `leaf` or `group`,
/// name (`or` another one), and the sentence that lists show. `eager` is a leaf with an option of its
/// own in the place of a global one, which the parser must know of early.
macro_rules! commands {
    (@build eager $Args:ty, $name:literal) => {
        $crate::cli::tree::told::<$Args>(clap::Command::new($name))
    };
    (@build leaf $Args:ty, $name:literal) => {
        clap::Command::new($name).defer($crate::cli::tree::told::<$Args>)
    };
    (@build group $Args:ty, $name:literal) => {
        clap::Command::new($name)
            .subcommand_required(true)
            .arg_required_else_help(true)
            .defer(|command| {
                $crate::cli::tree::flowing(<$Args as clap::Subcommand>::augment_subcommands(command))
            })
    };
    (
        $(#[$doc:meta])*
        $(@after_help $help:literal)?
        $vis:vis enum $Enum:ident {
            $($Variant:ident($Args:ty) $shape:ident $name:literal $(or $alias:literal)? $about:literal,)+
        }
    ) => {
        $(#[$doc])*
        $vis enum $Enum {
            $(#[doc = $about] $Variant($Args),)+
        }

        impl clap::Subcommand for $Enum {
            fn augment_subcommands(parent: clap::Command) -> clap::Command {
                let parent = parent $(.after_help($help))?;
                $(
                    let parent = match $crate::cli::tree::is_wanted(&[$name, $($alias)?]) {
                        true => parent.subcommand(
                            $crate::cli::tree::commands!(@build $shape $Args, $name)
                                .about($about)
                                $(.visible_alias($alias))?,
                        ),
                        false => parent,
                    };
                )+
                parent
            }

            fn augment_subcommands_for_update(parent: clap::Command) -> clap::Command {
                Self::augment_subcommands(parent)
            }

            fn has_subcommand(name: &str) -> bool {
                [$($name, $($alias,)?)+].contains(&name)
            }
        }

        impl clap::FromArgMatches for $Enum {
            fn from_arg_matches(matches: &clap::ArgMatches) -> std::result::Result<Self, clap::Error> {
                Self::from_arg_matches_mut(&mut matches.clone())
            }

            fn from_arg_matches_mut(matches: &mut clap::ArgMatches) -> std::result::Result<Self, clap::Error> {
                let Some((name, mut given)) = matches.remove_subcommand() else {
                    return Err(clap::Error::new(clap::error::ErrorKind::MissingSubcommand));
                };
                match name.as_str() {
                    $($name => clap::FromArgMatches::from_arg_matches_mut(&mut given)
                        .map(Self::$Variant),)+
                    _ => Err(clap::Error::new(clap::error::ErrorKind::InvalidSubcommand)),
                }
            }

            fn update_from_arg_matches(
                &mut self,
                matches: &clap::ArgMatches,
            ) -> std::result::Result<(), clap::Error> {
                *self = Self::from_arg_matches(matches)?;
                Ok(())
            }
        }
    };
}

pub(crate) use commands;

#[cfg(test)]
mod tests {
    use super::flowed;

    #[test]
    fn paragraphs_flow_and_examples_stand() {
        let text = "Examples:\n  vault a\n  vault b\n\nOne and\ntwo.\nThree:\n  a  b\n\nFour";
        let fine = "Examples:\n  vault a\n  vault b\n\nOne and two. Three:\n  a  b\n\nFour";
        assert_eq!(flowed(text), fine);
        assert_eq!(flowed(fine), fine);
    }
}
