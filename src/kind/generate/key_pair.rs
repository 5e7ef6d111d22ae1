//! SSH key pairs in OpenSSH's form, without a passphrase: a vault seals them.

use crate::error::{Error, Result};
use crate::model::Secret;
use ssh_key::private::{KeypairData, RsaKeypair};
use ssh_key::rand_core::OsRng;
use ssh_key::{Algorithm, LineEnding, PrivateKey};

/// The private key, and the public key as one line of `authorized_keys`.
pub(super) fn ed25519() -> Result<(Secret, String)> {
    PrivateKey::random(&mut OsRng, Algorithm::Ed25519).map_err(failed).and_then(|key| written(&key))
}

/// The same for RSA. The more bits, the longer it takes: seconds.
pub(super) fn rsa(bits: u16) -> Result<(Secret, String)> {
    let pair = RsaKeypair::random(&mut OsRng, bits.into()).map_err(failed)?;
    PrivateKey::new(KeypairData::from(pair), "").map_err(failed).and_then(|key| written(&key))
}

fn written(key: &PrivateKey) -> Result<(Secret, String)> {
    let private = key.to_openssh(LineEnding::LF).map_err(failed)?;
    let public = key.public_key().to_openssh().map_err(failed)?;
    Ok((Secret::from_bytes(private.as_bytes()), public.trim_end().to_owned()))
}

/// The causes are of a fixed list, and none tells what went wrong here.
fn failed(_: ssh_key::Error) -> Error {
    Error::internal("cannot make a key pair")
}
