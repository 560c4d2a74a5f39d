"""The product's bus, feeds and sessions under schedules of faults; and the simulation under planted faults."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.faults import FAULTS, Plant
from tests.simulation.world import World

ROOT = Path(__file__).resolve().parents[2]
SEEDS = 300
PIECE = 25

CAUGHT_WITHIN = 60
"""Seeds within which each planted fault must be caught; most are within three."""


@pytest.mark.parametrize("first", range(0, SEEDS, PIECE))
def test_whatever_happens_nothing_is_lost_doubled_or_out_of_order(first: int) -> None:
    wrong = {}
    for seed in range(first, first + PIECE):
        world = World(seed)
        if world.run():
            wrong[f"make simulate SEED={seed}"] = world.first_wrong
    assert wrong == {}


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_caught(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    assert any(World(seed).run() for seed in range(CAUGHT_WITHIN))


def test_a_seed_is_one_schedule_whatever_the_process_and_tells_who_did_what_when() -> None:
    told = [
        subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--seed", "168"],
            cwd=ROOT,
            env={"PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.splitlines()
        for hash_seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert told[0][-1] == "seed 168: nothing wrong"
    assert all(re.match(r" *\d+\.\d{3}  (n\d(c\d+)?|s\d|network) +\S", line) for line in told[0][:-1])


def test_the_faults_of_a_few_schedules_are_of_every_kind() -> None:
    seen = set[str]()
    for seed in range(40):
        world = World(seed)
        world.run()
        seen |= world.faults.keys()
    assert seen == {
        *("clock", "copy", "crash", "cut", "join", "slow", "stop", "with state", "without state"),
        *("forgotten", "kicked", "left", "lost"),
        *("banned", "lifted", "ruled"),
    }
