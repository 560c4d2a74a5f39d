"""Runs the Autobahn suite and tells what came of it: python -m tests.autobahn [--cases 1.*]... [--save].

The suite is a program for Python 2.7 (or PyPy for it), which must be there; the rest is put into `build/autobahn`.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import IO

from tests.processes import ROOT, environment

SUITE = "autobahntestsuite==0.8.2"
FOLDER = ROOT / "build" / "autobahn"
REPORTS = ROOT / "build" / "autobahn-reports"
OURS, LIBRARY = "switchboard", "websockets"
GROUPS = {
    "1": "framing",
    "2": "pings and pongs",
    "3": "reserved bits",
    "4": "opcodes",
    "5": "fragmentation",
    "6": "UTF-8",
    "7": "closing",
    "9": "limits and performance",
    "10": "fragmentation by the sender",
}
LEFT_OUT = ["12.*", "13.*"]
"""permessage-deflate: neither the protocol nor its servers offer it."""
AS_GOOD = ("OK", "INFORMATIONAL", "NON-STRICT")
"""From the best to the worst of what is no failure; INFORMATIONAL is no judgement at all."""

Results = Mapping[str, Mapping[str, Mapping[str, object]]]
"""By server, by case, as the suite writes them."""


def old_python() -> str:
    """A Python 2.7 that can install the suite; exits where there is none."""
    for name in (os.environ.get("PYTHON2", ""), "python2.7", "pypy", "python2"):
        found = shutil.which(name)
        if found and subprocess.run([found, "-m", "pip", "--version"], capture_output=True).returncode == 0:
            return found
    sys.exit("autobahn: the suite is a program for Python 2.7: install it with pip, or set PYTHON2=/path/to/it")


def install(python: str) -> None:
    """Put the suite into `build/autobahn`, unless it is there."""
    note = FOLDER / "installed"
    if note.exists() and note.read_text(encoding="utf-8") == SUITE:
        return
    shutil.rmtree(FOLDER, ignore_errors=True)
    print(f"autobahn: installing {SUITE} into {FOLDER.relative_to(ROOT)}", flush=True)
    command = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--target", str(FOLDER), SUITE]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"autobahn: pip could not install {SUITE}: {done.stderr.strip().splitlines()[-1]}")
    note.write_text(SUITE, encoding="utf-8")


@contextlib.contextmanager
def echo(which: str) -> Iterator[str]:
    """A server that repeats what it is told; gives its URL."""
    command = [sys.executable, "-m", "tests.autobahn.echo", which]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def run(python: str, urls: Mapping[str, str], cases: Sequence[str]) -> Results:
    """Let the suite try each server."""
    shutil.rmtree(REPORTS, ignore_errors=True)
    REPORTS.mkdir(parents=True)
    servers = [{"agent": name, "url": url} for name, url in urls.items()]
    spec = {"outdir": str(REPORTS), "servers": servers, "cases": list(cases), "exclude-cases": LEFT_OUT}
    (REPORTS / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    # As a site, because some of its packages share a namespace by a file that only a site looks at.
    start = "import site, sys; site.addsitedir(sys.argv.pop(1)); from autobahntestsuite.wstest import run; run()"
    command = [python, "-c", start, str(FOLDER), "-m", "fuzzingclient", "-s", str(REPORTS / "spec.json")]
    log: IO[bytes]
    with (REPORTS / "log").open("wb") as log:
        code = subprocess.run(command, stdout=log, stderr=log).returncode
    index = REPORTS / "index.json"
    if not index.exists():
        sys.exit(f"autobahn: the suite ended with {code}, see {log.name}")
    found: Results = json.loads(index.read_text(encoding="utf-8"))
    return found


def verdict(case: Mapping[str, object]) -> str:
    """The worse of what the suite says of the messages and of the close."""
    found = str(case["behavior"]), str(case["behaviorClose"])
    return max(found, key=lambda word: AS_GOOD.index(word) if word in AS_GOOD else len(AS_GOOD))


def worse(results: Results) -> list[str]:
    """The cases in which ours is worse than the library."""

    def rank(word: str) -> int:
        return AS_GOOD.index(word) if word in AS_GOOD else len(AS_GOOD)

    theirs = results[LIBRARY]
    return [
        f"{case}: {verdict(found)}, {LIBRARY}: {verdict(theirs[case])}"
        for case, found in sorted(results[OURS].items(), key=lambda item: _key(item[0]))
        if rank(verdict(found)) > rank(verdict(theirs[case]))
    ]


def _key(case: str) -> tuple[int, ...]:
    return tuple(int(part) for part in case.split("."))


def table(results: Results) -> list[str]:
    """A row for each group of cases, a column for each server."""
    lines = [f"| cases | | {OURS} | {LIBRARY} |", "|---|---|---|---|"]
    for group, title in GROUPS.items():
        cells = []
        for server in (OURS, LIBRARY):
            counts = Counter(verdict(found) for case, found in results[server].items() if case.split(".")[0] == group)
            cells.append(", ".join(f"{count} {word}" for word, count in counts.most_common()))
        if any(cells):
            lines.append(f"| {group}.* | {title} | {cells[0]} | {cells[1]} |")
    return lines


def main(arguments: Sequence[str]) -> int:
    """Run, tell, and return 1 where ours is worse than the library."""
    parser = argparse.ArgumentParser(prog="make autobahn", description="The Autobahn suite against our gateway.")
    parser.add_argument("--cases", action="append", metavar="GLOB", help="only these, such as 6.*; repeatable")
    parser.add_argument("--save", action="store_true", help="keep the report as docs/results/autobahn-<date>.md")
    options = parser.parse_args(arguments)
    python = old_python()
    install(python)
    with echo("ours") as ours, echo("websockets") as library:
        results = run(python, {OURS: ours, LIBRARY: library}, options.cases or ["*"])
    today = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    described = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=ROOT)
    bad = worse(results)
    failed = [
        case
        for case, found in results[OURS].items()
        if verdict(found) not in AS_GOOD and verdict(results[LIBRARY][case]) not in AS_GOOD
    ]
    lines = [
        f"# Autobahn of {today}",
        "",
        f"Command: `make autobahn` at commit {described.stdout.strip() or 'unknown'}; {SUITE}, "
        f"websockets {version('websockets')}, Python {platform.python_version()}.",
        "",
        "`tests/autobahn/echo.py` repeats what the suite says: through the connections of our gateway, and through a",
        "plain server of the library that they are made of. What counts is the worse of messages and close.",
        f"Left out: {' and '.join(LEFT_OUT)}, permessage-deflate, which is not offered.",
        "",
        *table(results),
        "",
        f"{len(results[OURS])} cases. Failed by the library too: {', '.join(failed) or 'none'}. "
        f"Worse than the library: {'; '.join(bad) or 'none'}.",
        "",
    ]
    print("\n".join(lines))
    if options.save:
        (ROOT / "docs" / "results" / f"autobahn-{today}.md").write_text("\n".join(lines), encoding="utf-8")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
