//! A second implementation of FORMAT.md, for checking only. It shares no code with the program, and
//! is stricter: a column must hold exactly the text that a writer would have stored.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

pub type Hash = [u8; 32];
/// Columns by name.
pub type Row = BTreeMap<String, Value>;
/// What is wrong, or that nothing is.
pub type Check<T = ()> = Result<T, String>;

const TABLES: [(&str, &str); 12] = [
    ("vault", "id"),
    ("slot", "id"),
    ("credential", "name, id"),
    ("tombstone", "bucket, id"),
    ("secret", "credential, field, version"),
    ("node", "level, position"),
    ("segment", "id"),
    ("incident", "number"),
    ("incident_event", "incident, number"),
    ("incident_link", "incident, credential"),
    ("checkpoint", "seq"),
    ("pruned", "id"),
];

/// All that is on the disk.
#[derive(Clone)]
pub struct Disk {
    pub application_id: i64,
    pub user_version: i64,
    pub tables: BTreeMap<&'static str, Vec<Row>>,
    pub seal: Vec<u8>,
}

impl Disk {
    /// Reads a database that nobody else has open, and a seal file.
    pub fn read(database: &Path, seal: &Path) -> Self {
        let uri = format!("file:{}?immutable=1", database.display());
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let db = Connection::open_with_flags(uri, flags).unwrap();
        let number = |sql: &str| db.query_row(sql, [], |row| row.get(0)).unwrap();
        let mut tables = BTreeMap::new();
        for (table, order) in TABLES.into_iter().chain([("entry", "seq")]) {
            tables.insert(table, rows(&db, table, order));
        }
        Self {
            application_id: number("PRAGMA application_id"),
            user_version: number("PRAGMA user_version"),
            tables,
            seal: std::fs::read(seal).unwrap(),
        }
    }

    fn table(&self, name: &str) -> &[Row] {
        &self.tables[name]
    }

    fn vault(&self) -> Check<&Row> {
        match self.table("vault") {
            [row] if int(row, "id")? == 1 => Ok(row),
            _ => Err("the vault has not one row".into()),
        }
    }
}

fn rows(db: &Connection, table: &str, order: &str) -> Vec<Row> {
    let mut statement = db.prepare(&format!("SELECT * FROM {table} ORDER BY {order}")).unwrap();
    let names = statement.column_names();
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    statement
        .query_map([], |row| {
            let column = |i: usize| Ok((names[i].clone(), row.get(i)?));
            (0..names.len()).map(column).collect()
        })
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

/// What a slot holds, and the MAC keys derived from it.
pub struct Keys {
    pub identity: age::x25519::Identity,
    pub auth_root: Hash,
    pub mac: BTreeMap<&'static str, Hash>,
}

/// Opens the first key-file slot that `key_file` fits.
pub fn unlock(disk: &Disk, key_file: &str) -> Check<Keys> {
    let key = identity(key_file).ok_or("no identity in the key file")?;
    let vault = disk.vault()?;
    for slot in disk.table("slot") {
        let fits = text(slot, "kind")? == "key_file";
        match decrypt(&key, blob(slot, "sealed")?) {
            Ok(plain) if fits => return slot_content(&plain, vault),
            _ => {}
        }
    }
    Err("no slot opens".into())
}

fn identity(file: &str) -> Option<age::x25519::Identity> {
    let mut lines = file.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
    let key = lines.next()?.parse().ok()?;
    lines.next().is_none().then_some(key)
}

fn slot_content(plain: &[u8], vault: &Row) -> Check<Keys> {
    let content = std::str::from_utf8(plain).map_err(|_| "a slot is no text")?;
    let (id, epoch) = (blob(vault, "vault_id")?, int(vault, "epoch")?);
    let lines: Vec<&str> = content.lines().collect();
    let [head, root, key] = lines[..] else {
        return Err("a slot has not three lines".into());
    };
    let begin = format!("# vault v1 id={} epoch={epoch} created=", hex(id));
    ensure(head.starts_with(&begin), "a slot of another vault")?;
    let root = root.strip_prefix("# auth-root: ").ok_or("no auth-root")?;
    let root = data_encoding::BASE64.decode(root.as_bytes()).map_err(|_| "auth-root")?;
    let auth_root: Hash = root.try_into().map_err(|_| "auth-root's length")?;
    let salt = [id, &u32::try_from(epoch).unwrap().to_be_bytes()].concat();
    let derive = |name: &'static str| {
        let mut key = [0; 32];
        let info = format!("vault/v1/{name}");
        let hkdf = Hkdf::<Sha256>::new(Some(&salt), &auth_root);
        hkdf.expand(info.as_bytes(), &mut key).unwrap();
        (name, key)
    };
    Ok(Keys {
        identity: key.parse().map_err(|_| "no identity in a slot")?,
        auth_root,
        mac: ["row", "state", "pin", "audit", "sign"].map(derive).into(),
    })
}

/// Checks everything, and says what came out on the way.
pub fn check(disk: &Disk, keys: &Keys) -> Check<Json> {
    ensure(disk.application_id == 0x766c_7431, "application_id")?;
    ensure(disk.user_version == 1, "user_version")?;
    let mut found = Map::new();
    found.insert("keys".into(), known_keys(disk, keys)?);
    found.insert("vault".into(), vault_row(disk, keys)?);
    found.insert("tree".into(), tree(disk)?);
    let tagged = [
        "slot",
        "credential",
        "tombstone",
        "secret",
        "segment",
        "pruned",
        "incident",
        "incident_event",
        "incident_link",
    ];
    for table in tagged {
        found.insert(table.into(), tags(disk, keys, table)?);
    }
    versions(disk)?;
    incidents(disk)?;
    let chain = chain(disk)?;
    found.insert("checkpoint".into(), checkpoints(disk, keys)?);
    found.insert("seal".into(), seal(disk, keys)?);
    let (log, next) = log(disk, keys, chain)?;
    found.insert("log".into(), log);
    seal_key(disk, &next)?;
    found.insert("values".into(), values(disk, keys)?);
    found.insert("texts".into(), texts(disk, keys)?);
    found.insert("padding".into(), paddings());
    Ok(Json::Object(found))
}

fn known_keys(disk: &Disk, keys: &Keys) -> Check<Json> {
    let vault = disk.vault()?;
    let mut all = json!({
        "vault_id": hex(blob(vault, "vault_id")?),
        "epoch": int(vault, "epoch")?,
        "auth_root": hex(&keys.auth_root),
    });
    for (name, key) in &keys.mac {
        all[format!("K_{name}")] = hex(key).into();
    }
    Ok(all)
}

fn vault_row(disk: &Disk, keys: &Keys) -> Check<Json> {
    let vault = disk.vault()?;
    let mut slots = b"vault/slots/v1".to_vec();
    for slot in disk.table("slot") {
        slots.extend_from_slice(blob(slot, "id")?);
        slots.extend_from_slice(blob(slot, "row_tag")?);
    }
    ensure(sha256(&slots) == blob(vault, "slots")?, "slots")?;
    let columns = "vault_id epoch created_at counter root slots incidents log_seq";
    let message = message("vault/state/v1", vault, columns)?;
    let mac = tag(&keys.mac["state"], &message);
    ensure(mac == blob(vault, "mac")?, "the vault's MAC")?;
    Ok(json!({ "message": hex(&message), "mac": hex(&mac), "slots": hex(&sha256(&slots)) }))
}

/// The columns of each table's message after vault id and epoch. `#` stands for a hash of the column.
fn columns(table: &str) -> &'static str {
    match table {
        "slot" => "id label kind created_at #sealed #recipient",
        "credential" => {
            "id name kind username url host database client service infra environment owner \
             description port tags requires_vpn requires_2fa expires_at last_rotated_at \
             last_verified_at rotate_every keep verdict fields heads revision created_at updated_at \
             deleted_at restored_at"
        }
        "tombstone" => "id revision purged_at",
        "pruned" => "seq hash counter pruned_at segments",
        "secret" => {
            "credential field version created_at origin author reason media purged_at previous #sealed"
        }
        "incident" => {
            "number id title type severity status outcome source client service infra owner \
             occurred_at detected_at opened_at contained_at resolved_at #sealed links events \
             last_event revision updated_at deleted_at version"
        }
        "incident_event" => {
            "incident number at happened_at kind author credential name detail previous #sealed"
        }
        "incident_link" => "incident credential name exposure linked_at verified_at waived_at",
        _ => "id first_seq previous_hash created_at host cause #sealed_key",
    }
}

fn tags(disk: &Disk, keys: &Keys, table: &str) -> Check<Json> {
    let vault = disk.vault()?;
    let key = if ["segment", "pruned"].contains(&table) { "audit" } else { "row" };
    let mut found = Vec::new();
    for row in disk.table(table) {
        let mut about = row.clone();
        for name in ["vault_id", "epoch"] {
            about.insert(name.into(), vault[name].clone());
        }
        let columns = format!("vault_id epoch {}", columns(table));
        // a credential may be a canary, and only its tag tells
        let domains = [table, if table == "credential" { "canary" } else { table }];
        let tagged = |kind: &str| {
            let message =
                message(&format!("vault/{}/v1", kind.replace('_', "-")), &about, &columns)?;
            Ok::<_, String>((tag(&keys.mac[key], &message), message))
        };
        let (mut tag, mut message) = tagged(domains[0])?;
        if tag != blob(row, "row_tag")? {
            (tag, message) = tagged(domains[1])?;
        }
        ensure(tag == blob(row, "row_tag")?, &format!("a tag in {table}"))?;
        found.push(json!({ "message": hex(&message), "tag": hex(&tag) }));
    }
    Ok(found.into())
}

/// The heads of credentials and the chains below them: all there, and nothing else.
fn versions(disk: &Disk) -> Check {
    let mut left: Vec<&Row> = disk.table("secret").iter().collect();
    for credential in disk.table("credential") {
        for (field, mut version, tag) in heads(blob(credential, "heads")?)? {
            let (newest, mut wanted) = (tag.clone(), Some(tag));
            while let Some(tag) = wanted {
                let at = left
                    .iter()
                    .position(|row| row["row_tag"] == Value::Blob(tag.clone()))
                    .ok_or("a version is missing")?;
                let row = left.swap_remove(at);
                ensure(row["credential"] == credential["id"], "its credential")?;
                ensure(text(row, "field")? == field, "its field")?;
                ensure(int(row, "version")? == version, "its version")?;
                let current = row["row_tag"] == Value::Blob(newest.clone());
                ensure(!current || row["purged_at"] == Value::Null, "a head that is purged")?;
                wanted = match &row["previous"] {
                    Value::Blob(tag) => Some(tag.clone()),
                    _ => None,
                };
                version -= 1;
            }
            ensure(version == 0, "versions do not begin with 1")?;
        }
    }
    ensure(left.is_empty(), "a version without a credential")
}

/// The incidents that the vault's row names, and what hangs on each: all there, and nothing else.
fn incidents(disk: &Disk) -> Check {
    let mut all = b"vault/incidents/v1".to_vec();
    let (mut events, mut links) = (0, 0);
    for incident in disk.table("incident") {
        all.extend_from_slice(blob(incident, "id")?);
        all.extend_from_slice(blob(incident, "row_tag")?);
        let mut linked = b"vault/incident-links/v1".to_vec();
        for link in
            disk.table("incident_link").iter().filter(|l| l["incident"] == incident["number"])
        {
            linked.extend_from_slice(blob(link, "credential")?);
            linked.extend_from_slice(blob(link, "row_tag")?);
            links += 1;
        }
        ensure(sha256(&linked) == blob(incident, "links")?, "the links of an incident")?;
        let mut last = (0, Value::Null);
        for event in
            disk.table("incident_event").iter().filter(|e| e["incident"] == incident["number"])
        {
            ensure(int(event, "number")? == last.0 + 1, "the number of an event")?;
            ensure(event["previous"] == last.1, "the event before")?;
            last = (last.0 + 1, event["row_tag"].clone());
            events += 1;
        }
        ensure(int(incident, "events")? == last.0, "the number of events")?;
        ensure(incident["last_event"] == last.1, "the last event")?;
    }
    ensure(sha256(&all) == blob(disk.vault()?, "incidents")?, "the incidents")?;
    ensure(events == disk.table("incident_event").len(), "an event of no incident")?;
    ensure(links == disk.table("incident_link").len(), "a link of no incident")
}

/// The sealed texts of incidents and events.
fn texts(disk: &Disk, keys: &Keys) -> Check<Json> {
    let vault = hex(blob(disk.vault()?, "vault_id")?);
    let mut found = Vec::new();
    let mut open = |id: &[u8], field: &str, version: i64, sealed: &[u8]| -> Check {
        let plain = decrypt(&keys.identity, sealed)?;
        let cred = hex(id);
        let header = |len: usize| {
            format!(
                "{{\"v\":1,\"vault\":\"{vault}\",\"cred\":\"{cred}\",\"field\":\"{field}\",\"ver\":{version},\"len\":{len}}}\n"
            )
        };
        let text = value(&plain, header)?;
        found.push(String::from_utf8(text.to_vec()).map_err(|_| "a text")?);
        Ok(())
    };
    for incident in disk.table("incident") {
        let id = blob(incident, "id")?;
        open(id, "incident", int(incident, "version")?, blob(incident, "sealed")?)?;
        for event in
            disk.table("incident_event").iter().filter(|e| e["incident"] == incident["number"])
        {
            if let Value::Blob(sealed) = &event["sealed"] {
                open(id, "event", int(event, "number")?, sealed)?;
            }
        }
    }
    Ok(found.into())
}

fn heads(mut blob: &[u8]) -> Check<Vec<(String, i64, Vec<u8>)>> {
    let mut all: Vec<(String, i64, Vec<u8>)> = Vec::new();
    while let Some((length, rest)) = blob.split_first() {
        let length = usize::from(*length);
        ensure(rest.len() >= length + 36, "heads are cut short")?;
        let field = String::from_utf8(rest[..length].to_vec()).map_err(|_| "a field's name")?;
        let version = u32::from_be_bytes(rest[length..length + 4].try_into().unwrap());
        let in_order = all.last().is_none_or(|last| last.0 < field);
        ensure(in_order, "heads are out of order")?;
        all.push((field, version.into(), rest[length + 4..length + 36].to_vec()));
        blob = &rest[length + 36..];
    }
    Ok(all)
}

/// The state tree, from the rows up to the root.
fn tree(disk: &Disk) -> Check<Json> {
    let mut members: BTreeMap<(u32, u8, &[u8]), &[u8]> = BTreeMap::new();
    for (part, table) in [(1, "credential"), (2, "tombstone")] {
        for row in disk.table(table) {
            let id = blob(row, "id")?;
            let bucket = bucket(id);
            ensure(int(row, "bucket")? == i64::from(bucket), "a bucket")?;
            let twice = members.insert((bucket, part, id), blob(row, "row_tag")?);
            ensure(twice.is_none(), "an id is there twice")?;
        }
    }
    let mut leaves: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    for ((bucket, part, id), tag) in members {
        let leaf = leaves.entry(bucket).or_insert_with(|| b"vault/leaf/v1".to_vec());
        leaf.push(part);
        leaf.extend_from_slice(id);
        leaf.extend_from_slice(tag);
    }
    let mut below: BTreeMap<u32, Hash> = leaves.iter().map(|(b, m)| (*b, sha256(m))).collect();
    let leaf_hashes: Vec<Json> = leaves
        .iter()
        .map(|(b, m)| json!({ "bucket": b, "members": hex(m), "hash": hex(&sha256(m)) }))
        .collect();
    let mut nodes = Vec::new();
    for level in [2, 1, 0] {
        below = lift(level, &below, &mut nodes);
    }
    nodes.sort_by_key(|node| (node.0, node.1));
    let root = below.get(&0).copied().unwrap_or_else(|| node_hash(0, &[]));
    ensure(root == blob(disk.vault()?, "root")?, "the root")?;
    stored_nodes(disk, &nodes)?;
    let nodes: Vec<Json> = nodes
        .iter()
        .map(|(level, position, children)| {
            let hash = hex(&node_hash(*level, children));
            json!({ "level": level, "position": position, "children": hex(children), "hash": hash })
        })
        .collect();
    Ok(json!({
        "empty_root": hex(&node_hash(0, &[])), "root": hex(&root),
        "leaves": leaf_hashes, "nodes": nodes,
    }))
}

type Node = (i64, u32, Vec<u8>);

fn lift(level: i64, below: &BTreeMap<u32, Hash>, nodes: &mut Vec<Node>) -> BTreeMap<u32, Hash> {
    let mut above: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    for (position, hash) in below {
        let children = above.entry(position / 64).or_default();
        children.push(u8::try_from(position % 64).unwrap());
        children.extend_from_slice(hash);
    }
    for (position, children) in &above {
        nodes.push((level, *position, children.clone()));
    }
    above.into_iter().map(|(position, children)| (position, node_hash(level, &children))).collect()
}

fn stored_nodes(disk: &Disk, nodes: &[Node]) -> Check {
    let mut stored = Vec::new();
    for row in disk.table("node") {
        let position = u32::try_from(int(row, "position")?).map_err(|_| "a node's position")?;
        stored.push((int(row, "level")?, position, blob(row, "children")?.to_vec()));
    }
    ensure(stored == nodes, "the stored nodes")
}

fn node_hash(level: i64, children: &[u8]) -> Hash {
    sha256(&[b"vault/node/v1", &level.to_be_bytes()[..], children].concat())
}

fn bucket(id: &[u8]) -> u32 {
    let h = sha256(id);
    u32::from_be_bytes([0, h[0], h[1], h[2]]) >> 6
}

/// The public chain; what each entry's message and hash are.
fn chain(disk: &Disk) -> Check<(Hash, Vec<Json>)> {
    let vault = disk.vault()?;
    let genesis = sha256(&message("vault/log/v1", vault, "vault_id")?);
    let (mut hash, mut seq, mut counter) = match pruned(disk)? {
        Some(row) => {
            let hash = blob(row, "hash")?.try_into().map_err(|_| "a hash's length")?;
            (hash, int(row, "seq")?, int(row, "counter")?)
        }
        None => (genesis, 0, 0),
    };
    let mut found = Vec::new();
    let pruned_to = seq;
    let mut rekeyed = false;
    let over = |segment: &&Row| is_epoch(segment) && int(segment, "first_seq") <= Ok(pruned_to);
    let ids = |segment: &Row| int(segment, "id").unwrap_or_default();
    let mut oldest = disk.table("segment").iter().filter(over).map(ids).max().unwrap_or_default();
    for row in disk.table("entry") {
        seq += 1;
        ensure(int(row, "seq")? == seq, "an entry is missing")?;
        let mut epochs = disk.table("segment").iter().filter(|segment| is_epoch(segment));
        let begins = epochs.any(|segment| int(segment, "first_seq") == Ok(seq));
        let unknown = seq == pruned_to + 1 && pruned_to > 0;
        ensure(begins == rekeyed || unknown, "an epoch without its rekey, or the reverse")?;
        let done = |column, word: &str| text(row, column).is_ok_and(|text| text == word);
        rekeyed = done("action", "rekey") && done("outcome", "ok");
        for segment in disk.table("segment") {
            let begins = int(segment, "first_seq")? == seq;
            let fits = blob(segment, "previous_hash")? == hash;
            ensure(!begins || fits, "a segment's beginning")?;
            if begins && is_epoch(segment) {
                oldest = ids(segment);
            }
        }
        let open = int(row, "segment").map_or(true, |segment| segment >= oldest);
        ensure(open, "a segment of an epoch that is over")?;
        let message = entry_message(row)?;
        hash = sha256(&[&message[..], &hash].concat());
        ensure(hash == blob(row, "hash")?, "the chain")?;
        ensure(int(row, "counter")? >= counter, "the counter")?;
        counter = int(row, "counter")?;
        found.push(json!({ "message": hex(&message), "hash": hex(&hash) }));
    }
    ensure(counter == int(vault, "counter")?, "log and rows disagree")?;
    ensure(int(vault, "log_seq")? <= seq, "the log is cut")?;
    let epochs = disk.table("segment").iter().filter(|segment| is_epoch(segment)).count();
    ensure(int(vault, "epoch")? == i64::try_from(epochs).unwrap() + 1, "a rekey is missing")?;
    Ok((genesis, found))
}

/// Whether an epoch begins with this segment.
fn is_epoch(segment: &Row) -> bool {
    text(segment, "cause").is_ok_and(|cause| cause == "rekey")
}

/// What stands for the entries that were pruned.
fn pruned(disk: &Disk) -> Check<Option<&Row>> {
    match disk.table("pruned") {
        [] => Ok(None),
        [row] if int(row, "id")? == 1 => Ok(Some(row)),
        _ => Err("not one row stands for what was pruned".into()),
    }
}

/// How many pruned entries a segment had.
fn pruned_of(disk: &Disk, segment: i64) -> Check<u64> {
    let Some(row) = pruned(disk)? else { return Ok(0) };
    let number = |part: &[u8]| u64::from_be_bytes(part.try_into().unwrap());
    let (pairs, rest) = blob(row, "segments")?.as_chunks::<16>();
    ensure(rest.is_empty(), "the length of counts")?;
    let mut pairs = pairs.iter().map(|pair| (number(&pair[..8]), number(&pair[8..])));
    let found = pairs.find(|(id, _)| i64::try_from(*id) == Ok(segment));
    Ok(found.map_or(0, |(_, count)| count))
}

/// The notes of checkpoints: signed, of entries that are there or pruned, and all there.
fn checkpoints(disk: &Disk, keys: &Keys) -> Check<Json> {
    let signer = ed25519_dalek::SigningKey::from_bytes(&keys.mac["sign"]).verifying_key();
    let name = format!("vault/{}", hex(blob(disk.vault()?, "vault_id")?));
    let typed = [&[1], &signer.to_bytes()[..]].concat();
    let id = &sha256(&[name.as_bytes(), b"\n", &typed].concat())[..4];
    let base64 = |bytes: &[u8]| data_encoding::BASE64.encode(bytes);
    let (mut notes, mut seqs) = (Vec::new(), Vec::new());
    for row in disk.table("checkpoint") {
        let (seq, hash) = (int(row, "seq")?, blob(row, "hash")?);
        let at = chrono::DateTime::from_timestamp_millis(int(row, "at")?).ok_or("a time")?;
        let text = format!(
            "{name}\n{seq}\n{}\nepoch {}\ncounter {}\ntime {}\n",
            base64(hash),
            int(row, "epoch")?,
            int(row, "counter")?,
            at.format("%Y-%m-%dT%H:%M:%S%.3fZ"),
        );
        let signature = blob(row, "signature")?;
        let bytes = signature.try_into().map_err(|_| "a signature's length")?;
        let signed = ed25519_dalek::Signature::from_bytes(bytes);
        let begun = |row: &Row| is_epoch(row) && int(row, "first_seq").is_ok_and(|at| at <= seq);
        let rekeys = disk.table("segment").iter().filter(|row| begun(row)).count();
        let epoch = int(row, "epoch")?;
        ensure(epoch == i64::try_from(rekeys).unwrap() + 1, "a checkpoint's epoch")?;
        if epoch == int(disk.vault()?, "epoch")? {
            signer.verify_strict(text.as_bytes(), &signed).map_err(|_| "a signature")?;
        }
        let mut entries = disk.table("entry").iter();
        let entry = entries.find(|entry| entry["seq"] == row["seq"]);
        ensure(entry.is_none_or(|entry| entry["hash"] == row["hash"]), "a checkpoint's hash")?;
        ensure(seqs.last().is_none_or(|last| *last < seq), "a checkpoint twice")?;
        seqs.push(seq);
        let line = base64(&[id, signature].concat());
        notes.push(Json::from(format!("{text}\n\u{2014} {name} {line}\n")));
    }
    for entry in disk.table("entry") {
        if text(entry, "action")? == "audit_checkpoint" {
            let details: Json = serde_json::from_str(text(entry, "details")?).unwrap();
            let last = details["last"].as_str().and_then(|last| last.parse().ok());
            ensure(last.is_some_and(|last| seqs.contains(&last)), "a checkpoint is missing")?;
        }
    }
    let public = format!("{name}+{}+{}", hex(id), base64(&typed));
    Ok(json!({ "notes": notes, "public_key": public }))
}

/// The segments' keys and the entries' MACs; with the keys for the next entries.
fn log(disk: &Disk, keys: &Keys, chain: (Hash, Vec<Json>)) -> Check<(Json, BTreeMap<i64, Hash>)> {
    let (genesis, mut found) = chain;
    let mut next: BTreeMap<i64, Hash> = BTreeMap::new();
    for (segment, id) in disk.table("segment").iter().zip(1..) {
        ensure(int(segment, "id")? == id, "a segment is missing")?;
        let key = decrypt(&keys.identity, blob(segment, "sealed_key")?)?;
        let key = Hash::try_from(&key[..]).map_err(|_| "a segment key's length")?;
        next.insert(id, key);
    }
    let first_keys: Vec<Json> = next.values().map(|key| hex(key).into()).collect();
    for (id, key) in &mut next {
        let gone = pruned_of(disk, *id)?;
        *key = (0..gone).fold(*key, |key, _| tag(&key, b"evolve"));
    }
    for (row, found) in disk.table("entry").iter().zip(&mut found) {
        found["mac"] = entry_mac(disk, row, &mut next)?.into();
    }
    let found = json!({ "genesis": hex(&genesis), "first_keys": first_keys, "entries": found });
    Ok((found, next))
}

fn entry_message(row: &Row) -> Check<Vec<u8>> {
    let columns = "seq id at action outcome credential name fields user_name uid host tty remote \
                   program parent agent incident reason details counter segment";
    message("vault/entry/v1", row, columns)
}

fn entry_mac(disk: &Disk, row: &Row, next: &mut BTreeMap<i64, Hash>) -> Check<Option<String>> {
    let Value::Integer(id) = row["segment"] else {
        ensure(row["mac"] == Value::Null, "a MAC without a segment")?;
        return Ok(None);
    };
    let seq = int(row, "seq")?;
    let begun = |segment: &Row| int(segment, "first_seq").is_ok_and(|first| first <= seq);
    let mut segments = disk.table("segment").iter();
    let there = segments.any(|segment| segment["id"] == row["segment"] && begun(segment));
    ensure(there, "a segment that is not there")?;
    let key = next.get_mut(&id).ok_or("a segment without a key")?;
    let mac = tag(key, blob(row, "hash")?);
    ensure(mac == blob(row, "mac")?, "an entry's MAC")?;
    *key = tag(key, b"evolve");
    Ok(Some(hex(&mac)))
}

/// The seal file but for its key: its layout, and that it is at the end of the log.
fn seal(disk: &Disk, keys: &Keys) -> Check<Json> {
    let (seal, vault) = (&disk.seal[..], disk.vault()?);
    ensure([192, 224].contains(&seal.len()), "the seal's length")?;
    let (body, sum) = seal.split_at(seal.len() - 32);
    ensure(sha256(body) == sum, "the seal's checksum")?;
    ensure(&seal[..8] == b"VLTSEAL1", "the seal's magic")?;
    ensure(&seal[8..24] == blob(vault, "vault_id")?, "the seal's vault")?;
    let number = |at: usize| i64::from_be_bytes(seal[at..at + 8].try_into().unwrap());
    let epoch = u32::from_be_bytes(seal[24..28].try_into().unwrap());
    ensure(i64::from(epoch) == int(vault, "epoch")?, "the seal's epoch")?;
    let last = disk.table("entry").last().ok_or("the log is empty")?;
    ensure(number(36) == int(last, "seq")?, "the seal's sequence")?;
    ensure(&seal[44..76] == blob(last, "hash")?, "the seal's head")?;
    ensure(number(108) == int(vault, "counter")?, "the seal's counter")?;
    let pin = tag(&keys.mac["pin"], &message("vault/pin/v1", vault, "vault_id")?);
    ensure(pin == seal[116..148], "the pin")?;
    ensure((0..=number(36)).contains(&number(148)), "the last entry looked at")?;
    ensure(seal[156..160] == [0; 4], "the seal's zeros")?;
    // nobody is rekeying it
    ensure(body[160..].iter().all(|byte| *byte == 0), "the next pin")?;
    Ok(json!({ "bytes": hex(seal), "pin": hex(&pin) }))
}

/// The log key in the seal file is that for the next entry of its segment.
fn seal_key(disk: &Disk, next: &BTreeMap<i64, Hash>) -> Check {
    let segment = i64::from_be_bytes(disk.seal[28..36].try_into().unwrap());
    let key = next.get(&segment).ok_or("the seal's segment")?;
    ensure(key[..] == disk.seal[76..108], "the seal's key")
}

/// Every secret value of every version that was not purged.
fn values(disk: &Disk, keys: &Keys) -> Check<Json> {
    let vault = hex(blob(disk.vault()?, "vault_id")?);
    let mut found = Vec::new();
    for row in disk.table("secret") {
        let gone = row["purged_at"] != Value::Null;
        ensure(gone == blob(row, "sealed")?.is_empty(), "a value that is purged, or is not")?;
        if gone {
            continue;
        }
        let plain = decrypt(&keys.identity, blob(row, "sealed")?)?;
        let (credential, field) = (hex(blob(row, "credential")?), text(row, "field")?);
        let version = int(row, "version")?;
        let value = value(&plain, |length| {
            format!(
                "{{\"v\":1,\"vault\":\"{vault}\",\"cred\":\"{credential}\",\"field\":\"{field}\",\
                 \"ver\":{version},\"len\":{length}}}\n"
            )
        })?;
        found.push(json!({
            "credential": credential, "field": field, "version": version,
            "value": hex(value), "plaintext_bytes": plain.len(),
        }));
    }
    Ok(found.into())
}

fn value(plain: &[u8], header: impl Fn(usize) -> String) -> Check<&[u8]> {
    let end = plain.iter().position(|b| *b == b'\n').ok_or("no header")? + 1;
    let head = std::str::from_utf8(&plain[..end]).map_err(|_| "the header is no text")?;
    let length = head.rsplit_once(':').and_then(|(_, n)| n.strip_suffix("}\n"));
    let length: usize = length.and_then(|n| n.parse().ok()).ok_or("the header has no length")?;
    ensure(header(length) == head, "a header")?;
    ensure(plain.len() == padded(end + length), "the padded length")?;
    ensure(plain[end + length..].iter().all(|b| *b == 0), "the padding")?;
    Ok(&plain[end..end + length])
}

/// As the table in FORMAT.md says; Padmé written as in the paper (Nikitin et al., PETS 2019).
pub fn padded(n: usize) -> usize {
    if n <= 256 {
        return 256;
    }
    if n <= 4096 {
        return n.div_ceil(1024) * 1024;
    }
    let e = usize::BITS - 1 - n.leading_zeros();
    let s = u32::BITS - 1 - e.leading_zeros() + 1;
    let mask = (1 << (e - s)) - 1;
    (n + mask) & !mask
}

fn paddings() -> Json {
    let lengths = [
        0, 1, 255, 256, 257, 1024, 1025, 2048, 2049, 4095, 4096, 4097, 4352, 4353, 5000, 8191,
        8192, 8193, 10_000, 65_535, 65_536, 65_537, 100_000, 1_000_000, 1_048_577, 16_777_216,
        16_777_400,
    ];
    lengths.map(|n| json!([n, padded(n)])).to_vec().into()
}

/// The canonical encoding of a domain and the named columns. `#` stands for SHA-256 of the column.
fn message(domain: &str, row: &Row, columns: &str) -> Check<Vec<u8>> {
    let mut bytes = Vec::new();
    put(&mut bytes, 0, &Value::Text(domain.into()));
    for (column, number) in columns.split_whitespace().zip(1..) {
        match column.strip_prefix('#') {
            Some(column) if row[column] == Value::Null => put(&mut bytes, number, &Value::Null),
            Some(column) => {
                let hash = sha256(blob(row, column)?);
                put(&mut bytes, number, &Value::Blob(hash.into()));
            }
            None => put(&mut bytes, number, &row[column]),
        }
    }
    Ok(bytes)
}

fn put(to: &mut Vec<u8>, number: u8, value: &Value) {
    let (kind, bytes) = match value {
        Value::Null => (0, Vec::new()),
        Value::Integer(n) => (1, n.to_be_bytes().to_vec()),
        Value::Text(text) => (2, text.as_bytes().to_vec()),
        Value::Blob(bytes) => (3, bytes.clone()),
        Value::Real(_) => unreachable!("no column holds a fraction"),
    };
    to.extend_from_slice(&[number, kind]);
    to.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
    to.extend_from_slice(&bytes);
}

fn decrypt(with: &age::x25519::Identity, sealed: &[u8]) -> Check<Vec<u8>> {
    let failed = |_| "an age file does not open".to_owned();
    let decryptor = age::Decryptor::new_buffered(sealed).map_err(failed)?;
    let identity: &dyn age::Identity = with;
    let mut reader = decryptor.decrypt(std::iter::once(identity)).map_err(failed)?;
    let mut plain = Vec::new();
    reader.read_to_end(&mut plain).map_err(|_| "an age file is damaged")?;
    Ok(plain)
}

fn tag(key: &[u8], message: &[u8]) -> Hash {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().into()
}

pub fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

fn ensure(fine: bool, what: &str) -> Check {
    match fine {
        true => Ok(()),
        false => Err(what.to_owned()),
    }
}

fn int(row: &Row, column: &str) -> Check<i64> {
    match row[column] {
        Value::Integer(n) => Ok(n),
        _ => Err(format!("{column} is no integer")),
    }
}

fn text<'r>(row: &'r Row, column: &str) -> Check<&'r str> {
    match &row[column] {
        Value::Text(text) => Ok(text),
        _ => Err(format!("{column} is no text")),
    }
}

fn blob<'r>(row: &'r Row, column: &str) -> Check<&'r [u8]> {
    match &row[column] {
        Value::Blob(bytes) => Ok(bytes),
        _ => Err(format!("{column} is no blob")),
    }
}
