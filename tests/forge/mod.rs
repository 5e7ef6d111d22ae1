//! The attacker's toolkit: what can be computed from the public format alone (hashes of the state
//! tree and of the log), and, for controls, what only the owner of the keys could compute.

use age::secrecy::ExposeSecret;
use hmac::{Hmac, KeyInit, Mac};
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use vault::model::Secret;

pub type Hash = [u8; 32];

/// The columns of an entry in the order of its message, up to the counter and the segment.
const ENTRY: &str = "seq, id, at, action, outcome, credential, name, fields, user_name, uid, host, \
    tty, remote, program, parent, agent, incident, reason, details, counter, segment";

/// The columns of a credential in the order of its message.
const CREDENTIAL: &str = "id, name, kind, username, url, host, database, client, service, infra, \
    environment, owner, description, port, tags, requires_vpn, requires_2fa, expires_at, \
    last_rotated_at, last_verified_at, rotate_every, keep, verdict, fields, heads, revision, created_at, \
    updated_at, deleted_at, restored_at";

/// The columns of an incident in the order of its message, and where the ciphertext stands after the
/// vault's id and epoch.
const INCIDENT: &str = "number, i.id, title, type, severity, status, outcome, source, client, service, \
    infra, owner, occurred_at, detected_at, opened_at, contained_at, resolved_at, sealed, links, events, \
    last_event, revision, updated_at, deleted_at, version";
const SEALED: usize = 19;

/// The canonical encoding of a domain and values.
pub fn message(domain: &str, values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut put = |number: usize, kind: u8, bytes: &[u8]| {
        out.push(u8::try_from(number).unwrap());
        out.push(kind);
        out.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
        out.extend_from_slice(bytes);
    };
    put(0, 2, domain.as_bytes());
    for (number, value) in (1..).zip(values) {
        match value {
            Value::Null => put(number, 0, &[]),
            Value::Integer(value) => put(number, 1, &value.to_be_bytes()),
            Value::Text(text) => put(number, 2, text.as_bytes()),
            Value::Blob(bytes) => put(number, 3, bytes),
            Value::Real(_) => panic!("the format has no fractions"),
        }
    }
    out
}

pub fn sha(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

pub fn mac(key: &Hash, bytes: &[u8]) -> Hash {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}

/// The leaf of the state tree that an id falls into.
pub fn bucket(id: &[u8]) -> i64 {
    let hash = sha(id);
    (i64::from(hash[0]) << 16 | i64::from(hash[1]) << 8 | i64::from(hash[2])) >> 6
}

fn node_hash(level: i64, children: &[u8]) -> Hash {
    let head = [&b"vault/node/v1"[..], &level.to_be_bytes(), children];
    sha(&head.concat())
}

/// Computes the state tree anew from the rows as they are, nodes and root. Needs no key; the MAC
/// over the root stays what it was.
pub fn fix_tree(db: &Connection) {
    let mut below: BTreeMap<i64, Hash> = leaves(db);
    db.execute("DELETE FROM node", []).unwrap();
    let mut root = node_hash(0, &[]);
    for level in (0..3_i64).rev() {
        let mut above: BTreeMap<i64, Vec<u8>> = BTreeMap::new();
        for (position, hash) in below {
            let children = above.entry(position >> 6).or_default();
            children.push(u8::try_from(position & 63).unwrap());
            children.extend_from_slice(&hash);
        }
        below = BTreeMap::new();
        for (position, children) in above {
            let sql = "INSERT INTO node (level, position, children) VALUES (?1, ?2, ?3)";
            db.execute(sql, params![level, position, children]).unwrap();
            root = node_hash(level, &children);
            below.insert(position, root);
        }
    }
    db.execute("UPDATE vault SET root = ?1", params![root]).unwrap();
}

fn leaves(db: &Connection) -> BTreeMap<i64, Hash> {
    let sql = "SELECT bucket, 1 AS part, id, row_tag FROM credential UNION ALL
               SELECT bucket, 2, id, row_tag FROM tombstone ORDER BY bucket, part, id";
    let mut leaves: BTreeMap<i64, Vec<u8>> = BTreeMap::new();
    for row in rows(db, sql) {
        let [Value::Integer(bucket), Value::Integer(part), Value::Blob(id), Value::Blob(tag)] =
            &row[..]
        else {
            panic!("a member of the tree has other columns");
        };
        let leaf = leaves.entry(*bucket).or_insert_with(|| b"vault/leaf/v1".to_vec());
        leaf.push(u8::try_from(*part).unwrap());
        leaf.extend_from_slice(id);
        leaf.extend_from_slice(tag);
    }
    leaves.into_iter().map(|(bucket, leaf)| (bucket, sha(&leaf))).collect()
}

/// All rows of a query.
pub fn rows(db: &Connection, sql: &str) -> Vec<Vec<Value>> {
    let mut statement = db.prepare(sql).unwrap();
    let columns = statement.column_count();
    let read = statement.query_map([], |row| (0..columns).map(|c| row.get(c)).collect()).unwrap();
    read.collect::<Result<_, _>>().unwrap()
}

/// One value of a query.
pub fn one(db: &Connection, sql: &str) -> Value {
    rows(db, sql).remove(0).remove(0)
}

pub fn blob(value: Value) -> Vec<u8> {
    match value {
        Value::Blob(bytes) => bytes,
        other => panic!("not a blob: {other:?}"),
    }
}

/// Computes the public chain of the whole log anew. Needs no key; the MACs stay what they were.
pub fn fix_chain(db: &Connection) {
    let id = one(db, "SELECT vault_id FROM vault");
    let mut previous = sha(&message("vault/log/v1", &[id]));
    for row in rows(db, &format!("SELECT {ENTRY} FROM entry ORDER BY seq")) {
        let mut bytes = message("vault/entry/v1", &row);
        bytes.extend_from_slice(&previous);
        previous = sha(&bytes);
        let sql = "UPDATE entry SET hash = ?1 WHERE seq = ?2";
        db.execute(sql, params![previous, row[0]]).unwrap();
    }
}

/// What the owner's key opens: for controls, and for a substitute vault.
pub struct Owner {
    pub identity: age::x25519::Identity,
    pub row: Hash,
    state: Hash,
    audit: Hash,
    root: String,
    inner: age::x25519::Identity,
}

impl Owner {
    /// Opens the only slot and derives the keys for the vault id and epoch that stand in the row.
    pub fn open(db: &Connection, key: &Secret) -> Self {
        let identity = vault::vault::parse_identity(key).unwrap();
        let sealed = blob(one(db, "SELECT sealed FROM slot"));
        let plain = String::from_utf8(age::decrypt(&identity, &sealed).unwrap()).unwrap();
        let lines: Vec<&str> = plain.lines().collect();
        let root = lines[1].strip_prefix("# auth-root: ").unwrap();
        let auth = data_encoding::BASE64.decode(root.as_bytes()).unwrap();
        let mut salt = blob(one(db, "SELECT vault_id FROM vault"));
        salt.extend_from_slice(&1_u32.to_be_bytes());
        let derive = hkdf::Hkdf::<Sha256>::new(Some(&salt), &auth);
        let key = |name: &str| {
            let mut key = [0; 32];
            derive.expand(format!("vault/v1/{name}").as_bytes(), &mut key).unwrap();
            key
        };
        Self {
            row: key("row"),
            state: key("state"),
            audit: key("audit"),
            root: root.to_owned(),
            inner: lines[2].parse().unwrap(),
            identity,
        }
    }

    /// The first key of a segment of the log.
    #[allow(dead_code, reason = "not every attacker writes to the log")]
    pub fn segment_key(&self, db: &Connection, segment: i64) -> Hash {
        let sealed = one(db, &format!("SELECT sealed_key FROM segment WHERE id = {segment}"));
        age::decrypt(&self.inner, &blob(sealed)).unwrap().try_into().unwrap()
    }

    /// Tags every credential, and signs the state, as the program itself would.
    pub fn sign_rows(&self, db: &Connection) {
        for row in rows(db, "SELECT name FROM credential") {
            let Value::Text(name) = &row[0] else { panic!("a name is text") };
            self.tag_as(db, name, "credential");
        }
        fix_tree(db);
        self.sign_state(db);
    }

    /// Tags the credentials of this name as what `kind` names.
    pub fn tag_as(&self, db: &Connection, name: &str, kind: &str) {
        let sql = format!("SELECT v.vault_id, v.epoch, {CREDENTIAL} FROM credential, vault v")
            .replace(" id,", " credential.id,")
            .replace(" created_at,", " credential.created_at,");
        for row in rows(db, &sql) {
            if row[3] == Value::Text(name.to_owned()) {
                let tag = mac(&self.row, &message(&format!("vault/{kind}/v1"), &row));
                let sql = "UPDATE credential SET row_tag = ?1 WHERE id = ?2";
                db.execute(sql, params![tag, row[2]]).unwrap();
            }
        }
    }

    /// Tags an incident, and signs the state.
    pub fn sign_incident(&self, db: &Connection, number: i64) {
        let sql = format!(
            "SELECT v.vault_id, v.epoch, {INCIDENT} FROM incident i, vault v WHERE number = {number}"
        );
        let mut row = rows(db, &sql).remove(0);
        let sealed = blob(row[SEALED].clone());
        row[SEALED] = Value::Blob(sha(&sealed).to_vec());
        let tag = mac(&self.row, &message("vault/incident/v1", &row));
        db.execute("UPDATE incident SET row_tag = ?1 WHERE number = ?2", params![tag, number])
            .unwrap();
        let mut all = b"vault/incidents/v1".to_vec();
        for row in rows(db, "SELECT id, row_tag FROM incident ORDER BY number") {
            for cell in row {
                all.extend(blob(cell));
            }
        }
        db.execute("UPDATE vault SET incidents = ?1", params![sha(&all)]).unwrap();
        self.sign_state(db);
    }

    /// The MAC over the vault's own row.
    pub fn sign_state(&self, db: &Connection) {
        let sql = "SELECT vault_id, epoch, created_at, counter, root, slots, incidents,
                   log_seq FROM vault";
        let row = rows(db, sql).remove(0);
        let tag = mac(&self.state, &message("vault/state/v1", &row));
        db.execute("UPDATE vault SET mac = ?1", params![tag]).unwrap();
    }

    /// Signs a vault without credentials under the id that now stands in its row.
    pub fn take_over_identity(&self, db: &Connection, id: &[u8]) {
        db.execute("UPDATE vault SET vault_id = ?1", params![id]).unwrap();
        let hex = data_encoding::HEXLOWER.encode(id);
        let content = format!(
            "# vault v1 id={hex} epoch=1 created=now\n# auth-root: {}\n{}\n",
            self.root,
            self.inner.to_string().expose_secret()
        );
        let sealed = age::encrypt(&self.identity.to_public(), content.as_bytes()).unwrap();
        db.execute("UPDATE slot SET sealed = ?1", params![sealed]).unwrap();
        let this = Self::open_again(self, db, id);
        this.sign_slot(db);
        this.sign_log(db);
        this.sign_state(db);
    }

    /// Makes the only slot one for a public SSH key: what anybody can do with a vault of their own who
    /// knows nothing of the key but that.
    #[allow(dead_code, reason = "not every attacker does this")]
    pub fn give_to(&self, db: &Connection, public: &str) {
        let sealed = blob(one(db, "SELECT sealed FROM slot"));
        let content = age::decrypt(&self.identity, &sealed).unwrap();
        let to: age::ssh::Recipient = public.parse().unwrap();
        let sealed = age::encrypt(&to, &content).unwrap();
        db.execute("UPDATE slot SET kind = 'ssh', sealed = ?1", [sealed]).unwrap();
        self.sign_slot(db);
        self.sign_state(db);
    }

    fn open_again(&self, db: &Connection, _id: &[u8]) -> Self {
        let key = self.identity.to_string();
        Self::open(db, &Secret::from_bytes(key.expose_secret().as_bytes()))
    }

    fn sign_slot(&self, db: &Connection) {
        let sql = "SELECT v.vault_id, v.epoch, s.id, label, kind, s.created_at, sealed, recipient
                   FROM slot s, vault v";
        let mut row = rows(db, sql).remove(0);
        for cell in &mut row[6..] {
            if let Value::Blob(bytes) = cell {
                *bytes = sha(bytes).to_vec();
            }
        }
        let tag = mac(&self.row, &message("vault/slot/v1", &row));
        let all = [b"vault/slots/v1", &blob(row[2].clone())[..], &tag].concat();
        db.execute("UPDATE slot SET row_tag = ?1", params![tag]).unwrap();
        db.execute("UPDATE vault SET slots = ?1", params![sha(&all)]).unwrap();
    }

    fn sign_log(&self, db: &Connection) {
        let id = one(db, "SELECT vault_id FROM vault");
        let genesis = sha(&message("vault/log/v1", &[id]));
        db.execute("UPDATE segment SET previous_hash = ?1 WHERE id = 1", params![genesis]).unwrap();
        let sql = "SELECT v.vault_id, v.epoch, s.id, first_seq, previous_hash, s.created_at, host,
                   cause, sealed_key FROM segment s, vault v";
        let mut row = rows(db, sql).remove(0);
        let sealed = blob(row.pop().unwrap());
        row.push(Value::Blob(sha(&sealed).to_vec()));
        let tag = mac(&self.audit, &message("vault/segment/v1", &row));
        db.execute("UPDATE segment SET row_tag = ?1", params![tag]).unwrap();
        fix_chain(db);
        let mut key: Hash = age::decrypt(&self.inner, &sealed).unwrap().try_into().unwrap();
        for row in rows(db, "SELECT seq, hash FROM entry ORDER BY seq") {
            let tag = mac(&key, &blob(row[1].clone()));
            key = mac(&key, b"evolve");
            db.execute("UPDATE entry SET mac = ?1 WHERE seq = ?2", params![tag, row[0]]).unwrap();
        }
    }
}

/// Appends an entry to the log that looks like the one of this number, as if written under `segment`, whose
/// first key is `key`. The state counter stays as it is.
#[allow(dead_code, reason = "not every attacker has a key")]
pub fn append(db: &Connection, like: i64, segment: i64, mut key: Hash) {
    let columns = ENTRY.replace("seq, id,", "").replace(", counter, segment", "");
    let sql = format!(
        "INSERT INTO entry (seq, id, {columns}, counter, segment, hash)
         SELECT (SELECT max(seq) + 1 FROM entry), randomblob(16), {columns},
                (SELECT counter FROM vault), ?2, zeroblob(32) FROM entry WHERE seq = ?1"
    );
    db.execute(&sql, params![like, segment]).unwrap();
    fix_chain(db);
    let sql = format!("SELECT seq, hash FROM entry WHERE segment = {segment} ORDER BY seq");
    for row in rows(db, &sql) {
        let tag = mac(&key, &blob(row[1].clone()));
        key = mac(&key, b"evolve");
        db.execute("UPDATE entry SET mac = ?1 WHERE seq = ?2", params![tag, row[0]]).unwrap();
    }
}
