//! The entry that says that the agent has dropped the keys, and why.

use super::held::About;
use crate::cli::guard::Guard;
use crate::cli::sink;
use crate::vault::{Place, Purpose, Vault};
use crate::world::{Client, World};
use std::rc::Rc;

/// Enters it, for `client` or for the agent itself. A vault that has gone has no log; the keys are dropped
/// whether or not this succeeds.
pub(super) fn locked(about: &About, cause: &str, client: Option<(Client, Purpose)>) {
    let ours = || {
        (Client { pid: i32::try_from(std::process::id()).ok(), terminal: None }, Purpose::default())
    };
    let (client, purpose) = client.unwrap_or_else(ours);
    let world = Rc::new(World::real_for(client));
    let place = Place { file: about.file.clone(), state_dir: about.state_dir.clone() };
    if let Ok(mut vault) = Vault::open(&place, Rc::clone(&world), purpose) {
        vault.guard(Rc::new(Guard::new(Rc::clone(&world), true)));
        vault.attach(sink::all(&world));
        let _ = vault.enter_lock(cause, &about.terms.slot);
    }
}
