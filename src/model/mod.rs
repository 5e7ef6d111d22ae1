//! Words everyone uses: names, secrets, times, metadata. No I/O.

mod count;
pub mod incident;
mod metadata;
mod name;
mod reference;
mod secret;
mod time;
mod todo;

pub use count::counted;
pub use metadata::{Attr, Duty, Metadata};
pub use name::{CredName, FieldName, Label, SlotLabel};
pub use reference::{Reading, Reference, SCHEME};
pub use secret::Secret;
pub use time::{Timestamp, parse_duration, parse_when};
