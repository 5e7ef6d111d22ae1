CREATE TABLE vault (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  vault_id BLOB NOT NULL,
  epoch INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  counter INTEGER NOT NULL,
  root BLOB NOT NULL,
  slots BLOB NOT NULL,
  incidents BLOB NOT NULL,
  log_seq INTEGER NOT NULL,
  mac BLOB NOT NULL
) STRICT;

CREATE TABLE slot (
  id BLOB NOT NULL PRIMARY KEY,
  label TEXT NOT NULL,
  kind TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  recipient BLOB,
  row_tag BLOB NOT NULL
) STRICT;

CREATE TABLE credential (
  name TEXT NOT NULL,
  id BLOB NOT NULL,
  bucket INTEGER NOT NULL,
  kind TEXT NOT NULL,
  username TEXT,
  url TEXT,
  host TEXT,
  database TEXT,
  client TEXT,
  service TEXT,
  infra TEXT,
  environment TEXT,
  owner TEXT,
  description TEXT,
  port INTEGER,
  tags TEXT,
  requires_vpn INTEGER NOT NULL,
  requires_2fa INTEGER NOT NULL,
  expires_at INTEGER,
  rotate_every INTEGER,
  keep INTEGER,
  last_rotated_at INTEGER,
  last_verified_at INTEGER,
  verdict TEXT,
  fields TEXT,
  heads BLOB NOT NULL,
  revision INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER,
  restored_at INTEGER,
  row_tag BLOB NOT NULL,
  PRIMARY KEY (name, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX credential_live ON credential (name) WHERE deleted_at IS NULL;

CREATE INDEX credential_leaf ON credential (bucket, id, row_tag);

CREATE TABLE tombstone (
  bucket INTEGER NOT NULL,
  id BLOB NOT NULL,
  revision INTEGER NOT NULL,
  purged_at INTEGER NOT NULL,
  row_tag BLOB NOT NULL,
  PRIMARY KEY (bucket, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE secret (
  credential BLOB NOT NULL,
  field TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  origin TEXT NOT NULL,
  author TEXT NOT NULL,
  reason TEXT,
  media TEXT,
  purged_at INTEGER,
  previous BLOB,
  sealed BLOB NOT NULL,
  row_tag BLOB NOT NULL,
  PRIMARY KEY (credential, field, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE node (
  level INTEGER NOT NULL,
  position INTEGER NOT NULL,
  children BLOB NOT NULL,
  PRIMARY KEY (level, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE segment (
  id INTEGER NOT NULL PRIMARY KEY,
  first_seq INTEGER NOT NULL,
  previous_hash BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  host TEXT NOT NULL,
  cause TEXT NOT NULL,
  sealed_key BLOB NOT NULL,
  row_tag BLOB NOT NULL
) STRICT;

CREATE TABLE entry (
  seq INTEGER NOT NULL PRIMARY KEY,
  id BLOB NOT NULL,
  at INTEGER NOT NULL,
  action TEXT NOT NULL,
  outcome TEXT NOT NULL,
  credential BLOB,
  name TEXT,
  fields TEXT,
  user_name TEXT NOT NULL,
  uid INTEGER NOT NULL,
  host TEXT NOT NULL,
  tty TEXT,
  remote TEXT,
  program TEXT,
  parent TEXT,
  agent TEXT NOT NULL,
  incident TEXT,
  reason TEXT,
  details TEXT,
  counter INTEGER NOT NULL,
  segment INTEGER,
  hash BLOB NOT NULL,
  mac BLOB
) STRICT;

CREATE INDEX entry_at ON entry (at);

CREATE INDEX entry_credential ON entry (credential) WHERE credential IS NOT NULL;

CREATE INDEX entry_name ON entry (name) WHERE name IS NOT NULL;

CREATE INDEX entry_action ON entry (action);

CREATE INDEX entry_who ON entry (user_name, host, program);

CREATE INDEX entry_failure ON entry (outcome) WHERE outcome <> 'ok';

CREATE INDEX entry_incident ON entry (incident) WHERE incident IS NOT NULL;

CREATE TABLE incident (
  number INTEGER NOT NULL PRIMARY KEY,
  id BLOB NOT NULL,
  title TEXT NOT NULL,
  type TEXT NOT NULL,
  severity TEXT NOT NULL,
  status TEXT NOT NULL,
  outcome TEXT,
  source TEXT NOT NULL,
  client TEXT,
  service TEXT,
  infra TEXT,
  owner TEXT,
  occurred_at INTEGER,
  detected_at INTEGER,
  opened_at INTEGER NOT NULL,
  contained_at INTEGER,
  resolved_at INTEGER,
  links BLOB NOT NULL,
  events INTEGER NOT NULL,
  last_event BLOB,
  revision INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER,
  version INTEGER NOT NULL,
  row_tag BLOB NOT NULL,
  sealed BLOB NOT NULL
) STRICT;

CREATE TABLE incident_event (
  incident INTEGER NOT NULL,
  number INTEGER NOT NULL,
  at INTEGER NOT NULL,
  happened_at INTEGER,
  kind TEXT NOT NULL,
  author TEXT NOT NULL,
  credential BLOB,
  name TEXT,
  detail TEXT,
  previous BLOB,
  row_tag BLOB NOT NULL,
  sealed BLOB,
  PRIMARY KEY (incident, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE incident_link (
  incident INTEGER NOT NULL,
  credential BLOB NOT NULL,
  name TEXT NOT NULL,
  exposure TEXT NOT NULL,
  linked_at INTEGER NOT NULL,
  verified_at INTEGER,
  waived_at INTEGER,
  row_tag BLOB NOT NULL,
  PRIMARY KEY (incident, credential)
) STRICT, WITHOUT ROWID;

CREATE INDEX incident_link_credential ON incident_link (credential);

CREATE TABLE checkpoint (
  seq INTEGER NOT NULL PRIMARY KEY,
  epoch INTEGER NOT NULL,
  hash BLOB NOT NULL,
  counter INTEGER NOT NULL,
  at INTEGER NOT NULL,
  signature BLOB NOT NULL
) STRICT;

CREATE TABLE pruned (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  seq INTEGER NOT NULL,
  hash BLOB NOT NULL,
  counter INTEGER NOT NULL,
  pruned_at INTEGER NOT NULL,
  segments BLOB NOT NULL,
  row_tag BLOB NOT NULL
) STRICT;
