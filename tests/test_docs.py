"""What README and docs say, held against the program: the example client, options, limits, codes, links."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from server import closing
from server.wire import native

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(number: int) -> str:
    """One numbered section of docs/protocol.md."""
    return re.split(r"^## \d\. ", PROTOCOL, flags=re.M)[number]


def table(text: str) -> list[list[str]]:
    """The cells of all table rows, the head and the rule below it left out."""
    rows = [line.strip().strip("|").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows if not set(row[0]) <= {"-", ":", "|"}]


@contextlib.asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A Python program with these arguments, for as long as the context lasts."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def line(process: asyncio.subprocess.Process) -> str:
    """The next line that it prints."""
    assert process.stdout is not None
    text = await process.stdout.readline()
    assert text, "it ended"
    return text.decode()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_the_architecture_names_every_module() -> None:
    named = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    paths = [path for package in ("bus", "server", "gui") for path in sorted((ROOT / package).iterdir())]
    places = [f"{path.name}/" if path.is_dir() else path.name for path in paths if not path.name.startswith("__")]
    assert [place for place in places if f"`{place}`" not in named] == []


def test_the_limits_of_the_protocol_are_those_of_the_program() -> None:
    documented = re.search(r'\{"text_bytes".*\}', section(2))
    assert documented is not None
    assert json.loads(documented[0]) == native.LIMITS


def test_the_error_codes_of_the_protocol_are_those_of_the_program() -> None:
    documented = {code for cells in table(section(2)) for code in re.findall(r"`([a-z_]+)`", cells[0])}
    assert documented - {"say", "whisper", "announce", "bad_request"} == set(native.Code) - {"bad_request"}


def test_the_close_codes_of_the_protocol_are_those_of_the_program() -> None:
    documented = {int(code) for cells in table(section(8)) for code in re.findall(r"\d{4}", cells[0])}
    used = {value.code for value in vars(closing).values() if isinstance(value, closing.Closing)}
    assert used <= documented


def test_the_figures_of_the_cluster_are_those_of_the_program() -> None:
    cluster = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(switchboard_\w+)[{`]", cluster, flags=re.M))
    source = (ROOT / "server" / "metrics.py").read_text(encoding="utf-8")
    told = r"switchboard_(?:peer|alarms|resume|sessions_reconnecting)\w*"
    made = set(re.findall(rf'(Gauge|Histogram|Counter|counter)(?:MetricFamily|s)\(\s*"({told})"', source))
    assert documented == {f"{name}_total" if kind.lower() == "counter" else name for kind, name in made}


def options(command: str) -> set[str]:
    """The options that `main.py` lists."""
    answer = subprocess.run(
        [sys.executable, "main.py", *command.split(), "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(re.findall(r"--[a-z-]+", answer.stdout)) - {"--help"}


@pytest.mark.parametrize("command", ["", "node"])
def test_the_options_of_the_protocol_are_those_of_the_program(command: str) -> None:
    other = "`console` only" if command == "node" else "`node` only"
    rows = [cells for cells in table(section(1)) if other not in cells[-1]]
    documented = {name for cells in rows for name in re.findall(r"--[a-z-]+", cells[0])}
    assert documented == options(command)


def test_every_promise_of_the_security_page_has_a_test_that_exists() -> None:
    rows = [
        line for line in (ROOT / "docs" / "security.md").read_text(encoding="utf-8").splitlines() if "| `" in line
    ]
    assert len(rows) > 15
    for named in re.findall(r"`(tests/[^`]+)`", "\n".join(rows)):
        path, _, test = named.partition("::")
        assert (ROOT / path).is_file(), named
        assert f"def {test or 'test_'}" in (ROOT / path).read_text(encoding="utf-8"), named


def test_the_options_of_token_are_described() -> None:
    paragraph = next(text for text in section(1).split("\n\n") if text.startswith("`token`"))
    assert set(re.findall(r"--[a-z-]+", paragraph)) == options("token")


def test_the_options_of_audit_are_described() -> None:
    paragraph = next(text for text in section(1).split("\n\n") if text.startswith("`audit verify`"))
    assert set(re.findall(r"--[a-z-]+", paragraph)) == options("audit")


async def test_the_example_client_of_the_readme_greets_a_newcomer(tmp_path: Path) -> None:
    source = re.search(r"^```python\n(.*?)^```", README, flags=re.M | re.S)
    assert source is not None
    example = tmp_path / "greeter.py"
    example.write_text(source[1], encoding="utf-8")
    async with contextlib.AsyncExitStack() as stack:
        node = await stack.enter_async_context(
            running("main.py", "node", "--port", "0", "--bus", "memory", "--data-dir", str(tmp_path))
        )
        url = json.loads(await line(node))["url"]
        greeter = await stack.enter_async_context(running(str(example), url))
        while "'joined'" not in await line(greeter):
            pass
        socket = await stack.enter_async_context(connect(url))
        await socket.send(json.dumps({"type": "hello", "name": "Newcomer"}))
        await socket.send(json.dumps({"type": "join", "room": "lobby"}))
        while (event := json.loads(await socket.recv()))["type"] != "whisper":
            pass
    assert event["text"] == "Welcome, Newcomer!"
    assert event["from"]["name"] == "Greeter"
