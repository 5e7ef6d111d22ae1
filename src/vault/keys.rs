//! The keys of an unlocked vault: one age identity, one root, and what is derived from the root.

use super::recipient::Table;
use super::tlv::Hash;
use age::{Recipient, x25519};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::sync::OnceLock;
use uuid::Uuid;
use zeroize::Zeroizing;

/// 32 random bytes from which the MAC keys come. Independent of the identity, so that a copy that
/// can read but not write is possible.
pub(super) type AuthRoot = Zeroizing<[u8; 32]>;

/// A MAC key, ready to use. Boxed, so that moves leave no copies and the allocator wipes it.
pub(super) struct MacKey(Box<Hmac<Sha256>>);

impl MacKey {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104)")]
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(Box::new(Hmac::new_from_slice(key).expect("HMAC takes keys of any length")))
    }

    /// HMAC-SHA256 (RFC 2104) of a message.
    pub(super) fn tag(&self, message: &[u8]) -> Hash {
        let mut mac = (*self.0).clone();
        mac.update(message);
        mac.finalize().into_bytes().into()
    }

    /// Whether `tag` is the tag of `message`, compared in constant time.
    pub(super) fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        let mut mac = (*self.0).clone();
        mac.update(message);
        mac.verify_slice(tag).is_ok()
    }
}

/// Everything an unlocked vault holds. Dropping it wipes it.
pub(super) struct Keys {
    pub(super) identity: x25519::Identity,
    /// What the keys below come from: needed to make another slot. Boxed like them.
    pub(super) root: Box<AuthRoot>,
    recipient: OnceLock<x25519::Recipient>,
    /// Boxed like the others: moves leave no copies of it, and the allocator wipes it.
    table: OnceLock<Box<Table>>,
    pub(super) row: MacKey,
    pub(super) state: MacKey,
    pub(super) pin: MacKey,
    pub(super) audit: MacKey,
    /// The seed of the key that signs checkpoints.
    pub(super) sign: Box<Zeroizing<[u8; 32]>>,
}

impl Keys {
    /// To whom secrets are sealed. Never stored and never shown: whoever knows it could write secrets
    /// that open. Reading needs none, so it is computed when first asked for.
    pub(super) fn recipient(&self) -> &dyn Recipient {
        match self.table.get() {
            Some(table) => &**table,
            None => self.recipient.get_or_init(|| self.identity.to_public()),
        }
    }

    /// Makes sealing quicker from now on, for whoever is about to seal hundreds of values.
    pub(super) fn prepare_for_many(&self) {
        if let Some(table) = Table::of(&self.identity.to_public()) {
            let _ = self.table.set(Box::new(table));
        }
    }

    /// What agents and their clients show each other: derived only when it is asked for.
    pub(super) fn agent(&self, vault_id: Uuid, epoch: u32) -> Zeroizing<[u8; 32]> {
        derive_bytes(&hkdf(&self.root, vault_id, epoch), "agent")
    }

    /// Fresh ones for an epoch.
    pub(super) fn new(vault_id: Uuid, epoch: u32) -> Self {
        Self::derive(x25519::Identity::generate(), random_32(), vault_id, epoch)
    }

    /// Derives the MAC keys of an epoch: HKDF-SHA256 (RFC 5869) over `auth_root`, salted with vault
    /// id and epoch, one info string each.
    pub(super) fn derive(
        identity: x25519::Identity,
        auth_root: AuthRoot,
        vault_id: Uuid,
        epoch: u32,
    ) -> Self {
        let hkdf = hkdf(&auth_root, vault_id, epoch);
        Self {
            recipient: OnceLock::new(),
            table: OnceLock::new(),
            identity,
            root: Box::new(auth_root),
            row: derive_one(&hkdf, "row"),
            state: derive_one(&hkdf, "state"),
            pin: derive_one(&hkdf, "pin"),
            audit: derive_one(&hkdf, "audit"),
            sign: Box::new(derive_bytes(&hkdf, "sign")),
        }
    }
}

fn hkdf(auth_root: &AuthRoot, vault_id: Uuid, epoch: u32) -> Hkdf<Sha256> {
    let mut salt = [0; 20];
    salt[..16].copy_from_slice(vault_id.as_bytes());
    salt[16..].copy_from_slice(&epoch.to_be_bytes());
    Hkdf::new(Some(&salt), &auth_root[..])
}

fn derive_one(hkdf: &Hkdf<Sha256>, name: &str) -> MacKey {
    MacKey::new(&derive_bytes(hkdf, name))
}

#[expect(clippy::expect_used, reason = "HKDF-SHA256 gives up to 8160 bytes; this asks for 32")]
fn derive_bytes(hkdf: &Hkdf<Sha256>, name: &str) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    hkdf.expand_multi_info(&[b"vault/v1/", name.as_bytes()], &mut key[..])
        .expect("32 bytes are within HKDF's limit");
    key
}

/// 32 bytes from the system's generator.
pub(super) fn random_32() -> Zeroizing<[u8; 32]> {
    let mut bytes = Zeroizing::new([0; 32]);
    rand::fill(&mut bytes[..]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    /// The keys themselves cannot be taken out again, but what they make can be compared.
    #[test]
    fn keys_make_the_published_tags() {
        let text = include_str!("../../tests/vectors/vectors.json");
        let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
        let bytes = |at: &str| {
            let hex = vectors.pointer(at).unwrap().as_str().unwrap();
            HEXLOWER.decode(hex.as_bytes()).unwrap()
        };
        let root = Zeroizing::new(bytes("/keys/auth_root").try_into().unwrap());
        let vault_id = Uuid::from_slice(&bytes("/keys/vault_id")).unwrap();
        let keys = Keys::derive(x25519::Identity::generate(), root, vault_id, 1);
        for (key, name, message, tag) in [
            (&keys.row, "row", "/credential/0/message", "/credential/0/tag"),
            (&keys.state, "state", "/vault/message", "/vault/mac"),
            (&keys.audit, "audit", "/segment/0/message", "/segment/0/tag"),
        ] {
            assert!(key.verify(&bytes(message), &bytes(tag)), "{name}");
            let published = MacKey::new(&bytes(&format!("/keys/K_{name}")).try_into().unwrap());
            assert_eq!(published.tag(b"x"), key.tag(b"x"), "{name}");
        }
        let published = MacKey::new(&bytes("/keys/K_pin").try_into().unwrap());
        assert_eq!(published.tag(b"x"), keys.pin.tag(b"x"));
    }
}
