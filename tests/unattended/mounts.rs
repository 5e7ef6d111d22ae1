//! Key files as containers and service managers mount them. Mounting needs the superuser; elsewhere, and
//! where a mount is forbidden, this is skipped.

use super::support::{Answer, Sandbox, unable};

/// A vault that an ordinary user owns, and a way to run lines as the superuser beside mounts of their own.
struct Host {
    sandbox: Sandbox,
}

/// The start of a command as that user.
const AS_USER: &str = "setpriv --reuid=65534 --regid=65534 --clear-groups";

impl Host {
    fn new() -> Option<Self> {
        let sandbox = Sandbox::new();
        sandbox.add("x", b"hunter2");
        let is_root = rustix::process::geteuid().is_root();
        if !is_root {
            unable("only the superuser can mount");
            return None;
        }
        sandbox.program();
        sandbox.ordinary()?;
        let host = Self { sandbox };
        let tried = host.shell("mount -t tmpfs none mnt");
        if tried.code != 0 {
            unable(&format!("no mount: {}", tried.err));
            return None;
        }
        Some(host)
    }

    /// Runs `line`; what it mounts is gone afterwards.
    fn shell(&self, line: &str) -> Answer {
        _ = std::fs::create_dir(self.sandbox.path("mnt"));
        let mut command = self.sandbox.command("unshare");
        command.args(["-m", "sh", "-ec", line]).env_remove("VAULT_KEY_FILE");
        Answer::of(&mut command)
    }

    /// What `vault cred get x` says when the key is mounted as `mount` does it, and somebody runs it.
    fn get(&self, mount: &str, run: &str) -> Answer {
        self.shell(&format!(
            "{mount}\nVAULT_KEY_FILE=\"$PWD\"/mnt/key exec {run} ./vault cred get x"
        ))
    }
}

/// A list of rights that names the user, as systemd makes it where the file system has such lists.
const GRANT: &str = "import os, struct, sys
rights = [(1, 4, -1), (2, 4, 65534), (4, 0, -1), (16, 4, -1), (32, 0, -1)]
entries = b''.join(struct.pack('<HHi', *right) for right in rights)
os.setxattr(sys.argv[1], 'system.posix_acl_access', struct.pack('<I', 2) + entries)";

#[test]
fn what_is_mounted_for_us_is_taken() {
    let Some(host) = Host::new() else { return };
    host.sandbox.file("grant.py", GRANT);
    let by_list = "mount -t tmpfs -o mode=755 none mnt; cp key mnt/; chown -R 0:0 mnt
         chmod 400 mnt/key; /usr/bin/python3 grant.py mnt/key; mount -o remount,ro mnt";
    let by_owner = "mount -t ramfs -o mode=700 none mnt; cp key mnt/; chmod 400 mnt/key
         chown -R 65534 mnt; chmod 500 mnt; mount -o remount,ro mnt";
    let open = |mode: &str, after: &str| {
        format!(
            "mount -t tmpfs -o mode=755 none mnt; cp key mnt/; chown 0:0 mnt/key
             chmod {mode} mnt/key; {after}"
        )
    };
    let read_only = "mount -o remount,ro mnt";
    for (what, mount, run, warns) in [
        ("systemd, ramfs", by_owner.to_owned(), AS_USER, false),
        ("systemd, tmpfs", by_list.to_owned(), AS_USER, false),
        ("Docker, Podman", open("444", ""), AS_USER, true),
        ("Kubernetes", open("644", read_only), AS_USER, true),
        ("Docker, as root in the container", open("444", ""), "chroot --userspec=0 /", true),
    ] {
        // root's own vault, for the last
        let own = run.starts_with("chroot");
        if own {
            assert_eq!(host.shell("chown -R 0:0 .").code, 0);
        }
        let run = if own { "" } else { run };
        let got = host.get(&mount, run);
        assert_eq!((got.code, got.out.as_slice()), (0, &b"hunter2"[..]), "{what}: {}", got.err);
        assert_eq!(got.err.contains("others can read the key file"), warns, "{what}: {}", got.err);
    }
}

/// The same rights where nobody was at work but the user, or somebody who could write.
#[test]
fn what_was_only_left_open_is_refused() {
    let Some(host) = Host::new() else { return };
    for (what, mount) in [
        (
            "one's own, in memory",
            "mount -t tmpfs none mnt; cp key mnt/; chown 65534 mnt/key; chmod 444 mnt/key",
        ),
        ("root's, on a disk", "mkdir -p mnt; cp key mnt/; chown 0:0 mnt/key; chmod 444 mnt/key"),
        ("writable", "mount -t tmpfs none mnt; cp key mnt/; chown 0:0 mnt/key; chmod 666 mnt/key"),
        (
            "writable by a group",
            "mount -t tmpfs none mnt; cp key mnt/; chown 0:65534 mnt/key; chmod 464 mnt/key",
        ),
    ] {
        let got = host.get(mount, AS_USER);
        assert_eq!(got.code, 14, "{what}: {}", got.err);
        assert!(got.err.contains("others can read"), "{what}: {}", got.err);
    }
    // root's own file that was left open, in memory
    assert_eq!(host.shell("chown -R 0:0 .").code, 0);
    let got = host.get("mount -t tmpfs none mnt; cp key mnt/; chmod 644 mnt/key", "");
    assert_eq!(got.code, 14, "{}", got.err);
}
