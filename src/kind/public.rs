//! Stub: written elsewhere.
use crate::error::Result;
use crate::model::Metadata;
pub fn check_public(_name: &str, _value: &str) -> Result<()> {
    Ok(())
}
pub fn check_metadata(_m: &Metadata) -> Result<()> {
    Ok(())
}
pub fn parse_url(text: &str) -> Result<String> {
    Ok(text.to_owned())
}
pub fn parse_port(text: &str) -> Result<u16> {
    text.parse()
        .map_err(|_| crate::error::Error::usage("not a port"))
}
