"""A demo as its console runs it, when the process of the people is not what it should be."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from server.config import Config
from server.demo.stage import Stage
from server.desk import Desk
from server.launcher import Launcher
from tests.nodes import KEY, Served

GREETS = 'import sys; sys.stdin.readline(); print("""%s""")'
ON_STAGE = '{"event":"on_stage","people":2,"speaking":1}'


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ((sys.executable, "-c", GREETS % "hello"), "not understood"),
        ((sys.executable, "-c", GREETS % f"{ON_STAGE}\n{ON_STAGE}"), "on stage: 2 people"),
        (("/no/such/program",), "could not be started"),
    ],
)
async def test_a_demo_without_its_people_ends_and_says_why(
    served: Served,
    program: Sequence[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("server.demo.stage.NAMES", ("alder",))
    caplog.set_level("INFO")
    config = Config(name="alder", port=0, data_dir=tmp_path, demo_seed=1)
    launcher = Launcher(config, tmp_path / "auth.key")
    stage = Stage(Desk(served.node, "Lena"), launcher, config, KEY, tmp_path, program=program)
    async with asyncio.timeout(30):
        await stage.over()
    await stage.close()
    assert says in caplog.text
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
