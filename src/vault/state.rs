//! The state tree: what makes a deleted, resurrected, rolled-back or forged row show
//! (FORMAT.md, "State tree").
//!
//! Credentials and tombstones fall into 2^18 leaves by a hash of their id. Three levels of nodes
//! with up to 64 children stand above them; the root's hash is in the vault's row, under a MAC.
//! Checking one credential reads one leaf (some four rows at a million credentials) and three
//! nodes of at most 2 KiB.

use super::keys::{Keys, random_32};
use super::store::vault::{self as rows, Member};
use super::store::{CredentialRow, Db, VaultRow};
use super::tlv::Hash;
use crate::error::{Error, Result};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;
use zeroize::Zeroizing;

const LEAF_BITS: u32 = 18;
const STEP: u32 = 6;
const LEVELS: u32 = LEAF_BITS / STEP;
/// From this many changed leaves on, making the whole tree anew is cheaper.
const REBUILD: usize = 2_000;

/// The leaf of a credential: the first 18 bits of SHA-256 of its id. Not of the id itself, whose
/// first bits are a clock.
pub(super) fn bucket(id: Uuid) -> i64 {
    let hash = Sha256::digest(id.as_bytes());
    (i64::from(hash[0]) << 16 | i64::from(hash[1]) << 8 | i64::from(hash[2])) >> 6
}

/// The children of a node: position among 64, and hash. Absent ones are empty.
type Children = BTreeMap<u8, Hash>;

fn encode(children: &Children) -> Vec<u8> {
    let mut blob = Vec::with_capacity(children.len() * 33);
    for (position, hash) in children {
        blob.push(*position);
        blob.extend_from_slice(hash);
    }
    blob
}

fn decode(blob: &[u8]) -> Result<Children> {
    let children: Children =
        blob.chunks_exact(33).filter_map(|c| Some((c[0], c[1..].try_into().ok()?))).collect();
    // Only the canonical encoding has the hash that was MACed.
    match encode(&children) == blob {
        true => Ok(children),
        false => Err(broken()),
    }
}

fn node_hash(level: i64, children: &[u8]) -> Hash {
    let mut hash = Sha256::new();
    hash.update(b"vault/node/v1");
    hash.update(level.to_be_bytes());
    hash.update(children);
    hash.finalize().into()
}

/// The hash of a tree without any credential.
pub(super) fn empty_root() -> Hash {
    node_hash(0, &[])
}

/// Hashes the members of one leaf, which must come in order of table and id.
struct LeafHash(Option<Sha256>);

impl LeafHash {
    fn add(&mut self, member: &Member) {
        let hash = self.0.get_or_insert_with(|| {
            let mut hash = Sha256::new();
            hash.update(b"vault/leaf/v1");
            hash
        });
        hash.update([member.table]);
        hash.update(member.id);
        hash.update(member.row_tag);
    }

    /// None for an empty leaf.
    fn finish(self) -> Option<Hash> {
        self.0.map(|hash| hash.finalize().into())
    }
}

fn leaf(db: &Db, bucket: i64, mut look: impl FnMut(&Member)) -> Result<Option<Hash>> {
    let mut hash = LeafHash(None);
    rows::members(db, bucket, |member| {
        hash.add(&member);
        look(&member);
        Ok(())
    })?;
    Ok(hash.finish())
}

/// Checks that the credential `id` with this row tag is in the state that the vault's row commits
/// to. The row's own tag and the vault's MAC have been checked by the caller.
///
/// That the leaf is genuine is not enough: the row must be *in* it, or an older true copy of it, kept
/// outside all leaves, would pass.
pub(super) fn check_member(db: &Db, vault: &VaultRow, id: Uuid, row_tag: &Hash) -> Result<()> {
    let mut is_member = false;
    check_leaf(db, vault, bucket(id), |member| {
        is_member |= member.table == 1 && member.id == *id.as_bytes() && member.row_tag == *row_tag;
    })?;
    match is_member {
        true => Ok(()),
        false => Err(broken()),
    }
}

/// Checks that the leaf of `bucket`, as it is now, is what the vault's row commits to.
pub(super) fn check_leaf(
    db: &Db,
    vault: &VaultRow,
    bucket: i64,
    look: impl FnMut(&Member),
) -> Result<()> {
    let mut expected = Some(vault.root);
    for level in 0..LEVELS {
        let (position, child) = path(bucket, level);
        let blob = rows::node(db, i64::from(level), position)?;
        let stored = (level == 0 || !blob.is_empty()).then(|| node_hash(i64::from(level), &blob));
        if stored != expected {
            return Err(broken());
        }
        expected = decode(&blob)?.get(&child).copied();
    }
    match leaf(db, bucket, look)? == expected {
        true => Ok(()),
        false => Err(broken()),
    }
}

/// The position of the node over `bucket` at `level`, and of its child on the way down.
fn path(bucket: i64, level: u32) -> (i64, u8) {
    let position = bucket >> (LEAF_BITS - level * STEP);
    let child = (bucket >> (LEAF_BITS - (level + 1) * STEP)) & 63;
    (position, u8::try_from(child).unwrap_or_default())
}

/// Brings the tree up to date after changes in the given leaves; the new root hash.
pub(super) fn update(db: &Db, changed: &BTreeSet<i64>) -> Result<Hash> {
    if changed.len() > REBUILD {
        return rebuild(db);
    }
    let mut below = BTreeMap::new();
    for bucket in changed {
        below.insert(*bucket, leaf(db, *bucket, |_| ())?);
    }
    for level in (0..i64::from(LEVELS)).rev() {
        below = lift(db, level, &below)?;
    }
    Ok(below.into_values().flatten().next().unwrap_or_else(empty_root))
}

/// Enters the changed hashes of one level into the nodes above; those nodes' hashes.
fn lift(
    db: &Db,
    level: i64,
    below: &BTreeMap<i64, Option<Hash>>,
) -> Result<BTreeMap<i64, Option<Hash>>> {
    let mut nodes: BTreeMap<i64, Children> = BTreeMap::new();
    for (position, hash) in below {
        let parent = position >> STEP;
        let children = match nodes.entry(parent) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(decode(&rows::node(db, level, parent)?)?)
            }
        };
        let child = u8::try_from(position & 63).unwrap_or_default();
        match hash {
            Some(hash) => children.insert(child, *hash),
            None => children.remove(&child),
        };
    }
    let mut hashes = BTreeMap::new();
    for (position, children) in nodes {
        hashes.insert(position, store(db, level, position, &children)?);
    }
    Ok(hashes)
}

fn store(db: &Db, level: i64, position: i64, children: &Children) -> Result<Option<Hash>> {
    if children.is_empty() {
        rows::drop_node(db, level, position)?;
        return Ok(None);
    }
    let blob = encode(children);
    rows::put_node(db, level, position, &blob)?;
    Ok(Some(node_hash(level, &blob)))
}

/// Makes the whole tree anew from the rows; the root hash.
pub(super) fn rebuild(db: &Db) -> Result<Hash> {
    let mut below = leaves(db, |_| {})?;
    rows::drop_nodes(db)?;
    for level in (0..i64::from(LEVELS)).rev() {
        below = lift(db, level, &below)?;
    }
    Ok(below.into_values().flatten().next().unwrap_or_else(empty_root))
}

/// The hashes of all leaves that are not empty, in one scan; `each` sees every member.
fn leaves(db: &Db, mut each: impl FnMut(&Member)) -> Result<BTreeMap<i64, Option<Hash>>> {
    let mut found = BTreeMap::new();
    let mut current = (0, LeafHash(None));
    // No bounds: a row filed outside the tree must be seen, to be refused.
    rows::all_members(db, |member| {
        if !(0..1 << LEAF_BITS).contains(&member.bucket) {
            return Err(broken());
        }
        each(&member);
        if member.bucket != current.0 {
            let done = std::mem::replace(&mut current, (member.bucket, LeafHash(None)));
            found.insert(done.0, done.1.finish());
        }
        current.1.add(&member);
        Ok(())
    })?;
    found.insert(current.0, current.1.finish());
    found.retain(|_, hash| hash.is_some());
    Ok(found)
}

/// Checks every credential's tag and the whole tree. Only after this is it true that something is
/// *not* there: a changed row may hide from a search or a filter.
pub(super) fn check_all(db: &Db, vault: &VaultRow, keys: &Keys) -> Result<()> {
    let mut in_tree = Total::new();
    check_tree(db, vault, &mut in_tree)?;
    let mut in_table = in_tree.again();
    let mut last: Option<(String, Uuid)> = None;
    CredentialRow::each(db, |mut row| {
        super::check::check_tag(&mut row, vault, keys)?;
        in_table.add(bucket(row.id), row.id.as_bytes(), &row.row_tag);
        // Out of order, a row would be there for a scan but not for a search.
        let this = (row.name, row.id);
        if last.as_ref().is_some_and(|last| *last >= this) {
            return Err(broken());
        }
        last = Some(this);
        Ok(())
    })?;
    match in_table.sum == in_tree.sum {
        true => Ok(()),
        false => Err(broken()),
    }
}

/// A sum over a set of rows under a random key, to compare two sets in constant memory: the tree is
/// read from an index, and whoever writes to the file can let index and table disagree. Nobody can
/// aim at a sum whose key does not exist before the check.
struct Total {
    key: Zeroizing<[u8; 32]>,
    sum: u128,
}

impl Total {
    fn new() -> Self {
        Self { key: random_32(), sum: 0 }
    }

    /// An empty sum under the same key.
    fn again(&self) -> Self {
        Self { key: self.key.clone(), sum: 0 }
    }

    fn add(&mut self, bucket: i64, id: &[u8; 16], tag: &Hash) {
        let mut hash = Sha256::new();
        hash.update(&self.key[..]);
        hash.update(bucket.to_be_bytes());
        hash.update(id);
        hash.update(tag);
        let hash: Hash = hash.finalize().into();
        let (half, _) = hash.split_first_chunk().unwrap_or((&[0; 16], &[]));
        self.sum = self.sum.wrapping_add(u128::from_be_bytes(*half));
    }
}

/// Recomputes the tree from the rows and compares it with what is stored: the nodes one by one, and
/// the root.
fn check_tree(db: &Db, vault: &VaultRow, total: &mut Total) -> Result<()> {
    let mut expected: BTreeMap<(i64, i64), Children> = BTreeMap::new();
    let mut below = leaves(db, |member| {
        if member.table == 1 {
            total.add(member.bucket, &member.id, &member.row_tag);
        }
    })?;
    for level in (0..i64::from(LEVELS)).rev() {
        let mut above: BTreeMap<i64, Children> = BTreeMap::new();
        for (position, hash) in below.iter().filter_map(|(p, h)| h.map(|h| (p, h))) {
            let child = u8::try_from(position & 63).unwrap_or_default();
            above.entry(position >> STEP).or_default().insert(child, hash);
        }
        below = BTreeMap::new();
        for (position, children) in above {
            below.insert(position, Some(node_hash(level, &encode(&children))));
            expected.insert((level, position), children);
        }
    }
    let root = below.into_values().flatten().next().unwrap_or_else(empty_root);
    let mut same = root == vault.root;
    rows::each_node(db, |level, position, blob| {
        let node = expected.remove(&(level, position));
        same &= node.is_some_and(|children| encode(&children) == blob);
        Ok(())
    })?;
    match same && expected.is_empty() {
        true => Ok(()),
        false => Err(broken()),
    }
}

fn broken() -> Error {
    Error::integrity("the vault's rows were changed, removed or put back from outside")
        .hint("restore the vault from a backup; `vault doctor` names what is wrong")
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    #[test]
    fn leaves_and_nodes_are_as_published() {
        let text = include_str!("../../tests/vectors/vectors.json");
        let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
        let tree = &vectors["tree"];
        let bytes =
            |hex: &serde_json::Value| HEXLOWER.decode(hex.as_str().unwrap().as_bytes()).unwrap();
        assert_eq!(bytes(&tree["empty_root"]), empty_root());
        for node in tree["nodes"].as_array().unwrap() {
            let (level, children) = (node["level"].as_i64().unwrap(), bytes(&node["children"]));
            assert_eq!(node_hash(level, &children)[..], bytes(&node["hash"]));
            assert_eq!(encode(&decode(&children).unwrap()), children);
        }
        for leaf in tree["leaves"].as_array().unwrap() {
            let members = bytes(&leaf["members"]);
            // Domain, table, id, tag.
            let id = Uuid::from_slice(&members[14..30]).unwrap();
            assert_eq!(Some(bucket(id)), leaf["bucket"].as_i64());
            let member = Member {
                bucket: bucket(id),
                table: members[13],
                id: *id.as_bytes(),
                row_tag: members[30..].try_into().unwrap(),
            };
            let mut hash = LeafHash(None);
            hash.add(&member);
            assert_eq!(hash.finish().unwrap()[..], bytes(&leaf["hash"]));
        }
    }
}
