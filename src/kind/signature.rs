//! SSH keys at work: which public key a private one has, and signatures as SSH agents make them. Knows
//! nothing of where keys are kept, or of who asks.

use crate::model::Secret;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::DecodePrivateKey;
use rsa::sha2::{Digest, Sha256, Sha512};
use rsa::signature::{RandomizedSigner, SignatureEncoding, Signer};
use rsa::{BigUint, RsaPrivateKey};
use ssh_key::private::{Ed25519Keypair, KeypairData, RsaKeypair};
use ssh_key::rand_core::OsRng;
use ssh_key::{Algorithm, EcdsaCurve, HashAlg, PrivateKey, Signature};

/// A public key, as SSH programs write it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicKey {
    /// As it stands in messages (RFC 4253, section 6.6).
    pub blob: Vec<u8>,
}

impl PublicKey {
    /// Reads a line of `authorized_keys`, if signatures can be made with a key of its sort.
    ///
    /// # Errors
    /// Why not: a predicate, to be put behind the name of the credential.
    pub fn parse(line: &str) -> Result<Self, &'static str> {
        let key = ssh_key::PublicKey::from_openssh(line.trim());
        let key = key.map_err(|_| "has a `public_key` that is not in OpenSSH's form")?;
        match key.algorithm() {
            Algorithm::Ed25519
            | Algorithm::Rsa { .. }
            | Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 } => {}
            Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256 => return Err(IN_A_TOKEN),
            _ => return Err(UNKNOWN),
        }
        key.to_bytes().map(|blob| Self { blob }).map_err(|_| UNKNOWN)
    }
}

/// What somebody wants to have signed.
#[derive(Clone, Debug)]
pub struct Wish {
    /// With the private half of which key.
    pub key: PublicKey,
    /// What.
    pub data: Vec<u8>,
    /// How, if the key leaves a choice (RFC 9987).
    pub flags: u32,
}

impl Wish {
    /// Refuses what no key of its sort is to be used for.
    ///
    /// # Errors
    /// Why: a predicate, to be put behind the name of the field.
    pub fn check(&self) -> Result<(), &'static str> {
        let is_rsa = self.key.blob.starts_with(RSA);
        match is_rsa && self.flags & (SHA_256 | SHA_512) == 0 {
            true => Err("is an RSA key, and a signature with SHA-1 was asked for"),
            false => Ok(()),
        }
    }

    /// The signature, as it stands in messages.
    ///
    /// # Errors
    /// Why it cannot be made: a predicate, to be put behind the name of the field. It quotes nothing.
    pub fn sign(
        &self,
        private: &Secret,
        passphrase: Option<&Secret>,
    ) -> Result<Vec<u8>, &'static str> {
        self.check()?;
        let key = open(private.expose(), passphrase)?;
        if key.public_key().to_bytes().ok().as_ref() != Some(&self.key.blob) {
            return Err("is not the private half of `public_key`");
        }
        let signature = match key.key_data() {
            KeypairData::Rsa(pair) => self.by_rsa(&numbers(pair)?),
            _ => key.try_sign(&self.data).map_err(|_| UNKNOWN),
        }?;
        Vec::try_from(signature).map_err(|_| UNKNOWN)
    }

    /// Like OpenSSH: SHA-256 if both are allowed.
    fn by_rsa(&self, key: &RsaPrivateKey) -> Result<Signature, &'static str> {
        match self.flags & SHA_256 != 0 {
            true => self.by_rsa_with::<Sha256>(key, HashAlg::Sha256),
            false => self.by_rsa_with::<Sha512>(key, HashAlg::Sha512),
        }
    }

    /// Blinded: how long it takes tells less of the key.
    fn by_rsa_with<D: Digest + rsa::pkcs8::AssociatedOid>(
        &self,
        key: &RsaPrivateKey,
        hash: HashAlg,
    ) -> Result<Signature, &'static str> {
        let made = SigningKey::<D>::new(key.clone()).try_sign_with_rng(&mut OsRng, &self.data);
        let made = made.map_err(|_| "is an RSA key that cannot sign")?;
        Signature::new(Algorithm::Rsa { hash: Some(hash) }, made.to_vec()).map_err(|_| UNKNOWN)
    }
}

/// The public half of a private key, without a comment; none if only a passphrase would tell it.
pub(super) fn public_half(private: &[u8]) -> Option<ssh_key::PublicKey> {
    let key = parse(private).ok()?;
    let mut public = key.public_key().clone();
    public.set_comment("");
    Some(public)
}

fn open(private: &[u8], passphrase: Option<&Secret>) -> Result<PrivateKey, &'static str> {
    let key = parse(private)?;
    match (key.is_encrypted(), passphrase) {
        (false, _) => Ok(key),
        (true, None) => Err("is encrypted, and there is no field `passphrase`"),
        (true, Some(words)) => {
            key.decrypt(words.expose()).map_err(|_| "is encrypted with another passphrase")
        }
    }
}

fn parse(private: &[u8]) -> Result<PrivateKey, &'static str> {
    let text = std::str::from_utf8(private).map_err(|_| NOT_PEM)?;
    let is = |label: &str| text.contains(&format!("-----BEGIN {label}-----"));
    match () {
        () if is("OPENSSH PRIVATE KEY") => PrivateKey::from_openssh(text).map_err(|_| NOT_PEM),
        () if text.contains("Proc-Type: 4,ENCRYPTED") || is("ENCRYPTED PRIVATE KEY") => {
            Err("is encrypted in an old form; this makes a new one: ssh-keygen -p -f KEY")
        }
        () if is("RSA PRIVATE KEY") => {
            RsaPrivateKey::from_pkcs1_pem(text).map_err(|_| NOT_PEM).and_then(|key| of_rsa(&key))
        }
        () if is("PRIVATE KEY") => of_pkcs8(text),
        () => Err(NOT_PEM),
    }
}

fn of_pkcs8(text: &str) -> Result<PrivateKey, &'static str> {
    if let Ok(key) = RsaPrivateKey::from_pkcs8_pem(text) {
        return of_rsa(&key);
    }
    let key = ed25519_dalek::SigningKey::from_pkcs8_pem(text).map_err(|_| UNKNOWN)?;
    PrivateKey::new(KeypairData::Ed25519(Ed25519Keypair::from(key)), "").map_err(|_| UNKNOWN)
}

fn of_rsa(key: &RsaPrivateKey) -> Result<PrivateKey, &'static str> {
    let pair = RsaKeypair::try_from(key).map_err(|_| UNKNOWN)?;
    PrivateKey::new(KeypairData::Rsa(pair), "").map_err(|_| UNKNOWN)
}

/// Put together here: the library's own way takes one of the primes twice.
fn numbers(pair: &RsaKeypair) -> Result<RsaPrivateKey, &'static str> {
    let number = |part| BigUint::try_from(part).map_err(|_| NOT_PEM);
    let primes = vec![number(&pair.private.p)?, number(&pair.private.q)?];
    let (n, e, d) = (number(&pair.public.n)?, number(&pair.public.e)?, number(&pair.private.d)?);
    RsaPrivateKey::from_components(n, e, d, primes).map_err(|_| "is an RSA key that is damaged")
}

/// How the blob of an RSA key begins.
const RSA: &[u8] = b"\0\0\0\x07ssh-rsa";
const SHA_256: u32 = 2;
const SHA_512: u32 = 4;
const NOT_PEM: &str = "is no private key in OpenSSH's form or in PEM";
const UNKNOWN: &str =
    "has a key of a sort that cannot be used here (ed25519, RSA, ECDSA on P-256 can)";
const IN_A_TOKEN: &str = "has a key in a security token, which signs by itself";
