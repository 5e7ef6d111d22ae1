#!/usr/bin/env bash
# Whole processes, start-up included, beside their peers on the same machine.
#
#   benches/process.sh data            make the vaults and the peers' stores
#   benches/process.sh run [ROW...]    measure: version get list search filter due status check whose
#                                      history set import rekey mask verify log stats report append alerts run agent unlocked (default: all)
#   benches/process.sh report          a Markdown table: ratio, target, pass or miss
#   benches/process.sh clean           remove the work directory
#
# Environment:
#   WORK       work directory (default: $TMPDIR/vault-bench); nothing outside it is written
#   VAULT      the program (default: target/release/vault, which must have been built)
#   SIZES      credentials in each vault (default: 1000 10000 100000 1000000)
#   PEER_MAX   largest store made for the peers, which keep a file for each secret (default: 100000)
#   RUNS       runs of a quick row (default: 40); SLOW_RUNS of a slow one (default: 7)
#   BULK       secrets in the import that is timed (default: 100000)
#   LOG        entries in the log that is asked and counted (default: 1000000)
#   ENGINE     rounds (default: the commands of a row in turn) or hyperfine (one after the other)
#
# Peers that are not installed are left out, and that is said. Nobody has a passphrase: pass and prs
# use a key without one and a warm agent, kbs2 an unwrapped key, vault a key file. The peers' stores
# hold copies of one secret under many names, and no store is a git repository. vault writes an audit
# entry and waits for the disk in every row but `version`; the peers do neither.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
WORK=${WORK:-${TMPDIR:-/tmp}/vault-bench}
VAULT=${VAULT:-$HERE/../target/release/vault}
SIZES=${SIZES:-1000 10000 100000 1000000}
PEER_MAX=${PEER_MAX:-100000}
RUNS=${RUNS:-40} SLOW_RUNS=${SLOW_RUNS:-7} BULK=${BULK:-100000} LOG=${LOG:-1000000}
NAME=org00/service00/account000000
QUERY=account000777
export LC_ALL=C.UTF-8

# Neither the caller's vault nor the caller's keys are used.
for name in "${!VAULT_@}"; do unset "$name"; done
export GNUPGHOME=$WORK/gnupg XDG_STATE_HOME=$WORK/state

have() { command -v "$1" >/dev/null; }
note() { printf '%s\n' "$*" >&2; }
vault_env() { export VAULT_FILE=$WORK/vault-$1/vault.db VAULT_KEY_FILE=$WORK/key; }
pass_env() { export PASSWORD_STORE_DIR=$WORK/pass-$1; }
kbs2_at() { printf 'kbs2 -c %s' "$WORK/kbs2-$1"; }
is_made() { [[ -e $WORK/vault-$1/made ]]; }
peers_have() { [[ $1 -le $PEER_MAX ]]; }

need_vault() {
  VAULT=$(realpath -e "$VAULT" 2>/dev/null) ||
    { note "no program at \`$VAULT\`: cargo build --release --locked"; exit 2; }
  # As installed, like its peers: what a linker has just written lies in smaller pieces in memory.
  mkdir -p "$WORK/bin" && install -m 755 "$VAULT" "$WORK/bin/vault" && VAULT=$WORK/bin/vault
}

data() {
  need_vault
  mkdir -p "$WORK" "$GNUPGHOME" && chmod 700 "$WORK" "$GNUPGHOME"
  for peer in kbs2 pass prs gpg hyperfine; do have "$peer" || note "$peer is not installed: left out"; done
  local n
  for n in $SIZES $BULK; do json_lines "$n"; done
  for n in $SIZES; do make_vault "$n"; done
  have gpg && make_key
  for n in $SIZES; do
    peers_have "$n" || { note "no peers' stores with $n secrets (PEER_MAX)"; continue; }
    make_peers "$n"
  done
}

json_lines() { # N
  [[ -e $WORK/import-$1.jsonl ]] && return
  awk -v n="$1" 'BEGIN {
    for (k = 0; k < n; k++)
      printf "{\"name\":\"org%02d/service%02d/account%06d\",\"type\":\"password\"," \
             "\"username\":\"user%05d@example.org\",\"url\":\"https://s%d.example.org/login\"," \
             "\"secrets\":{\"password\":\"Tr0ub4dor-and-3-horses!!\"}}\n",
             k % 37, int(k / 37) % 100, k, k, k
  }' >"$WORK/import-$1.part"
  mv "$WORK/import-$1.part" "$WORK/import-$1.jsonl"
}

make_vault() { # N
  is_made "$1" && return
  rm -rf "$WORK/vault-$1"
  vault_env "$1"
  "$VAULT" -q init
  "$VAULT" -q import --format jsonl "$WORK/import-$1.jsonl"
  : >"$WORK/vault-$1/made"
}

make_key() {
  gpg -q --list-secret-keys bench >/dev/null 2>&1 ||
    gpg -q --batch --passphrase '' --quick-gen-key bench future-default default never
  printf 'Tr0ub4dor-and-3-horses!!\nusername: user00001@example.org\nurl: https://s1.example.org/login\n' >"$WORK/plain"
  gpg -q --batch --yes --trust-model always -r bench -e -o "$WORK/one.gpg" "$WORK/plain" 2>/dev/null
}

make_peers() { # N
  if { have pass || have prs; } && [[ -e $WORK/one.gpg && ! -e $WORK/pass-$1/.gpg-id ]]; then
    copies "$WORK/pass-$1" "$1" "$WORK/one.gpg" .gpg /
    gpg -K --with-colons bench | awk -F: '/^fpr/ { print $10; exit }' >"$WORK/pass-$1/.gpg-id"
  fi
  if have kbs2 && [[ ! -e $WORK/kbs2-$1/config.toml ]]; then
    printf 'user00001@example.org\001Tr0ub4dor-and-3-horses!!' >"$WORK/kbs2.in"
    rm -rf "$WORK/kbs2-$1" && mkdir -p "$WORK/kbs2-$1"
    kbs2 -c "$WORK/kbs2-$1" init --insecure-not-wrapped -s "$WORK/kbs2-$1/store" >/dev/null
    kbs2 -c "$WORK/kbs2-$1" new -f -t probe <"$WORK/kbs2.in"
    mv "$WORK/kbs2-$1/store/probe" "$WORK/kbs2-$1/probe"
    copies "$WORK/kbs2-$1/store" "$1" "$WORK/kbs2-$1/probe" '' -
  fi
}

copies() { # DIR N FILE SUFFIX SEPARATOR: one file under many names
  python3 - "$@" <<'PY'
import os, shutil, sys
root, n, source, suffix, separator = sys.argv[1:]
for k in range(int(n)):
    name = separator.join((f"org{k % 37:02}", f"service{k // 37 % 100:02}", f"account{k:06}"))
    path = f"{root}/{name}{suffix}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    shutil.copyfile(source, path)
PY
}

# plan GROUP WHO RUNS [stdin=FILE] [before=SHELL] [items=N] [code=N] -- COMMAND...: adds a case to the
# plan, with the environment that matters; `code` is the exit code that is expected.
plan() {
  PLAN_ARGS=$(printf '%s\x1f' "$@") python3 - <<'PY' >>"$WORK/plan.jsonl"
import json, os
group, who, runs, *rest = os.environ.pop("PLAN_ARGS").split("\x1f")[:-1]
cut = rest.index("--")
options = dict(option.split("=", 1) for option in rest[:cut])
options["items"] = int(options.get("items", 1))
options["code"] = int(options.get("code", 0))
env = {k: v for k, v in os.environ.items() if k.startswith(("VAULT_", "PASSWORD_", "GNUPG", "XDG_STATE", "XDG_RUNTIME"))}
print(json.dumps({"group": group, "who": who, "runs": int(runs), "argv": rest[cut + 1:], "env": env, **options}))
PY
}

row_version() {
  plan version vault "$RUNS" -- "$VAULT" --version
  plan version floor "$RUNS" -- true
  for peer in kbs2 prs pass; do
    have "$peer" || continue
    if [[ $peer == pass ]]; then plan version pass "$RUNS" -- pass version
    else plan version "$peer" "$RUNS" -- "$peer" --version; fi
  done
}

row_get() {
  local n
  for n in $SIZES; do
    vault_env "$n"
    plan "get/$n" vault "$RUNS" -- "$VAULT" cred get "$NAME"
    plan "get/$n" floor "$RUNS" -- true
    # shellcheck disable=SC2046 # two words are meant
    if have kbs2 && peers_have "$n"; then plan "get/$n" kbs2 "$RUNS" -- $(kbs2_at "$n") pass "${NAME//\//-}"; fi
    pass_env "$n"
    if have pass && peers_have "$n"; then plan "get/$n" pass "$RUNS" -- pass show "$NAME"; fi
    if have prs && peers_have "$n"; then plan "get/$n" prs "$RUNS" -- prs show -I "$NAME"; fi
  done
  # against itself: the smallest vault and the largest one, in turn
  local pair=get/${SIZES##* }-${SIZES%% *}
  vault_env "${SIZES##* }" && plan "$pair" vault-large "$RUNS" -- "$VAULT" cred get "$NAME"
  vault_env "${SIZES%% *}" && plan "$pair" vault-small "$RUNS" -- "$VAULT" cred get "$NAME"
}

row_run() { # a program with values, against the program alone
  local n
  for n in $SIZES; do
    vault_env "$n"
    # shellcheck disable=SC2016 # awk's own
    awk 'BEGIN { for (k = 0; k < 50; k++)
      printf "V%d=vault://org%02d%%2Fservice%02d%%2Faccount%06d/password\n", k, k % 37, int(k / 37) % 100, k }' >"$WORK/fifty.env"
    plan "run-1/$n" vault "$RUNS" -- "$VAULT" run -e "A=vault://$NAME/password" -- true
    plan "run-1/$n" floor "$RUNS" -- true
    plan "run-50/$n" vault "$RUNS" -- "$VAULT" run --env-file "$WORK/fifty.env" -- true
    plan "run-50/$n" floor "$RUNS" -- true
    # the last word may be a field or a part of the name: that none is missing is looked at in all rows
    [[ $n -gt 10000 ]] || plan "run-open/$n" vault "$RUNS" -- "$VAULT" run -e "A=vault://$NAME" -- true
  done
}

row_list() {
  local n runs format
  for n in $SIZES; do
    runs=$RUNS
    if [[ $n -ge 100000 ]]; then runs=$SLOW_RUNS; fi
    vault_env "$n"
    for format in plain json table; do
      plan "list/$n" "vault-$format" "$runs" -- "$VAULT" cred list --format "$format"
    done
    peers_have "$n" || continue
    pass_env "$n"
    if have prs; then plan "list/$n" prs "$runs" -- prs list -I --list; fi
    if have pass; then plan "list/$n" pass "$runs" -- pass ls; fi
    # shellcheck disable=SC2046 # two words are meant
    if have kbs2; then plan "list/$n" kbs2 "$runs" -- $(kbs2_at "$n") list; fi
  done
}

row_search() {
  local n
  for n in $SIZES; do
    vault_env "$n" && pass_env "$n"
    plan "search/$n" vault "$SLOW_RUNS" -- "$VAULT" cred list --search "$QUERY" --format plain
    peers_have "$n" || continue
    if have prs; then plan "search/$n" prs "$SLOW_RUNS" -- prs list -I --list "$QUERY"; fi
    if have pass; then plan "search/$n" pass "$SLOW_RUNS" -- pass find "$QUERY"; fi
  done
}

row_filter() { # what a filter costs; none of these finds more than a few, but for the last two
  local n filter
  for n in $SIZES; do
    vault_env "$n"
    for filter in --username=user00777@example.org --tag=none --field=region=eu --expired --stale --due; do
      plan "filter/$n" "vault${filter%%=*}" "$SLOW_RUNS" -- "$VAULT" cred list "$filter" --format plain
    done
    plan "filter/$n" vault--unused "$SLOW_RUNS" -- "$VAULT" cred list --unused 90d --format plain
    plan "filter/$n" vault--sort "$SLOW_RUNS" -- "$VAULT" cred list --sort=-url --format plain
  done
}

row_due() {
  local n
  for n in $SIZES; do
    vault_env "$n"
    plan "due/$n" vault "$SLOW_RUNS" -- "$VAULT" cred due --format plain
  done
}

row_status() {
  local n
  for n in $SIZES; do
    vault_env "$n"
    plan "status/$n" vault "$SLOW_RUNS" -- "$VAULT" status
  done
}

row_check() { # all of these have the same password, so that it ends with findings
  local n
  for n in $SIZES; do
    [[ $n -le 100000 ]] || continue
    vault_env "$n"
    plan "check/$n" vault "$SLOW_RUNS" items="$n" code=16 -- "$VAULT" -q cred check --format plain
  done
}

row_whose() { # a text that nobody has, so that all values are looked at to the end
  local n
  printf 'a text that leaked from somewhere else' >"$WORK/leak"
  for n in $SIZES; do
    [[ $n -le 100000 ]] || continue
    vault_env "$n"
    plan "whose/$n" vault "$SLOW_RUNS" items="$n" code=10 stdin="$WORK/leak" -- "$VAULT" -q whose
  done
}

row_history() { # one credential with a thousand versions, made when first asked for
  vault_env history
  if ! is_made history; then
    rm -rf "$WORK/vault-history"
    "$VAULT" -q init
    local n
    echo 0 | "$VAULT" -q cred add "$NAME" --stdin
    for n in {1..999}; do echo "$n" | "$VAULT" -q cred set "$NAME" --stdin; done
    : >"$WORK/vault-history/made"
  fi
  plan history/1000 vault "$RUNS" -- "$VAULT" cred history "$NAME" --format plain
}

row_set() {
  local n
  printf 'another-secret-of-the-same-size!' >"$WORK/value"
  for n in $SIZES; do
    vault_env "$n" && pass_env "$n"
    plan "set/$n" vault "$RUNS" stdin="$WORK/value" -- "$VAULT" cred set "$NAME" --stdin
    peers_have "$n" || continue
    # shellcheck disable=SC2046 # two words are meant
    if have kbs2; then plan "set/$n" kbs2 "$RUNS" stdin="$WORK/kbs2.in" -- $(kbs2_at "$n") new -f -t bench-added; fi
    if have pass; then plan "set/$n" pass "$RUNS" stdin="$WORK/plain" -- pass insert -m -f bench/added; fi
  done
}

row_import() {
  vault_env import
  plan "import/$BULK" vault "$SLOW_RUNS" items="$BULK" before="rm -rf '$WORK/vault-import'; '$VAULT' -q init" -- \
    "$VAULT" import --format jsonl "$WORK/import-$BULK.jsonl"
}

row_rekey() { # the same vault again and again: each run makes the next epoch
  local n
  for n in 10000 100000; do
    vault_env "rekey$n"
    if ! is_made "rekey$n"; then # of its own: a seal is of one epoch
      json_lines "$n"
      rm -rf "$WORK/vault-rekey$n"
      "$VAULT" -q init
      "$VAULT" -q import --format jsonl "$WORK/import-$n.jsonl"
      : >"$WORK/vault-rekey$n/made"
    fi
    plan "rekey/$n" vault "$SLOW_RUNS" items="$n" -- "$VAULT" -q rekey --yes
  done
}

# A log of LOG entries by a team over three years, about 10,000 credentials; made when first asked for.
busy_log() {
  vault_env log
  is_made log && return
  json_lines 10000
  rm -rf "$WORK/vault-log"
  "$VAULT" -q init
  # clients, too
  sed 's/"name":"\(org..\)/"client":"\1",&/' "$WORK/import-10000.jsonl" |
    "$VAULT" -q import --format jsonl
  local id
  id=$("$VAULT" status --format plain | sed -n 's/^vault_id\t//p' | tr -d -)
  python3 "$HERE/log.py" "$VAULT_FILE" "$XDG_STATE_HOME/vault/$id/seal" $((LOG - 10001))
  : >"$WORK/vault-log/made"
}

row_log() { # every filter, and those that nothing fits: only these look at everything
  busy_log
  local case
  for case in --limit=50 --cred="$NAME" --cred=none --client=org03 --client=none --incident=INC-3 \
    --incident=INC-99999 --action=decrypt --action=rekey --outcome=refused --actor=ann --actor=none \
    --host=db1 --host=none --program=psql --program=none --reason=4711 --reason=none-at-all \
    --search=4711 --search=none-at-all --since=30d --until=2000-01-01; do
    plan "log/$LOG" "vault$case" "$SLOW_RUNS" -- "$VAULT" audit show "$case" --format plain
  done
  plan "log/$LOG" vault--two "$SLOW_RUNS" -- "$VAULT" audit show --action decrypt,copy --program none
  plan "log/$LOG" vault--three "$SLOW_RUNS" -- \
    "$VAULT" audit show --client org03 --actor ann --search none-at-all
}

row_stats() {
  busy_log
  local by
  for by in action actor cred client program host day hour; do
    plan "stats/$LOG" "vault-$by" "$SLOW_RUNS" -- "$VAULT" audit stats --by "$by" --format plain
  done
}

row_report() {
  busy_log
  plan "report/$LOG" vault "$SLOW_RUNS" -- "$VAULT" audit report --html
}

row_append() { # an entry more, in a long log and in a short one
  busy_log
  plan append vault-long "$RUNS" -- "$VAULT" cred get "$NAME"
  vault_env "${SIZES%% *}"
  plan append vault-short "$RUNS" -- "$VAULT" cred get "$NAME"
}

row_mask() { # a gigabyte that has no secret in it, through a pipe; whoever writes it costs all the same
  vault_env "${SIZES%% *}"
  { seq 1 9000000 || true; } 2>/dev/null | head -c 64M >"$WORK/lines" # head hangs up first
  printf 'for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do cat "%s"; done' "$WORK/lines" >"$WORK/gigabyte.sh"
  plan mask vault "$SLOW_RUNS" -- \
    sh -c "'$VAULT' run -e S=vault://$NAME --mask always -- sh '$WORK/gigabyte.sh' | cat >/dev/null"
  plan mask cat "$SLOW_RUNS" -- sh -c "sh '$WORK/gigabyte.sh' | cat | cat >/dev/null"
}

row_verify() { # each import left an entry for every credential
  vault_env "${SIZES##* }"
  plan "verify/${SIZES##* }" vault "$SLOW_RUNS" -- "$VAULT" audit verify
}

row_alerts() { # all entries by one user: the usual case
  vault_env "${SIZES##* }"
  plan "alerts/${SIZES##* }" vault "$SLOW_RUNS" -- "$VAULT" audit alerts
}

row_agent() { # a signature by the agent, an entry in the log with it, beside one of OpenSSH's agent
  local keys=$WORK/ssh ours=$WORK/ssh/vault.sock theirs=$WORK/ssh/openssh.sock
  if ! have ssh-agent || ! have ssh-keygen; then note "OpenSSH is not installed: left out"; return; fi
  vault_env agent
  if ! is_made agent; then
    rm -rf "$WORK/vault-agent" "$keys"
    mkdir -p "$keys" && ssh-keygen -q -t ed25519 -N '' -f "$keys/key"
    "$VAULT" -q init
    "$VAULT" -q cred add key --type ssh --file "$keys/key"
    printf 'what is signed' >"$keys/text"
    : >"$WORK/vault-agent/made"
  fi
  rm -f "$theirs"
  "$VAULT" -q ssh-agent --bind "$ours" & AGENTS+=($!)
  ssh-agent -D -a "$theirs" >/dev/null & AGENTS+=($!)
  while [[ ! -S $ours || ! -S $theirs ]]; do sleep 0.1; done
  SSH_AUTH_SOCK=$theirs ssh-add -q "$keys/key" 2>/dev/null
  local sign=(ssh-keygen -Y sign -q -n bench -f "$keys/key.pub")
  plan agent vault "$RUNS" stdin="$keys/text" -- env SSH_AUTH_SOCK="$ours" "${sign[@]}"
  plan agent ssh-agent "$RUNS" stdin="$keys/text" -- env SSH_AUTH_SOCK="$theirs" "${sign[@]}"
}

row_unlocked() { # `get` and `run` through the agent of an unlocked vault
  local n
  mkdir -p "$WORK/run" && chmod 700 "$WORK/run"
  export XDG_RUNTIME_DIR=$WORK/run
  for n in $SIZES; do
    vault_env "$n"
    "$VAULT" -q unlock --idle 8h && UNLOCKED=1
    plan "unlocked/$n" vault "$RUNS" -- "$VAULT" cred get "$NAME"
    plan "unlocked/$n" floor "$RUNS" -- true
    plan "unlocked-run/$n" vault "$RUNS" -- "$VAULT" run -e "X=vault://$NAME/password" -- true
  done
  unset XDG_RUNTIME_DIR
}

UNLOCKED= # whether vaults were unlocked here
AGENTS=() # what was started here, and ends with us
end_agents() {
  [[ -z $UNLOCKED ]] || XDG_RUNTIME_DIR=$WORK/run "$VAULT" -q lock --all || true
  [[ ${#AGENTS[@]} -eq 0 ]] || kill "${AGENTS[@]}" 2>/dev/null || true
}
trap end_agents EXIT

run() {
  need_vault
  is_made "${SIZES%% *}" || { note "first: benches/process.sh data"; exit 2; }
  [[ $# -gt 0 ]] || set -- version get list search filter due status check whose history set import rekey mask verify \
    log stats report append alerts run agent unlocked
  # A warm agent for the peers that need one.
  if have gpg && [[ -e $WORK/one.gpg ]]; then gpg -q --batch -d "$WORK/one.gpg" >/dev/null; fi
  : >"$WORK/plan.jsonl"
  local row
  for row in "$@"; do
    declare -F "row_$row" >/dev/null || { note "no such row: $row"; exit 2; }
    "row_$row"
  done
  machine >"$WORK/machine"
  python3 "$HERE/measure.py" run "$WORK/plan.jsonl" "$WORK/results.jsonl"
}

machine() { # what the figures belong to
  printf 'Measured on %s, %s cores, Linux %s, %s file system; %s' \
    "$(sed -n 's/^model name[^:]*: //p;T;q' /proc/cpuinfo)" "$(nproc)" "$(uname -r)" \
    "$(stat -f -c %T "$WORK")" "$("$VAULT" --version)"
  if have kbs2; then printf ', %s' "$(kbs2 --version)"; fi
  if have prs; then printf ', %s' "$(prs --version)"; fi
  if have pass; then printf ', pass %s' "$(pass version | grep -o 'v[0-9][0-9.]*')"; fi
  printf '.\n'
}

clean() {
  if [[ -d $GNUPGHOME ]] && have gpgconf; then gpgconf --kill gpg-agent; fi
  rm -rf "$WORK"
}

case ${1:-} in
  data) data ;;
  run) shift && run "$@" ;;
  report)
    [[ -e $WORK/results.jsonl ]] || { note "first: benches/process.sh run"; exit 2; }
    cat "$WORK/machine" && echo
    python3 "$HERE/measure.py" report "$WORK/results.jsonl"
    ;;
  clean) clean ;;
  *) sed -n '2,/^set -/{/^set -/!p}' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//' ;;
esac
