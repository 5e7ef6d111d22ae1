"""The measuring half of process.sh: runs commands in turn, and makes a table of what came out.

    measure.py run PLAN RESULTS      PLAN: one JSON object a line, see `Case`
    measure.py report RESULTS        RESULTS: one JSON object a line

Cases of one group are run in turn, A B C A B C …, each round beginning one further on. A ratio is
the median of the ratios within the rounds, which another program's work disturbs far less than it
disturbs the times. No shell stands between the clock and the process.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections import defaultdict


class Case:
    """What is run: group, who, argv; and optionally env, stdin, before (a shell line), runs, code."""

    def __init__(self, line):
        self.group = line["group"]
        self.who = line["who"]
        self.argv = line["argv"]
        self.env = {**os.environ, **line.get("env", {})}
        self.stdin = line.get("stdin") or "/dev/null"
        self.before = line.get("before")
        self.runs = line["runs"]
        self.items = line.get("items", 1)
        self.code = line.get("code", 0)
        self.wall, self.cpu = [], []

    def prepare(self):
        if self.before:
            subprocess.run(["sh", "-c", self.before], check=True, env=self.env, stdout=subprocess.DEVNULL)

    def once(self):
        self.prepare()
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, self.stdin, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
        ]
        begin = time.perf_counter()
        pid = os.posix_spawnp(self.argv[0], self.argv, self.env, file_actions=actions)
        _, status, used = os.wait4(pid, 0)
        wall = time.perf_counter() - begin
        if os.waitstatus_to_exitcode(status) != self.code:
            raise RuntimeError(f"ended with {os.waitstatus_to_exitcode(status)}")
        return wall, used.ru_utime + used.ru_stime

    def peak(self):
        """MiB, of the largest process. By GNU time, as wait4 would count this program in."""
        if not os.path.exists("/usr/bin/time"):
            return None
        self.prepare()
        with open(self.stdin, "rb") as stdin:
            ran = subprocess.run(
                ["/usr/bin/time", "-q", "-f", "%M", *self.argv],
                stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=self.env, check=False,
            )
        return int(ran.stderr.split()[-1]) / 1024


def run(plan, results):
    groups = defaultdict(list)
    with open(plan, encoding="utf-8") as lines:
        for line in lines:
            case = Case(json.loads(line))
            groups[case.group].append(case)
    for group, cases in groups.items():
        done = measure(group, cases)
        with open(results, "a", encoding="utf-8") as out:
            for case in done:
                row = {"group": group, "who": case.who, "wall": case.wall, "cpu": case.cpu,
                       "items": case.items, "peak": case.peak()}
                out.write(json.dumps(row) + "\n")
                print(f"{group:24} {case.who:12} {statistics.median(case.wall) * 1e3:10.2f} ms "
                      f"(cpu {statistics.median(case.cpu) * 1e3:.2f}), {len(case.wall)} runs", flush=True)


def measure(group, cases):
    able = []
    for case in cases:  # the first run warms up, and shows what does not work
        try:
            case.once()
            able.append(case)
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            print(f"{group}: {case.who} left out: {error}", file=sys.stderr)
    if not able:
        return able
    rounds = max(case.runs for case in able)
    if os.environ.get("ENGINE") == "hyperfine" and shutil.which("hyperfine"):
        for case in able:
            by_hyperfine(case)
        return able
    for number in range(rounds):
        first = number % len(able)
        for case in able[first:] + able[:first]:
            if len(case.wall) < case.runs:
                wall, cpu = case.once()
                case.wall.append(wall)
                case.cpu.append(cpu)
    return able


def by_hyperfine(case):
    """One command after the other: for a machine with nothing else to do."""
    import shlex
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".json") as found:
        line = ["hyperfine", "-N", "--style", "none", "-w", "1", "-r", str(case.runs),
                "--input", case.stdin, "--export-json", found.name]
        if case.code:
            line.append("--ignore-failure")
        if case.before:
            # under -N hyperfine gives a preparation no shell either
            line += ["--prepare", shlex.join(["sh", "-c", case.before])]
        subprocess.run([*line, shlex.join(case.argv)], check=True, env=case.env, capture_output=True)
        result = json.load(open(found.name, encoding="utf-8"))["results"][0]
    case.wall = result["times"]
    case.cpu = [result["user"] + result["system"]]


# What is expected of ratios: title, group, who, against whom, at most.
RATIOS = [
    ("`--version`", "version", "vault", "kbs2", 1.5),
    *[(f"`get`, {n:,}", f"get/{n}", "vault", peer, most)
      for n in (1_000, 10_000, 100_000, 1_000_000) for peer, most in (("kbs2", 2.0), ("pass", 0.25))],
    ("`get`, 1,000,000 against 1,000", "get/1000000-1000", "vault-large", "vault-small", 1.15),
    ("`list` plain, 100,000", "list/100000", "vault-plain", "prs", 1.0),
    ("`list` JSON, 100,000", "list/100000", "vault-json", "prs", 1.0),
    ("`list` table, 100,000", "list/100000", "vault-table", "prs", 3.0),
    ("`list --search`, 10,000", "search/10000", "vault", "prs", 0.2),
    ("`get`, a log of 1,000,000 against a short one", "append", "vault-long", "vault-short", 1.15),
    ("`set`, 10,000", "set/10000", "vault", "kbs2", 2.5),
]
# Of differences, in milliseconds: title, group, who, over whom, at most.
DIFFERENCES = [
    *[(f"`run` with {what}, {n:,}, over the program alone", f"run-{key}/{n}", "vault", "floor", most)
      for n in (1_000, 10_000, 100_000, 1_000_000)
      for what, key, most in (("one reference", "1", 5), ("50 references", "50", 15))],
    ("a signature by `ssh-agent`, over OpenSSH's agent", "agent", "vault", "ssh-agent", 5),
]
# And of figures: title, group, who, what of it, unit, relation, limit.
LIMITS = [
    *[(f"peak memory of `get`, {n:,}", f"get/{n}", "vault", "peak", "MiB", "<=", 10)
      for n in (1_000, 10_000, 100_000, 1_000_000)],
    ("peak memory of `list` plain, 100,000", "list/100000", "vault-plain", "peak", "MiB", "<=", 12),
    ("peak memory of `list` JSON, 100,000", "list/100000", "vault-json", "peak", "MiB", "<=", 12),
    *[(f"`list {name}`, 100,000", "filter/100000", f"vault{name}", "seconds", "s", "<=", 0.2)
      for name in ("--username", "--tag", "--field", "--expired", "--stale", "--due", "--unused")],
    *[(f"`get` through the agent, {n:,}", f"unlocked/{n}", "vault", "seconds", "s", "<=", 0.005)
      for n in (1_000, 10_000, 100_000, 1_000_000)],
    ("`list --search`, 100,000", "search/100000", "vault", "seconds", "s", "<=", 0.2),
    ("`due`, 100,000", "due/100000", "vault", "seconds", "s", "<=", 0.2),
    ("`status`, 100,000", "status/100000", "vault", "seconds", "s", "<=", 0.2),
    ("`history`, 1,000 versions", "history/1000", "vault", "seconds", "s", "<=", 0.1),
    ("`check`, 10,000", "check/10000", "vault", "seconds", "s", "<=", 3),
    ("`whose`, 10,000", "whose/10000", "vault", "seconds", "s", "<=", 3),
    ("`check`, cores used", "check/10000", "vault", "cores", "", ">=", 1.5),
    ("`import`, secrets a second and core", "import/100000", "vault", "rate", "/s", ">=", 10_000),
    ("`import`, cores used", "import/100000", "vault", "cores", "", ">=", 1.5),
    *[(f"`rekey`, {n:,} secrets", f"rekey/{n}", "vault", "seconds", "s", "<=", most)
      for n, most in ((10_000, 5), (100_000, 60))],
    ("`rekey`, cores used", "rekey/100000", "vault", "cores", "", ">=", 1.2),
    *[(f"peak memory of `rekey`, {n:,}", f"rekey/{n}", "vault", "peak", "MiB", "<=", 160)
      for n in (10_000, 100_000)],
    ("`audit verify`, 1,000,000 entries", "verify/1000000", "vault", "seconds", "s", "<=", 1.5),
    ("peak memory of `audit verify`", "verify/1000000", "vault", "peak", "MiB", "<=", 64),
]


def report(results):
    rows = {}
    with open(results, encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            rows[row["group"], row["who"]] = row  # the latest counts
    print("| what | vault | against | ratio or figure | target | | CPU ratio |\n|---|--:|--:|--:|--:|---|--:|")
    for title, group, who, against, most in RATIOS:
        mine, other = rows.get((group, who)), rows.get((group, against))
        if not (mine and other):
            if mine:
                print(f"| {title} | {ms(mine)} | {against}: not here | | ≤ {most:g} × | – | |")
            continue
        # within the rounds where there are rounds, else of the medians
        pairs = list(zip(mine["wall"], other["wall"]))
        ratio = statistics.median(a / b for a, b in pairs)
        cpu = statistics.median(mine["cpu"]) / statistics.median(other["cpu"])
        print(f"| {title} | {ms(mine)} | {against}: {ms(other)} | {ratio:.2f} × | ≤ {most:g} × "
              f"| {verdict(ratio <= most)} | {cpu:.2f} × |")
    for title, group, who, against, most in DIFFERENCES:
        mine, other = rows.get((group, who)), rows.get((group, against))
        if not (mine and other):
            continue
        over = statistics.median(a - b for a, b in zip(mine["wall"], other["wall"])) * 1e3
        cpu = (statistics.median(mine["cpu"]) - statistics.median(other["cpu"])) * 1e3
        print(f"| {title} | {ms(mine)} | {against}: {ms(other)} | +{over:.2f} ms | ≤ {most:g} ms "
              f"| {verdict(over <= most)} | +{cpu:.2f} ms |")
    for title, group, who, what, unit, relation, limit in LIMITS:
        row = rows.get((group, who))
        value = row and figure(row, what)
        if value is None:
            continue
        passed = value <= limit if relation == "<=" else value >= limit
        sign = {"<=": "≤", ">=": "≥"}[relation]
        shown = f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"
        print(f"| {title} | {ms(row)} | | {shown} {unit} | {sign} {limit:,} {unit} | {verdict(passed)} | |")
    print("\nEverything that was measured:\n")
    print("| what | who | median ms | least | most | CPU ms | peak MiB | runs |\n|---|---|--:|--:|--:|--:|--:|--:|")
    for (group, who), row in rows.items():
        wall = [t * 1e3 for t in row["wall"]]
        peak = "" if row["peak"] is None else f"{row['peak']:.1f}"
        print(f"| {group} | {who} | {statistics.median(wall):,.2f} | {min(wall):,.2f} | {max(wall):,.2f} "
              f"| {statistics.median(row['cpu']) * 1e3:,.2f} | {peak} | {len(wall)} |")


def figure(row, what):
    seconds = statistics.median(row["wall"])
    if what == "peak":
        return row["peak"]
    if what == "rate":
        return row["items"] / seconds / (os.cpu_count() or 1)
    if what == "cores":
        return statistics.median(row["cpu"]) / seconds
    return seconds


def ms(row):
    return f"{statistics.median(row['wall']) * 1e3:,.2f} ms"


def verdict(passed):
    return "pass" if passed else "**miss**"


if __name__ == "__main__":
    try:
        {"run": run, "report": report}[sys.argv[1]](*sys.argv[2:])
    except IndexError:
        sys.exit(__doc__)
