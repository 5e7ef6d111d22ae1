#!/usr/bin/env python3
"""Fills the audit log of a vault that is made for benchmarks: log.py DATABASE SEAL ENTRIES

Years of use by a team would take hours to act out. The entries are chained and marked as FORMAT.md says,
with the key in the seal file, so that they verify; whoever has the seal file of a vault can write its
log, which is why the machine that has it is trusted. The same numbers make the same entries.
"""
import hashlib, hmac, random, sqlite3, struct, sys, uuid

USERS = ["ann", "bob", "carol", "dave", "eve", "frank", "grace", "heidi", "ci", "backup", "deploy", "root"]
HOSTS = ["ops1", "ops2", "laptop-ann", "laptop-bob", "build", "db1"]
PROGRAMS = ["psql", "ssh", "git", "curl", "terraform", "ansible-playboo", "docker", "kubectl", "make", "python3",
            "node", "java", "bash", "emacs", "code", "systemd", "cron", "restic", "rsync", "mysql"]
ACTIONS = (["decrypt"] * 60 + ["view"] * 15 + ["run"] * 6 + ["copy"] * 5 + ["update", "rotate", "create"] * 2
           + ["test"] * 4 + ["check", "rename", "delete", "restore"])
NULL, INT, TEXT, BYTES = range(4)
YEARS = 3


def value(number, item):
    kind, data = (
        (NULL, b"") if item is None
        else (INT, struct.pack(">q", item)) if isinstance(item, int)
        else (TEXT, item.encode()) if isinstance(item, str)
        else (BYTES, item))
    return struct.pack(">BBI", number, kind, len(data)) + data


def message(domain, items):
    return b"".join(value(number, item) for number, item in enumerate([domain, *items]))


class Seal:
    """The seal file, and with it the pen of the log."""

    def __init__(self, path):
        self.path = path
        self.bytes = bytearray(open(path, "rb").read())
        assert self.bytes[:8] == b"VLTSEAL1"
        self.segment, self.seq = struct.unpack(">qq", self.bytes[28:44])
        self.head, self.key = bytes(self.bytes[44:76]), bytes(self.bytes[76:108])
        (self.counter,) = struct.unpack(">q", self.bytes[108:116])

    def sign(self, items):
        self.seq = items[0]
        text = message("vault/entry/v1", [*items, self.counter, self.segment])
        self.head = hashlib.sha256(text + self.head).digest()
        mac = hmac.digest(self.key, self.head, "sha256")
        self.key = hmac.digest(self.key, b"evolve", "sha256")
        return [*items, self.counter, self.segment, self.head, mac]

    def write(self):
        self.bytes[36:44] = struct.pack(">q", self.seq)
        self.bytes[44:76], self.bytes[76:108] = self.head, self.key
        self.bytes[160:] = hashlib.sha256(self.bytes[:160]).digest()
        with open(self.path, "r+b") as file:
            file.write(self.bytes)


def entries(db, first, last):
    credentials = db.execute("SELECT id, name FROM credential ORDER BY name").fetchall()
    chance = random.Random(1)
    (at,) = db.execute("SELECT max(at) FROM entry").fetchone()
    span = YEARS * 365 * 86_400_000
    for seq in range(first, last + 1):
        # three years until now, in working hours; the machines never sleep
        when = at - span + span * (seq - first) // (last - first + 1)
        user = chance.choice(USERS)
        if user not in ("ci", "backup", "deploy", "root"):
            when = when // 86_400_000 * 86_400_000 + int(chance.gauss(13, 2.5) * 3_600_000) % 86_400_000
        action = chance.choice(ACTIONS)
        # some are used far more than others
        id, name = credentials[min(int(chance.expovariate(8) * len(credentials)), len(credentials) - 1)]
        outcome = "ok" if chance.random() > 0.02 else chance.choice(["refused", "failed"])
        if chance.random() < 0.004:
            action, outcome, id, name = "unlock_failed", "failed", None, None
        if action == "check":
            id, name = None, None
        yield [
            seq, uuid.UUID(int=chance.getrandbits(128), version=4).bytes, when, action, outcome, id, name,
            "password" if action in ("decrypt", "copy", "run", "rotate") else None,
            user, 1000 + USERS.index(user), chance.choice(HOSTS),
            f"/dev/pts/{chance.randrange(9)}" if chance.random() < 0.4 else None,
            f"192.0.2.{chance.randrange(250)}" if chance.random() < 0.2 else None,
            chance.choice(PROGRAMS), "bash", "vault/0.1.0",
            f"INC-{chance.randrange(1, 40)}" if chance.random() < 0.005 else None,
            f"ticket {chance.randrange(90_000)}" if chance.random() < 0.1 else None,
            '{"slot":"key"}' if action != "view" else None,
        ]


def main():
    database, seal, count = sys.argv[1], Seal(sys.argv[2]), int(sys.argv[3])
    db = sqlite3.connect(database)
    db.execute("PRAGMA cache_size = -262144")
    assert db.execute("SELECT max(seq) FROM entry").fetchone() == (seal.seq,)
    rows = (seal.sign(items) for items in entries(db, seal.seq + 1, seal.seq + count))
    db.executemany(f"INSERT INTO entry VALUES ({', '.join('?' * 23)})", rows)
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    seal.write()


main()
