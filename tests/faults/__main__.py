"""Plays rows of the fault matrix in full: python -m tests.faults [--row N]... [--save]."""

from __future__ import annotations

import argparse
import asyncio
import datetime
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from server.descriptors import raise_limit
from tests.faults.field import SMALL, Load, field
from tests.faults.network import Kind
from tests.faults.result import Result
from tests.faults.rows import ROWS
from tests.processes import ROOT, environment


async def play(
    row: str, *, kind: Kind, long: bool, folder: Path, hold: float = 5.0, version: Literal[4, 6] = 4
) -> Result:
    """Play one row on a field of its own, where a loop is held for `hold` seconds; one with a key may be of IPv6."""
    load, what = Load() if long else SMALL, ROWS[row]
    if what.play is None:
        return await run(*what.program)
    async with field(
        folder,
        load,
        kind=kind,
        mesh=what.mesh,
        hold=hold,
        options=what.options,
        keyed=what.keyed,
        version=version,
    ) as ground:
        if ground.network.why:
            print(f"{row}: namespaces are not permitted here ({ground.network.why}): through proxies instead")
        ready = [node.ready for node in ground.nodes.values()]
        result = await what.play(ground, long)
        if version == 6 and not ground.network.why:
            result.check(
                all(line["bus"].startswith("[fd00:") and line["url"].startswith("ws://[fd00:") for line in ready),
                "nodes are reached over IPv6",
            )
        result.figures.append(
            f"{load.clients} clients in {load.rooms} rooms, {load.rate:g} texts/s, {load.talkers} talkers, "
            f"over {ground.network.kind}"
        )
        return result


async def run(*program: str) -> Result:
    """Let a program measure a row."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *program, cwd=ROOT, env=environment(), stdout=asyncio.subprocess.PIPE
    )
    told = (await process.communicate())[0].decode().splitlines()
    result = Result(
        figures=[line.strip("| ") for line in told if line.startswith("| ") and not line.startswith("| |")]
    )
    result.check(process.returncode == 0, f"{' '.join(program)} found all that is wanted")
    return result


def tell(what: str, result: Result) -> list[str]:
    """What came of it, for people."""
    lines = [f"## {what}: {'failed' if result.failed else 'passed'}", ""]
    lines += [f"- {'ok' if holds else '**NOT**'}: {what}" for holds, what in result.checks]
    return [*lines, *(f"- {figure}" for figure in result.figures), ""]


def head(what: str, arguments: Sequence[str]) -> list[str]:
    """How it was made, on what."""
    described = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=ROOT)
    command = f'make {what} ARGS="{" ".join(arguments)}"' if arguments else f"make {what}"
    return [
        f"# {what.capitalize()} of {datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        "",
        f"Command: `{command}` at commit {described.stdout.strip() or 'unknown'}.",
        f"Machine: {len(os.sched_getaffinity(0))} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}.",
        "",
    ]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults", description="Plays rows of the fault matrix.")
    parser.add_argument("--row", action="append", choices=ROWS, help="only this one; repeatable")
    parser.add_argument("--short", action="store_true", help="with few people and short faults, as the tests do")
    parser.add_argument("--proxies", action="store_true", help="through proxies, also where namespaces are permitted")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave what everybody wrote down there")
    parser.add_argument("--save", action="store_true", help="keep the report as docs/results/faults-<date>.md")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Play rows and tell; returns 1 when something did not hold."""
    options = parse(arguments)
    raise_limit()
    lines, failed = head("faults", arguments), False
    print("\n".join(lines))
    for row in options.row or ROWS:
        with tempfile.TemporaryDirectory(prefix="faults-") as scratch:
            folder = Path(scratch) if options.keep is None else options.keep / row
            if options.keep is not None:
                shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)
            kind: Kind = "proxies" if options.proxies else "namespaces"
            result = asyncio.run(play(row, kind=kind, long=not options.short, folder=folder))
        told = tell(f"{f'Row {row}: ' if row[0].isdigit() else ''}{ROWS[row].title}", result)
        print("\n".join(told), flush=True)
        lines += told
        failed = failed or bool(result.failed)
    if options.save:
        target = ROOT / "docs" / "results" / f"faults-{datetime.datetime.now(datetime.UTC):%Y-%m-%d}.md"
        target.write_text("\n".join(lines), encoding="utf-8")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
