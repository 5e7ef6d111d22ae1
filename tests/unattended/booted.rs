//! The real systemd, as the first process of a container of our own over a copy of this machine's files: the
//! unit of the README, and the units of the agent under a user's manager. It takes the superuser, and a
//! system that allows it; elsewhere `recipes.rs` and `mounts.rs` do what systemd would.

use super::recipes::UNIT;
use super::support::{Answer, Sandbox, VAULT, require, unable};
use std::fs;
use std::path::Path;

/// Makes the container's files out of what is in `$1`, and starts systemd among them.
const BOOT: &str = r#"
mkdir "$1/top"; mount -t tmpfs none "$1/top"; cd "$1/top"; mkdir upper work root
mount -t overlay none -o lowerdir=/,upperdir=upper,workdir=work root; cd root
mount -t proc none proc; mount -t sysfs none sys; mount -t cgroup2 none sys/fs/cgroup
mount --bind proc/sys proc/sys; mount -o remount,bind,ro proc/sys
mount -t tmpfs -o mode=755 none run; mount --rbind /dev dev
mkdir -p seen old etc/vault srv/job root/.config/systemd/user var/backups
mount --bind "$1/seen" seen; chown backup var/backups
cp "$1/vault" usr/bin/; cp "$1"/deploy.sh "$1"/*-*.sh srv/job/; chmod 755 srv/job/*
cp "$1"/*.service "$1"/*.target etc/systemd/system/; cp "$1"/agent/* root/.config/systemd/user/
chroot . env -i HOME=/var/backups PATH=/usr/bin:/bin setpriv --reuid=backup --regid=backup \
  --clear-groups sh -e /srv/job/for-backup.sh
mv var/backups/key etc/vault/backup.key; chown root etc/vault/backup.key
chroot . env -i HOME=/root PATH=/usr/bin:/bin sh -e /srv/job/for-root.sh
pivot_root . old; cd /; umount -l /old; mount --make-rshared /
exec env -i container=test /lib/systemd/systemd --system --unit=both.target --show-status=0
"#;

const FOR_BACKUP: &str = "umask 077; cd; vault init --key-file key
printf hunter2 | vault --key-file key cred add db/main --stdin\n";

const FOR_ROOT: &str = "umask 077; vault init --key-file /srv/job/key
printf hunter3 | vault --key-file /srv/job/key cred add mine --stdin\n";

/// What the job needs of systemd, without the program: where a container cannot have that, no recipe is wrong.
const CONTROL: &str = "[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
User=backup
LoadCredential=vault.key:/etc/vault/backup.key
StandardOutput=append:/seen/control
ExecStart=/bin/sh -c 'test -s \"$CREDENTIALS_DIRECTORY/vault.key\" && echo there'\n";

/// Both services, and then the end.
const BOTH: &str = "[Unit]\nRequires=job.service user.service\nAfter=job.service user.service\n";

/// Says that systemd has come so far as to start something.
const BEGUN: &str = "[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/touch /seen/begun\n";

/// What the README leaves to whoever writes the unit.
const JOB: &str = "
Type=oneshot
WorkingDirectory=/srv/job
StandardOutput=append:/seen/job
StandardError=append:/seen/job
[Unit]
Requires=begun.service
Wants=control.service
After=begun.service control.service
DefaultDependencies=no\n";

const USER: &str = "[Unit]
DefaultDependencies=no
After=job.service
[Service]
Type=oneshot
Delegate=yes
Environment=HOME=/root XDG_RUNTIME_DIR=/run/user/0
StandardOutput=append:/seen/user
StandardError=append:/seen/user
ExecStart=/bin/sh /srv/job/of-user.sh
ExecStopPost=/bin/systemctl --force --force exit 0\n";

/// A user's manager, and what the README says of the units for it.
const OF_USER: &str = r#"mkdir -p -m 700 /run/user/0
/lib/systemd/systemd --user &
for i in $(seq 600); do
  systemctl --user is-system-running 2>/dev/null | grep -Eq 'running|degraded' && echo managed && break
  sleep 0.1
done
vault --key-file /srv/job/key unlock
id=$(vault status --json | sed 's/.*agent-\([0-9a-f]*\)".*/\1/')
vault lock && systemctl --user daemon-reload && systemctl --user enable --now "vault-agent@$id.socket"
vault --no-input cred get mine; echo "locked: $?"
vault --key-file /srv/job/key unlock
echo "unlocked: $(vault --no-input cred get mine)"
systemctl --user show -p MainPID "vault-agent@$id.service"
vault status | tr '\t' =
vault lock
vault --no-input cred get mine; echo "locked again: $?"
"#;

/// The container's files, as far as they are ours. None where there can be no container.
fn files() -> Option<Sandbox> {
    if !rustix::process::geteuid().is_root() {
        unable("only the superuser can start a container");
        return None;
    }
    if !["unshare", "setpriv", "systemd"].into_iter().all(require) {
        return None;
    }
    let sandbox = Sandbox::bare();
    let deploy = "#!/bin/sh\nenv | grep ^VAULT_KEY && exit 1\necho \"deployed with $PGPASSWORD\"\n";
    for (name, text) in [
        ("deploy.sh", deploy),
        ("for-backup.sh", FOR_BACKUP),
        ("for-root.sh", FOR_ROOT),
        ("of-user.sh", OF_USER),
        ("both.target", BOTH),
        ("begun.service", BEGUN),
        ("control.service", CONTROL),
        ("user.service", USER),
        ("job.service", &format!("{UNIT}{JOB}")),
    ] {
        sandbox.file(name, text);
    }
    fs::create_dir(sandbox.path("seen")).unwrap();
    fs::create_dir(sandbox.path("agent")).unwrap();
    let units = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/systemd");
    for unit in fs::read_dir(units).unwrap().map(Result::unwrap) {
        fs::copy(unit.path(), sandbox.path("agent").join(unit.file_name())).unwrap();
    }
    fs::copy(VAULT, sandbox.path("vault")).unwrap();
    Some(sandbox)
}

#[test]
fn under_the_real_systemd() {
    let Some(sandbox) = files() else { return };
    let mut container = sandbox.command("timeout");
    container.args(["-k", "5", "600", "unshare", "--fork", "--pid", "--kill-child", "--mount"]);
    container.args(["--cgroup", "--ipc", "--uts", "--net", "--propagation", "private"]);
    container.args(["sh", "-exc", BOOT, "sh"]);
    let boot = Answer::of(container.arg(sandbox.root()));
    let seen = |name: &str| fs::read_to_string(sandbox.path("seen").join(name)).unwrap_or_default();
    if !sandbox.path("seen/begun").exists() {
        // what is itself a container may not be allowed to have one
        unable(&format!("no container can be made here: {}", boot.err));
        return;
    }
    if seen("control") != "there\n" {
        unable(&format!("systemd has no credentials in a container here: {}", boot.all()));
        return;
    }
    assert_eq!(seen("job"), "deployed with hunter2\n", "{}", boot.all());
    let user = seen("user");
    if !user.starts_with("managed\n") {
        unable("no manager of a user can be started in a container here");
        return;
    }
    for line in ["locked: 12", "unlocked: hunter3", "agent.state=unlocked", "locked again: 12"] {
        assert!(user.lines().any(|said| said == line), "no `{line}` in {user}");
    }
    // it is the service that has the keys
    let after = |prefix: &str| user.lines().find_map(|line| line.strip_prefix(prefix));
    assert_eq!(after("MainPID=").unwrap(), after("agent.pid=").unwrap(), "{user}");
}
